// LSTM, GRU and RNN, and LSTM with dynamic quantization: the input's part of
// all gates is one product for all time steps, then a loop over time.
#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/EmitterPattern.h"
#include "passes/convert/Families.h"
#include "passes/convert/RecurrentCell.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace ashlar {
namespace {

using Scalars = Emitter::Scalars;
using Values = Emitter::Values;

/// Floats of fewer bits are widened once, before the loop.
Value widened(Emitter &e, Value tensor) {
  if (!tensor)
    return tensor;
  Type element = elementType(tensor), wide = computeType(element);
  if (wide == element)
    return tensor;
  return e.map(wide, tensor,
               [](TensorBuilder &b, ValueRange x) { return b.widen(x[0]); });
}

Value narrowed(Emitter &e, Value tensor, Type type) {
  Type element = elementType(type);
  if (elementType(tensor) == element)
    return tensor;
  return e.map(element, tensor, [&](TensorBuilder &b, ValueRange x) {
    return b.narrow(x[0], element);
  });
}

/// The element of `tensor` at `index` of the first axis.
Value pick(Emitter &e, Value tensor, int64_t axis, Scalar index) {
  TensorBuilder::Sizes sizes = e.dims(tensor), offsets(sizes.size(), e.size(0)),
                       strides(sizes.size(), e.size(1)), kept;
  for (auto [i, size] : llvm::enumerate(sizes))
    if (static_cast<int64_t>(i) != axis)
      kept.push_back(size);
  offsets[axis] = e.fold(index);
  sizes[axis] = e.size(1);
  return tensor::ExtractSliceOp::create(e,
                                        e.tensorType(kept, elementType(tensor)),
                                        tensor, offsets, sizes, strides);
}

/// Writes `part` where some axes of `tensor`, whose sizes are given, are fixed.
Value place(Emitter &e, Value part, Value tensor, TensorBuilder::Sizes sizes,
            ArrayRef<std::pair<int64_t, Scalar>> fixed) {
  TensorBuilder::Sizes offsets(sizes.size(), e.size(0)),
      strides(sizes.size(), e.size(1));
  for (auto [axis, index] : fixed) {
    offsets[axis] = e.fold(index);
    sizes[axis] = e.size(1);
  }
  return tensor::InsertSliceOp::create(e, part, tensor, offsets, sizes,
                                       strides);
}

/// One recurrent operator with its operands widened.
template <typename OpT> class Recurrence {
public:
  Recurrence(OpT op, typename OpT::Adaptor in, Emitter &e, CellKind kind)
      : op(op), in(in), e(e), kind(kind) {
    input = widened(e, in.getX());
    if constexpr (!kQuantized) {
      batchFirst = op.getLayout() == 1;
      weights = widened(e, in.getW());
      recurrence = widened(e, in.getR());
    }
    bias = widened(e, in.getB());
    initialH = widened(e, in.getInitialH());
    if constexpr (kIsLstm) {
      initialC = widened(e, in.getInitialC());
      peepholes = widened(e, in.getP());
    }
    wide = elementType(input);
    time = e.sizeOf(input, batchFirst ? 1 : 0);
    batch = e.sizeOf(input, batchFirst ? 0 : 1);
  }

  Lowered lower() {
    // The weights of the quantized form are transposed.
    auto weightType = cast<RankedTensorType>(in.getR().getType());
    int64_t hiddenAxis = kQuantized ? 1 : 2;
    if (weightType.isDynamicDim(0) || weightType.isDynamicDim(hiddenAxis))
      return e.unsupported("with weights of unknown shape");
    directions = weightType.getDimSize(0);
    hidden = weightType.getDimSize(hiddenAxis);
    if (std::optional<CellFunctions> known =
            CellFunctions::read(op, kind, directions))
      functions = *known;
    else
      return e.unsupported("with activations it does not know");
    if (in.getSequenceLens())
      e.require(e.sizeOf(in.getSequenceLens(), 0) == batch, DataError::Shape,
                "there is not one length for each batch");
    if constexpr (kQuantized)
      inputBytes = quantizeInput();
    makeResults();
    for (int64_t direction = 0; direction < directions; ++direction)
      run(direction);
    Values results;
    for (auto [i, result] : llvm::enumerate(op->getResults()))
      results.push_back(narrowed(e, resultOf(result), e.resultTypes[i]));
    return results;
  }

private:
  static constexpr bool kQuantized =
      std::is_same_v<OpT, onnx::MsDynamicQuantizeLSTMOp>;
  static constexpr bool kIsLstm =
      kQuantized || std::is_same_v<OpT, onnx::LSTMOp>;

  bool isLstm() const { return kind == CellKind::Lstm; }

  void makeResults() {
    if (op.getY())
      allY = e.empty(sizesOfY(), wide);
    TensorBuilder::Sizes stateSizes = sizesOfStates();
    lastH = e.empty(stateSizes, wide);
    if (isLstm())
      lastC = e.empty(stateSizes, wide);
  }

  TensorBuilder::Sizes sizesOfY() {
    TensorBuilder::Sizes sizes = sizesOfStates();
    sizes.insert(sizes.begin() + batchFirst, e.fold(time));
    return sizes;
  }
  TensorBuilder::Sizes sizesOfStates() {
    OpFoldResult d = e.size(directions), h = e.size(hidden), b = e.fold(batch);
    return batchFirst ? TensorBuilder::Sizes{b, d, h}
                      : TensorBuilder::Sizes{d, b, h};
  }

  Value resultOf(Value result) {
    if (result == op.getY())
      return allY;
    if (result == op.getYH())
      return lastH;
    return lastC;
  }

  /// A state [batch, hidden] that the loop updates in place.
  Value initialState(Value given, int64_t direction) {
    TensorBuilder::Sizes sizes = {e.fold(batch), e.size(hidden)};
    if (!given)
      return e.filled(sizes, e.zero(wide));
    e.require(e.sizeOf(given, batchFirst ? 0 : 1) == batch, DataError::Shape,
              "there is not one initial state for each batch");
    return e.copyOf(
        e.conform(pick(e, given, batchFirst ? 1 : 0, e.at(direction)),
                  e.tensorType(sizes, wide)));
  }

  /// [time and batch, inputs]
  Value flatInput(Value x) {
    return e.reshape(x, {e.product({e.dim(x, 0), e.dim(x, 1)}), e.dim(x, 2)});
  }

  /// The input of all steps as bytes of one scale. Steps behind the end of the
  /// longest sequence have no part in it.
  DynamicBytes quantizeInput() {
    Value lengths = in.getSequenceLens();
    if (!lengths)
      return quantizeDynamically(e, flatInput(input));
    Type i32 = e.getI32Type();
    Value longest = e.reduce(
        lengths, {0}, /*keepDims=*/false, e.zero(i32),
        [](TensorBuilder &b, Value x, Value most) { return b.max(most, x); });
    Value counted = e.mapTo(e.dims(input), wide, {input, longest},
                            [&](TensorBuilder &b, ValueRange x) {
                              Value now = linalg::IndexOp::create(b, 0);
                              return b.select(b.lt(now, b.toIndex(x[1])), x[0],
                                              b.zero(wide));
                            });
    return quantizeDynamically(e, flatInput(counted));
  }

  /// [time and batch, gates * hidden]: what the input adds to the gates, for
  /// all steps.
  Value projectInput(int64_t direction) {
    Value projected;
    // The quantize stage has multiplied it.
    if (op->hasAttr("ashlar.input_projected")) {
      TensorBuilder::Sizes sizes = e.dims(input), offsets(3, e.size(0)),
                           strides(3, e.size(1));
      int64_t width = *getConstantIntValue(sizes[2]) / directions;
      sizes[2] = e.size(width);
      offsets[2] = e.size(direction * width);
      return directions == 1 ? input
                             : tensor::ExtractSliceOp::create(e, input, offsets,
                                                              sizes, strides);
    }
    if constexpr (kQuantized) {
      projected = multiplyBytes(
          e, inputBytes,
          byteMatrix(e, in.getW(), elementType(op.getW().getType()),
                     in.getWScale(), in.getWZeroPoint(), direction));
    } else {
      Value flat = flatInput(input);
      projected = product(e, flat, transposePart(e, weights, direction),
                          e.dim(flat, 0));
    }
    return e.reshape(projected,
                     {e.dim(input, 0), e.dim(input, 1), e.dim(projected, 1)});
  }

  void run(int64_t direction) {
    bool backwards = direction == 1 || op.getDirection() == "reverse";
    Cell cell(e, kind, functions.ofDirection(direction), e.fold(batch), hidden,
              wide);
    cell.backwards = backwards;
    if constexpr (kQuantized)
      cell.bytes = byteMatrix(e, in.getR(), elementType(op.getR().getType()),
                              in.getRScale(), in.getRZeroPoint(), direction);
    else
      cell.recurrence = transposePart(e, recurrence, direction);
    if (bias)
      cell.bias = pick(e, bias, 0, e.at(direction));
    if (peepholes)
      cell.peepholes = pick(e, peepholes, 0, e.at(direction));
    cell.lengths = in.getSequenceLens();
    if constexpr (kIsLstm)
      cell.coupled = op.getInputForget() != 0;
    if constexpr (std::is_same_v<OpT, onnx::GRUOp>)
      cell.linearBeforeReset = op.getLinearBeforeReset() != 0;
    cell.prepare();

    Value projected = projectInput(direction);
    Values carried = {initialState(initialH, direction)};
    if (isLstm())
      carried.push_back(initialState(initialC, direction));
    if (allY)
      carried.push_back(allY);
    Values results =
        e.loop(e.at(0), time, carried, [&](Scalar step, ValueRange inner) {
          Scalar now = backwards ? time - 1 - step : step;
          Value gates = pick(e, projected, batchFirst ? 1 : 0, now);
          Values next =
              cell.step(now, gates, inner.take_front(isLstm() ? 2 : 1));
          if (allY) {
            Value shown = cell.output(now, next[0]);
            Scalar d = e.at(direction);
            next.push_back(batchFirst ? place(e, shown, inner.back(),
                                              sizesOfY(), {{1, now}, {2, d}})
                                      : place(e, shown, inner.back(),
                                              sizesOfY(), {{0, now}, {1, d}}));
          }
          return next;
        });
    if (allY)
      allY = results.back();
    // ONNX Runtime has no state left of a sequence of no steps.
    if constexpr (kQuantized)
      for (Value &state : MutableArrayRef(results).take_front(2))
        state = cell.output(e.at(0), state);
    std::pair<int64_t, Scalar> where = {batchFirst ? 1 : 0, e.at(direction)};
    lastH = place(e, results[0], lastH, sizesOfStates(), where);
    if (isLstm())
      lastC = place(e, results[1], lastC, sizesOfStates(), where);
  }

  OpT op;
  typename OpT::Adaptor in;
  Emitter &e;
  CellKind kind;
  bool batchFirst = false;
  DynamicBytes inputBytes;
  Value input, weights, recurrence, bias, initialH, initialC, peepholes;
  Type wide;
  Scalar time, batch;
  int64_t directions = 1, hidden = 0;
  CellFunctions functions;
  Value allY, lastH, lastC;
};

Lowered lowerLSTM(onnx::LSTMOp op, onnx::LSTMOp::Adaptor in, Emitter &e) {
  return Recurrence<onnx::LSTMOp>(op, in, e, CellKind::Lstm).lower();
}
Lowered lowerDynamicLSTM(onnx::MsDynamicQuantizeLSTMOp op,
                         onnx::MsDynamicQuantizeLSTMOp::Adaptor in,
                         Emitter &e) {
  return Recurrence<onnx::MsDynamicQuantizeLSTMOp>(op, in, e, CellKind::Lstm)
      .lower();
}
Lowered lowerGRU(onnx::GRUOp op, onnx::GRUOp::Adaptor in, Emitter &e) {
  return Recurrence<onnx::GRUOp>(op, in, e, CellKind::Gru).lower();
}
Lowered lowerRNN(onnx::RNNOp op, onnx::RNNOp::Adaptor in, Emitter &e) {
  return Recurrence<onnx::RNNOp>(op, in, e, CellKind::Rnn).lower();
}

} // namespace

void populateRecurrentPatterns(const OnnxTypeConverter &converter,
                               RewritePatternSet &patterns) {
  addLowerings(converter, patterns, lowerLSTM, lowerDynamicLSTM, lowerGRU,
               lowerRNN);
}

} // namespace ashlar
