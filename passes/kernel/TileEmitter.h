//===- TileEmitter.h - code of a contraction in tile registers ------------===//
#ifndef ASHLAR_PASSES_KERNEL_TILEEMITTER_H
#define ASHLAR_PASSES_KERNEL_TILEEMITTER_H

#include "passes/kernel/AmxTiles.h"
#include "passes/kernel/TileContraction.h"

namespace ashlar {

inline constexpr int64_t kTileColumns = 16; // of a tile of sums
inline constexpr int64_t kTileSumBytes = 4;

/// The pixels of a tile of the left side.
struct TilePixels {
  using Index = mlir::OpFoldResult;
  Index image, y, x; // its first pixel
  Index storedFrom;  // first of its rows that are new
};

/// A panel of the right side.
struct ChannelPanel {
  using Index = mlir::OpFoldResult;
  Index number;
  Index channels;    // that exist; 1 to 16
  mlir::Value isNew; // null: it surely is
};

/// Blocks of the output, by their first tile and panel.
struct TileBlock {
  using Index = mlir::OpFoldResult;
  Index tile, panel;
};

/// A tile or panel of a block.
struct BlockMember {
  using Index = mlir::OpFoldResult;
  Index number, inside; // the second surely exists
  mlir::Value isNew;    // null: it surely is
};

/// Where the operand tiles of a step begin, in elements.
struct TileOperands {
  using Index = mlir::OpFoldResult;
  llvm::SmallVector<Index> left, right;

  TileOperands moved(IndexArithmetic &b, Index leftBy, Index rightBy) const {
    TileOperands result;
    for (Index at : left)
      result.left.push_back(b.add(at, leftBy));
    for (Index at : right)
      result.right.push_back(b.add(at, rightBy));
    return result;
  }
  void appendTo(IndexArithmetic &b,
                llvm::SmallVectorImpl<mlir::Value> &values) const {
    for (Index at : left)
      values.push_back(b.value(at));
    for (Index at : right)
      values.push_back(b.value(at));
  }
  /// As many, which are `values`.
  TileOperands replaced(mlir::ValueRange values) const {
    TileOperands result;
    llvm::append_range(result.left, values.take_front(left.size()));
    llvm::append_range(result.right, values.drop_front(left.size()));
    return result;
  }
};

/// One contraction: the grid and its tasks (TileContraction.cpp), the reduction
/// of a block (TileReduction.cpp).
class TileEmitter {
public:
  using Index = mlir::OpFoldResult;

  TileEmitter(IndexArithmetic &b, const RowContraction &contraction,
              const TileSchedule &schedule, Epilogue &epilogue)
      : b(b), c(contraction), s(schedule), epilogue(epilogue), amx(b),
        form(nn::PanelForm::of(contraction.element)) {}

  void emitGrid();

private:
  std::pair<Index, Index> shareOf(Index part, Index parts, Index count,
                                  int64_t size, bool even);
  void emitTask();
  void emitBlocks();
  TileBlock blockAt(Index outer, Index inner);
  TileBlock blockBehind(Index outer, Index inner, Index outerCount,
                        Index innerCount);
  void emitBlock(TileBlock block, const TileOperands &operands,
                 const TileOperands &next, TileBlock previous,
                 mlir::Value previousRows);
  void emitReduction(TileBlock block, const TileOperands &bases,
                     const TileOperands &nextBlock,
                     llvm::function_ref<void(Index)> between);
  TileOperands operandsOf(TileBlock block);
  void startSum(int64_t sum, llvm::ArrayRef<ChannelPanel> panels);
  void storeSum(int64_t sum);
  Index nextLeft(mlir::Value at, mlir::Value &block, mlir::Value &inner);
  void emitLoads(const TileOperands &at);
  void emitStep(const TileOperands &at, const TileOperands *next,
                llvm::function_ref<void(int64_t)> before,
                llvm::function_ref<void(int64_t)> behindTile);
  void prefetchPanels(Index rightAt, Index step);
  void prefetchTiles(Index leftAt, Index step);
  void loadLeft(const TileOperands &at, int64_t m);
  void loadRight(const TileOperands &at, int64_t n);
  void multiply(int64_t m, int64_t n);
  /// The first step behind which there is a slice of the previous block's
  /// epilogue; as many steps at the end have none. Where there are many, those
  /// in a loop will do.
  int64_t firstSliceStep() const { return steps() >= 6 ? 1 : 0; }
  /// True if the epilogue takes a tile of the block after the other: with one
  /// step there is little else to do in between, and all of it at once would
  /// keep the vectors waiting.
  bool goesByTile() const {
    auto rows = b.known(results);
    return steps() == 1 && loadsAhead() && rows && *rows % s.tiles == 0;
  }
  /// True if every operand tile has a register of its own.
  bool loadsAhead() const { return s.tiles <= 2 && s.panels <= 2; }
  /// The epilogue of one row of pixels of a block whose sums are in scratch.
  void emitRow(llvm::ArrayRef<TilePixels> tiles,
               llvm::ArrayRef<ChannelPanel> panels, Index row);
  /// That of the first `rows` rows of tile `m`, as many at a time as there are
  /// tiles.
  void emitTileRows(llvm::ArrayRef<TilePixels> tiles,
                    llvm::ArrayRef<ChannelPanel> panels, int64_t m, Index rows);
  llvm::SmallVector<PlacedSums> sumsOfRow(llvm::ArrayRef<TilePixels> tiles,
                                          llvm::ArrayRef<ChannelPanel> panels,
                                          int64_t m, Index row);

  /// The `size` tiles, or panels, of the block that begins at `begin`, of
  /// `count` in all; the task's end below `high`.
  llvm::SmallVector<BlockMember> membersOf(Index begin, Index high, Index count,
                                           int64_t size);
  llvm::SmallVector<TilePixels> tilesOf(TileBlock block);
  llvm::SmallVector<ChannelPanel> panelsOf(TileBlock block);
  int64_t steps() const { return c.outer * s.blocks; }
  mlir::Value select(mlir::Value condition, Index whenTrue, Index whenFalse) {
    return mlir::arith::SelectOp::create(b, condition, b.value(whenTrue),
                                         b.value(whenFalse));
  }
  mlir::Value compare(mlir::arith::CmpIPredicate predicate, Index x, Index y) {
    return mlir::arith::CmpIOp::create(b, predicate, b.value(x), b.value(y));
  }
  /// True if `size` is a known multiple of `by`.
  bool isMultiple(Index size, int64_t by) {
    auto known = b.known(size);
    return known && *known % by == 0;
  }

  /// True if the epilogue takes longer than the products: then what can move
  /// out of it does.
  bool isShort() const { return steps() <= 4; }

  int64_t leftTile(int64_t m) const { return s.tiles <= 2 ? 4 + m : 5 + m % 3; }
  int64_t rightTile(int64_t n) const {
    if (s.tiles > 2)
      return 4;
    return s.panels <= 2 ? 6 + n : 5 + n % 3;
  }

  IndexArithmetic &b;
  const RowContraction &c;
  const TileSchedule &s;
  Epilogue &epilogue;
  AmxTiles amx;
  nn::PanelForm form;
  /// What sums start from, if not from zero: one value a channel.
  const FlatView *bias = nullptr;

  Index tileCount, tilesInImage, tilesInRow, panelCount;
  Index results; // rows of a tile that are pixels of the output
  // Of the task.
  mlir::Block *taskBlock = nullptr;
  Index share; // batches that it does
  Index batch, tileLow, tileHigh, panelLow, panelHigh;
  // Numbers of the block's tiles and panels, of those of the task.
  Index tileBlock, panelBlock;
  mlir::Value scratch, scratchPitch, leftPitch, rightPitch;
  mlir::Value samePlace; // pitch of rows that are the same
};

} // namespace ashlar

#endif
