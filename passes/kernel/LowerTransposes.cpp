//===- LowerTransposes.cpp - transposes by blocks in registers ------------===//
#include "passes/kernel/Passes.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include "dialects/tile/TileDialect.h"
#include "passes/kernel/Epilogue.h"
#include "passes/kernel/StridedWalk.h"

namespace ashlar {
#define GEN_PASS_DEF_LOWERTRANSPOSES
#include "passes/kernel/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {

using Index = OpFoldResult;
using Values = SmallVector<Value>;

class TransposeEmitter {
public:
  explicit TransposeEmitter(linalg::GenericOp op)
      : op(op), b(op.getLoc(), op) {}

  /// Finds the two axes; false if the operation is left to others.
  bool analyse();
  void emit();

private:
  std::optional<int64_t> step(unsigned number, unsigned group) {
    return walk.stepOf(op, number, walk.groups[group]);
  }
  std::optional<int64_t> extentOf(unsigned group) {
    return walk.extentOf(op, walk.groups[group]);
  }
  /// The vectors of a block: rows along `across` in, rows along `along` out.
  Values turn(Values rows);
  void forBlocks(Index extent,
                 llvm::function_ref<void(Index at, Index count)> body);
  void emitBand(Index low, Index bands, Index rows);
  void emitBlock(ArrayRef<Index> offsets, Index x, Index columns, Index y,
                 Index rows);
  Values loadTurned(unsigned number, Index at, Index columns, Index rows);

  linalg::GenericOp op;
  IndexArithmetic b;
  StridedWalk walk;
  unsigned along = 0;          // group that outputs are contiguous in
  unsigned across = 0;         // group that transposed inputs are
  llvm::SmallBitVector turned; // inputs
  SmallVector<WalkedOperand> operands;
  SmallVector<Index> extents;
  int64_t block = 16;
};

bool TransposeEmitter::analyse() {
  unsigned inputs = op.getNumDpsInputs();
  if (op.getNumParallelLoops() != op.getNumLoops() || op.hasIndexSemantics() ||
      op.getNumDpsInits() != 1 ||
      op.payloadUsesValueFromOperand(op.getDpsInitOperand(0)) ||
      !isElementwiseBody(op))
    return false;
  auto found = StridedWalk::of(op);
  if (!found)
    return false;
  walk = *found;
  unsigned groups = walk.groups.size();
  for (along = 0; along < groups && step(inputs, along) != 1;)
    ++along;
  if (along == groups)
    return false;
  turned.resize(inputs);
  for (unsigned number = 0; number < inputs; ++number)
    turned[number] = step(number, along) != 0 && step(number, along) != 1;
  if (turned.none())
    return false;
  auto fits = [&](unsigned candidate) {
    if (candidate == along)
      return false;
    for (unsigned number : turned.set_bits())
      if (step(number, candidate) != 1)
        return false;
    return true;
  };
  for (across = 0; across < groups && !fits(across);)
    ++across;
  // Blocks that would be mostly empty do not pay.
  constexpr int64_t kLeast = 4;
  return across < groups && extentOf(along).value_or(kLeast) >= kLeast &&
         extentOf(across).value_or(kLeast) >= kLeast;
}

/// Exchanges rows and columns: in step s, neighbours at distance s exchange
/// blocks of s elements.
Values TransposeEmitter::turn(Values rows) {
  for (int64_t distance = 1; distance < block; distance *= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t lane = 0; lane < block; ++lane) {
      bool second = lane & distance;
      low.push_back(second ? block + lane - distance : lane);
      high.push_back(second ? block + lane : lane + distance);
    }
    for (int64_t row = 0; row < block; ++row) {
      if (row & distance)
        continue;
      Value a = rows[row], c = rows[row + distance];
      rows[row] = vector::ShuffleOp::create(b, a, c, low);
      rows[row + distance] = vector::ShuffleOp::create(b, a, c, high);
    }
  }
  return rows;
}

Values TransposeEmitter::loadTurned(unsigned number, Index at, Index columns,
                                    Index rows) {
  const WalkedOperand &operand = operands[number];
  auto type =
      VectorType::get({block}, op.getBody()->getArgument(number).getType());
  Values loaded;
  auto present = b.known(columns);
  for (int64_t row = 0; row < block; ++row) {
    Index place = b.add(at, b.mul(operand.steps[along], row));
    if (present && row >= *present) {
      loaded.push_back(arith::ConstantOp::create(b, b.getZeroAttr(type)));
      continue;
    }
    Index count = rows;
    if (!present) {
      Value exists =
          arith::CmpIOp::create(b, arith::CmpIPredicate::ugt, b.value(columns),
                                b.value(b.fixed(row)));
      count =
          arith::SelectOp::create(b, exists, b.value(rows), b.value(b.fixed(0)))
              .getResult();
    }
    loaded.push_back(loadVector(b, operand.flat, place, type, count));
  }
  return turn(loaded);
}

/// A block of `rows` rows from `y` on and `columns` columns from `x` on.
void TransposeEmitter::emitBlock(ArrayRef<Index> offsets, Index x,
                                 Index columns, Index y, Index rows) {
  auto place = [&](unsigned number) {
    const WalkedOperand &operand = operands[number];
    return b.add(b.add(offsets[number], b.mul(x, operand.steps[along])),
                 b.mul(y, operand.steps[across]));
  };
  Block &body = *op.getBody();
  unsigned inputs = op.getNumDpsInputs();
  std::vector<Values> vectors(inputs);
  for (unsigned number : turned.set_bits())
    vectors[number] = loadTurned(number, place(number), columns, rows);
  auto emitRow = [&](int64_t row) {
    IRMapping mapping;
    for (unsigned number = 0; number < inputs; ++number) {
      BlockArgument argument = body.getArgument(number);
      if (argument.use_empty())
        continue;
      if (turned[number]) {
        mapping.map(argument, vectors[number][row]);
        continue;
      }
      Index at =
          b.add(place(number), b.mul(operands[number].steps[across], row));
      auto type = VectorType::get({block}, argument.getType());
      if (step(number, along) == 1) {
        mapping.map(argument,
                    loadVector(b, operands[number].flat, at, type, columns));
        continue;
      }
      Value scalar = memref::LoadOp::create(b, operands[number].flat,
                                            ValueRange{b.value(at)});
      mapping.map(argument,
                  vector::BroadcastOp::create(b, type, scalar).getResult());
    }
    for (Operation &inner : body.without_terminator())
      mapping.map(inner.getResults(),
                  vectorizeOperation(b, inner, mapping, block)->getResults());
    storeVector(
        b, mapping.lookup(body.getTerminator()->getOperand(0)),
        operands[inputs].flat,
        b.add(place(inputs), b.mul(operands[inputs].steps[across], row)),
        columns);
  };
  auto present = b.known(rows);
  for (int64_t row = 0; row < (present ? *present : block); ++row) {
    OpBuilder::InsertionGuard guard(b);
    if (!present) {
      Value exists = arith::CmpIOp::create(
          b, arith::CmpIPredicate::ugt, b.value(rows), b.value(b.fixed(row)));
      auto branch = scf::IfOp::create(b, exists, /*withElseRegion=*/false);
      b.setInsertionPoint(branch.thenYield());
    }
    emitRow(row);
  }
}

/// Whole blocks of an extent in a loop, then the rest.
void TransposeEmitter::forBlocks(
    Index extent, llvm::function_ref<void(Index at, Index count)> body) {
  Index whole = b.mul(b.div(extent, block), block);
  auto loop = [&](Index from, Index to, Index count) {
    auto first = b.known(from), end = b.known(to);
    if (first && end && *first >= *end)
      return;
    if (first && end && *end - *first <= block)
      return body(from, count);
    auto blocks = scf::ForOp::create(b, b.value(from), b.value(to),
                                     b.value(b.fixed(block)));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(blocks.getBody());
    body(blocks.getInductionVar(), count);
  };
  loop(b.fixed(0), whole, b.fixed(block));
  loop(whole, extent, b.sub(extent, whole));
}

/// `bands` rows of blocks, `rows` high, from `low` on: in parallel, with all
/// other axes.
void TransposeEmitter::emitBand(Index low, Index bands, Index rows) {
  if (b.known(bands) == 0)
    return;
  OpBuilder::InsertionGuard guard(b);
  WalkNest nest = WalkNest::open(b, extents, {along, across}, bands);
  SmallVector<Index> offsets = nest.offsets(b, operands);
  Index y = b.add(low, b.mul(nest.block, block));
  forBlocks(extents[along], [&](Index x, Index columns) {
    emitBlock(offsets, x, columns, y, rows);
  });
}

void TransposeEmitter::emit() {
  for (unsigned number = 0; number < op->getNumOperands(); ++number)
    operands.emplace_back(b, op, number, walk);
  extents = walk.extents(b, op);
  int64_t bytes = 4;
  for (Type type : op.getBody()->getArgumentTypes())
    bytes = std::max<int64_t>(bytes, type.getIntOrFloatBitWidth() / 8);
  block = tile::getTarget(op).getVectorBytes() / bytes;

  Index height = extents[across];
  Index whole = b.mul(b.div(height, block), block);
  emitBand(b.fixed(0), b.div(height, block), b.fixed(block));
  Index rest = b.sub(height, whole);
  if (b.known(rest) != 0)
    emitBand(whole, b.known(rest) ? b.fixed(1) : b.ceilDiv(rest, block), rest);
  op.erase();
}

struct LowerTransposes : ashlar::impl::LowerTransposesBase<LowerTransposes> {
  void runOnOperation() override {
    SmallVector<linalg::GenericOp> work;
    getOperation().walk([&](linalg::GenericOp op) { work.push_back(op); });
    for (linalg::GenericOp op : work) {
      TransposeEmitter emitter(op);
      if (emitter.analyse())
        emitter.emit();
    }
  }
};

} // namespace
