// ashlar calibrate: what values a model's tensors take, and the ranges to
// quantize them in.
#include "compiler/quantization/Calibrate.h"
#include "compiler/quantization/CalibrationMethods.h"
#include "compiler/quantization/QuantizeModel.h"
#include "tools/ashlar/Command.h"
#include "tools/ashlar/Compilation.h"
#include "tools/ashlar/ExitCode.h"
#include "tools/ashlar/Interrupt.h"
#include "tools/ashlar/ModelInputs.h"
#include "tools/ashlar/ModelOptions.h"
#include "tools/ashlar/OutputFiles.h"
#include "tools/ashlar/Progress.h"
#include "tools/ashlar/SampleOptions.h"
#include "tools/ashlar/Timing.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"

using namespace ashlar;
using namespace ashlar::tool;
using namespace ashlar::quantization;
using llvm::Error;
using llvm::StringRef;
using llvm::Twine;

namespace {

/// How long work may be lost when the machine fails.
constexpr double kSecondsBetweenSaves = 60;

struct Settings {
  std::string output;
  CalibrationOptions ranges;
  unsigned threads = 0;
  bool resume = false;
};

/// Made-up samples, for trying things out.
class RandomSamples : public data::SampleStream {
public:
  RandomSamples(const Arguments &arguments, const ashlar_model_info &info,
                uint64_t seed, uint64_t count)
      : arguments(arguments), info(info), seed(seed), count(count) {}

  llvm::Expected<std::optional<data::Sample>> next() override {
    if (done == count)
      return std::nullopt;
    auto sets = randomInputs(arguments, info, seed + 1000 * done);
    if (!sets)
      return sets.takeError();
    data::Sample sample;
    sample.name = "random sample " + std::to_string(done++);
    sample.inputs = std::move(sets->front().inputs);
    return sample;
  }
  std::optional<uint64_t> size() const override { return count; }

private:
  const Arguments &arguments;
  const ashlar_model_info &info;
  uint64_t seed, count, done = 0;
};

} // namespace

static llvm::Expected<Settings> readSettings(const Arguments &arguments) {
  Settings settings;
  auto output = arguments.value("o");
  if (!output)
    return usageError("option '-o' is missing: it names the table to write");
  settings.output = output->str();
  std::string name = arguments.valueOr("method", "auto");
  auto method = parseCalibrationMethod(name);
  if (!method)
    return usageError("option '--method' got '" + name +
                      "', expected minmax, moving-average, percentile, "
                      "entropy, mse or auto");
  settings.ranges.method = *method;
  if (auto text = arguments.value("percentile")) {
    auto value = parseReal("percentile", *text);
    if (!value)
      return value.takeError();
    if (*value <= 50 || *value > 100)
      return usageError("option '--percentile' got '" + *text +
                        "', expected more than 50 and at most 100");
    settings.ranges.percentile = *value;
  }
  std::string activations = arguments.valueOr("activations", "u8");
  if (activations != "u8" && activations != "s8")
    return usageError("option '--activations' got '" + activations +
                      "', expected u8 or s8");
  settings.ranges.signedActivations = activations == "s8";
  if (auto text = arguments.value("threads")) {
    auto number = parseNumber("threads", *text, 4096);
    if (!number)
      return number.takeError();
    settings.threads = unsigned(*number);
  }
  settings.resume = arguments.has("resume");
  return settings;
}

static Error writeTable(const CalibrationTable &table,
                        const Settings &settings) {
  OutputFiles files;
  if (Error error = files.add(settings.output, [&](llvm::raw_ostream &os) {
        writeCalibrationTable(table, os);
      }))
    return error;
  return files.commit();
}

// How the ranges came about, for people.
static void printSummary(const CalibrationTable &table) {
  std::map<std::string, size_t> methods;
  for (const auto &[name, tensor] : table.tensors)
    ++methods[tensor.method];
  llvm::errs() << table.tensors.size() << " tensors from " << table.samples
               << " samples; ranges by";
  StringRef separator = " ";
  for (const auto &[method, count] : methods) {
    llvm::errs() << separator << method << " (" << count << ")";
    separator = ", ";
  }
  llvm::errs() << '\n';
}

static void warnOfFewSamples(const CalibrationTable &table) {
  if (table.samples < kFewSamples)
    llvm::errs() << "warning: the ranges rest on " << table.samples
                 << (table.samples == 1 ? " sample" : " samples")
                 << "; 100 to 500 are usual\n";
}

static int finish(CalibrationTable &table, const Settings &settings) {
  chooseRanges(table, settings.ranges);
  if (Error error = writeTable(table, settings))
    return fail(ExitResources, std::move(error));
  printSummary(table);
  warnOfFewSamples(table);
  return ExitOk;
}

// Joining reads tables, no samples.
static Error checkMergeOptions(const Arguments &arguments) {
  std::string unused;
  auto check = [&](StringRef name) {
    if (arguments.has(name))
      unused += (unused.empty() ? "'--" : ", '--") + name.str() + "'";
  };
  for (StringRef name : {"resume", "random", "threads", "cpu"})
    check(name);
  for (const std::vector<Option> &more : {sampleOptions(), shapeOptions()})
    for (const Option &option : more)
      check(option.name);
  if (unused.empty())
    return Error::success();
  return usageError("'--merge' joins tables, nothing reads " + unused);
}

static int merge(const Arguments &arguments, const Settings &settings) {
  std::optional<CalibrationTable> all;
  std::string problems;
  std::map<std::string, std::string> seen; // data to the table it is in
  for (const std::string &path : arguments.positional()) {
    auto table = readCalibrationTable(path);
    Error error = Error::success();
    if (!table) {
      error = table.takeError();
    } else {
      auto [other, isNew] = seen.try_emplace(table->dataHash, path);
      if (!isNew)
        llvm::errs() << "warning: '" << path << "' and '" << other->second
                     << "' rest on the same data, which counts twice now\n";
      if (!all)
        all = std::move(*table);
      else if (Error merging = mergeCalibrationTable(*all, *table))
        error = llvm::createStringError(
            path + ": error: " + llvm::toString(std::move(merging)));
    }
    if (error)
      problems +=
          (problems.empty() ? "" : "\n") + llvm::toString(std::move(error));
  }
  if (!problems.empty())
    return fail(ExitInvalid, problems);
  return finish(*all, settings);
}

// The table that the command goes on with: empty, or read from the output.
static llvm::Expected<CalibrationTable>
startTable(const ModelFile &model, llvm::ArrayRef<std::string> tensors,
           const Settings &settings) {
  CalibrationTable table;
  std::string hash = hashOfModel(model);
  if (settings.resume && llvm::sys::fs::exists(settings.output)) {
    auto read = readCalibrationTable(settings.output);
    if (!read)
      return read.takeError();
    if (read->modelHash != hash)
      return llvm::createStringError(
          settings.output + ": error: the table is of another model: its "
                            "hash differs");
    llvm::StringSet<> known;
    for (const std::string &name : tensors)
      known.insert(name);
    for (const auto &[name, tensor] : read->tensors)
      if (!known.contains(name))
        return llvm::createStringError(settings.output +
                                       ": error: the model has no tensor '" +
                                       name + "' to calibrate");
    table = std::move(*read);
  }
  table.modelHash = hash;
  return table;
}

static llvm::Expected<std::unique_ptr<data::SampleStream>>
openStream(const Arguments &arguments, const ashlar_model_info &info) {
  if (!arguments.has("random")) {
    auto options = readSampleOptions(arguments);
    if (!options)
      return options.takeError();
    return tool::openSamples(*options, info);
  }
  auto seed = parseNumber("random", *arguments.value("random"), UINT32_MAX);
  auto count =
      parseNumber("samples", arguments.valueOr("samples", "16"), INT64_MAX);
  if (!seed || !count)
    return llvm::joinErrors(seed.takeError(), count.takeError());
  llvm::errs()
      << "warning: RANDOM DATA: the ranges will say nothing about real inputs, "
         "and a model\nquantized by them nothing about accuracy; for trying "
         "things out and for speed only\n";
  return std::make_unique<RandomSamples>(arguments, info, *seed, *count);
}

static std::string timeText(double seconds) {
  uint64_t whole = uint64_t(seconds + 0.5);
  return whole < 60
             ? llvm::formatv("{0} s", whole).str()
             : llvm::formatv("{0} min {1} s", whole / 60, whole % 60).str();
}

// Runs all samples; saves now and then what is done.
static Error runSamples(const ModelFile &model, ModelRunner &runner,
                        data::SampleStream &samples, CalibrationTable &table,
                        const Settings &settings) {
  Progress progress("calibrating");
  Stopwatch watch;
  double saved = 0;
  uint64_t before = table.samples;
  Error saving = Error::success();
  Error error = calibrate(model, runner, samples, table, [&](uint64_t done) {
    double seconds = watch.milliseconds() / 1000;
    double rate = double(done - before) / std::max(seconds, 1e-6);
    std::string text = llvm::formatv("calibrating: {0}", done);
    if (auto size = samples.size())
      text += llvm::formatv(" of {0} samples, {1:F1} a second, {2} left", *size,
                            rate, timeText(double(*size - done) / rate));
    else
      text += llvm::formatv(" samples, {0:F1} a second", rate);
    progress.update(text);
    if (seconds - saved > kSecondsBetweenSaves) {
      saved = seconds;
      CalibrationTable copy = table;
      chooseRanges(copy, {CalibrationMethod::MinMax});
      saving = llvm::joinErrors(std::move(saving), writeTable(copy, settings));
    }
    return !interrupted();
  });
  progress.clear();
  return llvm::joinErrors(std::move(error), std::move(saving));
}

// Keeps what was done before the error, if anything was.
static int failSamples(StringRef path, Error error, CalibrationTable &table,
                       const Settings &settings, uint64_t before) {
  if (table.samples > before) {
    chooseRanges(table, settings.ranges);
    if (Error writing = writeTable(table, settings))
      error = llvm::joinErrors(std::move(error), std::move(writing));
    else
      llvm::errs() << "note: the " << table.samples
                   << " samples before are in '" << settings.output
                   << "'; --resume goes on from there\n";
  }
  return failRun(path, std::move(error));
}

static int warnOfUnseen(const CalibrationTable &table,
                        llvm::ArrayRef<std::string> tensors) {
  size_t unseen = 0;
  std::string first;
  for (const std::string &name : tensors)
    if (!table.tensors.count(name) && !unseen++)
      first = name;
  if (unseen)
    llvm::errs() << "warning: " << unseen << " of " << tensors.size()
                 << " tensors were never computed, '" << first
                 << "' the first of them\n";
  return ExitOk;
}

// What 'ashlar quantize' would say of a model that needs no ranges.
static std::string whyNothing(const ModelFile &model) {
  CalibrationTable none;
  none.modelHash = hashOfModel(model);
  auto quantized = quantizeModel(model, none, QuantizeOptions());
  if (quantized)
    return "no layer needs the range of an activation";
  std::string text = llvm::toString(quantized.takeError());
  size_t colon = text.find("nothing to quantize: ");
  return colon == std::string::npos
             ? text
             : text.substr(colon + StringRef("nothing to quantize: ").size());
}

static int calibrateModel(const Arguments &arguments,
                          const Settings &settings) {
  const std::string &path = arguments.positional().front();
  auto model = readModelFile(path);
  if (!model)
    return fail(ExitInvalid,
                path + ": error: " + llvm::toString(model.takeError()));
  std::vector<std::string> tensors = tensorsToCalibrate(**model);
  if (tensors.empty())
    return fail(ExitInvalid,
                path + ": error: nothing to calibrate: " + whyNothing(**model));
  auto table = startTable(**model, tensors, settings);
  if (!table)
    return fail(ExitInvalid, table.takeError());
  llvm::StringSet<> observed;
  for (const std::string &name : tensors)
    observed.insert(name);
  CompileOptions options;
  if (auto code = readShapesAndCpus(arguments, options))
    return *code;
  options.import.observe = [&](StringRef name) {
    return observed.contains(name);
  };
  int code = ExitOk;
  RunnableModel compiled = compileRunnable(path, std::move(options), code);
  if (!compiled)
    return code;
  table->madeUp |= arguments.has("random");
  auto samples = openStream(arguments, compiled->info());
  if (!samples)
    return fail(ExitInvalid, samples.takeError());
  auto runner = ModelRunner::create(*compiled, settings.threads);
  if (!runner)
    return failRun(path, runner.takeError());
  catchInterrupts();
  uint64_t before = table->samples;
  if (Error error = runSamples(**model, **runner, **samples, *table, settings))
    return failSamples(path, std::move(error), *table, settings, before);
  if (!table->samples)
    return fail(ExitInvalid, path + ": error: the data holds no samples");
  code = finish(*table, settings);
  warnOfUnseen(*table, tensors);
  if (code == ExitOk && interrupted()) {
    llvm::errs() << "note: interrupted; --resume goes on\n";
    return ExitMissed;
  }
  return code;
}

static int run(const Arguments &arguments) {
  auto settings = readSettings(arguments);
  if (!settings)
    return fail(ExitUsage, settings.takeError());
  if (arguments.has("merge")) {
    if (Error error = checkMergeOptions(arguments))
      return fail(ExitUsage, std::move(error));
    return merge(arguments, *settings);
  }
  if (arguments.positional().size() != 1)
    return fail(ExitUsage, "got several files, expected one model; tables are "
                           "joined by --merge");
  if (arguments.has("random") == arguments.has("data"))
    return fail(ExitUsage, "give the samples: --data (or --random to try "
                           "things out)");
  if (!arguments.has("random"))
    if (auto options = readSampleOptions(arguments); !options)
      return fail(ExitUsage, options.takeError());
  return calibrateModel(arguments, *settings);
}

Command ashlar::tool::calibrateCommand() {
  std::vector<Option> options = {
      {"o", "FILE", "the table to write, by custom NAME.calib.json"},
      {"method", "M",
       "how a range is chosen: minmax, moving-average (means of the samples'\n"
       "extremes), percentile, entropy, mse, or auto (default): of these, for\n"
       "each tensor, the one of least squared error"},
      {"percentile", "P",
       "percent of the elements that percentile keeps; default 99.99"},
      {"activations", "T",
       "u8 (default) or s8, as the model will be quantized"},
      {"resume", "", "go on with the table of an earlier, ended command"},
      {"merge", "", "join tables of the same model instead"},
      {"random", "SEED",
       "made-up samples, --samples of them (16): no statement about accuracy"},
      {"threads", "N", "worker threads; default: all that may be used"},
      {"cpu", "NAME", "CPU to compile for; default: native"}};
  for (const std::vector<Option> &more : {sampleOptions(), shapeOptions()})
    options.insert(options.end(), more.begin(), more.end());
  return {
      "calibrate",
      "MODEL --data PATH ... -o TABLE [OPTION...] | --merge TABLE ... -o TABLE",
      "find the ranges of a model's activations, for quantization",
      "Runs samples through the model in floats, one at a time, and counts the "
      "values of\nthe tensors that quantization needs: 'ashlar quantize' and "
      "'ashlar compile' take\nthe table. Ctrl-C ends after the sample at hand "
      "and leaves a table (exit code 6)\nthat --resume goes on with. Tables of "
      "parts of the data merge to the table of the\nwhole. A range edited by "
      "hand stays when its \"method\" is made \"manual\".\n\n"
      "  ashlar calibrate m.onnx --data photographs --image-fit=crop:256 "
      "--samples=300 -o m.calib.json\n"
      "  ashlar calibrate m.onnx --data inputs.npz --method=entropy -o "
      "m.calib.json\n"
      "  ashlar calibrate --merge a.calib.json b.calib.json -o m.calib.json\n",
      options,
      1,
      10000,
      run};
}
