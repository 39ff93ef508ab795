// Quantization with a bound on the accuracy lost: 'ashlar quantize --max-drop'.
#ifndef ASHLAR_TOOLS_ASHLAR_QUANTIZETOGOAL_H
#define ASHLAR_TOOLS_ASHLAR_QUANTIZETOGOAL_H

#include "compiler/quantization/QuantizeModel.h"
#include "tools/ashlar/Arguments.h"

namespace ashlar::tool {

/// --max-drop, --goal, --evaluate, --state and what evaluation reads, samples
/// and labels included.
std::vector<Option> accuracyOptions();

/// Whether the command line asks for a search, or for an evaluation alone.
bool wantsAccuracy(const Arguments &arguments);

/// Searches for the fewest layers left in floats that reach the goal (without
/// --max-drop and --goal: evaluates the quantized model). Prints the trials;
/// `model` becomes the best one. The exit code: 6 where the goal is missed or
/// the search was interrupted, then the model is to be written nevertheless;
/// another where `model` is empty.
int quantizeToGoal(const Arguments &arguments, const ModelFile &file,
                   const quantization::CalibrationTable &table,
                   const quantization::QuantizeOptions &options,
                   quantization::QuantizedModel &model);

} // namespace ashlar::tool
#endif
