//===- LayerReport.cpp - what quantization made of each layer -------------===//
#include "compiler/quantization/LayerReport.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

#include "compiler/api/Compile.h"
#include "compiler/report/MacCount.h"
#include "dialects/onnx/Diagnostics.h"
#include "passes/simplify/Passes.h"

using namespace ashlar;
using namespace ashlar::quantization;
using llvm::StringRef;

void quantization::countLayerMacs(const ModelFile &model,
                                  const ImportOptions &options,
                                  std::vector<LayerDecision> &layers) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  prepareContext(context);
  // What is wrong with the model is told when it is compiled.
  mlir::ScopedDiagnosticHandler quiet(
      &context, [](mlir::Diagnostic &) { return mlir::success(); });
  mlir::OwningOpRef<mlir::ModuleOp> module =
      importModel(context, model, options);
  if (!module)
    return;
  mlir::PassManager manager(&context);
  manager.addPass(createInferShapes());
  if (mlir::failed(manager.run(*module)))
    return;
  llvm::StringMap<int64_t> macs;
  module->walk([&](mlir::Operation *op) {
    if (std::optional<int64_t> count = countMacs(op))
      macs[onnx::nodeName(op->getLoc())] += *count;
  });
  for (LayerDecision &layer : layers)
    if (auto found = macs.find(layer.node); found != macs.end())
      layer.macs = found->second;
}

void quantization::printLayerSummary(llvm::ArrayRef<LayerDecision> layers,
                                     llvm::raw_ostream &os) {
  size_t quantized = 0;
  int64_t all = 0, inBytes = 0, twice = 0;
  size_t inTwoTerms = 0;
  bool known = true;
  std::map<std::string, std::vector<StringRef>> reasons;
  for (const LayerDecision &layer : layers) {
    quantized += layer.quantized;
    known &= layer.macs >= 0;
    all += std::max<int64_t>(layer.macs, 0);
    inBytes += layer.quantized ? std::max<int64_t>(layer.macs, 0) : 0;
    inTwoTerms += layer.twoTerms;
    twice += layer.twoTerms ? std::max<int64_t>(layer.macs, 0) : 0;
    if (!layer.quantized)
      reasons[layer.reason].push_back(layer.node);
  }
  os << "quantized " << quantized << " of " << layers.size() << " layers";
  if (known && all > 0)
    os << llvm::formatv(", {0:F1} % of the multiply-accumulates",
                        100.0 * double(inBytes) / double(all));
  if (inTwoTerms)
    os << ", " << inTwoTerms << " in two terms";
  if (known && twice > 0)
    os << llvm::formatv(": {0:F1} % are done twice",
                        100.0 * double(twice) / double(all));
  os << '\n';
  constexpr size_t most = 4;
  for (const auto &[reason, nodes] : reasons) {
    os << "  " << nodes.size() << (nodes.size() == 1 ? " stays" : " stay")
       << " in floats, " << reason << ": ";
    for (size_t i = 0; i != std::min(nodes.size(), most); ++i)
      os << (i ? ", '" : "'") << nodes[i] << "'";
    if (nodes.size() > most)
      os << " and " << nodes.size() - most << " more";
    os << '\n';
  }
}

void quantization::writeLayersJson(const QuantizedModel &model,
                                   llvm::raw_ostream &os) {
  llvm::json::OStream json(os, 1);
  json.object([&] {
    json.attributeArray("layers", [&] {
      for (const LayerDecision &layer : model.layers)
        json.object([&] {
          json.attribute("name", llvm::json::fixUTF8(layer.node));
          json.attribute("op", layer.op);
          json.attribute("precision", layer.quantized && !layer.floatProducts
                                          ? "int8"
                                          : "f32");
          json.attribute("quantized", layer.quantized);
          if (layer.twoTerms)
            json.attribute("terms", 2);
          json.attribute("reason", llvm::json::fixUTF8(layer.reason));
          if (layer.macs >= 0)
            json.attribute("macs", layer.macs);
        });
    });
    json.attributeArray("warnings", [&] {
      for (const std::string &warning : model.warnings)
        json.value(llvm::json::fixUTF8(warning));
    });
  });
  os << '\n';
}
