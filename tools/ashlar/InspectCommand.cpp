// ashlar inspect: what is in a model or an object, and all that stands in the
// way of compiling it.
#include "compiler/api/Compile.h"
#include "compiler/api/DescribeModel.h"
#include "compiler/report/HeaderWriter.h"
#include "compiler/report/MacCount.h"
#include "tools/ashlar/Command.h"
#include "tools/ashlar/Compilation.h"
#include "tools/ashlar/ExitCode.h"
#include "tools/ashlar/ModelOptions.h"
#include "tools/ashlar/OutputFiles.h"

#include "dialects/onnx/Diagnostics.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

#include <map>

using namespace ashlar;
using namespace ashlar::tool;
using llvm::Error;
using llvm::StringRef;

namespace {
struct OperatorCount {
  int64_t nodes = 0;
  int64_t macs = 0;
  int64_t nodesWithMacs = 0;
};

/// In which precision a contraction multiplies, where that was decided.
struct PrecisionChoice {
  std::string name, op, precision, reason;
};

struct Inspection {
  ModelDescription model;
  std::vector<PrecisionChoice> precisions;
  bool isObject = false;
  std::map<std::string, OperatorCount> operators;
  int64_t parameters = 0, parameterBytes = 0;
  int64_t macs = 0;
  std::vector<PrintedDiagnostic> problems;
};
} // namespace

static void addConstant(mlir::Operation *op, Inspection &result) {
  auto value = op->getAttrOfType<mlir::ElementsAttr>("value");
  if (!value)
    return;
  int64_t count = value.getNumElements();
  mlir::Type element = value.getElementType();
  result.parameters += count;
  if (element.isIntOrFloat())
    result.parameterBytes += count * element.getIntOrFloatBitWidth() / 8;
}

// ONNX's name of an operation: "Conv", "com.microsoft.QLinearAdd".
static std::string operatorName(mlir::Operation *op) {
  StringRef name = op->getName().getStringRef();
  name.consume_front("onnx.");
  if (name.consume_front("ms."))
    return ("com.microsoft." + name).str();
  return name.str();
}

static void countOperators(mlir::ModuleOp module, Inspection &result) {
  module.walk([&](mlir::Operation *op) {
    StringRef name = op->getName().getStringRef();
    if (!name.starts_with("onnx.") || name == "onnx.Yield")
      return;
    if (name == "onnx.Constant")
      return addConstant(op, result);
    ++result.operators[operatorName(op)].nodes;
  });
}

// Shapes are known after simplification, which may have merged nodes.
static void countMultiplications(mlir::ModuleOp module, Inspection &result) {
  module.walk([&](mlir::Operation *op) {
    auto macs = countMacs(op);
    if (!macs)
      return;
    OperatorCount &count = result.operators[operatorName(op)];
    count.macs += *macs;
    ++count.nodesWithMacs;
    result.macs += *macs;
  });
}

static void listPrecisions(mlir::ModuleOp module, Inspection &result) {
  auto textOf = [](mlir::Operation *op, StringRef name) {
    auto text = op->getAttrOfType<mlir::StringAttr>(name);
    return text ? text.getValue().str() : std::string();
  };
  module.walk([&](mlir::Operation *op) {
    if (op->hasAttr("ashlar.precision_reason"))
      result.precisions.push_back({onnx::nodeName(op->getLoc()).str(),
                                   operatorName(op),
                                   textOf(op, "ashlar.precision"),
                                   textOf(op, "ashlar.precision_reason")});
  });
}

static int inspectModel(const std::string &path, const Arguments &arguments,
                        Inspection &result) {
  CompileOptions options;
  if (auto code = readModelOptions(arguments, options))
    return *code;
  Session session;
  mlir::OwningOpRef<mlir::ModuleOp> module =
      compileToStage(session.context(), path, options, "import");
  if (!module) {
    result.problems = session.diagnostics().diagnostics();
    return session.failed(path);
  }
  result.model.prefix = prefixFromPath(path);
  bool ok = mlir::succeeded(describeInterface(*module, result.model));
  countOperators(*module, result);
  if (mlir::OwningOpRef<mlir::ModuleOp> simplified =
          compileToStage(session.context(), path, options, "simplify")) {
    countMultiplications(*simplified, result);
    simplified = nullptr;
    if (mlir::OwningOpRef<mlir::ModuleOp> quantized =
            compileToStage(session.context(), path, options, "quantize"))
      listPrecisions(*quantized, result);
    ok &= bool(compileToStage(session.context(), path, options, "convert"));
  } else {
    ok = false;
  }
  result.problems = session.diagnostics().diagnostics();
  return ok ? int(ExitOk) : session.failed(path);
}

static TensorDescription describe(const ashlar_tensor_info &info) {
  TensorDescription tensor;
  tensor.name = info.name;
  tensor.cName = info.c_name;
  tensor.dtype = info.dtype;
  tensor.dims.assign(info.dims, info.dims + info.rank);
  if (info.dim_symbols)
    tensor.dimSymbols.assign(info.dim_symbols, info.dim_symbols + info.rank);
  tensor.elementBytes = info.element_bytes;
  tensor.scale = info.scale;
  tensor.zeroPoint = info.zero_point;
  return tensor;
}

static void inspectObject(const ashlar_model_info &info, Inspection &result) {
  result.isObject = true;
  ModelDescription &model = result.model;
  model.prefix = info.name;
  model.modelHash = info.model_hash;
  model.producer = info.producer;
  model.weightsBytes = info.weights_bytes;
  model.weightsEmbedded = info.weights || !info.weights_bytes;
  model.stateBytes = info.state_bytes;
  for (uint32_t i = 0; i != info.num_dims; ++i)
    model.dims.push_back({info.dims[i].name, info.dims[i].c_name,
                          info.dims[i].minimum, info.dims[i].maximum});
  for (uint32_t i = 0; i != info.num_inputs + info.num_outputs; ++i)
    (i < info.num_inputs ? model.inputs : model.outputs)
        .push_back(describe(info.tensors[i]));
  for (uint32_t i = 0; i != info.num_variants; ++i) {
    VariantDescription variant;
    variant.cpu = info.variants[i].cpu;
    variant.features = info.variants[i].features;
    model.variants.push_back(variant);
  }
  for (uint32_t i = 0; i != info.num_layers; ++i)
    ++result.operators[info.layers[i].op].nodes;
}

static void printTensors(StringRef title, const ModelDescription &model,
                         llvm::ArrayRef<TensorDescription> tensors,
                         llvm::raw_ostream &os) {
  os << title << ":\n";
  for (const TensorDescription &tensor : tensors)
    os << "  '" << tensor.name << "' " << dtypeName(tensor.dtype) << ' '
       << shapeText(model, tensor) << '\n';
  if (tensors.empty())
    os << "  none\n";
}

static void printText(const Inspection &result, llvm::raw_ostream &os) {
  const ModelDescription &model = result.model;
  printTensors("Inputs", model, model.inputs, os);
  printTensors("Outputs", model, model.outputs, os);
  if (!model.dims.empty()) {
    os << "Dimensions:\n";
    for (const DimDescription &dim : model.dims) {
      os << "  '" << dim.name << "' from " << dim.minimum;
      if (dim.maximum != INT64_MAX)
        os << " to " << dim.maximum;
      os << '\n';
    }
  }
  if (result.isObject) {
    os << "Compiled for:\n";
    for (const VariantDescription &variant : model.variants)
      os << "  " << variant.cpu << '\n';
    os << "Weights:    " << model.weightsBytes << " bytes, "
       << (model.weightsEmbedded ? "embedded" : "in a file") << '\n'
       << "Model hash: " << model.modelHash << '\n'
       << "Made by:    " << model.producer << '\n';
  }
  os << "Operators:\n";
  for (auto &[name, count] : result.operators) {
    os << llvm::formatv("  {0,-32}{1,6}", name, count.nodes);
    if (count.nodesWithMacs)
      os << llvm::formatv("{0,16} MACs", count.macs);
    os << '\n';
  }
  if (result.isObject)
    return;
  if (!result.precisions.empty())
    os << "Precision of products:\n";
  for (const PrecisionChoice &choice : result.precisions)
    os << "  '" << choice.name << "' " << choice.op << ": " << choice.precision
       << ", " << choice.reason << '\n';
  os << "Parameters: " << result.parameters << " (" << result.parameterBytes
     << " bytes)\n";
  os << "MACs:       " << result.macs << " where shapes are known\n";
}

static void writeTensors(llvm::json::OStream &json, StringRef key,
                         const ModelDescription &model,
                         llvm::ArrayRef<TensorDescription> tensors) {
  json.attributeArray(key, [&] {
    for (const TensorDescription &tensor : tensors)
      json.object([&] {
        json.attribute("name", llvm::json::fixUTF8(tensor.name));
        json.attribute("dtype", dtypeName(tensor.dtype));
        json.attributeArray("shape", [&] {
          for (size_t axis = 0; axis != tensor.dims.size(); ++axis) {
            int32_t symbol =
                axis < tensor.dimSymbols.size() ? tensor.dimSymbols[axis] : -1;
            if (symbol >= 0)
              json.value(llvm::json::fixUTF8(model.dims[symbol].name));
            else if (tensor.dims[axis] < 0)
              json.value(nullptr);
            else
              json.value(tensor.dims[axis]);
          }
        });
      });
  });
}

static void writeProblem(llvm::json::OStream &json,
                         const PrintedDiagnostic &problem) {
  json.object([&] {
    json.attribute("node", llvm::json::fixUTF8(problem.node));
    json.attribute("op", problem.op);
    json.attribute("message", llvm::json::fixUTF8(problem.message));
    json.attribute("kind", problem.severity != mlir::DiagnosticSeverity::Error
                               ? "warning"
                           : problem.fault == Fault::Unsupported ? "unsupported"
                           : problem.fault == Fault::Internal    ? "internal"
                                                                 : "invalid");
  });
}

static void printJson(const Inspection &result, llvm::raw_ostream &os) {
  llvm::json::OStream json(os, 1);
  json.object([&] {
    writeTensors(json, "inputs", result.model, result.model.inputs);
    writeTensors(json, "outputs", result.model, result.model.outputs);
    json.attributeArray("dims", [&] {
      for (const DimDescription &dim : result.model.dims)
        json.object([&] {
          json.attribute("name", llvm::json::fixUTF8(dim.name));
          json.attribute("minimum", dim.minimum);
          if (dim.maximum != INT64_MAX)
            json.attribute("maximum", dim.maximum);
        });
    });
    json.attributeObject("operators", [&] {
      for (auto &[name, count] : result.operators)
        json.attributeObject(name, [&, &count = count] {
          json.attribute("nodes", count.nodes);
          if (count.nodesWithMacs)
            json.attribute("macs", count.macs);
        });
    });
    if (result.isObject) {
      json.attributeArray("cpus", [&] {
        for (const VariantDescription &variant : result.model.variants)
          json.value(variant.cpu);
      });
      json.attribute("weights_bytes", int64_t(result.model.weightsBytes));
      json.attribute("model_sha256", result.model.modelHash);
    } else {
      json.attributeArray("precision", [&] {
        for (const PrecisionChoice &choice : result.precisions)
          json.object([&] {
            json.attribute("name", llvm::json::fixUTF8(choice.name));
            json.attribute("op", choice.op);
            json.attribute("precision", choice.precision);
            json.attribute("reason", choice.reason);
          });
      });
      json.attribute("parameters", result.parameters);
      json.attribute("parameter_bytes", result.parameterBytes);
      json.attribute("macs", result.macs);
    }
    json.attributeArray("problems", [&] {
      for (const PrintedDiagnostic &problem : result.problems)
        writeProblem(json, problem);
    });
  });
  os << '\n';
}

static int run(const Arguments &arguments) {
  const std::string &path = arguments.positional().front();
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                          /*RequiresNullTerminator=*/false);
  if (!file)
    return fail(ExitInvalid, path + ": error: cannot read the file: " +
                                 file.getError().message());
  Inspection result;
  int code = ExitOk;
  std::unique_ptr<LoadedModel> object;
  if (isObjectFile((*file)->getBuffer())) {
    auto loaded = LoadedModel::load(std::move(*file));
    if (!loaded)
      return fail(ExitInvalid,
                  path + ": error: " + llvm::toString(loaded.takeError()));
    object = std::move(*loaded);
    inspectObject(object->info(), result);
  } else {
    file->reset();
    code = inspectModel(path, arguments, result);
  }
  OutputFiles files;
  auto json = arguments.value("json");
  if (json)
    if (Error error = files.add(
            *json, [&](llvm::raw_ostream &os) { printJson(result, os); }))
      return fail(ExitUsage, std::move(error));
  bool known = result.isObject || !result.operators.empty() ||
               !result.model.outputs.empty();
  if (known && (!json || *json != "-"))
    printText(result, llvm::outs());
  if (Error error = files.commit())
    return fail(ExitResources, std::move(error));
  return code;
}

Command ashlar::tool::inspectCommand() {
  std::vector<Option> options = shapeOptions();
  for (Option &option : precisionOptions())
    options.push_back(option);
  options.push_back({"json", "FILE", "write as JSON; '-' is standard output"});
  return {"inspect",
          "MODEL|OBJECT [OPTION...]",
          "inputs, outputs, operators and problems of a model or object",
          "Tells the inputs, outputs, symbolic dimensions, operators, "
          "parameters and\nmultiply-accumulates of a model, and every problem "
          "that would keep it from being\ncompiled; or what a compiled object "
          "holds.\n\n"
          "  ashlar inspect model.onnx\n"
          "  ashlar inspect model.onnx --dim batch=8 --json=-\n"
          "  ashlar inspect model.o\n",
          options,
          1,
          1,
          run};
}
