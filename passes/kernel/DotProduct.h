//===- DotProduct.h - one step of a contraction in vectors ----------------===//
#ifndef ASHLAR_PASSES_KERNEL_DOTPRODUCT_H
#define ASHLAR_PASSES_KERNEL_DOTPRODUCT_H

#include "dialects/nn/NnDialect.h"
#include "dialects/tile/TileDialect.h"
#include "passes/kernel/Epilogue.h"

namespace ashlar {

/// Multiplies a group of neighbouring elements of a row (one 32-bit lane, the
/// same for all columns) with the groups of a vector of columns, and adds the
/// products to the sums of these columns, by what the target offers:
///
/// | elements | target      | instructions                                   |
/// |----------|-------------|------------------------------------------------|
/// | f32      | all         | fused multiply-add                             |
/// | u8 x s8  | VNNI        | vpdpbusd                                       |
/// | u8 x s8  | others      | widened to 16 bits, vpmaddwd: never saturates  |
/// | bf16     | AVX512-BF16 | vdpbf16ps                                      |
/// | bf16     | others      | widened to f32, fused multiply-add             |
///
/// Integer sums are exact and the same everywhere.
class DotProduct {
public:
  DotProduct(mlir::MLIRContext *context, mlir::Type element,
             tile::TargetAttr target);

  int64_t lanes() const { return columns; }
  mlir::VectorType sums() const { return sumType; }
  /// The highest instruction set that it uses: "AVX2", "AVX512-VNNI" ...
  llvm::StringRef instructionSet() const;
  /// Registers that a prepared vector of the right side or a prepared group of
  /// the left side takes. The sums of a vector of columns take one.
  int64_t operandRegisters() const;

  /// True if bytes are widened to 16 bits before they are multiplied.
  bool widensBytes() const { return kind == Kind::WideBytes; }

  using Operand = llvm::SmallVector<mlir::Value, 2>;

  /// Sums of nothing.
  mlir::Value zero(IndexArithmetic &b) const;
  /// The group at `at`, of which `count` elements exist, for all columns. Where
  /// a whole group of the row lies before it (`preceded`), one load takes what
  /// exists with what precedes it, which is shifted out.
  Operand loadLeft(IndexArithmetic &b, mlir::Value flat, mlir::OpFoldResult at,
                   int64_t count, bool preceded) const;
  /// A group of its own for each column: byte `i` of every group from
  /// `bytes[i]`, a vector of one byte a column. For bytes only.
  Operand interleaveLeft(IndexArithmetic &b,
                         llvm::ArrayRef<mlir::Value> bytes) const;
  /// Groups of four bytes, one a column, as the left or the right side.
  Operand leftGroups(IndexArithmetic &b, mlir::Value bytes) const;
  Operand rightGroups(IndexArithmetic &b, mlir::Value bytes) const;
  /// The groups of a vector of columns at `at`; only the first `count` columns
  /// exist.
  Operand loadRight(IndexArithmetic &b, mlir::Value flat, mlir::OpFoldResult at,
                    mlir::OpFoldResult count) const;
  /// `sum`, one a column, and the products.
  mlir::Value add(IndexArithmetic &b, const Operand &left, const Operand &right,
                  mlir::Value sum) const;

private:
  enum class Kind { Float, Bytes, WideBytes, Bf16, WideBf16 };

  mlir::VectorType vectorOf(int64_t count, mlir::Type element) const {
    return mlir::VectorType::get({count}, element);
  }
  mlir::Value groupBits(IndexArithmetic &b, mlir::Value flat,
                        mlir::OpFoldResult at, int64_t count) const;

  /// Groups of four bytes as pairs of 16-bit numbers: the bytes with even
  /// places, those with odd ones.
  Operand widenBytes(IndexArithmetic &b, mlir::Value bytes,
                     bool isSigned) const;

  Kind kind;
  int64_t columns;
  nn::PanelForm form;
  mlir::Type element;
  mlir::VectorType sumType; // of the sums
};

} // namespace ashlar

#endif
