//===- EinsumForm.cpp - which Einsum is a product of matrices -------------===//
#include "compiler/quantization/EinsumForm.h"

#include "compiler/quantization/ModelGraph.h"

#include "llvm/ADT/StringExtras.h"

using namespace ashlar;
using namespace ashlar::quantization;

std::vector<int> EinsumForm::columnAxes() const {
  std::vector<int> axes;
  for (size_t axis = 0; axis != right.size(); ++axis)
    if (!isContracted(right[axis]) &&
        left.find(right[axis]) == std::string::npos)
      axes.push_back(int(axis));
  return axes;
}

// Letters, each once.
static bool isPlain(llvm::StringRef labels) {
  for (size_t i = 0; i != labels.size(); ++i)
    if (!llvm::isAlpha(labels[i]) ||
        labels.drop_front(i + 1).contains(labels[i]))
      return false;
  return true;
}

std::optional<EinsumForm>
quantization::readEinsum(const proto::NodeProto &node) {
  std::string equation;
  for (char c : stringAttribute(node, "equation", ""))
    if (c != ' ')
      equation += c;
  auto [operands, result] = llvm::StringRef(equation).split("->");
  auto [left, right] = operands.split(',');
  if (node.input_size() != 2 || !llvm::StringRef(equation).contains("->") ||
      !isPlain(left) || !isPlain(right) || !isPlain(result))
    return std::nullopt;
  EinsumForm form{left.str(), right.str(), result.str()};
  // What only one operand has is summed before the product.
  bool any = false;
  for (char label : form.left) {
    bool shared = form.right.find(label) != std::string::npos;
    if (form.isContracted(label) && !shared)
      return std::nullopt;
    any |= form.isContracted(label);
  }
  for (char label : form.right)
    if (form.isContracted(label) && form.left.find(label) == std::string::npos)
      return std::nullopt;
  return any ? std::optional(form) : std::nullopt;
}
