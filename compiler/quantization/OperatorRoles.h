//===- OperatorRoles.h - what quantization makes of an operator -----------===//
#ifndef ASHLAR_COMPILER_QUANTIZATION_OPERATORROLES_H
#define ASHLAR_COMPILER_QUANTIZATION_OPERATORROLES_H

#include "compiler/quantization/ModelConstants.h"

namespace ashlar::quantization {

enum class Role {
  Contraction, // Conv, ConvTranspose, MatMul, Gemm
  Multiplying, // multiplies, too, but has no Q/DQ form: LSTM, Einsum ...
  Movement,    // hands elements on: integers move as well
  Concat,
  Average,
  Elementwise,
  Other // stays in floats
};

/// The role of a node; what depends on constants is looked up in `constants`.
Role roleOf(const ModelGraph &graph, ModelConstants &constants, int node);

/// Elementwise functions that take long in floats and nothing as a table of
/// bytes.
bool isDearFunction(const ModelGraph &graph, int node);

} // namespace ashlar::quantization

#endif
