// Shapes of RNN, GRU, LSTM and DynamicQuantizeLSTM.
#include "dialects/onnx/OnnxOps.h"
#include "passes/simplify/ShapeRegistry.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace {

// The state's size as the attribute says it, if it is there.
template <typename OpT>
LogicalResult unifyHiddenSize(OpT op, OpShapes &shapes, DimExpr &hidden) {
  if (!op.getHiddenSize())
    return success();
  auto size =
      shapes.unify(hidden, int64_t(*op.getHiddenSize()), "'hidden_size'");
  if (failed(size))
    return failure();
  hidden = *size;
  return success();
}

// Y, Y_h and, of an LSTM, Y_c.
template <typename Op>
LogicalResult inferResults(Op op, OpShapes &shapes, bool batchFirst,
                           int64_t directions, const DimExpr &hidden) {
  Type element = shapes.element(op.getX());
  DimExpr time = shapes.unknown(), batch = shapes.unknown();
  if (shapes.ranked(op.getX())) {
    auto x = shapes.dims(op.getX());
    time = x[batchFirst ? 1 : 0];
    batch = x[batchFirst ? 0 : 1];
  }
  Shape sequence = batchFirst ? Shape{batch, time, directions, hidden}
                              : Shape{time, directions, batch, hidden};
  Shape last = batchFirst ? Shape{batch, directions, hidden}
                          : Shape{directions, batch, hidden};
  if (failed(shapes.result(op.getY(), element, sequence)) ||
      failed(shapes.result(op.getYH(), element, last)))
    return failure();
  if constexpr (!std::is_same_v<Op, GRUOp> && !std::is_same_v<Op, RNNOp>)
    return shapes.result(op.getYC(), element, last);
  return success();
}

template <typename Op>
LogicalResult inferRecurrent(Op op, OpShapes &shapes, int64_t gates) {
  if (failed(shapes.expectRank(op.getX(), 3, "X")) ||
      failed(shapes.expectRank(op.getW(), 3, "W")) ||
      failed(shapes.expectRank(op.getR(), 3, "R")))
    return failure();
  bool batchFirst = op.getLayout() == 1;
  DimExpr hidden = shapes.unknown();
  int64_t directions = op.getDirection() == "bidirectional" ? 2 : 1;
  if (shapes.ranked(op.getX()) && shapes.ranked(op.getW()) &&
      failed(shapes.unify(shapes.dims(op.getW())[2], shapes.dims(op.getX())[2],
                          "input size of 'X'")))
    return failure();
  if (shapes.ranked(op.getR())) {
    auto r = shapes.dims(op.getR());
    hidden = r[2];
    if (failed(shapes.unify(directions, r[0], "directions of 'R'")))
      return failure();
    auto rows = r[1].constant(), size = hidden.constant();
    if (rows && size && *rows != *size * gates)
      return shapes.error() << "'R' is " << toString(r) << ", expected "
                            << *size * gates << " in dimension 1";
  }
  if (failed(unifyHiddenSize(op, shapes, hidden)))
    return failure();
  return inferResults(op, shapes, batchFirst, directions, hidden);
}

// An operand that has to have these dims, if it is there.
LogicalResult expectShape(OpShapes &shapes, Value operand, StringRef name,
                          ArrayRef<DimExpr> wanted) {
  if (!operand || !shapes.ranked(operand))
    return success();
  auto dims = shapes.dims(operand);
  bool fits = dims.size() == wanted.size();
  for (size_t i = 0; fits && i < dims.size(); ++i) {
    auto have = dims[i].constant(), want = wanted[i].constant();
    fits = !have || !want || *have == *want;
  }
  if (fits)
    return success();
  return shapes.error() << "'" << name << "' is " << toString(dims)
                        << ", expected " << toString(wanted);
}

// A scale or zero point: one a direction, or one for each gate's row, too.
LogicalResult expectParameter(OpShapes &shapes, Value operand, StringRef name,
                              int64_t directions, const DimExpr &columns) {
  if (!shapes.ranked(operand))
    return success();
  if (shapes.rank(operand) == 2)
    return expectShape(shapes, operand, name, {directions, columns});
  return expectShape(shapes, operand, name, {directions});
}

// Weights lie as [directions, inputs, 4 * hidden].
LogicalResult inferDynamicLSTM(MsDynamicQuantizeLSTMOp op, OpShapes &shapes) {
  StringRef direction = op.getDirection();
  if (direction != "forward" && direction != "reverse" &&
      direction != "bidirectional")
    return shapes.error() << "direction is '" << direction
                          << "', expected forward, reverse or bidirectional";
  int64_t directions = direction == "bidirectional" ? 2 : 1;
  if (failed(shapes.expectRank(op.getX(), 3, "X")) ||
      failed(shapes.expectRank(op.getW(), 3, "W")) ||
      failed(shapes.expectRank(op.getR(), 3, "R")))
    return failure();
  DimExpr hidden = shapes.unknown(), inputs = shapes.unknown(),
          batch = shapes.unknown();
  if (shapes.ranked(op.getR()))
    hidden = shapes.dims(op.getR())[1];
  if (failed(unifyHiddenSize(op, shapes, hidden)))
    return failure();
  if (shapes.ranked(op.getX())) {
    batch = shapes.dims(op.getX())[1];
    inputs = shapes.dims(op.getX())[2];
  }
  auto times = [&](int64_t factor) { return shapes.multiply(factor, hidden); };
  DimExpr gates = times(4);
  Shape state{directions, batch, hidden};
  bool isValid = true;
  auto check = [&](LogicalResult fits) { isValid &= succeeded(fits); };
  check(expectShape(shapes, op.getW(), "W", {directions, inputs, gates}));
  check(expectShape(shapes, op.getR(), "R", {directions, hidden, gates}));
  check(expectShape(shapes, op.getB(), "B", {directions, times(8)}));
  check(expectShape(shapes, op.getP(), "P", {directions, times(3)}));
  check(expectShape(shapes, op.getSequenceLens(), "sequence_lens", {batch}));
  check(expectShape(shapes, op.getInitialH(), "initial_h", state));
  check(expectShape(shapes, op.getInitialC(), "initial_c", state));
  for (auto [operand, name] : {std::pair(op.getWScale(), "W_scale"),
                               std::pair(op.getWZeroPoint(), "W_zero_point"),
                               std::pair(op.getRScale(), "R_scale"),
                               std::pair(op.getRZeroPoint(), "R_zero_point")})
    check(expectParameter(shapes, operand, name, directions, gates));
  for (auto [weights, zeroPoint, name] :
       {std::tuple(op.getW(), op.getWZeroPoint(), "W"),
        std::tuple(op.getR(), op.getRZeroPoint(), "R")})
    if (shapes.element(weights) != shapes.element(zeroPoint))
      check(shapes.error() << "'" << name << "' and its zero point differ in "
                           << "type");
  if (!isValid)
    return failure();
  return inferResults(op, shapes, /*batchFirst=*/false, directions, hidden);
}

LogicalResult inferRNN(RNNOp op, OpShapes &shapes) {
  return inferRecurrent(op, shapes, 1);
}
LogicalResult inferGRU(GRUOp op, OpShapes &shapes) {
  return inferRecurrent(op, shapes, 3);
}
LogicalResult inferLSTM(LSTMOp op, OpShapes &shapes) {
  return inferRecurrent(op, shapes, 4);
}

} // namespace

void ashlar::onnx::registerRecurrentShapes(ShapeRegistry &registry) {
  registry.add<RNNOp, inferRNN>();
  registry.add<GRUOp, inferGRU>();
  registry.add<LSTMOp, inferLSTM>();
  registry.add<MsDynamicQuantizeLSTMOp, inferDynamicLSTM>();
}
