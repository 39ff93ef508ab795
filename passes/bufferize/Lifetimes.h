//===- Lifetimes.h - when a buffer is in use ------------------------------===//
#ifndef ASHLAR_PASSES_BUFFERIZE_LIFETIMES_H
#define ASHLAR_PASSES_BUFFERIZE_LIFETIMES_H

#include "mlir/Dialect/Bufferization/Transforms/BufferViewFlowAnalysis.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace ashlar {

/// First and last operation, in program order, that may touch a buffer.
struct Lifetime {
  int64_t begin = 0, end = 0;
  bool meets(const Lifetime &other) const {
    return begin <= other.end && other.begin <= end;
  }
};

/// Lifetimes of allocations, through views, branches and loops. The two
/// branches of a conditional never live at the same time; what a loop uses from
/// outside lives until the loop ends.
class LifetimeAnalysis {
public:
  explicit LifetimeAnalysis(mlir::func::FuncOp function);

  Lifetime of(mlir::memref::AllocOp alloc);
  /// True if a loop hands the buffer from one iteration to the next, or out.
  bool isCarriedByLoop(mlir::memref::AllocOp alloc);

private:
  int64_t endOfUse(mlir::Operation *user, mlir::Operation *alloc);

  mlir::BufferViewFlowAnalysis aliases;
  llvm::DenseMap<mlir::Operation *, std::pair<int64_t, int64_t>> order;
};

} // namespace ashlar

#endif
