//===- RaiseOpset.h - old models to the first opset with integers ---------===//
#ifndef ASHLAR_COMPILER_QUANTIZATION_RAISEOPSET_H
#define ASHLAR_COMPILER_QUANTIZATION_RAISEOPSET_H

#include "compiler/import/ModelFile.h"

namespace ashlar::quantization {

/// The opset in which the standard has QLinearConv and its kin. ONNX Runtime
/// turns Q/DQ into these, whatever the model imports, and cannot load a model
/// where they do not exist.
inline constexpr int64_t kFirstIntegerOpset = 10;

/// Brings a model of an older opset to that one. Operators whose form changed
/// in between are rewritten. An error names those that cannot be, and leaves
/// the model as it was.
llvm::Error raiseOpset(proto::ModelProto &model);

} // namespace ashlar::quantization

#endif
