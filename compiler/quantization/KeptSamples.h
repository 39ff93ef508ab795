//===- KeptSamples.h - samples that are read once and run often -----------===//
#ifndef ASHLAR_COMPILER_QUANTIZATION_KEPTSAMPLES_H
#define ASHLAR_COMPILER_QUANTIZATION_KEPTSAMPLES_H

#include "compiler/quantization/Evaluate.h"

namespace ashlar::quantization {

/// What `setup.open` gives, the first `mostBytes` of it out of memory from the
/// second time on: decoding pictures can take longer than running a model.
decltype(EvaluationSetup::open)
keepSamples(decltype(EvaluationSetup::open) open, uint64_t mostBytes);

} // namespace ashlar::quantization

#endif
