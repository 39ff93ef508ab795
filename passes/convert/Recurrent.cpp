// LSTM, GRU and RNN: the input's part of all gates is one product for all time
// steps, then a loop over time.
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
      : op(op), in(in), e(e), kind(kind), batchFirst(op.getLayout() == 1) {
    input = widened(e, in.getX());
    weights = widened(e, in.getW());
    recurrence = widened(e, in.getR());
    bias = widened(e, in.getB());
    initialH = widened(e, in.getInitialH());
    if constexpr (std::is_same_v<OpT, onnx::LSTMOp>) {
      initialC = widened(e, in.getInitialC());
      peepholes = widened(e, in.getP());
    }
    wide = elementType(input);
    time = e.sizeOf(input, batchFirst ? 1 : 0);
    batch = e.sizeOf(input, batchFirst ? 0 : 1);
  }

  Lowered lower() {
    auto weightType = cast<RankedTensorType>(recurrence.getType());
    if (weightType.isDynamicDim(0) || weightType.isDynamicDim(2))
      return e.unsupported("with weights of unknown shape");
    directions = weightType.getDimSize(0);
    hidden = weightType.getDimSize(2);
    if (std::optional<CellFunctions> known =
            CellFunctions::read(op, kind, directions))
      functions = *known;
    else
      return e.unsupported("with activations it does not know");
    if (in.getSequenceLens())
      e.require(e.sizeOf(in.getSequenceLens(), 0) == batch, DataError::Shape,
                "there is not one length for each batch");
    makeResults();
    for (int64_t direction = 0; direction < directions; ++direction)
      run(direction);
    Values results;
    for (auto [i, result] : llvm::enumerate(op->getResults()))
      results.push_back(narrowed(e, resultOf(result), e.resultTypes[i]));
    return results;
  }

private:
  bool isLstm() const { return kind == CellKind::Lstm; }

  void makeResults() {
    OpFoldResult d = e.size(directions), h = e.size(hidden), b = e.fold(batch),
                 t = e.fold(time);
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

  /// [time and batch, gates * hidden]: what the input adds to the gates, for
  /// all steps.
  Value projectInput(int64_t direction) {
    Value matrix = transposePart(e, weights, direction);
    OpFoldResult rows = e.product({e.dim(input, 0), e.dim(input, 1)});
    Value flat = e.reshape(input, {rows, e.dim(input, 2)});
    Value projected = product(e, flat, matrix, rows);
    return e.reshape(projected,
                     {e.dim(input, 0), e.dim(input, 1), e.dim(projected, 1)});
  }

  void run(int64_t direction) {
    bool backwards = direction == 1 || op.getDirection() == "reverse";
    Cell cell(e, kind, functions.ofDirection(direction), e.fold(batch), hidden,
              wide);
    cell.recurrence = transposePart(e, recurrence, direction);
    if (bias)
      cell.bias = pick(e, bias, 0, e.at(direction));
    if (peepholes)
      cell.peepholes = pick(e, peepholes, 0, e.at(direction));
    cell.lengths = in.getSequenceLens();
    if constexpr (std::is_same_v<OpT, onnx::LSTMOp>)
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
    std::pair<int64_t, Scalar> where = {batchFirst ? 1 : 0, e.at(direction)};
    lastH = place(e, results[0], lastH, sizesOfStates(), where);
    if (isLstm())
      lastC = place(e, results[1], lastC, sizesOfStates(), where);
  }

  OpT op;
  typename OpT::Adaptor in;
  Emitter &e;
  CellKind kind;
  bool batchFirst;
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
Lowered lowerGRU(onnx::GRUOp op, onnx::GRUOp::Adaptor in, Emitter &e) {
  return Recurrence<onnx::GRUOp>(op, in, e, CellKind::Gru).lower();
}
Lowered lowerRNN(onnx::RNNOp op, onnx::RNNOp::Adaptor in, Emitter &e) {
  return Recurrence<onnx::RNNOp>(op, in, e, CellKind::Rnn).lower();
}

} // namespace

void populateRecurrentPatterns(const OnnxTypeConverter &converter,
                               RewritePatternSet &patterns) {
  addLowerings(converter, patterns, lowerLSTM, lowerGRU, lowerRNN);
}

} // namespace ashlar
