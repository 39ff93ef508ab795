#include "tools/ashlar/QuantizeToGoal.h"

#include "compiler/quantization/AccuracySearch.h"
#include "compiler/quantization/KeptSamples.h"
#include "tools/ashlar/Command.h"
#include "tools/ashlar/Compilation.h"
#include "tools/ashlar/ExitCode.h"
#include "tools/ashlar/Interrupt.h"
#include "tools/ashlar/ModelOptions.h"
#include "tools/ashlar/OutputFiles.h"
#include "tools/ashlar/Progress.h"
#include "tools/ashlar/QuantizeOptions.h"
#include "tools/ashlar/SampleOptions.h"
#include "tools/ashlar/TrialReport.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace ashlar;
using namespace ashlar::tool;
using namespace ashlar::quantization;
using llvm::Error;
using llvm::StringRef;
using llvm::Twine;

// Samples that are not read again for each trial.
static constexpr uint64_t kKeptSampleBytes = uint64_t(256) << 20;

namespace {

/// What the command line asks for.
struct Request {
  MetricSpec metric;
  AccuracyGoal goal;
  bool hasGoal = false;
  unsigned threads = 0;
  std::string state;
  data::SampleOptions samples;
  std::optional<std::vector<int64_t>> labels;
  /// Samples that the search sees, if it does not see all.
  std::optional<uint64_t> searchSamples;
};

class GoalRun {
public:
  GoalRun(const Arguments &arguments, const ModelFile &file,
          const CalibrationTable &table, const QuantizeOptions &options)
      : arguments(arguments), file(file), table(table), options(options) {}

  int run(QuantizedModel &model);

private:
  Error readRequest();
  Error readGoal();
  llvm::Expected<AccuracyState> startState() const;
  std::string key() const;
  void setUp();
  void openSamples(uint64_t skip, std::optional<uint64_t> count);
  int readLabelsOf(const data::SampleOptions &samples);
  int scoreHeldOut(const AccuracyResult &result);
  int finish(AccuracyResult &result, QuantizedModel &model);
  void printTrial(const AccuracyTrial &trial, double reference);
  TrialReport report() const { return {request.metric, request.hasGoal}; }

  const Arguments &arguments;
  const ModelFile &file;
  const CalibrationTable &table;
  const QuantizeOptions &options;
  Request request;
  std::optional<HeldOut> heldOut;
  data::SampleOptions now; // the part of the samples that is read
  CompileOptions compileOptions;
  EvaluationSetup setup;
  std::unique_ptr<Progress> progress;
  std::string step;
  int compileCode = ExitOk;
  bool printedHead = false;
};

} // namespace

std::vector<Option> ashlar::tool::accuracyOptions() {
  std::vector<Option> options = {
      {"evaluate", "METRIC",
       "score the model on samples: top1, top5 (with --labels), f1 (of "
       "labels,\n"
       "or f1:THRESHOLD against the model in floats), agreement, sqnr, "
       "cosine,\n"
       "mse (against the model in floats), METRIC@OUTPUT for one output, or\n"
       "cmd:COMMAND that is given a folder of outputs and prints a score"},
      {"max-drop", "D",
       "leave as many layers in floats as keep the score within D of that of\n"
       "floats: '1%' of it, or without % by as much"},
      {"goal", "SCORE", "leave as many as reach this score"},
      {"min-int8", "PERCENT",
       "share of the multiply-accumulates that stays in int8; default 0"},
      {"one-term", "",
       "leave layers in floats at once, and try none with activations in two\n"
       "terms (see --two-terms) before"},
      {"search-samples", "N",
       "the first N samples decide; what the others say of the result is told\n"
       "apart, and counts for the goal, too"},
      {"trials", "N",
       "scores that are computed at most; default 100, most of them by one\n"
       "model that simulates quantization"},
      {"state", "FILE",
       "keep the trials here and go on from there; a search may be ended with\n"
       "Ctrl-C at any time and writes the best model so far"},
      {"trials-json", "FILE", "the table of trials; '-' is standard output"},
      {"threads", "N", "worker threads; default: all that may be used"},
      {"cpu", "NAME", "CPU to compile for; default: native"}};
  for (const std::vector<Option> &more :
       {sampleOptions(), labelOptions(), shapeOptions()})
    options.insert(options.end(), more.begin(), more.end());
  return options;
}

bool ashlar::tool::wantsAccuracy(const Arguments &arguments) {
  return arguments.has("evaluate") || arguments.has("max-drop") ||
         arguments.has("goal");
}

Error GoalRun::readGoal() {
  if (auto text = arguments.value("max-drop")) {
    StringRef number = *text;
    request.goal.relative = number.consume_back("%");
    auto value = parseReal("max-drop", number);
    if (!value)
      return value.takeError();
    request.goal.maxDrop = request.goal.relative ? *value / 100 : *value;
  }
  if (auto text = arguments.value("goal")) {
    StringRef number = *text;
    bool percent = number.consume_back("%");
    double value;
    if (number.getAsDouble(value) || !std::isfinite(value))
      return usageError("option '--goal' got '" + *text +
                        "', expected a number");
    request.goal.score = percent ? value / 100 : value;
  }
  if (request.goal.maxDrop && request.goal.score)
    return usageError("options '--max-drop' and '--goal' exclude each other");
  request.hasGoal = request.goal.maxDrop || request.goal.score;
  if (request.goal.maxDrop && (request.metric.metric == Metric::Sqnr ||
                               request.metric.metric == Metric::Mse))
    return usageError(
        "the score of floats is " +
        StringRef(request.metric.metric == Metric::Sqnr ? "infinite" : "0") +
        " by metric '" + request.metric.text +
        "': give a --goal instead of --max-drop");
  if (auto text = arguments.value("min-int8")) {
    StringRef number = *text;
    number.consume_back("%");
    auto value = parseReal("min-int8", number);
    if (!value)
      return value.takeError();
    if (*value > 100)
      return usageError("option '--min-int8' got '" + *text +
                        "', expected at most 100");
    request.goal.leastShare = *value / 100;
  }
  request.goal.twoTerms = !arguments.has("one-term");
  if (auto text = arguments.value("trials")) {
    auto number = parseNumber("trials", *text, 1000000);
    if (!number)
      return number.takeError();
    request.goal.mostTrials = *number;
  }
  return Error::success();
}

Error GoalRun::readRequest() {
  auto metric = arguments.value("evaluate");
  if (!metric)
    return usageError("options '--max-drop' and '--goal' need '--evaluate': it "
                      "says by what");
  auto spec = MetricSpec::parse(*metric);
  if (!spec)
    return usageError("option '--evaluate': " +
                      llvm::toString(spec.takeError()));
  request.metric = *spec;
  if (request.metric.needsLabels() && !arguments.has("labels"))
    return usageError("metric '" + *metric + "' needs labels: give --labels");
  if (arguments.has("labels") && !request.metric.takesLabels())
    return usageError("metric '" + *metric + "' takes no labels");
  if (Error error = readGoal())
    return error;
  if (!request.hasGoal)
    for (StringRef option : {"min-int8", "trials", "one-term"})
      if (arguments.has(option))
        return usageError("option '--" + option +
                          "' is for a search: give "
                          "--max-drop or --goal, too");
  if (auto text = arguments.value("threads")) {
    auto number = parseNumber("threads", *text, 4096);
    if (!number)
      return number.takeError();
    request.threads = unsigned(*number);
  }
  auto samples = readSampleOptions(arguments);
  if (!samples)
    return samples.takeError();
  request.samples = std::move(*samples);
  if (auto text = arguments.value("search-samples")) {
    auto number = parseNumber("search-samples", *text, INT64_MAX);
    if (!number)
      return number.takeError();
    request.searchSamples = *number;
    if (!*number ||
        (request.samples.count && *request.samples.count <= *number))
      return usageError("option '--search-samples' got " + *text +
                        ": some samples, not all, have to be the search's");
  }
  request.state = arguments.valueOr("state", "");
  return Error::success();
}

// A search goes on only with all that its scores depend on.
std::string GoalRun::key() const {
  llvm::BLAKE3 hash;
  auto add = [&](StringRef text) {
    hash.update(text);
    hash.update(StringRef("\n"));
  };
  std::string text;
  llvm::raw_string_ostream os(text);
  writeCalibrationTable(table, os);
  add(hashOfModel(file));
  add(text);
  add(request.metric.text);
  add(std::to_string(request.goal.leastShare));
  add(request.goal.twoTerms ? "two terms" : "one term");
  if (request.searchSamples)
    add("search-samples=" + std::to_string(*request.searchSamples));
  std::vector<Option> dataOptions = sampleOptions();
  for (const Option &option : quantizeOptions())
    dataOptions.push_back(option);
  for (const Option &option : labelOptions())
    dataOptions.push_back(option);
  for (const Option &option : shapeOptions())
    dataOptions.push_back(option);
  for (const Option &option : dataOptions)
    // Flags have the value "".
    for (StringRef value : arguments.values(option.name))
      add((option.name + "=" + value).str());
  return llvm::toHex(hash.final<32>(), /*LowerCase=*/true);
}

llvm::Expected<AccuracyState> GoalRun::startState() const {
  AccuracyState state;
  if (!request.state.empty() && llvm::sys::fs::exists(request.state)) {
    auto read = readAccuracyState(request.state);
    if (!read)
      return read.takeError();
    state = std::move(*read);
    if (state.key != key())
      return llvm::createStringError(
          request.state +
          ": error: the state is of another search: model, table, data or "
          "options differ");
  }
  state.key = key();
  return state;
}

void GoalRun::setUp() {
  setup.threads = request.threads;
  setup.compile = [&](const ModelFile &model,
                      std::function<bool(StringRef)> observe)
      -> llvm::Expected<std::unique_ptr<LoadedModel>> {
    Session session;
    CompileOptions now = compileOptions;
    now.import.observe = std::move(observe);
    auto compiled = compileModel(session.context(), model, now);
    if (mlir::failed(compiled)) {
      progress->clear();
      compileCode = session.failed(model.name);
      return llvm::createStringError(model.name +
                                     ": error: cannot compile the model");
    }
    return LoadedModel::load(compiled->object.toBuffer());
  };
  setup.onSample = [&](uint64_t done) {
    if (done % 16 == 0)
      progress->update(step + ", " + Twine(done) + " samples");
    return !interrupted();
  };
}

// Those behind the first `skip` that the command line asks for.
void GoalRun::openSamples(uint64_t skip, std::optional<uint64_t> count) {
  now = request.samples;
  now.skip += skip;
  if (now.count)
    now.count = *now.count - skip;
  if (count)
    now.count = count;
  setup.open = [&, noted = skip != 0](const ashlar_model_info &info) mutable
      -> llvm::Expected<std::unique_ptr<data::SampleStream>> {
    // Notes are of interest once, not with every trial.
    bool quiet = std::exchange(noted, true);
    return data::openSamples(now, data::inputSpecs(info),
                             data::outputSpecs(info), [=](StringRef text) {
                               if (!quiet)
                                 llvm::errs() << "  note: " << text << '\n';
                             });
  };
  setup.open = keepSamples(std::move(setup.open), kKeptSampleBytes);
}

int GoalRun::readLabelsOf(const data::SampleOptions &samples) {
  if (!arguments.has("labels"))
    return ExitOk;
  auto probe = setup.compile(file, nullptr);
  if (!probe)
    return fail(compileCode ? compileCode : int(ExitInternal),
                probe.takeError());
  auto read = readLabels(arguments, samples, (*probe)->info());
  if (!read)
    return fail(ExitInvalid, read.takeError());
  request.labels = std::move(*read);
  return ExitOk;
}

// Scores floats and the result on what the search has not seen.
int GoalRun::scoreHeldOut(const AccuracyResult &result) {
  uint64_t skip = *request.searchSamples;
  openSamples(skip, std::nullopt);
  if (int code = readLabelsOf(now))
    return code;
  MetricSpec metric = request.metric;
  metric.firstSample = skip;
  Evaluator evaluator(setup, metric,
                      request.labels ? &*request.labels : nullptr);
  step = "evaluating samples that the search has not seen";
  progress = std::make_unique<Progress>(step);
  auto reference = evaluator.setReference(file);
  if (!reference)
    return fail(compileCode ? compileCode : int(ExitInvalid),
                reference.takeError());
  if (!*reference)
    return ExitOk;
  auto score = evaluator.score(*result.model.model);
  if (!score)
    return fail(compileCode ? compileCode : int(ExitInvalid),
                score.takeError());
  if (!*score)
    return ExitOk;
  heldOut.emplace();
  heldOut->reference = **reference;
  heldOut->trial.score = **score;
  judgeTrial(heldOut->trial, **reference, metric, request.goal);
  return ExitOk;
}

void GoalRun::printTrial(const AccuracyTrial &trial, double reference) {
  progress->clear();
  if (!std::exchange(printedHead, true))
    report().printHead(reference);
  report().print(trial);
  progress = std::make_unique<Progress>("evaluating");
}

int GoalRun::finish(AccuracyResult &result, QuantizedModel &model) {
  progress->clear();
  // The model that was found is written whatever becomes of the table.
  int written = ExitOk;
  if (auto path = arguments.value("trials-json"))
    if (Error error = report().writeJson(*path, result, heldOut))
      written = fail(ExitResources, std::move(error));
  for (const LayerError &layer : result.inTwoTerms)
    llvm::outs() << llvm::formatv(
        "in two terms: {0} ({1}), outputs have {2:F1} dB with it alone in "
        "int8, {3:F1} dB so\n",
        layer.node, layer.op, layer.sqnr(), layer.sqnrInTwoTerms());
  for (const LayerError &layer : result.inFloats)
    llvm::outs() << llvm::formatv(
        "left in floats: {0} ({1}), outputs have {2:F1} dB with it alone in "
        "int8\n",
        layer.node, layer.op, layer.sqnr());
  if (heldOut)
    report().print(*heldOut);
  llvm::outs().flush();
  model = std::move(result.model);
  bool failed = !result.failure.empty();
  if (failed)
    written =
        fail(compileCode ? compileCode : int(ExitInvalid), result.failure);
  if (result.interrupted || failed)
    llvm::errs() << "note: " << (failed ? "the search failed" : "interrupted")
                 << "; the best model so far is written"
                 << (result.best.simulated ? " (its score is simulated)" : "")
                 << (request.state.empty() ? "" : ", the state is kept")
                 << '\n';
  else if (request.hasGoal && !result.met)
    llvm::errs() << "warning: the goal is missed; the best model is written: "
                 << request.metric.scoreText(result.best.score) << " with "
                 << result.best.inFloats << " layers in floats, "
                 << result.best.inTwoTerms << " in two terms\n";
  bool unseen = !heldOut || heldOut->trial.meets;
  if (request.hasGoal && result.met && !unseen)
    llvm::errs() << "warning: samples that the search has not seen miss the "
                    "goal: "
                 << request.metric.scoreText(heldOut->trial.score) << '\n';
  bool good =
      !result.interrupted && ((result.met && unseen) || !request.hasGoal);
  return written ? written : good ? ExitOk : ExitMissed;
}

int GoalRun::run(QuantizedModel &model) {
  if (Error error = readRequest())
    return fail(ExitUsage, std::move(error));
  if (auto code = readShapesAndCpus(arguments, compileOptions))
    return *code;
  // Without a goal any score will do: one trial.
  if (!request.hasGoal)
    request.goal.maxDrop = HUGE_VAL;
  progress = std::make_unique<Progress>("evaluating");
  setUp();
  auto state = startState();
  if (!state)
    return fail(ExitInvalid, state.takeError());
  openSamples(0, request.searchSamples);
  if (int code = readLabelsOf(now))
    return code;
  catchInterrupts();
  Evaluator evaluator(setup, request.metric,
                      request.labels ? &*request.labels : nullptr);
  AccuracySearch search(file, table, options, evaluator, setup, request.goal);
  search.onStep = [&](const Twine &text) {
    step = text.str();
    progress->update(text);
  };
  search.onTrial = [&](const AccuracyTrial &trial, double reference) {
    printTrial(trial, reference);
  };
  search.onState = [&](const AccuracyState &now) -> Error {
    if (request.state.empty())
      return Error::success();
    OutputFiles files;
    if (Error error = files.add(request.state, [&](llvm::raw_ostream &os) {
          writeAccuracyState(now, os);
        }))
      return error;
    return files.commit();
  };
  auto result = search.run(*state);
  progress->clear();
  if (!result)
    return fail(compileCode ? compileCode : int(ExitInvalid),
                result.takeError());
  // What was found is written even if the other samples cannot be read.
  int code = ExitOk;
  if (request.searchSamples && !result->interrupted && result->failure.empty())
    code = scoreHeldOut(*result);
  int outcome = finish(*result, model);
  return code ? code : outcome;
}

int ashlar::tool::quantizeToGoal(const Arguments &arguments,
                                 const ModelFile &file,
                                 const CalibrationTable &table,
                                 const QuantizeOptions &options,
                                 QuantizedModel &model) {
  return GoalRun(arguments, file, table, options).run(model);
}
