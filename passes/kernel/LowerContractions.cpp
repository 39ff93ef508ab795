//===- LowerContractions.cpp - contractions to vector loops ---------------===//
#include "passes/kernel/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include "dialects/nn/NnDialect.h"
#include "passes/kernel/ChosenKernels.h"
#include "passes/kernel/PanelLoops.h"
#include "passes/kernel/PixelLanes.h"
#include "passes/kernel/TileContraction.h"
#include "passes/kernel/WindowLoops.h"

namespace ashlar {
#define GEN_PASS_DEF_LOWERCONTRACTIONS
#include "passes/kernel/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {

using Index = OpFoldResult;

bool sameIndex(IndexArithmetic &b, Index a, Index c) {
  auto x = b.known(a), y = b.known(c);
  return x && y && *x == *y;
}

/// True if axes `outer` and `inner` of a view are one axis: no gap between.
bool isMerged(IndexArithmetic &b, const FlatView &view, unsigned outer,
              unsigned inner) {
  return sameIndex(b, view.strides[outer],
                   b.mul(view.sizes[inner], view.strides[inner]));
}

/// The same for the destination and all extras of its shape.
bool outputsMerge(IndexArithmetic &b, Value init, ValueRange extras,
                  unsigned outer, unsigned inner) {
  auto rank = cast<MemRefType>(init.getType()).getRank();
  FlatView output = FlatView::of(b, init);
  for (Value buffer : llvm::concat<Value>(llvm::SmallVector<Value>(extras),
                                          llvm::SmallVector<Value>{init}))
    if (cast<MemRefType>(buffer.getType()).getRank() == rank) {
      FlatView view = FlatView::of(b, buffer);
      // An axis of size 1 may stand for every index of the destination's.
      if (!isMerged(b, view, outer, inner) ||
          (b.known(view.sizes[inner]) == 1 &&
           b.known(output.sizes[inner]) != 1) ||
          (b.known(view.sizes[outer]) == 1 &&
           b.known(output.sizes[outer]) != 1))
        return false;
    }
  return true;
}

/// Takes image rows, then images, together where nothing lies between them.
void mergePixels(IndexArithmetic &b, RowContraction &contraction,
                 nn::ConvOp conv) {
  if (!sameIndex(b, contraction.lhsRow,
                 b.mul(contraction.columns, contraction.lhsColumn)) ||
      !outputsMerge(b, conv.getInit(), conv.getExtras(), 1, 2))
    return;
  contraction.columns = b.mul(contraction.rows, contraction.columns);
  contraction.rows = b.fixed(1);
  if (!sameIndex(b, contraction.lhsBatch,
                 b.mul(contraction.columns, contraction.lhsColumn)) ||
      !outputsMerge(b, conv.getInit(), conv.getExtras(), 0, 1))
    return;
  contraction.columns = b.mul(contraction.batches, contraction.columns);
  contraction.batches = b.fixed(1);
}

/// In tile registers where they serve, else in vectors. `op` is what is
/// lowered.
void emitBest(IndexArithmetic &b, const RowContraction &contraction,
              Operation *op, Epilogue &epilogue, tile::TargetAttr target) {
  Value lhs = op->getOperand(0);
  // Why not by the library that was asked for, if one was.
  auto noLibrary = op->getAttrOfType<StringAttr>(nn::kLibraryReasonAttrName);
  // Behind every buffer of the workspace there is room to read.
  bool slack = lhs.getDefiningOp<tile::WorkspaceOp>() != nullptr;
  StringRef reason;
  if (auto schedule =
          TileSchedule::choose(b, contraction, target, slack, reason)) {
    recordKernel(b, b.getLoc(), "AMX", noLibrary ? noLibrary.getValue() : "");
    return emitTileContraction(b, contraction, *schedule, epilogue);
  }
  DotProduct product(b.getContext(), contraction.element, target);
  recordKernel(b, b.getLoc(), product.instructionSet(),
               noLibrary ? noLibrary.getValue() : reason);
  if (emitPixelLanes(b, contraction, product, epilogue, target))
    return;
  emitContraction(b, contraction, product,
                  RowSchedule::choose(contraction, product, target), epilogue);
}

/// The filter as it lies in memory: panels, or as ONNX has it (not constant).
void describeFilter(IndexArithmetic &b, RowContraction &contraction,
                    int64_t group) {
  const FlatView &filter = contraction.rhs;
  contraction.packed = true;
  contraction.rhsBase = b.add(filter.offset, b.mul(filter.strides[0], group));
  contraction.rhsPanel = filter.strides[1];
  contraction.rhsBatch = b.fixed(0);
}

LogicalResult lowerConv(nn::ConvOp conv) {
  IndexArithmetic b(conv.getLoc(), conv);
  ArrayRef<int64_t> sizes = conv.getFilterSizes();
  int64_t groups = conv.getGroups();
  FlatView output = FlatView::of(b, conv.getInit());
  RowContraction contraction;
  contraction.lhs = FlatView::of(b, conv.getInput());
  contraction.rhs = FlatView::of(b, conv.getFilter());
  contraction.element = getElementTypeOrSelf(conv.getInput().getType());
  nn::PanelForm form = nn::PanelForm::of(contraction.element);
  if (contraction.rhs.sizes.size() != (form.group == 1 ? 5 : 6))
    return conv.emitOpError("expected a packed filter");
  const FlatView &input = contraction.lhs;
  if (!sameIndex(b, input.strides[3], b.fixed(1)) ||
      !sameIndex(b, output.strides[3], b.fixed(1)))
    return conv.emitOpError("expected contiguous channels");
  int64_t rowsOfFilter = sizes[2], columnsOfFilter = sizes[3];
  int64_t depth = sizes[1];
  // A filter row is one run where its pixels and all channels are adjacent.
  bool joined =
      columnsOfFilter == 1 || (conv.getDilations()[1] == 1 && groups == 1 &&
                               sameIndex(b, input.strides[2], b.fixed(depth)));
  if (form.group > 1) {
    // The packing has decided.
    bool needed = b.known(contraction.rhs.sizes[2]) == rowsOfFilter;
    if (needed && !joined)
      return conv.emitOpError("expected pixels side by side");
    joined = needed;
  }
  contraction.run = b.fixed(joined ? columnsOfFilter * depth : depth);
  contraction.innerSteps = joined ? 1 : columnsOfFilter;
  contraction.outer = rowsOfFilter * contraction.innerSteps;
  contraction.lhsStep = b.fixed(1);
  contraction.lhsOuter = b.mul(input.strides[1], conv.getDilations()[0]);
  contraction.lhsInner = b.mul(input.strides[2], conv.getDilations()[1]);
  contraction.rhsStep = b.fixed(form.width * form.group);
  int64_t padded = form.paddedLength(*b.known(contraction.run));
  contraction.rhsOuter = b.fixed(padded * form.width);
  int64_t groupChannels = sizes[0] / groups;
  contraction.channels = b.fixed(groupChannels);
  contraction.batches = output.sizes[0];
  contraction.rows = output.sizes[1];
  contraction.columns = output.sizes[2];
  contraction.lhsBatch = input.strides[0];
  contraction.lhsRow = b.mul(input.strides[1], conv.getStrides()[0]);
  contraction.lhsColumn = b.mul(input.strides[2], conv.getStrides()[1]);
  if (rowsOfFilter == 1 && columnsOfFilter == 1)
    mergePixels(b, contraction, conv);

  tile::TargetAttr target = tile::getTarget(conv);
  Epilogue epilogue(b, conv.getEpilogue(), conv.getExtras(), conv.getInit());
  for (int64_t group = 0; group < groups; ++group) {
    describeFilter(b, contraction, group);
    contraction.lhsBase = b.add(input.offset, group * depth);
    contraction.firstChannel = b.fixed(group * groupChannels);
    emitBest(b, contraction, conv, epilogue, target);
  }
  conv.erase();
  return success();
}

LogicalResult lowerMatmul(nn::MatmulOp matmul) {
  IndexArithmetic b(matmul.getLoc(), matmul);
  FlatView output = FlatView::of(b, matmul.getInit());
  RowContraction contraction;
  contraction.lhs = FlatView::of(b, matmul.getLhs());
  contraction.rhs = FlatView::of(b, matmul.getRhs());
  const FlatView &left = contraction.lhs, &right = contraction.rhs;
  size_t rank = left.sizes.size(), rhsRank = right.sizes.size();
  if (rank > 3)
    return matmul.emitOpError("expected at most one batch dimension");
  if (!sameIndex(b, output.strides[rank - 1], b.fixed(1)) ||
      !sameIndex(b, right.strides[rhsRank - 1], b.fixed(1)))
    return matmul.emitOpError("expected contiguous rows");
  contraction.rows = b.fixed(1);
  contraction.columns = output.sizes[rank - 2];
  contraction.batches = rank == 3 ? output.sizes[0] : b.fixed(1);
  contraction.lhsBase = left.offset;
  contraction.lhsBatch = rank == 3 ? left.strides[0] : b.fixed(0);
  contraction.lhsRow = b.fixed(0);
  contraction.lhsColumn = left.strides[rank - 2];
  contraction.lhsStep = left.strides[rank - 1];
  contraction.lhsOuter = b.fixed(0);
  contraction.run = left.sizes[rank - 1];
  contraction.firstChannel = b.fixed(0);
  contraction.rhsBase = right.offset;
  contraction.rhsOuter = b.fixed(0);
  contraction.element = getElementTypeOrSelf(matmul.getLhs().getType());
  nn::PanelForm form = nn::PanelForm::of(contraction.element);
  contraction.packed = matmul.getPacked();
  if (!contraction.packed && form.group > 1)
    return matmul.emitOpError("expected a packed right side");
  // Panels have one or two dimensions more than the matrices in them.
  bool ownRight =
      contraction.packed ? rhsRank == (form.group == 1 ? 4 : 5) : rhsRank == 3;
  contraction.rhsBatch = ownRight ? right.strides[0] : b.fixed(0);
  contraction.rhsStep = contraction.packed ? b.fixed(form.width * form.group)
                                           : right.strides[rhsRank - 2];
  contraction.rhsPanel =
      contraction.packed ? right.strides[ownRight] : b.fixed(0);
  // Batches that share the right side are rows of one product.
  if (rank == 3 && b.known(contraction.rhsBatch) == 0 &&
      isMerged(b, left, 0, 1) &&
      outputsMerge(b, matmul.getInit(), matmul.getExtras(), 0, 1)) {
    contraction.columns = b.mul(contraction.batches, contraction.columns);
    contraction.batches = b.fixed(1);
  }
  tile::TargetAttr target = tile::getTarget(matmul);
  Epilogue epilogue(b, matmul.getEpilogue(), matmul.getExtras(),
                    matmul.getInit());
  contraction.channels = output.sizes[rank - 1];
  emitBest(b, contraction, matmul, epilogue, target);
  matmul.erase();
  return success();
}

struct LowerContractions
    : ashlar::impl::LowerContractionsBase<LowerContractions> {
  void runOnOperation() override {
    SmallVector<Operation *> work;
    getOperation().walk([&](Operation *op) {
      if (isa<nn::ConvOp, nn::MatmulOp, nn::PoolOp, nn::PackOp>(op))
        work.push_back(op);
    });
    for (Operation *op : work) {
      LogicalResult done = success();
      if (auto conv = dyn_cast<nn::ConvOp>(op)) {
        bool depthwise =
            cast<MemRefType>(conv.getFilter().getType()).getRank() == 3;
        done = depthwise ? lowerDepthwise(conv) : lowerConv(conv);
      } else if (auto matmul = dyn_cast<nn::MatmulOp>(op)) {
        done = lowerMatmul(matmul);
      } else if (auto pack = dyn_cast<nn::PackOp>(op)) {
        done = lowerPack(pack);
      } else {
        done = lowerPool(cast<nn::PoolOp>(op));
      }
      if (failed(done))
        return signalPassFailure();
    }
  }
};

} // namespace
