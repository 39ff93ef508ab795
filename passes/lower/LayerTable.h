//===- LayerTable.h - places of ONNX nodes in the layer table -------------===//
#ifndef ASHLAR_PASSES_LOWER_LAYERTABLE_H
#define ASHLAR_PASSES_LOWER_LAYERTABLE_H

#include "llvm/ADT/StringMap.h"

#include "passes/lower/Passes.h"

namespace ashlar {

/// Place of the ONNX node that a location names in the layer table.
class LayerTable {
public:
  explicit LayerTable(mlir::ModuleOp module) {
    if (auto layers = module->getAttrOfType<mlir::ArrayAttr>(kLayersAttrName))
      for (auto [index, name] : llvm::enumerate(layers))
        places.try_emplace(llvm::cast<mlir::StringAttr>(name).getValue(),
                           index);
  }

  int64_t size() const { return places.size(); }

  /// -1 if no part of `loc` names a node of the table.
  int64_t find(mlir::Location loc) const {
    int64_t place = -1;
    loc->walk([&](mlir::Location inner) {
      auto named = llvm::dyn_cast<mlir::NameLoc>(inner);
      auto found =
          named ? places.find(named.getName().getValue()) : places.end();
      if (found == places.end())
        return mlir::WalkResult::advance();
      place = found->second;
      return mlir::WalkResult::interrupt();
    });
    return place;
  }

private:
  llvm::StringMap<int64_t> places;
};

} // namespace ashlar

#endif
