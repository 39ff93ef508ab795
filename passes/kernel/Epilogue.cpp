//===- Epilogue.cpp - epilogue regions on vectors -------------------------===//
#include "passes/kernel/Epilogue.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace ashlar;

namespace {

bool isWhole(IndexArithmetic &b, VectorType type, OpFoldResult count) {
  auto known = b.known(count);
  return known && *known >= type.getNumElements();
}

Value maskFor(IndexArithmetic &b, VectorType type, OpFoldResult count) {
  auto maskType = VectorType::get(type.getShape(), b.getI1Type());
  if (auto known = b.known(count))
    return vector::ConstantMaskOp::create(b, maskType,
                                          ArrayRef<int64_t>{*known});
  return vector::CreateMaskOp::create(b, maskType, ValueRange{b.value(count)});
}

} // namespace

Operation *ashlar::vectorizeOperation(IndexArithmetic &b, Operation &op,
                                      IRMapping &mapping, int64_t lanes) {
  auto widen = [&](Type type) -> Type {
    return VectorType::get({lanes}, type);
  };
  if (op.hasTrait<OpTrait::ConstantLike>()) {
    Value scalar = b.clone(op)->getResult(0);
    return vector::BroadcastOp::create(b, widen(scalar.getType()), scalar);
  }
  OperationState state(op.getLoc(), op.getName());
  for (Value operand : op.getOperands()) {
    Value value = mapping.lookupOrDefault(operand);
    // A scalar from outside the region is the same in every lane.
    if (!isa<VectorType>(value.getType()))
      value = vector::BroadcastOp::create(b, widen(value.getType()), value);
    state.addOperands(value);
  }
  for (Type type : op.getResultTypes())
    state.addTypes(widen(type));
  state.addAttributes(op.getAttrs());
  state.propertiesAttr = op.getPropertiesAsAttribute();
  return b.create(state);
}

Value ashlar::loadVector(IndexArithmetic &b, Value flat, OpFoldResult at,
                         VectorType type, OpFoldResult count) {
  if (isWhole(b, type, count))
    return vector::LoadOp::create(b, type, flat, ValueRange{b.value(at)});
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
  return vector::MaskedLoadOp::create(b, type, flat, ValueRange{b.value(at)},
                                      maskFor(b, type, count), zero);
}

void ashlar::storeVector(IndexArithmetic &b, Value vector, Value flat,
                         OpFoldResult at, OpFoldResult count) {
  auto type = cast<VectorType>(vector.getType());
  if (isWhole(b, type, count)) {
    vector::StoreOp::create(b, vector, flat, ValueRange{b.value(at)});
    return;
  }
  vector::MaskedStoreOp::create(b, flat, ValueRange{b.value(at)},
                                maskFor(b, type, count), vector);
}

bool ashlar::isElementwiseBody(linalg::GenericOp op) {
  for (BlockArgument argument : op.getBody()->getArguments())
    if (!argument.getType().isIntOrFloat() ||
        argument.getType().getIntOrFloatBitWidth() % 8 != 0)
      return false;
  return llvm::all_of(op.getBody()->without_terminator(), [](Operation &inner) {
    if (inner.hasTrait<OpTrait::ConstantLike>())
      return inner.getResult(0).getType().isIntOrFloat();
    bool isFunction = isa_and_present<math::MathDialect>(inner.getDialect());
    return OpTrait::hasElementwiseMappableTraits(&inner) &&
           inner.getNumRegions() == 0 && !isa<arith::RemFOp>(inner) &&
           llvm::all_of(inner.getOperandTypes(), [&](Type type) {
             return type.isIntOrFloat() && !(isFunction && type.isF64());
           });
  });
}

Epilogue::Epilogue(IndexArithmetic &b, Region &region, ValueRange extraBuffers,
                   Value init)
    : region(region), destination(FlatView::of(b, init)) {
  for (Value extra : extraBuffers)
    extras.push_back(FlatView::of(b, extra));
}

bool Epilogue::isLong() const {
  constexpr int64_t kShort = 8;
  int64_t count = 0;
  for (Operation &op : region.front())
    count += isa_and_present<math::MathDialect>(op.getDialect()) ? kShort : 1;
  return count > kShort;
}

OpFoldResult Epilogue::offsetIn(IndexArithmetic &b, const FlatView &view,
                                const OutputPosition &position) {
  SmallVector<OpFoldResult> indices{position.batch, position.y, position.x,
                                    position.channel};
  // Matrices have no y, and perhaps no batch.
  size_t rank = view.strides.size();
  if (rank == 3)
    indices.erase(indices.begin() + 1);
  else if (rank == 2)
    indices.erase(indices.begin(), indices.begin() + 2);
  OpFoldResult at = view.offset;
  for (size_t axis = 0; axis < rank; ++axis) {
    // An axis of size 1 that stands for all indices of the destination's.
    // (Where that has size 1, too, the index may run on over merged axes.)
    bool broadcasts =
        b.known(view.sizes[axis]) == 1 && b.known(destination.sizes[axis]) != 1;
    if (!broadcasts)
      at = b.add(at, b.mul(indices[axis], view.strides[axis]));
  }
  return at;
}

Value Epilogue::loadExtra(IndexArithmetic &b, unsigned index,
                          const OutputPosition &position, VectorType type,
                          OpFoldResult count) {
  const FlatView &view = extras[index];
  // One value, or one a row.
  if (view.strides.empty()) {
    Value scalar =
        memref::LoadOp::create(b, view.flat, ValueRange{b.value(view.offset)});
    return vector::BroadcastOp::create(b, type, scalar);
  }
  OpFoldResult at = view.strides.size() == 1
                        ? b.add(view.offset, position.channel)
                        : offsetIn(b, view, position);
  if (view.strides.size() > 1 && b.known(view.sizes.back()) == 1 &&
      b.known(destination.sizes.back()) != 1) {
    Value scalar =
        memref::LoadOp::create(b, view.flat, ValueRange{b.value(at)});
    return vector::BroadcastOp::create(b, type, scalar);
  }
  return loadVector(b, view.flat, at, type, count);
}

void Epilogue::store(IndexArithmetic &b, Value accumulator,
                     const OutputPosition &position, OpFoldResult count) {
  auto type = cast<VectorType>(accumulator.getType());
  int64_t lanes = type.getNumElements();
  Block &block = region.front();
  IRMapping mapping;
  mapping.map(block.getArgument(0), accumulator);
  for (unsigned index = 0; index < extras.size(); ++index) {
    BlockArgument argument = block.getArgument(index + 1);
    if (argument.use_empty())
      continue;
    auto extraType = VectorType::get({lanes}, argument.getType());
    mapping.map(argument, loadExtra(b, index, position, extraType, count));
  }
  for (Operation &op : block.without_terminator())
    mapping.map(op.getResults(),
                vectorizeOperation(b, op, mapping, lanes)->getResults());
  Value result = mapping.lookup(block.getTerminator()->getOperand(0));
  storeVector(b, result, destination.flat, offsetIn(b, destination, position),
              count);
}
