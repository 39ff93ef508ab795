//===- Epilogue.h - epilogue regions on vectors ---------------------------===//
#ifndef ASHLAR_PASSES_KERNEL_EPILOGUE_H
#define ASHLAR_PASSES_KERNEL_EPILOGUE_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/IRMapping.h"

#include "dialects/nn/NnDialect.h"
#include "passes/kernel/BytePacking.h"

namespace ashlar {

/// Where in the destination a vector lies.
struct OutputPosition {
  mlir::OpFoldResult batch, y, x, channel;
};

/// A vector of accumulators, and where its results go.
struct PlacedSums {
  enum class Next { Elsewhere, Channels, Pixel };

  mlir::Value sums;
  OutputPosition position;
  mlir::OpFoldResult count; // elements that exist
  /// Null, or false (i1) if the results are there already: they are computed
  /// again, where that saves code of its own, and not stored.
  mlir::Value isNew = nullptr;
  /// What the vector after this one holds: the channels behind these, or the
  /// first channels of the next pixel.
  Next next = Next::Elsewhere;
};

/// Applies an epilogue region to vectors of accumulators and stores them.
class Epilogue {
public:
  /// `init` has the axes batch, y, x, channel, or batch, x, channel, or x,
  /// channel; extras have the same, sizes of 1 being read for every index, or
  /// only the channel, or none.
  Epilogue(IndexArithmetic &b, mlir::Region &region, mlir::ValueRange extras,
           mlir::Value init);

  /// True if the epilogue is long (transcendentals): then it is better emitted
  /// once in a loop than once for every accumulator of a tile.
  bool isLong() const;

  /// True if it computes a function by a polynomial (exp, tanh, erf ...).
  bool hasFunctions() const;

  /// What integer sums of `count` channels from `channel` on start from, in
  /// place of zero: their bias, which the epilogue then does not add any more.
  /// Nothing where it adds none.
  mlir::Value biasOf(IndexArithmetic &b, mlir::OpFoldResult channel,
                     mlir::VectorType type, mlir::OpFoldResult count);
  /// The same as the buffer of all channels, null where there is no bias.
  const FlatView *startFromBias();

  /// What the epilogue takes for a vector of channels: what integer sums start
  /// from (null: zero), and the extras.
  struct ChannelValues {
    mlir::Value bias;
    llvm::SmallVector<mlir::Value> extras;
  };
  /// True if the results are bytes that follow from sums and channels alone.
  bool packsByChannel() const;
  /// Values for sums of `type`, in the order of channels in which `load` gives
  /// the elements of one row.
  ChannelValues loadChannels(
      mlir::VectorType type,
      llvm::function_ref<mlir::Value(const FlatView &, mlir::VectorType)> load);
  /// Bytes of four vectors of sums: four of each in turn, in each 128 bits.
  mlir::Value packChannels(IndexArithmetic &b, llvm::ArrayRef<mlir::Value> sums,
                           llvm::ArrayRef<ChannelValues> values);

  /// True if pixels of `channels` channels lie side by side in a row of the
  /// destination.
  bool pixelsAdjoin(IndexArithmetic &b, int64_t channels);
  /// Stores the first `size` elements of `results`, which begin `offset`
  /// elements behind `position`.
  void storeResults(IndexArithmetic &b, mlir::Value results, int64_t size,
                    const OutputPosition &position, int64_t offset);

  /// Applies the region to sums and stores the results that exist: four vectors
  /// at a time where they are packed to bytes.
  void store(IndexArithmetic &b, llvm::ArrayRef<PlacedSums> all);
  void store(IndexArithmetic &b, mlir::Value sums,
             const OutputPosition &position, mlir::OpFoldResult count) {
    store(b, PlacedSums{sums, position, count});
  }

private:
  /// The addition of the bias, if the region begins with one.
  mlir::Operation *findBias() const;
  /// True if the extra has to be loaded when the sums are complete.
  bool isUsed(unsigned index) const;
  /// A vector of results of `op`, if that rounds to bf16 and an instruction may
  /// do it.
  mlir::Value roundToBf16(IndexArithmetic &b, mlir::Operation &op,
                          mlir::IRMapping &mapping, int64_t lanes);
  /// `wanted`, a value of the region, for a vector of sums.
  mlir::Value compute(IndexArithmetic &b, mlir::Value sums,
                      llvm::ArrayRef<mlir::Value> extraValues,
                      mlir::Value wanted);
  mlir::Value compute(IndexArithmetic &b, const PlacedSums &placed,
                      mlir::Value wanted);
  void storeOne(IndexArithmetic &b, const PlacedSums &placed);
  /// Bytes of up to four vectors, looked up where that is the end.
  mlir::Value pack(IndexArithmetic &b, llvm::ArrayRef<mlir::Value> reals);
  /// Vectors that are made bytes together.
  void storePacked(IndexArithmetic &b, llvm::ArrayRef<PlacedSums> group);
  /// True if the results of `placed` and of `next`, the vector behind it,
  /// adjoin and are stored together.
  bool adjoins(IndexArithmetic &b, const PlacedSums &placed,
               const PlacedSums &next);
  void storeRun(IndexArithmetic &b, mlir::Value bytes, int64_t first,
                llvm::ArrayRef<PlacedSums> run);

  /// Extras that depend on the channel alone, as loaded for earlier pixels.
  struct ChannelExtra {
    unsigned index;
    mlir::OpFoldResult channel;
    mlir::Value values;
  };

  mlir::OpFoldResult offsetIn(IndexArithmetic &b, const FlatView &view,
                              const OutputPosition &position);
  mlir::Value loadExtra(IndexArithmetic &b, unsigned index,
                        const OutputPosition &position, mlir::VectorType type,
                        mlir::OpFoldResult count);

  mlir::Region &region;
  /// Where the results are bytes that can be packed, or what these look up.
  std::optional<ByteRounding> rounding;
  llvm::SmallVector<nn::LookupOp> lookups;
  bool permutesBytes;       // in one instruction
  bool roundsByInstruction; // to bf16
  /// The addition of the bias, which the sums have started from.
  mlir::Operation *addedBias = nullptr;
  FlatView destination;
  llvm::SmallVector<FlatView> extras;
  llvm::SmallVector<ChannelExtra> loaded; // by the store at hand
};

/// Puts vectors of one type side by side on the stack of the task that begins
/// with `task`, so that a loop can go over them: a memref of vectors.
mlir::Value storeOnStack(IndexArithmetic &b, mlir::Block *task,
                         llvm::ArrayRef<mlir::Value> vectors);

/// True if all operations of a body can be copied for vectors, and its
/// arguments lie in memory as whole bytes.
bool isElementwiseBody(mlir::linalg::GenericOp op);

/// Copies an elementwise scalar operation for vectors of `lanes`.
mlir::Operation *vectorizeOperation(IndexArithmetic &b, mlir::Operation &op,
                                    mlir::IRMapping &mapping, int64_t lanes);

/// A load or store of the first `count` elements of a vector; no store if
/// `isStored`, where it is given, is false.
mlir::Value loadVector(IndexArithmetic &b, mlir::Value flat,
                       mlir::OpFoldResult at, mlir::VectorType type,
                       mlir::OpFoldResult count);
void storeVector(IndexArithmetic &b, mlir::Value vector, mlir::Value flat,
                 mlir::OpFoldResult at, mlir::OpFoldResult count,
                 mlir::Value isStored = nullptr);

} // namespace ashlar

#endif
