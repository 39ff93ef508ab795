//===- Epilogue.cpp - epilogue regions on vectors -------------------------===//
#include "passes/kernel/Epilogue.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"

#include "dialects/nn/NnDialect.h"
#include "dialects/tile/TileDialect.h"
#include "passes/analysis/RealBounds.h"

using namespace mlir;
using namespace ashlar;

namespace {

bool isWhole(IndexArithmetic &b, VectorType type, OpFoldResult count) {
  auto known = b.known(count);
  return known && *known >= type.getNumElements();
}

Value maskFor(IndexArithmetic &b, VectorType type, OpFoldResult count) {
  auto maskType = VectorType::get(type.getShape(), b.getI1Type());
  if (auto known = b.known(count))
    return vector::ConstantMaskOp::create(b, maskType,
                                          ArrayRef<int64_t>{*known});
  return vector::CreateMaskOp::create(b, maskType, ValueRange{b.value(count)});
}

Value sliceOf(IndexArithmetic &b, Value vector, int64_t from, int64_t size) {
  return vector::ExtractStridedSliceOp::create(
      b, vector, ArrayRef<int64_t>{from}, ArrayRef<int64_t>{size},
      ArrayRef<int64_t>{1});
}

} // namespace

Operation *ashlar::vectorizeOperation(IndexArithmetic &b, Operation &op,
                                      IRMapping &mapping, int64_t lanes) {
  auto widen = [&](Type type) -> Type {
    return VectorType::get({lanes}, type);
  };
  if (op.hasTrait<OpTrait::ConstantLike>()) {
    Value scalar = b.clone(op)->getResult(0);
    return vector::BroadcastOp::create(b, widen(scalar.getType()), scalar);
  }
  OperationState state(op.getLoc(), op.getName());
  for (Value operand : op.getOperands()) {
    Value value = mapping.lookupOrDefault(operand);
    // A scalar from outside the region is the same in every lane.
    if (!isa<VectorType>(value.getType()))
      value = vector::BroadcastOp::create(b, widen(value.getType()), value);
    state.addOperands(value);
  }
  for (Type type : op.getResultTypes())
    state.addTypes(widen(type));
  state.addAttributes(op.getAttrs());
  state.propertiesAttr = op.getPropertiesAsAttribute();
  return b.create(state);
}

Value ashlar::loadVector(IndexArithmetic &b, Value flat, OpFoldResult at,
                         VectorType type, OpFoldResult count) {
  if (isWhole(b, type, count))
    return vector::LoadOp::create(b, type, flat, ValueRange{b.value(at)});
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(type));
  return vector::MaskedLoadOp::create(b, type, flat, ValueRange{b.value(at)},
                                      maskFor(b, type, count), zero);
}

void ashlar::storeVector(IndexArithmetic &b, Value vector, Value flat,
                         OpFoldResult at, OpFoldResult count, Value isStored) {
  auto type = cast<VectorType>(vector.getType());
  if (isWhole(b, type, count) && !isStored) {
    vector::StoreOp::create(b, vector, flat, ValueRange{b.value(at)});
    return;
  }
  Value mask;
  if (!isWhole(b, type, count))
    mask = maskFor(b, type, count);
  if (isStored) {
    Value all = vector::BroadcastOp::create(
        b, VectorType::get(type.getShape(), b.getI1Type()), isStored);
    mask = mask ? Value(arith::AndIOp::create(b, mask, all)) : all;
  }
  vector::MaskedStoreOp::create(b, flat, ValueRange{b.value(at)}, mask, vector);
}

Value ashlar::storeOnStack(IndexArithmetic &b, Block *task,
                           ArrayRef<Value> vectors) {
  auto type = MemRefType::get({static_cast<int64_t>(vectors.size())},
                              vectors.front().getType());
  Value stack;
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(task);
    stack = memref::AllocaOp::create(b, type, b.getI64IntegerAttr(64));
  }
  for (auto [index, vector] : llvm::enumerate(vectors))
    memref::StoreOp::create(b, vector, stack,
                            ValueRange{b.value(b.fixed(index))});
  return stack;
}

bool ashlar::isElementwiseBody(linalg::GenericOp op) {
  for (BlockArgument argument : op.getBody()->getArguments())
    if (!argument.getType().isIntOrFloat() ||
        argument.getType().getIntOrFloatBitWidth() % 8 != 0)
      return false;
  return llvm::all_of(op.getBody()->without_terminator(), [](Operation &inner) {
    if (inner.hasTrait<OpTrait::ConstantLike>())
      return inner.getResult(0).getType().isIntOrFloat();
    bool isFunction = isa_and_present<math::MathDialect>(inner.getDialect());
    return OpTrait::hasElementwiseMappableTraits(&inner) &&
           inner.getNumRegions() == 0 && !isa<arith::RemFOp>(inner) &&
           llvm::all_of(inner.getOperandTypes(), [&](Type type) {
             return type.isIntOrFloat() && !(isFunction && type.isF64());
           });
  });
}

/// True if the results of an operation may be rounded to bf16 by an instruction
/// that flushes denormal numbers to zero: its products do so already, or its
/// results are the weights of a mean.
static bool flushesDenormals(Operation *op) {
  return tile::getTarget(op).getBf16() &&
         (isa<nn::SoftmaxOp>(op) ||
          (isa<nn::ConvOp, nn::MatmulOp>(op) &&
           getElementTypeOrSelf(op->getOperand(0).getType()).isBF16()));
}

Epilogue::Epilogue(IndexArithmetic &b, Region &region, ValueRange extraBuffers,
                   Value init)
    : region(region),
      permutesBytes(tile::getTarget(region.getParentOp()).getVbmi()),
      roundsByInstruction(flushesDenormals(region.getParentOp())),
      destination(FlatView::of(b, init)) {
  for (Value extra : extraBuffers)
    extras.push_back(FlatView::of(b, extra));
  Value byte = region.front().getTerminator()->getOperand(0);
  while (auto lookup = byte.getDefiningOp<nn::LookupOp>()) {
    lookups.insert(lookups.begin(), lookup);
    byte = lookup.getX();
  }
  rounding = ByteRounding::match(byte);
  if (!rounding)
    return;
  auto bound = magnitudeBound(
      rounding->real, [&](BlockArgument argument) -> std::optional<double> {
        unsigned number = argument.getArgNumber();
        if (argument.getOwner() != &region.front() || number == 0)
          return std::nullopt;
        return magnitudeBoundOfBuffer(extraBuffers[number - 1]);
      });
  rounding->fitsIntegers = bound && *bound <= 0x1p30;
}

bool Epilogue::isLong() const {
  constexpr int64_t kShort = 8;
  int64_t count = 0;
  for (Operation &op : region.front()) {
    count += isa_and_present<math::MathDialect>(op.getDialect()) ? kShort : 1;
    if (rounding && op.getResults() == ValueRange(rounding->real))
      break;
  }
  return count > kShort;
}

bool Epilogue::hasFunctions() const {
  return llvm::any_of(region.front(), [](Operation &op) {
    return isa_and_present<math::MathDialect>(op.getDialect()) &&
           !isa<math::AbsFOp, math::FmaOp, math::RoundEvenOp, math::SqrtOp>(op);
  });
}

Operation *Epilogue::findBias() const {
  Block &block = region.front();
  BlockArgument sum = block.getArgument(0);
  auto add = dyn_cast<arith::AddIOp>(block.front());
  if (!add || add.getLhs() != sum || !sum.hasOneUse())
    return nullptr;
  auto bias = dyn_cast<BlockArgument>(add.getRhs());
  bool isRow = bias && bias.getOwner() == &block && bias != sum &&
               extras[bias.getArgNumber() - 1].strides.size() == 1;
  return isRow ? add.getOperation() : nullptr;
}

const FlatView *Epilogue::startFromBias() {
  addedBias = findBias();
  if (!addedBias)
    return nullptr;
  auto bias = cast<BlockArgument>(addedBias->getOperand(1));
  return &extras[bias.getArgNumber() - 1];
}

Value Epilogue::biasOf(IndexArithmetic &b, OpFoldResult channel,
                       VectorType type, OpFoldResult count) {
  const FlatView *view = startFromBias();
  if (!view)
    return nullptr;
  return loadVector(b, view->flat, b.add(view->offset, channel), type, count);
}

bool Epilogue::isUsed(unsigned index) const {
  BlockArgument argument = region.front().getArgument(index + 1);
  return llvm::any_of(argument.getUsers(),
                      [&](Operation *user) { return user != addedBias; });
}

bool Epilogue::packsByChannel() const {
  return rounding && llvm::all_of(extras, [](const FlatView &view) {
           return view.strides.size() == 1;
         });
}

Epilogue::ChannelValues Epilogue::loadChannels(
    VectorType type,
    llvm::function_ref<Value(const FlatView &, VectorType)> load) {
  addedBias = findBias();
  ChannelValues values;
  for (unsigned index = 0; index < extras.size(); ++index) {
    BlockArgument argument = region.front().getArgument(index + 1);
    auto loadExtra = [&] {
      return load(extras[index],
                  VectorType::get(type.getShape(), argument.getType()));
    };
    if (addedBias && addedBias->getOperand(1) == argument)
      values.bias = loadExtra();
    values.extras.push_back(isUsed(index) ? loadExtra() : Value());
  }
  return values;
}

Value Epilogue::packChannels(IndexArithmetic &b, ArrayRef<Value> sums,
                             ArrayRef<ChannelValues> values) {
  SmallVector<Value> reals;
  for (auto [sum, own] : llvm::zip_equal(sums, values))
    reals.push_back(compute(b, sum, own.extras, rounding->real));
  return pack(b, reals);
}

Value Epilogue::pack(IndexArithmetic &b, ArrayRef<Value> reals) {
  Value bytes = packBytes(b, reals, *rounding);
  int64_t count = cast<VectorType>(bytes.getType()).getNumElements();
  for (nn::LookupOp lookup : lookups) {
    IRMapping mapping;
    mapping.map(lookup.getX(), bytes);
    bytes = vectorizeOperation(b, *lookup, mapping, count)->getResult(0);
  }
  return bytes;
}

OpFoldResult Epilogue::offsetIn(IndexArithmetic &b, const FlatView &view,
                                const OutputPosition &position) {
  SmallVector<OpFoldResult> indices{position.batch, position.y, position.x,
                                    position.channel};
  // Matrices have no y, and perhaps no batch.
  size_t rank = view.strides.size();
  if (rank == 3)
    indices.erase(indices.begin() + 1);
  else if (rank == 2)
    indices.erase(indices.begin(), indices.begin() + 2);
  OpFoldResult at = view.offset;
  for (size_t axis = 0; axis < rank; ++axis) {
    // An axis of size 1 that stands for all indices of the destination's.
    // (Where that has size 1, too, the index may run on over merged axes.)
    bool broadcasts =
        b.known(view.sizes[axis]) == 1 && b.known(destination.sizes[axis]) != 1;
    if (!broadcasts)
      at = b.add(at, b.mul(indices[axis], view.strides[axis]));
  }
  return at;
}

Value Epilogue::loadExtra(IndexArithmetic &b, unsigned index,
                          const OutputPosition &position, VectorType type,
                          OpFoldResult count) {
  const FlatView &view = extras[index];
  // One value, or one a row.
  if (view.strides.empty()) {
    Value scalar =
        memref::LoadOp::create(b, view.flat, ValueRange{b.value(view.offset)});
    return vector::BroadcastOp::create(b, type, scalar);
  }
  if (view.strides.size() == 1) {
    for (const ChannelExtra &known : loaded)
      if (known.index == index && known.channel == position.channel)
        return known.values;
    Value values = loadVector(
        b, view.flat, b.add(view.offset, position.channel), type, count);
    loaded.push_back({index, position.channel, values});
    return values;
  }
  OpFoldResult at = offsetIn(b, view, position);
  if (b.known(view.sizes.back()) == 1 &&
      b.known(destination.sizes.back()) != 1) {
    Value scalar =
        memref::LoadOp::create(b, view.flat, ValueRange{b.value(at)});
    return vector::BroadcastOp::create(b, type, scalar);
  }
  return loadVector(b, view.flat, at, type, count);
}

Value Epilogue::roundToBf16(IndexArithmetic &b, Operation &op,
                            IRMapping &mapping, int64_t lanes) {
  constexpr int64_t kRounded = 16;
  if (!roundsByInstruction || lanes != kRounded || !isa<arith::TruncFOp>(op) ||
      !op.getOperand(0).getType().isF32() ||
      !op.getResult(0).getType().isBF16())
    return Value();
  Value wide = mapping.lookupOrDefault(op.getOperand(0));
  if (!isa<VectorType>(wide.getType()))
    return Value();
  return LLVM::CallIntrinsicOp::create(
             b, VectorType::get({lanes}, b.getBF16Type()),
             b.getStringAttr("llvm.x86.avx512bf16.cvtneps2bf16.512"),
             ValueRange{wide})
      .getResult(0);
}

Value Epilogue::compute(IndexArithmetic &b, Value sums,
                        ArrayRef<Value> extraValues, Value wanted) {
  int64_t lanes = cast<VectorType>(sums.getType()).getNumElements();
  Block &block = region.front();
  IRMapping mapping;
  mapping.map(block.getArgument(0), sums);
  for (auto [index, value] : llvm::enumerate(extraValues))
    if (value)
      mapping.map(block.getArgument(index + 1), value);
  for (Operation &op : block.without_terminator()) {
    if (mapping.contains(wanted))
      break;
    if (&op == addedBias)
      mapping.map(op.getResult(0), sums);
    else if (Value rounded = roundToBf16(b, op, mapping, lanes))
      mapping.map(op.getResult(0), rounded);
    else
      mapping.map(op.getResults(),
                  vectorizeOperation(b, op, mapping, lanes)->getResults());
  }
  return mapping.lookup(wanted);
}

Value Epilogue::compute(IndexArithmetic &b, const PlacedSums &placed,
                        Value wanted) {
  auto shape = cast<VectorType>(placed.sums.getType()).getShape();
  SmallVector<Value> values(extras.size());
  for (unsigned index = 0; index < extras.size(); ++index)
    if (isUsed(index))
      values[index] =
          loadExtra(b, index, placed.position,
                    VectorType::get(
                        shape, region.front().getArgument(index + 1).getType()),
                    placed.count);
  return compute(b, placed.sums, values, wanted);
}

void Epilogue::storeOne(IndexArithmetic &b, const PlacedSums &placed) {
  Value result =
      compute(b, placed, region.front().getTerminator()->getOperand(0));
  storeVector(b, result, destination.flat,
              offsetIn(b, destination, placed.position), placed.count,
              placed.isNew);
}

void Epilogue::store(IndexArithmetic &b, ArrayRef<PlacedSums> all) {
  int64_t lanes = cast<VectorType>(all.front().sums.getType()).getNumElements();
  bool packs = rounding && (lanes == 8 || lanes == 16);
  // Loaded once, because the stores in between could be to the same memory for
  // all that LLVM knows.
  loaded.clear();
  while (!all.empty()) {
    size_t size = packs ? std::min(all.size(), kPackedVectors) : 1;
    if (size == 1)
      storeOne(b, all.front());
    else
      storePacked(b, all.take_front(size));
    all = all.drop_front(size);
  }
}

bool Epilogue::adjoins(IndexArithmetic &b, const PlacedSums &placed,
                       const PlacedSums &next) {
  auto count = b.known(placed.count);
  if (!count || placed.next == PlacedSums::Next::Elsewhere ||
      placed.isNew != next.isNew)
    return false;
  if (placed.next == PlacedSums::Next::Channels)
    return true;
  auto channels = b.known(destination.sizes.back());
  auto end = b.known(b.add(placed.position.channel, *count));
  return channels && end == channels && pixelsAdjoin(b, *channels) &&
         (permutesBytes || *count % 4 == 0);
}

bool Epilogue::pixelsAdjoin(IndexArithmetic &b, int64_t channels) {
  size_t rank = destination.strides.size();
  return rank >= 2 && b.known(destination.strides[rank - 1]) == 1 &&
         b.known(destination.strides[rank - 2]) == channels;
}

void Epilogue::storeResults(IndexArithmetic &b, Value results, int64_t size,
                            const OutputPosition &position, int64_t offset) {
  // In pieces that need no mask.
  OpFoldResult at = b.add(offsetIn(b, destination, position), offset);
  for (int64_t from = 0; from < size;) {
    int64_t piece = llvm::bit_floor(static_cast<uint64_t>(size - from));
    vector::StoreOp::create(b, sliceOf(b, results, from, piece),
                            destination.flat,
                            ValueRange{b.value(b.add(at, from))});
    from += piece;
  }
}

void Epilogue::storePacked(IndexArithmetic &b, ArrayRef<PlacedSums> group) {
  SmallVector<Value> reals;
  for (const PlacedSums &placed : group)
    reals.push_back(compute(b, placed, rounding->real));
  Value bytes = inVectorOrder(b, pack(b, reals));
  for (size_t first = 0, end; first < group.size(); first = end) {
    end = first + 1;
    while (end < group.size() && adjoins(b, group[end - 1], group[end]))
      ++end;
    storeRun(b, bytes, first, group.slice(first, end - first));
  }
}

void Epilogue::storeRun(IndexArithmetic &b, Value bytes, int64_t first,
                        ArrayRef<PlacedSums> run) {
  int64_t all = cast<VectorType>(bytes.getType()).getNumElements();
  int64_t lanes = all / kPackedVectors;
  auto isWhole = [&](const PlacedSums &placed) {
    return b.known(placed.count) == lanes;
  };
  if (llvm::all_of(run.drop_back(), isWhole)) {
    int64_t before = (run.size() - 1) * lanes;
    storeVector(b, sliceOf(b, bytes, first * lanes, before + lanes),
                destination.flat,
                offsetIn(b, destination, run.front().position),
                b.add(run.back().count, before), run.front().isNew);
    return;
  }
  // What exists is moved together.
  SmallVector<int64_t> order;
  for (auto [index, placed] : llvm::enumerate(run))
    for (int64_t lane = 0; lane < b.known(placed.count).value_or(lanes); ++lane)
      order.push_back((first + index) * lanes + lane);
  int64_t size = order.size();
  order.resize(all, order.back());
  storeResults(b, vector::ShuffleOp::create(b, bytes, bytes, order), size,
               run.front().position, /*offset=*/0);
}
