// Optional operators on plain tensors, which are always present.
#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/EmitterPattern.h"
#include "passes/convert/Families.h"

using namespace mlir;

namespace ashlar {
namespace {

Lowered lowerHasElement(onnx::OptionalHasElementOp op,
                        onnx::OptionalHasElementOp::Adaptor in, Emitter &e) {
  return e.fromScalar(e.boolean(static_cast<bool>(in.getInput())));
}

Lowered lowerGetElement(onnx::OptionalGetElementOp op,
                        onnx::OptionalGetElementOp::Adaptor in, Emitter &e) {
  return in.getInput();
}

} // namespace

void populateOptionalPatterns(const OnnxTypeConverter &converter,
                              RewritePatternSet &patterns) {
  addLowerings(converter, patterns, lowerHasElement, lowerGetElement);
}

} // namespace ashlar
