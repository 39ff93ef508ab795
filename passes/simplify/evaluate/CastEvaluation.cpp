// Cast of constants. Float to integer truncates; what does not fit is left to
// the run, so that folding never decides.
#include "dialects/onnx/OnnxOps.h"
#include "passes/simplify/evaluate/Evaluate.h"
#include "passes/simplify/evaluate/NumberTypes.h"

#include <cmath>

using namespace mlir;
using namespace ashlar::onnx;

namespace {

template <typename To, typename From> bool convert(From value, To &result) {
  if constexpr (std::is_integral_v<To> && std::is_floating_point_v<From>) {
    double truncated = std::trunc(double(value));
    // 2^63 and 2^64 are exact in double; the largest integers are not.
    double limit = std::ldexp(1.0, 8 * sizeof(To) - std::is_signed_v<To>);
    if (!(truncated < limit &&
          truncated >= (std::is_signed_v<To> ? -limit : 0.0)))
      return false;
    result = To(truncated);
  } else {
    result = To(value);
  }
  return true;
}

bool castTo(Evaluation &evaluation, bool plain) {
  auto source = ConstantTensor::read(evaluation.operands[0]);
  RankedTensorType type = evaluation.resultTypes[0];
  if (!source || !plain)
    return false;
  if (source->getElementType() == type.getElementType()) {
    evaluation.results[0] = evaluation.operands[0];
    return true;
  }
  bool toBool = type.getElementType().isInteger(1);
  bool fits = true, known = false;
  withNumberType(source->getElementType(), [&](auto from) {
    using From = decltype(from);
    known = withNumberType(type.getElementType(), [&](auto to) {
      using To = decltype(to);
      ConstantBuilder builder(type);
      auto *out = builder.data<typename To::Stored>();
      const auto *in = source->data<typename From::Stored>();
      for (int64_t i = 0; fits && i < source->size(); ++i) {
        typename From::Compute value = From::load(in[i]);
        typename To::Compute converted{};
        if (toBool)
          converted = typename To::Compute(value != 0);
        else
          fits = convert(value, converted);
        out[i] = To::store(converted);
      }
      if (fits)
        evaluation.results[0] = std::move(builder).finish();
    });
  });
  return known && fits && evaluation.results[0];
}

// 64-bit numbers would round twice on their way through f32.
bool roundsTwice(Type from, Type to) {
  return (to.isF16() || to.isBF16()) && from.isIntOrFloat() &&
         from.getIntOrFloatBitWidth() > 32;
}

bool evaluateCast(Evaluation &evaluation) {
  Type from = evaluation.operands[0].getElementType();
  return castTo(evaluation,
                !roundsTwice(from, evaluation.resultTypes[0].getElementType()));
}

bool evaluateCastLike(Evaluation &evaluation) {
  Type from = evaluation.operands[0].getElementType();
  return castTo(evaluation,
                !roundsTwice(from, evaluation.resultTypes[0].getElementType()));
}

} // namespace

void ashlar::onnx::registerCastEvaluation(EvaluatorRegistry &registry) {
  registry.add<CastOp>(evaluateCast);
  registry.add<CastLikeOp>(evaluateCastLike);
}
