#include "passes/convert/Emitter.h"

#include "dialects/nn/NnDialect.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace ashlar {

Emitter::Scalars Emitter::sizesOfTensor(Value tensor) {
  Scalars sizes;
  for (int64_t axis = 0,
               rank = cast<RankedTensorType>(tensor.getType()).getRank();
       axis < rank; ++axis)
    sizes.push_back(sizeOf(tensor, axis));
  return sizes;
}

OpFoldResult Emitter::fold(Scalar index) {
  if (std::optional<int64_t> known = index.constant())
    return getIndexAttr(*known);
  return index.value();
}

TensorBuilder::Sizes Emitter::fold(ArrayRef<Scalar> indices) {
  return llvm::map_to_vector(indices,
                             [&](Scalar index) { return fold(index); });
}

Emitter::Scalars Emitter::scalarsOf(Value tensor, bool isUnsigned) {
  return llvm::map_to_vector<6>(elementsOf(tensor), [&](Value element) {
    return wrap(element, isUnsigned);
  });
}

static SmallVector<Value> valuesOf(ArrayRef<Scalar> scalars) {
  return llvm::map_to_vector(scalars,
                             [](Scalar scalar) { return scalar.value(); });
}

Scalar Emitter::load(Value tensor, ArrayRef<Scalar> indices, bool isUnsigned) {
  return wrap(createOrFold<tensor::ExtractOp>(tensor, valuesOf(indices)),
              isUnsigned);
}

Value Emitter::store(Scalar element, Value tensor, ArrayRef<Scalar> indices) {
  return tensor::InsertOp::create(*this, element.value(), tensor,
                                  valuesOf(indices));
}

Value Emitter::allocate(RankedTensorType type, ArrayRef<Scalar> sizes) {
  requireModest(sizes);
  SmallVector<Value> dynamicSizes;
  for (auto [axis, size] : llvm::enumerate(sizes)) {
    if (type.isDynamicDim(axis))
      dynamicSizes.push_back(size.toIndex());
    else if (!size.constant())
      require(size == type.getDimSize(axis), DataError::Shape,
              "a size computed from data differs from the declared one");
  }
  return tensor::EmptyOp::create(*this, type, dynamicSizes);
}

Value Emitter::allocateFilled(RankedTensorType type, ArrayRef<Scalar> sizes,
                              Value scalar) {
  Value empty = allocate(type, sizes);
  return linalg::FillOp::create(*this, scalar, empty).getResult(0);
}

Value Emitter::build(RankedTensorType type, ArrayRef<Scalar> sizes,
                     Element element) {
  return rebuild(allocate(type, sizes), element);
}

Value Emitter::rebuild(Value init, Element element) {
  auto type = cast<RankedTensorType>(init.getType());
  SmallVector<utils::IteratorType> iterators(type.getRank(),
                                             utils::IteratorType::parallel);
  AffineMap identity = getMultiDimIdentityMap(type.getRank());
  auto generic = linalg::GenericOp::create(*this, TypeRange{type}, ValueRange{},
                                           ValueRange{init}, ArrayRef{identity},
                                           iterators);
  InsertionGuard guard(*this);
  Block *body = createBlock(&generic.getRegion(), {},
                            TypeRange{type.getElementType()}, {getLoc()});
  Scalars arguments;
  for (int64_t axis = 0; axis < type.getRank(); ++axis)
    arguments.push_back(wrap(linalg::IndexOp::create(*this, axis)));
  arguments.push_back(wrap(body->getArgument(0)));
  linalg::YieldOp::create(*this, element(arguments).value());
  return generic.getResult(0);
}

Value Emitter::slice(Value tensor, ArrayRef<OpFoldResult> offsets,
                     ArrayRef<OpFoldResult> sizes,
                     ArrayRef<OpFoldResult> strides) {
  if (llvm::any_of(sizes,
                   [](OpFoldResult s) { return getConstantIntValue(s) == 0; }))
    return empty(sizes, elementType(tensor));
  // A single column is a strided one as soon as its axis is squeezed away.
  bool isSpread = getConstantIntValue(strides.back()) != 1 ||
                  (getConstantIntValue(sizes.back()) == 1 &&
                   getConstantIntValue(dim(tensor, sizes.size() - 1)) != 1);
  if (!isSpread || sizes.size() == 1)
    return tensor::ExtractSliceOp::create(*this, tensor, offsets, sizes,
                                          strides);
  Scalars counts = llvm::map_to_vector<6>(
      sizes, [&](OpFoldResult size) { return wrap(size); });
  return build(
      tensorType(sizes, elementType(tensor)), counts, [&](ArrayRef<Scalar> at) {
        Scalars place;
        for (auto [index, offset, stride] : llvm::zip(at, offsets, strides))
          place.push_back(wrap(offset) + index * wrap(stride));
        return load(tensor, place);
      });
}

Value Emitter::copyOf(Value tensor) {
  auto type = cast<RankedTensorType>(tensor.getType());
  Value empty = allocate(type, sizesOfTensor(tensor));
  return linalg::CopyOp::create(*this, tensor, empty).getResult(0);
}

Emitter::Values Emitter::loop(Scalar low, Scalar high, ValueRange inits,
                              LoopBody body) {
  auto loop =
      scf::ForOp::create(*this, low.value(), high.value(), index(1), inits);
  InsertionGuard guard(*this);
  // Without carried values the builder has made the terminator.
  if (inits.empty())
    loop.getBody()->getTerminator()->erase();
  setInsertionPointToEnd(loop.getBody());
  Values next = body(wrap(loop.getInductionVar()), loop.getRegionIterArgs());
  scf::YieldOp::create(*this, next);
  return Values(loop.getResults());
}

Emitter::Values Emitter::nest(ArrayRef<Scalar> bounds, ValueRange inits,
                              NestBody body) {
  Scalars indices;
  std::function<Values(ValueRange)> level = [&](ValueRange carried) -> Values {
    if (indices.size() == bounds.size())
      return body(indices, carried);
    return loop(at(0), bounds[indices.size()], carried,
                [&](Scalar iv, ValueRange inner) {
                  indices.push_back(iv);
                  Values next = level(inner);
                  indices.pop_back();
                  return next;
                });
  };
  return level(inits);
}

Scalar Emitter::accumulate(ArrayRef<Scalar> bounds, Scalar init,
                           ReduceBody body) {
  Values result = nest(
      bounds, init.value(), [&](ArrayRef<Scalar> indices, ValueRange carried) {
        return Values{
            body(indices, wrap(carried[0], init.isUnsigned())).value()};
      });
  return wrap(result[0], init.isUnsigned());
}

Emitter::Values Emitter::branch(Scalar condition, TypeRange types,
                                function_ref<Values()> whenTrue,
                                function_ref<Values()> whenFalse) {
  auto ifOp = scf::IfOp::create(*this, types, condition.value(),
                                /*addThenBlock=*/true, /*addElseBlock=*/true);
  InsertionGuard guard(*this);
  auto fill = [&](Block *block, function_ref<Values()> values) {
    block->clear();
    setInsertionPointToEnd(block);
    Values results = values();
    scf::YieldOp::create(*this, results);
  };
  fill(ifOp.thenBlock(), whenTrue);
  fill(ifOp.elseBlock(), whenFalse);
  return Values(ifOp.getResults());
}

Emitter::Values Emitter::whileLoop(ValueRange inits,
                                   function_ref<Scalar(ValueRange)> condition,
                                   function_ref<Values(ValueRange)> body) {
  auto loop = scf::WhileOp::create(*this, inits.getTypes(), inits);
  InsertionGuard guard(*this);
  SmallVector<Location> locations(inits.size(), getLoc());
  Block *before =
      createBlock(&loop.getBefore(), {}, inits.getTypes(), locations);
  Value goOn = condition(before->getArguments()).value();
  scf::ConditionOp::create(*this, goOn, before->getArguments());
  Block *after = createBlock(&loop.getAfter(), {}, inits.getTypes(), locations);
  Values next = body(after->getArguments());
  scf::YieldOp::create(*this, next);
  return Values(loop.getResults());
}

void Emitter::require(Scalar condition, DataError error, StringRef message) {
  if (condition.constant() == 1)
    return;
  nn::RequireOp::create(*this, condition.value(), static_cast<int32_t>(error),
                        message);
}

/// All elements, or nothing when the tensor is not constant.
static std::optional<SmallVector<int64_t>> constantElements(Value tensor) {
  DenseIntElementsAttr elements;
  if (!matchPattern(tensor, m_Constant(&elements)))
    return std::nullopt;
  return llvm::map_to_vector(elements.getValues<APInt>(),
                             [](APInt v) { return v.getSExtValue(); });
}

/// True where the number follows from sizes of tensors alone.
static bool followsFromSizes(Value number, int depth = 32) {
  Operation *op = number.getDefiningOp();
  if (!op || depth == 0)
    return false;
  if (isa<tensor::DimOp, arith::ConstantOp>(op))
    return true;
  return isa<arith::ArithDialect>(op->getDialect()) &&
         llvm::all_of(op->getOperands(), [&](Value operand) {
           return followsFromSizes(operand, depth - 1);
         });
}

void Emitter::requireModest(ArrayRef<Scalar> sizes) {
  if (llvm::all_of(sizes, [](Scalar s) { return followsFromSizes(s); }))
    return;
  constexpr int64_t most = int64_t(1) << 31;
  Scalar product = at(1), isModest = truth(true);
  for (Scalar size : sizes) {
    isModest = isModest & (size >= 0) & (size <= most);
    product = ashlar::min(product * ashlar::clamp(size, at(0), at(most)),
                          at(most + 1));
  }
  // Products are cut off on the way: two factors of 31 bits do not overflow.
  require(isModest & (product <= most), DataError::Value,
          "a shape computed from data is negative or too large");
}

void Emitter::requireDeclared(Value tensor, RankedTensorType type) {
  auto own = cast<RankedTensorType>(tensor.getType());
  if (own.getRank() != type.getRank())
    return;
  for (int64_t axis = 0; axis < own.getRank(); ++axis)
    if (own.isDynamicDim(axis) && !type.isDynamicDim(axis))
      require(sizeOf(tensor, axis) == type.getDimSize(axis), DataError::Shape,
              "the result has another shape than declared");
}

static Scalar isInside(Scalar index, Scalar size) {
  return (index >= -size) & (index < size);
}

LogicalResult Emitter::requireIndices(Value indices, Scalar size) {
  std::optional<SmallVector<int64_t>> known = constantElements(indices);
  if (known && size.constant()) {
    for (int64_t index : *known)
      if (index < -*size.constant() || index >= *size.constant())
        return invalid("index " + Twine(index) +
                       " lies outside an axis of size " +
                       Twine(*size.constant()));
    return success();
  }
  Scalar allInside =
      accumulate(sizesOfTensor(indices), truth(true),
                 [&](ArrayRef<Scalar> at, Scalar soFar) {
                   return soFar & isInside(load(indices, at).toIndex(), size);
                 });
  require(allInside, DataError::Index,
          "an index lies outside the axis that it refers to");
  return success();
}

LogicalResult Emitter::requireTuples(Value indices, ArrayRef<Scalar> sizes) {
  Scalars bounds = sizesOfTensor(indices);
  bounds.pop_back();
  Scalar allInside = accumulate(
      bounds, truth(true), [&](ArrayRef<Scalar> outer, Scalar soFar) {
        for (auto [i, size] : llvm::enumerate(sizes)) {
          Scalars place(outer);
          place.push_back(at(i));
          soFar = soFar & isInside(load(indices, place).toIndex(), size);
        }
        return soFar;
      });
  require(allInside, DataError::Index,
          "an index lies outside the axis that it refers to");
  return success();
}

LogicalResult Emitter::requireInside(ArrayRef<Scalar> sizes,
                                     ArrayRef<Scalar> bounds,
                                     int64_t exceptAxis) {
  if (sizes.size() != bounds.size())
    return invalid("the ranks differ: " + Twine(sizes.size()) + ", expected " +
                   Twine(bounds.size()));
  for (auto [axis, size, bound] : llvm::enumerate(sizes, bounds)) {
    if (static_cast<int64_t>(axis) == exceptAxis)
      continue;
    if (size.constant() && bound.constant() &&
        *size.constant() > *bound.constant())
      return invalid("axis " + Twine(axis) + " has size " +
                     Twine(*size.constant()) + ", expected at most " +
                     Twine(*bound.constant()));
    require(size <= bound, DataError::Shape,
            "indices reach further than the tensor that they refer to");
  }
  return success();
}

Scalar Emitter::wrapIndex(Scalar index, Scalar size) {
  index = index.toIndex();
  if (std::optional<int64_t> known = index.constant(); known && size.constant())
    return at(
        std::clamp<int64_t>(*known < 0 ? *known + *size.constant() : *known, 0,
                            *size.constant() - 1));
  Scalar wrapped = ashlar::select(index < 0, index + size, index);
  return clamp(wrapped, wrap(this->index(0)), size - 1);
}

SmallVector<int64_t> orDefault(std::optional<ArrayRef<int64_t>> given,
                               int64_t count, int64_t value) {
  if (given && !given->empty())
    return SmallVector<int64_t>(*given);
  return SmallVector<int64_t>(count, value);
}

} // namespace ashlar
