// Einsum as diagonals, sums, transpositions, products and matrix products, two
// operands at a time.
#include "passes/simplify/ContractionDims.h"
#include "passes/simplify/expand/GraphBuilder.h"

#include <map>

using namespace mlir;
using namespace ashlar::onnx;

namespace {

using Labels = SmallVector<int>;

// An operand on its way: a value and the label of each of its axes. Labels of
// dims of 1 that another operand has larger are dropped early, so that every
// label has one size.
struct Term {
  Value value;
  Labels labels;
};

class EinsumExpansion {
public:
  EinsumExpansion(GraphBuilder &g, Labels output)
      : g(g), output(std::move(output)) {}

  Value expand(SmallVector<Term> terms) {
    for (Term &term : terms) {
      for (auto [axis, label] : llvm::enumerate(term.labels))
        if (auto it = sizes.find(label);
            it == sizes.end() ||
            (it->second.isStatic() && it->second.value == 1))
          sizes.insert_or_assign(label, g.dim(term.value, axis));
    }
    for (Term &term : terms) {
      dropUnitAxes(term);
      takeDiagonals(term);
    }
    while (terms.size() > 1) {
      Term second = terms.pop_back_val(), first = terms.pop_back_val();
      Labels needed = output;
      for (const Term &rest : terms)
        llvm::append_range(needed, rest.labels);
      terms.push_back(contract(first, second, needed));
    }
    Term last = terms.front();
    sumOut(last, output);
    return arrange(last, output);
  }

private:
  // A dim of 1 where the label's size is not 1 takes part by broadcasting: it
  // is not there.
  void dropUnitAxes(Term &term) {
    auto type = rankedType(term.value);
    SmallVector<int64_t> axes;
    Labels kept;
    for (auto [axis, label] : llvm::enumerate(term.labels)) {
      const Size &size = sizes.at(label);
      if (type && type.getDimSize(axis) == 1 &&
          !(size.isStatic() && size.value == 1))
        axes.push_back(axis);
      else
        kept.push_back(label);
    }
    if (axes.empty())
      return;
    term.value = g.squeeze(term.value, axes);
    term.labels = kept;
  }

  // A label twice in one operand: its diagonal.
  void takeDiagonals(Term &term) {
    for (bool again = true; again;) {
      again = false;
      for (size_t i = 0; i < term.labels.size() && !again; ++i)
        for (size_t j = i + 1; j < term.labels.size() && !again; ++j)
          if (term.labels[i] == term.labels[j]) {
            takeDiagonal(term, i, j);
            again = true;
          }
    }
  }

  // Brings both axes to the end, flattens them, and takes every (n + 1)th
  // element.
  void takeDiagonal(Term &term, size_t i, size_t j) {
    Labels rest;
    SmallVector<int64_t> perm;
    SmallVector<Size> shape;
    int label = term.labels[i];
    for (size_t axis = 0; axis < term.labels.size(); ++axis)
      if (axis != i && axis != j) {
        perm.push_back(axis);
        rest.push_back(term.labels[axis]);
        shape.push_back(sizes.at(term.labels[axis]));
      }
    perm.push_back(i);
    perm.push_back(j);
    Size n = sizes.at(label);
    shape.push_back(g.times(n, n));
    Value flat = g.reshapeTo(g.transpose(term.value, perm), shape);
    Value indices = g.mul(g.range(n), g.toScalar(g.plus(n, 1)));
    term.value = g.gather(flat, indices, int64_t(rest.size()));
    rest.push_back(label);
    term.labels = rest;
  }

  // Sums over the axes that nobody needs.
  void sumOut(Term &term, ArrayRef<int> needed) {
    SmallVector<int64_t> axes;
    Labels kept;
    for (auto [axis, label] : llvm::enumerate(term.labels))
      if (llvm::is_contained(needed, label))
        kept.push_back(label);
      else
        axes.push_back(axis);
    if (axes.empty())
      return;
    term.value = g.reduce<ReduceSumOp>(term.value, axes, false);
    term.labels = kept;
  }

  // The value with its axes in the given order, labels that it lacks as dims of
  // 1 (or spread at the very end).
  Value arrange(const Term &term, ArrayRef<int> order, bool spread = true) {
    SmallVector<int64_t> perm, missing;
    SmallVector<Size> shape;
    for (auto [position, label] : llvm::enumerate(order)) {
      const int *found = llvm::find(term.labels, label);
      if (found == term.labels.end())
        missing.push_back(position);
      else
        perm.push_back(found - term.labels.begin());
      shape.push_back(sizes.at(label));
    }
    Value value = term.value;
    if (!llvm::is_sorted(perm))
      value = g.transpose(value, perm);
    if (missing.empty())
      return value;
    value = g.unsqueeze(value, missing);
    return spread ? g.expandTo(value, shape) : value;
  }

  Size sizeOf(ArrayRef<int> labels) {
    Size total = 1;
    for (int label : labels)
      total = g.times(total, sizes.at(label));
    return total;
  }

  Term contract(Term a, Term b, ArrayRef<int> needed) {
    Labels neededByA(needed), neededByB(needed);
    llvm::append_range(neededByA, b.labels);
    llvm::append_range(neededByB, a.labels);
    sumOut(a, neededByA);
    sumOut(b, neededByB);
    Labels batch, left, right, inner;
    for (int label : a.labels) {
      bool shared = llvm::is_contained(b.labels, label);
      bool kept = llvm::is_contained(needed, label);
      (shared ? (kept ? batch : inner) : left).push_back(label);
    }
    for (int label : b.labels)
      if (!llvm::is_contained(a.labels, label))
        right.push_back(label);
    Labels all(batch);
    llvm::append_range(all, left);
    llvm::append_range(all, right);
    if (inner.empty())
      return {g.mul(arrange(a, all, false), arrange(b, all, false)), all};

    // [batch..., left, inner] times [batch..., inner, right]
    Labels orderA(batch), orderB(batch);
    llvm::append_range(orderA, left);
    llvm::append_range(orderA, inner);
    llvm::append_range(orderB, inner);
    llvm::append_range(orderB, right);
    SmallVector<Size> shapeA, shapeB, shapeAll;
    for (int label : batch) {
      shapeA.push_back(sizes.at(label));
      shapeB.push_back(sizes.at(label));
    }
    shapeA.append({sizeOf(left), sizeOf(inner)});
    shapeB.append({sizeOf(inner), sizeOf(right)});
    Value x = arrange(a, orderA), y = arrange(b, orderB);
    if (left.size() != 1 || inner.size() != 1)
      x = g.reshapeTo(x, shapeA);
    if (right.size() != 1 || inner.size() != 1)
      y = g.reshapeTo(y, shapeB);
    Value product = g.matmul(x, y);
    if (left.size() != 1 || right.size() != 1) {
      for (int label : all)
        shapeAll.push_back(sizes.at(label));
      product = g.reshapeTo(product, shapeAll);
    }
    return {product, all};
  }

  GraphBuilder &g;
  Labels output;
  std::map<int, Size> sizes;
};

LogicalResult expandEinsum(EinsumOp op, PatternRewriter &rewriter) {
  SmallVector<int64_t> ranks;
  for (Value operand : op.getInputs()) {
    auto type = rankedType(operand);
    if (!type)
      return failure();
    ranks.push_back(type.getRank());
  }
  auto equation = parseEinsum(op.getEquation(), ranks);
  if (!equation)
    return failure();
  SmallVector<Term> terms;
  for (auto [operand, labels] : llvm::zip(op.getInputs(), equation->inputs))
    terms.push_back({operand, labels});
  GraphBuilder g(rewriter, op.getLoc());
  EinsumExpansion expansion(g, equation->output);
  Value result = expansion.expand(terms);
  if (result == op->getOperand(0))
    result = g.unary<IdentityOp>(result);
  replaceResult(rewriter, op, result);
  return success();
}

} // namespace

void ashlar::onnx::populateEinsumExpansions(RewritePatternSet &patterns) {
  patterns.add(expandEinsum);
}
