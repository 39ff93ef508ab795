#include "passes/simplify/ShapeRegistry.h"
#include "passes/simplify/evaluate/Evaluate.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace ashlar::onnx;

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

bool OpShapes::ranked(Value value) const {
  return value && analysis.facts(value).ranked();
}

bool OpShapes::allRanked(ValueRange values) const {
  return llvm::all_of(values, [&](Value value) { return ranked(value); });
}

ArrayRef<DimExpr> OpShapes::dims(Value value) const {
  return analysis.facts(value).dims;
}

Type OpShapes::element(Value value) const {
  return analysis.facts(value).element();
}

Type OpShapes::type(Value value) const { return analysis.facts(value).type; }

ElementsAttr OpShapes::constant(Value value) const {
  return value ? analysis.facts(value).constant : ElementsAttr();
}

std::optional<SmallVector<DimExpr, 4>> OpShapes::elements(Value value) const {
  if (!value)
    return std::nullopt;
  const ValueFacts &facts = analysis.facts(value);
  if (facts.elements)
    return facts.elements;
  return elementsOfConstant(facts.constant);
}

std::optional<SmallVector<int64_t, 4>> OpShapes::integers(Value value) const {
  auto list = elements(value);
  if (!list)
    return std::nullopt;
  SmallVector<int64_t, 4> values;
  for (const DimExpr &element : *list) {
    auto constant = element.constant();
    if (!constant)
      return std::nullopt;
    values.push_back(*constant);
  }
  return values;
}

std::optional<SmallVector<double, 4>> OpShapes::floats(Value value) const {
  ElementsAttr attr = constant(value);
  if (!attr || attr.getNumElements() > maxTrackedElements)
    return std::nullopt;
  return floatsOf(attr);
}

std::optional<int64_t> OpShapes::length(Value value) const {
  if (!ranked(value) || rank(value) > 1)
    return std::nullopt;
  return rank(value) == 0 ? 1 : dims(value)[0].constant();
}

//===----------------------------------------------------------------------===//
// Dims
//===----------------------------------------------------------------------===//

DimExpr OpShapes::add(const DimExpr &a, const DimExpr &b) {
  auto sum = DimExpr::add(a, b);
  return sum ? *sum : unknownElement();
}

DimExpr OpShapes::subtract(const DimExpr &a, const DimExpr &b) {
  auto difference = DimExpr::subtract(a, b);
  return difference ? *difference : unknownElement();
}

DimExpr OpShapes::multiply(const DimExpr &a, const DimExpr &b) {
  auto product = DimExpr::multiply(a, b);
  if (product)
    return *product;
  return nonNegative(a) && nonNegative(b) ? unknown() : unknownElement();
}

DimExpr OpShapes::product(ArrayRef<DimExpr> dims) {
  DimExpr result(1);
  for (const DimExpr &dim : dims)
    result = multiply(result, dim);
  return result;
}

DimExpr OpShapes::floorDivide(const DimExpr &a, const DimExpr &b) {
  auto x = a.constant(), y = b.constant();
  if (x && y && *y > 0)
    return llvm::divideFloorSigned(*x, *y);
  if (auto quotient = DimExpr::divideExactly(a, b))
    return *quotient;
  if (b.is(0))
    return unknownElement();
  return analysis.opaque("floordiv", a, b, nonNegative(a) && nonNegative(b));
}

DimExpr OpShapes::ceilDivide(const DimExpr &a, const DimExpr &b) {
  auto x = a.constant(), y = b.constant();
  if (x && y && *y > 0)
    return llvm::divideCeilSigned(*x, *y);
  if (auto quotient = DimExpr::divideExactly(a, b))
    return *quotient;
  if (b.is(0))
    return unknownElement();
  return analysis.opaque("ceildiv", a, b, nonNegative(a) && nonNegative(b));
}

DimExpr OpShapes::modulo(const DimExpr &a, const DimExpr &b) {
  auto x = a.constant(), y = b.constant();
  if (x && y && *y > 0)
    return llvm::mod(*x, *y);
  if (DimExpr::divideExactly(a, b))
    return 0;
  return analysis.opaque("mod", a, b, nonNegative(a) && nonNegative(b));
}

DimExpr OpShapes::minimum(const DimExpr &a, const DimExpr &b) {
  auto difference = DimExpr::subtract(a, b);
  if (difference) {
    if (nonNegative(*difference))
      return b;
    if (auto negated = DimExpr::multiply(*difference, -1);
        negated && nonNegative(*negated))
      return a;
    if (auto constant = difference->constant())
      return *constant >= 0 ? b : a;
  }
  return analysis.opaque("min", a, b, nonNegative(a) && nonNegative(b));
}

DimExpr OpShapes::maximum(const DimExpr &a, const DimExpr &b) {
  auto difference = DimExpr::subtract(a, b);
  if (difference) {
    if (nonNegative(*difference))
      return a;
    if (auto negated = DimExpr::multiply(*difference, -1);
        negated && nonNegative(*negated))
      return b;
    if (auto constant = difference->constant())
      return *constant >= 0 ? a : b;
  }
  return analysis.opaque("max", a, b, nonNegative(a) || nonNegative(b));
}

Shape OpShapes::unknownDims(int64_t rank) {
  Shape dims;
  for (int64_t i = 0; i < rank; ++i)
    dims.push_back(unknown());
  return dims;
}

FailureOr<Shape> OpShapes::broadcastShapes(ArrayRef<DimExpr> a,
                                           ArrayRef<DimExpr> b) {
  if (a.size() < b.size())
    std::swap(a, b);
  Shape result(a.begin(), a.end());
  size_t offset = a.size() - b.size();
  for (auto [index, right] : llvm::enumerate(b)) {
    DimExpr &left = result[offset + index];
    if (left == right || right.is(1))
      continue;
    if (left.is(1)) {
      left = right;
    } else if (left.isConstant() && right.isConstant()) {
      return error() << "shapes " << toString(a) << " and " << toString(b)
                     << " do not broadcast: " << *left.constant() << " and "
                     << *right.constant();
    } else if (right.isConstant()) {
      left = right;
    } else if (!left.isConstant()) {
      // One of the two may be 1 when run.
      left = unknown();
    }
  }
  return result;
}

FailureOr<Shape> OpShapes::broadcast(ValueRange values) {
  Shape result;
  for (Value value : values) {
    if (!value)
      continue;
    auto next = broadcastShapes(result, dims(value));
    if (failed(next))
      return failure();
    result = std::move(*next);
  }
  return result;
}

FailureOr<DimExpr> OpShapes::unify(const DimExpr &a, const DimExpr &b,
                                   const Twine &what) {
  if (a.isConstant() && b.isConstant() && a != b)
    return error() << what << ": found " << *b.constant() << ", expected "
                   << *a.constant();
  return a.isConstant() ? a : (b.isConstant() ? b : a);
}

FailureOr<int64_t> OpShapes::axis(int64_t axis, int64_t rank, StringRef name) {
  if (axis < -rank || axis >= rank)
    return error() << "'" << name << "' is " << axis << ", expected from "
                   << -rank << " to " << rank - 1;
  return axis < 0 ? axis + rank : axis;
}

FailureOr<SmallVector<int64_t>> OpShapes::axes(ArrayRef<int64_t> list,
                                               int64_t rank) {
  SmallVector<int64_t> result;
  for (int64_t entry : list) {
    auto normalized = axis(entry, rank, "axes");
    if (failed(normalized))
      return failure();
    if (llvm::is_contained(result, *normalized))
      return error() << "'axes' has " << *normalized << " twice";
    result.push_back(*normalized);
  }
  return result;
}

LogicalResult OpShapes::expectRank(Value value, int64_t expected,
                                   StringRef name) {
  if (!ranked(value) || rank(value) == expected)
    return success();
  return error() << "'" << name << "' is " << toString(dims(value))
                 << ", expected " << expected
                 << (expected == 1 ? " dimension" : " dimensions");
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

LogicalResult OpShapes::resultFacts(Value value, ValueFacts facts) {
  if (!value)
    return success();
  results.resize(op->getNumResults());
  results[cast<OpResult>(value).getResultNumber()] = std::move(facts);
  return success();
}

LogicalResult OpShapes::result(Value value, Type element,
                               ArrayRef<DimExpr> dims) {
  if (!value)
    return success();
  if (!element)
    return error() << "operand is no tensor";
  ValueFacts facts;
  int64_t count = 1;
  SmallVector<int64_t> sizes;
  for (const DimExpr &dim : dims) {
    auto size = dim.constant();
    sizes.push_back(size.value_or(ShapedType::kDynamic));
    if (size && *size < 0)
      return error() << "result shape " << toString(dims)
                     << " has a negative dimension";
    if (size && *size != 0 && llvm::MulOverflow(count, *size, count))
      return error() << "result shape " << toString(dims)
                     << " has too many elements";
    // A difference of symbols may still be negative when run; convert checks
    // it.
    facts.dims.push_back(dim);
  }
  facts.type = RankedTensorType::get(sizes, element);
  return resultFacts(value, std::move(facts));
}

LogicalResult OpShapes::resultUnranked(Value value, Type element) {
  if (!element)
    return error() << "operand is no tensor";
  ValueFacts facts;
  facts.type = UnrankedTensorType::get(element);
  return resultFacts(value, std::move(facts));
}

LogicalResult OpShapes::resultType(Value value, Type type) {
  ValueFacts facts;
  facts.type = type;
  if (auto ranked = dyn_cast<RankedTensorType>(type))
    for (int64_t size : ranked.getShape())
      facts.dims.push_back(ShapedType::isDynamic(size) ? unknown()
                                                       : DimExpr(size));
  return resultFacts(value, std::move(facts));
}

LogicalResult OpShapes::resultLike(Value value, Value other) {
  return resultFacts(value, analysis.facts(other));
}

LogicalResult OpShapes::resultShapedLike(Value value, Type element,
                                         Value other) {
  if (value && !element) // sequences and optionals
    return resultType(value, type(other));
  if (!ranked(other))
    return resultUnranked(value, element);
  return result(value, element, dims(other));
}

const ValueFacts &OpShapes::inferred(Value value) const {
  return results[cast<OpResult>(value).getResultNumber()];
}

void OpShapes::resultElements(Value value, SmallVector<DimExpr, 4> elements) {
  if (results.size() == op->getNumResults())
    results[cast<OpResult>(value).getResultNumber()].elements =
        std::move(elements);
}

void OpShapes::resultConstant(Value value, ElementsAttr constant) {
  if (results.size() == op->getNumResults())
    results[cast<OpResult>(value).getResultNumber()].constant = constant;
}

void OpShapes::commit(bool succeeded) {
  results.resize(op->getNumResults());
  if (!succeeded) {
    results.assign(op->getNumResults(), ValueFacts());
    analysis.noteProblem();
  }
  for (auto [index, value] : llvm::enumerate(op->getResults())) {
    Type type = results[index].type;
    if (analysis.record(value, std::move(results[index])) || !succeeded)
      continue;
    // Exporters leave shapes behind that were true of another graph. What the
    // operators compute does not follow them.
    bool onlyShape =
        type && getElementTypeOrSelf(type) == getElementTypeOrSelf(value);
    if (!onlyShape || analysis.isSpeculative())
      analysis.noteProblem();
    if (analysis.isSpeculative())
      continue;
    auto report = onlyShape ? op->emitWarning() : op->emitError();
    report << "result " << index << " is " << type
           << ", but the model declares it as " << value.getType();
    if (onlyShape)
      report << "; what is declared is ignored";
  }
}
