//===- LowerInterleaves.cpp - planes to pixels of few channels ------------===//
#include "passes/kernel/Passes.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include "dialects/tile/TileDialect.h"
#include "passes/kernel/Epilogue.h"
#include "passes/kernel/StridedWalk.h"

namespace ashlar {
#define GEN_PASS_DEF_LOWERINTERLEAVES
#include "passes/kernel/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {

using Index = OpFoldResult;
using Values = SmallVector<Value>;

/// Pixels of a task where an image is one long row; a multiple of all lanes.
constexpr int64_t kBlock = 2048;
/// With more channels blocks are turned as matrices are.
constexpr int64_t kMostChannels = 3;

class InterleaveEmitter {
public:
  explicit InterleaveEmitter(linalg::GenericOp op)
      : op(op), b(op.getLoc(), op) {}

  /// Finds the two axes; false if the operation is left to others.
  bool analyse();
  void emit();

private:
  std::optional<int64_t> step(unsigned number, unsigned group) {
    return walk.stepOf(op, number, walk.groups[group]);
  }
  bool isChannels(unsigned group);
  bool isPixels(unsigned group);
  void emitRow(ArrayRef<Index> offsets, Index low, Index high);
  void emitBlock(ArrayRef<Index> offsets, Index pixel);
  Value emitChannel(ArrayRef<Index> offsets, Index pixel, int64_t channel);
  Value interleaved(ArrayRef<Value> planes, int64_t part);

  linalg::GenericOp op;
  IndexArithmetic b;
  StridedWalk walk;
  unsigned channels = 0, pixels = 0; // groups
  int64_t count = 0;                 // of channels
  int64_t extent = 0;                // of pixels
  int64_t lanes = 0;
  SmallVector<WalkedOperand> operands;
};

/// A few elements that the output holds side by side.
bool InterleaveEmitter::isChannels(unsigned group) {
  std::optional<int64_t> size = walk.extentOf(op, walk.groups[group]);
  return step(op.getNumDpsInputs(), group) == 1 && size && *size > 1 &&
         *size <= kMostChannels;
}

/// What follows them in the output, and lies side by side in the inputs.
bool InterleaveEmitter::isPixels(unsigned group) {
  unsigned inputs = op.getNumDpsInputs();
  std::optional<int64_t> size = walk.extentOf(op, walk.groups[group]);
  if (group == channels || step(inputs, group) != count || !size ||
      *size < lanes)
    return false;
  return llvm::all_of(llvm::seq(inputs), [&](unsigned number) {
    std::optional<int64_t> distance = step(number, group);
    return distance == 0 || distance == 1;
  });
}

bool InterleaveEmitter::analyse() {
  if (op.getNumParallelLoops() != op.getNumLoops() || op.hasIndexSemantics() ||
      op.getNumDpsInits() != 1 ||
      op.payloadUsesValueFromOperand(op.getDpsInitOperand(0)) ||
      !isElementwiseBody(op) ||
      op.getBody()->getTerminator()->getOperand(0).getParentBlock() !=
          op.getBody())
    return false;
  auto found = StridedWalk::of(op);
  if (!found)
    return false;
  walk = *found;
  auto groups = llvm::seq<unsigned>(walk.groups.size());
  auto channel =
      llvm::find_if(groups, [&](unsigned g) { return isChannels(g); });
  if (channel == groups.end())
    return false;
  channels = *channel;
  count = *walk.extentOf(op, walk.groups[channels]);
  int64_t bytes = 4;
  for (Type type : op.getBody()->getArgumentTypes())
    bytes = std::max<int64_t>(bytes, type.getIntOrFloatBitWidth() / 8);
  lanes = tile::getTarget(op).getVectorBytes() / bytes;
  auto pixel = llvm::find_if(groups, [&](unsigned g) { return isPixels(g); });
  if (pixel == groups.end())
    return false;
  pixels = *pixel;
  extent = *walk.extentOf(op, walk.groups[pixels]);
  return true;
}

/// One channel of a block of pixels.
Value InterleaveEmitter::emitChannel(ArrayRef<Index> offsets, Index pixel,
                                     int64_t channel) {
  IRMapping mapping;
  Block &body = *op.getBody();
  for (unsigned number = 0; number < op.getNumDpsInputs(); ++number) {
    BlockArgument argument = body.getArgument(number);
    if (argument.use_empty())
      continue;
    const WalkedOperand &operand = operands[number];
    Index at =
        b.add(b.add(offsets[number], b.mul(operand.steps[channels], channel)),
              b.mul(pixel, operand.steps[pixels]));
    auto type = VectorType::get({lanes}, argument.getType());
    if (step(number, pixels) == 1) {
      mapping.map(argument,
                  loadVector(b, operand.flat, at, type, b.fixed(lanes)));
      continue;
    }
    Value scalar =
        memref::LoadOp::create(b, operand.flat, ValueRange{b.value(at)});
    mapping.map(argument,
                vector::BroadcastOp::create(b, type, scalar).getResult());
  }
  for (Operation &inner : body.without_terminator())
    mapping.map(inner.getResults(),
                vectorizeOperation(b, inner, mapping, lanes)->getResults());
  return mapping.lookup(body.getTerminator()->getOperand(0));
}

/// Elements [part * lanes, (part + 1) * lanes) of the pixels one after the
/// other.
Value InterleaveEmitter::interleaved(ArrayRef<Value> planes, int64_t part) {
  Value result = planes[0];
  for (int64_t channel = 1; channel < count; ++channel) {
    SmallVector<int64_t> from;
    for (int64_t lane = 0; lane < lanes; ++lane) {
      int64_t element = part * lanes + lane;
      bool isNew = element % count == channel;
      // The first shuffle brings two channels into place; later ones keep what
      // is there.
      bool isPlaced = channel > 1 || element % count > channel;
      from.push_back(isNew      ? lanes + element / count
                     : isPlaced ? lane
                                : element / count);
    }
    result = vector::ShuffleOp::create(b, result, planes[channel], from);
  }
  return result;
}

void InterleaveEmitter::emitBlock(ArrayRef<Index> offsets, Index pixel) {
  Values planes;
  for (int64_t channel = 0; channel < count; ++channel)
    planes.push_back(emitChannel(offsets, pixel, channel));
  Index at = b.add(offsets.back(), b.mul(pixel, count));
  for (int64_t part = 0; part < count; ++part)
    storeVector(b, interleaved(planes, part), operands.back().flat,
                b.add(at, part * lanes), b.fixed(lanes));
}

/// The last block may go over pixels of the one before it again.
void InterleaveEmitter::emitRow(ArrayRef<Index> offsets, Index low,
                                Index high) {
  b.forLoop(low, high, lanes, [&](Index pixel) {
    if (extent % lanes)
      pixel = b.min(pixel, b.fixed(extent - lanes));
    emitBlock(offsets, pixel);
  });
}

void InterleaveEmitter::emit() {
  for (unsigned number = 0; number < op->getNumOperands(); ++number)
    operands.emplace_back(b, op, number, walk);
  int64_t blocks = llvm::divideCeil(extent, kBlock);
  SmallVector<Index> extents = walk.extents(b, op);
  OpBuilder::InsertionGuard guard(b);
  WalkNest nest =
      WalkNest::open(b, extents, {channels, pixels}, b.fixed(blocks));
  SmallVector<Index> offsets = nest.offsets(b, operands);
  if (blocks == 1) {
    emitRow(offsets, b.fixed(0), b.fixed(extent));
  } else {
    Index low = b.mul(nest.block, kBlock);
    emitRow(offsets, low, b.min(b.add(low, kBlock), b.fixed(extent)));
  }
  op.erase();
}

struct LowerInterleaves : ashlar::impl::LowerInterleavesBase<LowerInterleaves> {
  void runOnOperation() override {
    SmallVector<linalg::GenericOp> work;
    getOperation().walk([&](linalg::GenericOp op) { work.push_back(op); });
    for (linalg::GenericOp op : work) {
      InterleaveEmitter emitter(op);
      if (emitter.analyse())
        emitter.emit();
    }
  }
};

} // namespace
