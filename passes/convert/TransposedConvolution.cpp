//===- TransposedConvolution.cpp - ConvTranspose by its phases ------------===//
//
// The fast way for float ConvTranspose on one or two spatial axes: one nn.conv
// for each phase of the outputs (TransposedWindow.h), stored with gaps, where
// the next operation reads it. What fails here goes to the general lowering.
//
//===----------------------------------------------------------------------===//
#include "dialects/onnx/OnnxOps.h"
#include "passes/analysis/ConstantData.h"
#include "passes/analysis/TransposedWindow.h"
#include "passes/convert/Families.h"
#include "passes/convert/ImageConvolution.h"
#include "passes/convert/ReducedPrecision.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace ashlar;

namespace {

/// What is the same for all phases. Filters are [C, F / groups, R, S].
struct TransposedConvolution {
  TensorBuilder &b;
  Value filter, bias;
  int64_t groups;
  bool bf16;
  TransposedAxis axes[2] = {};

  int64_t channels() const { return filterShape()[0]; }
  int64_t groupOutputs() const { return filterShape()[1]; }
  int64_t outputs() const { return groups * groupOutputs(); }
  ArrayRef<int64_t> filterShape() const {
    return cast<RankedTensorType>(filter.getType()).getShape();
  }

  LogicalResult describe(onnx::ConvTransposeOp op);
  Value run(Value image);

private:
  using Sizes = TensorBuilder::Sizes;

  Sizes outputSizes(Value image);
  Value constantFilter(const ConstantData &data, const MergedPhases &rows,
                       const MergedPhases &columns);
  Value computedFilter(const TransposedPhase &row,
                       const TransposedPhase &column);
  Value convolve(Value image, Value phaseFilter, Value phaseBias);
  Value interleave(Value part, int64_t rows, int64_t columns);
  Value store(Value part, Value result, const MergedPhases &rows,
              const MergedPhases &columns);
};

} // namespace

LogicalResult TransposedConvolution::describe(onnx::ConvTransposeOp op) {
  auto found = transposedAxesOf(op);
  if (!found)
    return b.unsupported("on the fast path with an output of given size");
  llvm::copy(*found, std::end(axes) - found->size());
  if (!phasesOf(axes[0]) || !phasesOf(axes[1]))
    return b.unsupported("on the fast path with dilation, or strides above "
                         "the size of the filter");
  return success();
}

TensorBuilder::Sizes TransposedConvolution::outputSizes(Value image) {
  Sizes sizes = b.dims(image);
  for (int axis : {0, 1}) {
    const TransposedAxis &a = axes[axis];
    sizes[axis + 1] = b.sizeAdd(
        b.sizeMul(sizes[axis + 1], b.size(a.stride)),
        b.size(a.taps - a.stride - a.padBegin - a.padEnd + a.outputPadding));
  }
  sizes[3] = b.size(outputs());
  return sizes;
}

Value TransposedConvolution::constantFilter(const ConstantData &data,
                                            const MergedPhases &rows,
                                            const MergedPhases &columns) {
  Type element = elementType(filter);
  PhaseFilter phases{llvm::to_vector(filterShape()), groups, rows, columns};
  auto copy = [&](MutableArrayRef<char> to) {
    phases.copy(data.bytes, data.isSplat, element.getIntOrFloatBitWidth() / 8,
                to);
  };
  return arith::ConstantOp::create(
      b, cast<TypedAttr>(makeConstantData(
             RankedTensorType::get(phases.resultShape(), element), "phase",
             copy)));
}

// The same of a filter that is known when the model runs.
Value TransposedConvolution::computedFilter(const TransposedPhase &row,
                                            const TransposedPhase &column) {
  int64_t groupChannels = channels() / groups;
  auto tap = [](TensorBuilder &inner, const TransposedPhase &phase,
                Value place) {
    return inner.sub(inner.index(phase.tap(0)),
                     inner.mul(place, inner.index(phase.stride)));
  };
  return b.generate(
      b.sizes({outputs(), groupChannels, row.taps, column.taps}),
      elementType(filter), [&](TensorBuilder &inner, ValueRange at) -> Value {
        Value own = inner.index(groupOutputs());
        Value channel = inner.add(
            inner.mul(inner.div(at[0], own), inner.index(groupChannels)),
            at[1]);
        return tensor::ExtractOp::create(
            inner, filter,
            ValueRange{channel, inner.rem(at[0], own), tap(inner, row, at[2]),
                       tap(inner, column, at[3])});
      });
}

Value TransposedConvolution::convolve(Value image, Value phaseFilter,
                                      Value phaseBias) {
  ImageConvolution convolution;
  convolution.groups = groups;
  convolution.filterSizes =
      llvm::to_vector(cast<RankedTensorType>(phaseFilter.getType()).getShape());
  convolution.window.size =
      llvm::to_vector(ArrayRef(convolution.filterSizes).drop_front(2));
  convolution.window.strides = convolution.window.dilations = {1, 1};
  return convolution.makeWithBias(b, image, phaseFilter, phaseBias)
      ->getResult(0);
}

// [N, rows, columns, phases * F] to the phases' places beside each other.
Value TransposedConvolution::interleave(Value part, int64_t rows,
                                        int64_t columns) {
  Sizes sizes = b.dims(part);
  OpFoldResult rowCount = b.size(rows), columnCount = b.size(columns);
  if (rows > 1)
    part = b.transpose(b.reshape(part, {sizes[0], sizes[1], sizes[2], rowCount,
                                        b.size(columns * outputs())}),
                       {0, 1, 3, 2, 4});
  return b.reshape(part, {sizes[0], b.sizeMul(sizes[1], rowCount),
                          b.sizeMul(sizes[2], columnCount), b.size(outputs())});
}

// Puts what merged phases give to its places.
Value TransposedConvolution::store(Value part, Value result,
                                   const MergedPhases &rows,
                                   const MergedPhases &columns) {
  Sizes sizes = b.dims(part), whole = b.dims(result), unit(4, b.size(1)),
        steps = unit;
  int64_t rowCount = rows.phases.size(), columnCount = columns.phases.size();
  bool merged = rowCount * columnCount > 1;
  if (merged)
    part = interleave(part, rowCount, columnCount);
  sizes[3] = whole[3];
  auto place = [&](int64_t axis, const MergedPhases &phases) {
    if (phases.phases.size() > 1)
      sizes[axis] = whole[axis];
    else
      steps[axis] = b.size(phases.phases.front().stride);
  };
  place(1, rows);
  place(2, columns);
  if (merged)
    part = tensor::ExtractSliceOp::create(
        b, part, b.sizes({0, rows.crop, columns.crop, 0}), sizes, unit);
  if (rowCount > 1)
    return part; // all there is
  return tensor::InsertSliceOp::create(
      b, part, result,
      b.sizes(
          {0, rows.phases.front().offset, columns.phases.front().offset, 0}),
      sizes, steps);
}

// The bias of each of `count` merged phases.
static Value repeat(TensorBuilder &b, Value bias, int64_t count,
                    int64_t outputs) {
  if (!bias || count == 1)
    return bias;
  return b.reshape(b.broadcastTo(bias, b.sizes({count, outputs})),
                   b.sizes({count * outputs}));
}

// How far the windows of all phases reach beyond the inputs, begin and end.
static std::pair<int64_t, int64_t> reach(ArrayRef<MergedPhases> phases) {
  int64_t begin = 0, end = 0;
  for (const MergedPhases &phase : phases) {
    begin = std::max(begin, phase.padBegin);
    end = std::max(end, phase.padEnd());
  }
  return {begin, end};
}

namespace {
/// The image with all the padding that any phase needs: they read parts of it.
struct PaddedImage {
  Value image;
  TensorBuilder::Sizes inputs; // sizes before the padding
  int64_t begin[2];

  PaddedImage(TensorBuilder &b, Value unpadded, ArrayRef<MergedPhases> rows,
              ArrayRef<MergedPhases> columns)
      : inputs(b.dims(unpadded)) {
    ImageWindow window;
    for (ArrayRef<MergedPhases> phases : {rows, columns}) {
      auto [low, high] = reach(phases);
      window.padBegin.push_back(low);
      window.padEnd.push_back(high);
    }
    llvm::copy(window.padBegin, begin);
    image = padSpatial(b, unpadded, window, b.zero(elementType(unpadded)));
  }

  Value partOf(TensorBuilder &b, const MergedPhases &rows,
               const MergedPhases &columns) const {
    TensorBuilder::Sizes sizes = inputs;
    sizes[1] = b.sizeAdd(sizes[1], b.size(rows.growth + rows.taps - 1));
    sizes[2] = b.sizeAdd(sizes[2], b.size(columns.growth + columns.taps - 1));
    return tensor::ExtractSliceOp::create(
        b, image,
        b.sizes({0, begin[0] - rows.padBegin, begin[1] - columns.padBegin, 0}),
        sizes, b.sizes({1, 1, 1, 1}));
  }
};
} // namespace

// True where a short input is known to have no outputs of a phase.
static bool isEmpty(OpFoldResult inputs, const MergedPhases &phase) {
  std::optional<int64_t> known = getConstantIntValue(inputs);
  return known && *known + phase.growth <= 0;
}

Value TransposedConvolution::run(Value image) {
  auto data = constantData(filter);
  auto [rows, columns] =
      planPhases(axes[0], axes[1], outputs(), data && groups == 1);
  PaddedImage padded(b, image, rows, columns);
  Value result = b.empty(outputSizes(image), b.getF32Type());
  Sizes inputs = b.dims(image);
  for (const MergedPhases &row : rows)
    for (const MergedPhases &column : columns) {
      if (isEmpty(inputs[1], row) || isEmpty(inputs[2], column))
        continue;
      Value phaseFilter =
          data ? constantFilter(*data, row, column)
               : computedFilter(row.phases.front(), column.phases.front());
      phaseFilter = bf16 ? roundToBf16(b, phaseFilter) : toF32(b, phaseFilter);
      Value part = convolve(
          padded.partOf(b, row, column), phaseFilter,
          repeat(b, bias, row.phases.size() * column.phases.size(), outputs()));
      result = store(part, result, row, column);
    }
  return result;
}

static Lowered lowerConvTranspose(onnx::ConvTransposeOp op,
                                  onnx::ConvTransposeOp::Adaptor in,
                                  TensorBuilder &b) {
  auto type = cast<RankedTensorType>(in.getX().getType()),
       filterType = cast<RankedTensorType>(in.getW().getType());
  int64_t rank = type.getRank();
  if ((rank != 3 && rank != 4) || !isImageFloat(type.getElementType()) ||
      !filterType.hasStaticShape())
    return b.unsupported("on the fast path with these elements or this rank");
  Value filter = rank == 3 ? b.unsqueeze(in.getW(), {2}) : in.getW();
  bool bf16 = isMarkedBf16(op);
  Value bias = in.getB() ? toF32(b, in.getB()) : Value();
  TransposedConvolution convolution{b, filter, bias, int64_t(op.getGroup()),
                                    bf16};
  if (failed(convolution.describe(op)))
    return failure();
  Value image = bf16 ? roundToBf16(b, in.getX()) : toF32(b, in.getX());
  return fromF32(b, fromNhwc(b, convolution.run(toNhwc(b, image)), rank),
                 type.getElementType());
}

void ashlar::populateTransposedConvolutionPatterns(
    const OnnxTypeConverter &converter, RewritePatternSet &patterns) {
  addLowering<onnx::ConvTransposeOp>(converter, patterns, lowerConvTranspose,
                                     /*benefit=*/2);
}
