// Constants as bytes: reading ElementsAttr of any storage, building new ones.
#ifndef ASHLAR_PASSES_ANALYSIS_CONSTANTTENSOR_H
#define ASHLAR_PASSES_ANALYSIS_CONSTANTTENSOR_H

#include "mlir/IR/AsmState.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"

namespace ashlar::onnx {

// Bytes that one element takes in a constant: booleans and types below a byte
// take one. Zero for types without a fixed size (strings).
unsigned bytesOf(mlir::Type element);

// Read access to the elements of a constant, one after the other in row-major
// order.
class ConstantTensor {
public:
  // Nothing for constants of types without bytes, and for splats too large to
  // spread out.
  static std::optional<ConstantTensor> read(mlir::ElementsAttr attr);

  mlir::ShapedType getType() const { return type; }
  llvm::ArrayRef<int64_t> getShape() const { return type.getShape(); }
  mlir::Type getElementType() const { return type.getElementType(); }
  int64_t size() const { return type.getNumElements(); }
  unsigned elementBytes() const { return bytesOf(type.getElementType()); }
  llvm::ArrayRef<char> bytes() const {
    return owned.empty() ? borrowed : llvm::ArrayRef<char>(owned);
  }
  template <typename T> const T *data() const {
    return reinterpret_cast<const T *>(bytes().data());
  }

private:
  mlir::ShapedType type;
  llvm::ArrayRef<char> borrowed;
  std::vector<char> owned;
};

// A constant in the making: write the bytes, then finish.
class ConstantBuilder {
public:
  explicit ConstantBuilder(mlir::RankedTensorType type);
  char *bytes() { return blob.getMutableData().data(); }
  template <typename T> T *data() { return reinterpret_cast<T *>(bytes()); }
  int64_t size() const { return type.getNumElements(); }
  mlir::ElementsAttr finish() &&;

private:
  mlir::RankedTensorType type;
  mlir::AsmResourceBlob blob;
};

// The same elements under another shape; no bytes are copied.
mlir::ElementsAttr reshapeConstant(mlir::ElementsAttr attr,
                                   llvm::ArrayRef<int64_t> shape);
// All elements, as integers (booleans as 0 and 1) or as doubles; nothing when
// the type is another.
std::optional<std::vector<int64_t>> integersOf(mlir::ElementsAttr attr);
std::optional<std::vector<double>> doublesOf(mlir::ElementsAttr attr);
// A constant of any float, integer or boolean type from doubles (rounded once,
// to nearest even).
mlir::ElementsAttr constantOfDoubles(mlir::RankedTensorType type,
                                     llvm::ArrayRef<double> values);
mlir::ElementsAttr constantOfIntegers(mlir::RankedTensorType type,
                                      llvm::ArrayRef<int64_t> values);

// Conversions between f32 and the 16-bit types, to nearest even.
float halfToFloat(uint16_t bits);
uint16_t floatToHalf(float value);
float bfloatToFloat(uint16_t bits);
uint16_t floatToBfloat(float value);

} // namespace ashlar::onnx

#endif // ASHLAR_PASSES_ANALYSIS_CONSTANTTENSOR_H
