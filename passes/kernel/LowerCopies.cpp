//===- LowerCopies.cpp - copies of strided buffers to loops ---------------===//
#include "passes/kernel/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/MemRef/Utils/MemRefUtils.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include "dialects/tile/TileDialect.h"
#include "passes/kernel/Epilogue.h"

namespace ashlar {
#define GEN_PASS_DEF_LOWERCOPIES
#include "passes/kernel/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {

/// As the conversion to LLVM has it, which calls a library for other copies:
/// even an axis of one element must have the stride of its place.
bool isContiguous(Value buffer) {
  auto type = cast<MemRefType>(buffer.getType());
  return type.getLayout().isIdentity() ||
         memref::isStaticShapeAndContiguousRowMajor(type);
}

/// Rows of pixels of a few channels are copied to pixels that have room for
/// more, or a few channels of theirs are filled: as many pixels at a time as a
/// vector holds.
class PixelStores {
public:
  using Index = OpFoldResult;

  /// `source` is a buffer, or what all elements become.
  PixelStores(Operation *op, Value source, Value target)
      : op(op), b(op->getLoc(), op), source(source), target(target) {}

  /// False if the operation is left to others.
  bool analyse();
  void emit();

private:
  void emitRow(Index from, Index to);
  bool isCopy() const { return isa<MemRefType>(source.getType()); }

  Operation *op;
  IndexArithmetic b;
  Value source, target;
  FlatView sourceView, targetView;
  int64_t channels = 0, pitch = 0; // of a pixel; of the target's pixels
  int64_t pixels = 0, lanes = 0;   // of a row, of a vector
};

bool PixelStores::analyse() {
  // Masks of elements of less than four bytes.
  constexpr int64_t kMaskedBytes = 64;
  // With more channels a vector of each pixel is as good.
  constexpr int64_t kMostBytes = 16;
  auto to = cast<MemRefType>(target.getType());
  int64_t rank = to.getRank(), offset;
  Type element = to.getElementType();
  SmallVector<int64_t> strides;
  tile::TargetAttr cpu = tile::getTarget(op);
  if (cpu.getVectorBytes() < kMaskedBytes || rank < 2 || !to.hasStaticShape() ||
      !element.isIntOrFloat() || element.getIntOrFloatBitWidth() % 8 != 0 ||
      failed(to.getStridesAndOffset(strides, offset)) || strides.back() != 1)
    return false;
  channels = to.getDimSize(rank - 1);
  pixels = to.getDimSize(rank - 2);
  pitch = strides[rank - 2];
  lanes = kMaskedBytes * 8 / element.getIntOrFloatBitWidth();
  // Any bytes of a vector in one instruction.
  if (isCopy() && element.getIntOrFloatBitWidth() == 8 && !cpu.getVbmi())
    return false;
  if (isCopy()) {
    auto from = cast<MemRefType>(source.getType());
    SmallVector<int64_t> read;
    if (!from.hasStaticShape() ||
        failed(from.getStridesAndOffset(read, offset)) || read.back() != 1 ||
        read[rank - 2] != channels)
      return false;
  }
  return channels < pitch && pitch * kMaskedBytes <= kMostBytes * lanes &&
         pixels >= lanes / pitch;
}

/// The last vector goes over pixels of the one before it again.
void PixelStores::emitRow(Index from, Index to) {
  int64_t together = lanes / pitch;
  Type element = cast<MemRefType>(target.getType()).getElementType();
  auto type = VectorType::get({lanes}, element);
  SmallVector<int64_t> places(lanes, 0);
  SmallVector<bool> exist(lanes, false);
  for (int64_t lane = 0; lane < together * pitch; ++lane)
    if (lane % pitch < channels) {
      places[lane] = lane / pitch * channels + lane % pitch;
      exist[lane] = true;
    }
  Value mask = arith::ConstantOp::create(
      b, DenseElementsAttr::get(VectorType::get({lanes}, b.getI1Type()),
                                ArrayRef<bool>(exist)));
  Value stored;
  if (!isCopy())
    stored = vector::BroadcastOp::create(b, type, source);
  b.forLoop(b.fixed(0), b.fixed(pixels), together, [&](Index pixel) {
    if (pixels % together)
      pixel = b.min(pixel, b.fixed(pixels - together));
    if (isCopy()) {
      Value read =
          loadVector(b, sourceView.flat, b.add(from, b.mul(pixel, channels)),
                     type, b.fixed(together * channels));
      stored = vector::ShuffleOp::create(b, read, read, places);
    }
    vector::MaskedStoreOp::create(
        b, targetView.flat, ValueRange{b.value(b.add(to, b.mul(pixel, pitch)))},
        mask, stored);
  });
}

void PixelStores::emit() {
  targetView = FlatView::of(b, target);
  if (isCopy())
    sourceView = FlatView::of(b, source);
  ArrayRef<Index> outer = ArrayRef(targetView.sizes).drop_back(2);
  Index rows = b.fixed(1);
  for (Index size : outer)
    rows = b.mul(rows, size);
  auto loop = scf::ParallelOp::create(b, ValueRange{b.value(b.fixed(0))},
                                      ValueRange{b.value(rows)},
                                      ValueRange{b.value(b.fixed(1))});
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Index from = isCopy() ? sourceView.offset : Index(b.fixed(0));
  Index to = targetView.offset;
  SmallVector<Index> at = b.delinearize(Value(loop.getInductionVars()[0]),
                                        SmallVector<Index>(reverse(outer)));
  for (auto [axis, place] : llvm::enumerate(llvm::reverse(at))) {
    if (isCopy())
      from = b.add(from, b.mul(place, sourceView.strides[axis]));
    to = b.add(to, b.mul(place, targetView.strides[axis]));
  }
  emitRow(from, to);
  op->erase();
}

struct LowerCopies : ashlar::impl::LowerCopiesBase<LowerCopies> {
  void runOnOperation() override {
    getOperation().walk([](memref::CopyOp copy) {
      if (isContiguous(copy.getSource()) && isContiguous(copy.getTarget()))
        return;
      PixelStores pixels(copy, copy.getSource(), copy.getTarget());
      if (pixels.analyse())
        pixels.emit();
      else
        copyByElements(copy);
    });
    getOperation().walk([](linalg::FillOp fill) {
      if (!isa<MemRefType>(fill.getDpsInits()[0].getType()))
        return;
      PixelStores pixels(fill, fill.getInputs()[0], fill.getDpsInits()[0]);
      if (pixels.analyse())
        pixels.emit();
    });
  }

  static void copyByElements(memref::CopyOp copy) {
    OpBuilder builder(copy);
    int64_t rank = cast<MemRefType>(copy.getTarget().getType()).getRank();
    AffineMap map = builder.getMultiDimIdentityMap(rank);
    linalg::GenericOp::create(
        builder, copy.getLoc(), ValueRange{copy.getSource()},
        ValueRange{copy.getTarget()}, ArrayRef<AffineMap>{map, map},
        SmallVector<utils::IteratorType>(rank, utils::IteratorType::parallel),
        [](OpBuilder &inner, Location loc, ValueRange values) {
          linalg::YieldOp::create(inner, loc, values.front());
        });
    copy.erase();
  }
};

} // namespace
