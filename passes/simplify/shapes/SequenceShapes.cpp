// Types of sequences and optionals. The elements of a sequence keep what they
// have in common.
#include "dialects/onnx/OnnxOps.h"
#include "dialects/onnx/OperatorSchema.h"
#include "passes/simplify/ShapeRegistry.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace {

Type commonType(Type a, Type b) {
  if (a == b)
    return a;
  auto left = dyn_cast<TensorType>(a), right = dyn_cast<TensorType>(b);
  if (!left || !right || left.getElementType() != right.getElementType())
    return {};
  if (!left.hasRank() || !right.hasRank() || left.getRank() != right.getRank())
    return UnrankedTensorType::get(left.getElementType());
  SmallVector<int64_t> sizes;
  for (auto [x, y] : llvm::zip(left.getShape(), right.getShape()))
    sizes.push_back(x == y ? x : ShapedType::kDynamic);
  return RankedTensorType::get(sizes, left.getElementType());
}

Type elementOf(OpShapes &shapes, Value sequence) {
  auto type = dyn_cast<SeqType>(shapes.type(sequence));
  return type ? type.getElementType() : Type();
}

LogicalResult inferConstruct(SequenceConstructOp op, OpShapes &shapes) {
  Type common;
  for (Value input : op.getInputs()) {
    Type type = shapes.type(input);
    common = common ? commonType(common, type) : type;
    if (!common)
      return shapes.error() << "inputs differ in element type";
  }
  return shapes.resultType(op.getOutputSequence(),
                           SeqType::get(op.getContext(), common));
}

LogicalResult inferEmpty(SequenceEmptyOp op, OpShapes &shapes) {
  Type element = elementTypeFromOnnx(
      op.getContext(), op.getDtype() ? int64_t(*op.getDtype()) : 1);
  if (!element)
    return shapes.error() << "unknown element type " << int64_t(*op.getDtype());
  return shapes.resultType(
      op.getOutput(),
      SeqType::get(op.getContext(), UnrankedTensorType::get(element)));
}

LogicalResult inferInsert(SequenceInsertOp op, OpShapes &shapes) {
  Type element = elementOf(shapes, op.getInputSequence());
  Type tensor = shapes.type(op.getTensor());
  auto *producer = op.getInputSequence().getDefiningOp();
  // An empty sequence takes the type of what is put into it.
  Type common = element && !isa_and_nonnull<SequenceEmptyOp>(producer)
                    ? commonType(element, tensor)
                    : tensor;
  if (!common)
    return shapes.error() << "tensor is " << tensor << ", expected " << element;
  return shapes.resultType(op.getOutputSequence(),
                           SeqType::get(op.getContext(), common));
}

LogicalResult inferErase(SequenceEraseOp op, OpShapes &shapes) {
  return shapes.resultType(op.getOutputSequence(),
                           shapes.type(op.getInputSequence()));
}

LogicalResult inferAt(SequenceAtOp op, OpShapes &shapes) {
  Type element = elementOf(shapes, op.getInputSequence());
  if (!element)
    return shapes.error() << "input is no sequence";
  // An element that is built right before keeps all that is known of it.
  auto construct = op.getInputSequence().getDefiningOp<SequenceConstructOp>();
  auto position = shapes.integers(op.getPosition());
  if (construct && position && position->size() == 1) {
    int64_t count = construct.getInputs().size(), index = position->front();
    if (index < -count || index >= count)
      return shapes.error() << "position is " << index << ", expected from "
                            << -count << " to " << count - 1;
    return shapes.resultLike(
        op.getTensor(),
        construct.getInputs()[index < 0 ? index + count : index]);
  }
  return shapes.resultType(op.getTensor(), element);
}

LogicalResult inferLength(SequenceLengthOp op, OpShapes &shapes) {
  return shapes.result(op.getLength(), IntegerType::get(op.getContext(), 64),
                       {});
}

LogicalResult inferSplitTo(SplitToSequenceOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getInput());
  MLIRContext *context = op.getContext();
  if (!shapes.ranked(op.getInput()))
    return shapes.resultType(
        op.getOutputSequence(),
        SeqType::get(context, UnrankedTensorType::get(element)));
  Shape dims(shapes.dims(op.getInput()));
  auto axis = shapes.axis(op.getAxis(), dims.size());
  if (failed(axis))
    return failure();
  SmallVector<int64_t> sizes;
  for (const DimExpr &dim : dims)
    sizes.push_back(dim.constant().value_or(ShapedType::kDynamic));
  auto split = shapes.integers(op.getSplit());
  int64_t whole = sizes[*axis];
  if (!op.getSplit()) {
    sizes[*axis] = 1;
    if (!op.getKeepdims())
      sizes.erase(sizes.begin() + *axis);
  } else if (split && !split->empty() && llvm::all_equal(*split) &&
             (shapes.rank(op.getSplit()) == 1 ||
              (!ShapedType::isDynamic(whole) && split->front() > 0 &&
               whole % split->front() == 0))) {
    sizes[*axis] = split->front();
  } else {
    sizes[*axis] = ShapedType::kDynamic;
  }
  return shapes.resultType(
      op.getOutputSequence(),
      SeqType::get(context, RankedTensorType::get(sizes, element)));
}

LogicalResult inferConcatFrom(ConcatFromSequenceOp op, OpShapes &shapes) {
  auto element =
      dyn_cast_or_null<TensorType>(elementOf(shapes, op.getInputSequence()));
  if (!element)
    return shapes.error() << "input is no sequence of tensors";
  if (!element.hasRank())
    return shapes.resultUnranked(op.getConcatResult(),
                                 element.getElementType());
  Shape dims;
  for (int64_t size : element.getShape())
    dims.push_back(ShapedType::isDynamic(size) ? shapes.unknown()
                                               : DimExpr(size));
  bool isNew = op.getNewAxis();
  auto axis = shapes.axis(op.getAxis(), dims.size() + isNew);
  if (failed(axis))
    return failure();
  if (isNew)
    dims.insert(dims.begin() + *axis, shapes.unknown());
  else
    dims[*axis] = shapes.unknown();
  if (auto construct =
          op.getInputSequence().getDefiningOp<SequenceConstructOp>()) {
    DimExpr sum(isNew ? int64_t(construct.getInputs().size()) : 0);
    for (Value input : construct.getInputs())
      if (!isNew)
        sum = shapes.ranked(input) && shapes.rank(input) > *axis
                  ? shapes.add(sum, shapes.dims(input)[*axis])
                  : shapes.unknown();
    dims[*axis] = sum;
  }
  return shapes.result(op.getConcatResult(), element.getElementType(), dims);
}

LogicalResult inferOptional(OptionalOp op, OpShapes &shapes) {
  Type type = op.getInput() ? shapes.type(op.getInput())
                            : (op.getType() ? *op.getType() : Type());
  if (!type)
    return shapes.error() << "needs an input or 'type'";
  if (!op.getInput() && isa<OptType>(type))
    return shapes.resultType(op.getOutput(), type);
  return shapes.resultType(op.getOutput(), OptType::get(op.getContext(), type));
}

LogicalResult inferGetElement(OptionalGetElementOp op, OpShapes &shapes) {
  auto optional = dyn_cast<OptType>(shapes.type(op.getInput()));
  if (!optional) // a plain value stands for itself
    return shapes.resultLike(op.getOutput(), op.getInput());
  if (auto make = op.getInput().getDefiningOp<OptionalOp>();
      make && make.getInput())
    return shapes.resultLike(op.getOutput(), make.getInput());
  return shapes.resultType(op.getOutput(), optional.getElementType());
}

LogicalResult inferHasElement(OptionalHasElementOp op, OpShapes &shapes) {
  return shapes.result(op.getOutput(), IntegerType::get(op.getContext(), 1),
                       {});
}

} // namespace

void ashlar::onnx::registerSequenceShapes(ShapeRegistry &registry) {
  registry.add<SequenceConstructOp, inferConstruct>();
  registry.add<SequenceEmptyOp, inferEmpty>();
  registry.add<SequenceInsertOp, inferInsert>();
  registry.add<SequenceEraseOp, inferErase>();
  registry.add<SequenceAtOp, inferAt>();
  registry.add<SequenceLengthOp, inferLength>();
  registry.add<SplitToSequenceOp, inferSplitTo>();
  registry.add<ConcatFromSequenceOp, inferConcatFrom>();
  registry.add<OptionalOp, inferOptional>();
  registry.add<OptionalGetElementOp, inferGetElement>();
  registry.add<OptionalHasElementOp, inferHasElement>();
}
