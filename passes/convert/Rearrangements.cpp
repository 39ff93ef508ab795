// Operators that give the elements of a tensor other places: Transpose,
// DepthToSpace, SpaceToDepth, ReverseSequence.
#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/EmitterPattern.h"
#include "passes/convert/Families.h"

using namespace mlir;

namespace ashlar {
namespace {

using Scalars = Emitter::Scalars;

Lowered lowerTranspose(onnx::TransposeOp op, onnx::TransposeOp::Adaptor in,
                       Emitter &e) {
  int64_t rank = e.resultType(0).getRank();
  SmallVector<int64_t> permutation;
  if (op.getPerm())
    permutation = SmallVector<int64_t>(*op.getPerm());
  else
    permutation =
        llvm::to_vector<6>(llvm::reverse(llvm::seq<int64_t>(0, rank)));
  if (static_cast<int64_t>(permutation.size()) != rank ||
      !isPermutationVector(permutation))
    return e.invalid("perm is no permutation of " + Twine(rank) + " axes");
  if (llvm::equal(permutation, llvm::seq<int64_t>(0, rank)))
    return in.getData();
  return e.transpose(in.getData(), permutation);
}

Lowered lowerDepthToSpace(onnx::DepthToSpaceOp op,
                          onnx::DepthToSpaceOp::Adaptor in, Emitter &e) {
  TensorBuilder::Sizes own = e.dims(in.getInput());
  if (own.size() != 4)
    return e.unsupported("on inputs that are not of rank 4");
  OpFoldResult block = e.size(op.getBlocksize()),
               depth = e.sizeDiv(own[1],
                                 e.size(op.getBlocksize() * op.getBlocksize()));
  bool blocksFirst = op.getMode() != "CRD";
  TensorBuilder::Sizes split = {own[0], blocksFirst ? block : depth,
                                block,  blocksFirst ? depth : block,
                                own[2], own[3]};
  Value parts = e.reshape(in.getInput(), split);
  Value placed =
      e.transpose(parts, blocksFirst ? ArrayRef<int64_t>{0, 3, 4, 1, 5, 2}
                                     : ArrayRef<int64_t>{0, 1, 4, 2, 5, 3});
  return e.reshape(placed, {own[0], depth, e.sizeMul(own[2], block),
                            e.sizeMul(own[3], block)});
}

Lowered lowerSpaceToDepth(onnx::SpaceToDepthOp op,
                          onnx::SpaceToDepthOp::Adaptor in, Emitter &e) {
  TensorBuilder::Sizes own = e.dims(in.getInput());
  if (own.size() != 4)
    return e.unsupported("on inputs that are not of rank 4");
  OpFoldResult block = e.size(op.getBlocksize());
  OpFoldResult rows = e.sizeDiv(own[2], block),
               columns = e.sizeDiv(own[3], block);
  for (int64_t axis : {2, 3})
    if (!getConstantIntValue(own[axis]))
      e.require(e.wrap(own[axis]) % op.getBlocksize() == 0, DataError::Shape,
                "a size is no multiple of the block size");
  Value parts =
      e.reshape(in.getInput(), {own[0], own[1], rows, block, columns, block});
  Value placed = e.transpose(parts, {0, 3, 5, 1, 2, 4});
  return e.reshape(
      placed,
      {own[0], e.sizeMul(own[1], e.size(op.getBlocksize() * op.getBlocksize())),
       rows, columns});
}

Lowered lowerReverseSequence(onnx::ReverseSequenceOp op,
                             onnx::ReverseSequenceOp::Adaptor in, Emitter &e) {
  Value input = in.getInput(), lengths = in.getSequenceLens();
  RankedTensorType type = e.resultType(0);
  int64_t batchAxis = wrapAxis(op.getBatchAxis(), type.getRank()),
          timeAxis = wrapAxis(op.getTimeAxis(), type.getRank());
  Scalars sizes = e.sizesOfTensor(input);
  e.require(e.sizeOf(lengths, 0) == sizes[batchAxis], DataError::Shape,
            "there is not one length for each sequence");
  Scalar allFit = e.accumulate(
      sizes[batchAxis], e.truth(true), [&](ArrayRef<Scalar> at, Scalar soFar) {
        Scalar length = e.load(lengths, at).toIndex();
        return soFar & (length >= 0) & (length <= sizes[timeAxis]);
      });
  e.require(allFit, DataError::Value,
            "a sequence is longer than the time axis");
  return e.build(type, sizes, [&](ArrayRef<Scalar> at) {
    Scalar time = at[timeAxis],
           length =
               min(e.load(lengths, at[batchAxis]).toIndex(), sizes[timeAxis]);
    Scalars position(at.take_front(type.getRank()));
    position[timeAxis] = select(time < length, length - 1 - time, time);
    return e.load(input, position);
  });
}

} // namespace

void populateRearrangementPatterns(const OnnxTypeConverter &converter,
                                   RewritePatternSet &patterns) {
  addLowerings(converter, patterns, lowerTranspose, lowerDepthToSpace,
               lowerSpaceToDepth, lowerReverseSequence);
}

} // namespace ashlar
