//===- WidenedLeft.cpp - bytes of a register tile as 16-bit numbers -------===//
#include "passes/kernel/WidenedLeft.h"

#include "llvm/Support/MathExtras.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace ashlar;

namespace {

using Index = OpFoldResult;

constexpr int64_t kGroup = ReductionBlocks::kGroup;
/// Bytes widened at a time.
constexpr int64_t kChunk = ReductionBlocks::kChunk;
/// 32-bit words of a group: the numbers at even places, those at odd ones.
constexpr int64_t kWords = 2;
constexpr int64_t kMostBytes = 48 << 10;

} // namespace

bool WidenedLeft::serves(IndexArithmetic &b, const RowContraction &contraction,
                         const DotProduct &product, int64_t pixels) {
  auto run = b.known(contraction.run);
  if (!product.widensBytes() || pixels < 2 || !run)
    return false;
  int64_t groups = llvm::divideCeil(*run, kGroup);
  return pixels * contraction.outer * groups * kWords * 4 <= kMostBytes;
}

WidenedLeft::WidenedLeft(IndexArithmetic &b, const RowContraction &contraction,
                         const DotProduct &product,
                         const ReductionBlocks &blocks, Block &task,
                         int64_t pixels)
    : b(b), c(contraction), product(product),
      unitsAreSteps(blocks.unitsAreSteps()), run(*b.known(contraction.run)),
      groups(llvm::divideCeil(run, kGroup)),
      pixelWords(blocks.mostGroups() * kWords) {
  auto type = MemRefType::get({pixels * pixelWords}, b.getI32Type());
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&task);
  memory = memref::AllocaOp::create(b, type, b.getI64IntegerAttr(64));
}

void WidenedLeft::fill(const ReductionBlock &block, Index at,
                       ArrayRef<Index> pixelOffsets,
                       llvm::function_ref<Index(Index)> stepOffset) {
  if (!unitsAreSteps) {
    int64_t before = block.begins ? 0 : *b.known(block.first) * kChunk;
    int64_t length = std::min(block.groups * kGroup, run - before);
    Index from = b.add(at, b.mul(block.first, kChunk));
    return fillRun(from, pixelOffsets, b.fixed(0), length, !block.begins);
  }
  b.forLoop(b.fixed(0), b.fixed(block.units), 1, [&](Index step) {
    Index from = b.add(at, stepOffset(b.add(block.first, step)));
    fillRun(from, pixelOffsets, b.mul(step, groups * kWords), run, false);
  });
}

void WidenedLeft::fillRun(Index from, ArrayRef<Index> pixelOffsets, Index to,
                          int64_t length, bool preceded) {
  int64_t whole = length / kChunk;
  b.forLoop(b.fixed(0), b.fixed(whole), 1, [&](Index chunk) {
    Index at = b.add(from, b.mul(chunk, kChunk));
    Index place = b.add(to, b.mul(chunk, kChunk / kGroup * kWords));
    for (auto [pixel, offset] : llvm::enumerate(pixelOffsets))
      fillChunk(b.add(at, offset), b.add(place, pixel * pixelWords));
  });
  for (int64_t k = whole * kChunk; k < length; k += kGroup) {
    Index at = b.add(from, k), place = b.add(to, k / kGroup * kWords);
    for (auto [pixel, offset] : llvm::enumerate(pixelOffsets))
      fillGroup(b.add(at, offset), b.add(place, pixel * pixelWords),
                std::min(kGroup, length - k), k > 0 || preceded);
  }
}

void WidenedLeft::fillChunk(Index from, Index to) {
  auto bytes = VectorType::get({kChunk}, b.getI8Type());
  auto numbers = VectorType::get({kChunk}, b.getI16Type());
  auto words = VectorType::get({kChunk / 2}, b.getI32Type());
  SmallVector<int64_t> evenFirst;
  for (int64_t first = 0; first < kChunk; first += kGroup)
    evenFirst.append({first, first + 2, first + 1, first + 3});
  Value some = loadVector(b, c.lhs.flat, from, bytes, b.fixed(kChunk));
  Value wide = arith::ExtUIOp::create(b, numbers, some);
  wide = vector::ShuffleOp::create(b, wide, wide, evenFirst);
  vector::StoreOp::create(b, vector::BitCastOp::create(b, words, wide), memory,
                          ValueRange{b.value(to)});
}

void WidenedLeft::fillGroup(Index from, Index to, int64_t count,
                            bool preceded) {
  DotProduct::Operand group =
      product.loadLeft(b, c.lhs.flat, from, count, preceded);
  for (auto [half, value] : llvm::enumerate(group)) {
    auto type = VectorType::get({product.lanes()}, b.getI32Type());
    Value word = vector::ExtractOp::create(
        b, vector::BitCastOp::create(b, type, value), ArrayRef<int64_t>{0});
    memref::StoreOp::create(b, word, memory,
                            ValueRange{b.value(b.add(to, half))});
  }
}

Value WidenedLeft::loadHalf(int64_t pixel, Index half) {
  auto words = VectorType::get({product.lanes()}, b.getI32Type());
  auto numbers = VectorType::get({product.lanes() * 2}, b.getI16Type());
  Index at = b.add(half, pixel * pixelWords);
  Value word = memref::LoadOp::create(b, memory, ValueRange{b.value(at)});
  return vector::BitCastOp::create(b, numbers,
                                   vector::BroadcastOp::create(b, words, word));
}

DotProduct::Operand WidenedLeft::load(int64_t pixel, Index group) {
  Index even = b.mul(group, kWords);
  return {loadHalf(pixel, even), loadHalf(pixel, b.add(even, 1))};
}
