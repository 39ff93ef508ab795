//===- ConcatenatedStream.h - samples of several sources ------------------===//
#ifndef ASHLAR_COMPILER_DATA_CONCATENATEDSTREAM_H
#define ASHLAR_COMPILER_DATA_CONCATENATEDSTREAM_H

#include "compiler/data/SampleStream.h"

namespace ashlar::data {

/// Opens each part when its turn comes.
class ConcatenatedStream : public SampleStream {
public:
  using Opener = std::function<llvm::Expected<std::unique_ptr<SampleStream>>()>;

  /// Opens every part once, so that all that is wrong is told before the first
  /// sample.
  llvm::Error add(Opener open) {
    auto stream = open();
    if (!stream)
      return stream.takeError();
    auto size = (*stream)->size();
    total = total && size ? std::optional(*total + *size) : std::nullopt;
    // The first stays open; so does a pipe, which is the only part then.
    if (parts.empty())
      current = std::move(*stream);
    parts.push_back(std::move(open));
    return llvm::Error::success();
  }

  llvm::Expected<std::optional<Sample>> next() override {
    for (;;) {
      if (current) {
        auto sample = current->next();
        if (!sample || *sample)
          return sample;
        current.reset();
        ++at;
      }
      if (at >= parts.size())
        return std::nullopt;
      auto stream = parts[at]();
      if (!stream)
        return stream.takeError();
      current = std::move(*stream);
    }
  }
  std::optional<uint64_t> size() const override { return total; }
  size_t count() const { return parts.size(); }
  std::unique_ptr<SampleStream> takeOnly() { return std::move(current); }

private:
  std::vector<Opener> parts;
  std::unique_ptr<SampleStream> current;
  size_t at = 0;
  std::optional<uint64_t> total = 0;
};

} // namespace ashlar::data
#endif
