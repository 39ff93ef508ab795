#include "compiler/quantization/KeptSamples.h"

using namespace ashlar;
using namespace ashlar::quantization;

namespace {

struct Kept {
  std::vector<data::Sample> samples; // the first ones
  uint64_t bytes = 0;
  bool all = false, full = false;
};

using Stream = llvm::Expected<std::unique_ptr<data::SampleStream>>;

class KeptStream : public data::SampleStream {
public:
  /// `source` begins with the first sample; null where all are kept.
  KeptStream(std::shared_ptr<Kept> kept,
             std::unique_ptr<data::SampleStream> source, uint64_t mostBytes)
      : kept(std::move(kept)), source(std::move(source)), mostBytes(mostBytes) {
  }

  llvm::Expected<std::optional<data::Sample>> next() override {
    if (at < kept->samples.size())
      return kept->samples[at++];
    if (!source)
      return std::nullopt;
    // What is kept is read over.
    for (; read != at; ++read)
      if (auto sample = source->next(); !sample)
        return sample.takeError();
    auto sample = source->next();
    if (!sample)
      return sample;
    if (!*sample) {
      kept->all = !kept->full;
      return std::nullopt;
    }
    keep(**sample);
    ++read, ++at;
    return sample;
  }

private:
  void keep(const data::Sample &sample) {
    uint64_t bytes = 0;
    for (const data::Tensor &tensor : sample.inputs)
      bytes += tensor.bytes.size();
    kept->full |= kept->bytes + bytes > mostBytes;
    if (kept->full)
      return;
    kept->bytes += bytes;
    kept->samples.push_back(sample);
  }

  std::shared_ptr<Kept> kept;
  std::unique_ptr<data::SampleStream> source;
  uint64_t mostBytes;
  size_t at = 0, read = 0; // samples given, samples taken from the source
};

} // namespace

decltype(EvaluationSetup::open)
ashlar::quantization::keepSamples(decltype(EvaluationSetup::open) open,
                                  uint64_t mostBytes) {
  auto kept = std::make_shared<Kept>();
  return [=](const ashlar_model_info &info) -> Stream {
    std::unique_ptr<data::SampleStream> source;
    if (!kept->all) {
      auto opened = open(info);
      if (!opened)
        return opened.takeError();
      source = std::move(*opened);
    }
    return std::make_unique<KeptStream>(kept, std::move(source), mostBytes);
  };
}
