//===- CommandScorer.h - a command that scores outputs --------------------===//
#ifndef ASHLAR_COMPILER_QUANTIZATION_COMMANDSCORER_H
#define ASHLAR_COMPILER_QUANTIZATION_COMMANDSCORER_H

#include "compiler/quantization/Metrics.h"

namespace ashlar::quantization {

/// Writes the outputs as ONNX test folders, FOLDER/test_data_set_N with
/// output_K.pb, N from `first` on, and runs `command FOLDER` in a shell when
/// all are there. The last line of what it prints is the score, larger is
/// better.
llvm::Expected<std::unique_ptr<Scorer>>
makeCommandScorer(llvm::StringRef command, uint64_t first);

} // namespace ashlar::quantization

#endif
