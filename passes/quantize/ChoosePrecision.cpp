#include "passes/quantize/Passes.h"

#include "dialects/onnx/Diagnostics.h"
#include "passes/analysis/GraphPatterns.h"
#include "passes/analysis/TransposedWindow.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Regex.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace ashlar {
#define GEN_PASS_DEF_CHOOSEPRECISION
#include "passes/quantize/Passes.h.inc"

namespace {

/// Sums of fewer products than this have nothing to gain.
constexpr int64_t kLeastDepth = 16;
/// Channels that a group of a convolution must have: with fewer it is bound by
/// the bytes of its images.
constexpr int64_t kLeastGroup = 8;
/// Layers of fewer products take longer to round than to multiply.
constexpr int64_t kLeastProducts = 1 << 16;

/// What is asked for: for all layers, and for those that match an expression.
struct Request {
  StringRef everywhere = "f32";
  struct Layer {
    StringRef expression, precision;
    llvm::Regex regex;
    bool matched = false;
  };
  std::vector<Layer> layers;

  explicit Request(ModuleOp module) {
    if (auto precision = module->getAttrOfType<StringAttr>("ashlar.precision"))
      everywhere = precision.getValue();
    if (auto list = module->getAttrOfType<ArrayAttr>("ashlar.layer_precision"))
      for (Attribute entry : list) {
        auto pair = cast<ArrayAttr>(entry);
        StringRef expression = cast<StringAttr>(pair[0]).getValue();
        layers.push_back({expression, cast<StringAttr>(pair[1]).getValue(),
                          llvm::Regex(expression)});
      }
  }

  /// What the last expression that matches says.
  std::optional<StringRef> of(StringRef name) {
    std::optional<StringRef> found;
    for (Layer &layer : layers)
      if (layer.regex.match(name)) {
        layer.matched = true;
        found = layer.precision;
      }
    return found;
  }
};

bool isInteger(Operation *op) {
  return isa<ConvIntegerOp, MatMulIntegerOp, QLinearConvOp, QLinearMatMulOp,
             MsDynamicQuantizeLSTMOp>(op);
}

/// Products that make one element of the result of a ConvTranspose that the
/// convert stage makes convolutions of; nothing for others.
std::optional<int64_t> depthOfPhases(ConvTransposeOp op) {
  auto axes = transposedAxesOf(op);
  if (!axes || axes->size() > 2)
    return std::nullopt;
  auto filter = rankedType(op.getW());
  int64_t depth = filter.getDimSize(0) / std::max<int64_t>(op.getGroup(), 1);
  for (const TransposedAxis &axis : *axes) {
    auto phases = phasesOf(axis);
    if (!phases)
      return std::nullopt;
    depth *= llvm::divideCeil(axis.taps, axis.stride);
  }
  return depth;
}

bool isFloat(Operation *op) {
  if (auto transposed = dyn_cast<ConvTransposeOp>(op))
    return depthOfPhases(transposed).has_value();
  return isa<ConvOp, MatMulOp, GemmOp>(op);
}

/// Products that make one element of the result, -1 where that is not known.
int64_t depthOf(Operation *op) {
  auto a = rankedType(op->getOperand(0)), b = rankedType(op->getOperand(1));
  if (!a || !b || a.getRank() < 1)
    return -1;
  if (auto transposed = dyn_cast<ConvTransposeOp>(op))
    return depthOfPhases(transposed).value_or(-1);
  if (isa<ConvOp>(op))
    return b.hasStaticShape() && b.getRank() > 1
               ? b.getNumElements() / std::max<int64_t>(b.getDimSize(0), 1)
               : -1;
  auto gemm = dyn_cast<GemmOp>(op);
  int64_t axis = gemm && gemm.getTransA() ? 0 : a.getRank() - 1;
  return a.isDynamicDim(axis) ? -1 : a.getDimSize(axis);
}

bool hasSmallGroups(Operation *op) {
  if (!isa<ConvOp, ConvTransposeOp>(op))
    return false;
  auto conv = dyn_cast<ConvOp>(op);
  auto filter = rankedType(op->getOperand(1));
  int64_t groups =
      conv ? conv.getGroup() : cast<ConvTransposeOp>(op).getGroup();
  if (!filter || filter.getRank() < 2 || groups < 2)
    return false;
  return (conv ? filter.getDimSize(1) : filter.getDimSize(0) / groups) <
         kLeastGroup;
}

/// Why a layer stays in f32 though bf16 is asked for; empty if it does not.
std::string reasonAgainstBf16(Operation *op) {
  auto result = rankedType(op->getResult(0));
  if (!result || !result.getElementType().isF32())
    return "not in f32 in the model";
  int64_t depth = depthOf(op);
  if (hasSmallGroups(op))
    return "groups of few channels are bound by memory";
  if (depth >= 0 && depth < kLeastDepth)
    return llvm::formatv("sums of {0} products only", depth);
  if (depth >= 0 && result.hasStaticShape() &&
      depth * result.getNumElements() < kLeastProducts)
    return llvm::formatv("{0} products only", depth * result.getNumElements());
  return "";
}

/// What speaks for bf16 where nothing speaks against it.
std::string reasonForBf16(Operation *op) {
  int64_t depth = depthOf(op);
  return depth < 0 ? "sums of many products"
                   : llvm::formatv("sums of {0} products", depth).str();
}

struct ChoosePrecision : impl::ChoosePrecisionBase<ChoosePrecision> {
  void runOnOperation() override {
    Request request(getOperation());
    getOperation()->walk([&](Operation *op) {
      if (isInteger(op))
        decide(op, "int8", "quantized in the model");
      else if (op->hasAttr("ashlar.input_projected"))
        decide(op, "int8",
               "its input is quantized in the model; states are multiplied in "
               "f32");
      else if (isFloat(op))
        choose(op, request);
    });
    for (const Request::Layer &layer : request.layers)
      if (!layer.matched)
        getOperation()->emitWarning("no layer of products matches '")
            << layer.expression << "'";
  }

  void choose(Operation *op, Request &request) {
    if (std::optional<StringRef> wanted = request.of(nodeName(op->getLoc())))
      return decide(op, *wanted, "asked for by name");
    bool chosen = request.everywhere == "auto";
    if (request.everywhere != "bf16" && !chosen)
      return;
    std::string reason = reasonAgainstBf16(op);
    decide(op, reason.empty() ? "bf16" : "f32",
           !reason.empty() ? reason
           : chosen        ? reasonForBf16(op)
                           : "asked for");
  }

  void decide(Operation *op, StringRef precision, StringRef reason) {
    OpBuilder builder(op);
    op->setAttr("ashlar.precision", builder.getStringAttr(precision));
    op->setAttr("ashlar.precision_reason", builder.getStringAttr(reason));
  }
};

} // namespace
} // namespace ashlar
