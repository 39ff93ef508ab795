//===- BytePacking.cpp - floats to bytes, four vectors at a time ----------===//
//
// A vector at a time, a byte costs bounds, rounding and a narrowing store for
// every four bytes of sums. Four vectors together are narrowed by saturating
// packs, which bound from below for nothing and from above where no float is
// out of the range of integers. Where that is not known one bound in floats
// remains.
//
//===----------------------------------------------------------------------===//
#include "passes/kernel/BytePacking.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace ashlar;

namespace {

Value callIntrinsic(IndexArithmetic &b, StringRef name, Type type,
                    ValueRange operands) {
  return LLVM::CallIntrinsicOp::create(b, type, b.getStringAttr(name), operands)
      .getResult(0);
}

/// The nearest integers, halves to even; what is too large or NaN gives the
/// least i32.
Value nearestIntegers(IndexArithmetic &b, Value reals) {
  int64_t lanes = cast<VectorType>(reals.getType()).getNumElements();
  auto type = VectorType::get({lanes}, b.getI32Type());
  if (lanes == 8)
    return callIntrinsic(b, "llvm.x86.avx.cvt.ps2dq.256", type, reals);
  constexpr int kCurrentRounding = 4;
  Value nothing = arith::ConstantOp::create(b, b.getZeroAttr(type));
  Value all =
      LLVM::ConstantOp::create(b, b.getI16Type(), b.getI16IntegerAttr(-1));
  Value rounding = LLVM::ConstantOp::create(
      b, b.getI32Type(), b.getI32IntegerAttr(kCurrentRounding));
  return callIntrinsic(b, "llvm.x86.avx512.mask.cvtps2dq.512", type,
                       {reals, nothing, all, rounding});
}

Value splat(IndexArithmetic &b, int64_t lanes, unsigned width, int64_t value) {
  auto type = VectorType::get({lanes}, b.getIntegerType(width));
  return arith::ConstantOp::create(
      b, DenseElementsAttr::get(type, APInt(width, value, /*isSigned=*/true)));
}

/// Pairs of vectors narrowed to half the bits, in each 128 bits the first's
/// elements before the second's.
Value pack(IndexArithmetic &b, Value first, Value second, bool isUnsigned) {
  auto from = cast<VectorType>(first.getType());
  unsigned width = from.getElementTypeBitWidth() / 2;
  int64_t lanes = from.getNumElements() * 2;
  std::string name =
      lanes * width == 512 ? "llvm.x86.avx512.pack" : "llvm.x86.avx2.pack";
  name += isUnsigned ? "us" : "ss";
  name += width == 16 ? "dw" : "wb";
  if (lanes * width == 512)
    name += ".512";
  return callIntrinsic(b, name,
                       VectorType::get({lanes}, b.getIntegerType(width)),
                       {first, second});
}

/// The bounds that saturating does not keep.
Value boundBytes(IndexArithmetic &b, Value bytes,
                 const ByteRounding &rounding) {
  int64_t lanes = cast<VectorType>(bytes.getType()).getNumElements();
  bool isUnsigned = rounding.isUnsigned();
  auto bound = [&](int64_t value) {
    return splat(b, lanes, 8, static_cast<int8_t>(value));
  };
  if (rounding.fitsIntegers &&
      rounding.high < (isUnsigned ? UINT8_MAX : INT8_MAX)) {
    Value high = bound(rounding.high);
    bytes = isUnsigned ? arith::MinUIOp::create(b, bytes, high).getResult()
                       : arith::MinSIOp::create(b, bytes, high).getResult();
  }
  if (rounding.low > (isUnsigned ? 0 : INT8_MIN)) {
    Value low = bound(rounding.low);
    bytes = isUnsigned ? arith::MaxUIOp::create(b, bytes, low).getResult()
                       : arith::MaxSIOp::create(b, bytes, low).getResult();
  }
  return bytes;
}

} // namespace

Value ashlar::packBytes(IndexArithmetic &b, ArrayRef<Value> reals,
                        const ByteRounding &rounding) {
  auto type = cast<VectorType>(reals.front().getType());
  SmallVector<Value> integers;
  for (Value real : reals) {
    if (!rounding.fitsIntegers) {
      Value high = vector::BroadcastOp::create(b, type, rounding.highBound);
      // Keeps NaN, which then counts as the least integer.
      Value above =
          arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, high, real);
      real = arith::SelectOp::create(b, above, high, real);
    }
    integers.push_back(nearestIntegers(b, real));
  }
  while (integers.size() < kPackedVectors)
    integers.push_back(integers[integers.size() % reals.size()]);
  auto addZeroPoint = [&](Value words) -> Value {
    if (rounding.zeroPoint == 0)
      return words;
    auto type = cast<VectorType>(words.getType());
    return callIntrinsic(
        b, "llvm.sadd.sat", type,
        {words, splat(b, type.getNumElements(), 16, rounding.zeroPoint)});
  };
  Value first = addZeroPoint(pack(b, integers[0], integers[1], false));
  Value second = integers[2] == integers[0] && integers[3] == integers[1]
                     ? first
                     : addZeroPoint(pack(b, integers[2], integers[3], false));
  Value bytes = pack(b, first, second, rounding.isUnsigned());
  return boundBytes(b, bytes, rounding);
}

Value ashlar::inVectorOrder(IndexArithmetic &b, Value packed) {
  auto bytes = cast<VectorType>(packed.getType());
  int64_t groups = bytes.getNumElements() / 4, blocks = groups / kPackedVectors;
  auto type = VectorType::get({groups}, b.getI32Type());
  Value words = vector::BitCastOp::create(b, type, packed);
  SmallVector<int64_t> order;
  for (size_t vector = 0; vector < kPackedVectors; ++vector)
    for (int64_t block = 0; block < blocks; ++block)
      order.push_back(block * kPackedVectors + vector);
  Value sorted = vector::ShuffleOp::create(b, words, words, order);
  return vector::BitCastOp::create(b, bytes, sorted);
}
