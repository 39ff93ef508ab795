#include "passes/simplify/Passes.h"

#include "passes/analysis/GraphPatterns.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace ashlar {
#define GEN_PASS_DEF_FOLDPADINTOCONV
#include "passes/simplify/Passes.h.inc"

namespace {

// What a Pad of zeros adds to the spatial axes, as convolutions count pads: all
// beginnings, then all ends.
std::optional<SmallVector<int64_t>> spatialPads(PadOp op) {
  auto type = rankedType(op.getData());
  auto pads = constantIntegers(op.getPads());
  auto axes = constantIntegers(op.getAxes());
  if (!type || type.getRank() < 3 || !pads || op.getMode() != "constant" ||
      (op.getAxes() && !axes))
    return std::nullopt;
  if (Value value = op.getConstantValue()) {
    auto scalar = constantScalar(value);
    if (!scalar || *scalar != 0)
      return std::nullopt;
  }
  int64_t rank = type.getRank(), spatial = rank - 2;
  SmallVector<int64_t> result(2 * spatial, 0);
  size_t count = pads->size() / 2;
  for (size_t i = 0; i < count; ++i) {
    int64_t axis = axes ? (*axes)[i] : int64_t(i);
    axis += axis < 0 ? rank : 0;
    int64_t begin = (*pads)[i], end = (*pads)[i + count];
    if (begin < 0 || end < 0 || (axis < 2 && (begin || end)))
      return std::nullopt;
    if (axis >= 2) {
      result[axis - 2] = begin;
      result[axis - 2 + spatial] = end;
    }
  }
  return result;
}

template <typename Op> LogicalResult foldPad(Op op, PatternRewriter &rewriter) {
  auto pad = op.getX().template getDefiningOp<PadOp>();
  if (!pad || (op.getAutoPad() != "NOTSET" && op.getAutoPad() != "VALID"))
    return failure();
  auto pads = spatialPads(pad);
  if (!pads)
    return failure();
  if (auto own = op.getPads(); own && op.getAutoPad() == "NOTSET")
    for (auto [sum, more] : llvm::zip(*pads, *own))
      sum += more;
  if constexpr (std::is_same_v<Op, AveragePoolOp>) {
    // The zeros are counted; so would be the pool's own pads, which must not
    // change.
    bool own = op.getPads() &&
               llvm::any_of(*op.getPads(), [](int64_t p) { return p != 0; });
    if ((own && !op.getCountIncludePad()) || op.getCeilMode())
      return failure();
    rewriter.modifyOpInPlace(op, [&] { op.setCountIncludePad(1); });
  }
  rewriter.modifyOpInPlace(op, [&] {
    op.setPadsAttr(rewriter.getDenseI64ArrayAttr(*pads));
    op.setAutoPad("NOTSET");
    op.getXMutable().assign(pad.getData());
  });
  return success();
}

struct FoldPadIntoConv : impl::FoldPadIntoConvBase<FoldPadIntoConv> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add(foldPad<ConvOp>);
    patterns.add(foldPad<AveragePoolOp>);
    (void)applyRewrites(getOperation(), std::move(patterns));
  }
};

} // namespace
} // namespace ashlar
