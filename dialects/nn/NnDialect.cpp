//===- NnDialect.cpp - the operations that decide speed
//-----------------------------------------------------------===//
#include "dialects/nn/NnDialect.h"

#include "llvm/Support/MathExtras.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"

using namespace mlir;
using namespace ashlar::nn;

#include "dialects/nn/NnDialect.cpp.inc"

void NnDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "dialects/nn/NnOps.cpp.inc"
      >();
}

PanelForm PanelForm::of(Type element) {
  int64_t bytes = element.getIntOrFloatBitWidth() / 8;
  return bytes == 4 ? PanelForm{32, 1, 4} : PanelForm{16, 4 / bytes, bytes};
}

int64_t PanelForm::blockLength(int64_t length) const {
  if (group == 1)
    return length;
  int64_t most = 64 / bytes, least = llvm::divideCeil(length, most);
  // Blocks that need no padding, if that takes only a few more.
  for (int64_t blocks = least; blocks <= least + least / 4; ++blocks)
    if (length % (blocks * group) == 0)
      return length / blocks;
  return llvm::alignTo(llvm::divideCeil(length, least), group);
}

int64_t PanelForm::paddedLength(int64_t length) const {
  return llvm::alignTo(length, blockLength(length));
}

Type ashlar::nn::accumulatorType(Type element) {
  MLIRContext *context = element.getContext();
  if (element.isInteger(8))
    return IntegerType::get(context, 32);
  return Float32Type::get(context);
}

void ashlar::nn::addTrivialEpilogue(OpBuilder &builder, Region &region,
                                    Location loc, Type accumulatorType,
                                    ValueRange extras) {
  OpBuilder::InsertionGuard guard(builder);
  SmallVector<Type> types{accumulatorType};
  for (Value extra : extras)
    types.push_back(getElementTypeOrSelf(extra.getType()));
  Block *block = builder.createBlock(&region, region.end(), types,
                                     SmallVector<Location>(types.size(), loc));
  YieldOp::create(builder, loc, ValueRange{block->getArgument(0)});
}

namespace {

/// Reads of buffers and the write of the destination; tensors have no effects.
template <typename OpTy>
void addEffects(
    OpTy op, SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
                 &effects) {
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType()))
      continue;
    if (op.isDpsInit(&operand))
      effects.emplace_back(MemoryEffects::Write::get(), &operand, 0, true,
                           SideEffects::DefaultResource::get());
    else
      effects.emplace_back(MemoryEffects::Read::get(), &operand, 0, true,
                           SideEffects::DefaultResource::get());
  }
}

template <typename OpTy>
LogicalResult reifyInit(OpTy op, OpBuilder &builder,
                        ReifiedRankedShapedTypeDims &shapes) {
  if (op->getNumResults())
    for (Value init : op.getDpsInits())
      shapes.push_back(tensor::getMixedSizes(builder, op.getLoc(), init));
  return success();
}

bool isTrivial(Region &epilogue) {
  Block &block = epilogue.front();
  return llvm::hasSingleElement(block) &&
         block.getTerminator()->getNumOperands() == 1 &&
         block.getTerminator()->getOperand(0) == block.getArgument(0);
}

/// What the three epilogue operations have in common: the region's signature,
/// the extras' shapes, the results.
template <typename OpTy>
LogicalResult verifyEpilogue(OpTy op, Type accumulator) {
  auto initType = cast<ShapedType>(op.getInit().getType());
  if (op->getNumResults() !=
      (isa<TensorType>(initType) ? op.getNumDpsInits() : 0))
    return op.emitOpError(
        "expected one result for a tensor destination and none for a buffer");
  if (op->getNumResults() && op->getResult(0).getType() != initType)
    return op.emitOpError("expected the result to have the destination's type ")
           << initType;
  Block &block = op.getEpilogue().front();
  if (block.getNumArguments() != op.getExtras().size() + 1)
    return op.emitOpError("expected an epilogue of ")
           << op.getExtras().size() + 1 << " arguments";
  if (block.getArgument(0).getType() != accumulator)
    return op.emitOpError("expected the accumulator to be ") << accumulator;
  for (auto [index, extra] : llvm::enumerate(op.getExtras())) {
    auto type = cast<ShapedType>(extra.getType());
    if (block.getArgument(index + 1).getType() != type.getElementType())
      return op.emitOpError("expected epilogue argument ")
             << index + 1 << " to be " << type.getElementType();
    if (type.getRank() > 1 && type.getRank() != initType.getRank())
      return op.emitOpError("expected extra operand ")
             << index << " to have rank 0, 1 or " << initType.getRank();
  }
  Operation *yield = block.getTerminator();
  if (yield->getNumOperands() != 1 ||
      yield->getOperand(0).getType() != initType.getElementType())
    return op.emitOpError("expected the epilogue to yield one ")
           << initType.getElementType();
  return success();
}

} // namespace

#define ASHLAR_EPILOGUE_OP(OP)                                                 \
  void OP::getEffects(                                                         \
      SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>      \
          &effects) {                                                          \
    addEffects(*this, effects);                                                \
  }                                                                            \
  LogicalResult OP::reifyResultShapes(OpBuilder &builder,                      \
                                      ReifiedRankedShapedTypeDims &shapes) {   \
    return reifyInit(*this, builder, shapes);                                  \
  }

ASHLAR_EPILOGUE_OP(ConvOp)
ASHLAR_EPILOGUE_OP(MatmulOp)
ASHLAR_EPILOGUE_OP(PoolOp)
ASHLAR_EPILOGUE_OP(SoftmaxOp)
ASHLAR_EPILOGUE_OP(WinogradOp)
#undef ASHLAR_EPILOGUE_OP

bool ConvOp::hasTrivialEpilogue() { return isTrivial(getEpilogue()); }
bool MatmulOp::hasTrivialEpilogue() { return isTrivial(getEpilogue()); }
bool PoolOp::hasTrivialEpilogue() { return isTrivial(getEpilogue()); }
bool SoftmaxOp::hasTrivialEpilogue() { return isTrivial(getEpilogue()); }

MutableOperandRange WinogradOp::getDpsInitsMutable() {
  return MutableOperandRange(*this, getInitMutable().getOperandNumber(), 3);
}

int64_t WinogradOp::getTileSize() {
  int64_t places = cast<ShapedType>(getFilter().getType()).getDimSize(0);
  return places == 36 ? 4 : 2;
}

LogicalResult WinogradOp::verify() {
  auto filter = cast<ShapedType>(getFilter().getType());
  if (filter.getRank() != 4 ||
      (filter.getDimSize(0) != 16 && filter.getDimSize(0) != 36))
    return emitOpError("expected a filter of 16 or 36 transformed places");
  auto input = cast<ShapedType>(getInput().getType()),
       init = cast<ShapedType>(getInit().getType());
  if (input.getRank() != 4 || init.getRank() != 4)
    return emitOpError("expected an input and a destination of rank 4 (NHWC)");
  for (unsigned axis : {1u, 2u})
    if (input.getDimSize(axis) !=
        int64_t(llvm::alignTo(init.getDimSize(axis), getTileSize())) + 2)
      return emitOpError("expected an input that holds whole tiles");
  return verifyEpilogue(*this, accumulatorType(input.getElementType()));
}

LogicalResult ConvOp::verify() {
  auto rankOf = [](Value value) {
    return cast<ShapedType>(value.getType()).getRank();
  };
  if (rankOf(getInput()) != 4 || rankOf(getInit()) != 4)
    return emitOpError("expected an input and a destination of rank 4 (NHWC)");
  if (getStrides().size() != 2 || getDilations().size() != 2 ||
      getFilterSizes().size() != 4)
    return emitOpError(
        "expected two strides, two dilations and four filter sizes");
  Type element = getElementTypeOrSelf(getInput().getType());
  int64_t panels = PanelForm::of(element).group == 1 ? 5 : 6;
  int64_t rank = rankOf(getFilter());
  if (rank != 3 && rank != 4 && rank != panels)
    return emitOpError("expected a filter of rank 4 (ONNX order), ")
           << panels << " (panels) or 3 (depthwise)";
  if (getElementTypeOrSelf(getFilter().getType()) != element)
    return emitOpError("expected a filter of ") << element;
  return verifyEpilogue(*this, accumulatorType(element));
}

LogicalResult MatmulOp::verify() {
  auto lhs = cast<ShapedType>(getLhs().getType()),
       rhs = cast<ShapedType>(getRhs().getType());
  if (lhs.getRank() < 2 ||
      lhs.getRank() != cast<ShapedType>(getInit().getType()).getRank())
    return emitOpError(
        "expected a left side and a destination of the same rank, 2 or more");
  Type element = lhs.getElementType();
  int64_t panels = PanelForm::of(element).group == 1 ? 3 : 4;
  if (getPacked() ? rhs.getRank() != panels && rhs.getRank() != panels + 1
                  : (rhs.getRank() != 2 && rhs.getRank() != lhs.getRank()))
    return emitOpError("expected a right side of rank 2 or ")
           << lhs.getRank() << ", or packed panels of rank " << panels
           << ", one more with batches";
  if (rhs.getElementType() != element)
    return emitOpError("expected a right side of ") << element;
  return verifyEpilogue(*this, accumulatorType(element));
}

LogicalResult SoftmaxOp::verify() {
  auto input = cast<ShapedType>(getInput().getType());
  if (!input.getElementType().isF32() || input.getRank() < 2 ||
      input.getRank() > 4)
    return emitOpError("expected an input of f32 and rank 2 to 4");
  if (failed(verifyCompatibleShape(
          input.getShape(), cast<ShapedType>(getInit().getType()).getShape())))
    return emitOpError("expected a destination of the input's shape");
  return verifyEpilogue(*this, input.getElementType());
}

void PackOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  addEffects(*this, effects);
}

LogicalResult PackOp::reifyResultShapes(OpBuilder &builder,
                                        ReifiedRankedShapedTypeDims &shapes) {
  return reifyInit(*this, builder, shapes);
}

LogicalResult PackOp::verify() {
  auto source = cast<ShapedType>(getSource().getType()),
       init = cast<ShapedType>(getInit().getType());
  if (PanelForm::of(source.getElementType()).group == 1 ||
      source.getElementType() != init.getElementType())
    return emitOpError("expected a source and panels of i8 or bf16");
  if ((source.getRank() != 2 && source.getRank() != 3) ||
      init.getRank() != source.getRank() + 2)
    return emitOpError("expected matrices of rank 2 or 3, and panels of two "
                       "dimensions more");
  return success();
}

// The write, to nothing in particular, keeps it where it is.
void ObserveOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  effects.emplace_back(MemoryEffects::Write::get());
  if (isa<MemRefType>(getValue().getType()))
    effects.emplace_back(MemoryEffects::Read::get(), &getValueMutable(), 0,
                         true, SideEffects::DefaultResource::get());
}

LogicalResult LookupOp::verify() {
  if (!getElementTypeOrSelf(getX().getType()).isInteger(8))
    return emitOpError("expected bytes");
  if (getTable().size() != 256)
    return emitOpError("expected a table of 256 bytes, found ")
           << getTable().size();
  return success();
}

LogicalResult PoolOp::verify() {
  if (getKind() != "max" && getKind() != "sum")
    return emitOpError("expected kind \"max\" or \"sum\", found \"")
           << getKind() << "\"";
  if (cast<ShapedType>(getInput().getType()).getRank() != 4)
    return emitOpError("expected an input of rank 4 (NHWC)");
  if (getWindow().size() != 2 || getStrides().size() != 2 ||
      getDilations().size() != 2)
    return emitOpError(
        "expected two window sizes, two strides and two dilations");
  Type element = getElementTypeOrSelf(getInput().getType());
  if (!element.isF32() && !(element.isInteger(8) && getKind() == "max"))
    return emitOpError("expected f32, or maxima of i8, found ") << element;
  return verifyEpilogue(*this, element);
}

#define GET_OP_CLASSES
#include "dialects/nn/NnOps.cpp.inc"
