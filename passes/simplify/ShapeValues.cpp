// Elements of small integer tensors from those of the operands: the arithmetic
// that exporters do on shapes.
#include "dialects/onnx/OnnxOps.h"
#include "passes/simplify/ShapeRegistry.h"
#include "passes/simplify/evaluate/Evaluate.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace {

using Elements = SmallVector<DimExpr, 4>;
using Combine = function_ref<DimExpr(const DimExpr &, const DimExpr &)>;

class ElementInference {
public:
  ElementInference(Operation *op, OpShapes &shapes, RankedTensorType type)
      : op(op), shapes(shapes), count(type.getNumElements()) {}

  std::optional<Elements> infer();

private:
  std::optional<Elements> of(Value value) { return shapes.elements(value); }
  std::optional<Elements> combine(Value a, Value b, Combine function);
  std::optional<Elements> fold(ValueRange values, Combine function);
  std::optional<Elements> reduce(Value data, Combine function);
  std::optional<Elements> concat(ConcatOp concat);
  std::optional<Elements> gather(GatherOp gather);
  std::optional<Elements> slice(SliceOp slice);
  std::optional<Elements> select(WhereOp where);
  std::optional<Elements> spread(Value value);
  std::optional<Elements> range(RangeOp range);
  std::optional<Elements> castOf(Value value, Type to);
  DimExpr equal(const DimExpr &a, const DimExpr &b);
  DimExpr less(const DimExpr &a, const DimExpr &b, bool orEqual);
  DimExpr divide(const DimExpr &a, const DimExpr &b);

  Operation *op;
  OpShapes &shapes;
  int64_t count;
};

// Operands with one element broadcast; others must have as many as the result.
std::optional<Elements> ElementInference::combine(Value a, Value b,
                                                  Combine function) {
  auto left = of(a), right = of(b);
  if (!left || !right)
    return std::nullopt;
  auto fits = [&](const Elements &list) {
    return int64_t(list.size()) == count || list.size() == 1;
  };
  if (!fits(*left) || !fits(*right))
    return std::nullopt;
  Elements result;
  for (int64_t i = 0; i < count; ++i)
    result.push_back(function((*left)[left->size() == 1 ? 0 : i],
                              (*right)[right->size() == 1 ? 0 : i]));
  return result;
}

std::optional<Elements> ElementInference::fold(ValueRange values,
                                               Combine function) {
  if (values.size() == 1)
    return of(values[0]);
  if (values.size() != 2)
    return std::nullopt;
  return combine(values[0], values[1], function);
}

std::optional<Elements> ElementInference::reduce(Value data, Combine function) {
  auto list = of(data);
  if (!list || list->empty() || count != 1)
    return std::nullopt;
  DimExpr result = list->front();
  for (const DimExpr &element : ArrayRef(*list).drop_front())
    result = function(result, element);
  return Elements{result};
}

std::optional<Elements> ElementInference::concat(ConcatOp concat) {
  Elements result;
  for (Value input : concat.getInputs()) {
    if (!shapes.ranked(input) || shapes.rank(input) != 1)
      return std::nullopt;
    auto list = of(input);
    auto length = shapes.length(input);
    if (!length)
      return std::nullopt;
    if (list)
      llvm::append_range(result, *list);
    else
      for (int64_t i = 0; i < *length; ++i)
        result.push_back(shapes.unknownElement());
  }
  return result;
}

std::optional<Elements> ElementInference::gather(GatherOp gather) {
  auto data = of(gather.getData());
  auto indices = shapes.integers(gather.getIndices());
  if (!data || !indices || shapes.rank(gather.getData()) != 1)
    return std::nullopt;
  Elements result;
  int64_t size = data->size();
  for (int64_t index : *indices) {
    if (index < -size || index >= size)
      return std::nullopt;
    result.push_back((*data)[index < 0 ? index + size : index]);
  }
  return result;
}

std::optional<Elements> ElementInference::slice(SliceOp slice) {
  auto data = of(slice.getData());
  auto starts = shapes.integers(slice.getStarts());
  auto steps = shapes.integers(slice.getSteps());
  if (!data || !starts || shapes.rank(slice.getData()) != 1 ||
      starts->size() != 1 || (slice.getSteps() && !steps))
    return std::nullopt;
  int64_t size = data->size(), step = steps ? steps->front() : 1;
  int64_t start = starts->front();
  start = start < 0 ? start + size : start;
  start = std::max<int64_t>(0, std::min(start, step > 0 ? size : size - 1));
  Elements result;
  for (int64_t i = 0; i < count; ++i) {
    int64_t at = start + i * step;
    if (at < 0 || at >= size)
      return std::nullopt;
    result.push_back((*data)[at]);
  }
  return result;
}

std::optional<Elements> ElementInference::select(WhereOp where) {
  auto condition = of(where.getCondition());
  auto x = of(where.getX()), y = of(where.getY());
  if (!condition || !x || !y)
    return std::nullopt;
  Elements result;
  for (int64_t i = 0; i < count; ++i) {
    auto at = [&](const Elements &list) -> const DimExpr & {
      return list[list.size() == 1 ? 0 : i];
    };
    for (const Elements *list : {&*condition, &*x, &*y})
      if (int64_t(list->size()) != count && list->size() != 1)
        return std::nullopt;
    if (auto taken = at(*condition).constant())
      result.push_back(*taken ? at(*x) : at(*y));
    else if (at(*x) == at(*y))
      result.push_back(at(*x));
    else
      result.push_back(shapes.unknownElement());
  }
  return result;
}

// One element repeated, or the elements themselves.
std::optional<Elements> ElementInference::spread(Value value) {
  auto list = of(value);
  if (!list)
    return std::nullopt;
  if (int64_t(list->size()) == count)
    return list;
  if (list->size() == 1)
    return Elements(count, list->front());
  return std::nullopt;
}

std::optional<Elements> ElementInference::range(RangeOp range) {
  auto start = of(range.getStart()), delta = of(range.getDelta());
  if (!start || !delta)
    return std::nullopt;
  Elements result;
  for (int64_t i = 0; i < count; ++i)
    result.push_back(shapes.add((*start)[0], shapes.multiply((*delta)[0], i)));
  return result;
}

std::optional<Elements> ElementInference::castOf(Value value, Type to) {
  auto list = of(value);
  if (!list)
    return std::nullopt;
  unsigned width = to.getIntOrFloatBitWidth();
  for (DimExpr &element : *list) {
    auto constant = element.constant();
    if (width == 1)
      element = constant ? DimExpr(*constant != 0) : shapes.unknownElement();
    else if (constant && width < 64 &&
             (*constant < -(int64_t(1) << (width - 1)) ||
              *constant >= int64_t(1) << (width - 1)))
      return std::nullopt; // wraps: the evaluator knows how
  }
  return list;
}

DimExpr ElementInference::equal(const DimExpr &a, const DimExpr &b) {
  auto difference = DimExpr::subtract(a, b);
  if (!difference)
    return shapes.unknownElement();
  if (auto constant = difference->constant())
    return *constant == 0;
  // A dim is never negative.
  if ((shapes.nonNegative(a) && b.constant().value_or(0) < 0) ||
      (shapes.nonNegative(b) && a.constant().value_or(0) < 0))
    return 0;
  return shapes.unknownElement();
}

DimExpr ElementInference::less(const DimExpr &a, const DimExpr &b,
                               bool orEqual) {
  auto difference = DimExpr::subtract(b, a); // a < b when positive
  if (!difference)
    return shapes.unknownElement();
  if (auto constant = difference->constant())
    return orEqual ? *constant >= 0 : *constant > 0;
  if (orEqual && shapes.nonNegative(*difference))
    return 1;
  auto reverse = DimExpr::subtract(a, b);
  if (!orEqual && reverse && shapes.nonNegative(*reverse))
    return 0;
  return shapes.unknownElement();
}

DimExpr ElementInference::divide(const DimExpr &a, const DimExpr &b) {
  auto x = a.constant(), y = b.constant();
  if (x && y && *y != 0 && *y != -1)
    return *x / *y; // towards zero, as the operator does
  if ((shapes.nonNegative(a) && shapes.nonNegative(b)) ||
      DimExpr::divideExactly(a, b))
    return shapes.floorDivide(a, b);
  return shapes.unknownElement();
}

std::optional<Elements> ElementInference::infer() {
  auto add = [&](const DimExpr &a, const DimExpr &b) {
    return shapes.add(a, b);
  };
  auto multiply = [&](const DimExpr &a, const DimExpr &b) {
    return shapes.multiply(a, b);
  };
  auto minimum = [&](const DimExpr &a, const DimExpr &b) {
    return shapes.minimum(a, b);
  };
  auto maximum = [&](const DimExpr &a, const DimExpr &b) {
    return shapes.maximum(a, b);
  };
  Value first = op->getNumOperands() > 0 ? op->getOperand(0) : Value();
  Value second = op->getNumOperands() > 1 ? op->getOperand(1) : Value();
  return TypeSwitch<Operation *, std::optional<Elements>>(op)
      .Case<IdentityOp, ReshapeOp, SqueezeOp, UnsqueezeOp, FlattenOp>(
          [&](auto) { return of(first); })
      .Case<ExpandOp, TileOp>([&](auto) { return spread(first); })
      .Case([&](CastOp cast) {
        return castOf(first, shapes.inferred(cast.getOutput()).element());
      })
      .Case([&](AddOp) { return combine(first, second, add); })
      .Case([&](SubOp) {
        return combine(first, second, [&](const DimExpr &a, const DimExpr &b) {
          return shapes.subtract(a, b);
        });
      })
      .Case([&](MulOp) { return combine(first, second, multiply); })
      .Case([&](DivOp) {
        return combine(first, second, [&](const DimExpr &a, const DimExpr &b) {
          return divide(a, b);
        });
      })
      .Case([&](ModOp) {
        return combine(first, second, [&](const DimExpr &a, const DimExpr &b) {
          return shapes.nonNegative(a) && shapes.nonNegative(b)
                     ? shapes.modulo(a, b)
                     : shapes.unknownElement();
        });
      })
      .Case([&](MinOp) { return fold(op->getOperands(), minimum); })
      .Case([&](MaxOp) { return fold(op->getOperands(), maximum); })
      .Case([&](EqualOp) {
        return combine(first, second, [&](const DimExpr &a, const DimExpr &b) {
          return equal(a, b);
        });
      })
      .Case([&](LessOp) {
        return combine(first, second, [&](const DimExpr &a, const DimExpr &b) {
          return less(a, b, false);
        });
      })
      .Case([&](LessOrEqualOp) {
        return combine(first, second, [&](const DimExpr &a, const DimExpr &b) {
          return less(a, b, true);
        });
      })
      .Case([&](GreaterOp) {
        return combine(first, second, [&](const DimExpr &a, const DimExpr &b) {
          return less(b, a, false);
        });
      })
      .Case([&](GreaterOrEqualOp) {
        return combine(first, second, [&](const DimExpr &a, const DimExpr &b) {
          return less(b, a, true);
        });
      })
      .Case([&](ReduceProdOp) { return reduce(first, multiply); })
      .Case([&](ReduceSumOp) { return reduce(first, add); })
      .Case([&](ReduceMaxOp) { return reduce(first, maximum); })
      .Case([&](ReduceMinOp) { return reduce(first, minimum); })
      .Case([&](ConcatOp c) { return concat(c); })
      .Case([&](GatherOp g) { return gather(g); })
      .Case([&](SliceOp s) { return slice(s); })
      .Case([&](WhereOp w) { return select(w); })
      .Case([&](RangeOp r) { return range(r); })
      .Case([&](ConstantOfShapeOp c) -> std::optional<Elements> {
        if (!c.getValue())
          return Elements(count, DimExpr(0));
        auto value = elementsOfConstant(*c.getValue());
        if (!value || value->size() != 1)
          return std::nullopt;
        return Elements(count, value->front());
      })
      .Default([](Operation *) { return std::nullopt; });
}

bool isSmallStatic(const ValueFacts &facts, int64_t limit) {
  auto type = dyn_cast_or_null<RankedTensorType>(facts.type);
  return type && type.hasStaticShape() && type.getNumElements() <= limit;
}

// Executes an operation whose operands are all constants and whose results are
// small.
bool evaluateSmall(Operation *op, OpShapes &shapes) {
  SmallVector<ElementsAttr> operands;
  for (Value operand : op->getOperands()) {
    ElementsAttr constant = shapes.constant(operand);
    if (!constant) {
      // Elements found one by one are as good.
      const ValueFacts &facts = shapes.getAnalysis().facts(operand);
      if (!isSmallStatic(facts, maxTrackedElements) ||
          !shapes.integers(operand))
        return false;
      constant = constantOfElements(cast<RankedTensorType>(facts.type),
                                    *facts.elements);
    }
    // A shape is read from any tensor; anything else only where it is cheap.
    if (constant.getNumElements() > 16 * maxTrackedElements)
      return false;
    operands.push_back(constant);
  }
  SmallVector<RankedTensorType> types;
  for (Value result : op->getResults()) {
    if (!isSmallStatic(shapes.inferred(result), maxTrackedElements))
      return false;
    types.push_back(cast<RankedTensorType>(shapes.inferred(result).type));
  }
  auto results = evaluate(op, operands, types);
  for (auto [value, constant] : llvm::zip(op->getResults(), results))
    shapes.resultConstant(value, constant);
  return !results.empty();
}

// The parts of a split of a small list.
void splitElements(SplitOp split, OpShapes &shapes) {
  auto list = shapes.elements(split.getInput());
  if (!list || shapes.rank(split.getInput()) != 1)
    return;
  size_t at = 0;
  for (Value output : split.getOutputs()) {
    const ValueFacts &facts = shapes.inferred(output);
    if (!isSmallStatic(facts, list->size()))
      return;
    int64_t length = cast<RankedTensorType>(facts.type).getNumElements();
    if (at + length > list->size())
      return;
    shapes.resultElements(output, Elements(ArrayRef(*list).slice(at, length)));
    at += length;
  }
}

} // namespace

void ashlar::onnx::inferElements(Operation *op, OpShapes &shapes) {
  // Whether quantized weights become floats is for later passes to decide.
  if (op->getNumResults() == 0 || op->getNumRegions() > 0 ||
      isa<ConstantOp, ShapeOp, SizeOp, DequantizeLinearOp>(op))
    return;
  if (auto split = dyn_cast<SplitOp>(op))
    return splitElements(split, shapes);
  if (op->getNumOperands() > 0 && evaluateSmall(op, shapes))
    return;
  const ValueFacts &facts = shapes.inferred(op->getResult(0));
  if (op->getNumResults() != 1 || !isSmallStatic(facts, maxTrackedElements) ||
      !isa<IntegerType>(facts.element()))
    return;
  ElementInference inference(op, shapes, cast<RankedTensorType>(facts.type));
  if (auto elements = inference.infer();
      elements && int64_t(elements->size()) ==
                      cast<RankedTensorType>(facts.type).getNumElements())
    shapes.resultElements(op->getResult(0), std::move(*elements));
}
