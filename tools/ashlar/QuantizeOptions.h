// The options that say how a model is quantized, and quantizing on the way to
// an object.
#ifndef ASHLAR_TOOLS_ASHLAR_QUANTIZEOPTIONS_H
#define ASHLAR_TOOLS_ASHLAR_QUANTIZEOPTIONS_H

#include "compiler/api/Compile.h"
#include "compiler/quantization/QuantizeModel.h"
#include "tools/ashlar/Arguments.h"

namespace ashlar::tool {

std::vector<Option> quantizeOptions();

/// Fills `options`; an exit code where that fails, with the message printed.
std::optional<int> readQuantizeOptions(const Arguments &arguments,
                                       quantization::QuantizeOptions &options);

/// Quantizes the model at `path` with the table of --calibration and has
/// `options` compile the result. Layers for which a float precision is asked
/// stay in floats.
std::optional<int> quantizeBeforeCompiling(llvm::StringRef path,
                                           llvm::StringRef table,
                                           CompileOptions &options);

/// Prints what kept a model from being quantized.
int failQuantization(llvm::Error error);
void printWarnings(llvm::StringRef path, llvm::ArrayRef<std::string> warnings);

} // namespace ashlar::tool
#endif
