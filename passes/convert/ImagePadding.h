//===- ImagePadding.h - windows over images -------------------------------===//
#ifndef ASHLAR_PASSES_CONVERT_IMAGEPADDING_H
#define ASHLAR_PASSES_CONVERT_IMAGEPADDING_H

#include "mlir/IR/BuiltinAttributes.h"

#include "passes/convert/TensorBuilder.h"

namespace ashlar {

/// Strides, dilations and padding of a window that moves over the spatial axes
/// of an image, as ONNX operators describe them, defaults filled in.
struct ImageWindow {
  llvm::SmallVector<int64_t> size, strides, dilations;
  llvm::SmallVector<int64_t> padBegin, padEnd;

  using Ints = std::optional<llvm::ArrayRef<int64_t>>;
  /// Without padding, from attributes that may be absent.
  static ImageWindow make(llvm::ArrayRef<int64_t> size, Ints strides,
                          Ints dilations);
  /// Fills in `pads` or what `auto_pad` asks for; `spatial` are the image's
  /// sizes. Fails where they are needed and not known.
  mlir::LogicalResult resolvePads(llvm::StringRef autoPad, Ints pads,
                                  llvm::ArrayRef<mlir::OpFoldResult> spatial);
  /// Output size along `axis`, padding applied.
  mlir::OpFoldResult outputSize(TensorBuilder &b, mlir::OpFoldResult input,
                                unsigned axis) const;
  bool isPadded() const;
};

/// NCHW to NHWC and back, NCDHW to NDHWC; rank 3 (one spatial axis) gets a unit
/// row.
mlir::Value toNhwc(TensorBuilder &b, mlir::Value image);
mlir::Value fromNhwc(TensorBuilder &b, mlir::Value image, int64_t rank);

/// Pads the spatial axes of a tensor whose channels are last with `value`.
mlir::Value padSpatial(TensorBuilder &b, mlir::Value image,
                       const ImageWindow &window, mlir::Value value);

} // namespace ashlar

#endif
