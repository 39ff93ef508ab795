#include "compiler/quantization/Calibrate.h"

#include "compiler/quantization/StatisticsCollector.h"

#include "llvm/Support/BLAKE3.h"

using namespace ashlar;
using namespace ashlar::quantization;
using llvm::Error;
using llvm::Twine;

std::array<uint8_t, 32>
ashlar::quantization::hashOfSample(const data::Sample &sample) {
  llvm::BLAKE3 hash;
  auto number = [&](int64_t value) {
    uint8_t bytes[8];
    for (uint8_t &byte : bytes) {
      byte = uint8_t(value);
      value >>= 8;
    }
    hash.update(llvm::ArrayRef(bytes));
  };
  for (const data::Tensor &input : sample.inputs) {
    number(input.dtype);
    number(int64_t(input.shape.size()));
    for (int64_t size : input.shape)
      number(size);
    hash.update(llvm::ArrayRef(input.bytes));
  }
  return hash.final<32>();
}

// Reads what the table has seen already.
static Error passOver(data::SampleStream &samples,
                      const CalibrationTable &table) {
  DataHash seen;
  for (uint64_t i = 0; i != table.samples; ++i) {
    auto sample = samples.next();
    if (!sample)
      return sample.takeError();
    if (!*sample)
      return llvm::createStringError(
          "the table rests on " + Twine(table.samples) +
          " samples, the data holds only " + Twine(i));
    seen.add(hashOfSample(**sample));
  }
  if (seen.text() != table.dataHash)
    return llvm::createStringError(
        "the table was made from other data: the hash of its " +
        Twine(table.samples) + " samples differs");
  return Error::success();
}

Error ashlar::quantization::calibrate(
    const ModelFile &model, ModelRunner &runner, data::SampleStream &samples,
    CalibrationTable &table, llvm::function_ref<bool(uint64_t)> onSample) {
  StatisticsCollector collector(model, table);
  auto hash = DataHash::parse(table.dataHash);
  if (!hash)
    return hash.takeError();
  if (table.samples)
    if (Error error = passOver(samples, table))
      return error;
  for (;;) {
    auto sample = samples.next();
    if (!sample)
      return sample.takeError();
    if (!*sample)
      return Error::success();
    std::array<uint8_t, 32> sampleHash = hashOfSample(**sample);
    auto failure = [&](Error error) {
      return llvm::handleErrors(
          std::move(error), [&](std::unique_ptr<RunError> why) -> Error {
            why->text = (*sample)->name + ": error: " + why->text;
            return Error(std::move(why));
          });
    };
    if (Error error = runner.bind(std::move((*sample)->inputs)))
      return failure(std::move(error));
    if (Error error = runner.execute(nullptr, &collector))
      return failure(std::move(error));
    if (Error error = collector.endSample((*sample)->name))
      return error;
    hash->add(sampleHash);
    table.dataHash = hash->text();
    if (!onSample(table.samples))
      return Error::success();
  }
}
