// Shape rules of matrix products and convolutions that several operators share.
#ifndef ASHLAR_PASSES_SIMPLIFY_CONTRACTIONDIMS_H
#define ASHLAR_PASSES_SIMPLIFY_CONTRACTIONDIMS_H

#include "passes/simplify/ShapeRegistry.h"

namespace ashlar::onnx {

mlir::FailureOr<Shape> matMulShape(OpShapes &shapes, Shape a, Shape b);
mlir::LogicalResult inferMatMulOf(OpShapes &shapes, mlir::Value a,
                                  mlir::Value b, mlir::Value result,
                                  mlir::Type element);
mlir::LogicalResult inferGemmOf(OpShapes &shapes, mlir::Value a, mlir::Value b,
                                mlir::Value c, bool transA, bool transB,
                                mlir::Value result, mlir::Type element);

// A parsed Einsum equation: labels of every dim, letters by their character,
// dims of the ellipsis by negative numbers that count from its right end.
struct EinsumEquation {
  llvm::SmallVector<llvm::SmallVector<int>> inputs;
  llvm::SmallVector<int> output;
};
std::optional<EinsumEquation> parseEinsum(llvm::StringRef text,
                                          llvm::ArrayRef<int64_t> ranks);

// The window attributes that convolutions and pools share, as the operation has
// them.
struct WindowAttributes {
  std::optional<llvm::ArrayRef<int64_t>> kernel, strides, pads, dilations;
  llvm::StringRef autoPad = "NOTSET";
  bool ceilMode = false;
};
// Spatial dims after sliding a window over `input`; the kernel's dims where the
// attribute is absent.
mlir::FailureOr<Shape> slideWindow(OpShapes &shapes,
                                   llvm::ArrayRef<DimExpr> input,
                                   const WindowAttributes &window,
                                   llvm::ArrayRef<DimExpr> kernel);
mlir::LogicalResult inferConvOf(OpShapes &shapes, mlir::Value input,
                                mlir::Value weights, mlir::Value bias,
                                int64_t group, const WindowAttributes &window,
                                mlir::Value result, mlir::Type element);
mlir::LogicalResult inferPoolOf(OpShapes &shapes, mlir::Value input,
                                const WindowAttributes &window,
                                mlir::ValueRange results,
                                llvm::ArrayRef<mlir::Type> elements,
                                bool channelsLast = false);

} // namespace ashlar::onnx

#endif // ASHLAR_PASSES_SIMPLIFY_CONTRACTIONDIMS_H
