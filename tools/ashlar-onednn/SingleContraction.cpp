#include "tools/ashlar-onednn/SingleContraction.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"

#include "dialects/onnx/OnnxOps.h"

using namespace mlir;
using namespace ashlar;
using namespace ashlar::perf;

static llvm::Error makeError(const Twine &text) {
  return llvm::createStringError(text);
}

static RankedTensorType staticType(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.hasStaticShape() ? type : RankedTensorType();
}

/// The integers of an array attribute; `otherwise` for each where it is absent.
static SmallVector<int64_t> integers(Operation *op, StringRef name,
                                     size_t count, int64_t otherwise) {
  if (auto dense = op->getAttrOfType<DenseI64ArrayAttr>(name))
    return SmallVector<int64_t>(dense.asArrayRef());
  SmallVector<int64_t> values;
  if (auto array = op->getAttrOfType<ArrayAttr>(name)) {
    for (auto value : array.getAsRange<IntegerAttr>())
      values.push_back(value.getInt());
    return values;
  }
  return SmallVector<int64_t>(count, otherwise);
}

static bool areEqual(ArrayRef<int64_t> values) {
  return llvm::all_equal(values);
}

static llvm::Expected<Shape> shapeOfConvolution(Operation *op) {
  RankedTensorType input = staticType(op->getOperand(0)),
                   filter = staticType(op->getOperand(1));
  if (!input || !filter || input.getRank() != 4)
    return makeError("the convolution is not of images of known size");
  SmallVector<int64_t> strides = integers(op, "strides", 2, 1),
                       pads = integers(op, "pads", 4, 0),
                       dilations = integers(op, "dilations", 2, 1);
  auto group = op->getAttrOfType<IntegerAttr>("group");
  if (filter.getDimSize(2) != filter.getDimSize(3) || !areEqual(strides) ||
      !areEqual(pads) ||
      llvm::any_of(dilations, [](int64_t d) { return d != 1; }))
    return makeError("expected a square kernel with equal strides, equal pads "
                     "and no dilation");
  Shape shape;
  shape.isConvolution = true;
  shape.images = input.getDimSize(0), shape.channels = input.getDimSize(1);
  shape.height = input.getDimSize(2), shape.width = input.getDimSize(3);
  shape.filters = filter.getDimSize(0), shape.kernel = filter.getDimSize(2);
  shape.stride = strides.front(), shape.pad = pads.front();
  shape.groups = group ? group.getValue().getSExtValue() : 1;
  return shape;
}

static llvm::Expected<Shape> shapeOfProduct(Operation *op) {
  RankedTensorType left = staticType(op->getOperand(0)),
                   right = staticType(op->getOperand(1)),
                   result = staticType(op->getResult(0));
  if (!left || !right || !result || right.getRank() != 2)
    return makeError("the product is not by a matrix of known size");
  Shape shape;
  shape.columns = result.getShape().back();
  shape.rows = result.getNumElements() / std::max<int64_t>(shape.columns, 1);
  shape.depth = right.getNumElements() / std::max<int64_t>(shape.columns, 1);
  return shape;
}

llvm::Expected<std::pair<Shape, perf::Type>>
ashlar::perf::findSingleContraction(ModuleOp module) {
  SmallVector<Operation *> found;
  module.walk([&](Operation *op) {
    if (isa<onnx::ConvOp, onnx::ConvIntegerOp, onnx::MatMulOp, onnx::GemmOp,
            onnx::MatMulIntegerOp>(op))
      found.push_back(op);
  });
  if (found.size() != 1)
    return makeError("the model has " + Twine(found.size()) +
                     " contractions, a comparison with oneDNN takes one");
  Operation *op = found.front();
  auto precision = op->getAttrOfType<StringAttr>("ashlar.precision");
  perf::Type type = perf::Type::F32;
  if (isa<onnx::ConvIntegerOp, onnx::MatMulIntegerOp>(op))
    type = perf::Type::U8S8;
  else if (precision && precision.getValue() == "bf16")
    type = perf::Type::Bf16;
  auto shape = isa<onnx::ConvOp, onnx::ConvIntegerOp>(op)
                   ? shapeOfConvolution(op)
                   : shapeOfProduct(op);
  if (!shape)
    return shape.takeError();
  return std::make_pair(*shape, type);
}
