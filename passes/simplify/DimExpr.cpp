#include "passes/simplify/DimExpr.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace ashlar::onnx;

std::optional<DimExpr> DimExpr::add(const DimExpr &a, const DimExpr &b) {
  DimExpr result;
  auto left = a.terms.begin(), right = b.terms.begin();
  while (left != a.terms.end() || right != b.terms.end()) {
    if (right == b.terms.end() ||
        (left != a.terms.end() &&
         std::lexicographical_compare(left->atoms.begin(), left->atoms.end(),
                                      right->atoms.begin(),
                                      right->atoms.end()))) {
      result.terms.push_back(*left++);
    } else if (left == a.terms.end() || left->atoms != right->atoms) {
      result.terms.push_back(*right++);
    } else {
      int64_t sum;
      if (llvm::AddOverflow(left->coefficient, right->coefficient, sum))
        return std::nullopt;
      if (sum != 0)
        result.terms.push_back({left->atoms, sum});
      ++left, ++right;
    }
  }
  return result;
}

std::optional<DimExpr> DimExpr::subtract(const DimExpr &a, const DimExpr &b) {
  auto negated = multiply(b, DimExpr(-1));
  return negated ? add(a, *negated) : std::nullopt;
}

std::optional<DimExpr> DimExpr::multiply(const DimExpr &a, const DimExpr &b) {
  // Long products of sums say nothing useful and only grow.
  if (a.terms.size() * b.terms.size() > 16)
    return std::nullopt;
  DimExpr result;
  for (const Term &x : a.terms)
    for (const Term &y : b.terms) {
      Term product;
      if (llvm::MulOverflow(x.coefficient, y.coefficient, product.coefficient))
        return std::nullopt;
      llvm::append_range(product.atoms, x.atoms);
      llvm::append_range(product.atoms, y.atoms);
      llvm::sort(product.atoms);
      DimExpr single;
      single.terms.push_back(std::move(product));
      auto sum = add(result, single);
      if (!sum)
        return std::nullopt;
      result = std::move(*sum);
    }
  return result;
}

std::optional<DimExpr> DimExpr::divideExactly(const DimExpr &a,
                                              const DimExpr &b) {
  if (b.terms.empty())
    return std::nullopt;
  if (a == b)
    return DimExpr(1);
  if (b.terms.size() != 1)
    return std::nullopt;
  const Term &divisor = b.terms[0];
  DimExpr result;
  for (const Term &term : a.terms) {
    if (divisor.coefficient == -1 &&
        term.coefficient == std::numeric_limits<int64_t>::min())
      return std::nullopt;
    if (term.coefficient % divisor.coefficient != 0)
      return std::nullopt;
    Term quotient;
    quotient.coefficient = term.coefficient / divisor.coefficient;
    if (!std::includes(term.atoms.begin(), term.atoms.end(),
                       divisor.atoms.begin(), divisor.atoms.end()))
      return std::nullopt;
    std::set_difference(term.atoms.begin(), term.atoms.end(),
                        divisor.atoms.begin(), divisor.atoms.end(),
                        std::back_inserter(quotient.atoms));
    DimExpr single;
    single.terms.push_back(std::move(quotient));
    auto sum = add(result, single);
    if (!sum)
      return std::nullopt;
    result = std::move(*sum);
  }
  return result;
}

bool DimExpr::isNonNegative(llvm::ArrayRef<bool> dimLike) const {
  return llvm::all_of(terms, [&](const Term &term) {
    return term.coefficient > 0 && llvm::all_of(term.atoms, [&](unsigned atom) {
             return dimLike[atom];
           });
  });
}

void DimExpr::print(llvm::raw_ostream &os) const {
  if (terms.empty())
    os << '0';
  for (auto [index, term] : llvm::enumerate(terms)) {
    if (index > 0)
      os << '+';
    os << term.coefficient;
    for (unsigned atom : term.atoms)
      os << "*d" << atom;
  }
}
