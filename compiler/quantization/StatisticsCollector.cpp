#include "compiler/quantization/StatisticsCollector.h"

#include "compiler/data/Tensor.h"
#include "runtime/ashlar_rt.h"

#include <cmath>

using namespace ashlar;
using namespace ashlar::quantization;
using llvm::ArrayRef;
using llvm::StringRef;

// Weights of migration for more channels than this are no use to anybody.
static constexpr int64_t kMaxChannels = 1 << 16;

static const proto::AttributeProto *attributeOf(const proto::NodeProto &node,
                                                StringRef name) {
  for (const proto::AttributeProto &attribute : node.attribute())
    if (attribute.name() == name)
      return &attribute;
  return nullptr;
}

llvm::StringMap<int>
ashlar::quantization::channelAxesOf(const ModelFile &model) {
  llvm::StringMap<int> axes;
  for (const proto::NodeProto &node : model.model.graph().node()) {
    StringRef op = node.op_type();
    int axis;
    if (op == "Conv" || op == "ConvTranspose")
      axis = 1;
    else if (op == "MatMul")
      axis = -1;
    else if (op == "Gemm") {
      const auto *transposed = attributeOf(node, "transA");
      axis = transposed && transposed->i() ? 0 : 1;
    } else
      continue;
    if (node.input_size())
      axes.try_emplace(node.input(0), axis);
  }
  return axes;
}

static void addProducers(const proto::GraphProto &graph,
                         llvm::StringMap<std::string> &producers) {
  for (const proto::NodeProto &node : graph.node()) {
    std::string text = node.op_type();
    if (!node.name().empty())
      text = '"' + node.name() + "\" (" + text + ")";
    for (const std::string &output : node.output())
      producers[output] = text;
    for (const proto::AttributeProto &attribute : node.attribute())
      if (attribute.has_g())
        addProducers(attribute.g(), producers);
  }
}

StatisticsCollector::StatisticsCollector(const ModelFile &model,
                                         CalibrationTable &table)
    : table(table), channelAxes(channelAxesOf(model)) {
  addProducers(model.model.graph(), producers);
}

void StatisticsCollector::beginRun() {
  run.clear();
  badTensor.clear();
}

// The sums of a table are exact in any order: what is added to them has few
// bits. Extremes keep a relative error of 2^-16, sums an absolute one.
static double roundedExtreme(double value) {
  int exponent;
  double mantissa = std::frexp(value, &exponent);
  return std::ldexp(std::nearbyint(std::ldexp(mantissa, 16)), exponent - 16);
}

static double roundedSum(double value) {
  return std::nearbyint(value * 65536) / 65536;
}

namespace {

/// What one pass over the values tells.
struct Extremes {
  double minimum = 0, maximum = 0;
  uint64_t zeros = 0;
  bool finite = true;
};

template <typename T> Extremes extremesOf(ArrayRef<T> values) {
  // Several of each, so that no comparison waits for the one before.
  constexpr size_t lanes = 16;
  T low[lanes], high[lanes], odd[lanes];
  uint64_t zeros[lanes] = {};
  std::fill_n(low, lanes, values.front());
  std::fill_n(high, lanes, values.front());
  std::fill_n(odd, lanes, T(0));
  auto take = [&](size_t lane, T value) {
    low[lane] = value < low[lane] ? value : low[lane];
    high[lane] = value > high[lane] ? value : high[lane];
    odd[lane] += value - value; // NaN where the value is not finite
    zeros[lane] += value == 0;
  };
  size_t whole = values.size() / lanes * lanes;
  for (size_t i = 0; i != whole; i += lanes)
    for (size_t lane = 0; lane != lanes; ++lane)
      take(lane, values[i + lane]);
  for (size_t i = whole; i != values.size(); ++i)
    take(i - whole, values[i]);
  Extremes result{double(low[0]), double(high[0])};
  for (size_t lane = 0; lane != lanes; ++lane) {
    result.minimum = std::min(result.minimum, double(low[lane]));
    result.maximum = std::max(result.maximum, double(high[lane]));
    result.zeros += zeros[lane];
    result.finite &= odd[lane] == 0;
  }
  return result;
}

template <typename T>
void addChannels(TensorStatistics &statistics, ArrayRef<T> values,
                 ArrayRef<int64_t> shape, int axis) {
  if (axis < 0)
    axis += int(shape.size());
  if (axis < 0 || axis >= int(shape.size()))
    return;
  statistics.channelAxis = axis;
  if (shape[axis] > kMaxChannels)
    return;
  size_t channels = size_t(shape[axis]), inner = 1;
  for (int64_t size : shape.drop_front(axis + 1))
    inner *= size_t(size);
  statistics.channelMaxima.resize(channels);
  statistics.channelSums.resize(channels);
  for (size_t at = 0; at != values.size();)
    for (size_t channel = 0; channel != channels; ++channel, at += inner) {
      T largest = 0;
      double sum = 0;
      for (size_t i = 0; i != inner; ++i) {
        largest = std::max(largest, std::fabs(values[at + i]));
        sum += double(values[at + i]);
      }
      statistics.channelMaxima[channel] =
          std::max(statistics.channelMaxima[channel], double(largest));
      statistics.channelSums[channel] += sum;
    }
  for (double &sum : statistics.channelSums)
    sum = roundedSum(sum);
}

} // namespace

template <typename T>
void StatisticsCollector::add(StringRef tensor, ArrayRef<T> values,
                              ArrayRef<int64_t> shape) {
  TensorStatistics now;
  now.observations = 1;
  now.elements = values.size();
  if (!values.empty()) {
    Extremes extremes = extremesOf(values);
    if (!extremes.finite) {
      if (badTensor.empty()) {
        badTensor = tensor.str();
        badValue = llvm::any_of(values, [](T x) { return std::isnan(x); })
                       ? "a NaN"
                       : "an infinity";
      }
      return;
    }
    now.observedMinimum = extremes.minimum;
    now.observedMaximum = extremes.maximum;
    now.zeros = extremes.zeros;
    now.minimumSum = roundedExtreme(extremes.minimum);
    now.maximumSum = roundedExtreme(extremes.maximum);
    now.histogram.cover(extremes.minimum, extremes.maximum);
    now.histogram.add(values);
  }
  auto axis = channelAxes.find(tensor);
  if (axis != channelAxes.end())
    addChannels(now, values, shape, axis->second);
  run[tensor.str()].merge(now);
}

void StatisticsCollector::observe(StringRef tensor, int32_t dtype,
                                  ArrayRef<int64_t> shape, const void *data) {
  size_t count = 1;
  for (int64_t size : shape)
    count *= size_t(size);
  if (dtype == ASHLAR_FLOAT64)
    return add(tensor, ArrayRef(static_cast<const double *>(data), count),
               shape);
  ArrayRef<float> values(static_cast<const float *>(data), count);
  if (dtype != ASHLAR_FLOAT32) {
    widened.resize(count);
    const auto *bits = static_cast<const uint16_t *>(data);
    for (size_t i = 0; i != count; ++i)
      widened[i] = float(data::decodeSmallFloat(dtype, bits[i]));
    values = widened;
  }
  add(tensor, values, shape);
}

llvm::Error StatisticsCollector::endSample(StringRef sample) {
  if (!badTensor.empty()) {
    auto producer = producers.find(badTensor);
    return llvm::createStringError(
        sample + ": error: tensor '" + badTensor + "' holds " + badValue +
        (producer == producers.end() ? "; it is an input of the model"
                                     : "; it comes from " + producer->second) +
        "\n  hint: mend or leave out this sample: such values have no "
        "quantized form");
  }
  for (auto &[name, statistics] : run)
    table.tensors[name].merge(statistics);
  ++table.samples;
  run.clear();
  return llvm::Error::success();
}
