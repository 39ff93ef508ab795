//===- DescribeKernels.cpp - what computes each layer ---------------------===//
#include "compiler/api/DescribeModel.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/TypeSwitch.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinTypes.h"

#include "dialects/nn/NnDialect.h"
#include "passes/kernel/Passes.h"
#include "runtime/ashlar_rt.h"

using namespace mlir;
using namespace ashlar;

namespace {

int64_t bytesOf(Type type) {
  auto shaped = dyn_cast<RankedTensorType>(type);
  if (!shaped || !shaped.hasStaticShape() ||
      !shaped.getElementType().isIntOrFloat())
    return 0;
  return shaped.getNumElements() *
         llvm::divideCeil(shaped.getElementTypeBitWidth(), 8);
}

/// Of a size that only the caller's dimensions tell.
bool isOpen(Type type) {
  auto shaped = dyn_cast<RankedTensorType>(type);
  return shaped && !shaped.hasStaticShape();
}

/// Constant data that `value` is, or is a view of.
bool isConstant(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (isa<arith::ConstantOp>(op))
      return true;
    if (!isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp,
             tensor::ExtractSliceOp>(op))
      return false;
    value = op->getOperand(0);
  }
  return false;
}

/// Multiply-accumulates of a contraction, -1 where sizes are open.
int64_t countMacs(Operation *op) {
  auto elements = [](Value value) {
    auto type = cast<ShapedType>(value.getType());
    return type.hasStaticShape() ? type.getNumElements() : -1;
  };
  int64_t each = 0, outputs = -1;
  if (auto conv = dyn_cast<nn::ConvOp>(op)) {
    ArrayRef<int64_t> sizes = conv.getFilterSizes();
    each = sizes[1] * sizes[2] * sizes[3];
    outputs = elements(conv.getInit());
  } else if (auto matmul = dyn_cast<nn::MatmulOp>(op)) {
    each = cast<ShapedType>(matmul.getLhs().getType()).getShape().back();
    outputs = elements(matmul.getInit());
  }
  return each < 0 || outputs < 0 ? -1 : each * outputs;
}

/// Type of the elements that a contraction multiplies.
Type multipliedType(Operation *op) {
  return getElementTypeOrSelf(op->getOperand(0).getType());
}

StringRef precisionOf(Type type) {
  if (type.isInteger(8))
    return "int8";
  return type.isBF16() ? "bf16" : "f32";
}

/// The instruction set that multiplies `type` on `target`.
StringRef isaOf(Type type, const Target &target) {
  bool wide = target.vectorBytes == 64;
  if (type.isInteger(8) && (target.required & ASHLAR_CPU_AVX512_VNNI))
    return "AVX512-VNNI";
  if (type.isBF16() && (target.required & ASHLAR_CPU_AVX512_BF16))
    return "AVX512-BF16";
  return wide ? "AVX-512" : "AVX2";
}

/// Fills the table while the module is walked.
class KernelTable {
public:
  KernelTable(const Target &target, std::vector<LayerDescription> &layers)
      : target(target), layers(layers) {
    for (auto [index, layer] : llvm::enumerate(layers))
      byName[layer.name] = index;
  }

  void add(Operation *op);
  void refine(ArrayAttr chosen);
  int64_t finish();

private:
  SmallVector<int64_t> layersOf(Location loc) const;
  void addBody(Operation *op);
  void addContraction(Operation *op, LayerDescription &layer);

  const Target &target;
  std::vector<LayerDescription> &layers;
  llvm::StringMap<int64_t> byName;
  int64_t totalMacs = 0;
  /// Layers that move more than is known.
  llvm::DenseSet<int64_t> openSizes;
};

SmallVector<int64_t> KernelTable::layersOf(Location loc) const {
  SmallVector<int64_t> found;
  loc->walk([&](Location inner) {
    auto named = dyn_cast<NameLoc>(inner);
    auto place = named ? byName.find(named.getName().getValue()) : byName.end();
    if (place != byName.end() && !llvm::is_contained(found, place->second))
      found.push_back(place->second);
    return WalkResult::advance();
  });
  return found;
}

void KernelTable::addContraction(Operation *op, LayerDescription &layer) {
  Type type = multipliedType(op);
  layer.kernel = op->getName().getStringRef().str();
  layer.layout = isa<nn::MatmulOp>(op) ? "rows" : "nhwc";
  layer.precision = precisionOf(type).str();
  layer.isa = isaOf(type, target).str();
  int64_t macs = countMacs(op);
  // A layer may be several contractions; -1 is unknown.
  layer.macs = layer.macs < 0 || macs < 0 ? macs : layer.macs + macs;
  totalMacs += std::max<int64_t>(macs, 0);
}

// Control flow of the model's: its nodes have no layers of their own.
void KernelTable::addBody(Operation *op) {
  SmallVector<int64_t> places = layersOf(op->getLoc());
  if (places.empty())
    return;
  LayerDescription &layer = layers[places.front()];
  if (layer.kernel.empty() &&
      llvm::is_contained({"If", "Loop", "Scan"}, layer.op))
    layer.kernel = "body";
}

void KernelTable::add(Operation *op) {
  bool contracts = isa<nn::ConvOp, nn::MatmulOp, nn::PoolOp>(op);
  if (isa<scf::IfOp, scf::ForOp, scf::WhileOp>(op))
    return addBody(op);
  // Pieces of a graph inside a control flow operation are computed with it.
  if (!contracts && !isa<linalg::LinalgOp, nn::SoftmaxOp, tensor::PadOp,
                         tensor::InsertSliceOp, tensor::ConcatOp>(op))
    return;
  SmallVector<int64_t> places = layersOf(op->getLoc());
  if (places.empty())
    return;
  LayerDescription &layer = layers[places.front()];
  if (contracts)
    addContraction(op, layer);
  else if (layer.kernel.empty() || layer.kernel == "epilogue") {
    layer.kernel = isa<nn::SoftmaxOp>(op) ? op->getName().getStringRef().str()
                                          : std::string("loops");
    layer.isa = target.vectorBytes == 64 ? "AVX-512" : "AVX2";
  }
  layer.partOf = -1;
  int64_t constants = 0, bytes = 0;
  for (Value operand : op->getOperands()) {
    if (operand.getDefiningOp<tensor::EmptyOp>())
      continue;
    int64_t size = bytesOf(operand.getType());
    if (isOpen(operand.getType()))
      openSizes.insert(places.front());
    bytes += size;
    constants += isConstant(operand) ? size : 0;
  }
  for (Type type : op->getResultTypes()) {
    bytes += bytesOf(type);
    if (isOpen(type))
      openSizes.insert(places.front());
  }
  layer.weightBytes = std::max<int64_t>(layer.weightBytes, 0) + constants;
  layer.bytes = openSizes.contains(places.front())
                    ? -1
                    : std::max<int64_t>(layer.bytes, 0) + bytes;
  for (int64_t place : llvm::drop_begin(places)) {
    LayerDescription &follower = layers[place];
    if (!follower.kernel.empty())
      continue;
    follower.kernel = contracts ? "epilogue" : "loops";
    follower.isa = layer.isa;
    follower.partOf = places.front();
  }
}

/// What the kernel stage decided: (location, instruction set, reason).
void KernelTable::refine(ArrayAttr chosen) {
  for (auto entry : chosen.getAsRange<ArrayAttr>()) {
    SmallVector<int64_t> places =
        layersOf(Location(cast<LocationAttr>(entry[0])));
    if (places.empty())
      continue;
    LayerDescription &layer = layers[places.front()];
    layer.isa = cast<StringAttr>(entry[1]).getValue().str();
    layer.fallback = cast<StringAttr>(entry[2]).getValue().str();
    // That it multiplies floats was decided earlier, for a reason.
    if (layer.precision == "f32" && !layer.precisionReason.empty())
      layer.fallback = layer.precisionReason;
    for (int64_t place : llvm::drop_begin(places))
      if (layers[place].partOf == places.front())
        layers[place].isa = layer.isa;
  }
}

int64_t KernelTable::finish() {
  for (LayerDescription &layer : layers)
    if (layer.kernel.empty())
      layer.kernel = "folded";
  return totalMacs;
}

} // namespace

int64_t ashlar::describeKernels(ModuleOp module, const Target &target,
                                std::vector<LayerDescription> &layers) {
  KernelTable table(target, layers);
  module.walk([&](Operation *op) { table.add(op); });
  return table.finish();
}

void ashlar::refineKernels(ModuleOp lowered, const Target &target,
                           std::vector<LayerDescription> &layers) {
  KernelTable table(target, layers);
  lowered.walk([&](LLVM::LLVMFuncOp function) {
    if (auto chosen =
            function->getAttrOfType<ArrayAttr>(kChosenKernelsAttrName)) {
      table.refine(chosen);
      function->removeAttr(kChosenKernelsAttrName);
    }
  });
}
