//===- RecurrentForm.h - LSTM on integers without calibration -------------===//
#ifndef ASHLAR_COMPILER_QUANTIZATION_RECURRENTFORM_H
#define ASHLAR_COMPILER_QUANTIZATION_RECURRENTFORM_H

#include "compiler/quantization/ModelConstants.h"
#include "compiler/quantization/NodeInsertion.h"

namespace ashlar::quantization {

/// DynamicQuantizeLSTM of com.microsoft in the place of an LSTM with constant
/// weights: s8, with a scale for each row of the gates or one for each
/// direction. Gives why not, or nothing where it was done.
llvm::Expected<std::optional<std::string>>
quantizeLstm(ModelGraph &graph, ModelConstants &constants,
             NodeInsertion &insertion, int node, bool perChannel);

} // namespace ashlar::quantization

#endif
