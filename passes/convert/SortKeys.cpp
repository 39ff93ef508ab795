#include "passes/convert/SortKeys.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace ashlar {

using Values = Emitter::Values;

Scalar holdsForAny(Emitter &e, Scalar low, Scalar high,
                   function_ref<Scalar(Scalar)> predicate) {
  return e.wrap(
      e.loop(low, high, e.boolean(false), [&](Scalar i, ValueRange soFar) {
        return Values{e.wrap(soFar[0]) | predicate(i)};
      })[0]);
}

SortKeys::SortKeys(Emitter &e, Type element, bool isUnsigned, bool descending)
    : e(e), element(element), isUnsigned(isUnsigned), descending(descending) {
  // A place needs 32 bits.
  bool isWide = element.getIntOrFloatBitWidth() > 32;
  key = e.getIntegerType(isWide ? 64 : 32);
  packed = e.getIntegerType(isWide ? 128 : 64);
}

/// Floats in sign and magnitude to integers in two's complement: both zeros
/// become 0. Any NaN becomes the largest integer.
static Scalar orderedInteger(Emitter &e, Scalar x) {
  auto type = cast<FloatType>(x.type());
  Type integer = e.getIntegerType(type.getWidth());
  Scalar bits = e.wrap(arith::BitcastOp::create(e, integer, x.value()));
  APInt sign = APInt::getSignMask(type.getWidth()),
        infinity = APFloat::getInf(type.getFloatSemantics()).bitcastToAPInt();
  auto number = [&](const APInt &value) {
    return e.wrap(
        arith::ConstantOp::create(e, e.getIntegerAttr(integer, value)));
  };
  Scalar magnitude = bits & number(~sign);
  Scalar ordered = select(bits < 0, -magnitude, magnitude);
  return select(magnitude > number(infinity), number(~sign), ordered);
}

Scalar SortKeys::keyOf(Scalar x) const {
  if (x.isFloat())
    x = orderedInteger(e, x);
  x = e.wrap(x, isUnsigned).to(key, true);
  unsigned width = key.getIntOrFloatBitWidth();
  // Signed numbers move up by half the range; the other way round all bits
  // flip.
  APInt flipped =
      isUnsigned ? APInt::getZero(width) : APInt::getSignMask(width);
  if (descending)
    flipped.flipAllBits();
  Value mask = arith::ConstantOp::create(e, e.getIntegerAttr(key, flipped));
  return e.wrap(e.createOrFold<arith::XOrIOp>(x.value(), mask), true);
}

Scalar SortKeys::pack(Scalar ofKey, Scalar place) const {
  Scalar low = place.to(e.getI64Type(), true).to(packed, true);
  Value shift = e.integer(packed, key.getIntOrFloatBitWidth());
  Value high =
      e.createOrFold<arith::ShLIOp>(ofKey.to(packed, true).value(), shift);
  return e.wrap(e.createOrFold<arith::OrIOp>(high, low.value()), true);
}

Scalar SortKeys::keyIn(Scalar both) const {
  Value shift = e.integer(packed, key.getIntOrFloatBitWidth());
  Value high = e.createOrFold<arith::ShRUIOp>(both.value(), shift);
  return e.wrap(high, true).to(key, true);
}

Scalar SortKeys::placeIn(Scalar both) const {
  return e.wrap(both.to(key, true).value(), true)
      .to(e.getI64Type(), true)
      .toIndex();
}

//===--- Sorting digit by digit, from the lowest one
//------------------------------------------------------------===//

constexpr int64_t kDigitBits = 8, kDigits = 1 << kDigitBits;

namespace {

/// One pass: items move from one half to the other in the order of one digit.
class DigitPass {
public:
  DigitPass(Emitter &e, Type packed, Scalar shift, Scalar start, Scalar count)
      : e(e), shift(shift.to(e.getI64Type()).to(packed, true)), start(start),
        count(count) {}

  Scalar item(Value tensor, Scalar i) {
    return e.load(tensor, start + i, true);
  }
  Scalar digitOf(Scalar item) {
    Value moved = e.createOrFold<arith::ShRUIOp>(item.value(), shift.value());
    Scalar mask = e.wrap(e.integer(e.getI64Type(), kDigits - 1));
    return (e.wrap(moved, true).to(e.getI64Type()) & mask).toIndex();
  }
  /// How often each digit occurs.
  Value countDigits(Value tensor, Value counts) {
    Values cleared =
        e.loop(e.at(0), e.at(kDigits), counts, [&](Scalar i, ValueRange now) {
          return Values{e.store(e.at(0), now[0], i)};
        });
    return e.loop(e.at(0), count, cleared, [&](Scalar i, ValueRange now) {
      Scalar digit = digitOf(item(tensor, i));
      return Values{e.store(e.load(now[0], digit) + 1, now[0], digit)};
    })[0];
  }
  /// Where the items of each digit begin.
  Value sumDigits(Value counts) {
    return e.loop(e.at(0), e.at(kDigits), {counts, e.at(0)},
                  [&](Scalar i, ValueRange now) {
                    Scalar own = e.load(now[0], i), before = e.wrap(now[1]);
                    return Values{e.store(before, now[0], i), before + own};
                  })[0];
  }
  Values scatter(Value tensor, Value starts, Scalar target) {
    return e.loop(e.at(0), count, {tensor, starts},
                  [&](Scalar i, ValueRange now) {
                    Scalar own = item(now[0], i), digit = digitOf(own),
                           place = e.load(now[1], digit);
                    return Values{e.store(own, now[0], target + place),
                                  e.store(place + 1, now[1], digit)};
                  });
  }

private:
  Emitter &e;
  Scalar shift, start, count;
};

} // namespace

SortRoom SortRoom::allocate(Emitter &e, const SortKeys &keys, Scalar half) {
  return {half, e.filled(e.fold(half * 2), e.integer(keys.packedType(), -1)),
          e.filled(e.size(kDigits), e.index(0))};
}

std::pair<Scalar, SortRoom> sortByKeys(Emitter &e, const SortKeys &keys,
                                       SortRoom room, Scalar count) {
  int64_t bits = keys.keyType().getIntOrFloatBitWidth();
  Values sorted = e.loop(
      e.at(0), e.at(bits / kDigitBits), {e.at(0), room.items, room.digits},
      [&](Scalar number, ValueRange now) {
        Scalar start = e.wrap(now[0]);
        DigitPass pass(e, keys.packedType(), number * kDigitBits + bits, start,
                       count);
        Value counts = pass.countDigits(now[1], now[2]);
        Scalar ofFirst =
            e.load(counts, pass.digitOf(pass.item(now[1], e.at(0))));
        // A digit that all have in common moves nothing.
        return e.branch(
            ofFirst == count, now.getTypes(),
            [&] { return Values{start, now[1], counts}; },
            [&] {
              Scalar target = room.half - start;
              Values moved =
                  pass.scatter(now[1], pass.sumDigits(counts), target);
              return Values{target, moved[0], moved[1]};
            });
      });
  return {e.wrap(sorted[0]), SortRoom{room.half, sorted[1], sorted[2]}};
}

} // namespace ashlar
