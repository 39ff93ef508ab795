// The inputs of a run: from test folders, from files, or random.
#ifndef ASHLAR_TOOLS_ASHLAR_MODELINPUTS_H
#define ASHLAR_TOOLS_ASHLAR_MODELINPUTS_H

#include "compiler/data/Tensor.h"
#include "runtime/ashlar_rt.h"
#include "tools/ashlar/Arguments.h"

namespace ashlar::tool {

/// One set of inputs in the order of the model's table, and what is expected.
struct DataSet {
  std::string name; // as given; empty: not from a folder
  std::vector<data::Tensor> inputs;
  std::vector<data::Tensor> expected; // empty: nothing to compare with
};

std::vector<Option> inputOptions();

/// One set of random inputs.
llvm::Expected<std::vector<DataSet>> randomInputs(const Arguments &arguments,
                                                  const ashlar_model_info &info,
                                                  uint64_t seed);

/// Prints what readInputs() says; the exit code for it.
int failInputs(llvm::Error error);

/// The data sets that the command line asks for; an error for the user where
/// they do not fit the model. `path` is the model's, for messages.
llvm::Expected<std::vector<DataSet>> readInputs(const Arguments &arguments,
                                                const ashlar_model_info &info);

} // namespace ashlar::tool
#endif
