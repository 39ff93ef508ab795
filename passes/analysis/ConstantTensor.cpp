#include "passes/analysis/ConstantTensor.h"

#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/Endian.h"
#include <cmath>

using namespace mlir;
using namespace ashlar::onnx;

namespace {
// Constants below this many elements print and compare as values; larger ones
// are blobs.
constexpr int64_t minBlobElements = 64;
constexpr int64_t maxSpreadSplatBytes = 1 << 26;
constexpr size_t blobAlignment = 64;
} // namespace

unsigned ashlar::onnx::bytesOf(Type element) {
  if (auto complex = dyn_cast<ComplexType>(element))
    return 2 * bytesOf(complex.getElementType());
  if (element.isIntOrFloat())
    return llvm::divideCeil(element.getIntOrFloatBitWidth(), 8);
  return 0;
}

std::optional<ConstantTensor> ConstantTensor::read(ElementsAttr attr) {
  ConstantTensor tensor;
  tensor.type = cast<ShapedType>(attr.getType());
  unsigned width = bytesOf(tensor.type.getElementType());
  if (width == 0)
    return std::nullopt;
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attr)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob || int64_t(blob->getData().size()) != tensor.size() * width)
      return std::nullopt;
    tensor.borrowed = blob->getData();
    return tensor;
  }
  auto dense = dyn_cast<DenseElementsAttr>(attr);
  if (!dense)
    return std::nullopt;
  if (tensor.type.getElementType().isInteger(1)) {
    tensor.owned.reserve(tensor.size());
    for (bool value : dense.getValues<bool>())
      tensor.owned.push_back(value);
    return tensor;
  }
  ArrayRef<char> raw = dense.getRawData();
  if (!dense.isSplat()) {
    tensor.borrowed = raw;
    return tensor;
  }
  if (tensor.size() > maxSpreadSplatBytes / width)
    return std::nullopt;
  tensor.owned.reserve(tensor.size() * width);
  for (int64_t i = 0; i < tensor.size(); ++i)
    tensor.owned.insert(tensor.owned.end(), raw.begin(), raw.begin() + width);
  return tensor;
}

ConstantBuilder::ConstantBuilder(RankedTensorType type)
    : type(type),
      blob(HeapAsmResourceBlob::allocate(
          std::max<int64_t>(
              type.getNumElements() * bytesOf(type.getElementType()), 0),
          blobAlignment)) {}

ElementsAttr ConstantBuilder::finish() && {
  if (type.getNumElements() >= minBlobElements) {
    auto &manager =
        DenseResourceElementsHandle::getManagerInterface(type.getContext());
    return DenseResourceElementsAttr::get(
        type, manager.insert("folded", std::move(blob)));
  }
  if (type.getElementType().isInteger(1)) {
    SmallVector<bool> values;
    for (char byte : blob.getData())
      values.push_back(byte != 0);
    return DenseElementsAttr::get(type, values);
  }
  return DenseElementsAttr::getFromRawBuffer(type, blob.getData());
}

ElementsAttr ashlar::onnx::reshapeConstant(ElementsAttr attr,
                                           ArrayRef<int64_t> shape) {
  auto type = RankedTensorType::get(shape, attr.getElementType());
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attr))
    return DenseResourceElementsAttr::get(type, resource.getRawHandle());
  if (auto dense = dyn_cast<DenseElementsAttr>(attr))
    return dense.reshape(type);
  return {};
}

//===----------------------------------------------------------------------===//
// Numbers
//===----------------------------------------------------------------------===//

float ashlar::onnx::bfloatToFloat(uint16_t bits) {
  return llvm::bit_cast<float>(uint32_t(bits) << 16);
}

uint16_t ashlar::onnx::floatToBfloat(float value) {
  uint32_t bits = llvm::bit_cast<uint32_t>(value);
  if (std::isnan(value))
    return uint16_t(bits >> 16) | 0x40;
  return uint16_t((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

float ashlar::onnx::halfToFloat(uint16_t half) {
  uint32_t sign = uint32_t(half & 0x8000) << 16;
  uint32_t exponent = (half >> 10) & 31, mantissa = half & 0x3ff;
  if (exponent == 31)
    return llvm::bit_cast<float>(sign | 0x7f800000 | mantissa << 13);
  if (exponent == 0) // subnormals are multiples of 2^-24
    return (sign ? -1.0f : 1.0f) * float(mantissa) * 0x1p-24f;
  return llvm::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
}

uint16_t ashlar::onnx::floatToHalf(float value) {
  uint32_t bits = llvm::bit_cast<uint32_t>(value);
  uint16_t sign = (bits >> 16) & 0x8000;
  float magnitude = std::fabs(value);
  if (std::isnan(value))
    return sign | 0x7e00;
  if (magnitude >= 65520.0f) // rounds to infinity
    return sign | 0x7c00;
  if (magnitude < 0x1p-14f) // subnormal: round to a multiple of 2^-24
    return sign | uint16_t(std::nearbyint(magnitude * 0x1p24f));
  uint32_t rounded = (bits & 0x7fffffff) + 0xfff + ((bits >> 13) & 1);
  return sign | uint16_t((rounded - (112u << 23)) >> 13);
}

namespace {

template <typename To, typename From>
std::vector<To> convertAll(const ConstantTensor &tensor) {
  const From *data = tensor.data<From>();
  return std::vector<To>(data, data + tensor.size());
}

template <typename To>
std::optional<std::vector<To>> readIntegers(const ConstantTensor &tensor) {
  auto type = dyn_cast<IntegerType>(tensor.getElementType());
  if (!type)
    return std::nullopt;
  bool isUnsigned = type.isUnsigned();
  switch (type.getWidth()) {
  case 1:
    return convertAll<To, uint8_t>(tensor);
  case 8:
    return isUnsigned ? convertAll<To, uint8_t>(tensor)
                      : convertAll<To, int8_t>(tensor);
  case 16:
    return isUnsigned ? convertAll<To, uint16_t>(tensor)
                      : convertAll<To, int16_t>(tensor);
  case 32:
    return isUnsigned ? convertAll<To, uint32_t>(tensor)
                      : convertAll<To, int32_t>(tensor);
  case 64:
    return isUnsigned ? convertAll<To, uint64_t>(tensor)
                      : convertAll<To, int64_t>(tensor);
  default:
    break;
  }
  // Below a byte: one a byte, the upper bits are of no account.
  if (type.getWidth() > 8)
    return std::nullopt;
  std::vector<To> values;
  unsigned shift = 8 - type.getWidth();
  for (char byte : tensor.bytes())
    values.push_back(isUnsigned ? uint8_t(uint8_t(byte) << shift) >> shift
                                : int8_t(uint8_t(byte) << shift) >> shift);
  return values;
}

} // namespace

std::optional<std::vector<int64_t>>
ashlar::onnx::integersOf(ElementsAttr attr) {
  if (!isa<IntegerType>(attr.getElementType()))
    return std::nullopt;
  auto tensor = ConstantTensor::read(attr);
  return tensor ? readIntegers<int64_t>(*tensor) : std::nullopt;
}

std::optional<std::vector<double>> ashlar::onnx::doublesOf(ElementsAttr attr) {
  auto tensor = ConstantTensor::read(attr);
  if (!tensor)
    return std::nullopt;
  Type element = tensor->getElementType();
  if (element.isF32())
    return convertAll<double, float>(*tensor);
  if (element.isF64())
    return convertAll<double, double>(*tensor);
  if (element.isF16() || element.isBF16()) {
    std::vector<double> values;
    const uint16_t *data = tensor->data<uint16_t>();
    for (int64_t i = 0; i < tensor->size(); ++i)
      values.push_back(element.isF16() ? halfToFloat(data[i])
                                       : bfloatToFloat(data[i]));
    return values;
  }
  if (auto type = dyn_cast<FloatType>(element); type && type.getWidth() <= 8) {
    std::vector<double> values;
    for (char byte : tensor->bytes()) {
      APInt bits(type.getWidth(), uint8_t(byte), false, true);
      APFloat value(type.getFloatSemantics(), bits);
      bool lost;
      value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lost);
      values.push_back(value.convertToDouble());
    }
    return values;
  }
  return readIntegers<double>(*tensor);
}

ElementsAttr ashlar::onnx::constantOfIntegers(RankedTensorType type,
                                              ArrayRef<int64_t> values) {
  unsigned width = bytesOf(type.getElementType());
  ConstantBuilder builder(type);
  for (auto [index, value] : llvm::enumerate(values))
    std::memcpy(builder.bytes() + index * width, &value, width);
  return std::move(builder).finish();
}

ElementsAttr ashlar::onnx::constantOfDoubles(RankedTensorType type,
                                             ArrayRef<double> values) {
  Type element = type.getElementType();
  if (auto integer = dyn_cast<IntegerType>(element)) {
    std::vector<int64_t> integers;
    for (double value : values)
      integers.push_back(integer.isUnsigned() && integer.getWidth() == 64
                             ? int64_t(uint64_t(value))
                             : int64_t(value));
    return constantOfIntegers(type, integers);
  }
  ConstantBuilder builder(type);
  for (auto [index, value] : llvm::enumerate(values)) {
    if (element.isF32())
      builder.data<float>()[index] = float(value);
    else if (element.isF64())
      builder.data<double>()[index] = value;
    else if (element.isF16())
      builder.data<uint16_t>()[index] = floatToHalf(float(value));
    else if (element.isBF16())
      builder.data<uint16_t>()[index] = floatToBfloat(float(value));
    else
      return {};
  }
  return std::move(builder).finish();
}
