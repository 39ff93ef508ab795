// ashlar compare: a model against its quantized or bf16 form, layer by layer.
#include "compiler/comparison/Bisect.h"
#include "compiler/comparison/CompareModels.h"
#include "compiler/comparison/ComparisonReport.h"
#include "compiler/comparison/SameInterface.h"
#include "compiler/import/ModelFile.h"
#include "tools/ashlar/Command.h"
#include "tools/ashlar/Compilation.h"
#include "tools/ashlar/ExitCode.h"
#include "tools/ashlar/ModelOptions.h"
#include "tools/ashlar/OutputFiles.h"
#include "tools/ashlar/Progress.h"
#include "tools/ashlar/SampleOptions.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

using namespace ashlar;
using namespace ashlar::tool;
using namespace ashlar::comparison;
using llvm::Error;
using llvm::StringRef;

namespace {
struct Settings {
  unsigned threads = 0;
  bool local = true;
  TextOptions text;
  Tolerance tolerance;
  bool bisectNodes = false, bisectPasses = false;
};
} // namespace

static std::optional<int> readSettings(const Arguments &arguments,
                                       Settings &settings) {
  if (auto text = arguments.value("threads")) {
    auto number = parseNumber("threads", *text, 4096);
    if (!number)
      return fail(ExitUsage, number.takeError());
    settings.threads = unsigned(*number);
  }
  if (auto text = arguments.value("top")) {
    auto number = parseNumber("top", *text, INT32_MAX);
    if (!number)
      return fail(ExitUsage, number.takeError());
    settings.text.most = *number;
  }
  if (auto text = arguments.value("sort"))
    if (!parseOrder(*text, settings.text.order))
      return fail(ExitUsage, "option '--sort' got '" + *text +
                                 "', expected order, sqnr, local, cosine, max "
                                 "or macs");
  if (auto text = arguments.value("tolerance")) {
    auto tolerance = parseTolerance(*text);
    if (!tolerance)
      return fail(ExitUsage, tolerance.takeError());
    settings.tolerance = *tolerance;
  }
  if (auto text = arguments.value("bisect")) {
    settings.bisectNodes = *text == "nodes";
    settings.bisectPasses = *text == "passes";
    if (!settings.bisectNodes && !settings.bisectPasses)
      return fail(ExitUsage, "option '--bisect' got '" + *text +
                                 "', expected nodes or passes");
    if (!settings.tolerance.given())
      return fail(ExitUsage, "option '--bisect' needs --tolerance: what is to "
                             "be kept");
  }
  settings.local = !arguments.has("no-local");
  return std::nullopt;
}

// A model file in memory; messages are printed where there is none.
static std::unique_ptr<ModelFile> openModel(StringRef path, int &code) {
  auto model = readModelFile(path);
  if (model)
    return std::move(*model);
  code =
      fail(ExitInvalid, path + ": error: " + llvm::toString(model.takeError()));
  return nullptr;
}

static bool isObject(StringRef path) {
  auto buffer = openMapped(path);
  bool object = buffer && isObjectFile((*buffer)->getBuffer());
  llvm::consumeError(buffer.takeError());
  return object;
}

static int failSamples(Progress &progress, Error error) {
  progress.clear();
  return fail(ExitInvalid, std::move(error));
}

// All samples, one after the other.
static int compareSamples(data::SampleStream &samples,
                          const std::function<Error(data::Sample &)> &compare,
                          Progress &progress) {
  for (uint64_t count = 1;; ++count) {
    auto sample = samples.next();
    if (!sample)
      return failSamples(progress, sample.takeError());
    if (!*sample)
      return ExitOk;
    progress.update("comparing sample " + llvm::Twine(count) +
                    (samples.size() ? " of " + llvm::Twine(*samples.size())
                                    : llvm::Twine()));
    if (Error error = compare(**sample))
      return failSamples(progress,
                         data::makeError((*sample)->name + ": error: " +
                                         llvm::toString(std::move(error))));
  }
}

// The passes without which the outputs of the first sample keep the tolerance.
static int bisectAndPrint(Session &session, const ModelComparer::Side &test,
                          const data::Sample &sample,
                          llvm::ArrayRef<data::Tensor> expected,
                          const Settings &settings, Progress &progress) {
  auto found = bisectPasses(session.context(), test, sample, expected,
                            settings.tolerance,
                            [&](StringRef step) { progress.update(step); });
  progress.clear();
  if (!found)
    return fail(ExitInvalid, found.takeError());
  if (!found->breaks) {
    llvm::outs() << "the first sample keeps the tolerance: no pass breaks it\n";
    return ExitOk;
  }
  for (const std::string &pass : found->culprits)
    llvm::outs() << "the tolerance holds without " << pass << '\n';
  if (found->culprits.empty())
    llvm::outs() << "no single pass, left out, makes the tolerance hold\n";
  for (const std::string &pass : found->needed)
    llvm::outs() << "not tried, the model needs it: " << pass << '\n';
  return ExitOk;
}

static int compareLayers(const Arguments &arguments,
                         const data::SampleOptions &samples,
                         const Settings &settings, ComparisonResult &result) {
  int code = ExitOk;
  StringRef referencePath = arguments.positional().front(),
            testPath = arguments.positional().back();
  ModelComparer::Side expected, got;
  if (auto failed = readModelOptions(arguments, got.options, testPath))
    return *failed;
  expected.options = got.options;
  expected.options.precision = {};
  expected.options.source = nullptr;
  std::shared_ptr<const ModelFile> reference = openModel(referencePath, code),
                                   test = std::move(got.options.source);
  if (reference && !test)
    test = openModel(testPath, code);
  if (!reference || !test)
    return code;
  expected.model = reference.get();
  got.model = test.get();
  Session session;
  Progress progress("comparing");
  auto comparer = ModelComparer::create(
      session.context(), expected, got, settings.local, settings.threads,
      [&](StringRef step) { progress.update(step); });
  if (!comparer) {
    progress.clear();
    Error error =
        llvm::handleErrors(comparer.takeError(), [&](const CompileError &why) {
          code = session.failed(why.model);
        });
    return error ? fail(ExitInvalid, std::move(error)) : code;
  }
  if (Error error =
          checkSameInterface(referencePath, (*comparer)->referenceInfo(),
                             testPath, (*comparer)->info()))
    return failSamples(progress, std::move(error));
  auto stream = openSamples(samples, (*comparer)->info());
  if (!stream)
    return failSamples(progress, stream.takeError());
  std::optional<data::Sample> first;
  std::vector<data::Tensor> expectedOutputs;
  code = compareSamples(
      **stream,
      [&](data::Sample &sample) -> Error {
        if (Error error = (*comparer)->addSample(sample))
          return error;
        if (settings.bisectPasses && !first) {
          first = sample;
          expectedOutputs = (*comparer)->expectedOutputs();
        }
        return Error::success();
      },
      progress);
  if (code != ExitOk)
    return code;
  result = (*comparer)->finish();
  if (settings.bisectPasses)
    return bisectAndPrint(session, got, *first, expectedOutputs, settings,
                          progress);
  return code;
}

// Objects show nothing but their outputs.
static int compareOutputs(const Arguments &arguments,
                          const data::SampleOptions &samples,
                          const Settings &settings, ComparisonResult &result) {
  std::unique_ptr<ModelRunner> runners[2];
  RunnableModel models[2];
  int code = ExitOk;
  Progress progress("comparing");
  for (int side : {0, 1}) {
    models[side] = obtainModel(side ? arguments.positional().back()
                                    : arguments.positional().front(),
                               arguments, code);
    if (!models[side])
      return code;
    auto runner = ModelRunner::create(*models[side], settings.threads);
    if (!runner)
      return failSamples(progress, runner.takeError());
    runners[side] = std::move(*runner);
  }
  if (Error error =
          checkSameInterface(arguments.positional().front(), models[0]->info(),
                             arguments.positional().back(), models[1]->info()))
    return failSamples(progress, std::move(error));
  auto stream = openSamples(samples, models[0]->info());
  if (!stream)
    return failSamples(progress, stream.takeError());
  result.notes.push_back("an object shows its outputs only");
  return compareSamples(
      **stream,
      [&](data::Sample &sample) -> Error {
        for (auto &runner : runners) {
          if (Error error = runner->bind(sample.inputs))
            return error;
          if (Error error = runner->execute())
            return error;
        }
        addOutputs(runners[0]->outputs(), runners[1]->outputs(), result);
        return Error::success();
      },
      progress);
}

static int run(const Arguments &arguments) {
  Settings settings;
  if (auto code = readSettings(arguments, settings))
    return *code;
  auto samples = readSampleOptions(arguments);
  if (!samples)
    return fail(ExitUsage, samples.takeError());
  bool objects = llvm::any_of(arguments.positional(), isObject);
  if (objects && (settings.bisectNodes || settings.bisectPasses))
    return fail(ExitUsage, "option '--bisect' needs two models: an object "
                           "shows its outputs only");
  ComparisonResult result;
  int code = objects ? compareOutputs(arguments, *samples, settings, result)
                     : compareLayers(arguments, *samples, settings, result);
  if (code != ExitOk)
    return code;
  result.reference = arguments.positional().front();
  result.test = arguments.positional().back();
  OutputFiles files;
  auto add = [&](StringRef option, auto write) -> Error {
    auto path = arguments.value(option);
    return path ? files.add(*path,
                            [&](llvm::raw_ostream &os) { write(result, os); })
                : Error::success();
  };
  if (Error error = add("json", writeComparisonJson))
    return fail(ExitUsage, std::move(error));
  if (Error error = add("html", writeComparisonPage))
    return fail(ExitUsage, std::move(error));
  if (arguments.value("json") != "-" && arguments.value("html") != "-")
    printComparison(result, settings.text, llvm::outs());
  if (Error error = files.commit())
    return fail(ExitResources, std::move(error));
  if (settings.bisectNodes)
    printFirstMisses(result, settings.tolerance, llvm::outs());
  std::string missed = whatMisses(result, settings.tolerance);
  if (missed.empty())
    return ExitOk;
  llvm::errs() << missed;
  return ExitMissed;
}

Command ashlar::tool::compareCommand() {
  std::vector<Option> options = sampleOptions();
  std::vector<Option> more = {
      {"sort", "KEY",
       "order of the table: order (of computation, default), or the worst\n"
       "first by sqnr, local, cosine or max, or macs"},
      {"top", "N", "print the first N layers only"},
      {"no-local", "", "leave out the errors of layers on their own"},
      {"tolerance", "LIST",
       "what the outputs have to keep: sqnr=DB (at least), cosine=C (at\n"
       "least), max=A (at most), separated by commas; else exit code 6"},
      {"bisect", "WHAT",
       "with --tolerance: name the first nodes where it breaks, or (passes)\n"
       "the passes of the compiler without which it holds"},
      {"json", "FILE", "write the comparison as JSON; '-' is standard output"},
      {"html", "FILE", "write it as a page to look at, which needs no network"},
      {"threads", "N", "worker threads; default: all that may be used"}};
  options.insert(options.end(), more.begin(), more.end());
  for (Option &option : weightsOptions())
    options.push_back(option);
  for (Option &option : modelOptions())
    options.push_back(option);
  return {
      "compare",
      "REFERENCE [TEST] --data PATH [OPTION...]",
      "compare a model with its quantized or bf16 form, layer by layer",
      "Runs REFERENCE in f32 and TEST (or REFERENCE again) as the options say, "
      "on the same\nsamples, and prints for each layer how far its values are "
      "off: with all errors before\nit (SQNR), and of the layer alone, fed "
      "with the reference's values (local).\n\n"
      "  ashlar compare m.onnx m-int8.onnx --data photographs "
      "--html=errors.html\n"
      "  ashlar compare m.onnx --precision=bf16 --data samples.npz "
      "--sort=sqnr --top=20\n"
      "  ashlar compare m.onnx m.o --data samples.npz --tolerance=sqnr=20\n",
      options,
      1,
      2,
      run};
}
