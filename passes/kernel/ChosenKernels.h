//===- ChosenKernels.h - what computes a contraction, for the tables ------===//
#ifndef ASHLAR_PASSES_KERNEL_CHOSENKERNELS_H
#define ASHLAR_PASSES_KERNEL_CHOSENKERNELS_H

#include "mlir/IR/Builders.h"

namespace ashlar {

/// Notes in the function around `builder` what computes the contraction at
/// `loc` (an instruction set, or a library), and why nothing better.
void recordKernel(mlir::OpBuilder &builder, mlir::Location loc,
                  llvm::StringRef instructions, llvm::StringRef reason);

} // namespace ashlar

#endif
