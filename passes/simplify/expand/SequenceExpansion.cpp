// Sequences that a graph builds and takes apart again, as the tensors they
// consist of. Positions may be data where all the tensors have one static type.
#include "passes/simplify/expand/GraphBuilder.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace {

using List = SmallVector<Value>;

bool sameStaticTypes(ArrayRef<Value> values) {
  return !values.empty() && hasStaticType(values[0]) &&
         llvm::all_of(values, [&](Value value) {
           return value.getType() == values[0].getType();
         });
}

// The position as a number, when it is one; counted from the end if negative.
std::optional<int64_t> knownPosition(Value position, int64_t size) {
  auto value = constantIntegers(position);
  if (!value || value->size() != 1)
    return std::nullopt;
  return value->front() < 0 ? value->front() + size : value->front();
}

// The position as a scalar i64 in [0, size).
Value computedPosition(GraphBuilder &g, Value position, int64_t size) {
  Value wide = g.reshape(g.cast(position, g.builder.getI64Type()), {});
  Value negative = g.compare<LessOp>(wide, g.integer(0));
  return g.select(negative, g.add(wide, g.integer(size)), wide);
}

class SequenceResolver {
public:
  explicit SequenceResolver(GraphBuilder &g) : g(g) {}

  // The tensors of a sequence; nothing when they are not known one by one.
  std::optional<List> elementsOf(Value sequence) {
    Operation *op = sequence.getDefiningOp();
    if (!op)
      return std::nullopt;
    if (isa<SequenceEmptyOp>(op))
      return List();
    if (auto construct = dyn_cast<SequenceConstructOp>(op))
      return List(construct.getInputs());
    if (auto identity = dyn_cast<IdentityOp>(op))
      return elementsOf(identity.getInput());
    if (auto insert = dyn_cast<SequenceInsertOp>(op))
      return inserted(insert);
    if (auto erase = dyn_cast<SequenceEraseOp>(op))
      return erased(erase);
    if (auto split = dyn_cast<SplitToSequenceOp>(op))
      return splitUp(split);
    return std::nullopt;
  }

  // One element at a position that may be data.
  Value at(ArrayRef<Value> list, Value position) {
    int64_t size = list.size();
    if (auto known = knownPosition(position, size))
      return *known >= 0 && *known < size ? list[*known] : Value();
    if (!sameStaticTypes(list))
      return {};
    List stacked;
    for (Value value : list)
      stacked.push_back(g.unsqueeze(value, 0));
    return g.gather(g.concat(stacked, 0), computedPosition(g, position, size),
                    0);
  }

private:
  std::optional<List> inserted(SequenceInsertOp op) {
    auto list = elementsOf(op.getInputSequence());
    if (!list)
      return std::nullopt;
    int64_t size = list->size();
    Value tensor = op.getTensor();
    if (!op.getPosition()) {
      list->push_back(tensor);
      return list;
    }
    if (auto known = knownPosition(op.getPosition(), size)) {
      if (*known < 0 || *known > size)
        return std::nullopt;
      list->insert(list->begin() + *known, tensor);
      return list;
    }
    List all(*list);
    all.push_back(tensor);
    if (!sameStaticTypes(all))
      return std::nullopt;
    Value position = computedPosition(g, op.getPosition(), size);
    List result;
    for (int64_t i = 0; i <= size; ++i) {
      // Elements before the position stay, those after it come from one place
      // earlier.
      Value here = tensor;
      if (i > 0)
        here = typed(g.select(g.compare<LessOp>(position, g.integer(i)),
                              (*list)[i - 1], here),
                     tensor);
      if (i < size)
        here = typed(g.select(g.compare<GreaterOp>(position, g.integer(i)),
                              (*list)[i], here),
                     tensor);
      result.push_back(here);
    }
    return result;
  }

  std::optional<List> erased(SequenceEraseOp op) {
    auto list = elementsOf(op.getInputSequence());
    if (!list || list->empty())
      return std::nullopt;
    int64_t size = list->size();
    if (!op.getPosition()) {
      list->pop_back();
      return list;
    }
    if (auto known = knownPosition(op.getPosition(), size)) {
      if (*known < 0 || *known >= size)
        return std::nullopt;
      list->erase(list->begin() + *known);
      return list;
    }
    if (!sameStaticTypes(*list))
      return std::nullopt;
    Value position = computedPosition(g, op.getPosition(), size);
    List result;
    for (int64_t i = 0; i + 1 < size; ++i)
      result.push_back(
          typed(g.select(g.compare<GreaterOp>(position, g.integer(i)),
                         (*list)[i], (*list)[i + 1]),
                (*list)[i]));
    return result;
  }

  std::optional<List> splitUp(SplitToSequenceOp op) {
    auto type = rankedType(op.getInput());
    if (!type)
      return std::nullopt;
    int64_t axis = op.getAxis();
    axis += axis < 0 ? type.getRank() : 0;
    if (type.isDynamicDim(axis))
      return std::nullopt;
    int64_t whole = type.getDimSize(axis);
    auto lengths = constantIntegers(op.getSplit());
    SmallVector<int64_t> parts;
    if (!op.getSplit()) {
      parts.assign(whole, 1);
    } else if (!lengths) {
      return std::nullopt;
    } else if (rankedType(op.getSplit()).getRank() == 0) {
      int64_t part = lengths->front();
      if (part < 1)
        return std::nullopt;
      for (int64_t at = 0; at < whole; at += part)
        parts.push_back(std::min(part, whole - at));
    } else {
      parts.assign(lengths->begin(), lengths->end());
    }
    List result;
    int64_t at = 0;
    for (int64_t part : parts) {
      SmallVector<int64_t> shape(type.getShape());
      shape[axis] = part;
      Value piece = g.slice(op.getInput(), axis, at, at + part);
      piece.setType(RankedTensorType::get(shape, type.getElementType()));
      if (!op.getSplit() && !op.getKeepdims()) {
        shape.erase(shape.begin() + axis);
        piece = g.squeeze(piece, axis);
        piece.setType(RankedTensorType::get(shape, type.getElementType()));
      }
      result.push_back(piece);
      at += part;
    }
    return result;
  }

  // A selection between values of one type has that type.
  Value typed(Value value, Value like) {
    value.setType(like.getType());
    return value;
  }

  GraphBuilder &g;
};

LogicalResult resolveAt(SequenceAtOp op, PatternRewriter &rewriter) {
  GraphBuilder g(rewriter, op.getLoc());
  SequenceResolver resolver(g);
  auto list = resolver.elementsOf(op.getInputSequence());
  Value element = list ? resolver.at(*list, op.getPosition()) : Value();
  if (!element)
    return failure();
  replaceResult(rewriter, op, g.unary<IdentityOp>(element));
  return success();
}

LogicalResult resolveLength(SequenceLengthOp op, PatternRewriter &rewriter) {
  GraphBuilder g(rewriter, op.getLoc());
  auto list = SequenceResolver(g).elementsOf(op.getInputSequence());
  if (!list)
    return failure();
  replaceResult(rewriter, op, g.integer(list->size()));
  return success();
}

LogicalResult resolveConcat(ConcatFromSequenceOp op,
                            PatternRewriter &rewriter) {
  GraphBuilder g(rewriter, op.getLoc());
  auto list = SequenceResolver(g).elementsOf(op.getInputSequence());
  if (!list || list->empty())
    return failure();
  int64_t axis = op.getAxis();
  if (op.getNewAxis())
    for (Value &value : *list)
      value = g.unsqueeze(value, axis);
  replaceResult(rewriter, op, g.concat(*list, axis));
  return success();
}

// An optional that was just made holds what was put in.
LogicalResult resolveElement(OptionalGetElementOp op,
                             PatternRewriter &rewriter) {
  Value inner = op.getInput();
  if (auto make = inner.getDefiningOp<OptionalOp>())
    inner = make.getInput();
  if (!inner || inner.getType() != op.getOutput().getType())
    return failure();
  rewriter.replaceOp(op, inner);
  return success();
}

LogicalResult resolvePresence(OptionalHasElementOp op,
                              PatternRewriter &rewriter) {
  std::optional<bool> present;
  if (!op.getInput())
    present = false;
  else if (!isa<OptType>(op.getInput().getType()))
    present = true;
  else if (auto make = op.getInput().getDefiningOp<OptionalOp>())
    present = bool(make.getInput());
  if (!present)
    return failure();
  GraphBuilder g(rewriter, op.getLoc());
  replaceResult(rewriter, op, g.scalar(rewriter.getI1Type(), *present));
  return success();
}

} // namespace

void ashlar::onnx::populateSequenceExpansions(RewritePatternSet &patterns) {
  patterns.add(resolveAt);
  patterns.add(resolveLength);
  patterns.add(resolveConcat);
  patterns.add(resolveElement);
  patterns.add(resolvePresence);
}
