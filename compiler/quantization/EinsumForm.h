//===- EinsumForm.h - which Einsum is a product of matrices ---------------===//
#ifndef ASHLAR_COMPILER_QUANTIZATION_EINSUMFORM_H
#define ASHLAR_COMPILER_QUANTIZATION_EINSUMFORM_H

#include "compiler/import/ModelFile.h"

#include <optional>
#include <string>

namespace ashlar::quantization {

/// An Einsum of two operands that multiplies matrices: an axis of both is
/// summed over, and no axis occurs twice in one operand.
struct EinsumForm {
  /// Labels of the axes.
  std::string left, right, result;

  /// Summed over.
  bool isContracted(char label) const {
    return result.find(label) == std::string::npos;
  }
  /// Axes of the right operand that the result has and the left one does not:
  /// the columns of the product.
  std::vector<int> columnAxes() const;
};

/// None where the equation is of another kind.
std::optional<EinsumForm> readEinsum(const proto::NodeProto &node);

} // namespace ashlar::quantization

#endif
