// All operations of the `onnx` dialect: the generated ones by kind, and the terminator of subgraphs.
#ifndef ASHLAR_DIALECTS_ONNX_ONNXOPS_TD
#define ASHLAR_DIALECTS_ONNX_ONNXOPS_TD

include "dialects/onnx/OnnxDialect.td"
include "dialects/onnx/OnnxTypes.td"
include "dialects/onnx/ControlFlowOps.td"
include "dialects/onnx/GeneratorOps.td"
include "dialects/onnx/LogicalOps.td"
include "dialects/onnx/MachineLearningOps.td"
include "dialects/onnx/MathOps.td"
include "dialects/onnx/MicrosoftOps.td"
include "dialects/onnx/NNOps.td"
include "dialects/onnx/QuantizeOps.td"
include "dialects/onnx/RecurrentOps.td"
include "dialects/onnx/ReductionOps.td"
include "dialects/onnx/SequenceOps.td"
include "dialects/onnx/TensorOps.td"
include "dialects/onnx/TrainingOps.td"
include "dialects/onnx/VisionAndTextOps.td"

def YieldOp : Onnx_Op<"Yield", [Pure, Terminator, ReturnLike]> {
  let summary = "values of a subgraph";
  let arguments = (ins Variadic<AnyType>:$outputs);
  let builders = [OpBuilder<(ins), [{ build($_builder, $_state, ::mlir::ValueRange()); }]>];
}

#endif // ASHLAR_DIALECTS_ONNX_ONNXOPS_TD
