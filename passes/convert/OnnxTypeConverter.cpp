#include "passes/convert/OnnxTypeConverter.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;

namespace ashlar {

OnnxTypeConverter::OnnxTypeConverter() {
  addConversion([](Type type) { return type; });
  addConversion([](IntegerType type) {
    return type.isUnsigned()
               ? IntegerType::get(type.getContext(), type.getWidth())
               : type;
  });
  addConversion([this](RankedTensorType type) {
    return type.clone(convertType(type.getElementType()));
  });
  addConversion([this](UnrankedTensorType type) {
    return UnrankedTensorType::get(convertType(type.getElementType()));
  });
  auto cast = [](OpBuilder &builder, Type type, ValueRange inputs,
                 Location loc) -> Value {
    return UnrealizedConversionCastOp::create(builder, loc, type, inputs)
        .getResult(0);
  };
  addSourceMaterialization(cast);
  addTargetMaterialization(cast);
}

ElementsAttr withSignlessElements(ElementsAttr elements) {
  auto type = dyn_cast<IntegerType>(elements.getElementType());
  if (!type || !type.isUnsigned())
    return elements;
  Type signless = IntegerType::get(type.getContext(), type.getWidth());
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(elements))
    return DenseResourceElementsAttr::get(resource.getType().clone(signless),
                                          resource.getRawHandle());
  if (auto dense = dyn_cast<DenseElementsAttr>(elements))
    return dense.bitcast(signless);
  return {};
}

} // namespace ashlar
