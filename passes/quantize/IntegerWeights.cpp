#include "passes/quantize/IntegerWeights.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace ashlar::onnx;

namespace {

// The channel of each element of a tensor, along an axis.
struct ChannelIndex {
  int64_t inner = 1, channels;
  ChannelIndex(ArrayRef<int64_t> shape, int64_t axis) : channels(shape[axis]) {
    for (int64_t size : shape.drop_front(axis + 1))
      inner *= size;
  }
  int64_t of(int64_t element) const { return element / inner % channels; }
};

// Bytes of either sign as integers.
class Bytes {
public:
  explicit Bytes(const ConstantTensor &tensor)
      : tensor(tensor),
        isUnsigned(tensor.getElementType().isUnsignedInteger()) {}
  int64_t at(int64_t i) const {
    return isUnsigned ? int64_t(tensor.data<uint8_t>()[i])
                      : int64_t(tensor.data<int8_t>()[i]);
  }
  const ConstantTensor &tensor;
  bool isUnsigned;
};

bool areZero(ArrayRef<int64_t> values) {
  return llvm::all_of(values, [](int64_t value) { return value == 0; });
}

// Whether weight minus zero point is a signed byte everywhere, and sums of
// products with any byte fit 32 bits.
struct Extent {
  bool fitsByte = true, fitsSum = true;
  std::vector<int64_t> sums;
};
Extent measure(const Bytes &bytes, const QuantizationParameters &parameters,
               ChannelIndex index) {
  std::vector<int64_t> magnitudes(index.channels, 0);
  Extent extent;
  extent.sums.assign(index.channels, 0);
  bool each = !parameters.isPerTensor();
  for (int64_t i = 0; i < bytes.tensor.size(); ++i) {
    int64_t channel = index.of(i);
    int64_t centred = bytes.at(i) - parameters.zeroPoints[each ? channel : 0];
    extent.fitsByte &= centred >= -128 && centred <= 127;
    magnitudes[channel] += std::abs(centred);
    extent.sums[channel] += centred;
  }
  constexpr int64_t limit = std::numeric_limits<int32_t>::max() / 512;
  extent.fitsSum =
      llvm::all_of(magnitudes, [](int64_t sum) { return sum <= limit; });
  return extent;
}

// The same weights less the zero points, or less 128 where these stay.
ElementsAttr shifted(const Bytes &bytes,
                     const QuantizationParameters &parameters,
                     ChannelIndex index, bool centred) {
  auto type =
      RankedTensorType::get(bytes.tensor.getShape(),
                            IntegerType::get(parameters.type.getContext(), 8));
  ConstantBuilder builder(type);
  bool each = !parameters.isPerTensor();
  for (int64_t i = 0; i < bytes.tensor.size(); ++i) {
    int64_t zero =
        centred ? parameters.zeroPoints[each ? index.of(i) : 0] : 128;
    builder.data<int8_t>()[i] = int8_t(bytes.at(i) - zero);
  }
  return std::move(builder).finish();
}

} // namespace

std::optional<IntegerWeights>
ashlar::onnx::integerWeights(OpBuilder &builder, Value value, int64_t axis) {
  auto data = matchDequantized(value);
  if (!data || !data->parameters.isByte())
    return std::nullopt;
  const QuantizationParameters &parameters = data->parameters;
  ElementsAttr attr = constantOf(data->integers());
  auto tensor = attr ? ConstantTensor::read(attr) : std::nullopt;
  if (!tensor || axis < 0 || axis >= int64_t(tensor->getShape().size()) ||
      (!parameters.isPerTensor() && parameters.axis != axis))
    return std::nullopt;
  Bytes bytes(*tensor);
  ChannelIndex index(tensor->getShape(), axis);
  Extent extent = measure(bytes, parameters, index);
  if (!extent.fitsSum)
    return std::nullopt;
  IntegerWeights weights;
  weights.scales.assign(parameters.scales.begin(), parameters.scales.end());
  weights.sums = std::move(extent.sums);
  Location loc = data->op.getLoc();
  if (!bytes.isUnsigned &&
      (areZero(parameters.zeroPoints) || !extent.fitsByte)) {
    weights.integers = data->integers();
    if (!areZero(parameters.zeroPoints))
      weights.zeroPoint = makeZeroPoint(builder, loc, parameters);
    return weights;
  }
  weights.integers = makeConstant(
      builder, loc, shifted(bytes, parameters, index, extent.fitsByte));
  if (!extent.fitsByte) {
    QuantizationParameters rest = parameters;
    rest.type = builder.getI8Type();
    for (int64_t &zero : rest.zeroPoints)
      zero -= 128;
    weights.zeroPoint = makeZeroPoint(builder, loc, rest);
  }
  return weights;
}

std::vector<int64_t>
IntegerWeights::offsets(int64_t activationZeroPoint) const {
  std::vector<int64_t> result;
  for (int64_t sum : sums)
    result.push_back(-activationZeroPoint * sum);
  return result;
}

std::optional<std::vector<int64_t>>
ashlar::onnx::integerBias(Value bias, ArrayRef<double> scales,
                          int64_t channels) {
  auto data = matchDequantized(bias);
  if (!data || !data->parameters.type.isSignlessInteger(32) ||
      !areZero(data->parameters.zeroPoints))
    return std::nullopt;
  ElementsAttr attr = constantOf(data->integers());
  auto values = attr ? integersOf(attr) : std::nullopt;
  if (!values)
    return std::nullopt;
  const std::vector<float> &own = data->parameters.scales;
  for (int64_t channel = 0; channel < channels; ++channel) {
    double expected = scales[scales.size() == 1 ? 0 : channel];
    double found = own[own.size() == 1 ? 0 : channel % own.size()];
    // Both are the product of the same two scales, rounded in some order.
    if (std::fabs(found - expected) > 1e-6 * expected)
      return std::nullopt;
  }
  if (values->size() == 1)
    values->resize(channels, values->front());
  if (int64_t(values->size()) != channels)
    return std::nullopt;
  return values;
}
