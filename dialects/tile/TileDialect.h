//===- TileDialect.h - buffers, task grids and the target
//-------------------------------------------*- C++ -*-===//
#ifndef ASHLAR_DIALECTS_TILE_TILEDIALECT_H
#define ASHLAR_DIALECTS_TILE_TILEDIALECT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/tile/TileDialect.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/tile/TileAttributes.h.inc"

#define GET_OP_CLASSES
#include "dialects/tile/TileOps.h.inc"

namespace ashlar::tile {

/// Module attribute that holds the TargetAttr.
inline constexpr llvm::StringLiteral kTargetAttrName = "tile.target";

/// The target of the module that `op` lies in; a plain AVX2 machine if none is
/// given.
TargetAttr getTarget(mlir::Operation *op);

} // namespace ashlar::tile

#endif
