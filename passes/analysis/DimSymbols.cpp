//===- DimSymbols.cpp - the symbolic dimensions of a model ----------------===//
#include "passes/analysis/DimSymbols.h"

using namespace mlir;
using namespace ashlar;

DimSymbols::DimSymbols(func::FuncOp main) {
  for (auto [index, type] : llvm::enumerate(main.getArgumentTypes())) {
    SmallVector<int64_t> &axes = places.emplace_back();
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!tensor)
      continue;
    auto names = main.getArgAttrOfType<ArrayAttr>(index, "onnx.dim_names");
    for (auto [axis, size] : llvm::enumerate(tensor.getShape())) {
      if (!ShapedType::isDynamic(size)) {
        axes.push_back(-1);
        continue;
      }
      StringAttr name = names && axis < names.size()
                            ? dyn_cast<StringAttr>(names[axis])
                            : StringAttr();
      if (!name || name.empty())
        name = StringAttr::get(main.getContext(),
                               "input" + Twine(index) + "_d" + Twine(axis));
      auto *found = llvm::find(symbols, name);
      axes.push_back(found - symbols.begin());
      if (found == symbols.end())
        symbols.push_back(name);
    }
  }
}
