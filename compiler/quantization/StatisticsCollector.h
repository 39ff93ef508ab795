//===- StatisticsCollector.h - statistics of tensors while models run -----===//
#ifndef ASHLAR_COMPILER_QUANTIZATION_STATISTICSCOLLECTOR_H
#define ASHLAR_COMPILER_QUANTIZATION_STATISTICSCOLLECTOR_H

#include "compiler/execution/TensorObserver.h"
#include "compiler/quantization/CalibrationTable.h"

#include "llvm/ADT/StringMap.h"

namespace ashlar::quantization {

/// Counts into a table what runs show. A sample counts as a whole, once its
/// run has ended well.
class StatisticsCollector : public TensorObserver {
public:
  /// Statistics go to `table`. Names in messages and axes of channels come
  /// from `model`.
  StatisticsCollector(const ModelFile &model, CalibrationTable &table);

  void beginRun() override;
  void observe(llvm::StringRef tensor, int32_t dtype,
               llvm::ArrayRef<int64_t> shape, const void *data) override;

  /// The run of `sample` has ended. An error where a tensor held something
  /// that is not finite: then the sample does not count.
  llvm::Error endSample(llvm::StringRef sample);

private:
  template <typename T>
  void add(llvm::StringRef tensor, llvm::ArrayRef<T> values,
           llvm::ArrayRef<int64_t> shape);

  CalibrationTable &table;
  llvm::StringMap<std::string> producers;
  llvm::StringMap<int> channelAxes; // negative: from the last
  std::map<std::string, TensorStatistics> run;
  std::string badTensor, badValue;
  std::vector<float> widened;
};

/// Along which axis a contraction of `model` reads channels of each tensor;
/// negative axes count from the last.
llvm::StringMap<int> channelAxesOf(const ModelFile &model);

} // namespace ashlar::quantization

#endif
