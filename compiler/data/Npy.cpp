#include "compiler/data/Npy.h"
#include "compiler/data/Zip.h"
#include "compiler/report/ModelDescription.h"
#include "runtime/ashlar_rt.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/raw_ostream.h"

#include <cstring>

using namespace ashlar;
using namespace ashlar::data;
using llvm::StringRef;
using llvm::Twine;

constexpr StringRef magic("\x93NUMPY", 6);

namespace {
struct Header {
  std::string descr;
  bool fortran = false;
  std::vector<int64_t> shape;
};

/// Parses the Python dictionary of the header.
class HeaderParser {
public:
  explicit HeaderParser(StringRef text) : rest(text) {}

  llvm::Expected<Header> parse() {
    Header header;
    bool descr = false, fortran = false, shape = false;
    if (!take('{'))
      return fail();
    while (!take('}')) {
      std::string key;
      if (!string(key) || !take(':'))
        return fail();
      if (key == "descr") {
        skipSpace();
        if (rest.starts_with("["))
          return makeError("structured arrays are not supported");
        if (!string(header.descr))
          return fail();
        descr = true;
      } else if (key == "fortran_order") {
        skipSpace();
        header.fortran = rest.consume_front("True");
        if (!header.fortran && !rest.consume_front("False"))
          return fail();
        fortran = true;
      } else if (key == "shape") {
        if (!tuple(header.shape))
          return fail();
        shape = true;
      } else {
        return makeError("npy header has the unknown key '" + key + "'");
      }
      take(',');
    }
    if (!descr || !fortran || !shape)
      return fail();
    return header;
  }

private:
  llvm::Error fail() {
    return makeError("npy header is malformed: expected a dictionary with "
                     "'descr', 'fortran_order' and 'shape'");
  }
  void skipSpace() { rest = rest.ltrim(" \n\t"); }
  bool take(char c) {
    skipSpace();
    return rest.consume_front(StringRef(&c, 1));
  }
  bool string(std::string &value) {
    skipSpace();
    if (rest.empty() || (rest[0] != '\'' && rest[0] != '"'))
      return false;
    size_t end = rest.find(rest[0], 1);
    if (end == StringRef::npos)
      return false;
    value = rest.slice(1, end).str();
    rest = rest.drop_front(end + 1);
    return true;
  }
  bool tuple(std::vector<int64_t> &values) {
    if (!take('('))
      return false;
    while (!take(')')) {
      int64_t value;
      skipSpace();
      if (rest.consumeInteger(10, value) || value < 0)
        return false;
      rest.consume_front("L"); // Python 2 wrote long integers
      values.push_back(value);
      if (!take(',')) {
        if (!take(')'))
          return false;
        break;
      }
    }
    return true;
  }

  StringRef rest;
};
} // namespace

static int32_t dtypeOfDescr(StringRef kind) {
  return llvm::StringSwitch<int32_t>(kind)
      .Case("f2", ASHLAR_FLOAT16)
      .Case("f4", ASHLAR_FLOAT32)
      .Case("f8", ASHLAR_FLOAT64)
      .Case("c8", ASHLAR_COMPLEX64)
      .Case("c16", ASHLAR_COMPLEX128)
      .Case("i1", ASHLAR_INT8)
      .Case("i2", ASHLAR_INT16)
      .Case("i4", ASHLAR_INT32)
      .Case("i8", ASHLAR_INT64)
      .Cases({"u1", "V1"}, ASHLAR_UINT8)
      .Cases({"u2", "V2"}, ASHLAR_UINT16) // V2: how bfloat16 is saved
      .Case("u4", ASHLAR_UINT32)
      .Case("u8", ASHLAR_UINT64)
      .Case("b1", ASHLAR_BOOL)
      .Default(0);
}

static const char *descrOfDtype(int32_t dtype) {
  switch (dtype) {
  case ASHLAR_FLOAT16:
    return "<f2";
  case ASHLAR_FLOAT32:
    return "<f4";
  case ASHLAR_FLOAT64:
    return "<f8";
  case ASHLAR_COMPLEX64:
    return "<c8";
  case ASHLAR_COMPLEX128:
    return "<c16";
  case ASHLAR_INT8:
  case ASHLAR_INT4:
  case ASHLAR_INT2:
    return "|i1";
  case ASHLAR_INT16:
    return "<i2";
  case ASHLAR_INT32:
    return "<i4";
  case ASHLAR_INT64:
    return "<i8";
  case ASHLAR_UINT16:
  case ASHLAR_BFLOAT16:
    return "<u2";
  case ASHLAR_UINT32:
    return "<u4";
  case ASHLAR_UINT64:
    return "<u8";
  case ASHLAR_BOOL:
    return "|b1";
  default:
    return "|u1";
  }
}

std::vector<uint8_t> data::transposeToC(StringRef values,
                                        llvm::ArrayRef<int64_t> shape,
                                        uint64_t width) {
  std::vector<uint8_t> result(values.size());
  std::vector<int64_t> index(shape.size(), 0);
  for (uint64_t from = 0; from != values.size(); from += width) {
    uint64_t to = 0;
    for (size_t axis = 0; axis != shape.size(); ++axis)
      to = to * uint64_t(shape[axis]) + uint64_t(index[axis]);
    memcpy(result.data() + to * width, values.data() + from, width);
    for (size_t axis = 0; axis != shape.size(); ++axis) {
      if (++index[axis] != shape[axis])
        break;
      index[axis] = 0;
    }
  }
  return result;
}

static llvm::Expected<ArrayHeader> checkHeader(const Header &header) {
  ArrayHeader result;
  if (StringRef(header.descr).starts_with(">"))
    return makeError("array is big-endian ('" + header.descr +
                     "'), expected little-endian: save "
                     "a.astype(a.dtype.newbyteorder('<'))");
  result.dtype = dtypeOfDescr(StringRef(header.descr).ltrim("<|="));
  if (!result.dtype)
    return makeError("array has type '" + header.descr +
                     "', expected numbers or booleans");
  result.type = header.descr;
  result.shape = header.shape;
  result.fortran = header.fortran && header.shape.size() > 1;
  auto count = elementCount(header.shape);
  if (!count ||
      __builtin_mul_overflow(uint64_t(*count), elementBytes(result.dtype),
                             &result.bytes))
    return makeError("array of shape " + shapeText(header.shape) +
                     " is too large");
  return result;
}

// Longer headers are no headers: the longest of NumPy's own are some hundreds
// of bytes.
constexpr uint64_t longestHeader = 1 << 20;

llvm::Expected<ArrayHeader> data::readNpyHeader(ByteSource &source) {
  auto start = source.peek(10);
  if (!start)
    return start.takeError();
  if (!start->starts_with(magic))
    return makeError("not an npy file: it does not start with \\x93NUMPY");
  if (start->size() < 10)
    return makeError("npy file is truncated");
  unsigned version = uint8_t((*start)[6]);
  if (version < 1 || version > 3)
    return makeError("npy format version is " + Twine(version) +
                     ", expected 1 to 3");
  uint8_t words[12] = {};
  unsigned lengthBytes = version == 1 ? 2 : 4;
  auto got = source.read(words, 8 + lengthBytes);
  if (!got)
    return got.takeError();
  uint64_t length = 0;
  for (unsigned i = 0; i != lengthBytes; ++i)
    length |= uint64_t(words[8 + i]) << (8 * i);
  if (length > longestHeader)
    return makeError("npy file is truncated");
  std::string text(length, '\0');
  got = source.read(text.data(), length);
  if (!got)
    return got.takeError();
  if (*got != length)
    return makeError("npy file is truncated");
  auto header = HeaderParser(text).parse();
  if (!header)
    return header.takeError();
  auto checked = checkHeader(*header);
  if (checked)
    checked->start = 8 + lengthBytes + length;
  return checked;
}

llvm::Expected<Tensor> data::readNpy(StringRef file) {
  auto source = bytesInMemory(file);
  auto header = readNpyHeader(*source);
  if (!header)
    return header.takeError();
  Tensor tensor;
  tensor.dtype = header->dtype;
  tensor.shape = header->shape;
  StringRef values = file.substr(header->start);
  if (header->bytes != values.size())
    return makeError("array of type '" + header->type + "' and shape " +
                     shapeText(header->shape) + " takes " +
                     Twine(header->bytes) + " bytes, the file holds " +
                     Twine(values.size()));
  if (header->fortran)
    tensor.bytes =
        transposeToC(values, header->shape, elementBytes(header->dtype));
  else
    tensor.bytes.assign(values.begin(), values.end());
  if (tensor.dtype == ASHLAR_BOOL)
    for (uint8_t &byte : tensor.bytes)
      byte = byte != 0;
  return tensor;
}

llvm::Expected<std::vector<Tensor>> data::readNpz(StringRef file) {
  auto members = readZip(file);
  if (!members)
    return members.takeError();
  std::vector<Tensor> tensors;
  for (const ZipMember &member : *members) {
    StringRef name(member.name);
    if (!name.consume_back(".npy"))
      return makeError("member '" + member.name +
                       "' of the archive is not an npy file");
    auto tensor = readNpy(member.content);
    if (!tensor)
      return makeError("member '" + member.name +
                       "': " + llvm::toString(tensor.takeError()));
    tensor->name = name.str();
    tensors.push_back(std::move(*tensor));
  }
  return tensors;
}

std::string data::writeNpy(const Tensor &tensor) {
  std::string header = std::string("{'descr': '") + descrOfDtype(tensor.dtype) +
                       "', 'fortran_order': False, 'shape': (";
  for (int64_t dim : tensor.shape)
    header += std::to_string(dim) + ",";
  header += "), }";
  // The values start at a multiple of 64 bytes; the header ends with a newline.
  while ((10 + header.size() + 1) % 64)
    header += ' ';
  header += '\n';
  std::string file = magic.str();
  file += '\x01';
  file += '\x00';
  file += char(header.size() & 0xff);
  file += char(header.size() >> 8);
  file += header;
  file.append(tensor.bytes.begin(), tensor.bytes.end());
  return file;
}
