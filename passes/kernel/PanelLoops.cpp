//===- PanelLoops.cpp - packing of matrices in vectors --------------------===//
#include "passes/kernel/PanelLoops.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include "dialects/tile/TileDialect.h"
#include "passes/kernel/Epilogue.h"

using namespace mlir;
using namespace ashlar;

namespace {

using Index = OpFoldResult;

class PackEmitter {
public:
  PackEmitter(IndexArithmetic &b, nn::PackOp pack)
      : b(b), source(FlatView::of(b, pack.getSource())),
        panels(FlatView::of(b, pack.getInit())),
        element(getElementTypeOrSelf(pack.getInit().getType())),
        form(nn::PanelForm::of(element)), transposed(pack.getTransposed()) {}

  void emitGrid();

private:
  /// A group of reduction steps from rows of columns: rows are interleaved.
  /// Without `whole` some may lie behind the last one.
  void packRows(Index group, bool whole);
  /// A group of one column from a row of reduction steps: one move.
  void packColumn(Index group, Index column, Index count);
  Index stepAt(Index step, Index column) {
    Index at = b.add(base, b.mul(step, stepStride));
    return b.add(at, b.mul(column, columnStride));
  }
  Value select(Index x, Index y, Index whenLess, Index otherwise) {
    Value less = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, b.value(x),
                                       b.value(y));
    return arith::SelectOp::create(b, less, b.value(whenLess),
                                   b.value(otherwise));
  }

  IndexArithmetic &b;
  FlatView source, panels;
  Type element;
  nn::PanelForm form;
  bool transposed;
  Index depth, width, groups, stepStride, columnStride;
  // Of the task.
  Index base, target, columns;
};

void PackEmitter::packRows(Index group, bool whole) {
  auto type = VectorType::get({form.width}, element);
  SmallVector<Value> rows;
  for (int64_t i = 0; i < form.group; ++i) {
    Index step = b.add(b.mul(group, form.group), i);
    Index count = columns;
    if (!whole)
      count = select(step, depth, columns, b.fixed(0));
    rows.push_back(
        loadVector(b, source.flat, stepAt(step, b.fixed(0)), type, count));
  }
  // Pairs of rows, then, of bytes, pairs of pairs.
  auto interleave = [&](Value first, Value second) -> Value {
    return vector::InterleaveOp::create(b, first, second);
  };
  Value packed = interleave(rows[0], rows[1]);
  if (form.group == 4) {
    auto words = VectorType::get({form.width}, b.getI16Type());
    Value low = vector::BitCastOp::create(b, words, packed);
    Value high =
        vector::BitCastOp::create(b, words, interleave(rows[2], rows[3]));
    auto whole = VectorType::get({form.width * form.group}, element);
    packed = vector::BitCastOp::create(b, whole, interleave(low, high));
  }
  storeVector(b, packed, panels.flat,
              b.add(target, b.mul(group, form.width * form.group)),
              b.fixed(form.width * form.group));
}

void PackEmitter::packColumn(Index group, Index column, Index count) {
  auto type = VectorType::get({form.group}, element);
  Value steps = loadVector(
      b, source.flat, stepAt(b.mul(group, form.group), column), type, count);
  Index at = b.add(target, b.mul(group, form.width * form.group));
  storeVector(b, steps, panels.flat, b.add(at, b.mul(column, form.group)),
              b.fixed(form.group));
}

void PackEmitter::emitGrid() {
  int64_t rank = source.sizes.size(), first = rank - 2;
  depth = source.sizes[transposed ? rank - 1 : rank - 2];
  width = source.sizes[transposed ? rank - 2 : rank - 1];
  stepStride = source.strides[transposed ? rank - 1 : rank - 2];
  columnStride = source.strides[transposed ? rank - 2 : rank - 1];
  groups = panels.sizes[first + 1];
  Index count = panels.sizes[first];
  Index batches = rank == 3 ? source.sizes[0] : b.fixed(1);
  auto grid = tile::GridOp::create(b, b.value(b.mul(batches, count)));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&grid.getBody().front());
  Index task = grid.getTask();
  Index panel = b.rem(task, count), batch = b.div(task, count);
  Index firstColumn = b.mul(panel, form.width);
  base = b.add(source.offset, b.mul(firstColumn, columnStride));
  target = b.add(panels.offset, b.mul(panel, panels.strides[first]));
  if (rank == 3) {
    base = b.add(base, b.mul(batch, source.strides[0]));
    target = b.add(target, b.mul(batch, panels.strides[0]));
  }
  auto knownWidth = b.known(width);
  columns = knownWidth && *knownWidth % form.width == 0
                ? b.fixed(form.width)
                : b.min(b.sub(width, firstColumn), b.fixed(form.width));
  Index whole = b.div(depth, form.group);
  if (!transposed) {
    b.forLoop(b.fixed(0), whole, 1,
              [&](Index group) { packRows(group, true); });
    b.forLoop(whole, groups, 1, [&](Index group) { packRows(group, false); });
    return;
  }
  b.forLoop(b.fixed(0), b.fixed(form.width), 1, [&](Index column) {
    Index exists = select(column, columns, whole, b.fixed(0));
    b.forLoop(b.fixed(0), exists, 1, [&](Index group) {
      packColumn(group, column, b.fixed(form.group));
    });
    // The last steps, and zeros behind them and behind the last column.
    b.forLoop(exists, groups, 1, [&](Index group) {
      Value left = b.value(b.sub(depth, b.mul(group, form.group)));
      Value some = arith::MaxSIOp::create(b, left, b.value(b.fixed(0)));
      packColumn(group, column,
                 select(column, columns, b.min(some, b.fixed(form.group)),
                        b.fixed(0)));
    });
  });
}

} // namespace

LogicalResult ashlar::lowerPack(nn::PackOp pack) {
  IndexArithmetic b(pack.getLoc(), pack);
  FlatView source = FlatView::of(b, pack.getSource());
  if (b.known(source.strides.back()) != 1)
    return pack.emitOpError("expected contiguous rows");
  PackEmitter(b, pack).emitGrid();
  pack.erase();
  return success();
}
