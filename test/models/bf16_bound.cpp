// What bf16 costs a model against what rounding the factors of its products to
// bf16 costs on the plain path: three compilations of the model (f32, bf16, f32
// with rounded factors), run on the same inputs.
#include "compiler/api/Compile.h"
#include "compiler/data/DataFiles.h"
#include "compiler/execution/ModelRunner.h"
#include "compiler/report/DiagnosticPrinter.h"
#include "passes/quantize/Passes.h"
#include "runtime/ashlar_rt.h"

#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace ashlar;
using data::Tensor;

namespace {

constexpr const char *kUsage =
    "usage: bf16_bound MODEL DATA_FOLDER...\n\n"
    "Prints a line for each float output, over all data folders together: its "
    "name,\nelements, and three root mean squares: of the f32 output, of what "
    "bf16 is off, of\nwhat f32 with rounded factors is off. The last line is "
    "the number of layers in bf16.\n";

using Outputs = std::vector<std::vector<Tensor>>; // by folder

void chooseAndRound(mlir::ModuleOp module, size_t &count) {
  auto asked = module->getAttr("ashlar.precision");
  module->setAttr("ashlar.precision",
                  mlir::StringAttr::get(module.getContext(), "bf16"));
  mlir::PassManager manager(module.getContext());
  manager.addPass(createChoosePrecision());
  auto failed = mlir::failed(manager.run(module));
  module.walk([&](mlir::Operation *op) {
    auto precision = op->getAttrOfType<mlir::StringAttr>("ashlar.precision");
    count += precision && precision.getValue() == "bf16" && op != module;
  });
  manager.clear();
  manager.addPass(createRoundContractionInputs());
  if (failed || mlir::failed(manager.run(module)))
    llvm::report_fatal_error("rounding failed");
  module->setAttr("ashlar.precision", asked);
}

llvm::Expected<Outputs> runModel(llvm::StringRef path,
                                 const CompileOptions &options,
                                 llvm::ArrayRef<data::TestData> inputs) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  DiagnosticPrinter diagnostics(context, llvm::errs());
  prepareContext(context);
  auto compiled = compileModel(context, path, options);
  if (mlir::failed(compiled))
    return data::makeError("does not compile");
  auto model = LoadedModel::load(compiled->object.toBuffer());
  if (!model)
    return model.takeError();
  auto runner = ModelRunner::create(**model, 1);
  if (!runner)
    return runner.takeError();
  Outputs outputs;
  for (const data::TestData &set : inputs) {
    if (llvm::Error error = (*runner)->bind(set.inputs))
      return std::move(error);
    if (llvm::Error error = (*runner)->execute())
      return std::move(error);
    outputs.push_back((*runner)->outputs());
  }
  return outputs;
}

/// Mean squares, put together over data folders.
struct Deviation {
  int64_t elements = 0;
  double signal = 0, bf16 = 0, rounded = 0;

  void add(const Tensor &exact, const Tensor &narrow, const Tensor &rough) {
    // Sizes that follow from data may differ.
    if (exact.shape != narrow.shape || exact.shape != rough.shape)
      return;
    for (int64_t i = 0, n = exact.elements(); i < n; ++i) {
      double value = exact.value(i).real();
      if (!std::isfinite(value))
        continue;
      signal += value * value;
      bf16 += std::pow(narrow.value(i).real() - value, 2);
      rounded += std::pow(rough.value(i).real() - value, 2);
      ++elements;
    }
  }
};

int fail(const llvm::Twine &text) {
  llvm::errs() << "bf16_bound: error: " << text << '\n';
  return 1;
}

} // namespace

int main(int argc, char **argv) {
  if (argc < 3) {
    llvm::errs() << kUsage;
    return 2;
  }
  llvm::StringRef path = argv[1];
  std::vector<data::TestData> inputs;
  for (llvm::StringRef folder : llvm::ArrayRef<char *>(argv + 2, argc - 2)) {
    auto set = data::readTestFolder(folder);
    if (!set)
      return fail(llvm::toString(set.takeError()));
    inputs.push_back(std::move(*set));
  }
  size_t count = 0;
  CompileOptions exact, narrow, rough;
  narrow.precision.everywhere = "bf16";
  rough.onSimplified = [&](mlir::ModuleOp module) {
    chooseAndRound(module, count);
  };
  Outputs all[3];
  const CompileOptions *ways[] = {&exact, &narrow, &rough};
  for (auto [options, result] : llvm::zip(ways, all)) {
    auto outputs = runModel(path, *options, inputs);
    if (!outputs)
      return fail(llvm::toString(outputs.takeError()));
    result = std::move(*outputs);
  }
  for (size_t output = 0; output != all[0].front().size(); ++output) {
    const Tensor &first = all[0].front()[output];
    if (first.dtype != ASHLAR_FLOAT32)
      continue;
    Deviation deviation;
    for (size_t set = 0; set != inputs.size(); ++set)
      deviation.add(all[0][set][output], all[1][set][output],
                    all[2][set][output]);
    double n = std::max<double>(deviation.elements, 1);
    llvm::outs() << llvm::formatv(
        "{0}\t{1}\t{2:e6}\t{3:e6}\t{4:e6}\n", first.name, deviation.elements,
        std::sqrt(deviation.signal / n), std::sqrt(deviation.bf16 / n),
        std::sqrt(deviation.rounded / n));
  }
  llvm::outs() << "layers\t" << count << '\n';
  return 0;
}
