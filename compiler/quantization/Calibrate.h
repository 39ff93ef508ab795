//===- Calibrate.h - samples through a model, into a table ----------------===//
#ifndef ASHLAR_COMPILER_QUANTIZATION_CALIBRATE_H
#define ASHLAR_COMPILER_QUANTIZATION_CALIBRATE_H

#include "compiler/data/SampleStream.h"
#include "compiler/execution/ModelRunner.h"
#include "compiler/quantization/CalibrationTable.h"

namespace ashlar::quantization {

/// BLAKE3 of a sample's inputs: types, shapes, bytes.
std::array<uint8_t, 32> hashOfSample(const data::Sample &sample);

/// Runs the samples and counts what is observed into `table`; those that the
/// table has already are read, not run, and have to be the same. `onSample` is
/// told how many are done and answers whether to go on. An error leaves in the
/// table what was done before.
llvm::Error calibrate(const ModelFile &model, ModelRunner &runner,
                      data::SampleStream &samples, CalibrationTable &table,
                      llvm::function_ref<bool(uint64_t done)> onSample);

} // namespace ashlar::quantization

#endif
