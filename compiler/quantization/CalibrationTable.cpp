#include "compiler/quantization/CalibrationTable.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/Path.h"

#include <algorithm>
#include <set>

using namespace ashlar;
using namespace ashlar::quantization;
using llvm::ArrayRef;
using llvm::Error;
using llvm::StringRef;

void TensorStatistics::merge(const TensorStatistics &other) {
  if (!other.observations)
    return;
  if (!observations) {
    double low = minimum, high = maximum;
    std::string chosen = method;
    *this = other;
    minimum = low;
    maximum = high;
    method = chosen;
    return;
  }
  if (other.elements) {
    observedMinimum = elements
                          ? std::min(observedMinimum, other.observedMinimum)
                          : other.observedMinimum;
    observedMaximum = elements
                          ? std::max(observedMaximum, other.observedMaximum)
                          : other.observedMaximum;
  }
  elements += other.elements;
  zeros += other.zeros;
  observations += other.observations;
  minimumSum += other.minimumSum;
  maximumSum += other.maximumSum;
  histogram.merge(other.histogram);
  if (channelMaxima.size() != other.channelMaxima.size()) {
    channelMaxima.clear();
    channelSums.clear();
  }
  for (size_t i = 0; i != channelMaxima.size(); ++i) {
    channelMaxima[i] = std::max(channelMaxima[i], other.channelMaxima[i]);
    channelSums[i] += other.channelSums[i];
  }
}

// Files that hold tensors of the graph or of graphs inside it.
static void addLocations(const proto::GraphProto &graph,
                         std::set<std::string> &locations) {
  auto add = [&](const proto::TensorProto &tensor) {
    for (const auto &entry : tensor.external_data())
      if (entry.key() == "location")
        locations.insert(entry.value());
  };
  for (const proto::TensorProto &tensor : graph.initializer())
    add(tensor);
  for (const proto::NodeProto &node : graph.node())
    for (const proto::AttributeProto &attribute : node.attribute()) {
      add(attribute.t());
      if (attribute.has_g())
        addLocations(attribute.g(), locations);
    }
}

// Nothing leads out of the model's folder; the import reports what tries.
static bool isInside(StringRef location) {
  return !location.empty() && !llvm::sys::path::is_absolute(location) &&
         std::find(llvm::sys::path::begin(location),
                   llvm::sys::path::end(location),
                   "..") == llvm::sys::path::end(location);
}

std::string ashlar::quantization::hashOfModel(const ModelFile &model) {
  llvm::BLAKE3 hash;
  if (model.buffer)
    hash.update(model.buffer->getBuffer());
  std::set<std::string> locations;
  addLocations(model.model.graph(), locations);
  for (const std::string &location : locations) {
    if (!isInside(location) || model.folder.empty())
      continue;
    llvm::SmallString<256> path(model.folder);
    llvm::sys::path::append(path, location);
    auto file = openMapped(path);
    if (file)
      hash.update((*file)->getBuffer());
    else
      llvm::consumeError(file.takeError()); // the import says it better
  }
  auto bytes = hash.final<32>();
  return llvm::toHex(bytes, /*LowerCase=*/true);
}

llvm::Expected<DataHash> DataHash::parse(StringRef text) {
  DataHash result;
  if (text.empty())
    return result;
  std::string bytes;
  if (text.size() != 64 || !llvm::tryGetFromHex(text, bytes))
    return llvm::createStringError("'" + text +
                                   "' is not a hash of 64 hexadecimal digits");
  std::copy(bytes.begin(), bytes.end(), result.sum.begin());
  return result;
}

void DataHash::add(const std::array<uint8_t, 32> &sample) {
  unsigned carry = 0;
  for (size_t i = sum.size(); i-- > 0;) {
    carry += unsigned(sum[i]) + sample[i];
    sum[i] = uint8_t(carry);
    carry >>= 8;
  }
}

std::string DataHash::text() const { return llvm::toHex(sum, true); }

static Error checkManualRanges(const CalibrationTable &table,
                               const CalibrationTable &other) {
  std::string names;
  for (const auto &[name, theirs] : other.tensors) {
    auto found = table.tensors.find(name);
    if (found == table.tensors.end())
      continue;
    const TensorStatistics &ours = found->second;
    if (ours.method == kManualMethod && theirs.method == kManualMethod &&
        (ours.minimum != theirs.minimum || ours.maximum != theirs.maximum))
      names += (names.empty() ? "'" : ", '") + name + "'";
  }
  if (names.empty())
    return Error::success();
  return llvm::createStringError(
      "ranges are set by hand to different values: " + names);
}

Error ashlar::quantization::mergeCalibrationTable(
    CalibrationTable &table, const CalibrationTable &other) {
  if (table.modelHash != other.modelHash)
    return llvm::createStringError(
        "the tables are of different models: their hashes are " +
        StringRef(table.modelHash).take_front(12) + "... and " +
        StringRef(other.modelHash).take_front(12) + "...");
  auto ours = DataHash::parse(table.dataHash),
       theirs = DataHash::parse(other.dataHash);
  if (!ours || !theirs)
    return llvm::joinErrors(ours.takeError(), theirs.takeError());
  if (Error error = checkManualRanges(table, other))
    return error;
  ours->add(*theirs);
  table.dataHash = ours->text();
  table.samples += other.samples;
  table.madeUp |= other.madeUp;
  for (const auto &[name, statistics] : other.tensors) {
    TensorStatistics &merged = table.tensors[name];
    merged.merge(statistics);
    if (statistics.method == kManualMethod) {
      merged.minimum = statistics.minimum;
      merged.maximum = statistics.maximum;
      merged.method = kManualMethod.str();
    }
  }
  return Error::success();
}
