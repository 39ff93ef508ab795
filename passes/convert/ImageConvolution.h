//===- ImageConvolution.h - convolutions of NHWC images -------------------===//
#ifndef ASHLAR_PASSES_CONVERT_IMAGECONVOLUTION_H
#define ASHLAR_PASSES_CONVERT_IMAGECONVOLUTION_H

#include "dialects/nn/NnDialect.h"
#include "passes/convert/ImagePadding.h"
#include "passes/convert/OnnxLowering.h"

namespace ashlar {

/// True for the floats that these convolutions take.
bool isImageFloat(mlir::Type type);

/// Strides, padding and filter of a convolution on one or two spatial axes; one
/// axis is an image of one row.
struct ImageConvolution {
  ImageWindow window;
  llvm::SmallVector<int64_t> filterSizes; // [F, C/groups, R, S]
  int64_t groups = 1;
  int64_t rank = 4; // of the ONNX tensors

  /// Fails, and says why, where this is no such convolution.
  template <typename OpT>
  mlir::LogicalResult describe(TensorBuilder &b, OpT op, mlir::Value input,
                               mlir::Value filter) {
    groups = op.getGroup();
    return describe(b, op.getStrides(), op.getDilations(), op.getPads(),
                    op.getAutoPad(), input, filter);
  }

  /// The ONNX filter with two spatial axes.
  mlir::Value filterOf(TensorBuilder &b, mlir::Value filter) const;
  /// The input as a padded NHWC image.
  mlir::Value imageOf(TensorBuilder &b, mlir::Value input,
                      mlir::Value padding) const;

  /// nn.conv of a padded image with an untouched accumulator as result.
  nn::ConvOp make(TensorBuilder &b, mlir::Value image, mlir::Value filter,
                  mlir::ValueRange extras) const;
  /// The same of floats with a bias (null for none) added.
  nn::ConvOp makeWithBias(TensorBuilder &b, mlir::Value image,
                          mlir::Value filter, mlir::Value bias) const;

private:
  using Ints = std::optional<llvm::ArrayRef<int64_t>>;
  mlir::LogicalResult describe(TensorBuilder &b, Ints strides, Ints dilations,
                               Ints pads, llvm::StringRef autoPad,
                               mlir::Value input, mlir::Value filter);
};

} // namespace ashlar

#endif
