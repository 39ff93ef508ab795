//===- LowerLookups.cpp - tables of bytes in vector registers -------------===//
#include "passes/kernel/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include "dialects/nn/NnDialect.h"
#include "dialects/tile/TileDialect.h"

namespace ashlar {
#define GEN_PASS_DEF_LOWERLOOKUPS
#include "passes/kernel/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {

constexpr int64_t kTableBytes = 256;

class LookupEmitter {
public:
  LookupEmitter(ImplicitLocOpBuilder &b, ArrayRef<int8_t> table, bool vbmi)
      : b(b), table(table), vbmi(vbmi) {}

  /// Looks up a vector of any number of bytes.
  Value lookUp(Value bytes);

private:
  VectorType vectorOf(int64_t count) {
    return VectorType::get({count}, b.getI8Type());
  }
  Value constant(ArrayRef<int8_t> values) {
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(vectorOf(values.size()), values));
  }
  Value splat(int64_t count, int8_t value) {
    return constant(SmallVector<int8_t>(count, value));
  }
  Value call(StringRef name, ValueRange operands, int64_t count) {
    return LLVM::CallIntrinsicOp::create(b, vectorOf(count),
                                         b.getStringAttr(name), operands)
        .getResult(0);
  }
  Value lookUpWide(Value bytes);
  Value lookUpInPieces(Value bytes, int64_t count);

  ImplicitLocOpBuilder &b;
  ArrayRef<int8_t> table;
  bool vbmi;
};

/// 64 bytes: two permutations of half the table each, by seven bits; the
/// eighth chooses.
Value LookupEmitter::lookUpWide(Value bytes) {
  SmallVector<Value> quarters;
  for (int64_t at = 0; at < kTableBytes; at += 64)
    quarters.push_back(constant(table.slice(at, 64)));
  StringRef name = "llvm.x86.avx512.vpermi2var.qi.512";
  Value low = call(name, {quarters[0], bytes, quarters[1]}, 64);
  Value high = call(name, {quarters[2], bytes, quarters[3]}, 64);
  Value isHigh =
      arith::CmpIOp::create(b, arith::CmpIPredicate::slt, bytes, splat(64, 0));
  return arith::SelectOp::create(b, isHigh, high, low);
}

/// 16 or 32 bytes: a permutation for every 16 bytes of the table, which gives 0
/// where an index lies outside them.
Value LookupEmitter::lookUpInPieces(Value bytes, int64_t count) {
  StringRef name =
      count == 32 ? "llvm.x86.avx2.pshuf.b" : "llvm.x86.ssse3.pshuf.b.128";
  Value result;
  for (int64_t at = 0; at < kTableBytes; at += 16) {
    SmallVector<int8_t> piece;
    for (int64_t lane = 0; lane < count; ++lane)
      piece.push_back(table[at + lane % 16]);
    Value index =
        arith::SubIOp::create(b, bytes, splat(count, static_cast<int8_t>(at)));
    // Bit 7 is set from index 16 on.
    index = LLVM::UAddSat::create(b, index, splat(count, 0x70));
    Value found = call(name, {constant(piece), index}, count);
    result =
        result ? arith::OrIOp::create(b, result, found).getResult() : found;
  }
  return result;
}

Value LookupEmitter::lookUp(Value bytes) {
  int64_t count = cast<VectorType>(bytes.getType()).getNumElements();
  int64_t width = vbmi ? 64 : count > 16 ? 32 : 16;
  Value result;
  SmallVector<Value> pieces;
  for (int64_t at = 0; at < count; at += width) {
    // What lies behind the end repeats the last byte.
    SmallVector<int64_t> lanes;
    for (int64_t lane = at; lane < at + width; ++lane)
      lanes.push_back(std::min(lane, count - 1));
    Value piece = vector::ShuffleOp::create(b, bytes, bytes, lanes);
    Value found = vbmi ? lookUpWide(piece) : lookUpInPieces(piece, width);
    int64_t size = std::min(width, count - at);
    if (count <= width)
      return vector::ShuffleOp::create(
          b, found, found, llvm::to_vector(llvm::seq<int64_t>(0, size)));
    if (!result)
      result = arith::ConstantOp::create(b, b.getZeroAttr(vectorOf(count)));
    found = vector::ShuffleOp::create(
        b, found, found, llvm::to_vector(llvm::seq<int64_t>(0, size)));
    result = vector::InsertStridedSliceOp::create(
        b, found, result, ArrayRef<int64_t>{at}, ArrayRef<int64_t>{1});
  }
  return result;
}

struct LowerLookups : ashlar::impl::LowerLookupsBase<LowerLookups> {
  void runOnOperation() override {
    bool vbmi = tile::getTarget(getOperation()).getVbmi();
    getOperation().walk([&](nn::LookupOp op) {
      ImplicitLocOpBuilder b(op.getLoc(), op);
      LookupEmitter emitter(b, op.getTable(), vbmi);
      Value bytes = op.getX();
      auto type = dyn_cast<VectorType>(bytes.getType());
      if (type && type.getRank() == 1) {
        op.replaceAllUsesWith(emitter.lookUp(bytes));
        op.erase();
        return;
      }
      // Of other shapes as one row; a single byte as a vector of equal ones.
      int64_t count = type ? type.getNumElements() : 16;
      auto flat = VectorType::get({count}, b.getI8Type());
      Value row = type
                      ? vector::ShapeCastOp::create(b, flat, bytes).getResult()
                      : vector::BroadcastOp::create(b, flat, bytes).getResult();
      Value found = emitter.lookUp(row);
      Value result =
          type ? vector::ShapeCastOp::create(b, type, found).getResult()
               : vector::ExtractOp::create(b, found, ArrayRef<int64_t>{0})
                     .getResult();
      op.replaceAllUsesWith(result);
      op.erase();
    });
  }
};

} // namespace
