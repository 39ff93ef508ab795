#include "compiler/data/ImageTransform.h"
#include "runtime/ashlar_rt.h"

#include <algorithm>
#include <cmath>

using namespace ashlar::data;

namespace {
/// Weights of the source pixels that make one target pixel.
struct Window {
  int64_t first = 0;
  std::vector<double> weights;
};
} // namespace

static std::vector<Window> windows(int64_t from, int64_t to) {
  double step = double(from) / double(to), reach = std::max(step, 1.0);
  std::vector<Window> result(to);
  for (int64_t i = 0; i != to; ++i) {
    double centre = (double(i) + 0.5) * step;
    Window &window = result[i];
    window.first =
        std::max<int64_t>(0, int64_t(std::ceil(centre - reach - 0.5)));
    int64_t end = std::min(from, int64_t(std::floor(centre + reach - 0.5)) + 1);
    double sum = 0;
    for (int64_t at = window.first; at < end; ++at) {
      double distance = std::abs(double(at) + 0.5 - centre) / reach;
      window.weights.push_back(std::max(0.0, 1.0 - distance));
      sum += window.weights.back();
    }
    for (double &weight : window.weights)
      weight /= sum;
  }
  return result;
}

Image ashlar::data::resize(const Image &image, int64_t height, int64_t width) {
  if (image.height == height && image.width == width)
    return image;
  Image result{height, width, image.channels, {}};
  result.pixels.resize(height * width * image.channels);
  std::vector<Window> columns = windows(image.width, width),
                      rows = windows(image.height, height);
  // One target row at a time: its source rows joined, then its columns.
  std::vector<double> joined(image.width * image.channels);
  uint8_t *out = result.pixels.data();
  for (const Window &row : rows) {
    std::fill(joined.begin(), joined.end(), 0.0);
    for (size_t i = 0; i != row.weights.size(); ++i) {
      const uint8_t *line = image.pixels.data() +
                            (row.first + int64_t(i)) * int64_t(joined.size());
      for (size_t x = 0; x != joined.size(); ++x)
        joined[x] += row.weights[i] * line[x];
    }
    for (const Window &column : columns)
      for (int64_t c = 0; c != image.channels; ++c) {
        double sum = 0;
        for (size_t i = 0; i != column.weights.size(); ++i)
          sum += column.weights[i] *
                 joined[(column.first + int64_t(i)) * image.channels + c];
        *out++ = uint8_t(std::clamp(std::floor(sum + 0.5), 0.0, 255.0));
      }
  }
  return result;
}

// The part of `image` of this size that starts at (top, left).
static Image cut(const Image &image, int64_t top, int64_t left, int64_t height,
                 int64_t width) {
  Image result{height, width, image.channels, {}};
  result.pixels.reserve(height * width * image.channels);
  for (int64_t y = 0; y != height; ++y) {
    auto from = image.pixels.begin() +
                ((top + y) * image.width + left) * image.channels;
    result.pixels.insert(result.pixels.end(), from,
                         from + width * image.channels);
  }
  return result;
}

static int64_t scaled(int64_t side, double factor) {
  return std::max<int64_t>(1, int64_t(std::floor(double(side) * factor + 0.5)));
}

static Image letterbox(const Image &image, int64_t height, int64_t width,
                       uint8_t pad) {
  double factor = std::min(double(height) / double(image.height),
                           double(width) / double(image.width));
  Image small = resize(image, std::min(height, scaled(image.height, factor)),
                       std::min(width, scaled(image.width, factor)));
  Image result{height, width, image.channels, {}};
  result.pixels.assign(height * width * image.channels, pad);
  for (int64_t y = 0; y != small.height; ++y)
    std::copy_n(small.pixels.begin() + y * small.width * small.channels,
                small.width * small.channels,
                result.pixels.begin() + y * width * image.channels);
  return result;
}

static Image cropped(const Image &image, int64_t height, int64_t width,
                     int64_t shorterSide) {
  double factor = shorterSide ? double(shorterSide) /
                                    double(std::min(image.height, image.width))
                              : 0;
  // Never smaller than what is cut out of it.
  factor = std::max({factor, double(height) / double(image.height),
                     double(width) / double(image.width)});
  Image big = resize(image, std::max(height, scaled(image.height, factor)),
                     std::max(width, scaled(image.width, factor)));
  return cut(big, (big.height - height) / 2, (big.width - width) / 2, height,
             width);
}

Image ashlar::data::fitImage(const Image &image, int64_t height, int64_t width,
                             const ImageOptions &options) {
  switch (options.fit) {
  case ImageOptions::Fit::Letterbox:
    return letterbox(image, height, width, options.pad);
  case ImageOptions::Fit::Crop:
    return cropped(image, height, width, options.shorterSide);
  case ImageOptions::Fit::Stretch:
    break;
  }
  return resize(image, height, width);
}

llvm::Expected<ImageAxes> ashlar::data::imageAxes(llvm::ArrayRef<int64_t> shape,
                                                  ImageOptions::Layout layout) {
  size_t rank = shape.size();
  if (rank != 3 && rank != 4)
    return makeError("shape " + shapeText(shape) +
                     " is not that of an image: expected 3 or 4 dimensions");
  ImageAxes nchw{rank - 2, rank - 1, rank - 3},
      nhwc{rank - 3, rank - 2, rank - 1};
  auto pixel = [](int64_t dim) { return dim == 1 || dim == 3; };
  bool isNchw = pixel(shape[nchw.channels]),
       isNhwc = pixel(shape[nhwc.channels]);
  if (layout == ImageOptions::Layout::FromModel)
    layout = !isNchw && isNhwc ? ImageOptions::Layout::Nhwc
                               : ImageOptions::Layout::Nchw;
  ImageAxes axes = layout == ImageOptions::Layout::Nchw ? nchw : nhwc;
  int64_t channels = shape[axes.channels];
  if (channels >= 0 && !pixel(channels))
    return makeError("shape " + shapeText(shape) + " has " +
                     llvm::Twine(channels) +
                     " channels, an image has 1 or 3: see --image-layout");
  return axes;
}

Tensor ashlar::data::imageTensor(const Image &image, size_t rank,
                                 const ImageAxes &axes, bool bgr) {
  Tensor tensor;
  tensor.dtype = ASHLAR_UINT8;
  tensor.shape.assign(rank, 1);
  tensor.shape[axes.height] = image.height;
  tensor.shape[axes.width] = image.width;
  tensor.shape[axes.channels] = image.channels;
  tensor.bytes.resize(image.pixels.size());
  bool planes = axes.channels < axes.height;
  int64_t area = image.height * image.width, depth = image.channels;
  for (int64_t at = 0; at != area; ++at)
    for (int64_t c = 0; c != depth; ++c) {
      uint8_t value = image.pixels[at * depth + (bgr ? depth - 1 - c : c)];
      tensor.bytes[planes ? c * area + at : at * depth + c] = value;
    }
  return tensor;
}
