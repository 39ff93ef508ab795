#include "tools/ashlar/ModelOptions.h"
#include "tools/ashlar/Command.h"
#include "tools/ashlar/ExitCode.h"
#include "tools/ashlar/QuantizeOptions.h"

#include "compiler/execution/KernelLibrary.h"
#include "compiler/report/ModelDescription.h"
#include "compiler/target/Target.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Regex.h"

using namespace ashlar;
using namespace ashlar::tool;
using llvm::StringRef;
using llvm::Twine;

std::vector<Option> ashlar::tool::shapeOptions() {
  return {{"shape", "SHAPE",
           "shape of an input: 'x[1,3,224,224]' or 'x:1x3x224x224'; '?' keeps\n"
           "a dimension, 'a..b' is a range (repeatable)",
           true},
          {"dim", "NAME=VALUE",
           "value (or range, 'a..b') of a symbolic dimension (repeatable)",
           true}};
}

std::vector<Option> ashlar::tool::precisionOptions() {
  return {
      {"precision", "P",
       "precision in which float layers multiply: f32 (default), bf16, or\n"
       "auto: the fastest for each layer, judged by its sizes alone (bf16\n"
       "is taken where it gains, in both); int8 with --calibration: what is\n"
       "not quantized is f32; a model that comes quantized\n"
       "runs so with no flag"},
      {"layer", "REGEX=P",
       "precision, f32 or bf16, of layers whose ONNX name matches\n"
       "(repeatable: the last that matches counts)",
       true}};
}

std::vector<Option> ashlar::tool::modelOptions() {
  std::vector<Option> options = {
      {"cpu", "LIST",
       "CPUs to compile for, by LLVM's names, separated by commas; the best\n"
       "that a machine has is chosen when the model runs; default: native"},
      {"calibration", "FILE",
       "ranges of activations, by 'ashlar calibrate': the model is quantized\n"
       "first, but for layers that --layer names"},
      {"kernels", "LIBRARY",
       "onednn: what oneDNN can compute is computed by it, and programs link\n"
       "libashlar_onednn and libdnnl; default: Ashlar's own kernels"},
      {"verify-stages", "", "check the intermediate code after every stage"},
      {"dump-ir", "DIR", "write the intermediate code after every stage"}};
  for (const std::vector<Option> &more : {precisionOptions(), shapeOptions()})
    options.insert(options.end(), more.begin(), more.end());
  return options;
}

// "4" or "1..32".
static std::optional<ValueRange> parseRange(StringRef text) {
  ValueRange range;
  auto [low, high] = text.split("..");
  if (low.getAsInteger(10, range.minimum) || range.minimum < 0)
    return std::nullopt;
  range.maximum = range.minimum;
  if (text.contains("..") &&
      (high.getAsInteger(10, range.maximum) || range.maximum < range.minimum))
    return std::nullopt;
  return range;
}

llvm::Expected<ShapeArgument> ashlar::tool::parseShape(StringRef text) {
  ShapeArgument result;
  StringRef dims;
  char separator = ',';
  auto wrong = [&] {
    return usageError("shape '" + text +
                      "' is not understood, expected 'name[1,3,224,224]' or "
                      "'name:1x3x224x224'");
  };
  if (text.ends_with("]")) {
    size_t open = text.rfind('[');
    if (open == StringRef::npos)
      return wrong();
    result.input = text.substr(0, open).str();
    dims = text.slice(open + 1, text.size() - 1);
  } else {
    auto [name, rest] = text.rsplit(':');
    if (!text.contains(':'))
      return wrong();
    result.input = name.str();
    dims = rest;
    separator = 'x';
  }
  if (result.input.empty())
    return wrong();
  llvm::SmallVector<StringRef> parts;
  if (!dims.trim().empty())
    dims.split(parts, separator);
  for (StringRef part : parts) {
    part = part.trim();
    std::optional<ValueRange> range = parseRange(part);
    if (!range && part != "?" && part != "*")
      return wrong();
    result.dims.push_back(range);
  }
  return result;
}

llvm::Expected<std::pair<std::string, ValueRange>>
ashlar::tool::parseDim(StringRef text) {
  auto [name, value] = text.rsplit('=');
  std::optional<ValueRange> range = parseRange(value);
  if (name.empty() || !text.contains('=') || !range)
    return usageError("dimension '" + text +
                      "' is not understood, expected 'name=4' or "
                      "'name=1..32'");
  return std::make_pair(name.str(), *range);
}

llvm::Error ashlar::tool::readShapeOptions(const Arguments &arguments,
                                           CompileOptions &options) {
  for (StringRef text : arguments.values("shape")) {
    auto shape = parseShape(text);
    if (!shape)
      return shape.takeError();
    ShapeOverride fixed;
    fixed.input = shape->input;
    for (size_t axis = 0; axis != shape->dims.size(); ++axis) {
      const std::optional<ValueRange> &range = shape->dims[axis];
      bool single = range && range->minimum == range->maximum;
      fixed.dims.push_back(single ? range->minimum
                                  : mlir::ShapedType::kDynamic);
      if (range && !single)
        options.ranges.push_back(
            {"", shape->input, int64_t(axis), range->minimum, range->maximum});
    }
    options.import.shapes.push_back(std::move(fixed));
  }
  for (StringRef text : arguments.values("dim")) {
    auto dim = parseDim(text);
    if (!dim)
      return dim.takeError();
    if (dim->second.minimum == dim->second.maximum)
      options.import.dims[dim->first] = dim->second.minimum;
    else
      options.ranges.push_back(
          {dim->first, "", 0, dim->second.minimum, dim->second.maximum});
  }
  return llvm::Error::success();
}

static llvm::Error readCpus(const Arguments &arguments,
                            CompileOptions &options) {
  options.cpus.clear();
  std::string list = arguments.valueOr("cpu", "native");
  llvm::SmallVector<StringRef> names;
  StringRef(list).split(names, ',');
  for (StringRef name : names) {
    auto target = resolveTarget(name);
    if (!target)
      return usageError("option '--cpu': " +
                        llvm::toString(target.takeError()));
    if (llvm::is_contained(options.cpus, name.str()))
      return usageError("option '--cpu' names '" + name + "' twice");
    options.cpus.push_back(name.str());
  }
  return llvm::Error::success();
}

// --precision, --layer and --calibration.
static std::optional<int> readPrecision(const Arguments &arguments,
                                        PrecisionOptions &options) {
  StringRef precision = options.everywhere =
      arguments.valueOr("precision", "f32");
  bool calibrated = arguments.has("calibration");
  if (precision == "int8" && !calibrated)
    return fail(ExitUsage,
                "--precision=int8 needs the ranges of activations: "
                "--calibration=FILE ('ashlar calibrate' makes it); a model "
                "that comes quantized runs in int8 without --precision");
  // What is not quantized multiplies in f32.
  if (precision == "int8") {
    options.everywhere = "f32";
    precision = options.everywhere;
  }
  if (precision != "f32" && precision != "bf16" && precision != "auto")
    return fail(ExitUsage, "option '--precision' got '" + precision +
                               "', expected f32, bf16, int8 or auto");
  for (StringRef text : arguments.values("layer")) {
    auto [expression, wanted] = text.rsplit('=');
    if (expression.empty() || (wanted != "f32" && wanted != "bf16"))
      return fail(ExitUsage, "option '--layer' got '" + text +
                                 "', expected 'REGEX=bf16' or 'REGEX=f32'");
    std::string problem;
    if (!llvm::Regex(expression).isValid(problem))
      return fail(ExitUsage, "option '--layer': '" + expression +
                                 "' is no regular expression: " + problem);
    options.layers.emplace_back(expression.str(), wanted.str());
  }
  return std::nullopt;
}

std::optional<int> ashlar::tool::readShapesAndCpus(const Arguments &arguments,
                                                   CompileOptions &options) {
  if (llvm::Error error = readShapeOptions(arguments, options))
    return fail(ExitUsage, std::move(error));
  if (llvm::Error error = readCpus(arguments, options))
    return fail(ExitUsage, std::move(error));
  return std::nullopt;
}

std::optional<int> ashlar::tool::readModelOptions(const Arguments &arguments,
                                                  CompileOptions &options,
                                                  StringRef model) {
  if (auto code = readShapesAndCpus(arguments, options))
    return code;
  if (auto code = readPrecision(arguments, options.precision))
    return code;
  if (auto library = arguments.value("kernels")) {
    if (llvm::Error error = checkKernelLibrary(*library))
      return fail(ExitUsage,
                  "option '--kernels': " + llvm::toString(std::move(error)));
    options.kernelLibrary = library->str();
  }
  if (auto table = arguments.value("calibration"))
    if (auto code = quantizeBeforeCompiling(
            model.empty() ? StringRef(arguments.positional().front()) : model,
            *table, options))
      return code;
  if (auto name = arguments.value("name")) {
    if (!isCIdentifier(*name))
      return fail(ExitUsage, "option '--name' got '" + *name +
                                 "', expected a C identifier such as '" +
                                 cIdentifier(*name) + "'");
    options.prefix = name->str();
  }
  options.stages.verifyContracts = arguments.has("verify-stages");
  if (auto folder = arguments.value("dump-ir")) {
    if (std::error_code code = llvm::sys::fs::create_directories(*folder))
      return fail(ExitUsage, "cannot make the folder '" + *folder +
                                 "': " + code.message());
    options.stages.dumpFolder = folder->str();
  }
  return std::nullopt;
}
