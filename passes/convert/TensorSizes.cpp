//===- TensorSizes.cpp - Sizes and shape tensors of TensorBuilder ---------===//

#include "passes/convert/TensorBuilder.h"

#include "dialects/nn/NnDialect.h"
#include "runtime/ashlar_rt.h"

#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace ashlar {

//===----------------------------------------------------------------------===//
// What is known of a value
//===----------------------------------------------------------------------===//

// The tensor with the same elements in the same order from which `tensor` was
// made by casts and reshapes.
static Value elementSource(Value tensor) {
  while (Operation *op = tensor.getDefiningOp()) {
    if (isa<tensor::CastOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp,
            tensor::ReshapeOp>(op)) {
      tensor = op->getOperand(0);
      continue;
    }
    // A materialisation of the dialect conversion.
    auto conversion = dyn_cast<UnrealizedConversionCastOp>(op);
    if (!conversion || conversion.getNumOperands() != 1 ||
        !isa<RankedTensorType>(conversion.getOperand(0).getType()))
      break;
    tensor = conversion.getOperand(0);
  }
  return tensor;
}

std::optional<SmallVector<int64_t>> constantIntegers(Value tensor) {
  SmallVector<int64_t> values;
  tensor = elementSource(tensor);
  if (auto elements = tensor.getDefiningOp<tensor::FromElementsOp>()) {
    for (Value element : elements.getElements()) {
      auto number = getConstantIntValue(element);
      if (!number)
        return std::nullopt;
      values.push_back(*number);
    }
    return values;
  }
  DenseIntElementsAttr dense;
  if (!matchPattern(tensor, m_Constant(&dense)))
    return std::nullopt;
  bool unsignedElements = isUnsigned(dense.getElementType());
  for (const APInt &number : dense.getValues<APInt>())
    values.push_back(unsignedElements
                         ? static_cast<int64_t>(number.getZExtValue())
                         : number.getSExtValue());
  return values;
}

std::optional<int64_t> constantInteger(Value tensor) {
  auto values = constantIntegers(tensor);
  if (!values || values->size() != 1)
    return std::nullopt;
  return values->front();
}

// True where two values are the result of the same pure computation. The depth
// bounds the work.
static bool sameValue(Value a, Value b, int depth) {
  if (a == b)
    return true;
  auto first = dyn_cast<OpResult>(a), second = dyn_cast<OpResult>(b);
  if (!first || !second || depth == 0 ||
      first.getResultNumber() != second.getResultNumber())
    return false;
  Operation *x = first.getOwner(), *y = second.getOwner();
  if (x->getName() != y->getName() ||
      x->getNumOperands() != y->getNumOperands() || x->getNumRegions() ||
      !isPure(x) || x->getResultTypes() != y->getResultTypes() ||
      x->getAttrDictionary() != y->getAttrDictionary())
    return false;
  for (auto [p, q] : llvm::zip(x->getOperands(), y->getOperands()))
    if (!sameValue(p, q, depth - 1))
      return false;
  return true;
}

bool TensorBuilder::sameSize(OpFoldResult a, OpFoldResult b) {
  auto x = getConstantIntValue(a), y = getConstantIntValue(b);
  if (x || y)
    return x && y && *x == *y;
  return sameValue(cast<Value>(a), cast<Value>(b), 8);
}

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

// The first axis of the model's arguments that has the same ONNX name as this
// one, or this one.
static std::pair<Value, int64_t> firstOfName(BlockArgument argument,
                                             int64_t axis) {
  auto function =
      dyn_cast_or_null<func::FuncOp>(argument.getOwner()->getParentOp());
  if (!function || !argument.getOwner()->isEntryBlock())
    return {argument, axis};
  auto nameOf = [&](unsigned number, int64_t dim) -> StringRef {
    auto names = function.getArgAttrOfType<ArrayAttr>(number, "onnx.dim_names");
    if (!names || static_cast<size_t>(dim) >= names.size())
      return {};
    auto name = dyn_cast<StringAttr>(names[dim]);
    return name ? name.getValue() : StringRef();
  };
  StringRef wanted = nameOf(argument.getArgNumber(), axis);
  if (wanted.empty())
    return {argument, axis};
  for (BlockArgument other : argument.getOwner()->getArguments()) {
    auto type = dyn_cast<RankedTensorType>(other.getType());
    for (int64_t dim = 0; type && dim < type.getRank(); ++dim)
      if (type.isDynamicDim(dim) && nameOf(other.getArgNumber(), dim) == wanted)
        return {other, dim};
  }
  return {argument, axis};
}

// The argument of a loop's body that `tensor` is a changed version of, of the
// same shape; null if unknown.
static BlockArgument changedArgument(Value tensor) {
  while (Operation *op = tensor.getDefiningOp()) {
    if (auto insert = dyn_cast<tensor::InsertOp>(op)) {
      tensor = insert.getDest();
    } else if (auto insertSlice = dyn_cast<tensor::InsertSliceOp>(op)) {
      tensor = insertSlice.getDest();
    } else if (auto loop = dyn_cast<scf::ForOp>(op)) {
      unsigned number = cast<OpResult>(tensor).getResultNumber();
      if (changedArgument(loop.getYieldedValues()[number]) !=
          loop.getRegionIterArgs()[number])
        return {};
      tensor = loop.getInitArgs()[number];
    } else {
      return {};
    }
  }
  return cast<BlockArgument>(tensor);
}

// The size that the operation making the tensor was given, where it says so.
static OpFoldResult producerSize(TensorBuilder &builder, Operation *op,
                                 unsigned result, int64_t axis) {
  if (auto conversion = dyn_cast<UnrealizedConversionCastOp>(op);
      conversion && conversion.getNumOperands() == 1)
    if (isa<RankedTensorType>(conversion.getOperand(0).getType()))
      return builder.dim(conversion.getOperand(0), axis);
  if (auto cast = dyn_cast<tensor::CastOp>(op))
    if (isa<RankedTensorType>(cast.getSource().getType()))
      return builder.dim(cast.getSource(), axis);
  if (auto empty = dyn_cast<tensor::EmptyOp>(op))
    return empty.getMixedSizes()[axis];
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op))
    return expand.getMixedOutputShape()[axis];
  if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op)) {
    TensorBuilder::Sizes sizes;
    ReassociationIndices group = collapse.getReassociationIndices()[axis];
    for (int64_t dim : group)
      sizes.push_back(builder.dim(collapse.getSrc(), dim));
    return builder.product(sizes);
  }
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
    llvm::SmallBitVector dropped = slice.getDroppedDims();
    for (auto [position, size] : llvm::enumerate(slice.getMixedSizes()))
      if (!dropped.test(position) && axis-- == 0)
        return size;
  }
  if (auto insert = dyn_cast<tensor::InsertSliceOp>(op))
    return builder.dim(insert.getDest(), axis);
  if (auto pad = dyn_cast<tensor::PadOp>(op)) {
    OpFoldResult around = builder.sizeAdd(pad.getMixedLowPad()[axis],
                                          pad.getMixedHighPad()[axis]);
    return builder.sizeAdd(builder.dim(pad.getSource(), axis), around);
  }
  if (auto reshape = dyn_cast<tensor::ReshapeOp>(op))
    if (auto shape = reshape.getShape().getDefiningOp<tensor::FromElementsOp>())
      return getAsOpFoldResult(builder.toIndex(shape.getElements()[axis]));
  if (auto loop = dyn_cast<scf::ForOp>(op))
    if (changedArgument(loop.getYieldedValues()[result]) ==
        loop.getRegionIterArgs()[result])
      return builder.dim(loop.getInitArgs()[result], axis);
  if (auto style = dyn_cast<DestinationStyleOpInterface>(op))
    return builder.dim(style.getDpsInitOperand(result)->get(), axis);
  return {};
}

OpFoldResult TensorBuilder::dim(Value tensor, int64_t axis) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (!type.isDynamicDim(axis))
    return size(type.getDimSize(axis));
  if (auto argument = dyn_cast<BlockArgument>(tensor))
    std::tie(tensor, axis) = firstOfName(argument, axis);
  else if (OpFoldResult known =
               producerSize(*this, tensor.getDefiningOp(),
                            cast<OpResult>(tensor).getResultNumber(), axis))
    return known;
  return createOrFold<tensor::DimOp>(tensor, index(axis));
}

TensorBuilder::Sizes TensorBuilder::dims(Value tensor) {
  Sizes result;
  for (int64_t axis = 0,
               rank = cast<RankedTensorType>(tensor.getType()).getRank();
       axis < rank; ++axis)
    result.push_back(dim(tensor, axis));
  return result;
}

TensorBuilder::Sizes TensorBuilder::sizes(ArrayRef<int64_t> values) {
  return llvm::map_to_vector<6>(values,
                                [&](int64_t value) { return size(value); });
}

Value TensorBuilder::value(OpFoldResult size) {
  if (auto known = getConstantIntValue(size))
    return index(*known);
  return cast<Value>(size);
}

static OpFoldResult folded(Value value) { return getAsOpFoldResult(value); }

OpFoldResult TensorBuilder::sizeAdd(OpFoldResult a, OpFoldResult b) {
  return folded(add(value(a), value(b)));
}
OpFoldResult TensorBuilder::sizeSub(OpFoldResult a, OpFoldResult b) {
  return folded(sub(value(a), value(b)));
}
OpFoldResult TensorBuilder::sizeMul(OpFoldResult a, OpFoldResult b) {
  return folded(mul(value(a), value(b)));
}
OpFoldResult TensorBuilder::sizeDiv(OpFoldResult a, OpFoldResult b) {
  return folded(div(value(a), value(b), /*isUnsigned=*/true));
}
OpFoldResult TensorBuilder::sizeMin(OpFoldResult a, OpFoldResult b) {
  return folded(min(value(a), value(b)));
}
OpFoldResult TensorBuilder::sizeMax(OpFoldResult a, OpFoldResult b) {
  return folded(max(value(a), value(b)));
}

OpFoldResult TensorBuilder::product(ArrayRef<OpFoldResult> sizes) {
  OpFoldResult result = size(1);
  for (OpFoldResult factor : sizes)
    result = sizeMul(result, factor);
  return result;
}

OpFoldResult TensorBuilder::elementCount(Value tensor) {
  return product(dims(tensor));
}

void TensorBuilder::requireSameSize(OpFoldResult a, OpFoldResult b) {
  if (!sameSize(a, b))
    create<nn::RequireOp>(eq(value(a), value(b)), ASHLAR_ERROR_SHAPE,
                          "sizes computed from data do not fit each other");
}

void TensorBuilder::requireNotNegative(OpFoldResult size, StringRef message) {
  if (!getConstantIntValue(size))
    create<nn::RequireOp>(
        create<arith::CmpIOp>(arith::CmpIPredicate::sge, value(size), index(0)),
        ASHLAR_ERROR_SHAPE, message);
}

// One dim of a broadcast: a size that is known not to be 1 wins; several
// unknown ones are compared while running.
static OpFoldResult broadcastSize(TensorBuilder &builder,
                                  ArrayRef<OpFoldResult> sizes) {
  SmallVector<OpFoldResult> unknown;
  for (OpFoldResult size : sizes) {
    auto known = getConstantIntValue(size);
    if (known && *known != 1)
      return size;
    if (!known && llvm::none_of(unknown, [&](OpFoldResult o) {
          return TensorBuilder::sameSize(o, size);
        }))
      unknown.push_back(size);
  }
  if (unknown.empty())
    return builder.size(1);
  Value result = builder.value(unknown.front());
  for (OpFoldResult other : ArrayRef(unknown).drop_front())
    result = builder.select(builder.eq(result, builder.index(1)),
                            builder.value(other), result);
  return result;
}

TensorBuilder::Sizes TensorBuilder::broadcastSizes(ValueRange tensors) {
  SmallVector<Sizes> shapes;
  size_t rank = 0;
  for (Value tensor : tensors) {
    shapes.push_back(dims(tensor));
    rank = std::max(rank, shapes.back().size());
  }
  Sizes result;
  for (size_t axis = 0; axis < rank; ++axis) {
    SmallVector<OpFoldResult> candidates;
    for (const Sizes &shape : shapes)
      if (axis + shape.size() >= rank)
        candidates.push_back(shape[axis + shape.size() - rank]);
    result.push_back(broadcastSize(*this, candidates));
  }
  return result;
}

RankedTensorType TensorBuilder::tensorType(ArrayRef<OpFoldResult> sizes,
                                           Type element) {
  SmallVector<int64_t> shape;
  for (OpFoldResult size : sizes)
    shape.push_back(getConstantIntValue(size).value_or(ShapedType::kDynamic));
  return RankedTensorType::get(shape, element);
}

//===----------------------------------------------------------------------===//
// Tensors that hold shapes
//===----------------------------------------------------------------------===//

bool TensorBuilder::isScalarTensor(Value tensor) {
  auto type = dyn_cast<RankedTensorType>(tensor.getType());
  if (!type || !type.hasStaticShape() || type.getNumElements() > 16)
    return false;
  Value source = elementSource(tensor);
  if (source.getDefiningOp<tensor::FromElementsOp>())
    return true;
  // Bytes are data rather than sizes.
  auto integer = dyn_cast<IntegerType>(type.getElementType());
  return type.getRank() <= 1 && integer && integer.getWidth() != 8;
}

SmallVector<Value> TensorBuilder::elementsOf(Value tensor) {
  auto type = cast<RankedTensorType>(tensor.getType());
  Value source = elementSource(tensor);
  if (auto elements = source.getDefiningOp<tensor::FromElementsOp>())
    return llvm::to_vector(elements.getElements());
  SmallVector<Value> result;
  DenseElementsAttr dense;
  if (matchPattern(source, m_Constant(&dense)) &&
      isa<IntegerType, IndexType, FloatType>(dense.getElementType())) {
    for (Attribute element : dense.getValues<Attribute>())
      result.push_back(create<arith::ConstantOp>(cast<TypedAttr>(element)));
    return result;
  }
  SmallVector<int64_t> position(type.getRank(), 0);
  for (int64_t i = 0, count = type.getNumElements(); i < count; ++i) {
    SmallVector<Value> indices =
        llvm::map_to_vector<6>(position, [&](int64_t p) { return index(p); });
    result.push_back(createOrFold<tensor::ExtractOp>(tensor, indices));
    for (int64_t axis = type.getRank() - 1;
         axis >= 0 && ++position[axis] == type.getDimSize(axis); --axis)
      position[axis] = 0;
  }
  return result;
}

TensorBuilder::Sizes TensorBuilder::sizesOf(Value tensor) {
  Sizes result;
  for (Value element : elementsOf(tensor))
    result.push_back(folded(toIndex(element)));
  return result;
}

Value TensorBuilder::fromElements(ArrayRef<int64_t> shape, Type element,
                                  ValueRange elements) {
  auto type = RankedTensorType::get(shape, element);
  if (elements.empty())
    return create<tensor::EmptyOp>(shape, element);
  return create<tensor::FromElementsOp>(type, elements);
}

Value TensorBuilder::fromScalar(Value scalar) {
  return fromElements({}, scalar.getType(), scalar);
}

} // namespace ashlar
