//===- CompareModels.h - two models, layer by layer -----------------------===//
//
// The reference runs first and the values of all matched tensors are kept, for
// one sample. The tested model runs three times: as it is compiled for users,
// for its outputs; observed, for the errors that accumulate; and cut into its
// layers (LocalModel.h), each fed with the reference's values, for what each
// does on its own. What a layer is fed with is rounded as its Q/DQ pairs round
// it, and the reference, cut at the same places, computes from the rounded
// values too: the error of an input is that of the layer that makes it.
//
//===----------------------------------------------------------------------===//
#ifndef ASHLAR_COMPILER_COMPARISON_COMPAREMODELS_H
#define ASHLAR_COMPILER_COMPARISON_COMPAREMODELS_H

#include "compiler/api/Compile.h"
#include "compiler/comparison/LocalModel.h"
#include "compiler/comparison/TensorError.h"
#include "compiler/data/SampleStream.h"
#include "compiler/execution/ModelRunner.h"
#include "compiler/quantization/CalibrationTable.h"

namespace ashlar::comparison {

/// What became of one layer.
struct LayerResult {
  MatchedTensor match;
  std::vector<int64_t> shape; // in the first sample
  TensorError accumulated;
  std::optional<TensorError> local;
  std::string precision; // in which it multiplies; empty: it does not
  std::string reason;    // why so
  int64_t macs = -1;
  quantization::Histogram values; // of the reference
  /// What its Q/DQ pair does, where that has one scale; 0: there is none.
  float scale = 0;
  float zeroPoint = 0, lowest = 0, highest = 255;

  /// The range that the pair can tell.
  double rangeMinimum() const {
    return double(lowest - zeroPoint) * double(scale);
  }
  double rangeMaximum() const {
    return double(highest - zeroPoint) * double(scale);
  }
  float rounded(float value) const;
};

struct OutputResult {
  std::string name;
  TensorError error;
};

struct ComparisonResult {
  std::string reference, test;     // the files
  std::vector<LayerResult> layers; // in order of computation
  std::vector<OutputResult> outputs;
  uint64_t samples = 0;
  /// Float values of the reference that the tested model has none for.
  uint64_t unmatched = 0;
  /// What a reader should know.
  std::vector<std::string> notes;
};

/// A compiled model that is ready to run.
struct Executable {
  std::unique_ptr<LoadedModel> model;
  std::unique_ptr<ModelRunner> runner;
  ModelDescription description;

  /// Messages about the model are diagnostics of the context; the error that
  /// is returned then says no more than that.
  static llvm::Expected<Executable> compile(mlir::MLIRContext &context,
                                            const ModelFile &file,
                                            const CompileOptions &options,
                                            unsigned threads);
};

/// The model did not compile; diagnostics have told why.
class CompileError : public llvm::ErrorInfo<CompileError> {
public:
  static char ID;
  explicit CompileError(std::string model) : model(std::move(model)) {}
  void log(llvm::raw_ostream &os) const override {
    os << model << ": error: the model does not compile";
  }
  std::error_code convertToErrorCode() const override {
    return llvm::inconvertibleErrorCode();
  }
  std::string model;
};

class ModelComparer {
public:
  struct Side {
    const ModelFile *model;
    CompileOptions options;
  };
  /// Both files outlive the comparer. `step` is told what is being done.
  static llvm::Expected<std::unique_ptr<ModelComparer>>
  create(mlir::MLIRContext &context, Side reference, Side test, bool local,
         unsigned threads, std::function<void(llvm::StringRef)> step);

  /// The tested model's table of inputs and outputs.
  const ashlar_model_info &info() const { return plain.model->info(); }
  const ashlar_model_info &referenceInfo() const {
    return expected.model->info();
  }

  llvm::Error addSample(const data::Sample &sample);
  /// Of the reference, for the sample added last.
  std::vector<data::Tensor> expectedOutputs() const {
    return expected.runner->outputs();
  }
  ComparisonResult finish();

private:
  ModelComparer(mlir::MLIRContext &context, Side reference, Side test);
  void describeLayers();
  llvm::Error prepareLocal(const data::Sample &sample);
  llvm::Expected<Executable>
  compileCut(const Side &side, LocalModel &local,
             const std::vector<MatchedTensor> &matches,
             const data::Sample &sample, std::string &problem);
  llvm::Error runLocal(const data::Sample &sample);

  mlir::MLIRContext &context;
  Side reference, test;
  quantization::ModelGraph referenceGraph, testGraph;
  ComparisonResult result;
  Executable expected, observed, plain, cut, expectedCut;
  bool wantLocal = true;
  unsigned threads = 0;
  std::function<void(llvm::StringRef)> step;
  LocalModel local, expectedLocal;
  /// Of the reference, for one sample, by matched tensor.
  std::vector<data::Tensor> kept;
  std::map<std::string, std::vector<int64_t>> cutShapes;
};

} // namespace ashlar::comparison
#endif
