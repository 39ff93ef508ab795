// Values that somebody wants to see.
#include "compiler/import/GraphImporter.h"
#include "dialects/onnx/OnnxOps.h"

using namespace mlir;

namespace ashlar {

// Constants are known without a run.
static bool isObservable(Value value) {
  if (!value || value.getDefiningOp<onnx::ConstantOp>())
    return false;
  auto tensor = dyn_cast<TensorType>(value.getType());
  return tensor && isa<Float16Type, BFloat16Type, Float32Type, Float64Type>(
                       tensor.getElementType());
}

void GraphImporter::observe(StringRef name, Value value, Location loc,
                            Scope &scope) {
  if (!options.observe || name.empty() || !isObservable(value))
    return;
  std::string fullName = scope.frame->prefix + name.str();
  if (!options.observe(fullName))
    return;
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(scope.block);
  onnx::ObserveOp::create(builder, loc, value, fullName);
}

} // namespace ashlar
