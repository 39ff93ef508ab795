// A comparison for programs, and for the page that shows it.
#include "compiler/comparison/ComparisonReport.h"

#include "llvm/Support/JSON.h"

#include <cmath>

using namespace ashlar;
using namespace ashlar::comparison;
using llvm::StringRef;

namespace {
class JsonWriter {
public:
  explicit JsonWriter(llvm::raw_ostream &os) : json(os, 1) {}
  void write(const ComparisonResult &result);

private:
  void text(StringRef key, StringRef value) {
    json.attribute(key, llvm::json::fixUTF8(value));
  }
  // Infinite: null.
  void real(StringRef key, double value) {
    if (std::isfinite(value))
      json.attribute(key, value);
    else
      json.attribute(key, nullptr);
  }
  void error(const TensorError &error);
  void layer(const LayerResult &layer);

  llvm::json::OStream json;
};
} // namespace

void JsonWriter::error(const TensorError &error) {
  double sqnr = error.sqnr();
  real("sqnr_db", sqnr);
  json.attribute("exact", error.exact());
  json.attribute("grade", gradeName(gradeOf(sqnr)));
  real("cosine", error.cosine());
  real("max_abs", error.largest);
  real("mean_squared_error", error.meanSquare());
  json.attribute("elements", int64_t(error.elements));
  if (error.notFinite)
    json.attribute("not_finite", int64_t(error.notFinite));
  if (error.otherShape)
    json.attribute("other_shape", int64_t(error.otherShape));
  auto worst = error.worstChannels(8);
  if (worst.empty())
    return;
  json.attributeArray("worst_channels", [&] {
    for (auto &channel : worst)
      json.object([&] {
        json.attribute("channel", channel.index);
        real("sqnr_db", channel.sqnr);
      });
  });
}

void JsonWriter::layer(const LayerResult &layer) {
  text("layer", layer.match.layer);
  text("tensor", layer.match.name);
  text("operators", layer.match.op);
  json.attributeArray("nodes", [&] {
    for (const std::string &node : layer.match.nodes)
      json.value(llvm::json::fixUTF8(node));
  });
  json.attributeArray("inputs", [&] {
    for (int input : layer.match.inputs)
      json.value(input);
  });
  json.attributeArray("shape", [&] {
    for (int64_t dim : layer.shape)
      json.value(dim);
  });
  json.attribute("quantized", layer.match.quantized);
  text("precision", layer.precision);
  if (!layer.reason.empty())
    text("reason", layer.reason);
  if (layer.macs >= 0)
    json.attribute("macs", layer.macs);
  json.attributeObject("accumulated", [&] { error(layer.accumulated); });
  if (layer.local)
    json.attributeObject("local", [&] { error(*layer.local); });
  if (layer.scale > 0)
    json.attributeArray("range", [&] {
      json.value(layer.rangeMinimum());
      json.value(layer.rangeMaximum());
    });
  if (layer.values.counts.empty())
    return;
  // 128 bins say enough.
  size_t step = (layer.values.counts.size() + 127) / 128;
  json.attributeObject("histogram", [&] {
    json.attribute("start", double(layer.values.first) * layer.values.width);
    json.attribute("width", layer.values.width * double(step));
    json.attributeArray("counts", [&] {
      for (size_t i = 0; i < layer.values.counts.size(); i += step) {
        uint64_t sum = 0;
        for (size_t j = i; j < std::min(i + step, layer.values.counts.size());
             ++j)
          sum += layer.values.counts[j];
        json.value(int64_t(sum));
      }
    });
  });
}

void JsonWriter::write(const ComparisonResult &result) {
  json.object([&] {
    json.attribute("format", "ashlar-comparison-1");
    text("reference", result.reference);
    text("test", result.test);
    json.attribute("samples", int64_t(result.samples));
    json.attribute("unmatched", int64_t(result.unmatched));
    json.attributeArray("outputs", [&] {
      for (const OutputResult &output : result.outputs)
        json.object([&] {
          text("name", output.name);
          error(output.error);
        });
    });
    json.attributeArray("layers", [&] {
      for (const LayerResult &each : result.layers)
        json.object([&] { layer(each); });
    });
    json.attributeArray("notes", [&] {
      for (const std::string &note : result.notes)
        json.value(llvm::json::fixUTF8(note));
    });
  });
}

void comparison::writeComparisonJson(const ComparisonResult &result,
                                     llvm::raw_ostream &os) {
  JsonWriter(os).write(result);
  os << '\n';
}
