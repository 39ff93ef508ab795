//===- FoldIntoConv.h - scales and shifts behind convolutions -------------===//
#ifndef ASHLAR_COMPILER_QUANTIZATION_FOLDINTOCONV_H
#define ASHLAR_COMPILER_QUANTIZATION_FOLDINTOCONV_H

#include "compiler/quantization/ModelConstants.h"

namespace ashlar::quantization {

/// Folds BatchNormalization and products and sums with a constant for each
/// channel into the Conv or ConvTranspose before them, where nothing else reads
/// its result. The convolution then makes the tensor that the last of them
/// made, by its name.
llvm::Error foldIntoConvolutions(ModelGraph &graph);

/// Removes constants that nothing reads any more, with the nodes that moved
/// them, but for those that nothing read before: `unused`. Returns the inputs
/// of the model (default values) that went with them.
std::vector<std::string> removeUnusedConstants(ModelGraph &graph,
                                               const llvm::StringSet<> &unused);
llvm::StringSet<> unusedConstants(const ModelGraph &graph);

/// Nodes whose index is in `dead` go.
void removeNodes(ModelGraph &graph, const std::vector<char> &dead);

/// Adds an initialiser, as input, too, where the file's version wants that.
void addInitializer(ModelGraph &graph, proto::TensorProto tensor);

} // namespace ashlar::quantization

#endif
