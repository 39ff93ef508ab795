//===- PlanArena.cpp - place all buffers in one workspace -----------------===//
#include "passes/bufferize/Passes.h"

#include "llvm/Support/MathExtras.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Interfaces/DataLayoutInterfaces.h"

#include "dialects/nn/NnDialect.h"
#include "dialects/tile/TileDialect.h"
#include "passes/bufferize/Lifetimes.h"
#include "passes/bufferize/ScalarSlice.h"

namespace ashlar {
#define GEN_PASS_DEF_PLANARENA
#include "passes/bufferize/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {

constexpr int64_t kAlignment = 64;
/// Room at the end of the workspace: kernels of bytes read whole blocks, a
/// little more than the last row of a buffer has.
constexpr int64_t kSlack = 64;

/// Bytes of one element in memory, as LLVM lays it out.
int64_t elementBytes(Type type) {
  if (auto complex = dyn_cast<ComplexType>(type))
    return 2 * elementBytes(complex.getElementType());
  if (isa<IndexType>(type))
    return 8;
  return llvm::PowerOf2Ceil(llvm::divideCeil(type.getIntOrFloatBitWidth(), 8));
}

bool multipliesBytes(func::FuncOp function) {
  return function
      .walk([](Operation *op) {
        bool isBytes =
            isa<nn::ConvOp, nn::MatmulOp>(op) &&
            getElementTypeOrSelf(op->getOperand(0).getType()).isInteger(8);
        return isBytes ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

/// A buffer to be placed.
struct Buffer {
  memref::AllocOp alloc;
  Lifetime lifetime;
  int64_t bytes = 0;                  // static buffers
  llvm::SetVector<Operation *> slice; // buffers sized by dimensions
  unsigned slot = 0;
};

/// First fit at fixed offsets, largest buffer first. Returns the bytes used.
int64_t placeStatic(MutableArrayRef<Buffer> buffers,
                    SmallVectorImpl<int64_t> &offsets) {
  auto order = llvm::to_vector(llvm::seq<unsigned>(0, buffers.size()));
  llvm::stable_sort(order, [&](unsigned a, unsigned b) {
    return buffers[a].bytes > buffers[b].bytes;
  });
  offsets.assign(buffers.size(), 0);
  SmallVector<unsigned> placed;
  int64_t total = 0;
  for (unsigned index : order) {
    SmallVector<std::pair<int64_t, int64_t>> taken;
    for (unsigned other : placed)
      if (buffers[other].lifetime.meets(buffers[index].lifetime))
        taken.push_back(
            {offsets[other], offsets[other] + buffers[other].bytes});
    llvm::sort(taken);
    int64_t offset = 0;
    for (auto [begin, end] : taken) {
      if (offset + buffers[index].bytes <= begin)
        break;
      offset = std::max(offset, end);
    }
    offsets[index] = offset;
    total = std::max(total, offset + buffers[index].bytes);
    placed.push_back(index);
  }
  return total;
}

/// Assigns buffers sized by dimensions to slots; tenants of one slot never live
/// at the same time. A slot whose tenants have the same shape is preferred.
unsigned assignSlots(MutableArrayRef<Buffer> buffers) {
  SmallVector<SmallVector<Buffer *>> slots;
  for (Buffer &buffer : buffers) {
    int best = -1;
    for (auto [index, tenants] : llvm::enumerate(slots)) {
      if (llvm::any_of(tenants, [&](Buffer *tenant) {
            return tenant->lifetime.meets(buffer.lifetime);
          }))
        continue;
      memref::AllocOp first = tenants.front()->alloc;
      bool alike =
          first.getType() == buffer.alloc.getType() &&
          llvm::equal(first.getDynamicSizes(), buffer.alloc.getDynamicSizes());
      if (best < 0 || alike)
        best = index;
      if (alike)
        break;
    }
    if (best < 0) {
      best = slots.size();
      slots.emplace_back();
    }
    buffer.slot = best;
    slots[best].push_back(&buffer);
  }
  return slots.size();
}

/// Emits the byte size of a buffer with dynamic sizes, rounded up.
Value emitBytes(ImplicitLocOpBuilder &b, memref::AllocOp alloc,
                IRMapping &mapping) {
  MemRefType type = alloc.getType();
  int64_t fixed = elementBytes(type.getElementType());
  for (int64_t size : type.getShape())
    if (!ShapedType::isDynamic(size))
      fixed *= size;
  Value bytes = arith::ConstantIndexOp::create(b, fixed);
  for (Value size : alloc.getDynamicSizes())
    bytes = arith::MulIOp::create(b, bytes, mapping.lookupOrDefault(size));
  Value mask = arith::ConstantIndexOp::create(b, kAlignment - 1);
  Value clear = arith::ConstantIndexOp::create(b, -kAlignment);
  return arith::AndIOp::create(b, arith::AddIOp::create(b, bytes, mask), clear);
}

class ArenaPlanner {
public:
  ArenaPlanner(ModuleOp module, func::FuncOp body)
      : module(module), body(body) {}

  LogicalResult plan();
  int64_t staticBytes = 0;
  unsigned numBuffers = 0;

private:
  void resolveInputDims();
  void classify();
  void placeFixed();
  void placeSized();
  void placeByData();
  void writeShapes();
  /// Emits the ends of all slots: the bytes of slots 0 to i, and all static
  /// bytes before them.
  SmallVector<Value> emitSlotOffsets(ImplicitLocOpBuilder &b,
                                     IRMapping &mapping);

  ModuleOp module;
  func::FuncOp body;
  SmallVector<Buffer> fixed, sized, byData;
  unsigned numSlots = 0;
  Value endOfSlots; // in the body; null if nothing is sized by dimensions
};

/// The caller's dimensions behind `memref.dim` of an input: bufferization asks
/// for them again, and only arithmetic on dimensions can be planned.
void ArenaPlanner::resolveInputDims() {
  SmallVector<memref::DimOp> queries;
  body.walk([&](memref::DimOp query) { queries.push_back(query); });
  for (memref::DimOp query : queries) {
    auto input = query.getSource().getDefiningOp<tile::InputOp>();
    std::optional<int64_t> axis = query.getConstantIndex();
    if (!input || !axis)
      continue;
    auto shape = cast<MemRefType>(input.getType()).getShape();
    if (!ShapedType::isDynamic(shape[*axis]))
      continue; // a constant to every canonicalizer
    unsigned place =
        llvm::count_if(shape.take_front(*axis), ShapedType::isDynamic);
    query.replaceAllUsesWith(input.getSizes()[place]);
    query.erase();
  }
}

void ArenaPlanner::classify() {
  LifetimeAnalysis lifetimes(body);
  body.walk([&](memref::AllocOp alloc) {
    ++numBuffers;
    Buffer buffer;
    buffer.alloc = alloc;
    buffer.lifetime = lifetimes.of(alloc);
    MemRefType type = alloc.getType();
    if (lifetimes.isCarriedByLoop(alloc)) {
      byData.push_back(std::move(buffer));
    } else if (type.hasStaticShape()) {
      int64_t bytes =
          type.getNumElements() * elementBytes(type.getElementType());
      buffer.bytes = llvm::alignTo(std::max<int64_t>(bytes, 1), kAlignment);
      fixed.push_back(std::move(buffer));
    } else if (llvm::all_of(alloc.getDynamicSizes(), [&](Value size) {
                 return collectDimSlice(size, buffer.slice);
               })) {
      sized.push_back(std::move(buffer));
    } else {
      byData.push_back(std::move(buffer));
    }
  });
}

void ArenaPlanner::placeFixed() {
  SmallVector<int64_t> offsets;
  staticBytes = placeStatic(fixed, offsets);
  for (auto [buffer, offset] : llvm::zip(fixed, offsets)) {
    OpBuilder builder(buffer.alloc);
    Value view = tile::WorkspaceOp::create(
        builder, buffer.alloc.getLoc(), buffer.alloc.getType(),
        body.getArgument(0), Value(), ValueRange(), offset);
    buffer.alloc.replaceAllUsesWith(view);
    buffer.alloc.erase();
  }
}

SmallVector<Value> ArenaPlanner::emitSlotOffsets(ImplicitLocOpBuilder &b,
                                                 IRMapping &mapping) {
  SmallVector<Value> slotBytes(numSlots);
  for (Buffer &buffer : sized) {
    cloneDimSlice(buffer.slice, b, mapping);
    Value bytes = emitBytes(b, buffer.alloc, mapping);
    Value &slot = slotBytes[buffer.slot];
    slot = slot ? arith::MaxUIOp::create(b, slot, bytes).getResult() : bytes;
  }
  SmallVector<Value> offsets{arith::ConstantIndexOp::create(b, 0)};
  for (Value bytes : slotBytes)
    offsets.push_back(arith::AddIOp::create(b, offsets.back(), bytes));
  return offsets;
}

void ArenaPlanner::placeSized() {
  numSlots = assignSlots(sized);
  if (sized.empty())
    return;
  // After the last tile.dim of the entry block all symbols are known.
  Block &entry = body.getBody().front();
  IRMapping mapping;
  auto b = ImplicitLocOpBuilder::atBlockBegin(body.getLoc(), &entry);
  SmallVector<tile::DimOp> dims;
  body.walk([&](tile::DimOp dim) { dims.push_back(dim); });
  for (tile::DimOp dim : dims) {
    auto copy = tile::DimOp::create(b, b.getIndexType(), body.getArgument(0),
                                    dim.getSymbol());
    mapping.map(dim.getResult(), copy.getResult());
  }
  SmallVector<Value> offsets = emitSlotOffsets(b, mapping);
  endOfSlots = offsets.back();
  for (Buffer &buffer : sized) {
    OpBuilder builder(buffer.alloc);
    Value view = tile::WorkspaceOp::create(
        builder, buffer.alloc.getLoc(), buffer.alloc.getType(),
        body.getArgument(0), offsets[buffer.slot],
        buffer.alloc.getDynamicSizes(), staticBytes);
    buffer.alloc.replaceAllUsesWith(view);
  }
}

void ArenaPlanner::placeByData() {
  if (byData.empty())
    return;
  auto b = ImplicitLocOpBuilder::atBlockBegin(body.getLoc(),
                                              &body.getBody().front());
  if (endOfSlots)
    b.setInsertionPointAfterValue(endOfSlots);
  Value base = arith::ConstantIndexOp::create(b, staticBytes);
  if (endOfSlots)
    base = arith::AddIOp::create(b, base, endOfSlots);
  Value bump =
      memref::AllocaOp::create(b, MemRefType::get({}, b.getIndexType()));
  memref::StoreOp::create(b, arith::ConstantIndexOp::create(b, 0), bump);
  for (Buffer &buffer : byData) {
    OpBuilder builder(buffer.alloc);
    Value view = tile::AllocateOp::create(
        builder, buffer.alloc.getLoc(), buffer.alloc.getType(),
        body.getArgument(0), base, bump, buffer.alloc.getDynamicSizes());
    buffer.alloc.replaceAllUsesWith(view);
    buffer.alloc.erase();
  }
}

/// Writes `@shapes(dims, sizes)`: sizes[0] workspace bytes, sizes[1] bytes a
/// worker, then the dims of the outputs.
void ArenaPlanner::writeShapes() {
  MLIRContext *context = module.getContext();
  auto pointer = LLVM::LLVMPointerType::get(context);
  auto b = ImplicitLocOpBuilder::atBlockEnd(body.getLoc(), module.getBody());
  auto shapes = func::FuncOp::create(b, kShapesName,
                                     b.getFunctionType({pointer, pointer}, {}));
  Block *entry = shapes.addEntryBlock();
  b.setInsertionPointToStart(entry);
  Type i64 = b.getI64Type();

  IRMapping mapping;
  body.walk([&](tile::DimOp dim) {
    Value address = LLVM::GEPOp::create(
        b, pointer, i64, entry->getArgument(0),
        ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(dim.getSymbol())});
    Value value = LLVM::LoadOp::create(b, i64, address);
    mapping.map(dim.getResult(),
                arith::IndexCastOp::create(b, b.getIndexType(), value));
  });
  auto store = [&](int32_t place, Value value) {
    if (isa<IndexType>(value.getType()))
      value = arith::IndexCastOp::create(b, i64, value);
    Value address = LLVM::GEPOp::create(b, pointer, i64, entry->getArgument(1),
                                        ArrayRef<LLVM::GEPArg>{place});
    LLVM::StoreOp::create(b, value, address);
  };
  Value bytes = arith::ConstantIndexOp::create(b, staticBytes);
  if (!sized.empty())
    bytes = arith::AddIOp::create(b, bytes, emitSlotOffsets(b, mapping).back());
  if (multipliesBytes(body))
    bytes = arith::AddIOp::create(b, bytes,
                                  arith::ConstantIndexOp::create(b, kSlack));
  store(0, bytes);
  store(1, arith::ConstantIndexOp::create(b, 0));
  body.walk([&](tile::OutputOp output) {
    auto type = cast<MemRefType>(output.getType());
    unsigned nextSize = 0;
    for (auto [axis, size] : llvm::enumerate(type.getShape())) {
      int32_t place = 2 + output.getFirstDim() + axis;
      if (!ShapedType::isDynamic(size)) {
        store(place, arith::ConstantIndexOp::create(b, size));
        continue;
      }
      Value dynamic = output.getSizes()[nextSize++];
      llvm::SetVector<Operation *> slice;
      if (collectDimSlice(dynamic, slice)) {
        cloneDimSlice(slice, b, mapping);
        store(place, mapping.lookupOrDefault(dynamic));
      } else {
        store(place, arith::ConstantIndexOp::create(b, -1));
      }
    }
  });
  func::ReturnOp::create(b);
}

LogicalResult ArenaPlanner::plan() {
  resolveInputDims();
  classify();
  placeFixed();
  placeSized();
  placeByData();
  writeShapes();
  for (Buffer &buffer : sized)
    buffer.alloc.erase();
  return success();
}

struct PlanArena : ashlar::impl::PlanArenaBase<PlanArena> {
  void runOnOperation() override {
    auto body = getOperation().lookupSymbol<func::FuncOp>(kBodyName);
    if (!body) {
      getOperation().emitError("expected a function @") << kBodyName;
      return signalPassFailure();
    }
    ArenaPlanner planner(getOperation(), body);
    if (failed(planner.plan()))
      return signalPassFailure();
    staticBytes += planner.staticBytes;
    numBuffers += planner.numBuffers;
  }
};

} // namespace
