//===- QuantizationParameters.h - scales and zero points ------------------===//
#ifndef ASHLAR_COMPILER_QUANTIZATION_QUANTIZATIONPARAMETERS_H
#define ASHLAR_COMPILER_QUANTIZATION_QUANTIZATIONPARAMETERS_H

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <vector>

namespace ashlar::quantization {

/// Of a tensor with one scale: real = (integer - zeroPoint) * scale.
struct ActivationParameters {
  float scale = 1;
  int zeroPoint = 0;
  bool isSigned = false;
};

/// Parameters that cover [minimum, maximum] and zero. u8 is asymmetric, s8
/// symmetric.
ActivationParameters chooseParameters(double minimum, double maximum,
                                      bool isSigned);

/// Of what quantizing a tensor with `first` loses, which is half a step at
/// most: the tensor is the sum of both terms.
ActivationParameters secondTermOf(const ActivationParameters &first);

/// Weights as s8 without zero point, with a scale for each channel or one.
struct QuantizedWeights {
  std::vector<int8_t> values;
  std::vector<float> scales;
};

/// Quantizes to -127 .. 127. `channels` is the channel of each element; without
/// any there is one scale. No scale is below the entry of `leastScales`.
/// Elements that follow each other are one window of a convolution, `window`
/// of them: in large ones their sum is kept within half a step, for which
/// single elements are rounded the other way.
QuantizedWeights quantizeWeights(llvm::ArrayRef<float> weights,
                                 llvm::ArrayRef<int64_t> channels,
                                 llvm::ArrayRef<double> leastScales,
                                 int64_t window = 1);

/// The channel of each element of a tensor along an axis.
std::vector<int64_t> channelsAlong(llvm::ArrayRef<int64_t> shape, int64_t axis);

/// A scale that every reader takes: positive and normal.
float usableScale(double scale);

} // namespace ashlar::quantization

#endif
