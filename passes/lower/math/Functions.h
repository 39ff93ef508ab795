// Elementary functions of f32, from arithmetic alone. docs/numerics.md has
// their errors.
#ifndef ASHLAR_PASSES_LOWER_MATH_FUNCTIONS_H
#define ASHLAR_PASSES_LOWER_MATH_FUNCTIONS_H

#include "passes/lower/math/Expr.h"

namespace ashlar::math {

Expr makeExp(const Expr &x);
Expr makeExp2(const Expr &x);
Expr makeExpm1(const Expr &x);
Expr makeSinh(const Expr &x);
Expr makeCosh(const Expr &x);
Expr makeTanh(const Expr &x);
Expr makeErf(const Expr &x);

Expr makeLog(const Expr &x);
Expr makeLog2(const Expr &x);
Expr makeLog10(const Expr &x);
Expr makeLog1p(const Expr &x);
Expr makeAsinh(const Expr &x);
Expr makeAcosh(const Expr &x);
Expr makeAtanh(const Expr &x);

Expr makeSin(const Expr &x);
Expr makeCos(const Expr &x);
Expr makeTan(const Expr &x);
Expr makeAsin(const Expr &x);
Expr makeAcos(const Expr &x);
Expr makeAtan(const Expr &x);
Expr makeAtan2(const Expr &y, const Expr &x);

Expr makePow(const Expr &x, const Expr &y);
Expr makeCbrt(const Expr &x);
Expr makeRsqrt(const Expr &x);

/// e^x for x in [-87, 0]: no scaling in two steps, no clamping.
Expr makeExpOfNegative(const Expr &x);
/// e^x for x of at most 0, minus infinity and NaN too: 0 where it would be less
/// than any normal number.
Expr makeExpOfNonPositive(const Expr &x);

} // namespace ashlar::math

#endif // ASHLAR_PASSES_LOWER_MATH_FUNCTIONS_H
