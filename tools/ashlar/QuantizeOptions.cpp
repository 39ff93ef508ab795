#include "tools/ashlar/QuantizeOptions.h"

#include "tools/ashlar/Command.h"
#include "tools/ashlar/ExitCode.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Regex.h"
#include "llvm/Support/SHA256.h"

using namespace ashlar;
using namespace ashlar::tool;
using llvm::StringRef;

std::vector<Option> ashlar::tool::quantizeOptions() {
  return {
      {"form", "FORM",
       "static (default): with the ranges of --calibration; dynamic:\n"
       "activations are quantized when the model runs; weight-only: weights\n"
       "of matrix products, which multiply in floats"},
      {"bits", "N", "bits of weight-only weights: 8 (default) or 4"},
      {"block", "N",
       "weight-only weights that share a scale: 32 (default), or another\n"
       "power of two from 16 on"},
      {"activations", "TYPE",
       "u8 (default): asymmetric; s8: symmetric about zero"},
      {"exclude", "REGEX",
       "layers whose ONNX name matches stay in floats (repeatable)", true},
      {"exclude-op", "OP", "operators of this kind stay in floats (repeatable)",
       true},
      {"two-terms", "REGEX",
       "layers whose ONNX name matches have activations of some 15 bits, as\n"
       "the sum of two tensors of bytes, and multiply twice (repeatable)",
       true},
      {"per-tensor", "",
       "one scale for all weights of a layer, not one for each channel"},
      {"equalize", "",
       "make channels between convolutions alike: what one divides by, the\n"
       "next multiplies by"},
      {"migrate", "ALPHA",
       "move the spread of the channels that matrix products read from\n"
       "activations to weights; 0 to 1, 0.5 is usual for transformers"},
      {"correct-bias", "",
       "take from biases what rounding the weights adds in the mean"}};
}

// --form, --bits and --block.
static std::optional<int> readForm(const Arguments &arguments,
                                   quantization::QuantizeOptions &options) {
  std::string form = arguments.valueOr("form", "static");
  if (form == "dynamic")
    options.form = quantization::QuantizedForm::Dynamic;
  else if (form == "weight-only")
    options.form = quantization::QuantizedForm::WeightOnly;
  else if (form != "static")
    return fail(ExitUsage, "option '--form' got '" + form +
                               "', expected static, dynamic or weight-only");
  std::vector<StringRef> misplaced;
  if (form != "weight-only")
    misplaced = {"bits", "block"};
  if (form != "static")
    for (StringRef name : {"calibration", "activations", "two-terms",
                           "equalize", "migrate", "correct-bias"})
      misplaced.push_back(name);
  for (StringRef name : misplaced)
    if (arguments.has(name))
      return fail(ExitUsage, "option '--" + name + "' says nothing about the " +
                                 form + " form");
  if (auto text = arguments.value("bits")) {
    auto bits = parseNumber("bits", *text, 8);
    if (!bits)
      return fail(ExitUsage, bits.takeError());
    if (*bits != 4 && *bits != 8)
      return fail(ExitUsage,
                  "option '--bits' got '" + *text + "', expected 4 or 8");
    options.weightBits = int(*bits);
  }
  if (auto text = arguments.value("block")) {
    auto block = parseNumber("block", *text, 1 << 20);
    if (!block)
      return fail(ExitUsage, block.takeError());
    if (*block < 16 || !llvm::isPowerOf2_64(*block))
      return fail(ExitUsage, "option '--block' got '" + *text +
                                 "', expected a power of two from 16 on");
    options.blockSize = int64_t(*block);
  }
  return std::nullopt;
}

std::optional<int>
ashlar::tool::readQuantizeOptions(const Arguments &arguments,
                                  quantization::QuantizeOptions &options) {
  std::string type = arguments.valueOr("activations", "u8");
  if (type != "u8" && type != "s8")
    return fail(ExitUsage,
                "option '--activations' got '" + type + "', expected u8 or s8");
  options.signedActivations = type == "s8";
  options.perChannelWeights = !arguments.has("per-tensor");
  for (auto [name, expressions] :
       {std::pair("exclude", &options.excludedNodes),
        std::pair("two-terms", &options.twoTermNodes)})
    for (StringRef text : arguments.values(name)) {
      std::string problem;
      if (!llvm::Regex(text).isValid(problem))
        return fail(ExitUsage, llvm::Twine("option '--") + name + "': '" +
                                   text +
                                   "' is no regular expression: " + problem);
      expressions->push_back(text.str());
    }
  if (auto code = readForm(arguments, options))
    return code;
  options.equalize = arguments.has("equalize");
  options.correctBias = arguments.has("correct-bias");
  if (auto text = arguments.value("migrate")) {
    auto alpha = parseReal("migrate", *text);
    if (!alpha)
      return fail(ExitUsage, alpha.takeError());
    if (*alpha > 1)
      return fail(ExitUsage, "option '--migrate' got '" + *text +
                                 "', expected a number from 0 to 1");
    options.migrate = *alpha;
  }
  for (StringRef op : arguments.values("exclude-op"))
    options.excludedOperators.push_back(op.str());
  return std::nullopt;
}

int ashlar::tool::failQuantization(llvm::Error error) {
  return fail(ExitInvalid, std::move(error));
}

void ashlar::tool::printWarnings(StringRef path,
                                 llvm::ArrayRef<std::string> warnings) {
  for (const std::string &warning : warnings)
    llvm::errs() << path << ": warning: " << warning << '\n';
}

// SHA-256 in hexadecimal, as sha256sum prints it.
static std::string hashOfFile(StringRef path) {
  auto file = llvm::MemoryBuffer::getFile(path);
  if (!file)
    return "";
  return llvm::toHex(
      llvm::SHA256::hash(llvm::arrayRefFromStringRef((*file)->getBuffer())),
      /*LowerCase=*/true);
}

std::optional<int>
ashlar::tool::quantizeBeforeCompiling(StringRef path, StringRef tablePath,
                                      CompileOptions &options) {
  auto model = readModelFile(path);
  if (!model)
    return fail(ExitInvalid,
                path + ": error: " + llvm::toString(model.takeError()));
  auto table = quantization::readCalibrationTable(tablePath);
  if (!table)
    return fail(ExitInvalid, table.takeError());
  quantization::QuantizeOptions wishes;
  for (const auto &[expression, precision] : options.precision.layers)
    wishes.excludedNodes.push_back(expression);
  auto result = quantization::quantizeModel(**model, *table, wishes);
  if (!result)
    return failQuantization(result.takeError());
  // Expressions that match nothing are reported once, by the compilation; no
  // file shows the opset.
  llvm::erase_if(result->warnings, [](StringRef warning) {
    return warning.starts_with("no node's name matches") ||
           warning.starts_with("opset ");
  });
  printWarnings(path, result->warnings);
  options.warningsBefore = unsigned(result->warnings.size());
  options.calibration = CalibrationDescription{
      llvm::sys::path::filename(tablePath).str(), hashOfFile(tablePath),
      table->dataHash, table->samples, table->madeUp};
  for (const quantization::LayerDecision &layer : result->layers)
    if (!layer.node.empty())
      (layer.quantized ? options.precision.quantized
                       : options.precision.notQuantized)[layer.node] =
          layer.reason;
  options.source = std::move(result->model);
  return std::nullopt;
}
