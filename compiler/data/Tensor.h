//===- Tensor.h - values in memory, as data files hold them ---------------===//
#ifndef ASHLAR_COMPILER_DATA_TENSOR_H
#define ASHLAR_COMPILER_DATA_TENSOR_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <complex>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ashlar::data {

/// A tensor in C order as compiled models take it: types below one byte are
/// unpacked, one element a byte.
struct Tensor {
  std::string name;
  int32_t dtype = 0; // ashlar_dtype
  std::vector<int64_t> shape;
  std::vector<uint8_t> bytes;
  std::vector<std::string> strings; // dtype ASHLAR_STRING only

  int64_t elements() const;
  /// The element as a number; imaginary part 0 for real types.
  std::complex<double> value(int64_t index) const;
};

/// An error with a formatted text.
llvm::Error makeError(const llvm::Twine &text);

/// Product of `shape`, none where it is negative or overflows.
std::optional<int64_t> elementCount(llvm::ArrayRef<int64_t> shape);

/// Decodes `bits`, an element of floating-point type `dtype` of at most 16
/// bits. Exact.
double decodeSmallFloat(int32_t dtype, uint32_t bits);

/// Bits of one element as ONNX packs them in raw data: 2, 4, 8 and up.
unsigned packedBits(int32_t dtype);

/// Unpacks elements of 2 or 4 bits, lowest bits first, to one a byte (signed
/// integers sign-extended). `packed` must be long enough.
std::vector<uint8_t>
unpackElements(int32_t dtype, llvm::ArrayRef<uint8_t> packed, int64_t count);
/// The inverse of unpackElements.
std::vector<uint8_t> packElements(int32_t dtype,
                                  llvm::ArrayRef<uint8_t> unpacked);

/// "[1,3,224,224]"
std::string shapeText(llvm::ArrayRef<int64_t> shape);

} // namespace ashlar::data
#endif
