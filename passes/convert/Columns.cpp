// Col2Im: columns, one a block, added up to an image.
#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/EmitterPattern.h"
#include "passes/convert/Families.h"

using namespace mlir;

namespace ashlar {
namespace {

using Scalars = Emitter::Scalars;
using Values = Emitter::Values;

/// One axis of an image that is put together from overlapping blocks.
struct BlockAxis {
  Scalar image, window, blocks;
  int64_t stride, dilation, pad;

  /// Blocks whose element `tap` lies in the image: [first, second).
  std::pair<Scalar, Scalar> inside(Emitter &e, Scalar tap) const {
    Scalar before = e.at(pad) - tap * dilation;
    auto firstFrom = [&](Scalar place) {
      return clamp(ceilDiv(place, e.at(stride)), e.at(0), blocks);
    };
    return {firstFrom(before), firstFrom(image + before)};
  }
};

/// Adds the columns of one channel and one element of the blocks to the image.
Value addColumns(Emitter &e, Value columns, Value image, ArrayRef<Scalar> outer,
                 ArrayRef<BlockAxis> axes, ArrayRef<Scalar> tap) {
  Scalar row = outer[1];
  for (auto [axis, own] : llvm::zip(axes, tap))
    row = row * axis.window + own;
  Scalars block;
  std::function<Value(Value)> visit = [&](Value now) -> Value {
    size_t number = block.size();
    if (number < axes.size()) {
      auto [low, high] = axes[number].inside(e, tap[number]);
      return e.loop(low, high, now, [&](Scalar i, ValueRange carried) {
        block.push_back(i);
        Value next = visit(carried[0]);
        block.pop_back();
        return Values{next};
      })[0];
    }
    Scalar column = e.at(0);
    Scalars place(outer);
    for (auto [axis, own, i] : llvm::zip(axes, tap, block)) {
      column = column * axis.blocks + i;
      place.push_back(i * axis.stride + own * axis.dilation - axis.pad);
    }
    Scalar old = e.load(now, place);
    Scalar term = e.load(columns, {outer[0], row, column}).to(old.type());
    return e.store(old + term, now, place);
  };
  return visit(image);
}

Lowered lowerCol2Im(onnx::Col2ImOp op, onnx::Col2ImOp::Adaptor in, Emitter &e) {
  RankedTensorType type = e.resultType(0);
  Scalars window = e.scalarsOf(in.getBlockShape());
  size_t rank = window.size();
  SmallVector<int64_t> strides = orDefault(op.getStrides(), rank, 1),
                       dilations = orDefault(op.getDilations(), rank, 1),
                       pads = orDefault(op.getPads(), 2 * rank, 0);
  Scalar windowSize = e.at(1), blockCount = e.at(1);
  SmallVector<BlockAxis> axes;
  Scalars image;
  for (auto [axis, given] : llvm::enumerate(e.scalarsOf(in.getImageShape()))) {
    Scalar own = window[axis] = window[axis].toIndex();
    if (!own.constant())
      e.require(own > 0, DataError::Value, "the block shape is not positive");
    Scalar size = type.isDynamicDim(axis + 2) ? given.toIndex()
                                              : e.at(type.getDimSize(axis + 2));
    Scalar covered = (own - 1) * dilations[axis] + 1;
    Scalar blocks = floorDiv(size + (pads[axis] + pads[axis + rank]) - covered,
                             e.at(strides[axis])) +
                    1;
    axes.push_back(
        {size, own, blocks, strides[axis], dilations[axis], pads[axis]});
    image.push_back(size);
    windowSize = windowSize * own;
    blockCount = blockCount * blocks;
  }
  Scalar channels = e.wrap(e.div(e.sizeOf(in.getInput(), 1), windowSize));
  e.require((blockCount == e.sizeOf(in.getInput(), 2)) &
                (channels * windowSize == e.sizeOf(in.getInput(), 1)),
            DataError::Shape, "the columns do not fit image and blocks");
  Scalars resultSizes = {e.sizeOf(in.getInput(), 0), channels};
  resultSizes.append(image);
  Type element = type.getElementType(), wide = computeType(element);
  Value zeros = e.allocateFilled(RankedTensorType::get(type.getShape(), wide),
                                 resultSizes, e.zero(wide));
  Scalars bounds = {resultSizes[0], channels};
  bounds.append(window);
  Value sum = e.nest(bounds, zeros, [&](ArrayRef<Scalar> at, ValueRange now) {
    return Values{addColumns(e, in.getInput(), now[0], at.take_front(2), axes,
                             at.drop_front(2))};
  })[0];
  if (element == wide)
    return sum;
  return e.map(element, sum, [&](TensorBuilder &b, ValueRange x) {
    return b.narrow(x[0], element);
  });
}

} // namespace

void populateColumnPatterns(const OnnxTypeConverter &converter,
                            RewritePatternSet &patterns) {
  addLowerings(converter, patterns, lowerCol2Im);
}

} // namespace ashlar
