#include "passes/quantize/Passes.h"

#include "passes/quantize/ElementMovement.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace ashlar {
#define GEN_PASS_DEF_CHOOSESIGNEDNESS
#include "passes/quantize/Passes.h.inc"

namespace {

constexpr int64_t kSignBit = 128;

// Tensors that are one another moved, with everything that makes
// integers of real numbers and real numbers of them.
struct MovedTensors {
  llvm::SetVector<Value> values;
  llvm::SetVector<Operation *> quantizers, dequantizers;
};

bool movesOrJoins(Operation *op) {
  return movesElements(op) || isa<ConcatOp>(op);
}

// The operands of a movement that are moved.
ValueRange movedOperands(Operation *op) {
  return isa<ConcatOp>(op) ? ValueRange(op->getOperands())
                           : ValueRange(op->getOperands().take_front());
}

// Everything that `value` is moved from and to. False if something else makes
// or reads one of the tensors.
bool collect(Value value, MovedTensors &found) {
  found.values.insert(value);
  for (size_t next = 0; next < found.values.size(); ++next) {
    Value tensor = found.values[next];
    Operation *producer = tensor.getDefiningOp();
    if (!producer)
      return false;
    if (auto quantize = dyn_cast<QuantizeLinearOp>(producer)) {
      auto parameters = parametersOf(quantize);
      if (!parameters || !parameters->isPerTensor())
        return false;
      found.quantizers.insert(producer);
    } else if (movesOrJoins(producer)) {
      found.values.insert_range(movedOperands(producer));
      found.values.insert_range(producer->getResults());
    } else {
      return false;
    }
    for (OpOperand &use : tensor.getUses()) {
      Operation *user = use.getOwner();
      if (auto dequantize = dyn_cast<DequantizeLinearOp>(user)) {
        auto parameters = parametersOf(dequantize);
        if (!parameters || !parameters->isPerTensor())
          return false;
        found.dequantizers.insert(user);
      } else if (movesOrJoins(user) &&
                 llvm::is_contained(movedOperands(user), tensor)) {
        found.values.insert_range(user->getResults());
        found.values.insert_range(movedOperands(user));
      } else {
        return false;
      }
    }
  }
  return true;
}

// The same numbers in bytes of the other signedness.
QuantizationParameters flipped(QuantizationParameters parameters) {
  MLIRContext *context = parameters.type.getContext();
  bool wasUnsigned = parameters.type.isUnsignedInteger();
  parameters.type = wasUnsigned
                        ? IntegerType::get(context, 8)
                        : IntegerType::get(context, 8, IntegerType::Unsigned);
  for (int64_t &zero : parameters.zeroPoints)
    zero += wasUnsigned ? -kSignBit : kSignBit;
  return parameters;
}

void retype(const MovedTensors &found) {
  SmallVector<std::pair<Operation *, QuantizationParameters>> ends;
  for (Operation *op : found.quantizers)
    ends.emplace_back(op, flipped(*parametersOf(cast<QuantizeLinearOp>(op))));
  for (Operation *op : found.dequantizers)
    ends.emplace_back(op, flipped(*parametersOf(cast<DequantizeLinearOp>(op))));
  for (Value value : found.values)
    value.setType(withElement(value.getType(), ends.front().second.type));
  for (auto &[op, parameters] : ends) {
    OpBuilder builder(op);
    Value zero = makeZeroPoint(builder, op->getLoc(), parameters);
    if (op->getNumOperands() > 2)
      op->setOperand(2, zero);
    else
      op->insertOperands(2, zero);
    if (auto quantize = dyn_cast<QuantizeLinearOp>(op))
      quantize.setOutputDtype(0);
  }
}

// Flips the sign bit where the tensor comes from elsewhere.
void insertFlip(DequantizeLinearOp op) {
  OpBuilder builder(op);
  Location loc = op.getLoc();
  auto parameters = *parametersOf(op);
  Value bit = makeScalar(builder, loc, parameters.type, kSignBit);
  Value other =
      BitwiseXorOp::create(builder, loc, op.getX().getType(), op.getX(), bit);
  OperationState cast(loc, CastOp::getOperationName());
  cast.addOperands(other);
  cast.addTypes(withElement(other.getType(), builder.getI8Type()));
  cast.addAttribute("to", builder.getI64IntegerAttr(3)); // INT8
  Value integers = builder.create(cast)->getResult(0);
  op.replaceAllUsesWith(
      makeDequantize(builder, loc, integers, flipped(parameters)));
  op.erase();
}

// An activation in bytes with one scale and zero point.
std::optional<Dequantized> matchActivation(Value value) {
  auto data = matchDequantized(value);
  if (!data || !data->parameters.isByte() || !data->parameters.isPerTensor() ||
      constantOf(data->integers()))
    return std::nullopt;
  return data;
}

bool isProductOfActivations(MatMulOp op) {
  return matchActivation(op.getA()) && matchActivation(op.getB());
}

bool isRightSide(Operation *dequantize) {
  return llvm::any_of(dequantize->getUses(), [](OpOperand &use) {
    auto product = dyn_cast<MatMulOp>(use.getOwner());
    return product && use.getOperandNumber() == 1 &&
           isProductOfActivations(product);
  });
}

void makeRightSideSigned(MatMulOp op) {
  if (!isProductOfActivations(op))
    return;
  auto rhs = matchActivation(op.getB());
  if (!rhs->parameters.type.isUnsignedInteger())
    return;
  MovedTensors found;
  if (collect(rhs->integers(), found))
    retype(found);
  else
    insertFlip(rhs->op);
}

void makeLeftSideUnsigned(Value value) {
  auto lhs = matchActivation(value);
  if (!lhs || lhs->parameters.type.isUnsignedInteger())
    return;
  MovedTensors found;
  if (collect(lhs->integers(), found) &&
      llvm::none_of(found.dequantizers, isRightSide))
    retype(found);
}

struct ChooseSignedness : impl::ChooseSignednessBase<ChooseSignedness> {
  void runOnOperation() override {
    SmallVector<MatMulOp> products;
    getOperation()->walk([&](MatMulOp op) { products.push_back(op); });
    llvm::for_each(products, makeRightSideSigned);
    getOperation()->walk([&](Operation *op) {
      if (isa<ConvOp, ConvTransposeOp, MatMulOp, GemmOp>(op))
        makeLeftSideUnsigned(op->getOperand(0));
    });
  }
};

} // namespace
} // namespace ashlar
