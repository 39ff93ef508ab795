// All operations of the `onnx` dialect: the generated ones by kind, the terminator of subgraphs, and observation.
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

def ObserveOp : Onnx_Op<"Observe", [MemoryEffects<[MemWrite]>]> {
  let summary = "shows a value to the observer of the run";
  let description = [{
    None of ONNX. `name` is the tensor's name in the model file, in functions behind the name of the call. Has an effect,
    so that it stays, once, wherever the value is computed; the value itself has one more use, so that nothing takes its
    place that would compute it differently.
  }];
  let arguments = (ins AnyType:$value, StrAttr:$name);
}

#endif // ASHLAR_DIALECTS_ONNX_ONNXOPS_TD
