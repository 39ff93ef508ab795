// The options that say which samples a command reads: shared by calibrate,
// compare and quantize.
#ifndef ASHLAR_TOOLS_ASHLAR_SAMPLEOPTIONS_H
#define ASHLAR_TOOLS_ASHLAR_SAMPLEOPTIONS_H

#include "compiler/data/Labels.h"
#include "compiler/data/SampleStream.h"
#include "tools/ashlar/Arguments.h"

namespace ashlar::tool {

/// --data, --skip, --samples, --batch, --raw-* and --image-*.
std::vector<Option> sampleOptions();
/// --labels and --label-names.
std::vector<Option> labelOptions();

/// An error is one of usage.
llvm::Expected<data::SampleOptions>
readSampleOptions(const Arguments &arguments);

/// The samples that the command line asks for. Notes are printed, once each.
/// An error is one of the data (exit code 3).
llvm::Expected<std::unique_ptr<data::SampleStream>>
openSamples(const data::SampleOptions &options, const ashlar_model_info &info);

/// The label of each of these samples; none where no --labels are given.
llvm::Expected<std::optional<std::vector<int64_t>>>
readLabels(const Arguments &arguments, const data::SampleOptions &options,
           const ashlar_model_info &info);

} // namespace ashlar::tool
#endif
