//===- HandOverContractions.cpp - contractions for a kernel library -------===//
#include "passes/fuse/Passes.h"

#include "llvm/Support/xxhash.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include "dialects/nn/NnDialect.h"
#include "dialects/tile/TileDialect.h"
#include "passes/analysis/ConstantData.h"
#include "passes/analysis/TransposeMatch.h"

namespace ashlar {
#define GEN_PASS_DEF_HANDOVERCONTRACTIONS
#include "passes/fuse/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {

/// Why oneDNN does not compute this; empty if it does.
StringRef whyNotType(Type element, tile::TargetAttr target) {
  if (element.isInteger(8) && !(target.getVnni()))
    return "oneDNN saturates sums of bytes on a CPU without AVX512-VNNI";
  if (element.isBF16() && target.getVectorBytes() != 64)
    return "oneDNN multiplies bf16 from AVX-512 on";
  return "";
}

StringRef whyNot(nn::ConvOp conv) {
  // What its kernels read at once.
  constexpr int64_t kChannels = 16;
  int64_t groups = conv.getGroups();
  ArrayRef<int64_t> sizes = conv.getFilterSizes();
  bool depthwise = sizes[1] == 1 && sizes[0] == groups;
  if (groups > 1 && !depthwise &&
      (sizes[1] % kChannels || sizes[0] / groups % kChannels))
    return "oneDNN has only plain loops for groups of pixels' channels that "
           "are not a multiple of 16";
  if (cast<ShapedType>(conv.getFilter().getType()).getRank() != 4)
    return "the filter is packed already";
  return "";
}

StringRef whyNot(nn::MatmulOp matmul) {
  if (matmul.getPacked())
    return "the right side is packed already";
  return "";
}

/// A constant that is written transposed, as it is read.
Value foldTranspose(ImplicitLocOpBuilder &b, Value matrix) {
  auto transpose = matchTranspose(matrix);
  auto type = cast<RankedTensorType>(matrix.getType());
  auto data = transpose ? constantData(transpose->source) : std::nullopt;
  if (!data || type.getRank() != 2 || !type.hasStaticShape())
    return matrix;
  int64_t rows = type.getDimSize(0), columns = type.getDimSize(1);
  int64_t bytes = type.getElementTypeBitWidth() / 8;
  ElementsAttr folded =
      makeConstantData(type, "transposed", [&](MutableArrayRef<char> to) {
        for (int64_t row = 0; row < rows; ++row)
          for (int64_t column = 0; column < columns; ++column)
            memcpy(&to[(row * columns + column) * bytes],
                   data->bytes.data() +
                       (data->isSplat ? 0 : (column * rows + row) * bytes),
                   bytes);
      });
  return arith::ConstantOp::create(b, cast<TypedAttr>(folded)).getResult();
}

/// How an extra operand of an epilogue is read, as a map of the destination's
/// indices.
AffineMap extraMap(RankedTensorType extra, RankedTensorType init) {
  MLIRContext *context = init.getContext();
  int64_t rank = init.getRank();
  SmallVector<AffineExpr> places;
  if (extra.getRank() == 1)
    places.push_back(getAffineDimExpr(rank - 1, context));
  if (extra.getRank() == rank && rank > 1)
    for (int64_t axis = 0; axis < rank; ++axis) {
      bool spread = extra.getDimSize(axis) == 1 && init.getDimSize(axis) != 1;
      places.push_back(spread ? getAffineConstantExpr(0, context)
                              : getAffineDimExpr(axis, context));
    }
  return AffineMap::get(rank, 0, places, context);
}

/// The extra that a float epilogue adds first, one value a channel; -1: none.
int64_t findBias(Operation *op, ValueRange extras, Block &epilogue) {
  BlockArgument sum = epilogue.getArgument(0);
  if (!sum.getType().isF32() || !sum.hasOneUse())
    return -1;
  auto add = dyn_cast<arith::AddFOp>(*sum.user_begin());
  if (!add)
    return -1;
  Value other = add.getLhs() == sum ? add.getRhs() : add.getLhs();
  auto argument = dyn_cast<BlockArgument>(other);
  if (!argument || argument == sum || argument.getOwner() != &epilogue)
    return -1;
  int64_t index = argument.getArgNumber() - 1;
  return cast<RankedTensorType>(extras[index].getType()).getRank() == 1 ? index
                                                                        : -1;
}

/// Gives the operation a destination of sums of its own, and moves the rest of
/// its epilogue behind it. Of it stays only the addition of a bias.
template <typename OpTy> void splitEpilogue(OpTy op) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  auto initType = cast<RankedTensorType>(op.getInit().getType());
  Type element = getElementTypeOrSelf(op->getOperand(0).getType());
  Type sumType = nn::accumulatorType(element);
  Block &epilogue = op.getEpilogue().front();
  int64_t bias = findBias(op, op.getExtras(), epilogue);
  SmallVector<Value> kept;
  if (bias >= 0)
    kept.push_back(op.getExtras()[bias]);
  Value sums = tensor::EmptyOp::create(
      b, tensor::getMixedSizes(b, b.getLoc(), op.getInit()), sumType);
  SmallVector<Value> operands{op->getOperand(0), op->getOperand(1)};
  operands.append(kept);
  operands.push_back(sums);
  OperationState state(op.getLoc(), op->getName());
  state.addOperands(operands);
  state.addTypes(sums.getType());
  state.addAttributes(op->getAttrs());
  state.propertiesAttr = op->getPropertiesAsAttribute();
  state.addRegion();
  auto contraction = cast<OpTy>(b.create(state));
  nn::addTrivialEpilogue(b, contraction.getEpilogue(), op.getLoc(), sumType,
                         kept);
  // Where the epilogue's own value begins.
  Value start = epilogue.getArgument(0);
  Operation *addition = nullptr;
  if (bias >= 0) {
    addition = *start.user_begin();
    Block &inner = contraction.getEpilogue().front();
    auto at = OpBuilder::atBlockBegin(&inner);
    Value sum = arith::AddFOp::create(at, op.getLoc(), inner.getArgument(0),
                                      inner.getArgument(1));
    inner.getTerminator()->setOperand(0, sum);
    start = addition->getResult(0);
  }
  if (epilogue.getTerminator()->getOperand(0) == start &&
      initType == sums.getType()) {
    op->getResult(0).replaceAllUsesWith(contraction->getResult(0));
    op.erase();
    return;
  }
  SmallVector<Value> inputs{contraction->getResult(0)};
  SmallVector<AffineMap> maps{b.getMultiDimIdentityMap(initType.getRank())};
  SmallVector<BlockArgument> read{epilogue.getArgument(0)};
  for (auto [index, extra] : llvm::enumerate(op.getExtras())) {
    BlockArgument argument = epilogue.getArgument(index + 1);
    if (int64_t(index) == bias && argument.hasOneUse())
      continue;
    read.push_back(argument);
    inputs.push_back(extra);
    maps.push_back(extraMap(cast<RankedTensorType>(extra.getType()), initType));
  }
  maps.push_back(maps.front());
  SmallVector<utils::IteratorType> iterators(initType.getRank(),
                                             utils::IteratorType::parallel);
  auto rest = linalg::GenericOp::create(
      b, TypeRange{initType}, inputs, ValueRange{op.getInit()}, maps, iterators,
      [&](OpBuilder &builder, Location loc, ValueRange arguments) {
        IRMapping mapping;
        mapping.map(read, arguments.drop_back());
        mapping.map(start, arguments[0]);
        for (Operation &inner : epilogue.without_terminator())
          if (&inner != addition)
            builder.clone(inner, mapping);
        linalg::YieldOp::create(
            builder, loc,
            mapping.lookup(epilogue.getTerminator()->getOperand(0)));
      });
  op->getResult(0).replaceAllUsesWith(rest->getResult(0));
  op.erase();
}

/// True if the epilogue is what the library does itself: nothing.
template <typename OpTy> bool needsSplit(OpTy op) {
  return !op.hasTrivialEpilogue() || !op.getExtras().empty();
}

struct HandOverContractions
    : ashlar::impl::HandOverContractionsBase<HandOverContractions> {
  void runOnOperation() override {
    auto library = getOperation()->getAttrOfType<StringAttr>("ashlar.kernels");
    if (!library)
      return;
    SmallVector<nn::ConvOp> convs;
    SmallVector<nn::MatmulOp> matmuls;
    getOperation().walk([&](nn::ConvOp op) { convs.push_back(op); });
    getOperation().walk([&](nn::MatmulOp op) { matmuls.push_back(op); });
    for (nn::ConvOp op : convs)
      handOver(op, op.getFilterMutable(), library);
    for (nn::MatmulOp op : matmuls)
      handOver(op, op.getRhsMutable(), library);
  }

  template <typename OpTy>
  void handOver(OpTy op, OpOperand &weights, StringAttr library) {
    Type element = getElementTypeOrSelf(op->getOperand(0).getType());
    StringRef reason = whyNotType(element, tile::getTarget(op));
    if (reason.empty())
      reason = whyNot(op);
    Builder builder(&getContext());
    if (!reason.empty()) {
      op->setAttr(nn::kLibraryReasonAttrName, builder.getStringAttr(reason));
      return;
    }
    op->setAttr(nn::kLibraryAttrName, library);
    ImplicitLocOpBuilder b(op.getLoc(), op);
    weights.set(foldTranspose(b, weights.get()));
    if (auto data = constantData(weights.get()))
      op->setAttr(nn::kWeightsHashAttrName,
                  builder.getI64IntegerAttr(llvm::xxh3_64bits(ArrayRef(
                      reinterpret_cast<const uint8_t *>(data->bytes.data()),
                      data->bytes.size()))));
    if (needsSplit(op))
      splitEpilogue(op);
  }
};

} // namespace
