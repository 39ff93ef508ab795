//===- DotProduct.cpp - one step of a contraction in vectors --------------===//
#include "passes/kernel/DotProduct.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace ashlar;

namespace {

Value callIntrinsic(IndexArithmetic &b, StringRef name, Type type,
                    ValueRange operands) {
  return LLVM::CallIntrinsicOp::create(b, type, b.getStringAttr(name), operands)
      .getResult(0);
}

Value slice(IndexArithmetic &b, Value vector, int64_t offset, int64_t size) {
  return vector::ExtractStridedSliceOp::create(
      b, vector, ArrayRef<int64_t>{offset}, ArrayRef<int64_t>{size},
      ArrayRef<int64_t>{1});
}

/// bf16 in the low or high halves of 32-bit lanes, as f32.
Value widenHalf(IndexArithmetic &b, Value bits, bool high) {
  auto type = cast<VectorType>(bits.getType());
  auto constant = [&](uint32_t value) -> Value {
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(type, APInt(32, value)));
  };
  Value moved =
      high ? arith::AndIOp::create(b, bits, constant(0xffff0000)).getResult()
           : arith::ShLIOp::create(b, bits, constant(16)).getResult();
  return arith::BitcastOp::create(
      b, VectorType::get(type.getShape(), b.getF32Type()), moved);
}

} // namespace

DotProduct::DotProduct(MLIRContext *context, Type element,
                       tile::TargetAttr target)
    : columns(target.getVectorBytes() / 4), form(nn::PanelForm::of(element)),
      element(element) {
  bool wide = target.getVectorBytes() == 64;
  if (element.isInteger(8))
    kind = target.getVnni() && wide ? Kind::Bytes : Kind::WideBytes;
  else if (element.isBF16())
    kind = target.getBf16() && wide ? Kind::Bf16 : Kind::WideBf16;
  else
    kind = Kind::Float;
  sumType = vectorOf(columns, nn::accumulatorType(element));
}

StringRef DotProduct::instructionSet() const {
  if (kind == Kind::Bytes)
    return "AVX512-VNNI";
  if (kind == Kind::Bf16)
    return "AVX512-BF16";
  return columns == 16 ? "AVX-512" : "AVX2";
}

int64_t DotProduct::rightRegisters() const {
  return kind == Kind::WideBytes || kind == Kind::WideBf16 ? 2 : 1;
}

DotProduct::Operand DotProduct::zero(IndexArithmetic &b) const {
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(sumType));
  return Operand(sumRegisters(), zero);
}

Value DotProduct::groupBits(IndexArithmetic &b, Value flat, OpFoldResult at,
                            int64_t count) const {
  auto type = vectorOf(form.group, element);
  Value group = loadVector(b, flat, at, type, b.fixed(count));
  Value bits = vector::BitCastOp::create(b, vectorOf(1, b.getI32Type()), group);
  return vector::ExtractOp::create(b, bits, ArrayRef<int64_t>{0});
}

DotProduct::Operand DotProduct::loadLeft(IndexArithmetic &b, Value flat,
                                         OpFoldResult at, int64_t count) const {
  if (kind == Kind::Float) {
    Value scalar = memref::LoadOp::create(b, flat, ValueRange{b.value(at)});
    return {vector::BroadcastOp::create(b, sumType, scalar)};
  }
  if (kind == Kind::WideBytes) {
    // Four bytes as four 16-bit numbers, repeated.
    auto bytes = vectorOf(4, b.getI8Type());
    Value group = loadVector(b, flat, at, bytes, b.fixed(count));
    Value wide = arith::ExtUIOp::create(b, vectorOf(4, b.getI16Type()), group);
    Value bits =
        vector::BitCastOp::create(b, vectorOf(1, b.getI64Type()), wide);
    Value scalar = vector::ExtractOp::create(b, bits, ArrayRef<int64_t>{0});
    Value all = vector::BroadcastOp::create(
        b, vectorOf(columns / 2, b.getI64Type()), scalar);
    return {vector::BitCastOp::create(b, vectorOf(columns * 2, b.getI16Type()),
                                      all)};
  }
  Value all = vector::BroadcastOp::create(b, vectorOf(columns, b.getI32Type()),
                                          groupBits(b, flat, at, count));
  if (kind == Kind::WideBf16)
    return {widenHalf(b, all, false), widenHalf(b, all, true)};
  return {vector::BitCastOp::create(b, vectorOf(columns * form.group, element),
                                    all)};
}

DotProduct::Operand DotProduct::interleaveLeft(IndexArithmetic &b,
                                               ArrayRef<Value> bytes) const {
  auto pairs = [&](Value first, Value second) -> Value {
    Value mixed = vector::InterleaveOp::create(b, first, second);
    return vector::BitCastOp::create(b, vectorOf(columns, b.getI16Type()),
                                     mixed);
  };
  Value words = vector::InterleaveOp::create(b, pairs(bytes[0], bytes[1]),
                                             pairs(bytes[2], bytes[3]));
  Value groups =
      vector::BitCastOp::create(b, vectorOf(columns * 4, element), words);
  if (kind == Kind::Bytes)
    return {groups};
  Value wide =
      arith::ExtUIOp::create(b, vectorOf(columns * 4, b.getI16Type()), groups);
  return {slice(b, wide, 0, columns * 2),
          slice(b, wide, columns * 2, columns * 2)};
}

DotProduct::Operand DotProduct::loadRight(IndexArithmetic &b, Value flat,
                                          OpFoldResult at,
                                          OpFoldResult count) const {
  if (kind == Kind::Float)
    return {loadVector(b, flat, at, sumType, count)};
  // Panels are padded: all columns exist.
  auto type = vectorOf(columns * form.group, element);
  Value packed = loadVector(b, flat, at, type, b.fixed(type.getNumElements()));
  if (kind == Kind::WideBytes) {
    Value wide = arith::ExtSIOp::create(
        b, vectorOf(columns * 4, b.getI16Type()), packed);
    return {slice(b, wide, 0, columns * 2),
            slice(b, wide, columns * 2, columns * 2)};
  }
  if (kind == Kind::WideBf16) {
    Value bits =
        vector::BitCastOp::create(b, vectorOf(columns, b.getI32Type()), packed);
    return {widenHalf(b, bits, false), widenHalf(b, bits, true)};
  }
  return {packed};
}

void DotProduct::add(IndexArithmetic &b, const Operand &left,
                     const Operand &right, MutableArrayRef<Value> sums) const {
  switch (kind) {
  case Kind::Float:
    sums[0] = math::FmaOp::create(b, left[0], right[0], sums[0]);
    return;
  case Kind::Bytes:
    sums[0] = callIntrinsic(b, "llvm.x86.avx512.vpdpbusd.512", sumType,
                            {sums[0], left[0], right[0]});
    return;
  case Kind::Bf16:
    sums[0] = callIntrinsic(b, "llvm.x86.avx512bf16.dpbf16ps.512", sumType,
                            {sums[0], left[0], right[0]});
    return;
  case Kind::WideBf16:
    for (auto [x, y] : llvm::zip(left, right))
      sums[0] = math::FmaOp::create(b, x, y, sums[0]);
    return;
  case Kind::WideBytes:
    StringRef name = columns == 16 ? "llvm.x86.avx512.pmaddw.d.512"
                                   : "llvm.x86.avx2.pmadd.wd";
    // One group for all columns, or halves as on the right side.
    for (auto [index, half] : llvm::enumerate(right)) {
      Value factor = left.size() == 1 ? left[0] : left[index];
      Value products = callIntrinsic(b, name, sumType, {factor, half});
      sums[index] = arith::AddIOp::create(b, sums[index], products);
    }
    return;
  }
}

Value DotProduct::result(IndexArithmetic &b, ArrayRef<Value> sums) const {
  if (kind != Kind::WideBytes)
    return sums[0];
  // Neighbours are halves of one column's sum.
  SmallVector<int64_t> even, odd;
  for (int64_t column = 0; column < columns; ++column) {
    even.push_back(2 * column);
    odd.push_back(2 * column + 1);
  }
  Value first = vector::ShuffleOp::create(b, sums[0], sums[1], even);
  Value second = vector::ShuffleOp::create(b, sums[0], sums[1], odd);
  return arith::AddIOp::create(b, first, second);
}
