// The `onnx` dialect and the base class of its operations.
#ifndef ASHLAR_DIALECTS_ONNX_ONNXDIALECT_TD
#define ASHLAR_DIALECTS_ONNX_ONNXDIALECT_TD

include "mlir/IR/OpBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"

def Onnx_Dialect : Dialect {
  let name = "onnx";
  let cppNamespace = "::ashlar::onnx";
  let summary = "One operation per ONNX operator, in the newest form of each";
  let description = [{
    A model is a module with one `func.func @main`. Operand, result and attribute names are those of ONNX; absent
    optional operands and results are absent here too. Subgraphs are regions that end in `onnx.Yield` and use outer
    values directly.
  }];
  let useDefaultTypePrinterParser = 1;
  let hasConstantMaterializer = 1;
}

class Onnx_Op<string mnemonic, list<Trait> traits = []> : Op<Onnx_Dialect, mnemonic, traits>;

#endif // ASHLAR_DIALECTS_ONNX_ONNXDIALECT_TD
