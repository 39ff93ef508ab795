// Complex Fourier transforms of composite length as two rounds of short ones.
#ifndef ASHLAR_PASSES_SIMPLIFY_EXPAND_TWOSTEPTRANSFORM_H
#define ASHLAR_PASSES_SIMPLIFY_EXPAND_TWOSTEPTRANSFORM_H

#include "passes/simplify/expand/GraphBuilder.h"

namespace ashlar::onnx {

/// The factors of a length, as near to each other as they get, the smaller
/// one first; nothing where it is prime.
std::optional<std::pair<int64_t, int64_t>> splitLength(int64_t length);

/// The real matrix of cos or sin of 2 pi row column / length, each row times
/// its weight.
mlir::Value trigonometricMatrix(GraphBuilder &g, mlir::Type element,
                                int64_t rows, int64_t columns, int64_t length,
                                bool cosine,
                                llvm::function_ref<double(int64_t)> weight);

/// The transform of `real` + j `imaginary` along their last axis, whose length
/// is `factors` multiplied, in their own precision. It takes the sum of the
/// factors for each element where one matrix product takes their product.
std::pair<mlir::Value, mlir::Value>
transformInTwoSteps(GraphBuilder &g, mlir::Value real, mlir::Value imaginary,
                    int64_t rank, std::pair<int64_t, int64_t> factors,
                    bool inverse);

} // namespace ashlar::onnx

#endif
