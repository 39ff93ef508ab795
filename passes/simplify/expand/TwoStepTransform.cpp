#include "passes/simplify/expand/TwoStepTransform.h"

#include <cmath>

using namespace mlir;
using namespace ashlar::onnx;

Value ashlar::onnx::trigonometricMatrix(GraphBuilder &g, Type element,
                                        int64_t rows, int64_t columns,
                                        int64_t length, bool cosine,
                                        function_ref<double(int64_t)> weight) {
  auto type = RankedTensorType::get({rows, columns}, element);
  std::vector<double> values;
  values.reserve(rows * columns);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c) {
      // Reduced first: the angle stays small and exact in its numerator.
      double angle = 2 * M_PI * double(r * c % length) / double(length);
      values.push_back(weight(r) *
                       (cosine ? std::cos(angle) : std::sin(angle)));
    }
  return makeConstant(g.builder, g.loc, constantOfDoubles(type, values));
}

std::optional<std::pair<int64_t, int64_t>>
ashlar::onnx::splitLength(int64_t length) {
  for (int64_t first = int64_t(std::sqrt(double(length))); first > 1; --first)
    if (length % first == 0)
      return std::pair(first, length / first);
  return std::nullopt;
}

namespace {

struct Complex {
  Value re, im;
};

class TwoSteps {
public:
  TwoSteps(GraphBuilder &g, int64_t rank, bool inverse)
      : g(g), rank(rank), inverse(inverse) {}

  /// x cos + j x sin forward means e^(-j angle): the sign lies here.
  Complex combine(Value reCos, Value imSin, Value reSin, Value imCos) {
    if (inverse)
      return {g.sub(reCos, imSin), g.add(reSin, imCos)};
    return {g.add(reCos, imSin), g.sub(imCos, reSin)};
  }

  /// A whole transform along the last axis, by products with matrices.
  Complex shortTransform(Complex x, int64_t length) {
    auto matrix = [&](bool cosine) {
      return trigonometricMatrix(g, g.element(x.re), length, length, length,
                                 cosine, [](int64_t) { return 1.0; });
    };
    Value cos = matrix(true), sin = matrix(false);
    return combine(g.matmul(x.re, cos), g.matmul(x.im, sin),
                   g.matmul(x.re, sin), g.matmul(x.im, cos));
  }

  /// Times the roots of unity of `length` at row * column.
  Complex twiddle(Complex x, int64_t rows, int64_t columns, int64_t length) {
    auto matrix = [&](bool cosine) {
      return trigonometricMatrix(g, g.element(x.re), rows, columns, length,
                                 cosine, [](int64_t) { return 1.0; });
    };
    Value cos = matrix(true), sin = matrix(false);
    return combine(g.mul(x.re, cos), g.mul(x.im, sin), g.mul(x.re, sin),
                   g.mul(x.im, cos));
  }

  /// The last axis as two, or the last two as one; all others as they are.
  Complex reshape(Complex x, ArrayRef<int64_t> last) {
    SmallVector<int64_t> target(rank - 1, 0);
    target.append(last.begin(), last.end());
    return {g.reshape(x.re, target), g.reshape(x.im, target)};
  }

  Complex swapLastTwo(Complex x) {
    SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, rank));
    order.back() = rank;
    order.push_back(rank - 1);
    return {g.transpose(x.re, order), g.transpose(x.im, order)};
  }

private:
  GraphBuilder &g;
  int64_t rank;
  bool inverse;
};

} // namespace

// With n = N2 n1 + n2 and k = k1 + N1 k2:
// X(k) = sum over n2 of w(N2)^(n2 k2) w(N)^(n2 k1)
//        sum over n1 of w(N1)^(n1 k1) x(n)
std::pair<Value, Value> ashlar::onnx::transformInTwoSteps(
    GraphBuilder &g, Value real, Value imaginary, int64_t rank,
    std::pair<int64_t, int64_t> factors, bool inverse) {
  auto [n1, n2] = factors;
  int64_t length = n1 * n2;
  TwoSteps steps(g, rank, inverse);
  Complex x = steps.reshape({real, imaginary}, {n1, n2});
  x = steps.shortTransform(steps.swapLastTwo(x), n1);
  x = steps.twiddle(x, n2, n1, length);
  x = steps.shortTransform(steps.swapLastTwo(x), n2);
  x = steps.reshape(steps.swapLastTwo(x), {length});
  if (inverse)
    x = {g.mul(x.re, 1.0 / double(length)), g.mul(x.im, 1.0 / double(length))};
  return {x.re, x.im};
}
