#include "tools/ashlar/ProfileReport.h"

#include "runtime/check.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <map>
#include <numeric>
#include <x86intrin.h>

using namespace ashlar;
using namespace ashlar::tool;
using llvm::Error;
using llvm::StringRef;

namespace {

/// What is known about a layer beside its time.
struct Row {
  const ashlar_layer_info *layer;
  const ashlar_kernel_info *kernel;
  double ms = 0;
  std::vector<const ashlar_layer_info *> parts; // computed with it
  /// The least time that the machine could need, 0 where that is not known.
  double bound = 0;

  /// Contractions of open dimensions have no known size, but tell of tiles.
  bool contracts() const {
    return kernel->macs > 0 || (isOpen() && (usesTiles() || *kernel->reason));
  }
  bool isOpen() const { return kernel->macs < 0 && kernel->bytes < 0; }
  bool usesTiles() const { return StringRef(kernel->isa).starts_with("AMX"); }
};

const ashlar_kernel_info *kernelsOf(const LoadedModel &model) {
  const ashlar_variant_info *variant = ashlar_select_variant(&model.info());
  return variant ? variant->kernels : nullptr;
}

/// Roofline: what multiplying takes at the peak, or moving the bytes, whichever
/// is longer; of all workers together.
double boundOf(const ashlar_kernel_info &kernel, const Profile &profile) {
  double compute = 0, memory = 0;
  if (kernel.macs > 0) {
    double peak = profile.peaks[size_t(peakOf(kernel.isa, kernel.precision))];
    compute = peak > 0 ? double(kernel.macs) / peak : 0;
  }
  if (kernel.bytes > 0) {
    double weights = double(std::max<int64_t>(kernel.weight_bytes, 0));
    memory = weights / profile.weightBandwidth +
             (double(kernel.bytes) - weights) / profile.nearBandwidth;
  }
  return 1e3 * std::max(compute, memory) / profile.workers;
}

/// Layers that have a time of their own, in the order of the graph.
std::vector<Row> rowsOf(const LoadedModel &model, const Profile &profile) {
  static const ashlar_kernel_info unknown = {"", "", "", "", -1, -1, -1, -1};
  const ashlar_model_info &info = model.info();
  const ashlar_kernel_info *kernels = kernelsOf(model);
  std::map<int32_t, std::vector<const ashlar_layer_info *>> parts;
  for (uint32_t i = 0; kernels && i != info.num_layers; ++i)
    if (kernels[i].part_of >= 0)
      parts[kernels[i].part_of].push_back(&info.layers[i]);
  std::vector<Row> rows;
  for (uint32_t i = 0; i != info.num_layers; ++i) {
    if (profile.layers[i] == 0)
      continue;
    Row row{&info.layers[i], kernels ? &kernels[i] : &unknown,
            profile.layers[i], parts[int32_t(i)], 0};
    row.bound = boundOf(*row.kernel, profile);
    rows.push_back(std::move(row));
  }
  return rows;
}

/// The mean of the faster half.
double fasterHalf(std::vector<double> times) {
  llvm::sort(times);
  auto faster = llvm::ArrayRef(times).take_front((times.size() + 1) / 2);
  return std::accumulate(faster.begin(), faster.end(), 0.0) /
         double(faster.size());
}

/// Ticks of single runs, layer by layer.
class Recorder {
public:
  explicit Recorder(size_t places) : ticks(places) {
    profile.struct_size = sizeof profile;
    profile.ticks = ticks.data();
    profile.num_ticks = uint32_t(places);
  }

  Error run(ModelRunner &runner, Times &times) {
    std::fill(ticks.begin(), ticks.end(), 0);
    uint64_t before = __rdtsc();
    Stopwatch watch;
    if (Error error = runner.execute(&profile))
      return error;
    double wall = watch.milliseconds();
    double tick = wall / double(__rdtsc() - before);
    times.wall.push_back(wall);
    std::vector<double> layers;
    double known = 0;
    for (uint64_t count : llvm::ArrayRef(ticks).drop_back()) {
      layers.push_back(tick * double(count));
      known += layers.back();
    }
    // What comes before and behind the body is no layer's either.
    layers.push_back(wall - known);
    runs.push_back({wall, std::move(layers)});
    return Error::success();
  }

  /// Means over the faster half of the runs: unlike medians of layers, these
  /// add up, and where other processes interrupt they hit a layer.
  std::vector<double> typical() {
    llvm::sort(runs);
    auto faster = llvm::ArrayRef(runs).take_front((runs.size() + 1) / 2);
    std::vector<double> mean(ticks.size());
    for (const auto &[wall, layers] : faster)
      for (size_t i = 0; i != mean.size(); ++i)
        mean[i] += layers[i] / double(faster.size());
    return mean;
  }

private:
  ashlar_profile profile = {};
  std::vector<uint64_t> ticks;
  std::vector<std::pair<double, std::vector<double>>> runs;
};

/// Probes of the peaks that the model's kernels are compared with.
class Probes {
public:
  explicit Probes(const LoadedModel &model)
      : weights(std::max<size_t>(model.info().weights_bytes, 1 << 20)) {
    const ashlar_kernel_info *kernels = kernelsOf(model);
    for (uint32_t i = 0; kernels && i != model.info().num_layers; ++i) {
      PeakKind kind = peakOf(kernels[i].isa, kernels[i].precision);
      bool open = kernels[i].macs < 0 && kernels[i].bytes < 0;
      if ((kernels[i].macs > 0 || (open && *kernels[i].reason)) &&
          peakAvailable(kind))
        peaks[kind];
    }
    // Whatever is used, the peak of tiles is what could be had.
    for (PeakKind kind : {PeakKind::AmxInt8, PeakKind::AmxBf16})
      if (peakAvailable(kind))
        peaks[kind];
  }

  void measure() {
    for (auto &[kind, values] : peaks)
      values.push_back(measurePeak(kind));
    near.push_back(nearProbe.measure());
    far.push_back(weights.measure());
  }

  void take(Profile &profile) const {
    for (auto &[kind, values] : peaks)
      profile.peaks[size_t(kind)] = medianOf(values);
    profile.nearBandwidth = medianOf(near);
    profile.weightBandwidth = medianOf(far);
  }

private:
  std::map<PeakKind, std::vector<double>> peaks;
  ReadProbe nearProbe{256 << 10}, weights;
  std::vector<double> near, far;
};

std::string countText(double value) {
  static const char *const units[] = {"", "k", "M", "G", "T"};
  size_t unit = 0;
  for (; value >= 1000 && unit < 4; ++unit)
    value /= 1000;
  return llvm::formatv("{0:f1}{1}", value, units[unit]);
}

std::string numberText(int64_t value) {
  return value < 0 ? "-" : countText(double(value));
}

/// "yes", or "no: " and why; for contractions only.
std::string tilesText(const Row &row) {
  if (!row.contracts())
    return "";
  if (row.usesTiles())
    return "AMX: yes";
  StringRef reason = row.kernel->reason;
  return ("AMX: no" + (reason.empty() ? "" : ": " + reason)).str();
}

std::string operatorsText(const Row &row) {
  std::string text = row.layer->op;
  std::vector<std::pair<StringRef, int>> parts;
  for (const ashlar_layer_info *part : row.parts) {
    if (parts.empty() || parts.back().first != part->op)
      parts.push_back({part->op, 0});
    ++parts.back().second;
  }
  for (auto [name, count] : parts) {
    text += '+' + name.str();
    if (count > 1)
      text += 'x' + std::to_string(count);
  }
  return text;
}

std::string shortened(StringRef text, size_t length) {
  if (text.size() <= length)
    return text.str();
  return "..." + text.take_back(length - 3).str();
}

} // namespace

double Profile::layerSum() const {
  double sum = 0;
  for (double layer : layers)
    sum += layer;
  return sum;
}

llvm::Expected<Profile> ashlar::tool::profile(const LoadedModel &model,
                                              ModelRunner &runner,
                                              double seconds) {
  size_t count = model.info().num_layers;
  Recorder recorder(count + 1);
  Probes probes(model);
  Times warm, plain, profiled;
  if (Error error = measure(runner, 2, warm))
    return std::move(error);
  unsigned runs = std::max(1u, runsInTurn(warm.at(0)) / 2);
  Stopwatch watch;
  do {
    probes.measure();
    if (Error error = measure(runner, 1, warm)) // caches are the model's again
      return std::move(error);
    for (unsigned i = 0; i != runs; ++i) {
      if (Error error = measure(runner, 1, plain))
        return std::move(error);
      if (Error error = recorder.run(runner, profiled))
        return std::move(error);
    }
  } while (watch.milliseconds() < seconds * 1e3);
  Profile result;
  result.layers = recorder.typical();
  result.unattributed = result.layers.back();
  result.layers.pop_back();
  result.profiled = fasterHalf(profiled.wall);
  result.unprofiled = fasterHalf(plain.wall);
  result.workers = runner.workers();
  probes.take(result);
  return result;
}

void ashlar::tool::printProfile(const LoadedModel &model,
                                const Profile &profile, llvm::raw_ostream &os) {
  os << llvm::formatv("{0,-40} {1,-24} {2,9} {3,6} {4,8} {5,8} {6,8} {7,6}  "
                      "{8}\n",
                      "layer", "operators", "us", "time", "MACs", "MAC/s",
                      "bytes", "roof", "kernel");
  for (const Row &row : rowsOf(model, profile)) {
    const ashlar_kernel_info &kernel = *row.kernel;
    std::string rate =
        kernel.macs > 0 ? countText(double(kernel.macs) / row.ms * 1e3) : "-";
    os << llvm::formatv(
        "{0,-40} {1,-24} {2,9:f1} {3,6:p1} {4,8} {5,8} {6,8} {7,6}  {8} {9} "
        "{10} {11}\n",
        shortened(row.layer->name, 40), shortened(operatorsText(row), 24),
        row.ms * 1e3, row.ms / profile.profiled, numberText(kernel.macs), rate,
        numberText(kernel.bytes),
        row.bound > 0 ? llvm::formatv("{0:p0}", row.bound / row.ms).str() : "-",
        kernel.kernel, row.contracts() ? kernel.precision : "", kernel.isa,
        tilesText(row));
  }
  if (model.info().num_dims)
    os << "sizes of layers with open dimensions are not known here: compile, "
          "or "
          "measure the model,\nwith all of them given by --dim or --shape\n";
  os << llvm::formatv(
      "layers {0:f4} ms, unattributed {1:f4} ms ({2:p1}); profiled run {3:f4} "
      "ms, unprofiled {4:f4} ms: the layers are {5:p1} of it\n",
      profile.layerSum(), profile.unattributed,
      profile.unattributed / profile.profiled, profile.profiled,
      profile.unprofiled, profile.layerSum() / profile.unprofiled);
  for (size_t kind = 0; kind != kNumPeakKinds; ++kind)
    if (profile.peaks[kind] > 0)
      os << llvm::formatv("peak     {0,-14} {1}MAC/s a thread\n",
                          peakName(PeakKind(kind)),
                          countText(profile.peaks[kind]));
  os << llvm::formatv(
      "reading  {0}B/s a thread near, {1}B/s as many bytes as the weights\n",
      countText(profile.nearBandwidth), countText(profile.weightBandwidth));
}

static void writeRow(const Row &row, llvm::json::OStream &json) {
  const ashlar_kernel_info &kernel = *row.kernel;
  auto text = [&](StringRef name, StringRef value) {
    if (!value.empty())
      json.attribute(name, llvm::json::fixUTF8(value));
  };
  json.object([&] {
    text("name", row.layer->name);
    text("op", row.layer->op);
    json.attribute("ms", row.ms);
    text("kernel", kernel.kernel);
    text("isa", kernel.isa);
    text("precision", kernel.precision);
    if (kernel.macs >= 0)
      json.attribute("macs", kernel.macs);
    if (kernel.bytes >= 0)
      json.attribute("bytes", kernel.bytes);
    if (kernel.weight_bytes >= 0)
      json.attribute("weight_bytes", kernel.weight_bytes);
    if (row.bound > 0)
      json.attribute("roofline_share", row.bound / row.ms);
    if (row.contracts()) {
      json.attribute("amx", row.usesTiles());
      text("reason", kernel.reason);
    }
    json.attributeArray("parts", [&] {
      for (const ashlar_layer_info *part : row.parts)
        json.value(llvm::json::fixUTF8(part->name));
    });
  });
}

void ashlar::tool::writeProfile(const LoadedModel &model,
                                const Profile &profile,
                                llvm::json::OStream &json) {
  json.attributeObject("profile", [&] {
    json.attributeArray("layers", [&] {
      for (const Row &row : rowsOf(model, profile))
        writeRow(row, json);
    });
    json.attribute("layers_ms", profile.layerSum());
    json.attribute("unattributed_ms", profile.unattributed);
    json.attribute("profiled_ms", profile.profiled);
    json.attribute("unprofiled_ms", profile.unprofiled);
    json.attributeObject("peaks_macs_per_second", [&] {
      for (size_t kind = 0; kind != kNumPeakKinds; ++kind)
        if (profile.peaks[kind] > 0)
          json.attribute(peakName(PeakKind(kind)), profile.peaks[kind]);
    });
    json.attribute("near_bytes_per_second", profile.nearBandwidth);
    json.attribute("weight_bytes_per_second", profile.weightBandwidth);
  });
}
