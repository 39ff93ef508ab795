// Shapes of RNN, GRU and LSTM.
#include "dialects/onnx/OnnxOps.h"
#include "passes/simplify/ShapeRegistry.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace {

template <typename Op>
LogicalResult inferRecurrent(Op op, OpShapes &shapes, int64_t gates) {
  Type element = shapes.element(op.getX());
  if (failed(shapes.expectRank(op.getX(), 3, "X")) ||
      failed(shapes.expectRank(op.getW(), 3, "W")) ||
      failed(shapes.expectRank(op.getR(), 3, "R")))
    return failure();
  bool batchFirst = op.getLayout() == 1;
  DimExpr time = shapes.unknown(), batch = shapes.unknown(),
          hidden = shapes.unknown();
  int64_t directions = op.getDirection() == "bidirectional" ? 2 : 1;
  if (shapes.ranked(op.getX())) {
    auto x = shapes.dims(op.getX());
    time = x[batchFirst ? 1 : 0];
    batch = x[batchFirst ? 0 : 1];
    if (shapes.ranked(op.getW()) &&
        failed(
            shapes.unify(shapes.dims(op.getW())[2], x[2], "input size of 'X'")))
      return failure();
  }
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
  if (op.getHiddenSize()) {
    auto size =
        shapes.unify(hidden, int64_t(*op.getHiddenSize()), "'hidden_size'");
    if (failed(size))
      return failure();
    hidden = *size;
  }
  Shape sequence = batchFirst ? Shape{batch, time, directions, hidden}
                              : Shape{time, directions, batch, hidden};
  Shape last = batchFirst ? Shape{batch, directions, hidden}
                          : Shape{directions, batch, hidden};
  if (failed(shapes.result(op.getY(), element, sequence)) ||
      failed(shapes.result(op.getYH(), element, last)))
    return failure();
  if constexpr (std::is_same_v<Op, LSTMOp>)
    return shapes.result(op.getYC(), element, last);
  return success();
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
}
