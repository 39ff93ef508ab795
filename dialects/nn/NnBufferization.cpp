//===- NnBufferization.cpp - nn operations on buffers
//-------------------------------------------------------------===//
#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"

#include "dialects/nn/NnDialect.h"

using namespace mlir;
using namespace mlir::bufferization;
using namespace ashlar;

namespace {

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
      operands.push_back(*buffer);
    }
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

} // namespace

void nn::registerBufferizableOpInterfaceExternalModels(
    DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, NnDialect *) {
    ConvOp::attachInterface<EpilogueOpModel<ConvOp>>(*context);
    MatmulOp::attachInterface<EpilogueOpModel<MatmulOp>>(*context);
    PoolOp::attachInterface<EpilogueOpModel<PoolOp>>(*context);
  });
}
