#include "test/perf/Shapes.h"

using namespace ashlar::perf;

static Shape product(int64_t rows, int64_t columns, int64_t depth) {
  Shape shape;
  shape.name = "mm_" + std::to_string(rows) + "x" + std::to_string(columns) +
               "x" + std::to_string(depth);
  shape.rows = rows, shape.columns = columns, shape.depth = depth;
  return shape;
}

static Shape convolution(int64_t channels, int64_t height, int64_t width,
                         int64_t filters, int64_t kernel, int64_t stride = 1,
                         int64_t groups = 1) {
  Shape shape;
  shape.name = "conv" + std::to_string(kernel) + "x" + std::to_string(kernel) +
               "_" + std::to_string(height) + "x" + std::to_string(width) +
               "_" + std::to_string(channels) + "to" + std::to_string(filters) +
               (stride > 1 ? "_s" + std::to_string(stride) : "") +
               (groups > 1 ? "_g" + std::to_string(groups) : "");
  shape.isConvolution = true;
  shape.channels = channels, shape.height = height, shape.width = width;
  shape.filters = filters, shape.kernel = kernel, shape.stride = stride;
  shape.pad = kernel / 2, shape.groups = groups;
  return shape;
}

std::vector<Shape> ashlar::perf::benchmarkShapes() {
  return {
      // rows, columns, depth
      product(512, 512, 1024),
      product(1024, 1024, 1024),
      product(2048, 2048, 2048),
      product(128, 768, 768), // BERT-base, sequence of 128
      product(128, 3072, 768),
      product(128, 768, 3072),
      product(768, 256, 256), // BERT-mini, 32 sequences of 24
      product(768, 1024, 256),
      product(768, 256, 1024),
      product(256, 1024, 1024),
      product(1, 2816, 1024), // decoding
      product(1, 4096, 4096),
      product(197, 384, 384),
      product(37, 65, 129),
      product(100, 77, 300),
      // channels, height, width, filters, kernel, stride, groups: ResNet-50
      convolution(3, 224, 224, 64, 7, 2),
      convolution(64, 56, 56, 64, 1),
      convolution(64, 56, 56, 64, 3),
      convolution(64, 56, 56, 256, 1),
      convolution(256, 56, 56, 64, 1),
      convolution(512, 28, 28, 128, 1),
      convolution(128, 28, 28, 128, 3),
      convolution(128, 28, 28, 512, 1),
      convolution(1024, 14, 14, 256, 1),
      convolution(256, 14, 14, 256, 3),
      convolution(256, 14, 14, 1024, 1),
      convolution(2048, 7, 7, 512, 1),
      convolution(512, 7, 7, 512, 3),
      convolution(512, 28, 28, 1024, 1, 2),
      convolution(17, 19, 23, 33, 3),
      convolution(48, 31, 31, 80, 5),
      convolution(32, 112, 112, 32, 3, 1, 32), // MobileNetV2
      convolution(384, 14, 14, 384, 3, 1, 384),
  };
}

std::vector<Shape> ashlar::perf::oracleShapes() {
  return {
      product(1, 1, 1),
      product(1, 17, 64),
      product(7, 16, 4),
      product(16, 16, 64),
      product(17, 33, 65),
      product(37, 65, 129),
      product(64, 64, 256),
      product(100, 77, 300),
      convolution(3, 23, 23, 16, 7, 2),
      convolution(16, 14, 14, 16, 3),
      convolution(64, 7, 7, 32, 1),
      convolution(65, 9, 7, 33, 1),
      convolution(17, 9, 10, 19, 3, 2),
      convolution(16, 10, 10, 16, 3, 1, 16),
  };
}
