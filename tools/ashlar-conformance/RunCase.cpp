//===- RunCase.cpp - one conformance case ---------------------------------===//
#include "tools/ashlar-conformance/RunCase.h"
#include "compiler/api/Compile.h"
#include "compiler/data/Compare.h"
#include "compiler/data/TensorFile.h"
#include "compiler/execution/ModelRunner.h"
#include "dialects/onnx/Diagnostics.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/FileSystem.h"

using namespace llvm;
namespace ashlar::conformance {
namespace {

/// Collects the errors of a compilation.
class Problems {
public:
  explicit Problems(mlir::MLIRContext &context)
      : handler(&context,
                [this](mlir::Diagnostic &diagnostic) { take(diagnostic); }) {}

  /// What an unsuccessful compilation is: unsupported where every error is.
  Result result() const {
    if (count == 0)
      return {Outcome::Failed, "no object, and no message"};
    return {onlyUnsupported ? Outcome::Unsupported : Outcome::Failed, text};
  }

private:
  void take(mlir::Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() != mlir::DiagnosticSeverity::Error)
      return;
    onlyUnsupported &= onnx::isUnsupported(diagnostic);
    if (count++)
      return;
    StringRef node = onnx::nodeName(diagnostic.getLocation());
    text = node.empty() ? "" : ("\"" + node + "\": ").str();
    // One line: the first; what follows are printed operations.
    text += StringRef(diagnostic.str()).split('\n').first;
  }

  unsigned count = 0;
  bool onlyUnsupported = true;
  std::string text;
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace

static std::string oneLine(Error error) {
  std::string text = toString(std::move(error));
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

/// input_0.pb, input_1.pb, ... of a data set.
static Expected<std::vector<data::Tensor>> readAll(StringRef folder,
                                                   StringRef kind) {
  std::vector<data::Tensor> tensors;
  for (unsigned i = 0;; ++i) {
    std::string path = (folder + "/" + kind + "_" + Twine(i) + ".pb").str();
    if (!sys::fs::exists(path))
      return tensors;
    Expected<data::Tensor> tensor = data::readTensorFile(path);
    if (!tensor)
      return tensor.takeError();
    tensors.push_back(std::move(*tensor));
  }
}

/// What is wrong with the outputs; empty where they agree.
static std::string mismatch(ArrayRef<data::Tensor> got,
                            ArrayRef<data::Tensor> expected,
                            const RunOptions &options) {
  if (got.size() < expected.size())
    return std::to_string(got.size()) + " outputs, expected " +
           std::to_string(expected.size());
  std::string text;
  raw_string_ostream out(text);
  for (auto [index, pair] : enumerate(zip_first(expected, got))) {
    auto &[wanted, found] = pair;
    data::Comparison comparison =
        data::compare(found, wanted, {options.rtol, options.atol});
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
static std::string runDataSet(ModelRunner &runner, StringRef folder,
                              const RunOptions &options) {
  Expected<std::vector<data::Tensor>> inputs = readAll(folder, "input");
  if (!inputs)
    return oneLine(inputs.takeError());
  Expected<std::vector<data::Tensor>> expected = readAll(folder, "output");
  if (!expected)
    return oneLine(expected.takeError());
  if (Error error = runner.bind(std::move(*inputs)))
    return oneLine(std::move(error));
  if (Error error = runner.execute())
    return oneLine(std::move(error));
  return mismatch(runner.outputs(), *expected, options);
}

Result runCase(const Case &test, const RunOptions &options) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  prepareContext(context);
  Problems problems(context);
  CompileOptions compile;
  compile.prefix = "model";
  compile.cpus = {options.cpu};
  mlir::FailureOr<CompiledModel> compiled =
      compileModel(context, test.folder + "/model.onnx", compile);
  if (mlir::failed(compiled))
    return problems.result();
  Expected<std::unique_ptr<LoadedModel>> model =
      LoadedModel::load(compiled->object.toBuffer());
  if (!model)
    return {Outcome::Failed, oneLine(model.takeError())};
  Expected<std::unique_ptr<ModelRunner>> runner =
      ModelRunner::create(**model, 1);
  if (!runner)
    return {Outcome::Failed, oneLine(runner.takeError())};
  for (const std::string &folder : findDataSets(test)) {
    std::string problem = runDataSet(**runner, folder, options);
    if (!problem.empty())
      return {Outcome::Failed, problem};
  }
  return {Outcome::Passed, ""};
}

} // namespace ashlar::conformance
