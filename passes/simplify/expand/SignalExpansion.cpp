// DFT and STFT as products with constant matrices, window functions by their
// formulas, small determinants.
#include "passes/simplify/expand/TwoStepTransform.h"

#include <cmath>

using namespace mlir;
using namespace ashlar::onnx;

namespace {

// A matrix product serves for the lengths that models use; beyond, a fast
// transform would be needed.
constexpr int64_t maxMatrixElements = 1 << 22;
constexpr int64_t smallMatrixElements = 1 << 14;

struct Transform {
  int64_t taken;  // samples that go in
  int64_t length; // of the transform
  int64_t bins;   // that come out
  bool inverse, onesided, complexInput;
  int64_t rank; // of the real part

  /// The factors of a whole complex transform that is not of prime length.
  std::optional<std::pair<int64_t, int64_t>> inTwoSteps() const {
    if (!complexInput || taken != length || bins != length)
      return std::nullopt;
    return splitLength(length);
  }
  bool isTooLong() const {
    if (auto factors = inTwoSteps())
      return factors->second * factors->second > maxMatrixElements;
    return taken * bins > maxMatrixElements;
  }
};

// The transform along the last axis of real and imaginary parts (imaginary
// null: real input). Gives both parts, or the real one only for a one-sided
// inverse.
std::pair<Value, Value> transform(GraphBuilder &g, Value real, Value imaginary,
                                  const Transform &t) {
  Type given = g.element(real), element = given;
  // Complex samples cost four products with matrices of the whole length.
  if (auto factors = t.inTwoSteps()) {
    if (!given.isF64())
      element = g.builder.getF32Type();
    auto [realOut, imaginaryOut] = transformInTwoSteps(
        g, g.cast(real, element), g.cast(imaginary, element), t.rank, *factors,
        t.inverse);
    return {g.cast(realOut, given), g.cast(imaginaryOut, given)};
  }
  // What cancels leaves the rounding of single precision behind; where the
  // transform is small, double precision costs nothing.
  if (t.taken * t.bins <= smallMatrixElements)
    element = g.builder.getF64Type();
  real = g.cast(real, element);
  if (imaginary)
    imaginary = g.cast(imaginary, element);
  double norm = t.inverse ? 1.0 / double(t.length) : 1.0;
  // A one-sided spectrum stands for its mirror image too, but for the first bin
  // and the middle one.
  auto weight = [&](int64_t row) {
    if (!t.inverse || !t.onesided)
      return norm;
    bool single = row == 0 || (2 * row == t.length);
    return single ? norm : 2 * norm;
  };
  Value cos =
      trigonometricMatrix(g, element, t.taken, t.bins, t.length, true, weight);
  Value sin =
      trigonometricMatrix(g, element, t.taken, t.bins, t.length, false, weight);
  // e^(-j angle) forward, e^(+j angle) back.
  Value realOut = g.matmul(real, cos);
  Value imaginaryOut = g.matmul(real, sin);
  if (!t.inverse)
    imaginaryOut = g.unary<NegOp>(imaginaryOut);
  if (imaginary) {
    Value fromSin = g.matmul(imaginary, sin),
          fromCos = g.matmul(imaginary, cos);
    realOut = t.inverse ? g.sub(realOut, fromSin) : g.add(realOut, fromSin);
    imaginaryOut = g.add(imaginaryOut, fromCos);
  }
  return {g.cast(realOut, given), g.cast(imaginaryOut, given)};
}

// Real and imaginary part of a tensor whose last axis holds them.
std::pair<Value, Value> parts(GraphBuilder &g, Value x, int64_t rank,
                              bool complex) {
  // Gathered, not sliced: the products want rows of neighbours.
  auto part = [&](int64_t index) {
    return g.gather(x, g.integer(index), rank - 1);
  };
  Value real = complex ? part(0) : g.squeeze(x, rank - 1);
  Value imaginary = complex ? part(1) : Value();
  return {real, imaginary};
}

// The DFT along a known axis; null when its length is not known.
Value transformAxis(GraphBuilder &g, DFTOp op, int64_t axis) {
  auto type = rankedType(op.getInput());
  int64_t rank = type.getRank();
  if (type.isDynamicDim(axis) || type.isDynamicDim(rank - 1))
    return {};
  Transform t;
  t.inverse = op.getInverse();
  t.onesided = op.getOnesided();
  t.complexInput = type.getDimSize(rank - 1) == 2;
  int64_t have = type.getDimSize(axis);
  t.length = t.inverse && t.onesided ? 2 * (have - 1) : have;
  if (Value given = op.getDftLength()) {
    auto value = constantIntegers(given);
    auto result = rankedType(op.getOutput());
    if (value && value->size() == 1)
      t.length = value->front();
    else if (result && !result.isDynamicDim(axis) && (!t.onesided || t.inverse))
      t.length = result.getDimSize(axis); // as the model declares
    else
      return {};
  }
  if (t.length < 1)
    return {};
  t.bins = t.onesided && !t.inverse ? t.length / 2 + 1 : t.length;
  int64_t wanted = t.inverse && t.onesided ? t.length / 2 + 1 : t.length;
  t.taken = std::min(have, wanted); // what is missing counts as zero
  t.rank = rank - 1;
  if (t.isTooLong())
    return {};

  Value x = op.getInput();
  if (t.taken < have)
    x = g.slice(x, axis, 0, t.taken);
  auto [real, imaginary] = parts(g, x, rank, t.complexInput);
  SmallVector<int64_t> perm = llvm::to_vector(llvm::seq<int64_t>(0, rank - 1));
  perm.erase(perm.begin() + axis);
  perm.push_back(axis);
  bool moved = !llvm::is_sorted(perm);
  auto toLast = [&](Value v) { return moved && v ? g.transpose(v, perm) : v; };
  SmallVector<int64_t> back(rank - 1);
  for (auto [to, from] : llvm::enumerate(perm))
    back[from] = to;
  auto fromLast = [&](Value v) { return moved ? g.transpose(v, back) : v; };
  auto [realOut, imaginaryOut] =
      transform(g, toLast(real), toLast(imaginary), t);
  Value first = g.unsqueeze(fromLast(realOut), rank - 1);
  if (t.inverse && t.onesided)
    return first;
  return g.concat({first, g.unsqueeze(fromLast(imaginaryOut), rank - 1)},
                  rank - 1);
}

// The axis is data: every axis whose transform would have the shape that the
// model declares is computed, and the right one taken.
Value transformAnyAxis(GraphBuilder &g, DFTOp op) {
  auto type = rankedType(op.getInput());
  auto result = rankedType(op.getOutput());
  if (!result || !result.hasStaticShape() || !type.hasStaticShape())
    return {};
  int64_t rank = type.getRank();
  Value axis = g.reshape(g.cast(op.getAxis(), g.builder.getI64Type()), {});
  Value counted = g.select(g.compare<LessOp>(axis, g.integer(0)),
                           g.add(axis, g.integer(rank)), axis);
  Value chosen;
  for (int64_t candidate = 0; candidate + 1 < rank; ++candidate) {
    bool fits = true;
    for (int64_t i = 0; i + 1 < rank; ++i)
      fits &= i == candidate || type.getDimSize(i) == result.getDimSize(i);
    int64_t have = type.getDimSize(candidate);
    int64_t length = op.getDftLength() ? result.getDimSize(candidate) : have;
    if (op.getOnesided())
      length = op.getInverse() ? (op.getDftLength() ? length : 2 * (have - 1))
                               : length / 2 + 1;
    if (!op.getDftLength())
      fits &= length == result.getDimSize(candidate);
    Value value = fits ? transformAxis(g, op, candidate) : Value();
    if (!value)
      continue;
    value.setType(result);
    chosen = chosen
                 ? g.select(g.compare<EqualOp>(counted, g.integer(candidate)),
                            value, chosen)
                 : value;
  }
  return chosen;
}

LogicalResult expandDFT(DFTOp op, PatternRewriter &rewriter) {
  auto type = rankedType(op.getInput());
  if (!type || type.getRank() < 2)
    return failure();
  GraphBuilder g(rewriter, op.getLoc());
  auto axis = op.getAxis() ? constantIntegers(op.getAxis())
                           : std::optional(std::vector<int64_t>{-2});
  Value result;
  if (axis && axis->size() == 1)
    result = transformAxis(
        g, op, axis->front() + (axis->front() < 0 ? type.getRank() : 0));
  else if (!axis)
    result = transformAnyAxis(g, op);
  if (!result)
    return failure();
  replaceResult(rewriter, op, result);
  return success();
}

// Frames gathered by constant indices, windowed, transformed.
LogicalResult expandSTFT(STFTOp op, PatternRewriter &rewriter) {
  auto signal = rankedType(op.getSignal());
  auto result = rankedType(op.getOutput());
  auto step = constantIntegers(op.getFrameStep());
  if (!signal || signal.isDynamicDim(1) ||
      (step && (step->size() != 1 || step->front() < 1)))
    return failure();
  int64_t frame = -1;
  auto window = rankedType(op.getWindow());
  if (auto length = constantIntegers(op.getFrameLength());
      length && length->size() == 1)
    frame = length->front();
  else if (window && window.getRank() == 1 && !window.isDynamicDim(0))
    frame = window.getDimSize(0);
  else if (result && !op.getOnesided() && !result.isDynamicDim(2))
    frame = result.getDimSize(2);
  int64_t samples = signal.getDimSize(1);
  if (frame < 1 || frame > samples || frame * frame > maxMatrixElements)
    return failure();
  // A step that is data must lead to as many frames as the model declares.
  if (!step && (!result || result.isDynamicDim(1)))
    return failure();
  int64_t frames =
      step ? (samples - frame) / step->front() + 1 : result.getDimSize(1);
  GraphBuilder g(rewriter, op.getLoc());
  SmallVector<int64_t> indices;
  for (int64_t i = 0; i < frames; ++i)
    for (int64_t j = 0; j < frame; ++j)
      indices.push_back(step ? i * step->front() + j : j);
  Value index = makeConstant(
      rewriter, op.getLoc(),
      constantOfIntegers(
          RankedTensorType::get({frames, frame}, rewriter.getI64Type()),
          indices));
  if (!step)
    index =
        g.add(index, g.mul(g.unsqueeze(g.range(frames), 1),
                           g.cast(op.getFrameStep(), rewriter.getI64Type())));
  bool hasParts = signal.getRank() == 3;
  bool complex = hasParts && signal.getDimSize(2) == 2;
  Value real = op.getSignal(), imaginary;
  if (hasParts)
    std::tie(real, imaginary) = parts(g, op.getSignal(), 3, complex);
  auto framed = [&](Value x) {
    Value taken = g.gather(x, index, 1); // [batch, frames, frame]
    return op.getWindow() ? g.mul(taken, op.getWindow()) : taken;
  };
  Transform t;
  t.taken = t.length = frame;
  t.inverse = false;
  t.onesided = op.getOnesided();
  t.complexInput = complex;
  t.rank = 3;
  t.bins = t.onesided ? frame / 2 + 1 : frame;
  auto [realOut, imaginaryOut] =
      transform(g, framed(real), imaginary ? framed(imaginary) : Value(), t);
  replaceResult(
      rewriter, op,
      g.concat({g.unsqueeze(realOut, 3), g.unsqueeze(imaginaryOut, 3)}, 3));
  return success();
}

//===----------------------------------------------------------------------===//
// Windows
//===----------------------------------------------------------------------===//

// a0 - a1 cos(2 pi n / N) + a2 cos(4 pi n / N), N the size or, for a symmetric
// window, one less.
template <typename Op>
LogicalResult expandWindow(Op op, PatternRewriter &rewriter, double a0,
                           double a1, double a2) {
  GraphBuilder g(rewriter, op.getLoc());
  Type element = g.element(op.getOutput());
  Type f32 = rewriter.getF32Type();
  Type wide = element.isF64() ? element : f32;
  auto sizeType = rankedType(op.getSize());
  if (!sizeType || !isa<FloatType>(element))
    return failure();
  Value count = g.cast(op.getSize(), rewriter.getI64Type());
  if (sizeType.getRank() != 0)
    count = g.reshape(count, {});
  Value n = g.cast(g.make<RangeOp>(rewriter.getI64Type(),
                                   {g.integer(0), count, g.integer(1)}),
                   wide);
  Value length = g.cast(count, wide);
  if (!op.getPeriodic())
    length = g.add(length, -1.0);
  Value angle = g.div(g.mul(n, 2 * M_PI), length);
  Value y = g.sub(g.scalar(wide, a0), g.mul(g.unary<CosOp>(angle), a1));
  if (a2 != 0)
    y = g.add(y, g.mul(g.unary<CosOp>(g.mul(angle, 2.0)), a2));
  replaceResult(rewriter, op, g.cast(y, element));
  return success();
}

LogicalResult expandHann(HannWindowOp op, PatternRewriter &rewriter) {
  return expandWindow(op, rewriter, 0.5, 0.5, 0);
}
LogicalResult expandHamming(HammingWindowOp op, PatternRewriter &rewriter) {
  return expandWindow(op, rewriter, 25.0 / 46.0, 21.0 / 46.0, 0);
}
LogicalResult expandBlackman(BlackmanWindowOp op, PatternRewriter &rewriter) {
  return expandWindow(op, rewriter, 0.42, 0.5, 0.08);
}

//===----------------------------------------------------------------------===//
// Determinants
//===----------------------------------------------------------------------===//

// Along the first row; entries are [batch...] values.
Value determinant(GraphBuilder &g, ArrayRef<SmallVector<Value>> rows) {
  if (rows.size() == 1)
    return rows[0][0];
  Value sum;
  for (size_t column = 0; column < rows.size(); ++column) {
    SmallVector<SmallVector<Value>> minor;
    for (const auto &row : rows.drop_front()) {
      minor.push_back(row);
      minor.back().erase(minor.back().begin() + column);
    }
    Value product = g.mul(rows[0][column], determinant(g, minor));
    sum = !sum ? product
               : (column % 2 ? g.sub(sum, product) : g.add(sum, product));
  }
  return sum;
}

LogicalResult expandDet(DetOp op, PatternRewriter &rewriter) {
  auto type = rankedType(op.getX());
  if (!type || type.getRank() < 2)
    return failure();
  int64_t rank = type.getRank(), size = type.getDimSize(rank - 1);
  if (ShapedType::isDynamic(size) || size < 1 || size > 4)
    return failure();
  GraphBuilder g(rewriter, op.getLoc());
  SmallVector<SmallVector<Value>> rows(size);
  for (int64_t i = 0; i < size; ++i)
    for (int64_t j = 0; j < size; ++j)
      rows[i].push_back(g.squeeze(
          g.slice(g.slice(op.getX(), rank - 2, i, i + 1), rank - 1, j, j + 1),
          {rank - 2, rank - 1}));
  replaceResult(rewriter, op, determinant(g, rows));
  return success();
}

} // namespace

void ashlar::onnx::populateSignalExpansions(RewritePatternSet &patterns) {
  patterns.add(expandDFT);
  patterns.add(expandSTFT);
  patterns.add(expandHann);
  patterns.add(expandHamming);
  patterns.add(expandBlackman);
  patterns.add(expandDet);
}
