//===- RunTimePacking.cpp - panels of what is not constant ----------------===//
#include "passes/layout/PanelPacking.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include "passes/analysis/TransposeMatch.h"

using namespace mlir;
using namespace ashlar;

namespace {

/// Index arithmetic in the body of a linalg.generic.
class IndexBody {
public:
  IndexBody(ImplicitLocOpBuilder &b) : b(b) {}
  Value axis(int64_t number) { return linalg::IndexOp::create(b, number); }
  Value fixed(int64_t value) {
    return arith::ConstantIndexOp::create(b, value);
  }
  Value add(Value x, Value y) { return arith::AddIOp::create(b, x, y); }
  Value mul(Value x, int64_t y) {
    return arith::MulIOp::create(b, x, fixed(y));
  }
  Value div(Value x, int64_t y) {
    return arith::DivUIOp::create(b, x, fixed(y));
  }
  Value rem(Value x, int64_t y) {
    return arith::RemUIOp::create(b, x, fixed(y));
  }
  Value less(Value x, Value y) {
    return arith::CmpIOp::create(b, arith::CmpIPredicate::ult, x, y);
  }
  /// The element of `tensor` at `indices` where they are all below `limits`,
  /// else zero; what is read lies inside in both cases.
  Value elementOrZero(Value tensor, ArrayRef<Value> indices,
                      ArrayRef<std::pair<unsigned, Value>> limits) {
    SmallVector<Value> safe(indices);
    Value inside;
    for (auto [position, limit] : limits) {
      Value ok = less(indices[position], limit);
      inside = inside ? arith::AndIOp::create(b, inside, ok).getResult() : ok;
      safe[position] =
          arith::SelectOp::create(b, ok, indices[position], fixed(0));
    }
    Value element = tensor::ExtractOp::create(b, tensor, safe);
    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(element.getType()));
    return arith::SelectOp::create(b, inside, element, zero);
  }

private:
  ImplicitLocOpBuilder &b;
};

/// A tensor of the given sizes whose elements `body` computes.
Value generate(ImplicitLocOpBuilder &b, ArrayRef<OpFoldResult> sizes,
               Type element,
               llvm::function_ref<Value(ImplicitLocOpBuilder &)> body) {
  Value empty = tensor::EmptyOp::create(b, sizes, element);
  SmallVector<utils::IteratorType> iterators(sizes.size(),
                                             utils::IteratorType::parallel);
  return linalg::GenericOp::create(
             b, TypeRange{empty.getType()}, ValueRange(), ValueRange{empty},
             ArrayRef<AffineMap>{b.getMultiDimIdentityMap(sizes.size())},
             iterators,
             [&](OpBuilder &builder, Location loc, ValueRange) {
               ImplicitLocOpBuilder inner(loc, builder);
               linalg::YieldOp::create(inner, body(inner));
             })
      .getResult(0);
}

Value depthwiseElement(ImplicitLocOpBuilder &inner, nn::ConvOp conv,
                       bool grouped) {
  IndexBody at(inner);
  if (!grouped)
    return tensor::ExtractOp::create(
        inner, conv.getFilter(),
        ValueRange{at.axis(2), at.fixed(0), at.axis(0), at.axis(1)});
  ArrayRef<int64_t> sizes = conv.getFilterSizes();
  constexpr int64_t kGroup = 4;
  int64_t groups = (sizes[3] + kGroup - 1) / kGroup;
  Value row = at.div(at.axis(0), groups);
  Value column = at.add(at.mul(at.rem(at.axis(0), groups), kGroup), at.axis(2));
  return at.elementOrZero(conv.getFilter(),
                          {at.axis(1), at.fixed(0), row, column},
                          {{0, at.fixed(sizes[0])}, {3, at.fixed(sizes[3])}});
}

Value filterElement(ImplicitLocOpBuilder &inner, nn::ConvOp conv,
                    const FilterPanels &p) {
  IndexBody at(inner);
  Value inGroup = at.add(at.mul(at.axis(1), p.form.width), at.axis(4));
  Value step = at.axis(3);
  if (p.form.group > 1)
    step = at.add(at.mul(step, p.form.group), at.axis(5));
  Value row = p.joined ? at.axis(2) : at.div(at.axis(2), p.columns);
  Value column =
      p.joined ? at.div(step, p.depth) : at.rem(at.axis(2), p.columns);
  Value channel = p.joined ? at.rem(step, p.depth) : step;
  // The output channel is checked within its group.
  Value exists = at.less(inGroup, at.fixed(p.outputs));
  Value safe = arith::SelectOp::create(inner, exists, inGroup, at.fixed(0));
  Value output = at.add(at.mul(at.axis(0), p.outputs), safe);
  Value element =
      at.elementOrZero(conv.getFilter(), {output, channel, row, column},
                       {{1, at.fixed(p.depth)}, {3, at.fixed(p.columns)}});
  Value zero =
      arith::ConstantOp::create(inner, inner.getZeroAttr(element.getType()));
  return arith::SelectOp::create(inner, exists, element, zero);
}

} // namespace

SmallVector<OpFoldResult> ashlar::matrixPanelShape(OpBuilder &builder,
                                                   Location loc,
                                                   const nn::PanelForm &form,
                                                   OpFoldResult reduction,
                                                   OpFoldResult columns) {
  auto ceilDiv = [&](OpFoldResult size, int64_t by) {
    AffineExpr s = builder.getAffineSymbolExpr(0);
    return affine::makeComposedFoldedAffineApply(builder, loc, s.ceilDiv(by),
                                                 {size});
  };
  SmallVector<OpFoldResult> shape{ceilDiv(columns, form.width)};
  if (auto known = getConstantIntValue(reduction))
    shape.push_back(
        builder.getIndexAttr(form.paddedLength(*known) / form.group));
  else
    shape.push_back(ceilDiv(reduction, form.group));
  shape.push_back(builder.getIndexAttr(form.width));
  if (form.group > 1)
    shape.push_back(builder.getIndexAttr(form.group));
  return shape;
}

Value ashlar::packFilterAtRunTime(nn::ConvOp conv) {
  ImplicitLocOpBuilder b(conv.getLoc(), conv);
  Type element = getElementTypeOrSelf(conv.getFilter().getType());
  if (isDepthwise(conv)) {
    SmallVector<int64_t> shape = depthwiseShape(conv.getFilterSizes(), element);
    return generate(b, getAsIndexOpFoldResult(b.getContext(), shape), element,
                    [&](ImplicitLocOpBuilder &inner) {
                      return depthwiseElement(inner, conv,
                                              element.isInteger(8));
                    });
  }
  FilterPanels panels = FilterPanels::of(conv);
  return generate(b, getAsIndexOpFoldResult(b.getContext(), panels.shape()),
                  element, [&](ImplicitLocOpBuilder &inner) {
                    return filterElement(inner, conv, panels);
                  });
}

Value ashlar::packMatrixAtRunTime(nn::MatmulOp matmul) {
  ImplicitLocOpBuilder b(matmul.getLoc(), matmul);
  Value source = matmul.getRhs();
  auto type = cast<RankedTensorType>(source.getType());
  int64_t rank = type.getRank();
  SmallVector<OpFoldResult> sizes =
      tensor::getMixedSizes(b, b.getLoc(), source);
  nn::PanelForm form = nn::PanelForm::of(type.getElementType());
  SmallVector<OpFoldResult> shape =
      matrixPanelShape(b, b.getLoc(), form, sizes[rank - 2], sizes[rank - 1]);
  if (rank == 3)
    shape.insert(shape.begin(), sizes[0]);
  // Reads through a transpose of the matrices in front: the same elements.
  bool transposed = false;
  if (auto transpose = matchTranspose(source)) {
    SmallVector<unsigned> swapped{0, 2, 1};
    if (rank == 2)
      swapped = {1, 0};
    transposed =
        transpose->map == AffineMap::getPermutationMap(swapped, b.getContext());
    if (transposed)
      source = transpose->source;
  }
  Value init = tensor::EmptyOp::create(b, shape, type.getElementType());
  return nn::PackOp::create(b, TypeRange{init.getType()}, source, init,
                            transposed)
      .getResult(0);
}
