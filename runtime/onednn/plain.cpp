// Contractions in plain loops, for what oneDNN cannot do where the model runs:
// bytes on a CPU whose sums would saturate, or no memory.
#include <cstring>

#include "primitive.h"

using namespace ashlar::onednn;

namespace {

struct BFloat16 {
  uint16_t bits;
  operator float() const {
    uint32_t wide = uint32_t(bits) << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
  }
};

float multiplyAdd(float a, float b, float sum) { return a * b + sum; }
int32_t multiplyAdd(uint8_t a, int8_t b, int32_t sum) {
  return sum + int32_t(a) * int32_t(b);
}

float finish(float sum, const float *bias, int64_t channel) {
  return bias ? sum + bias[channel] : sum;
}
int32_t finish(int32_t sum, const float *, int64_t) { return sum; }

template <class Left, class Right, class Sum>
void conv(const ashlar_onednn_conv &c, const Left *input, const Right *filter,
          const float *bias, Sum *output) {
  int64_t depth = c.channels / c.groups, perGroup = c.filters / c.groups;
  auto sumAt = [&](int64_t n, int64_t y, int64_t x, int64_t f) {
    Sum sum = 0;
    const Left *from = input + n * c.in_image + f / perGroup * depth;
    for (int64_t k = 0; k < depth; ++k)
      for (int64_t r = 0; r < c.filter_height; ++r)
        for (int64_t s = 0; s < c.filter_width; ++s)
          sum = multiplyAdd(
              from[(y * c.stride_height + r * c.dilation_height) * c.in_row +
                   (x * c.stride_width + s * c.dilation_width) * c.in_pixel +
                   k],
              filter[((f * depth + k) * c.filter_height + r) * c.filter_width +
                     s],
              sum);
    return sum;
  };
  for (int64_t n = 0; n < c.images; ++n)
    for (int64_t y = 0; y < c.out_height; ++y)
      for (int64_t x = 0; x < c.out_width; ++x)
        for (int64_t f = 0; f < c.filters; ++f)
          output[n * c.out_image + y * c.out_row + x * c.out_pixel + f] =
              finish(sumAt(n, y, x, f), bias, f);
}

template <class Left, class Right, class Sum>
void matmul(const ashlar_onednn_matmul &m, const Left *lhs, const Right *rhs,
            const float *bias, Sum *output) {
  for (int64_t row = 0; row < m.rows; ++row)
    for (int64_t column = 0; column < m.columns; ++column) {
      Sum sum = 0;
      for (int64_t k = 0; k < m.depth; ++k)
        sum = multiplyAdd(lhs[row * m.lhs_row + k], rhs[k * m.rhs_row + column],
                          sum);
      output[row * m.out_row + column] = finish(sum, bias, column);
    }
}

/// Calls `loops(left, right, sum)` with pointers of the types at hand.
template <class Loops>
void withTypes(int64_t type, const void *left, const void *right, void *sum,
               Loops loops) {
  if (type == ASHLAR_ONEDNN_U8S8)
    loops(static_cast<const uint8_t *>(left),
          static_cast<const int8_t *>(right), static_cast<int32_t *>(sum));
  else if (type == ASHLAR_ONEDNN_BF16)
    loops(static_cast<const BFloat16 *>(left),
          static_cast<const BFloat16 *>(right), static_cast<float *>(sum));
  else
    loops(static_cast<const float *>(left), static_cast<const float *>(right),
          static_cast<float *>(sum));
}

} // namespace

void ashlar::onednn::runPlain(const ashlar_onednn_conv &layer,
                              const void *input, const void *filter,
                              const float *bias, void *output) {
  withTypes(layer.type, input, filter, output,
            [&](auto *in, auto *weights, auto *out) {
              conv(layer, in, weights, bias, out);
            });
}

void ashlar::onednn::runPlain(const ashlar_onednn_matmul &layer,
                              const void *lhs, const void *rhs,
                              const float *bias, void *output) {
  withTypes(layer.type, lhs, rhs, output,
            [&](auto *left, auto *right, auto *out) {
              matmul(layer, left, right, bias, out);
            });
}
