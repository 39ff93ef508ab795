#include "compiler/comparison/ComparisonReport.h"
#include "runtime/ashlar_rt.h"

#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <numeric>

using namespace ashlar;
using namespace ashlar::comparison;
using llvm::StringRef;

bool comparison::parseOrder(StringRef text, Order &order) {
  constexpr std::pair<StringRef, Order> orders[] = {
      {"order", Order::Computation}, {"sqnr", Order::Sqnr},
      {"local", Order::Local},       {"cosine", Order::Cosine},
      {"max", Order::Largest},       {"macs", Order::Macs}};
  for (auto &[name, value] : orders)
    if (name == text) {
      order = value;
      return true;
    }
  return false;
}

std::string comparison::decibelText(double sqnr) {
  if (std::isinf(sqnr))
    return sqnr > 0 ? "inf" : "-inf";
  return llvm::formatv("{0:f1}", sqnr).str();
}

static std::string numberText(double value) {
  char text[32];
  snprintf(text, sizeof text, "%.3g", value);
  return text;
}

// Smaller is printed first.
static double rankOf(const LayerResult &layer, Order order) {
  switch (order) {
  case Order::Computation:
    return 0;
  case Order::Sqnr:
    return layer.accumulated.sqnr();
  case Order::Local:
    return layer.local ? layer.local->sqnr() : INFINITY;
  case Order::Cosine:
    return layer.accumulated.cosine();
  case Order::Largest:
    return -layer.accumulated.largest;
  case Order::Macs:
    return -double(layer.macs);
  }
  return 0;
}

static std::string worstText(const TensorError &error) {
  std::string text;
  for (auto &channel : error.worstChannels(3))
    text += (text.empty() ? "" : " ") + std::to_string(channel.index) + ":" +
            decibelText(channel.sqnr);
  return text;
}

static void printLayers(const ComparisonResult &result,
                        const TextOptions &options, llvm::raw_ostream &os) {
  std::vector<size_t> order(result.layers.size());
  std::iota(order.begin(), order.end(), 0);
  llvm::stable_sort(order, [&](size_t a, size_t b) {
    return rankOf(result.layers[a], options.order) <
           rankOf(result.layers[b], options.order);
  });
  if (order.size() > options.most)
    order.resize(options.most);
  size_t width = 5;
  for (size_t i : order)
    width = std::max(width,
                     std::min<size_t>(result.layers[i].match.layer.size(), 44));
  auto left = [&](StringRef text, size_t columns) {
    return (text + std::string(columns - std::min(columns, text.size()), ' '))
        .str();
  };
  os << left("layer", width) << left(" operators", 18)
     << "type  SQNR dB        "
     << "  local    cosine   max abs  worst channels (dB)\n";
  for (size_t i : order) {
    const LayerResult &layer = result.layers[i];
    if (!layer.accumulated.elements && !layer.accumulated.otherShape)
      continue; // in a branch that was not taken
    double sqnr = layer.accumulated.sqnr();
    StringRef name = layer.match.layer, op = layer.match.op;
    std::string shown = name.size() > width
                            ? "..." + name.take_back(width - 3).str()
                            : name.str();
    os << left(shown, width) << ' ' << left(op.take_front(16), 17)
       << llvm::formatv("{0,-5} {1,7} {2,-6} {3,7} {4,9:f6} {5,9}  {6}\n",
                        layer.precision.empty() ? "-" : layer.precision,
                        decibelText(sqnr), gradeName(gradeOf(sqnr)),
                        layer.local ? decibelText(layer.local->sqnr()) : "-",
                        layer.accumulated.cosine(),
                        numberText(layer.accumulated.largest),
                        worstText(layer.accumulated));
  }
}

// How much of the multiplications, as far as their number is known, each
// precision has.
static std::string sharesText(const ComparisonResult &result) {
  std::map<std::string, int64_t> macs;
  int64_t all = 0;
  for (const LayerResult &layer : result.layers)
    if (layer.macs > 0 && !layer.precision.empty()) {
      macs[layer.precision] += layer.macs;
      all += layer.macs;
    }
  std::string text;
  for (auto &[precision, count] : macs)
    text +=
        (text.empty() ? "" : ", ") + precision + " " +
        llvm::formatv("{0:f1} %", 100.0 * double(count) / double(all)).str();
  return text;
}

void comparison::printComparison(const ComparisonResult &result,
                                 const TextOptions &options,
                                 llvm::raw_ostream &os) {
  if (!result.layers.empty()) {
    printLayers(result, options, os);
    os << '\n';
  }
  for (const OutputResult &output : result.outputs) {
    double sqnr = output.error.sqnr();
    os << "output '" << output.name << "': SQNR " << decibelText(sqnr)
       << " dB (" << gradeName(gradeOf(sqnr)) << "), cosine "
       << llvm::formatv("{0:f6}", output.error.cosine()) << ", max abs "
       << numberText(output.error.largest) << ", mean squared error "
       << numberText(output.error.meanSquare());
    if (output.error.otherShape)
      os << ", OTHER SHAPE in " << output.error.otherShape << " samples";
    if (output.error.notFinite)
      os << ", " << output.error.notFinite << " NOT A NUMBER";
    os << '\n';
  }
  os << result.samples << (result.samples == 1 ? " sample" : " samples");
  if (!result.layers.empty())
    os << ", " << result.layers.size() << " layers";
  std::string shares = sharesText(result);
  if (!shares.empty())
    os << "; multiplications: " << shares;
  os << '\n';
  for (const std::string &note : result.notes)
    os << "note: " << note << '\n';
}

void comparison::addOutputs(llvm::ArrayRef<data::Tensor> expected,
                            llvm::ArrayRef<data::Tensor> got,
                            ComparisonResult &result) {
  auto floats = [](const data::Tensor &tensor) {
    std::vector<float> values;
    if (tensor.dtype != ASHLAR_STRING)
      for (int64_t i = 0, count = tensor.elements(); i != count; ++i)
        values.push_back(float(tensor.value(i).real()));
    return values;
  };
  result.outputs.resize(expected.size());
  for (size_t i = 0; i != expected.size(); ++i) {
    TensorError error;
    if (i >= got.size() || got[i].shape != expected[i].shape)
      ++error.otherShape;
    else
      error.add(floats(expected[i]), floats(got[i]), 1, 1);
    result.outputs[i].name = expected[i].name;
    result.outputs[i].error.merge(error);
  }
  ++result.samples;
}

bool Tolerance::holds(const TensorError &error) const {
  // The cosine of equal tensors is 1 but for its rounding.
  if (error.exact())
    return true;
  return !(sqnr && !(error.sqnr() >= *sqnr)) &&
         !(cosine && !(error.cosine() >= *cosine)) &&
         !(largest && (!(error.largest <= *largest) || error.notFinite ||
                       error.otherShape));
}

llvm::Expected<Tolerance> comparison::parseTolerance(StringRef text) {
  Tolerance tolerance;
  llvm::SmallVector<StringRef> parts;
  text.split(parts, ',');
  for (StringRef part : parts) {
    auto [key, number] = part.split('=');
    double value;
    auto *place = key == "sqnr"     ? &tolerance.sqnr
                  : key == "cosine" ? &tolerance.cosine
                  : key == "max"    ? &tolerance.largest
                                    : nullptr;
    auto reachable = [&] {
      return (place != &tolerance.cosine || value <= 1) &&
             (place != &tolerance.largest || value >= 0);
    };
    if (!place || number.getAsDouble(value) || !std::isfinite(value) ||
        !reachable())
      return data::makeError("option '--tolerance' got '" + text +
                             "', expected sqnr=DB, cosine=C (at most 1) or "
                             "max=A (0 or more), separated by commas");
    *place = value;
  }
  return tolerance;
}

std::string comparison::whatMisses(const ComparisonResult &result,
                                   const Tolerance &tolerance) {
  std::string text;
  for (const OutputResult &output : result.outputs)
    if (!tolerance.holds(output.error))
      text += "ashlar: output '" + output.name +
              "' misses the tolerance: " + "SQNR " +
              decibelText(output.error.sqnr()) + " dB, cosine " +
              llvm::formatv("{0:f6}", output.error.cosine()).str() +
              ", max abs " + numberText(output.error.largest) + "\n";
  return text;
}
