#include "compiler/data/Compare.h"
#include "runtime/ashlar_rt.h"

#include <cmath>
#include <cstring>
#include <limits>

using namespace ashlar;
using namespace ashlar::data;

static bool isNaN(std::complex<double> value) {
  return std::isnan(value.real()) || std::isnan(value.imag());
}

static double deviation(std::complex<double> got,
                        std::complex<double> expected) {
  if (got == expected || (isNaN(got) && isNaN(expected)))
    return 0;
  double distance = std::abs(got - expected);
  return std::isnan(distance) ? std::numeric_limits<double>::infinity()
                              : distance;
}

// 64-bit integers do not fit a double: their difference is taken first.
static double integerDeviation(const Tensor &got, const Tensor &expected,
                               int64_t index) {
  uint64_t a, b;
  memcpy(&a, got.bytes.data() + index * 8, 8);
  memcpy(&b, expected.bytes.data() + index * 8, 8);
  bool less = got.dtype == ASHLAR_INT64 ? int64_t(a) < int64_t(b) : a < b;
  return double(less ? b - a : a - b);
}

static void compareStrings(const Tensor &got, const Tensor &expected,
                           Comparison &result) {
  for (size_t i = 0; i != got.strings.size(); ++i)
    if (got.strings[i] != expected.strings[i]) {
      if (!result.mismatches++)
        result.worstIndex = int64_t(i);
      result.worst = result.worstRelative =
          std::numeric_limits<double>::infinity();
    }
}

Comparison data::compareForm(const Tensor &got, const Tensor &expected) {
  Comparison result;
  result.sameType = got.dtype == expected.dtype;
  result.sameShape = got.shape == expected.shape;
  result.elements = got.elements();
  return result;
}

Comparison data::compare(const Tensor &got, const Tensor &expected,
                         Tolerance tolerance) {
  Comparison result = compareForm(got, expected);
  if (!result.sameType || !result.sameShape)
    return result;
  if (got.dtype == ASHLAR_STRING) {
    compareStrings(got, expected, result);
    return result;
  }
  bool wide = got.dtype == ASHLAR_INT64 || got.dtype == ASHLAR_UINT64;
  for (int64_t i = 0; i != result.elements; ++i) {
    std::complex<double> a = got.value(i), b = expected.value(i);
    double distance =
        wide ? integerDeviation(got, expected, i) : deviation(a, b);
    double size = std::abs(b);
    if (distance > 0 &&
        !(distance <= tolerance.absolute + tolerance.relative * size &&
          std::isfinite(distance)))
      ++result.mismatches;
    if (distance > result.worst || result.worstIndex < 0) {
      result.worst = distance;
      result.worstIndex = i;
      result.worstGot = a;
      result.worstExpected = b;
    }
    if (distance > 0)
      result.worstRelative = std::max(
          result.worstRelative,
          size > 0 ? distance / size : std::numeric_limits<double>::infinity());
  }
  return result;
}

std::string data::indexText(int64_t flat, llvm::ArrayRef<int64_t> shape) {
  std::vector<int64_t> index(shape.size());
  for (size_t axis = shape.size(); axis-- != 0;) {
    index[axis] = shape[axis] ? flat % shape[axis] : 0;
    flat = shape[axis] ? flat / shape[axis] : 0;
  }
  return shapeText(index);
}
