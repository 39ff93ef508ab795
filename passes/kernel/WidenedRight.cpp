//===- WidenedRight.cpp - bytes of the right side as 16-bit numbers -------===//
#include "passes/kernel/WidenedRight.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace ashlar;

namespace {

using Index = OpFoldResult;

/// Halves of a group: the numbers at even places, those at odd ones.
constexpr int64_t kHalves = 2;
constexpr int64_t kMostBytes = 48 << 10;

} // namespace

int64_t WidenedRight::mostGroups(const DotProduct &product, int64_t vectors) {
  return kMostBytes / (kHalves * vectors * product.lanes() * 4);
}

WidenedRight::WidenedRight(IndexArithmetic &b,
                           const RowContraction &contraction,
                           const DotProduct &product,
                           const ReductionBlocks &blocks, Block &task,
                           int64_t vectors, int64_t tiles)
    : b(b), c(contraction), product(product),
      unitsAreSteps(blocks.unitsAreSteps()),
      tileVectors(blocks.mostGroups() * kHalves * vectors) {
  auto numbers = VectorType::get({product.lanes() * 2}, b.getI16Type());
  auto type = MemRefType::get({tiles * tileVectors}, numbers);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&task);
  memory = memref::AllocaOp::create(b, type, b.getI64IntegerAttr(64));
}

void WidenedRight::fill(const ReductionBlock &block, Index tile, Index at,
                        ArrayRef<Index> vectorOffsets) {
  Index to = b.mul(tile, tileVectors);
  if (!unitsAreSteps) {
    constexpr int64_t kGroups =
        ReductionBlocks::kChunk / ReductionBlocks::kGroup;
    Index first = b.mul(block.first, kGroups);
    return fillGroups(b.add(at, b.mul(first, c.rhsStep)), to, block.groups,
                      vectorOffsets);
  }
  int64_t groups = block.groups / block.units;
  b.forLoop(b.fixed(0), b.fixed(block.units), 1, [&](Index step) {
    Index from = b.add(at, b.mul(b.add(block.first, step), c.rhsOuter));
    int64_t vectors = groups * kHalves * vectorOffsets.size();
    fillGroups(from, b.add(to, b.mul(step, vectors)), groups, vectorOffsets);
  });
}

void WidenedRight::fillGroups(Index at, Index first, int64_t groups,
                              ArrayRef<Index> vectorOffsets) {
  int64_t vectors = vectorOffsets.size();
  b.forLoop(b.fixed(0), b.fixed(groups), 1, [&](Index group) {
    Index from = b.add(at, b.mul(group, c.rhsStep));
    Index to = b.add(first, b.mul(group, kHalves * vectors));
    for (auto [vector, offset] : llvm::enumerate(vectorOffsets)) {
      DotProduct::Operand halves = product.loadRight(
          b, c.rhs.flat, b.add(from, offset), b.fixed(product.lanes()));
      for (auto [half, numbers] : llvm::enumerate(halves)) {
        Index place = b.add(to, half * vectors + vector);
        memref::StoreOp::create(b, numbers, memory, ValueRange{b.value(place)});
      }
    }
  });
}

DotProduct::Operand WidenedRight::loadHalf(Index tile, Index half,
                                           int64_t vectors) {
  DotProduct::Operand all;
  Index first = b.add(b.mul(tile, tileVectors), b.mul(half, vectors));
  for (int64_t vector = 0; vector < vectors; ++vector) {
    Index place = b.add(first, vector);
    all.push_back(
        memref::LoadOp::create(b, memory, ValueRange{b.value(place)}));
  }
  return all;
}
