#include "compiler/report/Manifest.h"
#include "runtime/ashlar_rt.h"

#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

using namespace ashlar;
using llvm::StringRef;
using llvm::json::OStream;

// JSON is UTF-8; names in a model are whatever the file holds.
static std::string utf8(StringRef text) {
  return llvm::json::isUTF8(text) ? text.str() : llvm::json::fixUTF8(text);
}

static void writeText(OStream &json, StringRef key, StringRef text) {
  if (!text.empty())
    json.attribute(key, utf8(text));
}

static void writeNumber(OStream &json, StringRef key, int64_t value) {
  if (value >= 0)
    json.attribute(key, value);
}

static void writeTensor(OStream &json, const ModelDescription &model,
                        const TensorDescription &tensor) {
  json.object([&] {
    json.attribute("name", utf8(tensor.name));
    json.attribute("c_name", tensor.cName);
    json.attribute("dtype", dtypeName(tensor.dtype));
    json.attributeArray("shape", [&] {
      for (size_t axis = 0; axis != tensor.dims.size(); ++axis) {
        int32_t symbol =
            axis < tensor.dimSymbols.size() ? tensor.dimSymbols[axis] : -1;
        if (symbol >= 0)
          json.value(utf8(model.dims[symbol].name));
        else if (tensor.dims[axis] < 0)
          json.value(nullptr);
        else
          json.value(tensor.dims[axis]);
      }
    });
    if (tensor.scale != 0) {
      json.attribute("scale", double(tensor.scale));
      json.attribute("zero_point", tensor.zeroPoint);
    }
    if (tensor.random)
      json.attribute("random", true);
  });
}

static void writeVariant(OStream &json, const VariantDescription &variant) {
  json.object([&] {
    json.attribute("cpu", variant.cpu);
    json.attribute("features", int64_t(variant.features));
    writeNumber(json, "workspace_bytes", variant.sharedWorkspaceBytes);
    writeNumber(json, "workspace_bytes_per_worker",
                variant.workerWorkspaceBytes);
  });
}

static void writeLayer(OStream &json, const LayerDescription &layer) {
  json.object([&] {
    json.attribute("name", utf8(layer.name));
    json.attribute("op", utf8(layer.op));
    writeText(json, "kernel", layer.kernel);
    writeText(json, "isa", layer.isa);
    writeText(json, "precision", layer.precision);
    writeText(json, "precision_reason", layer.precisionReason);
    writeText(json, "layout", layer.layout);
    writeNumber(json, "macs", layer.macs);
    writeNumber(json, "weight_bytes", layer.weightBytes);
    writeNumber(json, "bytes", layer.bytes);
    writeNumber(json, "part_of", layer.partOf);
    writeText(json, "fallback", layer.fallback);
  });
}

static void writeDim(OStream &json, const DimDescription &dim) {
  json.object([&] {
    json.attribute("name", utf8(dim.name));
    json.attribute("c_name", dim.cName);
    json.attribute("minimum", dim.minimum);
    if (dim.maximum != INT64_MAX)
      json.attribute("maximum", dim.maximum);
  });
}

std::string ashlar::writeManifest(const ModelDescription &model) {
  std::string text;
  llvm::raw_string_ostream os(text);
  OStream json(os, /*IndentSize=*/1);
  json.object([&] {
    json.attribute("format", "ashlar-manifest-1");
    json.attribute("name", model.prefix);
    json.attribute("model", utf8(model.modelFile));
    json.attribute("model_sha256", model.modelHash);
    json.attribute("producer", model.producer);
    if (model.calibration)
      json.attributeObject("calibration", [&] {
        json.attribute("file", utf8(model.calibration->file));
        json.attribute("sha256", model.calibration->hash);
        json.attribute("samples", int64_t(model.calibration->samples));
        writeText(json, "data_hash", model.calibration->dataHash);
        if (model.calibration->madeUp)
          json.attribute("made_up", true);
      });
    json.attribute("abi_version", ASHLAR_ABI_VERSION);
    json.attributeObject("weights", [&] {
      json.attribute("embedded", model.weightsEmbedded);
      json.attribute("bytes", int64_t(model.weightsBytes));
      writeText(json, "sha256", model.weightsHash);
    });
    json.attribute("state_bytes", int64_t(model.stateBytes));
    writeNumber(json, "macs", model.macs);
    json.attributeArray("inputs", [&] {
      for (const TensorDescription &tensor : model.inputs)
        writeTensor(json, model, tensor);
    });
    json.attributeArray("outputs", [&] {
      for (const TensorDescription &tensor : model.outputs)
        writeTensor(json, model, tensor);
    });
    json.attributeArray("dims", [&] {
      for (const DimDescription &dim : model.dims)
        writeDim(json, dim);
    });
    json.attributeArray("variants", [&] {
      for (const VariantDescription &variant : model.variants)
        writeVariant(json, variant);
    });
    json.attributeArray("layers", [&] {
      for (const LayerDescription &layer : model.layers)
        writeLayer(json, layer);
    });
  });
  os << '\n';
  return text;
}
