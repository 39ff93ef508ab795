//===- StridedWalk.cpp - loops over buffers with merged axes --------------===//
#include "passes/kernel/StridedWalk.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace ashlar;

namespace {

/// Static strides of a buffer; dynamic ones are ShapedType::kDynamic.
std::optional<SmallVector<int64_t>> stridesOf(Value buffer) {
  auto type = dyn_cast<MemRefType>(buffer.getType());
  SmallVector<int64_t> strides;
  int64_t offset;
  if (!type || failed(type.getStridesAndOffset(strides, offset)))
    return std::nullopt;
  return strides;
}

bool isDim(AffineExpr expression, unsigned loop) {
  auto dim = dyn_cast<AffineDimExpr>(expression);
  return dim && dim.getPosition() == loop;
}

/// Elements from one index of a loop to the next; kDynamic if not known.
int64_t strideAlong(Value buffer, AffineMap map, unsigned loop) {
  SmallVector<int64_t> strides = *stridesOf(buffer);
  int64_t total = 0;
  for (auto [expression, stride] : llvm::zip(map.getResults(), strides)) {
    if (!isDim(expression, loop))
      continue;
    if (ShapedType::isDynamic(stride))
      return ShapedType::kDynamic;
    total += stride;
  }
  return total;
}

/// True if an operand steps through two loops as through one: the outer step is
/// the inner one times the inner extent.
bool isJoined(Value buffer, AffineMap map, unsigned outer, unsigned inner,
              int64_t extent) {
  int64_t outerStride = strideAlong(buffer, map, outer);
  int64_t innerStride = strideAlong(buffer, map, inner);
  if (!ShapedType::isDynamic(outerStride) &&
      !ShapedType::isDynamic(innerStride) && !ShapedType::isDynamic(extent))
    return outerStride == innerStride * extent;
  // Sizes that are not known: neighbouring axes of a contiguous buffer.
  if (!cast<MemRefType>(buffer.getType()).getLayout().isIdentity())
    return false;
  std::optional<unsigned> at;
  for (auto [axis, expression] : llvm::enumerate(map.getResults())) {
    if (!isDim(expression, outer) && !isDim(expression, inner))
      continue;
    if (isDim(expression, outer)) {
      if (at)
        return false;
      at = axis;
    } else if (!at || axis != *at + 1) {
      return false;
    }
  }
  return at && *at + 1 < map.getNumResults() &&
         isDim(map.getResult(*at + 1), inner);
}

} // namespace

std::optional<StridedWalk> StridedWalk::of(linalg::GenericOp op) {
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  for (auto [operand, map] : llvm::zip(op->getOperands(), maps)) {
    if (!stridesOf(operand))
      return std::nullopt;
    for (AffineExpr expression : map.getResults())
      if (!isa<AffineDimExpr, AffineConstantExpr>(expression))
        return std::nullopt;
  }
  llvm::SmallDenseSet<unsigned> indexed;
  op.getBody()->walk(
      [&](linalg::IndexOp index) { indexed.insert(index.getDim()); });
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  StridedWalk walk;
  for (unsigned loop = 0; loop < op.getNumLoops(); ++loop) {
    if (extents[loop] == 1 && !indexed.contains(loop))
      continue;
    bool joined =
        !walk.groups.empty() && !indexed.contains(loop) &&
        !indexed.contains(walk.groups.back().back()) &&
        llvm::all_of(llvm::zip(op->getOperands(), maps), [&](auto access) {
          return isJoined(std::get<0>(access), std::get<1>(access),
                          walk.groups.back().back(), loop, extents[loop]);
        });
    if (joined)
      walk.groups.back().push_back(loop);
    else
      walk.groups.push_back({loop});
  }
  return walk;
}

std::optional<int64_t> StridedWalk::extentOf(linalg::GenericOp op,
                                             const Group &group) const {
  int64_t extent = 1;
  for (unsigned loop : group) {
    int64_t size = op.getStaticLoopRanges()[loop];
    if (ShapedType::isDynamic(size))
      return std::nullopt;
    extent *= size;
  }
  return extent;
}

SmallVector<OpFoldResult> StridedWalk::extents(IndexArithmetic &b,
                                               linalg::GenericOp op) const {
  auto structured = cast<linalg::LinalgOp>(op.getOperation());
  SmallVector<Range> ranges = structured.createLoopRanges(b, op.getLoc());
  SmallVector<OpFoldResult> sizes;
  for (const Group &group : groups) {
    OpFoldResult size = b.fixed(1);
    for (unsigned loop : group)
      size = b.mul(size, ranges[loop].size);
    sizes.push_back(size);
  }
  return sizes;
}

std::optional<int64_t> StridedWalk::stepOf(linalg::GenericOp op,
                                           unsigned number,
                                           const Group &group) const {
  int64_t stride = strideAlong(op->getOperand(number),
                               op.getIndexingMapsArray()[number], group.back());
  if (ShapedType::isDynamic(stride))
    return std::nullopt;
  return stride;
}

WalkedOperand::WalkedOperand(IndexArithmetic &b, linalg::GenericOp op,
                             unsigned number, const StridedWalk &walk) {
  FlatView view = FlatView::of(b, op->getOperand(number));
  AffineMap map = op.getIndexingMapsArray()[number];
  flat = view.flat;
  offset = view.offset;
  for (auto [expression, stride] : llvm::zip(map.getResults(), view.strides))
    if (auto constant = dyn_cast<AffineConstantExpr>(expression))
      offset = b.add(offset, b.mul(stride, constant.getValue()));
  for (const StridedWalk::Group &group : walk.groups) {
    OpFoldResult step = b.fixed(0);
    for (auto [expression, stride] : llvm::zip(map.getResults(), view.strides))
      if (isDim(expression, group.back()))
        step = b.add(step, stride);
    steps.push_back(step);
  }
}

WalkNest WalkNest::open(IndexArithmetic &b, ArrayRef<OpFoldResult> extents,
                        ArrayRef<unsigned> inner, OpFoldResult blocks) {
  SmallVector<unsigned> outer;
  SmallVector<Value> highs;
  for (auto [group, extent] : llvm::enumerate(extents)) {
    if (llvm::is_contained(inner, group))
      continue;
    outer.push_back(group);
    highs.push_back(b.value(extent));
  }
  bool isCut = b.known(blocks) != 1;
  if (isCut)
    highs.push_back(b.value(blocks));
  WalkNest result{SmallVector<OpFoldResult>(extents.size()), b.fixed(0)};
  if (highs.empty())
    return result;
  SmallVector<Value> zeros(highs.size(), b.value(b.fixed(0)));
  SmallVector<Value> ones(highs.size(), b.value(b.fixed(1)));
  auto nest = scf::ParallelOp::create(b, zeros, highs, ones);
  b.setInsertionPointToStart(nest.getBody());
  for (auto [group, index] : llvm::zip(outer, nest.getInductionVars()))
    result.at[group] = index;
  if (isCut)
    result.block = nest.getInductionVars().back();
  return result;
}

SmallVector<OpFoldResult>
WalkNest::offsets(IndexArithmetic &b, ArrayRef<WalkedOperand> operands) const {
  SmallVector<OpFoldResult> offsets;
  for (const WalkedOperand &operand : operands) {
    OpFoldResult offset = operand.offset;
    for (auto [index, step] : llvm::zip(at, operand.steps))
      if (index)
        offset = b.add(offset, b.mul(index, step));
    offsets.push_back(offset);
  }
  return offsets;
}
