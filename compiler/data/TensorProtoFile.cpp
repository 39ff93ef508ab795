#include "compiler/data/TensorProtoFile.h"
#include "compiler/import/onnx.pb.h"
#include "compiler/report/ModelDescription.h"
#include "runtime/ashlar_rt.h"

#include <cstring>

using namespace ashlar;
using namespace ashlar::data;
using llvm::ArrayRef;
using llvm::Error;
using llvm::StringRef;
using llvm::Twine;

static Error wrongSize(const Tensor &tensor, uint64_t expected, uint64_t got,
                       const char *what) {
  return makeError("tensor '" + tensor.name + "' of type " +
                   dtypeName(tensor.dtype) + " and shape " +
                   shapeText(tensor.shape) + " holds " + Twine(got) + " " +
                   what + ", expected " + Twine(expected));
}

static Error readRaw(const std::string &raw, int64_t count, Tensor &tensor) {
  unsigned bits = packedBits(tensor.dtype);
  uint64_t expected = (uint64_t(count) * bits + 7) / 8;
  if (raw.size() != expected)
    return wrongSize(tensor, expected, raw.size(), "bytes");
  auto *data = reinterpret_cast<const uint8_t *>(raw.data());
  if (bits < 8)
    tensor.bytes = unpackElements(tensor.dtype, {data, raw.size()}, count);
  else
    tensor.bytes.assign(data, data + raw.size());
  return Error::success();
}

// Values from a repeated field; `perElement` entries make an element.
template <typename T, typename Field>
static Error readField(const Field &field, int64_t count, int perElement,
                       Tensor &tensor) {
  uint64_t expected = uint64_t(count) * perElement;
  if (uint64_t(field.size()) != expected)
    return wrongSize(tensor, expected, field.size(), "values");
  tensor.bytes.resize(expected * sizeof(T));
  for (uint64_t i = 0; i != expected; ++i) {
    T value = static_cast<T>(field.Get(int(i)));
    memcpy(tensor.bytes.data() + i * sizeof(T), &value, sizeof(T));
  }
  return Error::success();
}

// Types below a byte are packed in int32_data as they are in raw data: a byte
// an entry.
static Error readPackedField(const ::onnx::TensorProto &proto, int64_t count,
                             Tensor &tensor) {
  std::string raw;
  for (int32_t value : proto.int32_data())
    raw.push_back(char(value));
  return readRaw(raw, count, tensor);
}

static Error readTyped(const ::onnx::TensorProto &proto, int64_t count,
                       Tensor &tensor) {
  switch (tensor.dtype) {
  case ASHLAR_FLOAT32:
    return readField<float>(proto.float_data(), count, 1, tensor);
  case ASHLAR_COMPLEX64:
    return readField<float>(proto.float_data(), count, 2, tensor);
  case ASHLAR_FLOAT64:
    return readField<double>(proto.double_data(), count, 1, tensor);
  case ASHLAR_COMPLEX128:
    return readField<double>(proto.double_data(), count, 2, tensor);
  case ASHLAR_INT64:
    return readField<int64_t>(proto.int64_data(), count, 1, tensor);
  case ASHLAR_UINT64:
    return readField<uint64_t>(proto.uint64_data(), count, 1, tensor);
  case ASHLAR_UINT32:
    return readField<uint32_t>(proto.uint64_data(), count, 1, tensor);
  case ASHLAR_INT32:
    return readField<int32_t>(proto.int32_data(), count, 1, tensor);
  default:
    break;
  }
  if (packedBits(tensor.dtype) < 8)
    return readPackedField(proto, count, tensor);
  if (elementBytes(tensor.dtype) == 2)
    return readField<uint16_t>(proto.int32_data(), count, 1, tensor);
  return readField<uint8_t>(proto.int32_data(), count, 1, tensor);
}

llvm::Expected<Tensor> data::readTensorProto(StringRef file) {
  ::onnx::TensorProto proto;
  if (file.size() > INT32_MAX)
    return makeError("file of " + Twine(file.size()) +
                     " bytes is larger than a TensorProto can be");
  if (!proto.ParseFromArray(file.data(), int(file.size())))
    return makeError("not a serialised ONNX TensorProto");
  Tensor tensor;
  tensor.name = proto.name();
  tensor.dtype = proto.data_type();
  tensor.shape.assign(proto.dims().begin(), proto.dims().end());
  auto count = elementCount(tensor.shape);
  if (dtypeName(tensor.dtype) == "undefined")
    return makeError("not a serialised ONNX TensorProto: data type is " +
                     Twine(tensor.dtype));
  if (!count || *count > INT64_MAX / 16)
    return makeError("tensor '" + tensor.name + "' has the impossible shape " +
                     shapeText(tensor.shape));
  if (proto.data_location() == ::onnx::TensorProto::EXTERNAL ||
      proto.external_data_size())
    return makeError("tensor '" + tensor.name +
                     "' keeps its data in another file, which data files may "
                     "not");
  if (tensor.dtype == ASHLAR_STRING) {
    if (proto.string_data_size() != *count)
      return wrongSize(tensor, *count, proto.string_data_size(), "values");
    tensor.strings.assign(proto.string_data().begin(),
                          proto.string_data().end());
    return tensor;
  }
  Error error = proto.has_raw_data() ? readRaw(proto.raw_data(), *count, tensor)
                                     : readTyped(proto, *count, tensor);
  if (error)
    return std::move(error);
  if (tensor.dtype == ASHLAR_BOOL)
    for (uint8_t &byte : tensor.bytes)
      byte = byte != 0;
  return tensor;
}

std::string data::writeTensorProto(const Tensor &tensor) {
  ::onnx::TensorProto proto;
  proto.set_name(tensor.name);
  proto.set_data_type(tensor.dtype);
  for (int64_t dim : tensor.shape)
    proto.add_dims(dim);
  if (tensor.dtype == ASHLAR_STRING) {
    for (const std::string &text : tensor.strings)
      proto.add_string_data(text);
  } else {
    std::vector<uint8_t> packed;
    ArrayRef<uint8_t> bytes = tensor.bytes;
    if (packedBits(tensor.dtype) < 8) {
      packed = packElements(tensor.dtype, tensor.bytes);
      bytes = packed;
    }
    proto.set_raw_data(bytes.data(), bytes.size());
  }
  return proto.SerializeAsString();
}
