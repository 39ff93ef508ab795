#include "compiler/data/ArraySource.h"
#include "compiler/report/ModelDescription.h"
#include "runtime/ashlar_rt.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>

using namespace ashlar;
using namespace ashlar::data;
using llvm::ArrayRef;
using llvm::StringRef;
using llvm::Twine;

int64_t ArraySource::rowElements() const {
  return elementCount(ArrayRef(shape).drop_front(!shape.empty())).value_or(0);
}

// Nothing may follow the values; reading the end is also what checks sums.
llvm::Error ArraySource::finish() {
  auto end = bytes->atEnd();
  if (!end)
    return end.takeError();
  if (!*end)
    return makeError("file holds more bytes than its " +
                     Twine(shape.empty() ? 1 : shape.front()) + " rows take");
  return llvm::Error::success();
}

llvm::Expected<std::vector<uint8_t>> ArraySource::read(int64_t rows) {
  std::string values;
  // Rows without a byte may be as many as a number can say.
  if (!rowBytes && !prefix && left > 0)
    rows = left = 1;
  for (; rows && left; --rows) {
    if (left < 0) {
      auto end = bytes->atEnd();
      if (!end)
        return end.takeError();
      if (*end)
        break;
    }
    if (llvm::Error error = bytes->skip(prefix))
      return std::move(error);
    if (llvm::Error error = readGrowing(*bytes, rowBytes, values))
      return std::move(error);
    left -= left > 0;
    if (!left && last)
      if (llvm::Error error = finish())
        return std::move(error);
  }
  std::vector<uint8_t> result(values.begin(), values.end());
  uint64_t width = elementBytes(dtype);
  if (bigEndian && width > 1)
    for (size_t at = 0; at != result.size(); at += width)
      std::reverse(result.begin() + at, result.begin() + at + width);
  if (dtype == ASHLAR_BOOL)
    for (uint8_t &byte : result)
      byte = byte != 0;
  return result;
}

llvm::Expected<std::unique_ptr<ArraySource>>
data::openNpy(StringRef name, std::shared_ptr<ByteSource> bytes, bool last) {
  auto header = readNpyHeader(*bytes);
  if (!header)
    return header.takeError();
  auto array = std::make_unique<ArraySource>();
  array->name = name.str();
  array->dtype = header->dtype;
  array->shape = header->shape;
  array->left = array->shape.empty() ? 1 : array->shape.front();
  array->rowBytes = array->left ? header->bytes / uint64_t(array->left) : 0;
  array->last = last;
  if (header->fortran) {
    // Rows lie scattered over the file.
    std::string values;
    if (llvm::Error error = readGrowing(*bytes, header->bytes, values))
      return std::move(error);
    if (last)
      if (llvm::Error error = bytes->atEnd().takeError())
        return std::move(error);
    std::vector<uint8_t> turned =
        transposeToC(values, header->shape, elementBytes(header->dtype));
    bytes = bytesOwned(std::string(turned.begin(), turned.end()));
  }
  array->bytes = std::move(bytes);
  return array;
}

static int32_t dtypeOfIdx(uint8_t code) {
  switch (code) {
  case 0x08:
    return ASHLAR_UINT8;
  case 0x09:
    return ASHLAR_INT8;
  case 0x0b:
    return ASHLAR_INT16;
  case 0x0c:
    return ASHLAR_INT32;
  case 0x0d:
    return ASHLAR_FLOAT32;
  case 0x0e:
    return ASHLAR_FLOAT64;
  default:
    return 0;
  }
}

llvm::Expected<std::unique_ptr<ArraySource>>
data::openIdx(StringRef name, std::shared_ptr<ByteSource> bytes) {
  uint8_t head[4];
  if (llvm::Error error = bytes->readExactly(head, 4))
    return std::move(error);
  auto array = std::make_unique<ArraySource>();
  array->name = name.str();
  array->dtype = dtypeOfIdx(head[2]);
  array->bigEndian = true;
  if (head[0] || head[1] || !array->dtype || !head[3])
    return makeError("not an idx file: expected two zero bytes, a type and a "
                     "number of dimensions");
  for (unsigned axis = 0; axis != head[3]; ++axis) {
    uint8_t word[4];
    if (llvm::Error error = bytes->readExactly(word, 4))
      return std::move(error);
    array->shape.push_back(int64_t(word[0]) << 24 | word[1] << 16 |
                           word[2] << 8 | word[3]);
  }
  uint64_t total = 0;
  auto count = elementCount(array->shape);
  if (!count || __builtin_mul_overflow(uint64_t(*count),
                                       elementBytes(array->dtype), &total))
    return makeError("array of shape " + shapeText(array->shape) +
                     " is too large");
  array->left = array->shape.front();
  array->rowBytes = array->left ? total / uint64_t(array->left) : 0;
  array->bytes = std::move(bytes);
  return array;
}

llvm::Expected<std::unique_ptr<ArraySource>>
data::openRaw(StringRef name, std::shared_ptr<ByteSource> bytes, int32_t dtype,
              ArrayRef<int64_t> record, const RawOptions &options) {
  auto count = elementCount(record);
  auto array = std::make_unique<ArraySource>();
  if (!count || !*count ||
      __builtin_mul_overflow(uint64_t(*count), elementBytes(dtype),
                             &array->rowBytes))
    return makeError("raw data needs the whole shape of a sample, the model's "
                     "is " +
                     shapeText(record) + ": fix it with --shape or --dim");
  array->name = name.str();
  array->dtype = dtype;
  array->prefix = options.prefix;
  array->left = -1;
  uint64_t step = array->rowBytes + options.prefix;
  if (auto size = bytes->size()) {
    uint64_t values = *size < options.header ? 0 : *size - options.header;
    if (*size < options.header || values % step)
      return makeError(
          "file holds " + Twine(*size) + " bytes, expected " +
          (options.header ? Twine(options.header) + " and " : Twine()) +
          "a multiple of " + Twine(step) + " for " + dtypeName(dtype) + " " +
          shapeText(record));
    array->left = int64_t(values / step);
  }
  if (llvm::Error error = bytes->skip(options.header))
    return std::move(error);
  array->shape = {array->left};
  array->shape.insert(array->shape.end(), record.begin(), record.end());
  array->bytes = std::move(bytes);
  return array;
}

llvm::Expected<std::unique_ptr<ArraySource>>
data::openTensor(StringRef name, const Tensor &tensor) {
  if (tensor.dtype == ASHLAR_STRING)
    return makeError("strings are not taken");
  auto array = openNpy(name, bytesOwned(writeNpy(tensor)));
  if (array)
    (*array)->dtype = tensor.dtype; // NumPy lacks some types
  return array;
}

static bool fits(ArrayRef<int64_t> shape, ArrayRef<int64_t> spec) {
  return shape.size() == spec.size() &&
         llvm::all_of(llvm::zip(shape, spec), [](auto pair) {
           return std::get<1>(pair) < 0 ||
                  std::get<0>(pair) == std::get<1>(pair);
         });
}

static std::vector<int64_t> withoutOnes(ArrayRef<int64_t> shape) {
  std::vector<int64_t> result;
  llvm::copy_if(shape, std::back_inserter(result),
                [](int64_t dim) { return dim != 1; });
  return result;
}

llvm::Expected<Slicing> data::sliceArray(const ArraySource &array,
                                         const InputSpec &spec, int64_t batch) {
  ArrayRef<int64_t> shape = array.shape, wanted = spec.shape;
  if (shape.empty() || wanted.empty()) {
    if (fits(shape, wanted))
      return Slicing{1, {}};
    if (wanted.empty() && shape.size() == 1) // a row of scalars
      return Slicing{1, {}};
    if (shape.empty() && wanted.size() == 1 && wanted.front() <= 1)
      return Slicing{1, {1}};
  } else {
    ArrayRef<int64_t> inner = shape.drop_front(),
                      wantedInner = wanted.drop_front();
    bool same = fits(inner, wantedInner);
    // Dimensions of size 1 may be there or not.
    if (same || (elementCount(wantedInner) &&
                 withoutOnes(inner) == withoutOnes(wantedInner))) {
      int64_t rows = wanted.front() >= 0 ? wanted.front() : batch;
      Slicing result{rows, {rows ? rows : -1}};
      if (wanted.front() < 0)
        result.shape.front() = -1;
      ArrayRef<int64_t> rest = same ? inner : wantedInner;
      result.shape.insert(result.shape.end(), rest.begin(), rest.end());
      if (wanted.front() > 0 && shape.front() >= 0 &&
          shape.front() < wanted.front())
        return makeError("array has " + Twine(shape.front()) +
                         " rows, the batch of '" + spec.name + "' is " +
                         Twine(wanted.front()));
      return result;
    }
    if (fits(inner, wanted))
      return Slicing{1, inner.vec()};
    if (fits(shape, wantedInner) && wanted.front() <= 1 && wanted.front()) {
      Slicing result{0, {1}};
      result.shape.insert(result.shape.end(), shape.begin(), shape.end());
      return result;
    }
  }
  return makeError("array of shape " + shapeText(shape) +
                   " holds no samples for input '" + spec.name + "' of shape " +
                   shapeText(wanted));
}
