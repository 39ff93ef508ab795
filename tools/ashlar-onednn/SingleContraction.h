//===- SingleContraction.h - the one contraction of a model ---------------===//
#ifndef ASHLAR_TOOLS_ONEDNN_SINGLECONTRACTION_H
#define ASHLAR_TOOLS_ONEDNN_SINGLECONTRACTION_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

#include "tools/ashlar-onednn/ContractionShape.h"

namespace ashlar::perf {

/// Shape and type of the only contraction in `module`, which has gone through
/// stage `quantize`. An error where there is none, or several, or one that
/// oneDNN is not compared on.
llvm::Expected<std::pair<Shape, Type>>
findSingleContraction(mlir::ModuleOp module);

} // namespace ashlar::perf

#endif
