//===- NnDialect.td - the operations that decide speed ------------------------------------------------------------===//
#ifndef ASHLAR_DIALECTS_NN_NNDIALECT_TD
#define ASHLAR_DIALECTS_NN_NNDIALECT_TD

include "mlir/IR/OpBase.td"

def Nn_Dialect : Dialect {
  let name = "nn";
  let cppNamespace = "::ashlar::nn";
  let summary = "the few operations that decide speed, with fused epilogues and explicit layout";
  let description = [{
    Contractions and pooling on NHWC tensors or buffers in destination style. What follows a contraction elementwise
    (bias, activation, residual) lives in its epilogue region, a scalar function that kernels apply to whole vectors
    while they store a tile. Registers, caches and instruction sets are unknown here.
  }];
}

class Nn_Op<string mnemonic, list<Trait> traits = []> : Op<Nn_Dialect, mnemonic, traits>;

#endif
