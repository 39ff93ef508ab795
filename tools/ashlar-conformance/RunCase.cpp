//===- RunCase.cpp - one conformance case ---------------------------------===//
#include "tools/ashlar-conformance/RunCase.h"
#include "compiler/api/Compile.h"
#include "compiler/data/Compare.h"
#include "compiler/data/DataFiles.h"
#include "compiler/execution/ModelRunner.h"
#include "compiler/report/DiagnosticPrinter.h"

using namespace llvm;
namespace ashlar::conformance {

static constexpr int unsupportedExitCode = 4;

/// What an unsuccessful compilation is: unsupported where every error says so.
static Result refusal(const DiagnosticPrinter &diagnostics) {
  Result result;
  if (diagnostics.exitCode() == unsupportedExitCode)
    result.outcome = Outcome::Unsupported;
  result.detail = "no object, and no message";
  for (const PrintedDiagnostic &one : diagnostics.diagnostics()) {
    if (one.severity != mlir::DiagnosticSeverity::Error)
      continue;
    // The first error, without the operations printed below it.
    result.detail = ("\"" + Twine(one.node) + "\" (" + one.op +
                     "): " + StringRef(one.message).split('\n').first)
                        .str();
    break;
  }
  return result;
}

static std::string oneLine(Error error) {
  std::string text = toString(std::move(error));
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

/// What is wrong with the outputs; empty where they agree.
static std::string difference(const ashlar_model_info &info,
                              ArrayRef<data::Tensor> got,
                              ArrayRef<data::Tensor> expected,
                              const RunOptions &options) {
  if (got.size() < expected.size())
    return std::to_string(got.size()) + " outputs, expected " +
           std::to_string(expected.size());
  std::string text;
  raw_string_ostream out(text);
  for (auto [index, pair] : enumerate(zip_first(expected, got))) {
    auto &[wanted, found] = pair;
    bool random =
        info.tensors[info.num_inputs + index].flags & ASHLAR_TENSOR_RANDOM;
    data::Comparison comparison =
        random ? data::compareForm(found, wanted)
               : data::compare(found, wanted, {options.rtol, options.atol});
    if (comparison.agrees())
      continue;
    out << "output " << index << ": ";
    if (!comparison.sameType)
      out << "type " << found.dtype << ", expected " << wanted.dtype;
    else if (!comparison.sameShape)
      out << "shape " << data::shapeText(found.shape) << ", expected "
          << data::shapeText(wanted.shape);
    else
      out << comparison.mismatches << " of " << comparison.elements
          << " elements differ, worst "
          << data::indexText(comparison.worstIndex, wanted.shape) << ": "
          << comparison.worstGot.real() << ", expected "
          << comparison.worstExpected.real();
    return text;
  }
  return text;
}

/// Runs one data set; an error or an empty text.
static std::string runDataSet(ModelRunner &runner,
                              const ashlar_model_info &info, StringRef folder,
                              const RunOptions &options) {
  Expected<data::TestData> data = data::readTestFolder(folder);
  if (!data)
    return oneLine(data.takeError());
  if (Error error = runner.bind(std::move(data->inputs)))
    return oneLine(std::move(error));
  if (Error error = runner.execute())
    return oneLine(std::move(error));
  return difference(info, runner.outputs(), data->outputs, options);
}

Result runCase(const Case &test, const RunOptions &options) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  prepareContext(context);
  DiagnosticPrinter diagnostics(context, nulls());
  CompileOptions compile;
  compile.prefix = "model";
  compile.cpus = {options.cpu};
  compile.stages.verifyContracts = true;
  mlir::FailureOr<CompiledModel> compiled =
      compileModel(context, test.folder + "/model.onnx", compile);
  if (mlir::failed(compiled))
    return refusal(diagnostics);
  Expected<std::unique_ptr<LoadedModel>> model =
      LoadedModel::load(compiled->object.toBuffer());
  if (!model)
    return {Outcome::Failed, oneLine(model.takeError())};
  Expected<std::unique_ptr<ModelRunner>> runner =
      ModelRunner::create(**model, 1);
  if (!runner)
    return {Outcome::Failed, oneLine(runner.takeError())};
  for (const std::string &folder : findDataSets(test)) {
    std::string problem =
        runDataSet(**runner, (*model)->info(), folder, options);
    if (!problem.empty())
      return {Outcome::Failed, problem};
  }
  return {Outcome::Passed, ""};
}

} // namespace ashlar::conformance
