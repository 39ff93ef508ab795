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

int64_t DotProduct::operandRegisters() const {
  return kind == Kind::WideBytes || kind == Kind::WideBf16 ? 2 : 1;
}

Value DotProduct::zero(IndexArithmetic &b) const {
  return arith::ConstantOp::create(b, b.getZeroAttr(sumType));
}

DotProduct::Operand DotProduct::widenBytes(IndexArithmetic &b, Value bytes,
                                           bool isSigned) const {
  auto words = vectorOf(columns * 2, b.getI16Type());
  Value pairs = vector::BitCastOp::create(b, words, bytes);
  auto constant = [&](int16_t value) -> Value {
    return arith::ConstantOp::create(b, DenseElementsAttr::get(words, value));
  };
  if (!isSigned)
    return {arith::AndIOp::create(b, pairs, constant(0xff)),
            arith::ShRUIOp::create(b, pairs, constant(8))};
  Value low = arith::ShLIOp::create(b, pairs, constant(8));
  return {arith::ShRSIOp::create(b, low, constant(8)),
          arith::ShRSIOp::create(b, pairs, constant(8))};
}

Value DotProduct::groupBits(IndexArithmetic &b, Value flat, OpFoldResult at,
                            int64_t count) const {
  auto type = vectorOf(form.group, element);
  Value group = loadVector(b, flat, at, type, b.fixed(count));
  Value bits = vector::BitCastOp::create(b, vectorOf(1, b.getI32Type()), group);
  return vector::ExtractOp::create(b, bits, ArrayRef<int64_t>{0});
}

DotProduct::Operand DotProduct::loadLeft(IndexArithmetic &b, Value flat,
                                         OpFoldResult at, int64_t count,
                                         bool preceded) const {
  if (kind == Kind::Float) {
    Value scalar = memref::LoadOp::create(b, flat, ValueRange{b.value(at)});
    return {vector::BroadcastOp::create(b, sumType, scalar)};
  }
  auto groups = vectorOf(columns, b.getI32Type());
  int64_t missing = preceded ? form.group - count : 0;
  Value bits = groupBits(b, flat, b.sub(at, b.fixed(missing)), count + missing);
  Value all = vector::BroadcastOp::create(b, groups, bits);
  if (missing) {
    APInt distance(32, missing * element.getIntOrFloatBitWidth());
    all = arith::ShRUIOp::create(
        b, all,
        arith::ConstantOp::create(b, DenseElementsAttr::get(groups, distance)));
  }
  if (kind == Kind::WideBf16)
    return {widenHalf(b, all, false), widenHalf(b, all, true)};
  if (kind == Kind::WideBytes)
    return widenBytes(b, all, /*isSigned=*/false);
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
  return leftGroups(b, groups);
}

DotProduct::Operand DotProduct::leftGroups(IndexArithmetic &b,
                                           Value bytes) const {
  if (kind == Kind::Bytes)
    return {bytes};
  return widenBytes(b, bytes, /*isSigned=*/false);
}

DotProduct::Operand DotProduct::rightGroups(IndexArithmetic &b,
                                            Value bytes) const {
  if (kind == Kind::Bytes)
    return {bytes};
  return widenBytes(b, bytes, /*isSigned=*/true);
}

DotProduct::Operand DotProduct::loadRight(IndexArithmetic &b, Value flat,
                                          OpFoldResult at,
                                          OpFoldResult count) const {
  if (kind == Kind::Float)
    return {loadVector(b, flat, at, sumType, count)};
  // Panels are padded: all columns exist.
  auto type = vectorOf(columns * form.group, element);
  Value packed = loadVector(b, flat, at, type, b.fixed(type.getNumElements()));
  if (kind == Kind::WideBytes)
    return widenBytes(b, packed, /*isSigned=*/true);
  if (kind == Kind::WideBf16) {
    Value bits =
        vector::BitCastOp::create(b, vectorOf(columns, b.getI32Type()), packed);
    return {widenHalf(b, bits, false), widenHalf(b, bits, true)};
  }
  return {packed};
}

Value DotProduct::add(IndexArithmetic &b, const Operand &left,
                      const Operand &right, Value sum) const {
  switch (kind) {
  case Kind::Bytes:
    return callIntrinsic(b, "llvm.x86.avx512.vpdpbusd.512", sumType,
                         {sum, left[0], right[0]});
  case Kind::Bf16:
    return callIntrinsic(b, "llvm.x86.avx512bf16.dpbf16ps.512", sumType,
                         {sum, left[0], right[0]});
  case Kind::WideBytes: {
    StringRef name = columns == 16 ? "llvm.x86.avx512.pmaddw.d.512"
                                   : "llvm.x86.avx2.pmadd.wd";
    for (auto [x, y] : llvm::zip(left, right))
      sum = arith::AddIOp::create(b, sum,
                                  callIntrinsic(b, name, sumType, {x, y}));
    return sum;
  }
  case Kind::Float:
  case Kind::WideBf16:
    for (auto [x, y] : llvm::zip(left, right))
      sum = math::FmaOp::create(b, x, y, sum);
    return sum;
  }
  llvm_unreachable("all kinds are handled");
}
