//===- SplitReductions.cpp - rows of greatest and least values ------------===//
#include "passes/fuse/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include "passes/analysis/ReductionCombiner.h"
#include "passes/analysis/TransposeMatch.h"

namespace ashlar {
#define GEN_PASS_DEF_SPLITREDUCTIONS
#include "passes/fuse/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {

/// Elements from which on parts are worth tasks of their own.
constexpr int64_t kLarge = 1 << 14;
/// Parts that are enough for any number of threads.
constexpr int64_t kParts = 64;

/// One value of all elements of one tensor, by folding with an operation that
/// gives the same in any order and however often an element comes.
class WholeReduction {
public:
  explicit WholeReduction(linalg::GenericOp op) : op(op) {}

  bool match();
  void rewrite();

private:
  linalg::GenericOp reduce(ImplicitLocOpBuilder &b, Value input, Value init,
                           unsigned parallel, bool isWhole);

  linalg::GenericOp op;
  Operation *combiner = nullptr;
  Value input; // in the order in which its elements lie
};

bool WholeReduction::match() {
  if (op.getNumDpsInputs() != 1 || op.getNumDpsInits() != 1 ||
      op.getNumResults() != 1 || op.getNumLoops() == 0 ||
      op.getNumReductionLoops() != op.getNumLoops() ||
      !op.getMatchingIndexingMap(op.getDpsInputOperand(0)).isPermutation() ||
      !op.getDpsInits()[0].getDefiningOp<linalg::FillOp>())
    return false;
  combiner = findCombiner(op);
  if (!combiner || isa<arith::AddFOp, arith::MulFOp, arith::AddIOp>(combiner))
    return false;
  input = op.getDpsInputs()[0];
  while (auto transpose = matchTranspose(input))
    input = transpose->source;
  auto type = cast<RankedTensorType>(input.getType());
  return !type.hasStaticShape() || type.getNumElements() >= kLarge ||
         input != op.getDpsInputs()[0];
}

/// Folds all axes but the first `parallel`; `isWhole` with the whole body,
/// otherwise with what ends it.
linalg::GenericOp WholeReduction::reduce(ImplicitLocOpBuilder &b, Value input,
                                         Value init, unsigned parallel,
                                         bool isWhole) {
  unsigned rank = cast<RankedTensorType>(input.getType()).getRank();
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::reduction);
  std::fill_n(iterators.begin(), parallel, utils::IteratorType::parallel);
  AffineMap all = b.getMultiDimIdentityMap(rank);
  SmallVector<AffineMap> maps = {
      all, AffineMap::get(rank, 0, all.getResults().take_front(parallel),
                          b.getContext())};
  return linalg::GenericOp::create(
      b, TypeRange{init.getType()}, ValueRange{input}, ValueRange{init}, maps,
      iterators, [&](OpBuilder &nested, Location loc, ValueRange arguments) {
        Block &body = *op.getBody();
        IRMapping mapping;
        mapping.map(body.getArguments(), arguments);
        if (isWhole) {
          for (Operation &inner : body)
            nested.clone(inner, mapping);
          return;
        }
        OperationState state(loc, combiner->getName());
        state.addOperands(arguments);
        state.addTypes(combiner->getResultTypes());
        linalg::YieldOp::create(nested, loc,
                                nested.create(state)->getResults());
      });
}

void WholeReduction::rewrite() {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  auto type = cast<RankedTensorType>(input.getType());
  unsigned parallel = 0;
  for (int64_t parts = 1; parts < kParts && parallel + 1 < type.getRank();
       ++parallel)
    parts *= type.isDynamicDim(parallel) ? kParts : type.getDimSize(parallel);
  Value init = op.getDpsInits()[0];
  bool isLarge = !type.hasStaticShape() || type.getNumElements() >= kLarge;
  if (!isLarge || parallel == 0) {
    op.getResult(0).replaceAllUsesWith(
        reduce(b, input, init, 0, /*isWhole=*/true).getResult(0));
    op.erase();
    return;
  }
  // What the result starts from may start every part.
  SmallVector<OpFoldResult> sizes =
      tensor::getMixedSizes(b, op.getLoc(), input);
  sizes.resize(parallel);
  Value empty = tensor::EmptyOp::create(b, sizes, getElementTypeOrSelf(init));
  Value start =
      linalg::FillOp::create(
          b, init.getDefiningOp<linalg::FillOp>().getInputs()[0], empty)
          .getResult(0);
  Value parts =
      reduce(b, input, start, parallel, /*isWhole=*/true).getResult(0);
  op.getResult(0).replaceAllUsesWith(
      reduce(b, parts, init, 0, /*isWhole=*/false).getResult(0));
  op.erase();
}

struct SplitReductions : ashlar::impl::SplitReductionsBase<SplitReductions> {
  void runOnOperation() override {
    SmallVector<linalg::GenericOp> work;
    getOperation().walk([&](linalg::GenericOp op) { work.push_back(op); });
    for (linalg::GenericOp op : work)
      if (WholeReduction reduction(op); reduction.match())
        reduction.rewrite();
  }
};

} // namespace
