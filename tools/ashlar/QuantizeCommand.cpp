// ashlar quantize: a float model and a calibration table to a quantized model
// file.
#include "compiler/quantization/LayerReport.h"
#include "tools/ashlar/Command.h"
#include "tools/ashlar/ExitCode.h"
#include "tools/ashlar/ModelOptions.h"
#include "tools/ashlar/OutputFiles.h"
#include "tools/ashlar/Progress.h"
#include "tools/ashlar/QuantizeOptions.h"
#include "tools/ashlar/QuantizeToGoal.h"

#include "llvm/Support/Path.h"

using namespace ashlar;
using namespace ashlar::tool;
using namespace ashlar::quantization;
using llvm::StringRef;

// Options that only the evaluation reads.
static llvm::Error checkPlainOptions(const Arguments &arguments) {
  std::vector<Option> shapes = shapeOptions(); // operations are counted by them
  auto isShape = [&](llvm::StringRef name) {
    return llvm::any_of(shapes,
                        [&](auto &option) { return option.name == name; });
  };
  std::string unused;
  for (const Option &option : accuracyOptions())
    if (arguments.has(option.name) && !isShape(option.name))
      unused += (unused.empty() ? "'--" : ", '--") + option.name.str() + "'";
  if (unused.empty())
    return llvm::Error::success();
  return usageError("without '--evaluate' nothing reads " + unused);
}

static int writeResult(const QuantizedModel &result, StringRef output,
                       const Arguments &arguments) {
  OutputFiles files;
  llvm::Error failure = llvm::Error::success();
  llvm::Error error = files.add(output, [&](llvm::raw_ostream &os) {
    failure = writeModel(*result.model, os);
  });
  if (failure) {
    llvm::consumeError(std::move(error));
    return fail(ExitInvalid, result.model->name + ": error: " +
                                 llvm::toString(std::move(failure)));
  }
  if (error)
    return fail(ExitResources, std::move(error));
  if (auto json = arguments.value("json"))
    if (llvm::Error problem = files.add(
            *json, [&](llvm::raw_ostream &os) { writeLayersJson(result, os); }))
      return fail(ExitUsage, std::move(problem));
  if (llvm::Error problem = files.commit())
    return fail(ExitResources, std::move(problem));
  return ExitOk;
}

static int quantizePlainly(const ModelFile &model,
                           const CalibrationTable &table,
                           const quantization::QuantizeOptions &options,
                           QuantizedModel &result) {
  Progress progress("quantizing " + llvm::sys::path::filename(model.name));
  auto quantized = quantizeModel(model, table, options);
  progress.clear();
  if (!quantized)
    return failQuantization(quantized.takeError());
  result = std::move(*quantized);
  return ExitOk;
}

static int run(const Arguments &arguments) {
  const std::string &path = arguments.positional().front();
  auto output = arguments.value("o");
  if (!output)
    return fail(ExitUsage, "say where the quantized model goes: -o FILE");
  if (!wantsAccuracy(arguments))
    if (llvm::Error error = checkPlainOptions(arguments))
      return fail(ExitUsage, std::move(error));
  QuantizeOptions options;
  if (auto code = readQuantizeOptions(arguments, options))
    return *code;
  CompileOptions shapes;
  if (llvm::Error error = readShapeOptions(arguments, shapes))
    return fail(ExitUsage, std::move(error));
  bool isStatic = options.form == QuantizedForm::Static;
  if (isStatic && !arguments.has("calibration"))
    return fail(ExitUsage, "say how far activations range: --calibration=FILE "
                           "('ashlar calibrate' makes it)");
  auto model = readModelFile(path);
  if (!model)
    return fail(ExitInvalid,
                path + ": error: " + llvm::toString(model.takeError()));
  CalibrationTable table;
  if (isStatic) {
    auto read = readCalibrationTable(*arguments.value("calibration"));
    if (!read)
      return fail(ExitInvalid, read.takeError());
    table = std::move(*read);
  } else if (wantsAccuracy(arguments)) {
    return fail(ExitUsage, "layers are searched and evaluated in the static "
                           "form only");
  }
  QuantizedModel result;
  int missed = ExitOk;
  if (wantsAccuracy(arguments)) {
    missed = quantizeToGoal(arguments, **model, table, options, result);
    if (!result.model)
      return missed;
  } else if (int code = quantizePlainly(**model, table, options, result)) {
    return code;
  }
  countLayerMacs(**model, shapes.import, result.layers);
  printWarnings(path, result.warnings);
  if (int code = writeResult(result, *output, arguments))
    return code;
  printLayerSummary(result.layers, llvm::errs());
  return missed;
}

Command ashlar::tool::quantizeCommand() {
  std::vector<Option> options = {
      {"calibration", "FILE", "ranges of activations, by 'ashlar calibrate'"},
      {"o", "FILE", "the quantized model"}};
  for (const std::vector<Option> &more : {quantizeOptions(), accuracyOptions()})
    options.insert(options.end(), more.begin(), more.end());
  options.push_back(
      {"json", "FILE", "every layer with its reason; '-' is standard output"});
  return {
      "quantize",
      "MODEL --calibration=FILE -o QUANTIZED [OPTION...]",
      "a float model and its calibration table to a quantized model",
      "Writes the model with QuantizeLinear and DequantizeLinear where "
      "layers multiply\nintegers: standard ONNX, with the opset and all "
      "names of the model, for Ashlar,\nONNX Runtime and Netron. "
      "BatchNormalization is folded into convolutions first.\n--form=dynamic "
      "and --form=weight-only need no calibration.\n\n"
      "  ashlar calibrate model.onnx --data samples -o model.calib.json\n"
      "  ashlar quantize model.onnx --calibration=model.calib.json -o "
      "model.int8.onnx\n"
      "  ashlar quantize model.onnx --calibration=model.calib.json "
      "--exclude='^/head/' \\\n      -o model.int8.onnx\n"
      "  ashlar quantize model.onnx --calibration=model.calib.json "
      "--max-drop=1% \\\n      --evaluate=top1 --data samples --labels "
      "labels.npy -o model.int8.onnx\n",
      options,
      1,
      1,
      run};
}
