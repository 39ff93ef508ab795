// Contractions that lowerings of other operators are made of.
#ifndef ASHLAR_PASSES_CONVERT_CONTRACTION_H
#define ASHLAR_PASSES_CONVERT_CONTRACTION_H

#include "passes/convert/Emitter.h"

namespace ashlar {

/// [rows, K] x [K, N] in f32, by the fast path.
mlir::Value multiplyF32(Emitter &e, mlir::Value lhs, mlir::Value rhs,
                        mlir::OpFoldResult rows);

/// [b..., M, K] x [b..., K, N] of any element type, summed in `accumulator`;
/// batch dims broadcast. Integers are taken as unsigned where said. Shapes are
/// as numpy's matmul has them, vectors included.
mlir::Value multiply(Emitter &e, mlir::Value lhs, mlir::Value rhs,
                     mlir::Type accumulator, bool lhsUnsigned = false,
                     bool rhsUnsigned = false, mlir::OpFoldResult rows = {});

/// [rows, columns] with its axes exchanged; of a constant, a constant.
mlir::Value transposeMatrix(Emitter &e, mlir::Value matrix);
/// The same of one matrix of [count, rows, columns].
mlir::Value transposePart(Emitter &e, mlir::Value stacked, int64_t number);
/// The element of `stacked` at `number` of the first axis; of a constant, a
/// constant.
mlir::Value partOf(Emitter &e, mlir::Value stacked, int64_t number);

} // namespace ashlar

#endif
