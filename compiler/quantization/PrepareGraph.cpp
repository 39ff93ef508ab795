//===- PrepareGraph.cpp - what changes a model before it is quantized -----===//
#include "compiler/quantization/PrepareGraph.h"

#include "compiler/quantization/Migration.h"
#include "compiler/quantization/RaiseOpset.h"

using namespace ashlar;
using namespace ashlar::quantization;

// ONNX Runtime needs an opset that has integer operators.
static void raiseOldOpset(ModelGraph &graph,
                          std::vector<std::string> &warnings) {
  int64_t opset = graph.opset();
  if (opset >= kFirstIntegerOpset)
    return;
  if (llvm::Error error = raiseOpset(graph.modelFile().model))
    warnings.push_back(llvm::toString(std::move(error)) +
                       "; ONNX Runtime will not load the result");
  else
    warnings.push_back("opset " + std::to_string(opset) + " became " +
                       std::to_string(kFirstIntegerOpset) +
                       ", where integer operators begin");
  graph.index();
}

llvm::Expected<std::vector<CorrectedBias>>
quantization::prepareGraph(ModelGraph &graph, CalibrationTable &table,
                           const QuantizeOptions &options,
                           std::vector<std::string> &warnings) {
  raiseOldOpset(graph, warnings);
  auto migrated = migrateScales(graph, table, options);
  if (!migrated)
    return migrated.takeError();
  if ((options.equalize || options.migrate) && migrated->empty())
    warnings.push_back(
        "no scales were moved between activations and weights: no channels "
        "that differ, with statistics in the table, allow it");
  if (!options.correctBias)
    return std::vector<CorrectedBias>();
  auto corrected = correctBiases(graph, table, options);
  if (corrected && corrected->empty())
    warnings.push_back("no bias was corrected: the table has no means of what "
                       "the layers read");
  return corrected;
}
