//===- TensorBuilder.cpp - Tensor computations in few words ---------------===//

#include "passes/convert/TensorBuilder.h"

#include "dialects/nn/NnDialect.h"
#include "runtime/ashlar_rt.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/ReshapeOpsUtils.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/AffineMap.h"

using namespace mlir;

namespace ashlar {

Value TensorBuilder::empty(ArrayRef<OpFoldResult> sizes, Type element) {
  return create<tensor::EmptyOp>(sizes, element);
}

Value TensorBuilder::filled(ArrayRef<OpFoldResult> sizes, Value scalar) {
  return create<linalg::FillOp>(ValueRange{scalar},
                                ValueRange{empty(sizes, scalar.getType())})
      .getResult(0);
}

Value TensorBuilder::integers(ArrayRef<int64_t> values, Type element) {
  SmallVector<Attribute> attributes;
  for (int64_t value : values)
    attributes.push_back(element.isIndex() ? getIndexAttr(value)
                                           : getIntegerAttr(element, value));
  auto type =
      RankedTensorType::get({static_cast<int64_t>(values.size())}, element);
  return create<arith::ConstantOp>(DenseElementsAttr::get(type, attributes));
}

//===----------------------------------------------------------------------===//
// Maps
//===----------------------------------------------------------------------===//

Value TensorBuilder::generic(ArrayRef<OpFoldResult> sizes, Type element,
                             ValueRange inputs, ArrayRef<AffineMap> maps,
                             Body body) {
  Value init = empty(sizes, element);
  SmallVector<AffineMap> allMaps(maps);
  allMaps.push_back(getMultiDimIdentityMap(sizes.size()));
  SmallVector<utils::IteratorType> iterators(sizes.size(),
                                             utils::IteratorType::parallel);
  auto op = create<linalg::GenericOp>(
      TypeRange{init.getType()}, inputs, ValueRange{init}, allMaps, iterators,
      [&](OpBuilder &nested, Location loc, ValueRange arguments) {
        TensorBuilder inner(loc, nested);
        Value result = body(inner, arguments.drop_back());
        inner.create<linalg::YieldOp>(result);
      });
  return op.getResult(0);
}

Value TensorBuilder::generate(ArrayRef<OpFoldResult> sizes, Type element,
                              Body body) {
  return generic(sizes, element, {}, {}, [&](TensorBuilder &b, ValueRange) {
    SmallVector<Value> indices;
    for (size_t axis = 0; axis < sizes.size(); ++axis)
      indices.push_back(b.create<linalg::IndexOp>(axis));
    return body(b, indices);
  });
}

namespace {
// How one input of a map is read: by its indexing map, or, where only the
// running program knows whether a dim is broadcast, element by element.
struct MapInput {
  Value tensor;
  AffineMap map;
  SmallVector<int64_t> uncertainAxes;
};
} // namespace

static MapInput describeInput(TensorBuilder &builder, Value tensor,
                              ArrayRef<OpFoldResult> sizes) {
  MapInput input{tensor, {}, {}};
  TensorBuilder::Sizes own = builder.dims(tensor);
  size_t offset = sizes.size() - own.size();
  SmallVector<AffineExpr> expressions;
  for (size_t axis = 0; axis < own.size(); ++axis) {
    OpFoldResult wanted = sizes[axis + offset];
    if (getConstantIntValue(own[axis]) == 1 &&
        getConstantIntValue(wanted) != 1) {
      expressions.push_back(builder.getAffineConstantExpr(0));
      continue;
    }
    expressions.push_back(builder.getAffineDimExpr(axis + offset));
    if (TensorBuilder::sameSize(own[axis], wanted))
      continue;
    if (getConstantIntValue(own[axis]))
      builder.requireSameSize(own[axis], wanted);
    else
      input.uncertainAxes.push_back(axis);
  }
  input.map =
      AffineMap::get(sizes.size(), 0, expressions, builder.getContext());
  return input;
}

// The element of an input with uncertain dims at the current point of the
// iteration.
static Value extractElement(TensorBuilder &b, const MapInput &input,
                            ArrayRef<Value> axisIsOne) {
  SmallVector<Value> indices;
  for (auto [axis, expression] : llvm::enumerate(input.map.getResults())) {
    auto position = dyn_cast<AffineDimExpr>(expression);
    if (!position) {
      indices.push_back(b.index(0));
      continue;
    }
    Value index = b.create<linalg::IndexOp>(position.getPosition());
    for (auto [uncertain, isOne] : llvm::zip(input.uncertainAxes, axisIsOne))
      if (uncertain == static_cast<int64_t>(axis))
        index = b.select(isOne, b.index(0), index);
    indices.push_back(index);
  }
  return b.create<tensor::ExtractOp>(input.tensor, indices);
}

static bool allScalarTensors(ValueRange inputs, ArrayRef<OpFoldResult> sizes) {
  int64_t count = 1;
  for (OpFoldResult size : sizes) {
    auto known = getConstantIntValue(size);
    if (!known)
      return false;
    count *= *known;
  }
  return count > 0 && count <= 16 &&
         llvm::all_of(inputs, TensorBuilder::isScalarTensor);
}

// The map over shape tensors: straight scalar code.
static Value mapScalars(TensorBuilder &builder, ArrayRef<OpFoldResult> sizes,
                        Type element, ValueRange inputs,
                        TensorBuilder::Body body) {
  SmallVector<int64_t> shape = llvm::map_to_vector(
      sizes, [](OpFoldResult s) { return *getConstantIntValue(s); });
  SmallVector<SmallVector<Value>> operands;
  for (Value input : inputs)
    operands.push_back(builder.elementsOf(input));
  SmallVector<Value> results;
  SmallVector<int64_t> position(shape.size(), 0);
  for (int64_t i = 0, count = ShapedType::getNumElements(shape); i < count;
       ++i) {
    SmallVector<Value> arguments;
    for (auto [input, elements] : llvm::zip(inputs, operands)) {
      ArrayRef<int64_t> own =
          cast<RankedTensorType>(input.getType()).getShape();
      int64_t linear = 0;
      for (auto [size, at] :
           llvm::zip(own, ArrayRef(position).take_back(own.size())))
        linear = linear * size + (size == 1 ? 0 : at);
      arguments.push_back(elements[linear]);
    }
    results.push_back(body(builder, arguments));
    for (int64_t axis = shape.size() - 1;
         axis >= 0 && ++position[axis] == shape[axis]; --axis)
      position[axis] = 0;
  }
  return builder.fromElements(shape, element, results);
}

Value TensorBuilder::map(Type element, ValueRange inputs, Body body) {
  return mapTo(broadcastSizes(inputs), element, inputs, body);
}

Value TensorBuilder::mapTo(ArrayRef<OpFoldResult> sizes, Type element,
                           ValueRange inputs, Body body) {
  if (!inputs.empty() && allScalarTensors(inputs, sizes))
    return mapScalars(*this, sizes, element, inputs, body);
  SmallVector<MapInput> described;
  SmallVector<SmallVector<Value>> axisIsOne;
  SmallVector<Value> operands;
  SmallVector<AffineMap> maps;
  for (Value tensor : inputs) {
    MapInput &input =
        described.emplace_back(describeInput(*this, tensor, sizes));
    SmallVector<Value> &flags = axisIsOne.emplace_back();
    size_t offset = sizes.size() - input.map.getNumResults();
    for (int64_t axis : input.uncertainAxes) {
      Value own = dimValue(tensor, axis);
      flags.push_back(eq(own, index(1)));
      Value equal = eq(own, value(sizes[axis + offset]));
      create<nn::RequireOp>(logicalOr(flags.back(), equal), ASHLAR_ERROR_SHAPE,
                            "shapes that do not broadcast together");
    }
    if (input.uncertainAxes.empty()) {
      operands.push_back(tensor);
      maps.push_back(input.map);
    }
  }
  return generic(sizes, element, operands, maps,
                 [&](TensorBuilder &b, ValueRange arguments) {
                   SmallVector<Value> scalars;
                   for (auto [input, flags] : llvm::zip(described, axisIsOne)) {
                     if (!input.uncertainAxes.empty()) {
                       scalars.push_back(extractElement(b, input, flags));
                       continue;
                     }
                     scalars.push_back(arguments.front());
                     arguments = arguments.drop_front();
                   }
                   return body(b, scalars);
                 });
}

Value TensorBuilder::broadcastTo(Value tensor, ArrayRef<OpFoldResult> sizes) {
  Sizes own = dims(tensor);
  if (own.size() == sizes.size() &&
      llvm::all_of(llvm::zip(own, sizes), [](auto pair) {
        return sameSize(std::get<0>(pair), std::get<1>(pair));
      }))
    return tensor;
  return mapTo(sizes, elementType(tensor), tensor,
               [](TensorBuilder &, ValueRange x) { return x[0]; });
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

Value TensorBuilder::reduce(Value tensor, ArrayRef<int64_t> axes, bool keepDims,
                            Value init, Combiner combiner) {
  Sizes sizes = dims(tensor), kept;
  SmallVector<AffineExpr> results;
  SmallVector<utils::IteratorType> iterators;
  for (size_t axis = 0; axis < sizes.size(); ++axis) {
    bool reduced = llvm::is_contained(axes, static_cast<int64_t>(axis));
    iterators.push_back(reduced ? utils::IteratorType::reduction
                                : utils::IteratorType::parallel);
    if (reduced)
      continue;
    kept.push_back(sizes[axis]);
    results.push_back(getAffineDimExpr(axis));
  }
  SmallVector<AffineMap> maps = {
      getMultiDimIdentityMap(sizes.size()),
      AffineMap::get(sizes.size(), 0, results, getContext())};
  Value start = filled(kept, init);
  auto op = create<linalg::GenericOp>(
      TypeRange{start.getType()}, ValueRange{tensor}, ValueRange{start}, maps,
      iterators, [&](OpBuilder &nested, Location loc, ValueRange arguments) {
        TensorBuilder inner(loc, nested);
        Value result = combiner(inner, arguments[0], arguments[1]);
        inner.create<linalg::YieldOp>(result);
      });
  return keepDims ? unsqueeze(op.getResult(0), axes) : op.getResult(0);
}

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

Value TensorBuilder::unsqueeze(Value tensor, ArrayRef<int64_t> axes) {
  Sizes own = dims(tensor), sizes;
  size_t rank = own.size() + axes.size(), next = 0;
  SmallVector<ReassociationIndices> groups(own.size());
  for (size_t axis = 0; axis < rank; ++axis) {
    bool added = llvm::is_contained(axes, static_cast<int64_t>(axis));
    // Unit dims join the group of the dim before them, the leading ones that of
    // the first.
    if (!own.empty())
      groups[added ? (next ? next - 1 : 0) : next].push_back(axis);
    sizes.push_back(added ? size(1) : own[next]);
    next += !added;
  }
  if (axes.empty())
    return tensor;
  if (isScalarTensor(tensor))
    return reshape(tensor, sizes);
  // Sizes may be better known than by the tensor's type.
  Type element = elementType(tensor);
  return create<tensor::ExpandShapeOp>(
      tensorType(sizes, element), conform(tensor, tensorType(own, element)),
      groups, sizes);
}

Value TensorBuilder::squeeze(Value tensor, ArrayRef<int64_t> axes) {
  Sizes sizes;
  for (auto [axis, size] : llvm::enumerate(dims(tensor)))
    if (!llvm::is_contained(axes, static_cast<int64_t>(axis)))
      sizes.push_back(size);
  return reshape(tensor, sizes);
}

Value TensorBuilder::transpose(Value tensor, ArrayRef<int64_t> permutation) {
  Sizes own = dims(tensor), sizes;
  SmallVector<unsigned> inverse(permutation.size());
  for (auto [to, from] : llvm::enumerate(permutation)) {
    sizes.push_back(own[from]);
    inverse[from] = to;
  }
  AffineMap map = inverse.empty()
                      ? getMultiDimIdentityMap(0)
                      : AffineMap::getPermutationMap(inverse, getContext());
  return generic(sizes, elementType(tensor), tensor, map,
                 [](TensorBuilder &, ValueRange x) { return x[0]; });
}

// Groups the dims of the longer shape so that each group makes one dim of the
// shorter one, if sizes show how.
static std::optional<SmallVector<ReassociationIndices>>
groupDims(TensorBuilder &builder, ArrayRef<OpFoldResult> fine,
          ArrayRef<OpFoldResult> coarse) {
  SmallVector<ReassociationIndices> groups;
  size_t next = 0;
  for (OpFoldResult whole : coarse) {
    ReassociationIndices group;
    OpFoldResult product = builder.size(1);
    bool matched = false;
    while (next < fine.size() && !matched) {
      product = builder.sizeMul(product, fine[next]);
      group.push_back(next++);
      matched = TensorBuilder::sameSize(product, whole);
    }
    if (!matched)
      return std::nullopt;
    groups.push_back(std::move(group));
  }
  for (; next < fine.size(); ++next) {
    if (getConstantIntValue(fine[next]) != 1 || groups.empty())
      return std::nullopt;
    groups.back().push_back(next);
  }
  return groups;
}

static Value collapseAll(TensorBuilder &builder, Value tensor) {
  auto type = cast<RankedTensorType>(tensor.getType());
  ReassociationIndices all =
      llvm::to_vector<2>(llvm::seq<int64_t>(0, type.getRank()));
  if (type.getRank() == 0)
    return builder.create<tensor::ExpandShapeOp>(
        RankedTensorType::get({1}, type.getElementType()), tensor,
        ArrayRef<ReassociationIndices>{},
        ArrayRef<OpFoldResult>{builder.size(1)});
  if (type.getRank() == 1)
    return tensor;
  return builder.create<tensor::CollapseShapeOp>(
      tensor, ArrayRef<ReassociationIndices>{all});
}

// Upstream lowers an expansion with at most one size in each group that is
// known only while running.
static bool canExpand(ArrayRef<ReassociationIndices> groups,
                      RankedTensorType type) {
  return llvm::all_of(groups, [&](const ReassociationIndices &group) {
    return llvm::count_if(
               group, [&](int64_t dim) { return type.isDynamicDim(dim); }) <= 1;
  });
}

// The general case: the shape is a tensor of its own.
static Value reshapeByShape(TensorBuilder &builder, Value tensor,
                            ArrayRef<OpFoldResult> sizes,
                            RankedTensorType result) {
  SmallVector<Value> values = llvm::map_to_vector(
      sizes, [&](OpFoldResult size) { return builder.value(size); });
  Value shape = builder.create<tensor::FromElementsOp>(values);
  return builder.create<tensor::ReshapeOp>(result, tensor, shape);
}

Value TensorBuilder::reshape(Value tensor, ArrayRef<OpFoldResult> sizes) {
  auto type = cast<RankedTensorType>(tensor.getType());
  Sizes own = dims(tensor);
  RankedTensorType result = tensorType(sizes, type.getElementType());
  if (isScalarTensor(tensor) && result.hasStaticShape())
    return fromElements(result.getShape(), result.getElementType(),
                        elementsOf(tensor));
  if (own.size() == sizes.size()) {
    if (llvm::all_of(llvm::zip(own, sizes), [](auto pair) {
          return sameSize(std::get<0>(pair), std::get<1>(pair));
        }))
      return conform(tensor, result);
  } else if (own.size() < sizes.size() && !own.empty()) {
    if (auto groups = groupDims(*this, sizes, own);
        groups && canExpand(*groups, result))
      return create<tensor::ExpandShapeOp>(
          result, conform(tensor, tensorType(own, type.getElementType())),
          *groups, sizes);
  } else if (own.size() > sizes.size() && !sizes.empty()) {
    if (auto groups = groupDims(*this, own, sizes))
      return conform(create<tensor::CollapseShapeOp>(tensor, *groups), result);
  }
  if (result.getNumDynamicDims() > 1)
    return reshapeByShape(*this, tensor, sizes, result);
  // Through one dim.
  Value flat = collapseAll(*this, tensor);
  if (sizes.empty()) {
    flat = conform(flat, RankedTensorType::get({1}, type.getElementType()));
    return create<tensor::CollapseShapeOp>(result, flat,
                                           ArrayRef<ReassociationIndices>{});
  }
  if (sizes.size() == 1)
    return conform(flat, result);
  // A dim that is known on one side only would not verify.
  auto flatType =
      RankedTensorType::get({result.hasStaticShape() ? result.getNumElements()
                                                     : ShapedType::kDynamic},
                            type.getElementType());
  flat = conform(flat, flatType);
  ReassociationIndices all =
      llvm::to_vector<2>(llvm::seq<int64_t>(0, sizes.size()));
  return create<tensor::ExpandShapeOp>(
      result, flat, ArrayRef<ReassociationIndices>{all}, sizes);
}

Value TensorBuilder::flatten(Value tensor, int64_t first, int64_t last) {
  Sizes own = dims(tensor);
  Sizes sizes(ArrayRef(own).take_front(first));
  sizes.push_back(product(ArrayRef(own).slice(first, last - first)));
  sizes.append(own.begin() + last, own.end());
  return reshape(tensor, sizes);
}

Value TensorBuilder::conform(Value tensor, Type type) {
  if (tensor.getType() == type)
    return tensor;
  return create<tensor::CastOp>(type, tensor);
}

} // namespace ashlar
