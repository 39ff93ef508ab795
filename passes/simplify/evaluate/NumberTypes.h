// Arithmetic on the stored elements of constants: one trait a type, and a
// dispatcher from the MLIR type.
#ifndef ASHLAR_PASSES_SIMPLIFY_EVALUATE_NUMBERTYPES_H
#define ASHLAR_PASSES_SIMPLIFY_EVALUATE_NUMBERTYPES_H

#include "passes/analysis/ConstantTensor.h"

#include "mlir/Dialect/Traits.h"

namespace ashlar::onnx {

template <typename T> struct PlainNumber {
  using Stored = T;
  using Compute = T;
  static T load(T value) { return value; }
  static T store(T value) { return value; }
};
struct HalfNumber {
  using Stored = uint16_t;
  using Compute = float;
  static float load(uint16_t bits) { return halfToFloat(bits); }
  static uint16_t store(float value) { return floatToHalf(value); }
};
struct BfloatNumber {
  using Stored = uint16_t;
  using Compute = float;
  static float load(uint16_t bits) { return bfloatToFloat(bits); }
  static uint16_t store(float value) { return floatToBfloat(value); }
};

// Calls function with the trait of the element type; false for types without
// arithmetic.
template <typename Function>
bool withNumberType(mlir::Type element, Function function) {
  if (element.isF32())
    function(PlainNumber<float>());
  else if (element.isF64())
    function(PlainNumber<double>());
  else if (element.isF16())
    function(HalfNumber());
  else if (element.isBF16())
    function(BfloatNumber());
  else if (element.isInteger(1) || element.isUnsignedInteger(8))
    function(PlainNumber<uint8_t>());
  else if (element.isSignlessInteger(8))
    function(PlainNumber<int8_t>());
  else if (element.isUnsignedInteger(16))
    function(PlainNumber<uint16_t>());
  else if (element.isSignlessInteger(16))
    function(PlainNumber<int16_t>());
  else if (element.isUnsignedInteger(32))
    function(PlainNumber<uint32_t>());
  else if (element.isSignlessInteger(32))
    function(PlainNumber<int32_t>());
  else if (element.isUnsignedInteger(64))
    function(PlainNumber<uint64_t>());
  else if (element.isSignlessInteger(64))
    function(PlainNumber<int64_t>());
  else
    return false;
  return true;
}

// Walks a result shape in row-major order with, for each operand that
// broadcasts to it, the index of its element.
class BroadcastIndices {
public:
  BroadcastIndices(llvm::ArrayRef<int64_t> result,
                   llvm::ArrayRef<llvm::ArrayRef<int64_t>> operands)
      : shape(result) {
    for (llvm::ArrayRef<int64_t> operand : operands) {
      llvm::SmallVector<int64_t> strides(result.size(), 0);
      int64_t stride = 1;
      for (size_t i = 0; i < operand.size(); ++i) {
        int64_t size = operand[operand.size() - 1 - i];
        strides[result.size() - 1 - i] = size == 1 ? 0 : stride;
        stride *= size;
      }
      strideLists.push_back(std::move(strides));
    }
  }

  template <typename Function> void forEach(Function function) {
    int64_t total = 1;
    for (int64_t size : shape)
      total *= size;
    llvm::SmallVector<int64_t> position(shape.size(), 0);
    llvm::SmallVector<int64_t> from(strideLists.size(), 0);
    for (int64_t at = 0; at < total; ++at) {
      function(at, llvm::ArrayRef<int64_t>(from));
      for (int64_t axis = int64_t(shape.size()) - 1; axis >= 0; --axis) {
        ++position[axis];
        for (size_t i = 0; i < from.size(); ++i)
          from[i] += strideLists[i][axis];
        if (position[axis] < shape[axis])
          break;
        for (size_t i = 0; i < from.size(); ++i)
          from[i] -= strideLists[i][axis] * shape[axis];
        position[axis] = 0;
      }
    }
  }

private:
  llvm::SmallVector<int64_t> shape;
  llvm::SmallVector<llvm::SmallVector<int64_t>> strideLists;
};

} // namespace ashlar::onnx

#endif // ASHLAR_PASSES_SIMPLIFY_EVALUATE_NUMBERTYPES_H
