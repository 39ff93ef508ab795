#include "passes/convert/Families.h"

#include "dialects/nn/NnDialect.h"
#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/EmitterPattern.h"

using namespace mlir;

namespace ashlar {

static Lowered lowerObserve(onnx::ObserveOp op, onnx::ObserveOp::Adaptor in,
                            Emitter &e) {
  nn::ObserveOp::create(e, op.getLoc(), in.getValue(), op.getNameAttr());
  return ValueRange();
}

void populateObservePatterns(const OnnxTypeConverter &converter,
                             RewritePatternSet &patterns) {
  addLoweringOf(converter, patterns, lowerObserve);
}

} // namespace ashlar
