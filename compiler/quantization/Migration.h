//===- Migration.h - scales between activations and weights ---------------===//
#ifndef ASHLAR_COMPILER_QUANTIZATION_MIGRATION_H
#define ASHLAR_COMPILER_QUANTIZATION_MIGRATION_H

#include "compiler/quantization/CalibrationTable.h"
#include "compiler/quantization/ModelConstants.h"
#include "compiler/quantization/QuantizeModel.h"

namespace ashlar::quantization {

/// Divides the channels of activations and multiplies the weights that read
/// them by powers of two, so that channels of one tensor come to be alike and
/// one scale serves them all. In floats the model computes the same. What makes
/// the activation (a convolution, a normalization ...) takes the division in;
/// for matrix products a Mul is inserted where that is not possible. `table` is
/// changed along. Returns the tensors that were changed.
llvm::Expected<std::vector<std::string>>
migrateScales(ModelGraph &graph, CalibrationTable &table,
              const QuantizeOptions &options);

/// The input channel of each weight of a Conv, ConvTranspose, MatMul or Gemm;
/// empty where there is none for each.
std::vector<int64_t> inputChannelsOf(const proto::NodeProto &node,
                                     llvm::ArrayRef<int64_t> weightShape);
/// The output channel of each weight.
std::vector<int64_t> outputChannelsOf(const proto::NodeProto &node,
                                      llvm::ArrayRef<int64_t> weightShape);

} // namespace ashlar::quantization

#endif
