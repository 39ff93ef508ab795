// Operators of ai.onnx.ml.
#include "compiler/import/upgrade/Upgrade.h"
#include "dialects/onnx/OnnxDialect.h"

using namespace mlir;

namespace ashlar {
namespace {

// LabelEncoder-1 had one list: strings to their positions, or back.
LogicalResult labelClasses(NodeBuilder &b, ImportNode &node,
                           SmallVectorImpl<Value> &) {
  auto classes = node.take<ArrayAttr>("classes_strings");
  auto type =
      node.input(0) ? dyn_cast<TensorType>(node.input(0).getType()) : nullptr;
  if (!classes || !type)
    return success();
  bool fromStrings = isa<onnx::StringType>(type.getElementType());
  SmallVector<int64_t> positions =
      llvm::to_vector(llvm::seq<int64_t>(0, int64_t(classes.size())));
  node.attributes.set(fromStrings ? "keys_strings" : "values_strings", classes);
  node.attributes.set(fromStrings ? "values_int64s" : "keys_int64s",
                      b.builder.getDenseI64ArrayAttr(positions));
  return success();
}

} // namespace

ArrayRef<Upgrade> machineLearningUpgrades() {
  static constexpr Upgrade table[] = {{"LabelEncoder", 2, labelClasses}};
  return table;
}

} // namespace ashlar
