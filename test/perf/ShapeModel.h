//===- ShapeModel.h - a model of one contraction, compiled ----------------===//
#ifndef ASHLAR_TEST_PERF_SHAPEMODEL_H
#define ASHLAR_TEST_PERF_SHAPEMODEL_H

#include <memory>

#include "compiler/execution/ModelRunner.h"
#include "test/perf/Shapes.h"

namespace ashlar::perf {

/// The layer compiled for one CPU and bound to its data, for one thread.
class ShapeModel {
public:
  static llvm::Expected<std::unique_ptr<ShapeModel>>
  compile(const Shape &shape, Type type, const LayerData &data,
          llvm::StringRef cpu, Result result);

  llvm::Error run() { return runner->execute(); }
  data::Tensor output() const { return runner->outputs().front(); }

private:
  std::unique_ptr<LoadedModel> model;
  std::unique_ptr<ModelRunner> runner;
};

} // namespace ashlar::perf

#endif
