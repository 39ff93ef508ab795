#include "passes/simplify/expand/GraphBuilder.h"

#include "dialects/onnx/OperatorSchema.h"

using namespace mlir;
using namespace ashlar::onnx;

Value GraphBuilder::cast(Value x, Type to) {
  if (element(x) == to)
    return x;
  return make<CastOp>(to, {x}, {attr("to", int64_t(elementTypeToOnnx(to)))});
}

Value GraphBuilder::vector(ArrayRef<Size> sizes) {
  SmallVector<int64_t> values;
  SmallVector<Value> parts;
  bool known = true;
  for (const Size &size : sizes) {
    known &= size.isStatic();
    values.push_back(size.value);
    parts.push_back(size.isStatic() ? Value() : size.computed);
  }
  if (known)
    return integers(values);
  for (auto [part, value] : llvm::zip(parts, values))
    if (!part)
      part = integers(value);
  return parts.size() == 1 ? parts[0] : concat(parts, 0);
}

Value GraphBuilder::toScalar(Size size) {
  return size.isStatic() ? integer(size.value) : squeeze(size.computed, 0);
}

Value GraphBuilder::reshapeTo(Value x, ArrayRef<Size> target) {
  // One computed size is what remains: then the target is constant.
  SmallVector<int64_t> values;
  int computed = 0;
  for (const Size &size : target) {
    computed += !size.isStatic();
    values.push_back(size.isStatic() ? size.value : -1);
  }
  if (computed <= 1 && !llvm::is_contained(values, 0))
    return reshape(x, values);
  return make<ReshapeOp>(element(x), {x, vector(target)},
                         {attr("allowzero", 1)});
}

Value GraphBuilder::range(Size size) {
  return make<RangeOp>(builder.getI64Type(),
                       {integer(0), toScalar(size), integer(1)});
}

Value GraphBuilder::fill(ArrayRef<Size> shape, Type elementType, double value) {
  auto one =
      constantOfDoubles(RankedTensorType::get({1}, elementType), {value});
  return make<ConstantOfShapeOp>(elementType, {vector(shape)},
                                 {builder.getNamedAttr("value", one)});
}

Size GraphBuilder::dim(Value x, int64_t axis) {
  auto type = rankedType(x);
  if (type) {
    axis += axis < 0 ? type.getRank() : 0;
    if (!type.isDynamicDim(axis))
      return type.getDimSize(axis);
  }
  SmallVector<NamedAttribute> attributes{attr("start", axis)};
  if (axis != -1)
    attributes.push_back(attr("end", axis + 1));
  return make<ShapeOp>(builder.getI64Type(), {x}, attributes);
}

Size GraphBuilder::plus(Size a, Size b) {
  if (a.isStatic() && b.isStatic())
    return a.value + b.value;
  return add(vector(a), vector(b));
}

Size GraphBuilder::minus(Size a, Size b) {
  if (a.isStatic() && b.isStatic())
    return a.value - b.value;
  return sub(vector(a), vector(b));
}

Size GraphBuilder::times(Size a, Size b) {
  if (a.isStatic() && b.isStatic())
    return a.value * b.value;
  return mul(vector(a), vector(b));
}

Size GraphBuilder::dividedBy(Size a, Size b) {
  if (a.isStatic() && b.isStatic() && b.value > 0)
    return a.value / b.value;
  return div(vector(a), vector(b));
}

void ashlar::onnx::replaceResult(PatternRewriter &rewriter, Operation *op,
                                 ArrayRef<Value> values) {
  SmallVector<Value> typed;
  for (auto [index, result] : llvm::enumerate(op->getResults())) {
    Value value = values[index];
    auto known = dyn_cast<RankedTensorType>(result.getType());
    Operation *producer = value.getDefiningOp();
    if (known && isa<UnrankedTensorType>(value.getType()) && producer)
      value.setType(known);
    else if (known && value.getType() != known)
      value = IdentityOp::create(rewriter, op->getLoc(), known, value);
    typed.push_back(value);
  }
  rewriter.replaceOp(op, typed);
}
