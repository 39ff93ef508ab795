// The options that say how a model is compiled: shared by compile, run, bench
// and inspect.
#ifndef ASHLAR_TOOLS_ASHLAR_MODELOPTIONS_H
#define ASHLAR_TOOLS_ASHLAR_MODELOPTIONS_H

#include "compiler/api/Compile.h"
#include "tools/ashlar/Arguments.h"

#include <map>
#include <optional>

namespace ashlar::tool {

/// Options about shapes alone.
std::vector<Option> shapeOptions();
/// Options about precision alone.
std::vector<Option> precisionOptions();
/// All of them.
std::vector<Option> modelOptions();

/// A dimension on the command line: one value, or a range.
struct ValueRange {
  int64_t minimum, maximum;
};

/// "x[1..8,3,224,224]" or "name:1x3x224x224", split at the last colon.
struct ShapeArgument {
  std::string input;
  std::vector<std::optional<ValueRange>> dims; // none: "?" or "*", as it is
};
llvm::Expected<ShapeArgument> parseShape(llvm::StringRef text);

/// "batch=4" or "batch=1..32".
llvm::Expected<std::pair<std::string, ValueRange>>
parseDim(llvm::StringRef text);

/// Reads --shape and --dim.
llvm::Error readShapeOptions(const Arguments &arguments,
                             CompileOptions &options);

/// Fills `options`; an exit code where that fails, with the message printed.
/// --calibration quantizes `model`; empty: the first file given.
std::optional<int> readModelOptions(const Arguments &arguments,
                                    CompileOptions &options,
                                    llvm::StringRef model = "");

/// Of them, only shapes and CPUs.
std::optional<int> readShapesAndCpus(const Arguments &arguments,
                                     CompileOptions &options);

} // namespace ashlar::tool
#endif
