//===- WidenedLeft.cpp - bytes of a register tile as 16-bit numbers -------===//
#include "passes/kernel/WidenedLeft.h"

#include "llvm/Support/MathExtras.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace ashlar;

namespace {

using Index = OpFoldResult;

constexpr int64_t kGroup = 4;
/// Bytes widened at a time.
constexpr int64_t kChunk = 16;
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
                         const DotProduct &product, Block &task, int64_t pixels)
    : b(b), c(contraction), product(product), run(*b.known(contraction.run)),
      groups(llvm::divideCeil(run, kGroup)) {
  auto type =
      MemRefType::get({pixels * c.outer * groups * kWords}, b.getI32Type());
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&task);
  memory = memref::AllocaOp::create(b, type, b.getI64IntegerAttr(64));
}

void WidenedLeft::fill(Index at, ArrayRef<Index> pixelOffsets,
                       llvm::function_ref<Index(Index)> stepOffset) {
  b.forLoop(b.fixed(0), b.fixed(c.outer), 1, [&](Index step) {
    Index from = b.add(at, stepOffset(step));
    for (auto [pixel, offset] : llvm::enumerate(pixelOffsets))
      fillRun(b.add(from, offset),
              b.mul(b.add(step, pixel * c.outer), groups * kWords));
  });
}

void WidenedLeft::fillRun(Index from, Index to) {
  auto bytes = VectorType::get({kChunk}, b.getI8Type());
  auto numbers = VectorType::get({kChunk}, b.getI16Type());
  auto words = VectorType::get({kChunk / 2}, b.getI32Type());
  SmallVector<int64_t> evenFirst;
  for (int64_t first = 0; first < kChunk; first += kGroup)
    evenFirst.append({first, first + 2, first + 1, first + 3});
  int64_t whole = run / kChunk;
  b.forLoop(b.fixed(0), b.fixed(whole), 1, [&](Index chunk) {
    Value some = loadVector(b, c.lhs.flat, b.add(from, b.mul(chunk, kChunk)),
                            bytes, b.fixed(kChunk));
    Value wide = arith::ExtUIOp::create(b, numbers, some);
    wide = vector::ShuffleOp::create(b, wide, wide, evenFirst);
    Index place = b.add(to, b.mul(chunk, kChunk / kGroup * kWords));
    vector::StoreOp::create(b, vector::BitCastOp::create(b, words, wide),
                            memory, ValueRange{b.value(place)});
  });
  for (int64_t k = whole * kChunk; k < run; k += kGroup) {
    DotProduct::Operand group =
        product.loadLeft(b, c.lhs.flat, b.add(from, k),
                         std::min(kGroup, run - k), /*preceded=*/k > 0);
    for (auto [half, value] : llvm::enumerate(group)) {
      auto type = VectorType::get({product.lanes()}, b.getI32Type());
      Value word = vector::ExtractOp::create(
          b, vector::BitCastOp::create(b, type, value), ArrayRef<int64_t>{0});
      Index place = b.add(to, k / kGroup * kWords + half);
      memref::StoreOp::create(b, word, memory, ValueRange{b.value(place)});
    }
  }
}

DotProduct::Operand WidenedLeft::load(int64_t pixel, Index step, Index group) {
  auto words = VectorType::get({product.lanes()}, b.getI32Type());
  auto numbers = VectorType::get({product.lanes() * 2}, b.getI16Type());
  Index at =
      b.mul(b.add(b.mul(b.add(step, pixel * c.outer), groups), group), kWords);
  DotProduct::Operand halves;
  for (int64_t half = 0; half < kWords; ++half) {
    Value word =
        memref::LoadOp::create(b, memory, ValueRange{b.value(b.add(at, half))});
    halves.push_back(vector::BitCastOp::create(
        b, numbers, vector::BroadcastOp::create(b, words, word)));
  }
  return halves;
}
