//===- ModelRunner.h - runs any compiled model by its tables --------------===//
#ifndef ASHLAR_COMPILER_EXECUTION_MODELRUNNER_H
#define ASHLAR_COMPILER_EXECUTION_MODELRUNNER_H

#include "compiler/data/Tensor.h"
#include "compiler/execution/LoadedModel.h"
#include "compiler/execution/TensorObserver.h"

#include "llvm/ADT/ArrayRef.h"
#include <memory>
#include <vector>

namespace ashlar {

/// Why a run failed, with what the program makes of it.
class RunError : public llvm::ErrorInfo<RunError> {
public:
  static char ID;
  RunError(ashlar_status status, std::string text)
      : status(status), text(std::move(text)) {}
  void log(llvm::raw_ostream &os) const override;
  std::error_code convertToErrorCode() const override {
    return llvm::inconvertibleErrorCode();
  }
  ashlar_status status;
  std::string text;
};

/// Owns everything that a run needs besides the model: threads, workspace,
/// outputs. Needs no generated header.
class ModelRunner {
public:
  /// `threads` 0: as many as this process may use.
  static llvm::Expected<std::unique_ptr<ModelRunner>>
  create(const LoadedModel &model, unsigned threads);
  ~ModelRunner();

  /// Takes the inputs in the order of the model's table, finds the values of
  /// the symbolic dimensions and makes room for the outputs.
  llvm::Error bind(std::vector<data::Tensor> inputs);

  /// Runs the model on the bound inputs. Room for outputs whose size is not
  /// known beforehand is grown as needed.
  /// Adds to `profile` where the time went, and shows `observer` the tensors
  /// that the model was compiled to show, if those are given.
  llvm::Error execute(ashlar_profile *profile = nullptr,
                      TensorObserver *observer = nullptr);

  /// Copies of the outputs of the last execute().
  std::vector<data::Tensor> outputs() const;

  const std::vector<int64_t> &dims() const { return dimValues; }
  size_t workspaceBytes() const { return workspace.bytes; }
  uint32_t workers() const;

private:
  /// Memory at ASHLAR_ALIGNMENT, filled with ones so that reading what was
  /// never written shows (NaN in all float types).
  struct Region {
    ~Region();
    Region() = default;
    Region(const Region &) = delete;
    Region(Region &&other) { *this = std::move(other); }
    Region &operator=(Region &&other) {
      std::swap(data, other.data);
      std::swap(bytes, other.bytes);
      return *this;
    }
    bool allocate(size_t size);
    void *data = nullptr;
    size_t bytes = 0;
  };

  explicit ModelRunner(const LoadedModel &model) : model(model) {}
  const ashlar_tensor_info &outputInfo(uint32_t index) const {
    return model.info().tensors[model.info().num_inputs + index];
  }
  llvm::Error resolveDims();
  llvm::Error allocateOutputs();
  llvm::Error fault(const ashlar_diagnostic &why) const;
  bool grow(const ashlar_diagnostic &why);

  const LoadedModel &model;
  ashlar_pool *pool = nullptr;
  std::vector<data::Tensor> inputs;
  std::vector<int64_t> dimValues;
  std::vector<int64_t> outputDims;
  std::vector<Region> outputRegions;
  std::vector<bool> outputGrows; // size not known beforehand
  Region workspace, state;
};

} // namespace ashlar
#endif
