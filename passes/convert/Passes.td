#ifndef ASHLAR_PASSES_CONVERT_PASSES_TD
#define ASHLAR_PASSES_CONVERT_PASSES_TD

include "mlir/Pass/PassBase.td"

def ConvertOnnx : Pass<"ashlar-convert-onnx", "::mlir::ModuleOp"> {
  let summary = "lower the onnx dialect to nn and upstream dialects";
  let description = [{
    One dialect conversion with the patterns of all operator families
    (Families.inc). Unsigned element types become signless ones; integers of
    fewer than eight bits and floats of fewer than 16 become bytes.

    Requires: every value has a ranked type, every operation is in its newest form.
    Guarantees: no `onnx` operation remains; `linalg` on tensors, `tensor`, `arith`, `math`, `scf` and `nn` take their
    place. Operators for which no pattern applies are all reported in one run.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect",
                           "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect", "::ashlar::nn::NnDialect"];
}

#endif // ASHLAR_PASSES_CONVERT_PASSES_TD
