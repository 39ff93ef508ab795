//===- TileDialect.td - buffers, task grids and the target --------------------------------------------------------===//
#ifndef ASHLAR_DIALECTS_TILE_TILEDIALECT_TD
#define ASHLAR_DIALECTS_TILE_TILEDIALECT_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"

def Tile_Dialect : Dialect {
  let name = "tile";
  let cppNamespace = "::ashlar::tile";
  let summary = "what kernels stand on: caller's buffers, the arena, weights, task grids, the target's description";
  let description = [{
    Every compiled function receives one pointer, the call's `ashlar_args`; the operations here turn it into typed
    buffers. A grid is a loop whose iterations may run at the same time on an executor.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::memref::MemRefDialect"];
  let useDefaultAttributePrinterParser = 1;
}

def Tile_TargetAttr : AttrDef<Tile_Dialect, "Target"> {
  let mnemonic = "target";
  let summary = "what passes know about the CPU that code is made for";
  let description = [{
    Attribute `tile.target` of the module. `vector_bytes` and `vector_registers` describe the widest float vectors,
    `l1_bytes` and `l2_bytes` the caches of one core. `vbmi` says that bytes can be permuted within vectors, `vnni` and `bf16` say that there are dot products of bytes
    (AVX512-VNNI) and of bfloat16 (AVX512-BF16) in vectors, `amx` that there are tiles for both. Filled by
    compiler/target.
  }];
  let parameters = (ins "::mlir::StringAttr":$cpu, "int64_t":$vector_bytes, "int64_t":$vector_registers,
                    "int64_t":$l1_bytes, "int64_t":$l2_bytes, DefaultValuedParameter<"bool", "false">:$vnni,
                    DefaultValuedParameter<"bool", "false">:$bf16, DefaultValuedParameter<"bool", "false">:$amx,
                    DefaultValuedParameter<"bool", "false">:$vbmi);
  let assemblyFormat = "`<` struct(params) `>`";
}

#endif
