//===- ConstantData.h - elements of constant tensors ----------------------===//
#ifndef ASHLAR_PASSES_ANALYSIS_CONSTANTDATA_H
#define ASHLAR_PASSES_ANALYSIS_CONSTANTDATA_H

#include <cstring>
#include <optional>

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Value.h"

namespace ashlar {

/// The elements of a constant as they lie in memory.
struct ConstantData {
  mlir::ElementsAttr attribute;
  llvm::ArrayRef<char> bytes; // of one element for a splat
  bool isSplat = false;

  template <typename T> T at(int64_t index) const {
    T value;
    std::memcpy(&value, bytes.data() + (isSplat ? 0 : index * sizeof(T)),
                sizeof(T));
    return value;
  }
};

/// The data of an arith.constant whose elements take whole bytes, also behind
/// reshapes, which do not move data.
std::optional<ConstantData> constantData(mlir::Value value);
/// The data of a constant itself.
std::optional<ConstantData> constantData(mlir::ElementsAttr elements);

/// A constant of `type` that `fill` writes, zero before; `name` is for readers
/// of IR dumps. It is held outside the context's attribute storage.
mlir::ElementsAttr
makeConstantData(mlir::RankedTensorType type, llvm::StringRef name,
                 llvm::function_ref<void(llvm::MutableArrayRef<char>)> fill);

} // namespace ashlar

#endif
