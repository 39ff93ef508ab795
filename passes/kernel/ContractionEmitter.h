//===- ContractionEmitter.h - the loops of a contraction in vectors -------===//
#ifndef ASHLAR_PASSES_KERNEL_CONTRACTIONEMITTER_H
#define ASHLAR_PASSES_KERNEL_CONTRACTIONEMITTER_H

#include "passes/kernel/WidenedLeft.h"
#include "passes/kernel/WidenedRight.h"

namespace ashlar {

/// The channels of one register tile.
struct ChannelTile {
  mlir::OpFoldResult first; // within the group
  int64_t vectors;
  mlir::OpFoldResult count; // channels that exist
  mlir::OpFoldResult tiles; // neighbouring ones of this size done together
};

/// The pixels of one register tile.
struct PixelTile {
  mlir::OpFoldResult batch, y, x;
  int64_t rows, columns;

  int64_t pixels() const { return rows * columns; }
};

/// Rows [top, bottom) and columns [left, right) of the output.
struct PixelArea {
  mlir::OpFoldResult batch, top, bottom, left, right;
};

/// Emits the task grid of a contraction.
class ContractionEmitter {
public:
  using Index = mlir::OpFoldResult;

  ContractionEmitter(IndexArithmetic &b, const RowContraction &contraction,
                     const DotProduct &product, const RowSchedule &schedule,
                     Epilogue &epilogue)
      : b(b), c(contraction), product(product), s(schedule), epilogue(epilogue),
        form(nn::PanelForm::of(contraction.element)) {}

  void emitGrid();

private:
  using Body = llvm::function_ref<void(Index position, int64_t size)>;

  /// Covers [low, high) by pieces of the sizes given, largest first. Where the
  /// extent is known, by pieces of the first size and one rest.
  void emitRange(Index low, Index high, llvm::ArrayRef<int64_t> sizes,
                 Body body);
  void emitChannels(Index low, Index high,
                    llvm::function_ref<void(ChannelTile)> body);
  /// The channels from `first` on, which fill no tile.
  void emitRest(Index first, llvm::function_ref<void(ChannelTile)> body);
  void emitBand(Index batch, Index band, ChannelTile channels);
  /// Covers an area by register tiles.
  void emitTiles(const PixelArea &area,
                 llvm::function_ref<void(const PixelTile &)> body);
  void emitTile(const PixelTile &tile, ChannelTile channels);
  /// Room for what is widened, on the stack of the task.
  void makeWidened();
  /// A band with both sides widened.
  void emitWidenedBand(const PixelArea &band, ChannelTile channels);
  /// A part of it whose sums wait in memory where the reduction has several
  /// blocks.
  void emitBlocks(const PixelArea &area, ChannelTile channels);
  /// `sums` and the products of a block.
  llvm::SmallVector<mlir::Value> addBlock(const ReductionBlock &block,
                                          Index channelTile, int64_t vectors,
                                          mlir::ValueRange sums);
  /// Where the sums of a tile of an area wait.
  Index placeOfSums(const PixelArea &area, const PixelTile &tile,
                    Index channelTile, int64_t vectors);
  void forSums(const PixelTile &tile, Index first, int64_t vectors,
               llvm::function_ref<void(mlir::Value place, int64_t sum)> body);
  llvm::SmallVector<mlir::Value> loadSums(const PixelTile &tile, Index first,
                                          int64_t vectors);
  void keepSums(llvm::ArrayRef<mlir::Value> sums, const PixelTile &tile,
                Index first, int64_t vectors);
  /// Where the left side of a tile begins, and its pixels from there.
  Index leftOf(const PixelTile &tile);
  llvm::SmallVector<Index> pixelOffsets(const PixelTile &tile);
  Index rightOf(Index batch, ChannelTile channels);
  /// Where reduction step r begins on the left.
  Index stepOffset(Index step);
  /// One reduction step r: adds its run to the accumulators.
  llvm::SmallVector<mlir::Value> emitRun(Index lhsAt, Index rhsAt,
                                         llvm::ArrayRef<Index> pixelOffsets,
                                         ChannelTile channels,
                                         mlir::ValueRange accumulators);
  /// The same with the left side widened.
  llvm::SmallVector<mlir::Value> emitWidenedRun(Index step, Index rhsAt,
                                                ChannelTile channels,
                                                mlir::ValueRange accumulators);
  using LoadLeft = llvm::function_ref<DotProduct::Operand(int64_t pixel)>;
  /// Adds one group of a run.
  void emitGroup(LoadLeft loadLeft, Index rhsK, ChannelTile channels,
                 llvm::MutableArrayRef<mlir::Value> sums);
  /// The biases or zero for every vector of a tile.
  llvm::SmallVector<mlir::Value> firstSums(int64_t pixels,
                                           ChannelTile channels);
  /// Stores all sums of a tile.
  void storeTile(llvm::ArrayRef<mlir::Value> sums, const PixelTile &tile,
                 ChannelTile channels);
  /// Stores the sums of neighbouring pixels of a row.
  void storePixels(llvm::ArrayRef<mlir::Value> sums,
                   const OutputPosition &first, ChannelTile channels);
  /// Stores all sums of a tile with one copy of the epilogue.
  void storeInLoop(llvm::ArrayRef<mlir::Value> sums, const OutputPosition &tile,
                   int64_t tileColumns, ChannelTile channels);
  Index rhsOffset(int64_t vector);
  /// What a tile brings nearer for the next tile of channels: how far ahead of
  /// its own right side a vector of that lies. Nothing where it does not pay.
  std::optional<Index> nextChannels(const PixelTile &tile,
                                    ChannelTile channels);
  /// Sizes for emitRange over `total`, cut into bands of a multiple of `size`.
  llvm::SmallVector<int64_t> pieceSizes(Index total, int64_t size);

  IndexArithmetic &b;
  const RowContraction &c;
  const DotProduct &product;
  const RowSchedule &s;
  Epilogue &epilogue;
  nn::PanelForm form;
  mlir::Block *taskBlock = nullptr;
  /// Bytes: the left side of a tile widened, alone or with the right side.
  std::optional<WidenedLeft> widened;
  std::optional<WidenedRight> widenedRight;
  std::optional<ReductionBlocks> blocks;
  std::optional<Index> ahead; // of the tile at hand: see nextChannels
  mlir::Value waiting;        // sums between blocks of the reduction
  int64_t waitingRows = 0, waitingColumns = 0; // of the area of these sums
};

} // namespace ashlar

#endif
