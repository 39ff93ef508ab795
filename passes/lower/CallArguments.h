//===- CallArguments.h - fields of ashlar_args in generated code ----------===//
#ifndef ASHLAR_PASSES_LOWER_CALLARGUMENTS_H
#define ASHLAR_PASSES_LOWER_CALLARGUMENTS_H

#include <cstddef>

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Builders.h"

#include "runtime/ashlar_rt.h"

namespace ashlar {

/// Byte offset of tensor `index`'s {pointer, byte count} behind the head.
inline int64_t tensorField(int64_t index) {
  return sizeof(ashlar_args) + index * sizeof(ashlar_buffer);
}

/// Loads a field of the call's arguments; they do not change while it runs.
inline mlir::Value loadField(mlir::OpBuilder &builder, mlir::Location loc,
                             mlir::Value args, int64_t byteOffset,
                             mlir::Type type) {
  mlir::Value address = mlir::LLVM::GEPOp::create(
      builder, loc, args.getType(), builder.getI8Type(), args,
      llvm::ArrayRef<mlir::LLVM::GEPArg>{static_cast<int32_t>(byteOffset)});
  auto load = mlir::LLVM::LoadOp::create(builder, loc, type, address);
  load.setInvariant(true);
  return load;
}

} // namespace ashlar

#endif
