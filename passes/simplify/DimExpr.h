// A dimension, or an element of a shape-like tensor, as a polynomial with
// integer coefficients over atoms. An atom is a named dim of an input, a dim
// that only the data decides, or a quotient that does not divide evenly. Equal
// polynomials are equal values, whatever the data: that is what lets a computed
// shape become static.
#ifndef ASHLAR_PASSES_SIMPLIFY_DIMEXPR_H
#define ASHLAR_PASSES_SIMPLIFY_DIMEXPR_H

#include "llvm/ADT/SmallVector.h"
#include <optional>

namespace llvm {
class raw_ostream;
}

namespace ashlar::onnx {

class DimExpr {
public:
  struct Term {
    llvm::SmallVector<unsigned, 2> atoms; // sorted, repeated for powers
    int64_t coefficient;
    bool operator==(const Term &other) const {
      return coefficient == other.coefficient && atoms == other.atoms;
    }
  };

  DimExpr() = default; // zero
  DimExpr(int64_t value) {
    if (value != 0)
      terms.push_back({{}, value});
  }
  static DimExpr atom(unsigned id) {
    DimExpr result;
    result.terms.push_back({{id}, 1});
    return result;
  }

  bool isConstant() const {
    return terms.empty() || (terms.size() == 1 && terms[0].atoms.empty());
  }
  std::optional<int64_t> constant() const {
    if (!isConstant())
      return std::nullopt;
    return terms.empty() ? 0 : terms[0].coefficient;
  }
  bool is(int64_t value) const { return constant() == value; }

  bool operator==(const DimExpr &other) const { return terms == other.terms; }
  bool operator!=(const DimExpr &other) const { return !(*this == other); }

  // Sums and products; nothing when a coefficient leaves 64 bits.
  static std::optional<DimExpr> add(const DimExpr &a, const DimExpr &b);
  static std::optional<DimExpr> subtract(const DimExpr &a, const DimExpr &b);
  static std::optional<DimExpr> multiply(const DimExpr &a, const DimExpr &b);
  // The quotient when b divides a for every value of the atoms (b a single
  // term).
  static std::optional<DimExpr> divideExactly(const DimExpr &a,
                                              const DimExpr &b);

  // True when it cannot be negative, given that every atom with `dimLike` is
  // not.
  bool isNonNegative(llvm::ArrayRef<bool> dimLike) const;
  llvm::ArrayRef<Term> getTerms() const { return terms; }
  void print(llvm::raw_ostream &os) const;

private:
  llvm::SmallVector<Term, 1> terms; // sorted by atoms, no zero coefficient
};

using Shape = llvm::SmallVector<DimExpr, 4>;

} // namespace ashlar::onnx

#endif // ASHLAR_PASSES_SIMPLIFY_DIMEXPR_H
