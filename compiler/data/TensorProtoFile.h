//===- TensorProtoFile.h - tensors in ONNX's own files --------------------===//
#ifndef ASHLAR_COMPILER_DATA_TENSORPROTOFILE_H
#define ASHLAR_COMPILER_DATA_TENSORPROTOFILE_H

#include "compiler/data/Tensor.h"

namespace ashlar::data {

/// Reads a serialised TensorProto (input_K.pb of a test folder).
llvm::Expected<Tensor> readTensorProto(llvm::StringRef file);

/// The same as a file.
std::string writeTensorProto(const Tensor &tensor);

} // namespace ashlar::data
#endif
