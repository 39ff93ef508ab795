//===- ConstantData.cpp - elements of constant tensors --------------------===//
#include "passes/analysis/ConstantData.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;

std::optional<ashlar::ConstantData> ashlar::constantData(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::CastOp>(
            op))
      break;
    value = op->getOperand(0);
  }
  auto constant = value.getDefiningOp<arith::ConstantOp>();
  return constantData(constant ? dyn_cast<ElementsAttr>(constant.getValue())
                               : ElementsAttr());
}

std::optional<ashlar::ConstantData>
ashlar::constantData(ElementsAttr elements) {
  if (!elements || !elements.getElementType().isIntOrFloat() ||
      elements.getElementType().getIntOrFloatBitWidth() % 8)
    return std::nullopt;
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(elements)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob)
      return std::nullopt;
    return ConstantData{elements, blob->getData(), false};
  }
  auto dense = dyn_cast<DenseElementsAttr>(elements);
  if (!dense)
    return std::nullopt;
  return ConstantData{elements, dense.getRawData(), dense.isSplat()};
}

ElementsAttr
ashlar::makeConstantData(RankedTensorType type, StringRef name,
                         llvm::function_ref<void(MutableArrayRef<char>)> fill) {
  int64_t bytes = type.getNumElements() * (type.getElementTypeBitWidth() / 8);
  AsmResourceBlob blob = HeapAsmResourceBlob::allocate(bytes, 64);
  MutableArrayRef<char> data = blob.getMutableData();
  std::fill(data.begin(), data.end(), 0);
  fill(data);
  return DenseResourceElementsAttr::get(type, name, std::move(blob));
}
