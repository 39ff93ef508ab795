// What surrounds the graph of a model: header, inputs and outputs.
#include "compiler/import/GraphImporter.h"
#include "compiler/import/Import.h"
#include "dialects/onnx/Diagnostics.h"
#include "dialects/onnx/OnnxOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using ashlar::onnx::emitUnsupported;
using ashlar::onnx::OperatorSchema;

namespace ashlar {

// The newest version of the file format whose meaning is known.
static constexpr int64_t newestIrVersion = 14;

LogicalResult GraphImporter::readOpsets(
    const google::protobuf::RepeatedPtrField<proto::OperatorSetIdProto>
        &imports,
    Location loc, Frame &frame) {
  bool ok = true;
  for (const proto::OperatorSetIdProto &import : imports) {
    std::string domain = import.domain() == "ai.onnx" ? "" : import.domain();
    int64_t newest = OperatorSchema::newestOpset(domain),
            version = import.version();
    StringRef shown = domain.empty() ? "ai.onnx" : StringRef(domain);
    if (newest && version < 1) {
      emitError(loc) << "opset " << version << " of domain '" << shown
                     << "' does not exist";
      ok = false;
    } else if (newest && version > newest && domain != "com.microsoft") {
      if (reported.insert("opset " + domain).second)
        emitUnsupported(loc, "opset " + Twine(version) + " of domain '" +
                                 shown + "'; the newest known is " +
                                 Twine(newest));
      ok = false;
    }
    if (!frame.opsets.try_emplace(domain, version).second &&
        frame.opsets[domain] != version) {
      emitError(loc) << "domain '" << shown
                     << "' is imported twice, with different versions";
      ok = false;
    }
  }
  return success(ok);
}

LogicalResult GraphImporter::readHeader(Frame &frame) {
  Location loc = FileLineColLoc::get(context, file.name, 0, 0);
  const proto::ModelProto &model = file.model;
  if (!model.has_graph())
    return emitError(loc, "not an ONNX model: it holds no graph");
  bool ok = true;
  if (model.ir_version() > newestIrVersion) {
    emitUnsupported(loc, "IR version " + Twine(model.ir_version()) +
                             "; the newest known is " + Twine(newestIrVersion));
    ok = false;
  } else if (model.ir_version() < 1) {
    emitError(loc) << "IR version " << model.ir_version() << " does not exist";
    ok = false;
  }
  // Before IR version 3 there was nothing but opset 1.
  if (!model.opset_import_size() && model.ir_version() < 3)
    frame.opsets[""] = 1;
  else if (!model.opset_import_size()) {
    emitError(loc, "the model does not say which opset it uses");
    ok = false;
  }
  ok &= succeeded(readOpsets(model.opset_import(), loc, frame));
  return success(ok);
}

static bool isNegative(int64_t dim) {
  return dim < 0 && !ShapedType::isDynamic(dim);
}

// The name of a dynamic dim that the model does not name.
static std::string madeUpName(const std::string &input, size_t axis) {
  return input + "_d" + std::to_string(axis);
}

// Makes the dims that were asked for known to the types.
LogicalResult GraphImporter::applyShapes(const proto::GraphProto &graph) {
  Location loc = FileLineColLoc::get(context, file.name, 0, 0);
  bool ok = true;
  llvm::StringSet<> dimNames;
  for (const proto::ValueInfoProto &input : graph.input())
    for (auto [axis, dim] :
         llvm::enumerate(input.type().tensor_type().shape().dim()))
      dimNames.insert(dim.dim_param().empty() && !dim.has_dim_value()
                          ? madeUpName(input.name(), axis)
                          : dim.dim_param());
  for (const auto &[name, value] : options.dims) {
    if (value < 0) {
      emitError(loc) << "dimension " << value << " given for '" << name
                     << "' is negative";
      ok = false;
    }
    if (!dimNames.contains(name)) {
      emitError(loc) << "no input has a dimension named '" << name << "'";
      ok = false;
    }
  }
  for (const ShapeOverride &shape : options.shapes) {
    auto input =
        llvm::find_if(graph.input(), [&](const proto::ValueInfoProto &info) {
          return info.name() == shape.input;
        });
    if (input == graph.input().end()) {
      emitError(loc) << "no input is named '" << shape.input << "'";
      ok = false;
      continue;
    }
    for (int64_t dim : shape.dims)
      if (dim < 0 && !ShapedType::isDynamic(dim)) {
        emitError(loc) << "dimension " << dim << " given for input '"
                       << shape.input << "' is negative";
        ok = false;
      }
    const auto &tensor = input->type().tensor_type();
    if (tensor.has_shape() &&
        size_t(tensor.shape().dim_size()) != shape.dims.size()) {
      emitError(loc) << "input '" << shape.input << "' has "
                     << tensor.shape().dim_size() << " dimensions, but "
                     << shape.dims.size() << " are given";
      ok = false;
      continue;
    }
    for (auto [axis, pair] :
         llvm::enumerate(llvm::zip(tensor.shape().dim(), shape.dims))) {
      auto [dim, wanted] = pair;
      if (ShapedType::isDynamic(wanted))
        continue;
      if (dim.has_dim_value() && dim.dim_value() != wanted) {
        emitWarning(loc) << "dimension " << axis << " of input '" << shape.input
                         << "' is " << dim.dim_value()
                         << " in the model, compiling for " << wanted;
        types.dropShapes();
      }
      if (!dim.dim_param().empty() && !types.bindDim(dim.dim_param(), wanted)) {
        emitError(loc) << "dimension '" << dim.dim_param() << "' of input '"
                       << shape.input << "' is given two values";
        ok = false;
      }
    }
  }
  return success(ok);
}

FailureOr<Type> GraphImporter::inputType(const proto::ValueInfoProto &input,
                                         Location loc,
                                         SmallVectorImpl<std::string> &names) {
  FailureOr<Type> type = types.read(input.type(), loc, &names);
  if (failed(type))
    return failure();
  if (!*type)
    return emitError(loc) << "input '" << input.name() << "' has no type";
  auto shape =
      llvm::find_if(options.shapes, [&](const ShapeOverride &candidate) {
        return candidate.input == input.name();
      });
  auto tensor = dyn_cast<TensorType>(*type);
  if (shape != options.shapes.end() && tensor) {
    SmallVector<int64_t> dims(shape->dims);
    if (tensor.hasRank() && tensor.getRank() != int64_t(dims.size()))
      return failure();
    names.resize(dims.size());
    for (auto [index, dim] : llvm::enumerate(dims)) {
      if (ShapedType::isDynamic(dim) && tensor.hasRank())
        dim = tensor.getDimSize(index);
      if (!ShapedType::isDynamic(dim))
        names[index].clear();
    }
    if (llvm::any_of(dims, isNegative))
      return failure();
    type = RankedTensorType::get(dims, tensor.getElementType());
  }
  // Every dynamic dim has a name, so that equal ones can be known as equal.
  if (auto ranked = dyn_cast<RankedTensorType>(*type)) {
    SmallVector<int64_t> dims(ranked.getShape());
    for (auto [index, dim] : llvm::enumerate(dims)) {
      if (!ShapedType::isDynamic(dim) || !names[index].empty())
        continue;
      names[index] = madeUpName(input.name(), index);
      if (std::optional<int64_t> bound = types.boundDim(names[index])) {
        dim = *bound;
        names[index].clear();
      }
    }
    if (llvm::any_of(dims, isNegative))
      return failure();
    type = RankedTensorType::get(dims, ranked.getElementType());
    if (!fitsInMemory(dims))
      return emitError(loc)
             << "too large: the product of the dimensions overflows";
  }
  return type;
}

LogicalResult GraphImporter::addArguments(func::FuncOp function, Scope &scope) {
  bool ok = true;
  SmallVector<DictionaryAttr> attributes;
  SmallVector<Type> argumentTypes;
  for (const proto::ValueInfoProto &input : file.model.graph().input()) {
    bool hasDefault = scope.initializers.contains(input.name()) ||
                      scope.sparseInitializers.contains(input.name());
    if (hasDefault &&
        !llvm::is_contained(options.overridableInputs, input.name()))
      continue;
    scope.initializers.erase(input.name());
    scope.sparseInitializers.erase(input.name());
    Location loc = namedLocation(input.name());
    SmallVector<std::string> names;
    FailureOr<Type> type = inputType(input, loc, names);
    bool duplicate = scope.values.contains(input.name());
    if (duplicate)
      emitError(loc) << "input '" << input.name() << "' is defined twice";
    ok &= succeeded(type) && !duplicate;
    if (failed(type) || duplicate) {
      scope.values.try_emplace(input.name(), Value());
      continue;
    }
    Value argument = scope.block->addArgument(*type, loc);
    scope.values[input.name()] = argument;
    observe(input.name(), argument, loc, scope);
    argumentTypes.push_back(*type);
    SmallVector<Attribute> nameAttrs;
    for (const std::string &name : names)
      nameAttrs.push_back(builder.getStringAttr(name));
    attributes.push_back(builder.getDictionaryAttr(
        {builder.getNamedAttr("onnx.name", builder.getStringAttr(input.name())),
         builder.getNamedAttr("onnx.dim_names",
                              builder.getArrayAttr(nameAttrs))}));
  }
  function.setFunctionType(builder.getFunctionType(argumentTypes, {}));
  function.setAllArgAttrs(attributes);
  return success(ok);
}

LogicalResult GraphImporter::addResults(func::FuncOp function, Scope &scope) {
  bool ok = true;
  SmallVector<Value> values;
  SmallVector<DictionaryAttr> attributes;
  llvm::StringSet<> seen;
  if (!file.model.graph().output_size())
    return emitError(FileLineColLoc::get(context, file.name, 0, 0),
                     "the model has no output");
  for (const proto::ValueInfoProto &output : file.model.graph().output()) {
    Location loc = namedLocation(output.name());
    if (!seen.insert(output.name()).second) {
      emitError(loc) << "output '" << output.name() << "' is defined twice";
      ok = false;
      continue;
    }
    std::optional<Value> value = lookup(output.name(), scope, loc);
    ok &= value && *value;
    if (!value || !*value)
      continue;
    values.push_back(*value);
    attributes.push_back(builder.getDictionaryAttr(builder.getNamedAttr(
        "onnx.name", builder.getStringAttr(output.name()))));
  }
  if (!ok)
    return failure();
  builder.setInsertionPointToEnd(scope.block);
  func::ReturnOp::create(builder, function.getLoc(), values);
  function.setFunctionType(builder.getFunctionType(
      function.getArgumentTypes(), ValueRange(values).getTypes()));
  function.setAllResultAttrs(attributes);
  return success();
}

OwningOpRef<ModuleOp> GraphImporter::run() {
  Frame frame;
  if (failed(readHeader(frame)))
    return nullptr;
  const proto::GraphProto &graph = file.model.graph();
  Location loc = FileLineColLoc::get(context, file.name, 0, 0);
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  builder.setInsertionPointToEnd(module->getBody());
  auto function = func::FuncOp::create(builder, loc, "main",
                                       builder.getFunctionType({}, {}));
  (*module)->setAttr("onnx.model_name", builder.getStringAttr(graph.name()));
  (*module)->setAttr("onnx.producer",
                     builder.getStringAttr(file.model.producer_name()));
  Scope scope;
  scope.frame = &frame;
  scope.block = function.addEntryBlock();
  bool ok = succeeded(readFunctions());
  ok &= succeeded(applyShapes(graph));
  ok &= succeeded(declare(graph, scope, loc));
  ok &= succeeded(addArguments(function, scope));
  ok &= succeeded(importNodes(graph.node(), scope));
  ok &= succeeded(addResults(function, scope));
  if (!ok || failed(verify(*module)))
    return nullptr;
  return module;
}

OwningOpRef<ModuleOp> importModel(MLIRContext &context, const ModelFile &file,
                                  const ImportOptions &options) {
  context.loadDialect<onnx::OnnxDialect, func::FuncDialect>();
  return GraphImporter(&context, file, options).run();
}

static OwningOpRef<ModuleOp> import(MLIRContext &context,
                                    std::shared_ptr<llvm::MemoryBuffer> buffer,
                                    StringRef name, StringRef folder,
                                    const ImportOptions &options) {
  llvm::Expected<std::unique_ptr<ModelFile>> file = parseModelFile(
      std::move(buffer), name, folder, options.text || isTextModel(name));
  if (!file) {
    emitError(FileLineColLoc::get(&context, name, 0, 0),
              llvm::toString(file.takeError()));
    return nullptr;
  }
  return importModel(context, **file, options);
}

OwningOpRef<ModuleOp> importModel(MLIRContext &context, StringRef path,
                                  const ImportOptions &options) {
  llvm::Expected<std::shared_ptr<llvm::MemoryBuffer>> buffer = openMapped(path);
  if (!buffer) {
    emitError(FileLineColLoc::get(&context, path, 0, 0),
              llvm::toString(buffer.takeError()));
    return nullptr;
  }
  StringRef folder = llvm::sys::path::parent_path(path);
  return import(context, *buffer, path, folder.empty() ? "." : folder, options);
}

OwningOpRef<ModuleOp> importModelFromMemory(MLIRContext &context,
                                            StringRef bytes, StringRef name,
                                            StringRef folder,
                                            const ImportOptions &options) {
  std::shared_ptr<llvm::MemoryBuffer> buffer =
      llvm::MemoryBuffer::getMemBufferCopy(bytes, name);
  return import(context, buffer, name, folder, options);
}

} // namespace ashlar
