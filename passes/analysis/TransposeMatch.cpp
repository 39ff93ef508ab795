//===- TransposeMatch.cpp - transposes in whatever form -------------------===//
#include "passes/analysis/TransposeMatch.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace ashlar;

bool ashlar::isCopyBody(linalg::GenericOp op) {
  Block &body = *op.getBody();
  return llvm::hasSingleElement(body) &&
         body.getTerminator()->getNumOperands() == 1 &&
         body.getTerminator()->getOperand(0) == body.getArgument(0);
}

std::optional<TransposeMatch> ashlar::matchTranspose(Value value) {
  if (auto named = value.getDefiningOp<linalg::TransposeOp>()) {
    // Result axis i is source axis permutation[i].
    auto permutation = named.getPermutation();
    SmallVector<unsigned> inverse(permutation.size());
    for (auto [to, from] : llvm::enumerate(permutation))
      inverse[from] = to;
    return TransposeMatch{named.getInput(), AffineMap::getPermutationMap(
                                                inverse, value.getContext())};
  }
  auto generic = value.getDefiningOp<linalg::GenericOp>();
  if (!generic || generic.getNumDpsInputs() != 1 ||
      generic.getNumDpsInits() != 1 ||
      generic.getNumParallelLoops() != generic.getNumLoops() ||
      !isCopyBody(generic))
    return std::nullopt;
  auto maps = generic.getIndexingMapsArray();
  if (!maps[1].isIdentity() || !maps[0].isPermutation() ||
      maps[0].isIdentity() ||
      getElementTypeOrSelf(generic.getInputs()[0].getType()) !=
          getElementTypeOrSelf(value.getType()))
    return std::nullopt;
  return TransposeMatch{generic.getInputs()[0], maps[0]};
}

Value ashlar::makeTranspose(OpBuilder &builder, Location loc, Value source,
                            AffineMap map) {
  if (map.isIdentity())
    return source;
  SmallVector<OpFoldResult> own = tensor::getMixedSizes(builder, loc, source);
  SmallVector<OpFoldResult> sizes(own.size());
  for (auto [axis, expression] : llvm::enumerate(map.getResults()))
    sizes[cast<AffineDimExpr>(expression).getPosition()] = own[axis];
  Type element = getElementTypeOrSelf(source.getType());
  Value empty = tensor::EmptyOp::create(builder, loc, sizes, element);
  auto identity = builder.getMultiDimIdentityMap(own.size());
  return linalg::GenericOp::create(
             builder, loc, TypeRange{empty.getType()}, ValueRange{source},
             ValueRange{empty}, ArrayRef<AffineMap>{map, identity},
             SmallVector<utils::IteratorType>(own.size(),
                                              utils::IteratorType::parallel),
             [](OpBuilder &inner, Location at, ValueRange values) {
               linalg::YieldOp::create(inner, at, values.front());
             })
      .getResult(0);
}
