#include "compiler/data/Tensor.h"
#include "compiler/report/ModelDescription.h"
#include "runtime/ashlar_rt.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/StringExtras.h"

#include <cstring>

using namespace ashlar;
using namespace ashlar::data;

llvm::Error data::makeError(const llvm::Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
}

std::optional<int64_t> data::elementCount(llvm::ArrayRef<int64_t> shape) {
  int64_t count = 1;
  bool empty = false, overflow = false;
  for (int64_t dim : shape) {
    if (dim < 0)
      return std::nullopt;
    empty |= dim == 0;
    overflow |= dim != 0 && __builtin_mul_overflow(count, dim, &count);
  }
  if (empty)
    return 0;
  return overflow ? std::nullopt : std::optional<int64_t>(count);
}

int64_t Tensor::elements() const { return elementCount(shape).value_or(0); }

static const llvm::fltSemantics *smallFloatSemantics(int32_t dtype) {
  switch (dtype) {
  case ASHLAR_FLOAT16:
    return &llvm::APFloat::IEEEhalf();
  case ASHLAR_BFLOAT16:
    return &llvm::APFloat::BFloat();
  case ASHLAR_FLOAT8E4M3FN:
    return &llvm::APFloat::Float8E4M3FN();
  case ASHLAR_FLOAT8E4M3FNUZ:
    return &llvm::APFloat::Float8E4M3FNUZ();
  case ASHLAR_FLOAT8E5M2:
    return &llvm::APFloat::Float8E5M2();
  case ASHLAR_FLOAT8E5M2FNUZ:
    return &llvm::APFloat::Float8E5M2FNUZ();
  case ASHLAR_FLOAT8E8M0:
    return &llvm::APFloat::Float8E8M0FNU();
  case ASHLAR_FLOAT4E2M1:
    return &llvm::APFloat::Float4E2M1FN();
  default:
    return nullptr;
  }
}

double data::decodeSmallFloat(int32_t dtype, uint32_t bits) {
  const llvm::fltSemantics *semantics = smallFloatSemantics(dtype);
  unsigned width = llvm::APFloat::getSizeInBits(*semantics);
  llvm::APFloat value(*semantics,
                      llvm::APInt(width, bits & ((1u << width) - 1)));
  bool losesInfo = false;
  value.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven,
                &losesInfo);
  return value.convertToDouble();
}

template <typename T> static T load(const uint8_t *at) {
  T value;
  memcpy(&value, at, sizeof(T));
  return value;
}

std::complex<double> Tensor::value(int64_t index) const {
  const uint8_t *at = bytes.data() + index * elementBytes(dtype);
  switch (dtype) {
  case ASHLAR_FLOAT32:
    return load<float>(at);
  case ASHLAR_FLOAT64:
    return load<double>(at);
  case ASHLAR_COMPLEX64:
    return {load<float>(at), load<float>(at + 4)};
  case ASHLAR_COMPLEX128:
    return {load<double>(at), load<double>(at + 8)};
  case ASHLAR_INT8:
  case ASHLAR_INT4:
  case ASHLAR_INT2:
    return load<int8_t>(at);
  case ASHLAR_INT16:
    return load<int16_t>(at);
  case ASHLAR_INT32:
    return load<int32_t>(at);
  case ASHLAR_INT64:
    return double(load<int64_t>(at));
  case ASHLAR_UINT16:
    return load<uint16_t>(at);
  case ASHLAR_UINT32:
    return load<uint32_t>(at);
  case ASHLAR_UINT64:
    return double(load<uint64_t>(at));
  case ASHLAR_FLOAT16:
  case ASHLAR_BFLOAT16:
    return decodeSmallFloat(dtype, load<uint16_t>(at));
  case ASHLAR_FLOAT8E4M3FN:
  case ASHLAR_FLOAT8E4M3FNUZ:
  case ASHLAR_FLOAT8E5M2:
  case ASHLAR_FLOAT8E5M2FNUZ:
  case ASHLAR_FLOAT8E8M0:
  case ASHLAR_FLOAT4E2M1:
    return decodeSmallFloat(dtype, *at);
  default: // uint8, bool, uint4, uint2
    return *at;
  }
}

unsigned data::packedBits(int32_t dtype) {
  switch (dtype) {
  case ASHLAR_INT4:
  case ASHLAR_UINT4:
  case ASHLAR_FLOAT4E2M1:
    return 4;
  case ASHLAR_INT2:
  case ASHLAR_UINT2:
    return 2;
  default:
    return unsigned(elementBytes(dtype) * 8);
  }
}

std::vector<uint8_t> data::unpackElements(int32_t dtype,
                                          llvm::ArrayRef<uint8_t> packed,
                                          int64_t count) {
  unsigned bits = packedBits(dtype), perByte = 8 / bits;
  bool isSigned = dtype == ASHLAR_INT4 || dtype == ASHLAR_INT2;
  std::vector<uint8_t> unpacked(count);
  for (int64_t i = 0; i != count; ++i) {
    uint8_t value = packed[i / perByte] >> (i % perByte * bits);
    value &= (1u << bits) - 1;
    if (isSigned && value >> (bits - 1))
      value |= uint8_t(0xff << bits);
    unpacked[i] = value;
  }
  return unpacked;
}

std::vector<uint8_t> data::packElements(int32_t dtype,
                                        llvm::ArrayRef<uint8_t> unpacked) {
  unsigned bits = packedBits(dtype), perByte = 8 / bits;
  std::vector<uint8_t> packed((unpacked.size() + perByte - 1) / perByte);
  for (size_t i = 0; i != unpacked.size(); ++i)
    packed[i / perByte] |= (unpacked[i] & ((1u << bits) - 1))
                           << (i % perByte * bits);
  return packed;
}

std::string data::shapeText(llvm::ArrayRef<int64_t> shape) {
  return (
      "[" +
      llvm::join(llvm::map_range(
                     shape, [](int64_t dim) { return std::to_string(dim); }),
                 ",") +
      "]");
}
