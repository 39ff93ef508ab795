#include "passes/convert/OnnxTypeConverter.h"

#include "passes/convert/LowBit.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;

namespace ashlar {

// The type that elements are kept in.
static Type storageType(Type type) {
  if (isLowBit(type))
    return IntegerType::get(type.getContext(), 8);
  auto integer = dyn_cast<IntegerType>(type);
  return integer && integer.isUnsigned()
             ? IntegerType::get(type.getContext(), integer.getWidth())
             : type;
}

OnnxTypeConverter::OnnxTypeConverter() {
  addConversion([](Type type) { return type; });
  addConversion([](IntegerType type) { return storageType(type); });
  addConversion([](FloatType type) { return storageType(type); });
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

// Each element as a byte.
static ElementsAttr asBytes(DenseElementsAttr dense) {
  Type element = dense.getElementType();
  Type byte = IntegerType::get(element.getContext(), 8);
  SmallVector<APInt> bytes;
  if (isa<FloatType>(element)) {
    for (const APFloat &value : dense.getValues<APFloat>())
      bytes.push_back(value.bitcastToAPInt().zextOrTrunc(8));
  } else {
    for (const APInt &value : dense.getValues<APInt>())
      bytes.push_back(element.isUnsignedInteger() ? value.zext(8)
                                                  : value.sext(8));
  }
  return DenseElementsAttr::get(dense.getType().clone(byte), bytes);
}

ElementsAttr withStorageElements(ElementsAttr elements) {
  Type element = elements.getElementType(), stored = storageType(element);
  if (stored == element)
    return elements;
  // Resources hold elements below a byte unpacked.
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(elements))
    return DenseResourceElementsAttr::get(resource.getType().clone(stored),
                                          resource.getRawHandle());
  auto dense = dyn_cast<DenseElementsAttr>(elements);
  if (!dense)
    return {};
  return isLowBit(element) ? asBytes(dense) : dense.bitcast(stored);
}

} // namespace ashlar
