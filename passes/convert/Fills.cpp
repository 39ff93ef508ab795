// Operators that make tensors from little: Expand, Tile, ConstantOfShape,
// Range, EyeLike, OneHot, Trilu.
#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/EmitterPattern.h"
#include "passes/convert/Families.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace ashlar {
namespace {

using Scalars = Emitter::Scalars;
using Values = Emitter::Values;

//===--- Expand, Tile
//----------------------------------------------------------------------------------------------===//

/// One size of a broadcast between the input's and the one asked for. Both must
/// agree or one of them be 1.
OpFoldResult expandedSize(Emitter &e, OpFoldResult own, OpFoldResult asked,
                          int64_t declared) {
  auto ownKnown = getConstantIntValue(own),
       askedKnown = getConstantIntValue(asked);
  if (TensorBuilder::sameSize(own, asked) || askedKnown == 1)
    return own;
  Scalar ownSize = e.wrap(own), askedSize = e.wrap(asked);
  if (!ownKnown || (*ownKnown != 1 && !askedKnown))
    e.require(((ownSize == 1) & (askedSize >= 0)) | (askedSize == 1) |
                  (ownSize == askedSize),
              DataError::Shape, "the shapes do not broadcast");
  Scalar size = ownKnown == 1 ? askedSize
                : ownKnown    ? ownSize
                              : select(ownSize == 1, askedSize, ownSize);
  if (ShapedType::isDynamic(declared))
    return e.fold(size);
  if (!size.constant())
    e.require(size == declared, DataError::Shape,
              "the expanded size differs from the declared one");
  return e.size(declared);
}

Lowered lowerExpand(onnx::ExpandOp op, onnx::ExpandOp::Adaptor in, Emitter &e) {
  if (!cast<RankedTensorType>(in.getShape().getType()).hasStaticShape())
    return e.unsupported("with a shape tensor of unknown length");
  TensorBuilder::Sizes own = e.dims(in.getInput()),
                       asked = e.sizesOf(in.getShape()), sizes;
  size_t rank = std::max(own.size(), asked.size());
  own.insert(own.begin(), rank - own.size(), e.size(1));
  asked.insert(asked.begin(), rank - asked.size(), e.size(1));
  for (size_t axis = 0; axis < rank; ++axis)
    sizes.push_back(expandedSize(e, own[axis], asked[axis],
                                 e.resultType(0).getDimSize(axis)));
  Scalars checked = llvm::map_to_vector<6>(
      sizes, [&](OpFoldResult size) { return e.wrap(size); });
  e.requireModest(checked);
  return e.broadcastTo(in.getInput(), sizes);
}

Lowered lowerTile(onnx::TileOp op, onnx::TileOp::Adaptor in, Emitter &e) {
  Value input = in.getInput();
  if (!cast<RankedTensorType>(in.getRepeats().getType()).hasStaticShape())
    return e.unsupported("with repeats of unknown length");
  TensorBuilder::Sizes own = e.dims(input),
                       repeats = e.sizesOf(in.getRepeats()), split, sizes;
  if (own.size() != repeats.size())
    return e.invalid("there are " + Twine(repeats.size()) +
                     " repeats, expected " + Twine(own.size()));
  // Repetition as a dim of its own before each repeated one, then both are made
  // one again.
  Scalars factors;
  for (auto [size, repeat] : llvm::zip(own, repeats)) {
    factors.push_back(e.wrap(size));
    factors.push_back(e.wrap(repeat));
  }
  e.requireModest(factors);
  SmallVector<AffineExpr> position;
  for (auto [size, repeat] : llvm::zip(own, repeats)) {
    if (getConstantIntValue(repeat) != 1)
      split.push_back(repeat);
    position.push_back(e.getAffineDimExpr(split.size()));
    split.push_back(size);
    sizes.push_back(e.sizeMul(size, repeat));
  }
  AffineMap map = AffineMap::get(split.size(), 0, position, e.getContext());
  Value tiled = e.generic(split, elementType(input), input, map,
                          [](TensorBuilder &, ValueRange x) { return x[0]; });
  return e.reshape(tiled, sizes);
}

//===--- ConstantOfShape, Range
//------------------------------------------------------------------------------------===//

Lowered lowerConstantOfShape(onnx::ConstantOfShapeOp op,
                             onnx::ConstantOfShapeOp::Adaptor in, Emitter &e) {
  RankedTensorType type = e.resultType(0);
  Value element;
  if (std::optional<ElementsAttr> value = op.getValue()) {
    ElementsAttr elements = withStorageElements(*value);
    element = arith::ConstantOp::create(
        e, cast<TypedAttr>(*elements.getValues<Attribute>().begin()));
  } else {
    element = e.zero(type.getElementType());
  }
  if (!cast<RankedTensorType>(in.getInput().getType()).hasStaticShape())
    return e.unsupported("with a shape tensor of unknown length");
  Scalars sizes;
  for (OpFoldResult size : e.sizesOf(in.getInput())) {
    sizes.push_back(e.wrap(size));
  }
  if (type.hasStaticShape() && type.getRank() <= 1 &&
      type.getNumElements() <= 16 && isa<IntegerType>(type.getElementType()))
    return e.fromElements(type.getShape(), type.getElementType(),
                          Values(type.getNumElements(), element));
  return e.allocateFilled(type, sizes, element);
}

/// How many steps of `delta` lie between start and limit.
Scalar rangeCount(Emitter &e, Scalar start, Scalar limit, Scalar delta) {
  if (start.isFloat()) {
    Scalar steps = ceil((limit - start) / delta);
    return max(steps.toIndex(), e.at(0));
  }
  Type wide = e.getI64Type();
  start = start.to(wide), limit = limit.to(wide), delta = delta.to(wide);
  if (!delta.constant())
    e.require(delta != 0, DataError::Value, "the step is 0");
  Scalar safeDelta = delta.constant()
                         ? delta
                         : select(delta == 0, delta.same(int64_t(1)), delta);
  return max(ceilDiv(limit - start, safeDelta), start.same(int64_t(0)))
      .toIndex();
}

Lowered lowerRange(onnx::RangeOp op, onnx::RangeOp::Adaptor in, Emitter &e) {
  RankedTensorType type = e.resultType(0);
  Type element = type.getElementType(), wide = computeType(element);
  auto scalarOf = [&](Value tensor) {
    return e.wrap(e.toScalar(tensor)).to(wide);
  };
  Scalar start = scalarOf(in.getStart()), limit = scalarOf(in.getLimit()),
         delta = scalarOf(in.getDelta());
  Scalar count = rangeCount(e, start, limit, delta);
  auto numberAt = [&](Scalar i) {
    return (start + i.to(wide) * delta).to(element);
  };
  if (type.hasStaticShape() && type.getNumElements() <= 16 &&
      isa<IntegerType>(element)) {
    if (!count.constant())
      e.require(count == type.getNumElements(), DataError::Shape,
                "the range has another length than declared");
    Values elements;
    for (int64_t i = 0; i < type.getNumElements(); ++i)
      elements.push_back(numberAt(e.at(i)));
    return e.fromElements(type.getShape(), element, elements);
  }
  return e.build(type, count,
                 [&](ArrayRef<Scalar> at) { return numberAt(at[0]); });
}

//===--- EyeLike, Trilu, OneHot
//------------------------------------------------------------------------------------===//

Lowered lowerEyeLike(onnx::EyeLikeOp op, onnx::EyeLikeOp::Adaptor in,
                     Emitter &e) {
  RankedTensorType type = e.resultType(0);
  int64_t diagonal = op.getK();
  Scalar one = e.wrap(e.integer(type.getElementType(), 1)),
         zero = e.wrap(e.zero(type.getElementType()));
  return e.build(type, e.sizesOfTensor(in.getInput()),
                 [&](ArrayRef<Scalar> at) {
                   return select(at[1] == at[0] + diagonal, one, zero);
                 });
}

Lowered lowerTrilu(onnx::TriluOp op, onnx::TriluOp::Adaptor in, Emitter &e) {
  Value input = in.getInput();
  RankedTensorType type = e.resultType(0);
  Scalar diagonal =
      in.getK() ? e.wrap(e.toScalar(in.getK())).toIndex() : e.at(0);
  // Beyond the matrix every diagonal is like the next one: no overflow below.
  diagonal = clamp(diagonal, e.at(-(int64_t(1) << 40)), e.at(int64_t(1) << 40));
  Scalar zero = e.wrap(e.zero(type.getElementType()));
  int64_t row = type.getRank() - 2;
  return e.build(type, e.sizesOfTensor(input), [&](ArrayRef<Scalar> at) {
    Scalar kept = op.getUpper() ? at[row + 1] >= at[row] + diagonal
                                : at[row + 1] <= at[row] + diagonal;
    return select(kept, e.load(input, at.take_front(type.getRank())), zero);
  });
}

Lowered lowerOneHot(onnx::OneHotOp op, onnx::OneHotOp::Adaptor in, Emitter &e) {
  RankedTensorType type = e.resultType(0);
  int64_t axis = wrapAxis(op.getAxis(), type.getRank());
  Scalar depth = e.wrap(e.toScalar(in.getDepth())).toIndex();
  if (!depth.constant())
    e.require(depth >= 0, DataError::Value, "the depth is negative");
  Scalars sizes = e.sizesOfTensor(in.getIndices());
  sizes.insert(sizes.begin() + axis, depth);
  Scalar off = e.load(in.getValues(), e.at(0)),
         on = e.load(in.getValues(), e.at(1));
  bool unsignedIndices = isUnsigned(op.getIndices().getType());
  return e.build(type, sizes, [&](ArrayRef<Scalar> at) {
    Scalars position(at.take_front(type.getRank()));
    position.erase(position.begin() + axis);
    Scalar index = e.load(in.getIndices(), position, unsignedIndices).toIndex();
    return select((index == at[axis]) | (index + depth == at[axis]), on, off);
  });
}

} // namespace

void populateFillPatterns(const OnnxTypeConverter &converter,
                          RewritePatternSet &patterns) {
  addLowerings(converter, patterns, lowerExpand, lowerTile,
               lowerConstantOfShape, lowerRange, lowerEyeLike, lowerTrilu,
               lowerOneHot);
}

} // namespace ashlar
