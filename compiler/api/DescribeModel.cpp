//===- DescribeModel.cpp - what the graph says about the model ------------===//
#include "compiler/api/DescribeModel.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Matchers.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

#include "dialects/nn/NnDialect.h"
#include "dialects/onnx/Diagnostics.h"
#include "passes/analysis/DimSymbols.h"
#include "passes/bufferize/Passes.h"
#include "passes/lower/Passes.h"
#include "runtime/ashlar_rt.h"

using namespace mlir;
using namespace ashlar;

int32_t ashlar::dtypeOf(Type element) {
  if (auto integer = dyn_cast<IntegerType>(element)) {
    bool isUnsigned = integer.isUnsigned();
    switch (integer.getWidth()) {
    case 1:
      return ASHLAR_BOOL;
    case 2:
      return isUnsigned ? ASHLAR_UINT2 : ASHLAR_INT2;
    case 4:
      return isUnsigned ? ASHLAR_UINT4 : ASHLAR_INT4;
    case 8:
      return isUnsigned ? ASHLAR_UINT8 : ASHLAR_INT8;
    case 16:
      return isUnsigned ? ASHLAR_UINT16 : ASHLAR_INT16;
    case 32:
      return isUnsigned ? ASHLAR_UINT32 : ASHLAR_INT32;
    case 64:
      return isUnsigned ? ASHLAR_UINT64 : ASHLAR_INT64;
    }
    return 0;
  }
  if (auto complex = dyn_cast<ComplexType>(element))
    return complex.getElementType().isF64() ? ASHLAR_COMPLEX128
                                            : ASHLAR_COMPLEX64;
  return llvm::TypeSwitch<Type, int32_t>(element)
      .Case<Float32Type>([](Type) { return ASHLAR_FLOAT32; })
      .Case<Float64Type>([](Type) { return ASHLAR_FLOAT64; })
      .Case<Float16Type>([](Type) { return ASHLAR_FLOAT16; })
      .Case<BFloat16Type>([](Type) { return ASHLAR_BFLOAT16; })
      .Case<Float8E4M3FNType>([](Type) { return ASHLAR_FLOAT8E4M3FN; })
      .Case<Float8E4M3FNUZType>([](Type) { return ASHLAR_FLOAT8E4M3FNUZ; })
      .Case<Float8E5M2Type>([](Type) { return ASHLAR_FLOAT8E5M2; })
      .Case<Float8E5M2FNUZType>([](Type) { return ASHLAR_FLOAT8E5M2FNUZ; })
      .Case<Float8E8M0FNUType>([](Type) { return ASHLAR_FLOAT8E8M0; })
      .Case<Float4E2M1FNType>([](Type) { return ASHLAR_FLOAT4E2M1; })
      .Default([](Type) { return 0; });
}

namespace {

std::string nameOf(Attribute attribute, const Twine &otherwise) {
  auto text = dyn_cast_or_null<StringAttr>(attribute);
  return text && !text.empty() ? text.str() : otherwise.str();
}

LogicalResult describeTensor(func::FuncOp main, Type type, StringRef name,
                             StringRef role, TensorDescription &tensor) {
  tensor.name = name.str();
  auto ranked = dyn_cast<RankedTensorType>(type);
  tensor.dtype = ranked ? dtypeOf(ranked.getElementType()) : 0;
  if (!tensor.dtype) {
    onnx::emitUnsupported(main.getLoc())
        << role << " '" << name << "' is " << type
        << "; expected a tensor of known rank with numeric elements";
    return failure();
  }
  for (int64_t size : ranked.getShape()) {
    tensor.dims.push_back(ShapedType::isDynamic(size) ? ASHLAR_DYNAMIC : size);
    tensor.dimSymbols.push_back(-1);
  }
  tensor.elementBytes = elementBytes(tensor.dtype);
  return success();
}

} // namespace

LogicalResult ashlar::describeInterface(ModuleOp module,
                                        ModelDescription &model) {
  auto main = module.lookupSymbol<func::FuncOp>(kMainName);
  if (!main)
    return module.emitError("the model has no graph");
  DimSymbols symbols(main);
  for (StringAttr symbol : symbols.names())
    model.dims.push_back({symbol.str(), "", 0, INT64_MAX});
  bool ok = true;
  for (auto [index, type] : llvm::enumerate(main.getArgumentTypes())) {
    TensorDescription tensor;
    std::string name =
        nameOf(main.getArgAttr(index, "onnx.name"), "input" + Twine(index));
    ok &= succeeded(describeTensor(main, type, name, "input", tensor));
    if (ok)
      for (size_t axis = 0; axis < tensor.dims.size(); ++axis)
        tensor.dimSymbols[axis] = symbols.indexOf(index, axis);
    model.inputs.push_back(std::move(tensor));
  }
  for (auto [index, type] : llvm::enumerate(main.getResultTypes())) {
    TensorDescription tensor;
    std::string name =
        nameOf(main.getResultAttr(index, "onnx.name"), "output" + Twine(index));
    ok &= succeeded(describeTensor(main, type, name, "output", tensor));
    model.outputs.push_back(std::move(tensor));
  }
  return success(ok);
}

void ashlar::describeLayers(ModuleOp module, ModelDescription &model) {
  SmallVector<Attribute> names;
  llvm::StringSet<> seen;
  module.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (op->getName().getDialectNamespace() != "onnx" ||
        op->hasTrait<OpTrait::IsTerminator>())
      return;
    StringRef kind = op->getName().stripDialect();
    auto named = op->getLoc()->findInstanceOf<NameLoc>();
    if (!named || kind == "Constant" || kind == "Observe" ||
        !seen.insert(named.getName()).second)
      return;
    LayerDescription layer;
    layer.name = named.getName().str();
    layer.op = kind.str();
    layer.precision = "f32";
    model.layers.push_back(layer);
    names.push_back(named.getName());
  });
  module->setAttr(kLayersAttrName, ArrayAttr::get(module.getContext(), names));
}

void ashlar::describePrecision(ModuleOp module, ModelDescription &model) {
  llvm::StringMap<LayerDescription *> byName;
  for (LayerDescription &layer : model.layers)
    byName[layer.name] = &layer;
  module.walk([&](Operation *op) {
    auto precision = op->getAttrOfType<StringAttr>("ashlar.precision");
    auto reason = op->getAttrOfType<StringAttr>("ashlar.precision_reason");
    if (!precision || !reason)
      return;
    auto found = byName.find(onnx::nodeName(op->getLoc()));
    if (found == byName.end())
      return;
    found->second->precision = precision.getValue().str();
    found->second->precisionReason = reason.getValue().str();
  });
}

void ashlar::describeWorkspace(ModuleOp lowered, VariantDescription &variant) {
  auto shapes = lowered.lookupSymbol<LLVM::LLVMFuncOp>(kShapesName);
  if (!shapes || shapes.isExternal())
    return;
  // @shapes stores bytes for all workers in place 0, for each in place 1.
  shapes.walk([&](LLVM::StoreOp store) {
    int32_t place = 0;
    Value address = store.getAddr();
    if (auto element = address.getDefiningOp<LLVM::GEPOp>()) {
      if (!element.getDynamicIndices().empty())
        return;
      place = element.getRawConstantIndices().front();
      address = element.getBase();
    }
    APInt bytes;
    if (address != shapes.getArgument(1) || place > 1 ||
        !matchPattern(store.getValue(), m_ConstantInt(&bytes)))
      return;
    (place ? variant.workerWorkspaceBytes : variant.sharedWorkspaceBytes) =
        bytes.getSExtValue();
  });
}
