#include "tools/ashlar/Streams.h"
#include "tools/ashlar/Arguments.h"

#include "llvm/Support/FormatVariadic.h"

#include <atomic>
#include <ctime>
#include <mutex>
#include <thread>

using namespace ashlar;
using namespace ashlar::tool;
using llvm::Error;

namespace {

double threadMilliseconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return double(time.tv_sec) * 1e3 + double(time.tv_nsec) * 1e-6;
}

/// The callers, ready to run.
class Streams {
public:
  Error create(const LoadedModel &model,
               const std::vector<data::Tensor> &inputs, unsigned count) {
    for (unsigned i = 0; i != count; ++i) {
      auto runner = ModelRunner::create(model, /*threads=*/1);
      if (!runner)
        return runner.takeError();
      if (Error error = (*runner)->bind(inputs))
        return error;
      runners.push_back(std::move(*runner));
    }
    return Error::success();
  }

  /// Lets the first `count` run for a while, each as fast as it can.
  Error run(unsigned count, double seconds, StreamTimes &times) {
    std::atomic<unsigned> waiting{count};
    std::mutex mutex;
    std::string failure;
    double longest = 0;
    auto stream = [&](ModelRunner &runner) {
      Times own;
      --waiting;
      while (waiting != 0) // begin together
        std::this_thread::yield();
      Stopwatch watch;
      Error error = Error::success();
      do {
        double cpu = threadMilliseconds();
        error = measure(runner, 1, own);
        if (!error)
          own.cpu.back() = threadMilliseconds() - cpu;
      } while (!error && watch.milliseconds() < seconds * 1e3);
      double elapsed = watch.milliseconds() / 1e3;
      std::lock_guard<std::mutex> lock(mutex);
      if (error) {
        failure = llvm::toString(std::move(error));
        return;
      }
      llvm::append_range(times.runs.wall, own.wall);
      llvm::append_range(times.runs.cpu, own.cpu);
      longest = std::max(longest, elapsed);
    };
    std::vector<std::thread> threads;
    for (unsigned i = 1; i < count; ++i)
      threads.emplace_back(stream, std::ref(*runners[i]));
    stream(*runners[0]);
    for (std::thread &thread : threads)
      thread.join();
    times.seconds += longest;
    return failure.empty() ? Error::success() : usageError(failure);
  }

private:
  std::vector<std::unique_ptr<ModelRunner>> runners;
};

} // namespace

llvm::Expected<StreamComparison> ashlar::tool::compareStreams(
    const LoadedModel &model, const std::vector<data::Tensor> &inputs,
    unsigned streams, unsigned warmup, double seconds) {
  Streams all;
  StreamComparison result;
  result.streams = streams;
  if (Error error = all.create(model, inputs, streams))
    return std::move(error);
  for (unsigned i = 0; i != std::max(warmup, 1u); ++i) {
    StreamTimes ignored;
    if (Error error = all.run(streams, 0, ignored))
      return std::move(error);
  }
  Stopwatch watch;
  do {
    if (Error error = all.run(1, 0.25, result.one))
      return std::move(error);
    if (Error error = all.run(streams, 0.25, result.many))
      return std::move(error);
  } while (watch.milliseconds() < seconds * 1e3);
  return result;
}

static void
forBoth(const StreamComparison &comparison,
        llvm::function_ref<void(unsigned streams, const StreamTimes &)> tell) {
  tell(1, comparison.one);
  tell(comparison.streams, comparison.many);
}

void ashlar::tool::printStreams(const StreamComparison &comparison,
                                llvm::raw_ostream &os) {
  forBoth(comparison, [&](unsigned streams, const StreamTimes &times) {
    double most = times.runs.at(0.99), cpu = medianOf(times.runs.cpu),
           mostCpu = quantileOf(times.runs.cpu, 0.99);
    os << llvm::formatv("{0,2} streams  {1,9:f1} runs/s, median {2:f4} ms, "
                        "99 % below {3:f4} ms ({4:f2} of the median)\n",
                        streams, times.throughput(), times.runs.median(), most,
                        most / times.runs.median());
    os << llvm::formatv("{0,10}  {1,9}         median {2:f4} ms, 99 % below "
                        "{3:f4} ms ({4:f2} of the median)\n",
                        "", "CPU time", cpu, mostCpu, mostCpu / cpu);
  });
  os << llvm::formatv("throughput  {0:f3} times that of one stream; by CPU "
                      "time, undisturbed, {1:f3} times\n",
                      comparison.ratio(), comparison.ratioOfCpuTime());
}

void ashlar::tool::writeStreams(const StreamComparison &comparison,
                                llvm::json::OStream &json) {
  json.attributeArray("streams", [&] {
    forBoth(comparison, [&](unsigned streams, const StreamTimes &times) {
      json.object([&] {
        json.attribute("streams", streams);
        json.attribute("runs", int64_t(times.runs.wall.size()));
        json.attribute("runs_per_second", times.throughput());
        json.attribute("median_ms", times.runs.median());
        json.attribute("p99_ms", times.runs.at(0.99));
        json.attribute("median_cpu_ms", medianOf(times.runs.cpu));
        json.attribute("p99_cpu_ms", quantileOf(times.runs.cpu, 0.99));
      });
    });
  });
  json.attribute("throughput_ratio", comparison.ratio());
  json.attribute("throughput_ratio_by_cpu_time", comparison.ratioOfCpuTime());
}
