#include "passes/quantize/Passes.h"

#include "passes/quantize/ElementMovement.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace ashlar {
#define GEN_PASS_DEF_SIGNRIGHTOPERANDS
#include "passes/quantize/Passes.h.inc"

namespace {

constexpr int64_t kSignBit = 128;

// Unsigned tensors that are one another moved, with everything that makes
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

QuantizationParameters toSigned(QuantizationParameters parameters) {
  parameters.type = IntegerType::get(parameters.type.getContext(), 8);
  for (int64_t &zero : parameters.zeroPoints)
    zero -= kSignBit;
  return parameters;
}

void retype(const MovedTensors &found) {
  Type s8 = IntegerType::get(found.values.front().getContext(), 8);
  SmallVector<std::pair<Operation *, QuantizationParameters>> ends;
  for (Operation *op : found.quantizers)
    ends.emplace_back(op, *parametersOf(cast<QuantizeLinearOp>(op)));
  for (Operation *op : found.dequantizers)
    ends.emplace_back(op, *parametersOf(cast<DequantizeLinearOp>(op)));
  for (Value value : found.values)
    value.setType(withElement(value.getType(), s8));
  for (auto &[op, parameters] : ends) {
    OpBuilder builder(op);
    bool quantizes = isa<QuantizeLinearOp>(op);
    Value zero = makeZeroPoint(builder, op->getLoc(), toSigned(parameters));
    if (op->getNumOperands() > 2)
      op->setOperand(2, zero);
    else
      op->insertOperands(2, zero);
    if (quantizes)
      cast<QuantizeLinearOp>(op).setOutputDtype(0);
  }
}

// Flips the sign bit where the tensor comes from elsewhere.
void insertFlip(DequantizeLinearOp op) {
  OpBuilder builder(op);
  Location loc = op.getLoc();
  auto parameters = *parametersOf(op);
  Type u8 = parameters.type, s8 = builder.getI8Type();
  Value bit = makeScalar(builder, loc, u8, kSignBit);
  Value flipped =
      BitwiseXorOp::create(builder, loc, op.getX().getType(), op.getX(), bit);
  OperationState cast(loc, CastOp::getOperationName());
  cast.addOperands(flipped);
  cast.addTypes(withElement(flipped.getType(), s8));
  cast.addAttribute("to", builder.getI64IntegerAttr(3)); // INT8
  Value integers = builder.create(cast)->getResult(0);
  op.replaceAllUsesWith(
      makeDequantize(builder, loc, integers, toSigned(parameters)));
  op.erase();
}

struct SignRightOperands : impl::SignRightOperandsBase<SignRightOperands> {
  void runOnOperation() override {
    SmallVector<MatMulOp> products;
    getOperation()->walk([&](MatMulOp op) { products.push_back(op); });
    for (MatMulOp op : products) {
      auto lhs = matchDequantized(op.getA()), rhs = matchDequantized(op.getB());
      if (!lhs || !rhs || !lhs->parameters.isByte() ||
          !rhs->parameters.type.isUnsignedInteger(8) ||
          !rhs->parameters.isPerTensor() || constantOf(rhs->integers()))
        continue;
      MovedTensors found;
      if (collect(rhs->integers(), found))
        retype(found);
      else
        insertFlip(rhs->op);
    }
  }
};

} // namespace
} // namespace ashlar
