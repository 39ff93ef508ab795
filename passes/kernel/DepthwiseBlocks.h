//===- DepthwiseBlocks.h - many channels of depthwise convolutions --------===//
#ifndef ASHLAR_PASSES_KERNEL_DEPTHWISEBLOCKS_H
#define ASHLAR_PASSES_KERNEL_DEPTHWISEBLOCKS_H

#include "dialects/nn/NnDialect.h"
#include "passes/kernel/DotProduct.h"

namespace ashlar {

/// Depthwise convolution of bytes to bytes, a whole vector of bytes at a time.
///
/// The bytes of four neighbouring places are interleaved within each 128 bits,
/// which leaves four bytes of each channel side by side, and the channels in
/// another order: that of the epilogue, which packs sums in each 128 bits. So
/// the order is brought into the weights and the epilogue's values, before the
/// loops, and nothing has to be moved between lanes in them.
class DepthwiseBlocks {
public:
  DepthwiseBlocks(IndexArithmetic &b, nn::ConvOp conv,
                  const DotProduct &product, Epilogue &epilogue);

  /// Emits the rows [low, high) of `batch` for as many channels as fill blocks.
  /// Returns the first channel that is left.
  int64_t emit(mlir::OpFoldResult batch, mlir::OpFoldResult low,
               mlir::OpFoldResult high);

private:
  using Index = mlir::OpFoldResult;

  /// What stays the same over the pixels of a block of channels.
  struct Constants {
    llvm::SmallVector<DotProduct::Operand> weights; // [pixel, row, group, part]
    llvm::SmallVector<Epilogue::ChannelValues> values; // of each part
  };

  void emitBlock(Index batch, Index low, Index high, Index channel);
  void emitPixels(Index batch, Index y, int64_t rows, Index x, Index channel,
                  const Constants &constants);
  Constants loadConstants(Index channel);
  /// Weights for the `pixel`-th of the pixels that share groups: moved that
  /// many places on. [row, group, part]
  llvm::SmallVector<DotProduct::Operand> loadWeights(Index channel,
                                                     int64_t pixel);
  /// A part's elements of a row of one element (or group of four) a channel.
  mlir::Value loadPart(mlir::Value flat, Index at, mlir::VectorType type,
                       int64_t part, int64_t group);
  /// Bytes of a place, `x` being the column of the first output pixel.
  mlir::Value loadPlace(Index row, int64_t place);
  /// Groups of four places of all channels, a vector for each part.
  llvm::SmallVector<DotProduct::Operand> loadGroup(Index row, int64_t group);
  void storeBytes(mlir::Value bytes, Index at);
  const DotProduct::Operand &weightsOf(const Constants &constants,
                                       int64_t pixel, int64_t row,
                                       int64_t group, int64_t part);

  IndexArithmetic &b;
  nn::ConvOp conv;
  const DotProduct &product;
  Epilogue &epilogue;
  FlatView input, filter, output;
  int64_t bytes; // of a vector
  int64_t filterColumns;
  int64_t shared;       // neighbouring pixels that share groups of places
  int64_t groups = 0;   // of four places that they share
  int64_t channels = 0; // of a pixel in a vector
  int64_t pieces = 0;   // pixels in a vector
};

} // namespace ashlar

#endif
