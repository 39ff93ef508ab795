//===- ImageTransform.h - from pixels to what a model takes ---------------===//
#ifndef ASHLAR_COMPILER_DATA_IMAGETRANSFORM_H
#define ASHLAR_COMPILER_DATA_IMAGETRANSFORM_H

#include "compiler/data/Tensor.h"

namespace ashlar::data {

/// Rows of interleaved 8-bit pixels.
struct Image {
  int64_t height = 0, width = 0, channels = 0; // 1 (grey) or 3 (red first)
  std::vector<uint8_t> pixels;
};

struct ImageOptions {
  enum class Fit { Stretch, Crop, Letterbox };
  enum class Layout { FromModel, Nchw, Nhwc };
  Fit fit = Fit::Stretch;
  int64_t shorterSide = 0; // before cropping; 0: the model's size
  uint8_t pad = 114;       // around a letterbox
  std::optional<std::pair<int64_t, int64_t>> size; // height, width
  Layout layout = Layout::FromModel;
  bool bgr = false;
  /// A pixel becomes (pixel - mean) / scale; one value or one a channel, in the
  /// order that the model sees.
  std::vector<double> mean, scale;
};

/// Decodes a JPEG or PNG file's content into `channels` (1 or 3) a pixel.
/// Transparency is left out; so is the rotation that cameras note.
llvm::Expected<Image> decodeImage(llvm::StringRef file, int64_t channels);

/// Resized by a triangle filter between pixel centres, widened where the image
/// shrinks; values are rounded to the nearest. The same bytes everywhere.
Image resize(const Image &image, int64_t height, int64_t width);

/// Brings an image to this size, as `options` ask.
Image fitImage(const Image &image, int64_t height, int64_t width,
               const ImageOptions &options);

/// Where height, width and channels are in a shape of rank 3 or 4.
struct ImageAxes {
  size_t height, width, channels;
};
llvm::Expected<ImageAxes> imageAxes(llvm::ArrayRef<int64_t> shape,
                                    ImageOptions::Layout layout);

/// The image as a uint8 tensor of `shape`'s rank, with a batch of 1.
Tensor imageTensor(const Image &image, size_t rank, const ImageAxes &axes,
                   bool bgr);

} // namespace ashlar::data
#endif
