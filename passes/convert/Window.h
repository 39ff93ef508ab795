// Geometry of windows that slide over the spatial axes of convolutions and
// pools.
#ifndef ASHLAR_PASSES_CONVERT_WINDOW_H
#define ASHLAR_PASSES_CONVERT_WINDOW_H

#include "passes/convert/Emitter.h"

namespace ashlar {

/// What the attributes of a convolution or pool say, lists being empty where
/// they are absent.
struct WindowAttributes {
  llvm::ArrayRef<int64_t> kernel, strides, dilations, pads;
  llvm::StringRef autoPad = "NOTSET";
  bool ceilMode = false;
};

/// A window over the spatial axes (those after batch and channel), with sizes
/// that may be known only while running.
class Window {
public:
  /// The geometry over `input`.
  Window(Emitter &e, mlir::Value input, const WindowAttributes &attributes);

  int64_t rank() const { return kernel.size(); }
  /// Elements from the first to the last that a window covers on an axis.
  int64_t extent(int64_t axis) const {
    return (kernel[axis] - 1) * dilations[axis] + 1;
  }
  int64_t elements() const { return llvm::product_of(kernel); }
  /// False where no window leaves the input.
  bool reachesOutside() const { return outside; }

  /// The input surrounded by `value`, so that every window lies inside.
  mlir::Value pad(mlir::Value input, Scalar value) const;
  /// How many elements of a window lie in the input, or, with `includePads`, in
  /// the input and its declared padding.
  Scalar countInside(llvm::ArrayRef<Scalar> position, bool includePads) const;
  /// Batch and channel sizes of `input`, then the number of window positions.
  Emitter::Scalars resultSizes(mlir::Value input) const;

  llvm::SmallVector<int64_t> kernel, strides, dilations;
  Emitter::Scalars sizes, low, high, positions;

private:
  void placeByPads(int64_t axis, llvm::ArrayRef<int64_t> pads, bool ceilMode);
  void placeSame(int64_t axis, bool upper);

  Emitter &e;
  bool outside = false;
};

} // namespace ashlar

#endif
