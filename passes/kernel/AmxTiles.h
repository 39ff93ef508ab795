//===- AmxTiles.h - tile registers ----------------------------------------===//
#ifndef ASHLAR_PASSES_KERNEL_AMXTILES_H
#define ASHLAR_PASSES_KERNEL_AMXTILES_H

#include "passes/kernel/IndexArithmetic.h"

namespace ashlar {

/// AMX by tile number: no register is allocated, so none can be spilled, and
/// one configuration serves a task. (LLVM's other intrinsics, on values of tile
/// type, may not be used in the same function.)
class AmxTiles {
public:
  explicit AmxTiles(IndexArithmetic &b) : b(b) {}

  /// Shape of one tile register.
  struct Shape {
    mlir::OpFoldResult rows; // 1 to 16
    int64_t rowBytes;        // up to 64
  };

  /// Loads a configuration; `block` is where its 64 bytes are reserved.
  void configure(mlir::Block *block, llvm::ArrayRef<Shape> shapes);
  void release();

  void zero(int64_t tile);
  /// Rows of the tile from `address` (i64) on, `pitch` bytes apart; `streamed`
  /// data passes by the first-level cache.
  void load(int64_t tile, mlir::Value address, mlir::Value pitch,
            bool streamed);
  void store(int64_t tile, mlir::Value address, mlir::Value pitch);
  /// sums += left * right: u8 times s8 in i32, or bf16 in f32.
  void multiply(int64_t sums, int64_t left, int64_t right, mlir::Type element);

  /// Address of element `at` of a flat buffer.
  mlir::Value address(mlir::Value flat, mlir::OpFoldResult at, int64_t bytes);

private:
  void call(llvm::StringRef name, mlir::ValueRange operands);
  mlir::Value number(int64_t tile);
  mlir::Value pointer(mlir::Value address);

  IndexArithmetic &b;
};

} // namespace ashlar

#endif
