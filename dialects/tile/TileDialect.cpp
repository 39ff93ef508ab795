//===- TileDialect.cpp - buffers, task grids and the target
//-------------------------------------------------------===//
#include "dialects/tile/TileDialect.h"

#include "llvm/ADT/TypeSwitch.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectImplementation.h"

using namespace mlir;
using namespace ashlar::tile;

#include "dialects/tile/TileDialect.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/tile/TileAttributes.cpp.inc"

void TileDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/tile/TileAttributes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/tile/TileOps.cpp.inc"
      >();
}

TargetAttr ashlar::tile::getTarget(Operation *op) {
  for (Operation *scope = op; scope; scope = scope->getParentOp())
    if (auto target = scope->getAttrOfType<TargetAttr>(kTargetAttrName))
      return target;
  return TargetAttr::get(
      op->getContext(), StringAttr::get(op->getContext(), "x86-64-v3"),
      /*vector_bytes=*/32,
      /*vector_registers=*/16, /*l1_bytes=*/32 << 10, /*l2_bytes=*/1 << 20,
      /*vnni=*/false, /*bf16=*/false, /*amx=*/false, /*vbmi=*/false);
}

void GridOp::build(OpBuilder &builder, OperationState &state, Value count) {
  state.addOperands(count);
  OpBuilder::InsertionGuard guard(builder);
  Region *body = state.addRegion();
  builder.createBlock(body, body->end(), builder.getIndexType(),
                      state.location);
  DoneOp::create(builder, state.location);
}

#define GET_OP_CLASSES
#include "dialects/tile/TileOps.cpp.inc"
