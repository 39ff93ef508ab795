#include "dialects/onnx/Diagnostics.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Operation.h"

using namespace mlir;

namespace ashlar::onnx {

// The mark travels as a diagnostic argument in the metadata, which is never
// printed.
static constexpr llvm::StringLiteral unsupportedMark = "ashlar.unsupported";

InFlightDiagnostic emitUnsupported(Location loc, const Twine &message) {
  InFlightDiagnostic diagnostic = emitError(loc, message);
  if (Diagnostic *inner = diagnostic.getUnderlyingDiagnostic())
    inner->getMetadata().push_back(
        DiagnosticArgument(StringAttr::get(loc.getContext(), unsupportedMark)));
  return diagnostic;
}

InFlightDiagnostic emitUnsupported(Operation *op, const Twine &message) {
  return emitUnsupported(
      op->getLoc(), Twine("'") + op->getName().getStringRef() + "' " + message);
}

bool isUnsupported(Diagnostic &diagnostic) {
  return llvm::any_of(
      diagnostic.getMetadata(), [](DiagnosticArgument &argument) {
        if (argument.getKind() !=
            DiagnosticArgument::DiagnosticArgumentKind::Attribute)
          return false;
        auto text = dyn_cast<StringAttr>(argument.getAsAttribute());
        return text && text.getValue() == unsupportedMark;
      });
}

StringRef nodeName(Location loc) {
  StringRef name;
  loc->walk([&](Location inner) {
    if (auto named = dyn_cast<NameLoc>(inner)) {
      name = named.getName().getValue();
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  return name;
}

} // namespace ashlar::onnx
