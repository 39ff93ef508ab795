// Errors of two kinds: the model is wrong (a plain error), or Ashlar cannot do
// it yet (emitUnsupported). The program's exit code depends on which it was.
#ifndef ASHLAR_DIALECTS_ONNX_DIAGNOSTICS_H
#define ASHLAR_DIALECTS_ONNX_DIAGNOSTICS_H

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Location.h"

namespace mlir {
class Operation;
}

namespace ashlar::onnx {

/// An error that says that an operator, type or attribute is not supported. The
/// location already names the node; the message begins with the operator when
/// an operation is given.
mlir::InFlightDiagnostic emitUnsupported(mlir::Location loc,
                                         const llvm::Twine &message = {});
mlir::InFlightDiagnostic emitUnsupported(mlir::Operation *op,
                                         const llvm::Twine &message = {});

/// True for diagnostics made by emitUnsupported.
bool isUnsupported(mlir::Diagnostic &diagnostic);

/// The name of the ONNX node that a location speaks of; empty when there is
/// none.
llvm::StringRef nodeName(mlir::Location loc);

} // namespace ashlar::onnx

#endif // ASHLAR_DIALECTS_ONNX_DIAGNOSTICS_H
