// ashlar bench: how long a run takes, alone or in turns with a peer.
#include "compiler/execution/ModelRunner.h"
#include "tools/ashlar/Command.h"
#include "tools/ashlar/Compilation.h"
#include "tools/ashlar/ExitCode.h"
#include "tools/ashlar/ModelInputs.h"
#include "tools/ashlar/ModelOptions.h"
#include "tools/ashlar/OutputFiles.h"
#include "tools/ashlar/PeerProcess.h"
#include "tools/ashlar/ProfileReport.h"
#include "tools/ashlar/Progress.h"
#include "tools/ashlar/Streams.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

#include <iostream>
#include <thread>

using namespace ashlar;
using namespace ashlar::tool;
using llvm::Error;
using llvm::StringRef;

namespace {
struct Settings {
  uint64_t threads = 0, warmup = 3, streams = 1;
  double seconds = 3;
};

/// All that was measured.
struct Figures {
  double firstRun = 0; // milliseconds
  Times own, peer;
  /// The peer's median over ours, of each pair of turns.
  std::vector<double> ratios;
  std::optional<Profile> profile;
  std::optional<StreamComparison> streams;
};
} // namespace

// One unreported run, then `runs` that are reported: as peers do.
static Error takeTurn(ModelRunner &runner, unsigned runs, Times &times) {
  if (Error error = runner.execute())
    return error;
  return measure(runner, runs, times);
}

// Answers lines "N" with the times of N runs until the input ends.
static int serve(ModelRunner &runner) {
  llvm::outs() << "{\"ready\":true}\n";
  llvm::outs().flush();
  std::string line;
  while (std::getline(std::cin, line)) {
    auto runs = parseNumber("serve", StringRef(line).trim(), 1000000);
    if (!runs)
      return fail(ExitUsage, runs.takeError());
    Times times;
    if (Error error = takeTurn(runner, unsigned(*runs), times))
      return fail(ExitInvalid, std::move(error));
    llvm::json::OStream json(llvm::outs());
    json.object([&] {
      json.attributeArray("ms", [&] {
        for (double time : times.wall)
          json.value(time);
      });
      json.attributeArray("cpu", [&] {
        for (double time : times.cpu)
          json.value(time);
      });
    });
    llvm::outs() << '\n';
    llvm::outs().flush();
  }
  return ExitOk;
}

// Turns of about a tenth of a second each, with a rest between so that the
// other's spinning threads have gone to sleep.
static Error takeTurns(ModelRunner &runner, PeerProcess *peer,
                       const Settings &settings, Figures &figures) {
  Times warm;
  if (Error error = takeTurn(
          runner, unsigned(std::max<uint64_t>(settings.warmup, 1)), warm))
    return error;
  unsigned runs = runsInTurn(warm.median());
  auto rest = [&] {
    if (peer)
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
  };
  Stopwatch watch;
  do {
    double theirs = 0;
    if (peer) {
      auto times = peer->measure(runs);
      if (!times)
        return times.takeError();
      theirs = medianOf(*times);
      figures.peer.wall.insert(figures.peer.wall.end(), times->begin(),
                               times->end());
      rest();
    }
    Times turn;
    if (Error error = takeTurn(runner, runs, turn))
      return error;
    if (peer)
      figures.ratios.push_back(theirs / turn.median());
    figures.own.wall.insert(figures.own.wall.end(), turn.wall.begin(),
                            turn.wall.end());
    rest();
  } while (watch.milliseconds() < settings.seconds * 1e3);
  return Error::success();
}

// Everything that was asked for.
static Error measureAll(const LoadedModel &model, ModelRunner &runner,
                        PeerProcess *peer, const Settings &settings,
                        const std::vector<data::Tensor> &inputs, bool profiled,
                        Figures &figures) {
  Stopwatch watch;
  if (Error error = runner.execute())
    return error;
  figures.firstRun = watch.milliseconds();
  if (settings.streams > 1) {
    auto streams = compareStreams(model, inputs, unsigned(settings.streams),
                                  unsigned(settings.warmup), settings.seconds);
    if (!streams)
      return streams.takeError();
    figures.streams = std::move(*streams);
    return Error::success();
  }
  if (Error error = takeTurns(runner, peer, settings, figures))
    return error;
  if (!profiled)
    return Error::success();
  auto times = profile(model, runner, settings.seconds);
  if (!times)
    return times.takeError();
  figures.profile = std::move(*times);
  return Error::success();
}

static void printJson(const LoadedModel &model, const ModelRunner &runner,
                      const Figures &figures, llvm::raw_ostream &os) {
  llvm::json::OStream json(os, 1);
  auto writeTimes = [&](const Times &times) {
    json.attribute("median_ms", times.median());
    json.attribute("min_ms", times.at(0));
    json.attribute("p90_ms", times.at(0.9));
    json.attribute("p99_ms", times.at(0.99));
    json.attribute("runs", int64_t(times.wall.size()));
  };
  json.object([&] {
    if (figures.streams)
      writeStreams(*figures.streams, json);
    else
      writeTimes(figures.own);
    json.attribute("first_run_ms", figures.firstRun);
    json.attribute("threads", runner.workers());
    json.attribute("workspace_bytes", int64_t(runner.workspaceBytes()));
    json.attribute("weights_bytes", int64_t(model.info().weights_bytes));
    if (!figures.peer.wall.empty()) {
      json.attributeObject("against", [&] { writeTimes(figures.peer); });
      json.attribute("speedup", figures.peer.median() / figures.own.median());
      json.attributeArray("speedup_of_turns", [&] {
        for (double ratio : figures.ratios)
          json.value(ratio);
      });
    }
    if (figures.profile)
      writeProfile(model, *figures.profile, json);
  });
  os << '\n';
}

static void printText(const LoadedModel &model, const ModelRunner &runner,
                      const Figures &figures) {
  auto line = [](StringRef name, const Times &times) {
    llvm::outs() << llvm::formatv(
        "{0,-8} median {1:f4} ms, fastest {2:f4} ms, 90 % below {3:f4} ms, "
        "99 % below {4:f4} ms, {5} runs\n",
        name, times.median(), times.at(0), times.at(0.9), times.at(0.99),
        times.wall.size());
  };
  if (figures.streams) {
    printStreams(*figures.streams, llvm::outs());
    return;
  }
  if (figures.profile)
    printProfile(model, *figures.profile, llvm::outs());
  line("ashlar", figures.own);
  if (!figures.peer.wall.empty()) {
    line("peer", figures.peer);
    llvm::outs() << llvm::formatv(
        "speedup  {0:f3} by the medians; of {1} pairs of turns the median is "
        "{2:f3}, {3:f3} to {4:f3}\n",
        figures.peer.median() / figures.own.median(), figures.ratios.size(),
        medianOf(figures.ratios), quantileOf(figures.ratios, 0),
        quantileOf(figures.ratios, 1));
  }
  llvm::outs() << llvm::formatv("first    {0:f4} ms\nthreads  {1}\n",
                                figures.firstRun, runner.workers());
}

static Error readSettings(const Arguments &arguments, Settings &settings) {
  auto number = [&](StringRef name, uint64_t maximum,
                    uint64_t &value) -> Error {
    if (auto text = arguments.value(name)) {
      auto parsed = parseNumber(name, *text, maximum);
      if (!parsed)
        return parsed.takeError();
      value = *parsed;
    }
    return Error::success();
  };
  if (Error error = number("threads", 4096, settings.threads))
    return error;
  if (Error error = number("warmup", 1000000, settings.warmup))
    return error;
  if (Error error = number("streams", 1024, settings.streams))
    return error;
  if (!settings.streams)
    return usageError("option '--streams' got '0', expected a number from 1");
  if (settings.streams > 1)
    for (StringRef other : {"against", "profile", "serve", "threads"})
      if (arguments.has(other))
        return usageError("options '--streams' and '--" + other +
                          "' exclude each other");
  if (arguments.has("serve"))
    for (StringRef other : {"against", "profile", "json", "duration", "warmup"})
      if (arguments.has(other))
        return usageError("options '--serve' and '--" + other +
                          "' exclude each other");
  if (arguments.values("data").size() > 1)
    return usageError("option '--data' is given " +
                      llvm::Twine(arguments.values("data").size()) +
                      " times, but one set of inputs is measured");
  if (auto text = arguments.value("duration")) {
    auto seconds = parseReal("duration", *text);
    if (!seconds)
      return seconds.takeError();
    settings.seconds = *seconds;
  }
  return Error::success();
}

static int report(const Arguments &arguments, const LoadedModel &model,
                  const ModelRunner &runner, const Figures &figures) {
  auto json = arguments.value("json");
  if (!json || *json != "-")
    printText(model, runner, figures);
  OutputFiles files;
  if (json)
    if (Error error = files.add(*json, [&](llvm::raw_ostream &os) {
          printJson(model, runner, figures, os);
        }))
      return fail(ExitUsage, std::move(error));
  if (Error error = files.commit())
    return fail(ExitResources, std::move(error));
  return ExitOk;
}

static int run(const Arguments &arguments) {
  Settings settings;
  if (Error error = readSettings(arguments, settings))
    return fail(ExitUsage, std::move(error));
  int code = ExitOk;
  RunnableModel model =
      obtainModel(arguments.positional().front(), arguments, code);
  if (!model)
    return code;
  auto sets =
      arguments.has("input") || arguments.has("data") || arguments.has("random")
          ? readInputs(arguments, model->info())
          : randomInputs(arguments, model->info(), 1);
  if (!sets)
    return failInputs(sets.takeError());
  auto runner = ModelRunner::create(*model, unsigned(settings.threads));
  if (!runner)
    return fail(ExitCpu, runner.takeError());
  if (Error error = (*runner)->bind(sets->front().inputs))
    return fail(ExitInvalid, std::move(error));
  if (arguments.has("serve"))
    return serve(**runner);
  std::unique_ptr<PeerProcess> peer;
  if (auto against = arguments.value("against")) {
    auto command = peerCommand(*against, arguments);
    if (!command)
      return fail(ExitUsage, command.takeError());
    auto started = PeerProcess::start(*command);
    if (!started)
      return fail(ExitUsage, started.takeError());
    peer = std::move(*started);
  }
  Figures figures;
  Progress progress("measuring");
  Error error =
      measureAll(*model, **runner, peer.get(), settings, sets->front().inputs,
                 arguments.has("profile"), figures);
  progress.clear();
  if (error)
    return fail(ExitInvalid, std::move(error));
  return report(arguments, *model, **runner, figures);
}

Command ashlar::tool::benchCommand() {
  std::vector<Option> options = {
      {"threads", "N", "worker threads; default: all that may be used"},
      {"streams", "N",
       "compare N callers at a time, of one worker each, with one caller"},
      {"warmup", "N", "runs before the measured ones; default 3"},
      {"duration", "S", "seconds to measure for; default 3"},
      {"profile", "", "measure every layer, and the machine's peaks beside"},
      {"against", "CMD",
       "measure in turns with a program that speaks the --serve protocol;\n"
       "onednn: the model's only contraction in oneDNN"},
      {"serve", "", "be such a program: read numbers of runs, answer times"},
      {"json", "FILE", "write the figures as JSON; '-' is standard output"}};
  for (Option &option : inputOptions())
    options.push_back(option);
  for (Option &option : weightsOptions())
    options.push_back(option);
  for (Option &option : modelOptions())
    options.push_back(option);
  return {"bench",
          "MODEL|OBJECT [OPTION...]",
          "measure how long a run takes, alone or against a peer",
          "Measures the latency of a model or object, on random inputs unless "
          "others are given.\nA peer is measured in turns with it, so that a "
          "drifting clock hits both alike.\n\n"
          "  ashlar bench model.o --threads=1\n"
          "  ashlar bench model.onnx --threads=1 --profile\n"
          "  ashlar bench model.o --streams=2\n"
          "  ashlar bench model.onnx --against 'ort_bench --model model.onnx "
          "--serve' --json=-\n",
          options,
          1,
          1,
          run};
}
