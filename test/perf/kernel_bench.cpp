//===- kernel_bench.cpp - contractions beside oneDNN ----------------------===//
//
// For each shape, element type and CPU: the layer compiled by Ashlar and
// oneDNN's primitive, in turns of about two milliseconds each, and the peak of
// the instruction set probed between. The clock drifts; the ratio stays.
//
//===----------------------------------------------------------------------===//
#include <benchmark/benchmark.h>
#include <cmath>
#include <ctime>
#include <map>

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include "compiler/execution/PeakProbe.h"
#include "compiler/target/Target.h"
#include "runtime/ashlar_rt.h"
#include "test/perf/ShapeModel.h"
#include "tools/ashlar-onednn/OneDnnLayer.h"

using namespace ashlar;
using namespace ashlar::perf;
using llvm::StringRef;

namespace {

/// What is measured, and what came out of it.
struct Comparison {
  Shape shape;
  Type type;
  std::string cpu;
  std::vector<double> ratios; // oneDNN's time over Ashlar's, turn by turn
};

double median(std::vector<double> values) {
  if (values.empty())
    return 0;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// CPU time of this thread, which does all the work: other processes only
/// disturb the caches.
double seconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return double(time.tv_sec) + double(time.tv_nsec) * 1e-9;
}

/// Seconds that one call of `run` takes, over `calls`.
template <class Run> double timeOf(Run run, int64_t calls) {
  double start = seconds();
  for (int64_t i = 0; i != calls; ++i)
    run();
  return (seconds() - start) / double(calls);
}

/// Calls that fill about two milliseconds.
template <class Run> int64_t callsInTurn(Run run) {
  run();
  return std::clamp<int64_t>(int64_t(2e-3 / std::max(timeOf(run, 1), 1e-7)), 1,
                             10000);
}

PeakKind peakFor(Type type, uint64_t features) {
  auto has = [&](uint64_t bit) { return (features & bit) != 0; };
  if (type == Type::U8S8)
    return has(ASHLAR_CPU_AMX_INT8)      ? PeakKind::AmxInt8
           : has(ASHLAR_CPU_AVX512_VNNI) ? PeakKind::Int8Vnni
           : has(ASHLAR_CPU_AVX512)      ? PeakKind::FloatAvx512
                                         : PeakKind::Int8Avx2;
  if (type == Type::Bf16 && has(ASHLAR_CPU_AMX_BF16))
    return PeakKind::AmxBf16;
  if (type == Type::Bf16 && has(ASHLAR_CPU_AVX512_BF16))
    return PeakKind::Bf16Avx512;
  return has(ASHLAR_CPU_AVX512) ? PeakKind::FloatAvx512 : PeakKind::FloatAvx2;
}

void measure(benchmark::State &state, Comparison &comparison,
             uint64_t features) {
  const Shape &shape = comparison.shape;
  LayerData data = makeData(shape, comparison.type);
  auto model = ShapeModel::compile(shape, comparison.type, data, comparison.cpu,
                                   Result::Layer);
  if (!model) {
    state.SkipWithError(llvm::toString(model.takeError()).c_str());
    return;
  }
  OneDnnLayer layer(shape, comparison.type, data, Result::Layer);
  auto own = [&] { llvm::consumeError((*model)->run()); };
  auto other = [&] { layer.run(); };
  int64_t ownCalls = callsInTurn(own), otherCalls = callsInTurn(other);
  PeakKind kind = peakFor(comparison.type, features);
  std::vector<double> ownTimes, otherTimes, peaks;
  for (auto turn : state) {
    (void)turn;
    if (ownTimes.size() % 16 == 0)
      peaks.push_back(measurePeak(kind));
    own(), ownTimes.push_back(timeOf(own, ownCalls));
    other(), otherTimes.push_back(timeOf(other, otherCalls));
    comparison.ratios.push_back(otherTimes.back() / ownTimes.back());
    state.SetIterationTime(ownTimes.back());
  }
  double macs = double(shape.macs()), time = median(ownTimes);
  state.counters["us"] = time * 1e6;
  state.counters["GMACs"] = macs / time * 1e-9;
  state.counters["onednn_us"] = median(otherTimes) * 1e6;
  state.counters["ratio"] = median(comparison.ratios);
  state.counters["of_peak"] = macs / time / median(peaks);
  state.SetLabel(layer.implementation());
}

void printMeans(llvm::ArrayRef<std::unique_ptr<Comparison>> comparisons) {
  struct Mean {
    double logs = 0, least = INFINITY;
    int count = 0;
  };
  std::map<std::string, Mean> means;
  for (const auto &comparison : comparisons) {
    double ratio = median(comparison->ratios);
    if (ratio <= 0)
      continue;
    Mean &mean = means[typeName(comparison->type) + std::string(" for ") +
                       comparison->cpu];
    mean.logs += std::log(ratio);
    mean.least = std::min(mean.least, ratio);
    ++mean.count;
  }
  for (const auto &[name, mean] : means)
    llvm::outs() << llvm::format(
        "%s: geometric mean %.3f times oneDNN %s over %d shapes, least %.3f\n",
        name.c_str(), std::exp(mean.logs / mean.count), oneDnnVersion().c_str(),
        mean.count, mean.least);
}

/// The value of --NAME=VALUE, which is taken out of the command line.
std::string takeOption(int &argc, char **argv, StringRef name,
                       StringRef otherwise) {
  std::string value = otherwise.str();
  int kept = 1;
  for (int i = 1; i != argc; ++i) {
    StringRef word(argv[i]);
    if (word.consume_front("--") && word.consume_front(name) &&
        word.consume_front("="))
      value = word.str();
    else
      argv[kept++] = argv[i];
  }
  argc = kept;
  return value;
}

} // namespace

int main(int argc, char **argv) {
  std::string cpus = takeOption(argc, argv, "cpu", "native"),
              isa = takeOption(argc, argv, "onednn-isa", "all"),
              types = takeOption(argc, argv, "types", "f32,bf16,u8s8");
  if (!limitOneDnn(isa)) {
    llvm::errs() << "unknown instruction set '" << isa << "' for oneDNN\n";
    return 2;
  }
  std::vector<std::unique_ptr<Comparison>> comparisons;
  llvm::SmallVector<StringRef> names;
  StringRef(cpus).split(names, ',');
  for (StringRef name : names) {
    auto target = resolveTarget(name);
    if (!target) {
      llvm::errs() << llvm::toString(target.takeError()) << '\n';
      return 2;
    }
    for (Type type : {Type::F32, Type::Bf16, Type::U8S8})
      for (const Shape &shape : benchmarkShapes()) {
        if (!llvm::is_contained(llvm::split(types, ','), typeName(type)))
          continue;
        comparisons.push_back(std::make_unique<Comparison>(
            Comparison{shape, type, target->cpu, {}}));
        Comparison *comparison = comparisons.back().get();
        uint64_t features = target->required;
        benchmark::RegisterBenchmark(
            (typeName(type) + ("/" + target->cpu) + "/" + shape.name).c_str(),
            [comparison, features](benchmark::State &state) {
              measure(state, *comparison, features);
            })
            ->UseManualTime()
            ->Iterations(25)
            ->Unit(benchmark::kMicrosecond);
      }
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv))
    return 2;
  benchmark::RunSpecifiedBenchmarks();
  printMeans(comparisons);
  return 0;
}
