// Shapes of matrix products: MatMul and its integer and quantized forms, Gemm,
// Einsum, Det.
#include "dialects/onnx/OnnxOps.h"
#include "passes/simplify/ContractionDims.h"
#include "passes/simplify/ShapeRegistry.h"

#include "llvm/ADT/StringExtras.h"
#include <map>

using namespace mlir;
using namespace ashlar::onnx;

FailureOr<Shape> ashlar::onnx::matMulShape(OpShapes &shapes, Shape a, Shape b) {
  if (a.empty() || b.empty())
    return shapes.error() << "operands are " << toString(a) << " and "
                          << toString(b) << ", expected no scalar";
  std::string text = toString(a) + " and " + toString(b);
  bool vectorA = a.size() == 1, vectorB = b.size() == 1;
  if (vectorA)
    a.insert(a.begin(), 1);
  if (vectorB)
    b.push_back(1);
  const DimExpr &innerA = a.back(), &innerB = b[b.size() - 2];
  if (innerA.isConstant() && innerB.isConstant() && innerA != innerB)
    return shapes.error() << "operands are " << text
                          << ", expected equal inner dimensions, found "
                          << *innerA.constant() << " and "
                          << *innerB.constant();
  auto batch = shapes.broadcastShapes(ArrayRef(a).drop_back(2),
                                      ArrayRef(b).drop_back(2));
  if (failed(batch))
    return failure();
  if (!vectorA)
    batch->push_back(a[a.size() - 2]);
  if (!vectorB)
    batch->push_back(b.back());
  return *batch;
}

LogicalResult ashlar::onnx::inferMatMulOf(OpShapes &shapes, Value a, Value b,
                                          Value result, Type element) {
  if (!shapes.ranked(a) || !shapes.ranked(b))
    return shapes.resultUnranked(result, element);
  auto dims = matMulShape(shapes, Shape(shapes.dims(a)), Shape(shapes.dims(b)));
  if (failed(dims))
    return failure();
  return shapes.result(result, element, *dims);
}

LogicalResult ashlar::onnx::inferGemmOf(OpShapes &shapes, Value a, Value b,
                                        Value c, bool transA, bool transB,
                                        Value result, Type element) {
  if (!shapes.ranked(a) || !shapes.ranked(b))
    return shapes.result(result, element, shapes.unknownDims(2));
  if (failed(shapes.expectRank(a, 2, "A")) ||
      failed(shapes.expectRank(b, 2, "B")))
    return failure();
  auto left = shapes.dims(a), right = shapes.dims(b);
  if (failed(shapes.unify(left[transA ? 0 : 1], right[transB ? 1 : 0],
                          "inner dimension of B")))
    return failure();
  Shape dims{left[transA ? 1 : 0], right[transB ? 0 : 1]};
  if (c && shapes.ranked(c)) {
    // C broadcasts to the product, never the reverse.
    auto with = shapes.broadcastShapes(dims, shapes.dims(c));
    if (failed(with))
      return failure();
    for (auto [dim, broadcast] : llvm::zip(dims, *with))
      if (with->size() > 2 ||
          (dim.isConstant() && broadcast.isConstant() && dim != broadcast))
        return shapes.error()
               << "'C' is " << toString(shapes.dims(c))
               << ", expected what broadcasts to " << toString(dims);
  }
  return shapes.result(result, element, dims);
}

//===----------------------------------------------------------------------===//
// Einsum
//===----------------------------------------------------------------------===//

std::optional<EinsumEquation>
ashlar::onnx::parseEinsum(StringRef text, ArrayRef<int64_t> ranks) {
  std::string stripped;
  for (char c : text)
    if (c != ' ')
      stripped.push_back(c);
  auto [left, right] = StringRef(stripped).split("->");
  bool explicitOutput = StringRef(stripped).contains("->");
  SmallVector<StringRef> parts;
  left.split(parts, ',');
  if (parts.size() != ranks.size())
    return std::nullopt;

  // The dims of an ellipsis are labels 0, 1, ... from the right, so that
  // shorter ones broadcast.
  EinsumEquation equation;
  int64_t maxEllipsis = 0;
  auto expand = [&](StringRef part, int64_t ellipsis,
                    SmallVector<int> &labels) {
    while (!part.empty()) {
      if (part.consume_front("...")) {
        for (int64_t i = ellipsis; i > 0; --i)
          labels.push_back(-i);
        continue;
      }
      if (!llvm::isAlpha(part.front()))
        return false;
      labels.push_back(part.front());
      part = part.drop_front();
    }
    return true;
  };
  for (auto [part, rank] : llvm::zip(parts, ranks)) {
    int64_t letters =
        llvm::count_if(part, [](char c) { return llvm::isAlpha(c); });
    int64_t ellipsis = part.contains("...") ? rank - letters : 0;
    if (ellipsis < 0 || (!part.contains("...") && letters != rank))
      return std::nullopt;
    maxEllipsis = std::max(maxEllipsis, ellipsis);
    if (!expand(part, ellipsis, equation.inputs.emplace_back()))
      return std::nullopt;
  }
  if (explicitOutput) {
    if (!expand(right, maxEllipsis, equation.output))
      return std::nullopt;
    return equation;
  }
  // Implicit form: the ellipsis, then the letters that occur once, in
  // alphabetical order.
  for (int64_t i = maxEllipsis; i > 0; --i)
    equation.output.push_back(-i);
  std::map<int, int> counts;
  for (auto &labels : equation.inputs)
    for (int label : labels)
      ++counts[label];
  for (auto [label, count] : counts)
    if (label > 0 && count == 1)
      equation.output.push_back(label);
  return equation;
}

namespace {

bool isAlphaLabel(int label) { return label > 0; }

LogicalResult inferEinsum(EinsumOp op, OpShapes &shapes) {
  Type element = shapes.element(op->getOperand(0));
  if (!shapes.allRanked(op->getOperands()))
    return shapes.resultUnranked(op.getOutput(), element);
  SmallVector<int64_t> ranks;
  for (Value operand : op->getOperands())
    ranks.push_back(shapes.rank(operand));
  auto equation = parseEinsum(op.getEquation(), ranks);
  if (!equation)
    return shapes.error() << "equation '" << op.getEquation()
                          << "' does not fit the operands";
  std::map<int, DimExpr> dims;
  for (auto [operand, labels] : llvm::zip(op->getOperands(), equation->inputs))
    for (auto [dim, label] : llvm::zip(shapes.dims(operand), labels)) {
      auto [it, inserted] = dims.try_emplace(label, dim);
      if (inserted || dim.is(1))
        continue;
      if (it->second.is(1)) {
        it->second = dim;
        continue;
      }
      auto both = shapes.unify(it->second, dim,
                               isAlphaLabel(label)
                                   ? Twine("dimension '") + Twine(char(label)) +
                                         "' of the equation"
                                   : Twine("dimension of the ellipsis"));
      if (failed(both))
        return failure();
      it->second = *both;
    }
  Shape output;
  for (int label : equation->output) {
    auto it = dims.find(label);
    if (it == dims.end())
      return shapes.error() << "equation '" << op.getEquation()
                            << "' has an output label that no input has";
    output.push_back(it->second);
  }
  return shapes.result(op.getOutput(), element, output);
}

LogicalResult inferMatMul(MatMulOp op, OpShapes &shapes) {
  return inferMatMulOf(shapes, op.getA(), op.getB(), op.getY(),
                       shapes.element(op.getA()));
}

LogicalResult inferMatMulInteger(MatMulIntegerOp op, OpShapes &shapes) {
  return inferMatMulOf(shapes, op.getA(), op.getB(), op.getY(),
                       IntegerType::get(op.getContext(), 32));
}

LogicalResult inferQLinearMatMul(QLinearMatMulOp op, OpShapes &shapes) {
  return inferMatMulOf(shapes, op.getA(), op.getB(), op.getY(),
                       shapes.element(op.getYZeroPoint()));
}

LogicalResult inferGemm(GemmOp op, OpShapes &shapes) {
  return inferGemmOf(shapes, op.getA(), op.getB(), op.getC(), op.getTransA(),
                     op.getTransB(), op.getY(), shapes.element(op.getA()));
}

LogicalResult inferDet(DetOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getX());
  if (!shapes.ranked(op.getX()))
    return shapes.resultUnranked(op.getY(), element);
  auto dims = shapes.dims(op.getX());
  if (dims.size() < 2 ||
      failed(shapes.unify(dims.back(), dims[dims.size() - 2], "rows")))
    return shapes.error() << "'X' is " << toString(dims)
                          << ", expected square matrices";
  return shapes.result(op.getY(), element, dims.drop_back(2));
}

} // namespace

void ashlar::onnx::registerContractionShapes(ShapeRegistry &registry) {
  registry.add<MatMulOp, inferMatMul>();
  registry.add<MatMulIntegerOp, inferMatMulInteger>();
  registry.add<QLinearMatMulOp, inferQLinearMatMul>();
  registry.add<GemmOp, inferGemm>();
  registry.add<EinsumOp, inferEinsum>();
  registry.add<DetOp, inferDet>();
}
