//===- ConstantParts.h - constants cut and joined -------------------------===//
#ifndef ASHLAR_COMPILER_QUANTIZATION_CONSTANTPARTS_H
#define ASHLAR_COMPILER_QUANTIZATION_CONSTANTPARTS_H

#include "compiler/quantization/ModelConstants.h"

namespace ashlar::quantization {

/// The operands of Slice; axes may be absent. Steps are 1.
struct SliceBounds {
  std::vector<int64_t> starts, ends, axes;
};

/// What Slice and Concat make of constants; nothing where bounds, axes or
/// shapes do not fit.
std::optional<FloatTensor> sliced(FloatTensor tensor,
                                  const SliceBounds &bounds);
std::optional<FloatTensor> joined(llvm::ArrayRef<FloatTensor> parts,
                                  int64_t axis);

} // namespace ashlar::quantization

#endif
