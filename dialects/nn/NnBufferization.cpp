//===- NnBufferization.cpp - nn operations on buffers
//-------------------------------------------------------------===//
#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/MemRef/Utils/MemRefUtils.h"

#include "dialects/nn/NnDialect.h"

using namespace mlir;
using namespace mlir::bufferization;
using namespace ashlar;

namespace {

Value copyContiguous(RewriterBase &rewriter, Location loc, Value buffer) {
  auto type = cast<MemRefType>(buffer.getType());
  SmallVector<Value> sizes;
  for (int64_t axis = 0; axis < type.getRank(); ++axis)
    if (type.isDynamicDim(axis))
      sizes.push_back(memref::DimOp::create(rewriter, loc, buffer, axis));
  Value copy = memref::AllocOp::create(
      rewriter, loc, MemRefType::get(type.getShape(), type.getElementType()),
      sizes);
  memref::CopyOp::create(rewriter, loc, buffer, copy);
  return copy;
}

/// Kernels want the innermost elements of what they read side by side: others
/// are copied.
Value withContiguousRows(RewriterBase &rewriter, Location loc, Value buffer) {
  auto type = cast<MemRefType>(buffer.getType());
  SmallVector<int64_t> strides;
  int64_t offset;
  if (type.getRank() == 0 ||
      failed(type.getStridesAndOffset(strides, offset)) || strides.back() == 1)
    return buffer;
  return copyContiguous(rewriter, loc, buffer);
}

/// True if the filter's panels run over the pixels of a filter row, which then
/// must lie side by side in the image.
bool joinsPixels(nn::ConvOp conv) {
  auto filter = cast<ShapedType>(conv.getFilter().getType());
  auto form = nn::PanelForm::of(filter.getElementType());
  ArrayRef<int64_t> sizes = conv.getFilterSizes();
  return form.group > 1 && filter.getRank() == 6 && sizes[3] > 1 &&
         filter.getDimSize(2) == sizes[2];
}

Value withContiguousPixels(RewriterBase &rewriter, Location loc, Value image) {
  auto type = cast<MemRefType>(image.getType());
  SmallVector<int64_t> strides;
  int64_t offset;
  if (succeeded(type.getStridesAndOffset(strides, offset)) &&
      strides[2] == type.getDimSize(3))
    return image;
  return copyContiguous(rewriter, loc, image);
}

/// Every epilogue operation reads its inputs, overwrites its destination
/// without reading it, and keeps its region.
template <typename OpTy>
struct EpilogueOpModel
    : DstBufferizableOpInterfaceExternalModel<EpilogueOpModel<OpTy>, OpTy> {
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand,
                              const AnalysisState &) const {
    return !cast<DestinationStyleOpInterface>(op).isDpsInit(&operand);
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    rewriter.setInsertionPoint(op);
    SmallVector<Value> operands;
    for (Value operand : op->getOperands()) {
      if (!isa<TensorType>(operand.getType())) {
        operands.push_back(operand);
        continue;
      }
      FailureOr<Value> buffer = getBuffer(rewriter, operand, options, state);
      if (failed(buffer))
        return failure();
      bool isInit = cast<DestinationStyleOpInterface>(op).isDpsInit(
          &op->getOpOperand(operands.size()));
      operands.push_back(
          isInit ? *buffer
                 : withContiguousRows(rewriter, op->getLoc(), *buffer));
    }
    if (auto conv = dyn_cast<nn::ConvOp>(op); conv && joinsPixels(conv))
      operands[0] = withContiguousPixels(rewriter, op->getLoc(), operands[0]);
    OperationState newState(op->getLoc(), op->getName(), operands, TypeRange{},
                            op->getAttrs());
    newState.propertiesAttr = op->getPropertiesAsAttribute();
    newState.addRegion();
    Operation *newOp = rewriter.create(newState);
    rewriter.inlineRegionBefore(op->getRegion(0), newOp->getRegion(0),
                                newOp->getRegion(0).begin());
    replaceOpWithBufferizedValues(
        rewriter, op, cast<DestinationStyleOpInterface>(newOp).getDpsInits());
    return success();
  }
};

struct PackOpModel
    : DstBufferizableOpInterfaceExternalModel<PackOpModel, nn::PackOp> {
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand,
                              const AnalysisState &) const {
    return !cast<nn::PackOp>(op).isDpsInit(&operand);
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    auto pack = cast<nn::PackOp>(op);
    rewriter.setInsertionPoint(op);
    FailureOr<Value> source =
        getBuffer(rewriter, pack.getSource(), options, state);
    FailureOr<Value> init = getBuffer(rewriter, pack.getInit(), options, state);
    if (failed(source) || failed(init))
      return failure();
    nn::PackOp::create(rewriter, op->getLoc(), TypeRange(),
                       withContiguousRows(rewriter, op->getLoc(), *source),
                       *init, pack.getTransposed());
    replaceOpWithBufferizedValues(rewriter, op, *init);
    return success();
  }
};

/// Reads its operand, all of which has to lie side by side.
struct ObserveOpModel
    : BufferizableOpInterface::ExternalModel<ObserveOpModel, nn::ObserveOp> {
  bool bufferizesToMemoryRead(Operation *, OpOperand &,
                              const AnalysisState &) const {
    return true;
  }
  bool bufferizesToMemoryWrite(Operation *, OpOperand &,
                               const AnalysisState &) const {
    return false;
  }
  AliasingValueList getAliasingValues(Operation *, OpOperand &,
                                      const AnalysisState &) const {
    return {};
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    auto observe = cast<nn::ObserveOp>(op);
    rewriter.setInsertionPoint(op);
    FailureOr<Value> buffer =
        getBuffer(rewriter, observe.getValue(), options, state);
    if (failed(buffer))
      return failure();
    auto type = cast<MemRefType>(buffer->getType());
    if (!type.getLayout().isIdentity() &&
        !memref::isStaticShapeAndContiguousRowMajor(type))
      *buffer = copyContiguous(rewriter, op->getLoc(), *buffer);
    nn::ObserveOp::create(rewriter, op->getLoc(), *buffer,
                          observe.getNameAttr());
    rewriter.eraseOp(op);
    return success();
  }
};

} // namespace

void nn::registerBufferizableOpInterfaceExternalModels(
    DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, NnDialect *) {
    ConvOp::attachInterface<EpilogueOpModel<ConvOp>>(*context);
    MatmulOp::attachInterface<EpilogueOpModel<MatmulOp>>(*context);
    PoolOp::attachInterface<EpilogueOpModel<PoolOp>>(*context);
    PackOp::attachInterface<PackOpModel>(*context);
    ObserveOp::attachInterface<ObserveOpModel>(*context);
    SoftmaxOp::attachInterface<EpilogueOpModel<SoftmaxOp>>(*context);
    WinogradOp::attachInterface<EpilogueOpModel<WinogradOp>>(*context);
  });
}
