//===- FoldByteRoundTrips.cpp - quantized values without bytes ------------===//
#include "passes/fuse/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

#include "passes/analysis/ByteRounding.h"

namespace ashlar {
#define GEN_PASS_DEF_FOLDBYTEROUNDTRIPS
#include "passes/fuse/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {

/// A byte read as an integer, less a constant, as f32.
struct ByteAsFloat {
  Value byte;
  bool isUnsigned;
  int64_t zeroPoint;
};

std::optional<ByteAsFloat> match(arith::SIToFPOp conversion) {
  ByteAsFloat read{nullptr, false, 0};
  Value integer = conversion.getIn();
  if (!conversion.getType().isF32() || !integer.getType().isInteger(32))
    return std::nullopt;
  if (auto shift = integer.getDefiningOp<arith::SubIOp>()) {
    APInt zeroPoint;
    if (!matchPattern(shift.getRhs(), m_ConstantInt(&zeroPoint)))
      return std::nullopt;
    read.zeroPoint = zeroPoint.getSExtValue();
    integer = shift.getLhs();
  }
  Operation *widening = integer.getDefiningOp();
  if (!isa_and_present<arith::ExtUIOp, arith::ExtSIOp>(widening))
    return std::nullopt;
  read.isUnsigned = isa<arith::ExtUIOp>(widening);
  read.byte = widening->getOperand(0);
  return read;
}

bool holds(const ByteAsFloat &read, const ByteRounding &made) {
  return read.isUnsigned ? made.low >= 0 && made.high <= UINT8_MAX
                         : made.low >= INT8_MIN && made.high <= INT8_MAX;
}

struct FoldByteRoundTrips
    : ashlar::impl::FoldByteRoundTripsBase<FoldByteRoundTrips> {
  void runOnOperation() override {
    getOperation().walk([&](arith::SIToFPOp conversion) { fold(conversion); });
  }

  void fold(arith::SIToFPOp conversion) {
    auto read = match(conversion);
    auto made = read ? ByteRounding::match(read->byte) : std::nullopt;
    if (!made || !holds(*read, *made))
      return;
    OpBuilder b(conversion);
    auto constant = [&](float value) -> Value {
      return arith::ConstantOp::create(b, conversion.getLoc(),
                                       b.getF32FloatAttr(value));
    };
    // All of these are integers of few bits: nothing is rounded.
    Value integer = arith::SubFOp::create(b, conversion.getLoc(), made->rounded,
                                          constant(ByteRounding::kRoundsIn));
    if (int64_t shift = made->zeroPoint - read->zeroPoint)
      integer = arith::AddFOp::create(b, conversion.getLoc(), integer,
                                      constant(static_cast<float>(shift)));
    conversion.replaceAllUsesWith(integer);
    conversion.erase();
    ++numFolded;
  }
};

} // namespace
