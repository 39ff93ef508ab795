//===- EntryPoints.cpp - a model's tables and exported functions ----------===//
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"
#include "llvm/Transforms/Utils/ModuleUtils.h"

#include "compiler/codegen/Codegen.h"
#include "runtime/ashlar_rt.h"

using namespace llvm;
using namespace ashlar;

namespace {

/// Builds the constant structures of ashlar_rt.h, field for field.
class TableBuilder {
public:
  TableBuilder(Module &module, const ModelDescription &model)
      : module(module), context(module.getContext()), model(model),
        pointer(PointerType::getUnqual(context)) {}

  GlobalVariable *buildInfo();

private:
  Constant *i32(int64_t value) {
    return ConstantInt::get(Type::getInt32Ty(context), value, true);
  }
  Constant *i64(int64_t value) {
    return ConstantInt::get(Type::getInt64Ty(context), value, true);
  }
  Constant *null() { return ConstantPointerNull::get(pointer); }
  Constant *text(StringRef value);
  Constant *kernels(const VariantDescription &variant);
  Constant *table(ArrayRef<Constant *> rows, StringRef name);
  Constant *data(ArrayRef<Constant *> values, Type *type, StringRef name);
  Constant *row(ArrayRef<Constant *> fields) {
    return ConstantStruct::getAnon(context, fields);
  }
  Constant *tensorRow(const TensorDescription &tensor);
  Constant *tensors();
  Constant *dims();
  Constant *variants();
  Constant *layers();

  Module &module;
  LLVMContext &context;
  const ModelDescription &model;
  PointerType *pointer;
  StringMap<Constant *> texts;
};

GlobalVariable *makePrivate(Module &module, Constant *value,
                            const Twine &name) {
  auto *global =
      new GlobalVariable(module, value->getType(), /*isConstant=*/true,
                         GlobalValue::PrivateLinkage, value, name);
  global->setUnnamedAddr(GlobalValue::UnnamedAddr::Global);
  return global;
}

Constant *TableBuilder::text(StringRef value) {
  Constant *&known = texts[value];
  if (!known)
    known = makePrivate(module, ConstantDataArray::getString(context, value),
                        model.prefix + ".text");
  return known;
}

Constant *TableBuilder::data(ArrayRef<Constant *> values, Type *type,
                             StringRef name) {
  if (values.empty())
    return null();
  auto *array = ArrayType::get(type, values.size());
  return makePrivate(module, ConstantArray::get(array, values),
                     model.prefix + "." + name);
}

Constant *TableBuilder::table(ArrayRef<Constant *> rows, StringRef name) {
  if (rows.empty())
    return null();
  return data(rows, rows.front()->getType(), name);
}

Constant *TableBuilder::tensorRow(const TensorDescription &tensor) {
  SmallVector<Constant *> sizes, symbols;
  for (int64_t size : tensor.dims)
    sizes.push_back(i64(size));
  for (size_t axis = 0; axis < tensor.dims.size(); ++axis)
    symbols.push_back(
        i32(axis < tensor.dimSymbols.size() ? tensor.dimSymbols[axis] : -1));
  uint64_t each =
      tensor.elementBytes ? tensor.elementBytes : elementBytes(tensor.dtype);
  return row({text(tensor.name), text(tensor.cName), i32(tensor.dtype),
              i32(tensor.dims.size()),
              data(sizes, Type::getInt64Ty(context), "dims"),
              data(symbols, Type::getInt32Ty(context), "symbols"), i64(each),
              ConstantFP::get(Type::getFloatTy(context), tensor.scale),
              i32(tensor.zeroPoint),
              i32(tensor.random ? ASHLAR_TENSOR_RANDOM : 0), i32(0)});
}

Constant *TableBuilder::tensors() {
  SmallVector<Constant *> rows;
  for (const TensorDescription &tensor : model.inputs)
    rows.push_back(tensorRow(tensor));
  for (const TensorDescription &tensor : model.outputs)
    rows.push_back(tensorRow(tensor));
  return table(rows, "tensors");
}

Constant *TableBuilder::dims() {
  SmallVector<Constant *> rows;
  for (const DimDescription &dim : model.dims)
    rows.push_back(row(
        {text(dim.name), text(dim.cName), i64(dim.minimum), i64(dim.maximum)}));
  return table(rows, "dim_symbols");
}

Constant *TableBuilder::variants() {
  SmallVector<Constant *> rows;
  for (const VariantDescription &variant : model.variants) {
    auto find = [&](StringRef name) -> Constant * {
      Function *function = module.getFunction(name);
      function->setLinkage(GlobalValue::InternalLinkage);
      return function;
    };
    rows.push_back(
        row({text(variant.cpu), i64(variant.features), find(variant.bodySymbol),
             find(variant.shapesSymbol), kernels(variant)}));
  }
  return table(rows, "variants");
}

Constant *TableBuilder::kernels(const VariantDescription &variant) {
  SmallVector<Constant *> rows;
  for (const LayerDescription &layer : variant.layers)
    rows.push_back(
        row({text(layer.kernel), text(layer.isa), text(layer.precision),
             text(layer.fallback), i64(layer.macs), i64(layer.weightBytes),
             i64(layer.bytes), i32(layer.partOf)}));
  return table(rows, "kernels");
}

Constant *TableBuilder::layers() {
  SmallVector<Constant *> rows;
  for (const LayerDescription &layer : model.layers)
    rows.push_back(row({text(layer.name), text(layer.op)}));
  return table(rows, "layers");
}

GlobalVariable *TableBuilder::buildInfo() {
  int64_t outputDims = 0;
  for (const TensorDescription &tensor : model.outputs)
    outputDims += tensor.dims.size();
  Constant *weights = null();
  if (model.weightsEmbedded && model.weightsBytes) {
    GlobalVariable *global = module.getNamedGlobal(weightsSymbol(model));
    if (!global) {
      global = new GlobalVariable(module, Type::getInt8Ty(context), true,
                                  GlobalValue::ExternalLinkage, nullptr,
                                  weightsSymbol(model));
      global->setVisibility(GlobalValue::HiddenVisibility);
      global->setDSOLocal(true);
    }
    weights = global;
  }
  Constant *info =
      row({i32(sizeof(ashlar_model_info)), i32(ASHLAR_ABI_VERSION),
           text(model.prefix), text(model.modelHash), text(model.producer),
           i32(model.inputs.size()), i32(model.outputs.size()),
           i32(model.dims.size()), i32(model.variants.size()),
           i32(model.layers.size()), i32(outputDims), tensors(), dims(),
           variants(), layers(), weights, i64(model.weightsBytes),
           i64(model.stateBytes), text(model.weightsHash)});
  return new GlobalVariable(module, info->getType(), true,
                            GlobalValue::InternalLinkage, info,
                            model.prefix + ".info");
}

/// Exported functions that hand their arguments on to the runtime, behind the
/// model's table.
class EntryBuilder {
public:
  EntryBuilder(Module &module, const ModelDescription &model,
               GlobalVariable *info)
      : module(module), model(model), info(info), b(module.getContext()) {}

  void build() {
    Type *pointer = b.getPtrTy(), *i32 = b.getInt32Ty(), *i64 = b.getInt64Ty();
    begin("info", pointer, {});
    b.CreateRet(info);
    forward("check_cpu", i32, {});
    forward("workspace_size", i64, {pointer, i32});
    begin("state_size", i64, {pointer});
    b.CreateRet(b.getInt64(model.stateBytes));
    forward("infer_shapes", i32, {pointer, pointer});
    forward("run", i32, {pointer});
  }

private:
  Function *begin(StringRef name, Type *result, ArrayRef<Type *> parameters) {
    auto *type = FunctionType::get(result, parameters, false);
    auto *function = Function::Create(type, GlobalValue::ExternalLinkage,
                                      model.prefix + "_" + name, module);
    function->addFnAttr(Attribute::NoUnwind);
    b.SetInsertPoint(
        BasicBlock::Create(module.getContext(), "entry", function));
    return function;
  }

  void forward(StringRef name, Type *result, ArrayRef<Type *> parameters) {
    Function *function = begin(name, result, parameters);
    SmallVector<Type *> types{b.getPtrTy()};
    types.append(parameters.begin(), parameters.end());
    FunctionCallee callee = module.getOrInsertFunction(
        ("ashlar_rt1_" + name).str(), FunctionType::get(result, types, false));
    SmallVector<Value *> operands{info};
    for (Argument &argument : function->args())
      operands.push_back(&argument);
    CallInst *call = b.CreateCall(callee, operands);
    call->setTailCall();
    b.CreateRet(call);
  }

  Module &module;
  const ModelDescription &model;
  GlobalVariable *info;
  IRBuilder<> b;
};

} // namespace

void ashlar::addEntryPoints(Module &module, const ModelDescription &model) {
  GlobalVariable *info = TableBuilder(module, model).buildInfo();
  EntryBuilder(module, model, info).build();
  // The section that the weights are put into once the object is written.
  auto *bytes = ConstantAggregateZero::get(
      ArrayType::get(Type::getInt8Ty(module.getContext()), 64));
  auto *placeholder =
      new GlobalVariable(module, bytes->getType(), true,
                         GlobalValue::PrivateLinkage, bytes, "ashlar_weights");
  placeholder->setSection(".rodata.ashlar_weights");
  placeholder->setAlignment(Align(64));
  appendToCompilerUsed(module, {placeholder});
}
