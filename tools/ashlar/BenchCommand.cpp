// ashlar bench: how long a run takes, alone or in turns with a peer.
#include "compiler/execution/ModelRunner.h"
#include "tools/ashlar/Command.h"
#include "tools/ashlar/Compilation.h"
#include "tools/ashlar/ExitCode.h"
#include "tools/ashlar/ModelInputs.h"
#include "tools/ashlar/ModelOptions.h"
#include "tools/ashlar/OutputFiles.h"
#include "tools/ashlar/PeerProcess.h"
#include "tools/ashlar/Progress.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <iostream>
#include <thread>

using namespace ashlar;
using namespace ashlar::tool;
using llvm::Error;
using llvm::StringRef;
using Clock = std::chrono::steady_clock;

namespace {
/// Times of one of the two that are measured, in milliseconds.
struct Times {
  std::vector<double> wall, cpu;

  double at(double share) const {
    std::vector<double> sorted = wall;
    std::sort(sorted.begin(), sorted.end());
    return sorted.empty()
               ? 0
               : sorted[std::min(sorted.size() - 1,
                                 size_t(share * double(sorted.size())))];
  }
  double median() const { return at(0.5); }
};

struct Settings {
  uint64_t threads = 0, warmup = 3;
  double seconds = 3;
};
} // namespace

static double cpuMilliseconds() {
  timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return double(time.tv_sec) * 1e3 + double(time.tv_nsec) * 1e-6;
}

// One unreported run, then `runs` that are reported: as peers do.
static Error measure(ModelRunner &runner, unsigned runs, Times &times) {
  if (Error error = runner.execute())
    return error;
  for (unsigned i = 0; i != runs; ++i) {
    double cpu = cpuMilliseconds();
    auto start = Clock::now();
    if (Error error = runner.execute())
      return error;
    std::chrono::duration<double, std::milli> wall = Clock::now() - start;
    times.wall.push_back(wall.count());
    times.cpu.push_back(cpuMilliseconds() - cpu);
  }
  return Error::success();
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
    if (Error error = measure(runner, unsigned(*runs), times))
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
                       const Settings &settings, Times &own, Times &other) {
  Times warm;
  if (Error error = measure(
          runner, unsigned(std::max<uint64_t>(settings.warmup, 1)), warm))
    return error;
  unsigned runs =
      unsigned(std::clamp(100.0 / std::max(warm.median(), 1e-3), 1.0, 5000.0));
  auto rest = [&] {
    if (peer)
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
  };
  auto start = Clock::now();
  do {
    if (peer) {
      auto times = peer->measure(runs);
      if (!times)
        return times.takeError();
      other.wall.insert(other.wall.end(), times->begin(), times->end());
      rest();
    }
    if (Error error = measure(runner, runs, own))
      return error;
    rest();
  } while (Clock::now() - start <
           std::chrono::duration<double>(settings.seconds));
  return Error::success();
}

static void printJson(const ModelRunner &runner, const Times &own,
                      const Times &other, llvm::raw_ostream &os) {
  llvm::json::OStream json(os, 1);
  auto writeTimes = [&](const Times &times) {
    json.attribute("median_ms", times.median());
    json.attribute("min_ms", times.at(0));
    json.attribute("p90_ms", times.at(0.9));
    json.attribute("runs", int64_t(times.wall.size()));
  };
  json.object([&] {
    writeTimes(own);
    json.attribute("threads", runner.workers());
    json.attribute("workspace_bytes", int64_t(runner.workspaceBytes()));
    if (other.wall.empty())
      return;
    json.attributeObject("against", [&] { writeTimes(other); });
    json.attribute("speedup", other.median() / own.median());
  });
  os << '\n';
}

static void printText(const ModelRunner &runner, const Times &own,
                      const Times &other) {
  auto line = [](StringRef name, const Times &times) {
    llvm::outs() << llvm::formatv(
        "{0,-8} median {1:f4} ms, fastest {2:f4} ms, 90 % below {3:f4} ms, "
        "{4} runs\n",
        name, times.median(), times.at(0), times.at(0.9), times.wall.size());
  };
  line("ashlar", own);
  if (!other.wall.empty()) {
    line("peer", other);
    llvm::outs() << llvm::formatv("speedup  {0:f3}\n",
                                  other.median() / own.median());
  }
  llvm::outs() << "threads  " << runner.workers() << "\n";
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
  uint64_t streams = 1;
  if (Error error = number("streams", 1024, streams))
    return error;
  if (streams != 1)
    return usageError("--streams above 1 is not available yet");
  if (auto text = arguments.value("duration")) {
    auto seconds = parseReal("duration", *text);
    if (!seconds)
      return seconds.takeError();
    settings.seconds = *seconds;
  }
  return Error::success();
}

static int report(const Arguments &arguments, const ModelRunner &runner,
                  const Times &own, const Times &other) {
  auto json = arguments.value("json");
  if (!json || *json != "-")
    printText(runner, own, other);
  OutputFiles files;
  if (json)
    if (Error error = files.add(*json, [&](llvm::raw_ostream &os) {
          printJson(runner, own, other, os);
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
    return fail(ExitUsage, sets.takeError());
  auto runner = ModelRunner::create(*model, unsigned(settings.threads));
  if (!runner)
    return fail(ExitCpu, runner.takeError());
  if (Error error = (*runner)->bind(std::move(sets->front().inputs)))
    return fail(ExitInvalid, std::move(error));
  if (arguments.has("serve"))
    return serve(**runner);
  std::unique_ptr<PeerProcess> peer;
  if (auto command = arguments.value("against")) {
    auto started = PeerProcess::start(*command);
    if (!started)
      return fail(ExitUsage, started.takeError());
    peer = std::move(*started);
  }
  Times own, other;
  Progress progress("measuring");
  Error error = takeTurns(**runner, peer.get(), settings, own, other);
  progress.clear();
  if (error)
    return fail(ExitInvalid, std::move(error));
  return report(arguments, **runner, own, other);
}

Command ashlar::tool::benchCommand() {
  std::vector<Option> options = {
      {"threads", "N", "worker threads; default: all that may be used"},
      {"streams", "N", "runs at a time; default 1"},
      {"warmup", "N", "runs before the measured ones; default 3"},
      {"duration", "S", "seconds to measure for; default 3"},
      {"against", "CMD",
       "measure in turns with a program that speaks the --serve protocol"},
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
          "  ashlar bench model.onnx --against 'ort_bench --model model.onnx "
          "--serve' --json=-\n",
          options,
          1,
          1,
          run};
}
