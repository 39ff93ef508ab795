//===- OutlineGrids.cpp - task grids to functions and executor calls ------===//
#include "passes/lower/Passes.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/RegionUtils.h"

#include "dialects/tile/TileDialect.h"
#include "passes/analysis/OperationCount.h"

namespace ashlar {
#define GEN_PASS_DEF_OUTLINEGRIDS
#include "passes/lower/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {

/// Operations (of vectors, for the most part) below which waking another worker
/// takes longer than it saves.
constexpr int64_t kWorthwhile = 1 << 17;

/// Grids of a module from which on none becomes part of its caller again: what
/// LLVM takes for a function grows with the square of its loops.
constexpr size_t kMany = 256;
constexpr llvm::StringLiteral kParallelFor = "ashlar_rt1_parallel_for";

/// What a grid's body needs from outside: operations to repeat inside, operands
/// first, and scalars to hand over.
struct Captures {
  llvm::SetVector<Operation *> repeated;
  llvm::SetVector<Value> scalars;
  /// Byte offsets of buffers. They differ from layer to layer; handed over like
  /// scalars, they leave the tasks of equal layers equal.
  SmallVector<int64_t> offsets;
};

/// Finds how to have `value` inside the task. False if there is no way.
bool capture(Value value, Value args, Captures &captures) {
  if (value == args)
    return true;
  Operation *op = value.getDefiningOp();
  if (op && captures.repeated.contains(op))
    return true;
  if (captures.scalars.contains(value))
    return true;
  bool isScalar = value.getType().isIntOrIndexOrFloat();
  bool repeatable =
      op && op->getNumRegions() == 0 && (isPure(op) || isa<tile::OutputOp>(op));
  if (repeatable && (!isScalar || op->hasTrait<OpTrait::ConstantLike>())) {
    for (Value operand : op->getOperands())
      if (!capture(operand, args, captures))
        return false;
    captures.repeated.insert(op);
    return true;
  }
  if (!isScalar)
    return false;
  captures.scalars.insert(value);
  return true;
}

/// A scalar as the 64 bits that travel.
Value toBits(ImplicitLocOpBuilder &b, Value value) {
  Type type = value.getType();
  if (isa<IndexType>(type))
    return arith::IndexCastOp::create(b, b.getI64Type(), value);
  if (isa<FloatType>(type)) {
    auto bits = b.getIntegerType(type.getIntOrFloatBitWidth());
    value = arith::BitcastOp::create(b, bits, value);
  }
  if (value.getType().getIntOrFloatBitWidth() < 64)
    value = arith::ExtUIOp::create(b, b.getI64Type(), value);
  return value;
}

Value fromBits(ImplicitLocOpBuilder &b, Value bits, Type type) {
  if (isa<IndexType>(type))
    return arith::IndexCastOp::create(b, type, bits);
  unsigned width = type.getIntOrFloatBitWidth();
  if (width < 64)
    bits = arith::TruncIOp::create(b, b.getIntegerType(width), bits);
  return isa<FloatType>(type)
             ? arith::BitcastOp::create(b, type, bits).getResult()
             : bits;
}

Value slotAddress(ImplicitLocOpBuilder &b, Value base, int32_t slot) {
  return LLVM::GEPOp::create(b, base.getType(), b.getI64Type(), base,
                             ArrayRef<LLVM::GEPArg>{slot});
}

void makeSerial(tile::GridOp grid) {
  ImplicitLocOpBuilder b(grid.getLoc(), grid);
  Value zero = arith::ConstantIndexOp::create(b, 0);
  Value one = arith::ConstantIndexOp::create(b, 1);
  auto loop = scf::ForOp::create(b, zero, grid.getCount(), one);
  Block *body = loop.getBody();
  grid.getTask().replaceAllUsesWith(loop.getInductionVar());
  body->getOperations().splice(body->begin(),
                               grid.getBody().front().getOperations());
  for (auto done : llvm::make_early_inc_range(body->getOps<tile::DoneOp>()))
    done.erase();
  // Memory on the stack once, not once an iteration.
  Block &entry = grid->getParentOfType<func::FuncOp>().getBody().front();
  for (auto scratch :
       llvm::make_early_inc_range(body->getOps<memref::AllocaOp>()))
    scratch->moveBefore(&entry, entry.begin());
  grid.erase();
}

/// Repeats an operation that gives a buffer inside the task. Null if it is to
/// be cloned as it is.
Value repeatBuffer(ImplicitLocOpBuilder &b, Operation *op, Value args,
                   IRMapping &mapping,
                   llvm::function_ref<Value(int64_t)> pass) {
  auto lookup = [&](ValueRange values) {
    return llvm::map_to_vector(
        values, [&](Value value) { return mapping.lookup(value); });
  };
  // The caller's output buffer, without writing its sizes again.
  if (auto output = dyn_cast<tile::OutputOp>(op))
    return tile::InputOp::create(b, output.getType(), args,
                                 lookup(output.getSizes()), output.getTensor());
  if (auto weights = dyn_cast<tile::WeightsOp>(op); weights && !weights.getAt())
    return tile::WeightsOp::create(b, weights.getType(), args,
                                   pass(weights.getOffset()), 0);
  if (auto buffer = dyn_cast<tile::WorkspaceOp>(op); buffer && !buffer.getAt())
    return tile::WorkspaceOp::create(b, buffer.getType(), args,
                                     pass(buffer.getOffset()),
                                     lookup(buffer.getSizes()), 0);
  return nullptr;
}

func::FuncOp makeTask(tile::GridOp grid, Captures &captures, Value args,
                      StringRef name) {
  auto module = grid->getParentOfType<ModuleOp>();
  auto b = ImplicitLocOpBuilder::atBlockEnd(grid.getLoc(), module.getBody());
  auto pointer = LLVM::LLVMPointerType::get(b.getContext());
  Type i32 = b.getI32Type();
  auto task =
      func::FuncOp::create(b, name, b.getFunctionType({pointer, i32, i32}, {}));
  task.setPrivate();
  Block *entry = task.addEntryBlock();
  b.setInsertionPointToStart(entry);
  Value argument = entry->getArgument(0);
  IRMapping mapping;
  mapping.map(args, LLVM::LoadOp::create(b, pointer, argument));
  for (auto [index, scalar] : llvm::enumerate(captures.scalars)) {
    Value bits = LLVM::LoadOp::create(b, b.getI64Type(),
                                      slotAddress(b, argument, index + 1));
    mapping.map(scalar, fromBits(b, bits, scalar.getType()));
  }
  for (Operation *op : captures.repeated) {
    auto pass = [&](int64_t offset) -> Value {
      captures.offsets.push_back(offset);
      Value bits = LLVM::LoadOp::create(
          b, b.getI64Type(),
          slotAddress(b, argument,
                      captures.scalars.size() + captures.offsets.size()));
      return arith::IndexCastOp::create(b, b.getIndexType(), bits);
    };
    if (Value view = repeatBuffer(b, op, mapping.lookup(args), mapping, pass))
      mapping.map(op->getResult(0), view);
    else
      b.clone(*op, mapping);
  }
  Value index =
      arith::IndexCastUIOp::create(b, b.getIndexType(), entry->getArgument(1));
  mapping.map(grid.getTask(), index);
  for (Operation &op : grid.getBody().front().without_terminator())
    b.clone(op, mapping);
  func::ReturnOp::create(b);
  return task;
}

/// True if the caller had better do all tasks itself.
bool isSmall(tile::GridOp grid) {
  auto count = getConstantIntValue(grid.getCount());
  return count &&
         *count * countOperations(grid.getBody().front()) < kWorthwhile;
}

void callInTurn(ImplicitLocOpBuilder &b, tile::GridOp grid, func::FuncOp task,
                Value array) {
  Value zero = arith::ConstantIndexOp::create(b, 0);
  Value one = arith::ConstantIndexOp::create(b, 1);
  Value worker = arith::ConstantIntOp::create(b, 0, 32);
  auto loop = scf::ForOp::create(b, zero, grid.getCount(), one);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value index =
      arith::IndexCastUIOp::create(b, b.getI32Type(), loop.getInductionVar());
  func::CallOp::create(b, task, ValueRange{array, index, worker});
}

void callTask(tile::GridOp grid, func::FuncOp task, const Captures &captures,
              Value args) {
  auto function = grid->getParentOfType<func::FuncOp>();
  ImplicitLocOpBuilder b(grid.getLoc(), grid.getContext());
  b.setInsertionPointToStart(&function.getBody().front());
  auto pointer = LLVM::LLVMPointerType::get(b.getContext());
  int64_t numScalars = captures.scalars.size();
  Value slots = arith::ConstantIntOp::create(
      b, numScalars + captures.offsets.size() + 1, 64);
  Value array =
      LLVM::AllocaOp::create(b, pointer, b.getI64Type(), slots, /*align=*/8);
  b.setInsertionPoint(grid);
  LLVM::StoreOp::create(b, args, array);
  for (auto [index, scalar] : llvm::enumerate(captures.scalars))
    LLVM::StoreOp::create(b, toBits(b, scalar),
                          slotAddress(b, array, index + 1));
  for (auto [index, offset] : llvm::enumerate(captures.offsets))
    LLVM::StoreOp::create(b, arith::ConstantIntOp::create(b, offset, 64),
                          slotAddress(b, array, numScalars + index + 1));
  if (isSmall(grid)) {
    callInTurn(b, grid, task, array);
    grid.erase();
    return;
  }
  Value callee = func::ConstantOp::create(b, task.getFunctionType(),
                                          SymbolRefAttr::get(task));
  Value address =
      UnrealizedConversionCastOp::create(b, pointer, callee).getResult(0);
  Value count =
      arith::IndexCastUIOp::create(b, b.getI32Type(), grid.getCount());
  func::CallOp::create(b, kParallelFor, TypeRange{},
                       ValueRange{args, address, array, count});
  grid.erase();
}

/// What a task does, without its name.
std::string textOf(func::FuncOp task) {
  std::string name = task.getName().str(), text;
  task.setName("task");
  llvm::raw_string_ostream stream(text);
  // Local, or else every task would number the values of the whole module.
  task->print(stream, OpPrintingFlags().assumeVerified().useLocalScope());
  task.setName(name);
  return text;
}

/// A symbol that profilers and debuggers show: the ONNX node, as far as it can
/// be spelled, and a number.
std::string taskName(ModuleOp module, tile::GridOp grid, int64_t number) {
  std::string name = "task_" + std::to_string(number);
  if (auto named = grid->getLoc()->findInstanceOf<NameLoc>())
    for (char c : "_" + named.getName().str())
      name += llvm::isAlnum(c) ? c : '_';
  return name;
}

struct OutlineGrids : ashlar::impl::OutlineGridsBase<OutlineGrids> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    SmallVector<tile::GridOp> grids;
    module.walk([&](tile::GridOp grid) { grids.push_back(grid); });
    if (grids.empty())
      return;
    declareParallelFor(module);
    int64_t next = 0;
    Attribute noInline = Builder(&getContext()).getStrArrayAttr({"noinline"});
    llvm::StringMap<func::FuncOp> tasks;
    for (tile::GridOp grid : grids) {
      auto function = grid->getParentOfType<func::FuncOp>();
      Value args = function.getArgument(0);
      llvm::SetVector<Value> outside;
      getUsedValuesDefinedAbove(grid.getBody(), outside);
      Captures captures;
      bool possible = llvm::all_of(
          outside, [&](Value value) { return capture(value, args, captures); });
      if (!possible || grid->getParentOfType<tile::GridOp>()) {
        makeSerial(grid);
        ++numSerial;
        continue;
      }
      std::string name = taskName(module, grid, next);
      func::FuncOp task = makeTask(grid, captures, args, name);
      // Layers that are computed in the same way share one function.
      auto [known, isNew] = tasks.try_emplace(textOf(task), task);
      if (isNew)
        ++next;
      else
        task.erase();
      if (grids.size() >= kMany)
        known->second->setAttr("passthrough", noInline);
      callTask(grid, known->second, captures, args);
      ++numOutlined;
    }
  }

  void declareParallelFor(ModuleOp module) {
    if (module.lookupSymbol(kParallelFor))
      return;
    auto b = OpBuilder::atBlockBegin(module.getBody());
    auto pointer = LLVM::LLVMPointerType::get(&getContext());
    auto type =
        b.getFunctionType({pointer, pointer, pointer, b.getI32Type()}, {});
    func::FuncOp::create(b, module.getLoc(), kParallelFor, type).setPrivate();
  }
};

} // namespace
