#include "compiler/import/TensorData.h"
#include "compiler/import/ModelTypes.h"
#include "dialects/onnx/Diagnostics.h"
#include "dialects/onnx/OnnxDialect.h"
#include "dialects/onnx/OperatorSchema.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/xxhash.h"

#include <sys/mman.h>

using namespace mlir;
using ashlar::onnx::emitUnsupported;

namespace ashlar {
namespace {

// Bits of an element in the file.
unsigned fileBitsOf(Type element) {
  if (auto complex = dyn_cast<ComplexType>(element))
    return 2 * complex.getElementType().getIntOrFloatBitWidth();
  unsigned bits = element.getIntOrFloatBitWidth();
  return bits == 1 ? 8 : bits;
}

// Bytes of an element once it is unpacked.
unsigned memoryBytesOf(Type element) {
  return std::max(8u, fileBitsOf(element)) / 8;
}

bool isSigned(Type element) {
  auto integer = dyn_cast<IntegerType>(element);
  return integer && !integer.isUnsigned();
}

// Elements of two or four bits, the first in the lowest bits of a byte.
std::vector<char> unpack(ArrayRef<char> packed, unsigned bits, bool sign,
                         int64_t count) {
  std::vector<char> unpacked(count);
  unsigned perByte = 8 / bits;
  for (int64_t i = 0; i < count; ++i) {
    unsigned value = uint8_t(packed[i / perByte]) >> (i % perByte * bits) &
                     ((1u << bits) - 1);
    unpacked[i] =
        char(sign && value >> (bits - 1) ? value | ~((1u << bits) - 1) : value);
  }
  return unpacked;
}

template <typename To, typename Range>
std::vector<char> convertElements(const Range &values) {
  std::vector<char> bytes(values.size() * sizeof(To));
  char *out = bytes.data();
  for (auto value : values) {
    To converted = static_cast<To>(value);
    std::memcpy(out, &converted, sizeof(To));
    out += sizeof(To);
  }
  return bytes;
}

// Elements below a byte have no raw form in DenseElementsAttr that could be
// filled from bytes.
DenseElementsAttr makeNarrow(RankedTensorType type, ArrayRef<char> bytes) {
  Type element = type.getElementType();
  if (element.isInteger(1)) {
    SmallVector<bool> values(
        llvm::map_range(bytes, [](char c) { return c != 0; }));
    return DenseElementsAttr::get(type, values);
  }
  unsigned bits = element.getIntOrFloatBitWidth();
  SmallVector<APInt> integers;
  for (char byte : bytes)
    integers.push_back(APInt(8, uint8_t(byte)).trunc(bits));
  auto floating = dyn_cast<FloatType>(element);
  if (!floating)
    return DenseElementsAttr::get(type, integers);
  SmallVector<APFloat> floats;
  for (const APInt &value : integers)
    floats.emplace_back(floating.getFloatSemantics(), value);
  return DenseElementsAttr::get(type, floats);
}

uint64_t keyOf(ArrayRef<char> bytes) {
  ArrayRef<char> some = bytes;
  constexpr size_t probe = 128;
  llvm::SmallVector<char, 3 * probe> picked;
  if (bytes.size() > 3 * probe) {
    for (size_t at : {size_t(0), bytes.size() / 2, bytes.size() - probe})
      picked.append(bytes.begin() + at, bytes.begin() + at + probe);
    some = picked;
  }
  return llvm::xxh3_64bits(ArrayRef(
             reinterpret_cast<const uint8_t *>(some.data()), some.size())) ^
         bytes.size();
}

} // namespace

RankedTensorType tensorTypeOf(MLIRContext *context, ArrayRef<int64_t> dims,
                              int32_t elementType, Location loc) {
  Type element = onnx::elementTypeFromOnnx(context, elementType);
  if (!element) {
    if (elementType == 0)
      emitError(loc, "tensor without an element type");
    else
      emitUnsupported(loc, "unknown tensor element type " + Twine(elementType));
    return nullptr;
  }
  for (int64_t dim : dims)
    if (dim < 0) {
      emitError(loc, "tensor with a negative dimension ") << dim;
      return nullptr;
    }
  if (!fitsInMemory(dims)) {
    emitError(loc, "tensor too large: the product of its dimensions overflows");
    return nullptr;
  }
  return RankedTensorType::get(dims, element);
}

FailureOr<TensorReader::Bytes>
TensorReader::typedBytesOf(const proto::TensorProto &tensor, Type element,
                           Location loc) {
  std::vector<char> bytes;
  // What the element's field is: by ONNX's rules narrow types share int32_data.
  if (element.isF32() || element == ComplexType::get(Float32Type::get(context)))
    bytes = convertElements<float>(tensor.float_data());
  else if (element.isF64() ||
           element == ComplexType::get(Float64Type::get(context)))
    bytes = convertElements<double>(tensor.double_data());
  else if (element.isInteger(64) && isSigned(element))
    bytes = convertElements<int64_t>(tensor.int64_data());
  else if (element.isInteger(64))
    bytes = convertElements<uint64_t>(tensor.uint64_data());
  else if (element.isInteger(32) && !isSigned(element))
    bytes = convertElements<uint32_t>(tensor.uint64_data());
  else if (element.isInteger(32))
    bytes = convertElements<int32_t>(tensor.int32_data());
  else if (fileBitsOf(element) == 16)
    bytes = convertElements<uint16_t>(tensor.int32_data());
  else
    bytes = convertElements<uint8_t>(tensor.int32_data());
  auto owner = std::make_shared<std::vector<char>>(std::move(bytes));
  return Bytes{*owner, owner};
}

TensorReader::Bytes
TensorReader::pieceOf(std::shared_ptr<llvm::MemoryBuffer> file,
                      ArrayRef<char> view) {
  if (file->getBufferKind() != llvm::MemoryBuffer::MemoryBuffer_MMap)
    return {view, std::move(file)};
  // The file stays mapped for other tensors, but pages of this one's alone need
  // not stay in memory; read again, they come from the file again.
  auto release = [file, view](void *) {
    static const uint64_t page = llvm::sys::Process::getPageSizeEstimate();
    uint64_t begin = reinterpret_cast<uintptr_t>(view.begin());
    uint64_t first = llvm::alignTo(begin, page);
    uint64_t end = llvm::alignDown(begin + view.size(), page);
    if (first < end)
      madvise(reinterpret_cast<void *>(first), end - first, MADV_DONTNEED);
  };
  return {view, std::shared_ptr<void>(file.get(), std::move(release))};
}

FailureOr<TensorReader::Bytes>
TensorReader::bytesOf(const proto::TensorProto &tensor, RankedTensorType type,
                      Location loc) {
  Type element = type.getElementType();
  int64_t count = type.getNumElements();
  uint64_t expected =
      llvm::divideCeil(uint64_t(count) * fileBitsOf(element), 8);
  Bytes bytes;
  if (tensor.data_location() == proto::TensorProto::EXTERNAL) {
    llvm::Expected<ExternalData::Range> range = external.find(tensor, expected);
    if (!range)
      return emitError(loc, llvm::toString(range.takeError()));
    bytes = pieceOf(range->owner, range->bytes);
  } else if (tensor.has_mapped_length()) {
    uint64_t size = file.buffer->getBufferSize();
    uint64_t offset = tensor.mapped_offset(), length = tensor.mapped_length();
    if (offset > size || length > size - offset)
      return emitError(loc, "tensor data outside of the file");
    bytes =
        pieceOf(file.buffer,
                ArrayRef<char>(file.buffer->getBufferStart() + offset, length));
  } else if (tensor.has_raw_data()) {
    auto owner = std::make_shared<std::string>(tensor.raw_data());
    bytes = {ArrayRef<char>(owner->data(), owner->size()), owner};
  } else {
    FailureOr<Bytes> typed = typedBytesOf(tensor, element, loc);
    if (failed(typed))
      return failure();
    bytes = *typed;
  }
  if (bytes.view.size() != expected)
    return emitError(loc, "tensor data has ")
           << bytes.view.size() << " bytes, but " << type << " needs "
           << expected;
  return bytes;
}

ElementsAttr TensorReader::makeAttribute(RankedTensorType type, Bytes bytes,
                                         StringRef name) {
  Type element = type.getElementType();
  int64_t count = type.getNumElements();
  unsigned bits = fileBitsOf(element);
  auto take = [&](std::vector<char> changed) {
    auto owner = std::make_shared<std::vector<char>>(std::move(changed));
    bytes = {*owner, owner};
  };
  if (bits < 8)
    take(unpack(bytes.view, bits, isSigned(element), count));
  if (element.isInteger(1) &&
      llvm::any_of(bytes.view, [](char c) { return c & ~1; })) {
    std::vector<char> clean(bytes.view.begin(), bytes.view.end());
    for (char &c : clean)
      c = c != 0;
    take(std::move(clean));
  }
  if (count < smallTensor) {
    if (element.isInteger(1) || bits < 8)
      return makeNarrow(type, bytes.view);
    return DenseElementsAttr::getFromRawBuffer(type, bytes.view);
  }
  auto &sameKey = resources[keyOf(bytes.view)];
  for (Held &held : sameKey)
    if (held.bytes == bytes.view)
      return DenseResourceElementsAttr::get(type, held.handle);
  AsmResourceBlob blob(
      bytes.view, /*dataAlignment=*/1,
      [owner = bytes.owner](void *, size_t, size_t) mutable { owner.reset(); },
      /*dataIsMutable=*/false);
  auto &manager = DenseResourceElementsHandle::getManagerInterface(context);
  auto handle = manager.insert(name.empty() ? "tensor" : name, std::move(blob));
  sameKey.push_back({bytes.view, handle});
  return DenseResourceElementsAttr::get(type, handle);
}

ElementsAttr TensorReader::make(RankedTensorType type, std::vector<char> bytes,
                                StringRef name) {
  auto owner = std::make_shared<std::vector<char>>(std::move(bytes));
  return makeAttribute(type, {*owner, owner}, name);
}

ElementsAttr TensorReader::readStrings(const proto::TensorProto &tensor,
                                       RankedTensorType type, Location loc) {
  if (tensor.string_data_size() != type.getNumElements()) {
    emitError(loc, "tensor data has ")
        << tensor.string_data_size() << " strings, but " << type << " needs "
        << type.getNumElements();
    return nullptr;
  }
  SmallVector<StringRef> values;
  for (const std::string &value : tensor.string_data())
    values.push_back(value);
  return DenseStringElementsAttr::get(type, values);
}

ElementsAttr TensorReader::read(const proto::TensorProto &tensor, Location loc,
                                StringRef name) {
  RankedTensorType type = tensorTypeOf(
      context, ArrayRef<int64_t>(tensor.dims().data(), tensor.dims_size()),
      tensor.data_type(), loc);
  if (!type)
    return nullptr;
  if (tensor.has_segment()) {
    emitUnsupported(loc, "tensor stored in segments");
    return nullptr;
  }
  if (isa<onnx::StringType>(type.getElementType()))
    return readStrings(tensor, type, loc);
  FailureOr<Bytes> bytes = bytesOf(tensor, type, loc);
  if (failed(bytes))
    return nullptr;
  return makeAttribute(type, *bytes, name);
}

// Sparse tensors become dense ones: indices are linear ([N]) or coordinates
// ([N, rank]).
ElementsAttr TensorReader::read(const proto::SparseTensorProto &sparse,
                                Location loc, StringRef name) {
  RankedTensorType type = tensorTypeOf(
      context, ArrayRef<int64_t>(sparse.dims().data(), sparse.dims_size()),
      sparse.values().data_type(), loc);
  if (!type)
    return nullptr;
  auto partType = [&](const proto::TensorProto &part) {
    return tensorTypeOf(context,
                        ArrayRef<int64_t>(part.dims().data(), part.dims_size()),
                        part.data_type(), loc);
  };
  RankedTensorType valueType = partType(sparse.values()),
                   indexType = partType(sparse.indices());
  if (!valueType || !indexType)
    return nullptr;
  Type element = type.getElementType();
  if (isa<onnx::StringType>(element) || fileBitsOf(element) < 8) {
    emitUnsupported(loc, "sparse tensor of ") << element;
    return nullptr;
  }
  int64_t rank = type.getRank(), count = valueType.getNumElements();
  bool linear = indexType.getRank() == 1;
  bool fits =
      indexType.getElementType().isInteger(64) && valueType.getRank() == 1 &&
      (linear ? indexType.getDimSize(0) == count
              : indexType.getRank() == 2 && indexType.getDimSize(0) == count &&
                    indexType.getDimSize(1) == rank);
  if (!fits) {
    emitError(loc, "sparse tensor of type ")
        << type << " with values " << valueType << " and indices " << indexType;
    return nullptr;
  }
  FailureOr<Bytes> values = bytesOf(sparse.values(), valueType, loc);
  FailureOr<Bytes> indices = bytesOf(sparse.indices(), indexType, loc);
  if (failed(values) || failed(indices))
    return nullptr;
  unsigned width = memoryBytesOf(element);
  // A few bytes of file can ask for any amount of memory here.
  uint64_t needed = uint64_t(type.getNumElements()) * width;
  if (needed > denseBudget) {
    emitUnsupported(loc, "sparse tensor of type ")
        << type << ": the sparse tensors of a model may take "
        << (largestDense >> 20) << " MiB when they are dense";
    return nullptr;
  }
  denseBudget -= needed;
  std::vector<char> dense(type.getNumElements() * width);
  for (int64_t i = 0; i < count; ++i) {
    int64_t at = 0;
    for (int64_t k = 0; k < (linear ? 1 : rank); ++k) {
      int64_t index,
          limit = linear ? type.getNumElements() : type.getDimSize(k);
      std::memcpy(&index,
                  indices->view.data() +
                      (linear ? i : i * rank + k) * sizeof(index),
                  sizeof(index));
      if (index < 0 || index >= limit) {
        emitError(loc, "sparse tensor index ")
            << index << " is outside of " << type;
        return nullptr;
      }
      at = at * (linear ? 1 : limit) + index;
    }
    std::memcpy(dense.data() + at * width, values->view.data() + i * width,
                width);
  }
  return make(type, std::move(dense), name);
}

} // namespace ashlar
