//===- ModelWriter.cpp - model files, large tensors included --------------===//
//
// Tensors that stayed in the mapped file or lie in files beside the model are
// copied from there while the rest is written, so that a model is never in
// memory twice. Fields are written in the order of their numbers, as protobuf
// does: a model that was read is written with the bytes that it had.
//
//===----------------------------------------------------------------------===//
#include "compiler/import/ExternalData.h"
#include "compiler/quantization/ModelConstants.h"
#include "compiler/quantization/QuantizeModel.h"

#include "google/protobuf/message.h"
#include "google/protobuf/unknown_field_set.h"
#include "llvm/Support/LEB128.h"

using namespace ashlar;
using namespace ashlar::quantization;
using llvm::StringRef;
namespace pb = google::protobuf;

namespace {

constexpr int kRawData = proto::TensorProto::kRawDataFieldNumber,
              kExternalData = proto::TensorProto::kExternalDataFieldNumber,
              kDataLocation = proto::TensorProto::kDataLocationFieldNumber;

class Writer {
public:
  Writer(const ModelFile &file, llvm::raw_ostream &os)
      : file(file), os(os), external(file) {}

  /// Finds all data and measures every message that holds some.
  llvm::Error prepare(const pb::Message &message) {
    if (auto *tensor = asTensor(message))
      if (llvm::Error error = findData(*tensor))
        return error;
    llvm::Error error = llvm::Error::success();
    forEachField(message, [&](const pb::FieldDescriptor *, const auto &value) {
      if constexpr (std::is_base_of_v<pb::Message,
                                      std::decay_t<decltype(value)>>)
        if (!error)
          error = prepare(value);
    });
    if (error)
      return error;
    uint64_t size = 0;
    bool plain = !data.count(&message);
    forEachField(
        message, [&](const pb::FieldDescriptor *field, const auto &value) {
          if constexpr (std::is_base_of_v<pb::Message,
                                          std::decay_t<decltype(value)>>) {
            plain &= !sizes.count(&value);
            size += lengthDelimited(field->number(), sizeOf(value));
          } else {
            size += value.size();
          }
        });
    if (!plain)
      sizes[&message] =
          size + dataSize(message) + unknownFields(message).size();
    return llvm::Error::success();
  }

  void write(const pb::Message &message) {
    if (!sizes.count(&message)) {
      os << message.SerializePartialAsString();
      return;
    }
    bool dataWritten = false;
    auto writeData = [&] {
      auto found = data.find(&message);
      if (dataWritten || found == data.end())
        return;
      dataWritten = true;
      writeLength(kRawData, found->second.bytes.size());
      os.write(found->second.bytes.data(), found->second.bytes.size());
    };
    forEachField(
        message, [&](const pb::FieldDescriptor *field, const auto &value) {
          if (field->number() > kRawData)
            writeData();
          if constexpr (std::is_base_of_v<pb::Message,
                                          std::decay_t<decltype(value)>>) {
            writeLength(field->number(), sizeOf(value));
            write(value);
          } else {
            os << value;
          }
        });
    writeData();
    os << unknownFields(message);
  }

private:
  static const proto::TensorProto *asTensor(const pb::Message &message) {
    return message.GetDescriptor() == proto::TensorProto::descriptor()
               ? static_cast<const proto::TensorProto *>(&message)
               : nullptr;
  }

  llvm::Error findData(const proto::TensorProto &tensor) {
    bool isExternal = tensor.data_location() == proto::TensorProto::EXTERNAL;
    if (!isExternal && !tensor.has_mapped_length())
      return llvm::Error::success();
    auto bytes = dataOf(file, external, tensor);
    if (!bytes)
      return bytes.takeError();
    data[&tensor] = *bytes;
    return llvm::Error::success();
  }

  // Calls `visit` with each field that is to be written: a message, or the
  // bytes of a field of another kind.
  template <typename Visit>
  void forEachField(const pb::Message &message, Visit visit) {
    const pb::Reflection *reflection = message.GetReflection();
    std::vector<const pb::FieldDescriptor *> fields;
    reflection->ListFields(message, &fields);
    bool isTensor = asTensor(message), hasData = data.count(&message);
    for (const pb::FieldDescriptor *field : fields) {
      int number = field->number();
      if (isTensor && number >= proto::TensorProto::kMappedOffsetFieldNumber)
        continue; // not of the format: see onnx.proto
      if (hasData && (number == kExternalData || number == kDataLocation))
        continue;
      if (field->cpp_type() != pb::FieldDescriptor::CPPTYPE_MESSAGE) {
        visit(field, bytesOf(message, field));
      } else if (field->is_repeated()) {
        int count = reflection->FieldSize(message, field);
        for (int i = 0; i != count; ++i)
          visit(field, reflection->GetRepeatedMessage(message, field, i));
      } else {
        visit(field, reflection->GetMessage(message, field));
      }
    }
  }

  // A field that is no message, as protobuf writes it.
  static std::string bytesOf(const pb::Message &message,
                             const pb::FieldDescriptor *field) {
    std::string bytes, elements;
    llvm::raw_string_ostream stream(bytes), packed(elements);
    const pb::Reflection *reflection = message.GetReflection();
    int count =
        field->is_repeated() ? reflection->FieldSize(message, field) : 1;
    for (int i = 0; i != count; ++i) {
      if (!field->is_packed())
        llvm::encodeULEB128(uint64_t(field->number()) << 3 | wireType(field),
                            stream);
      writeElement(message, field, field->is_repeated() ? i : -1,
                   field->is_packed() ? packed : stream);
    }
    if (field->is_packed()) {
      llvm::encodeULEB128(uint64_t(field->number()) << 3 | 2, stream);
      llvm::encodeULEB128(elements.size(), stream);
      stream << elements;
    }
    return bytes;
  }

  static unsigned wireType(const pb::FieldDescriptor *field) {
    switch (field->cpp_type()) {
    case pb::FieldDescriptor::CPPTYPE_FLOAT:
      return 5;
    case pb::FieldDescriptor::CPPTYPE_DOUBLE:
      return 1;
    case pb::FieldDescriptor::CPPTYPE_STRING:
      return 2;
    default:
      return 0;
    }
  }

  // Element `i` of a repeated field, or (-1) the field's only value.
  static void writeElement(const pb::Message &message,
                           const pb::FieldDescriptor *field, int i,
                           llvm::raw_ostream &out) {
    const pb::Reflection *from = message.GetReflection();
    auto writeRaw = [&](auto value) {
      out.write(reinterpret_cast<const char *>(&value), sizeof(value));
    };
    switch (field->cpp_type()) {
    case pb::FieldDescriptor::CPPTYPE_STRING: {
      std::string text = i < 0 ? from->GetString(message, field)
                               : from->GetRepeatedString(message, field, i);
      llvm::encodeULEB128(text.size(), out);
      out << text;
      return;
    }
    case pb::FieldDescriptor::CPPTYPE_FLOAT:
      return writeRaw(i < 0 ? from->GetFloat(message, field)
                            : from->GetRepeatedFloat(message, field, i));
    case pb::FieldDescriptor::CPPTYPE_DOUBLE:
      return writeRaw(i < 0 ? from->GetDouble(message, field)
                            : from->GetRepeatedDouble(message, field, i));
    case pb::FieldDescriptor::CPPTYPE_UINT64:
      llvm::encodeULEB128(i < 0 ? from->GetUInt64(message, field)
                                : from->GetRepeatedUInt64(message, field, i),
                          out);
      return;
    case pb::FieldDescriptor::CPPTYPE_INT64:
      llvm::encodeULEB128(
          uint64_t(i < 0 ? from->GetInt64(message, field)
                         : from->GetRepeatedInt64(message, field, i)),
          out);
      return;
    case pb::FieldDescriptor::CPPTYPE_INT32:
      llvm::encodeULEB128(
          uint64_t(int64_t(i < 0 ? from->GetInt32(message, field)
                                 : from->GetRepeatedInt32(message, field, i))),
          out);
      return;
    case pb::FieldDescriptor::CPPTYPE_ENUM:
      llvm::encodeULEB128(
          uint64_t(i < 0 ? from->GetEnumValue(message, field)
                         : from->GetRepeatedEnumValue(message, field, i)),
          out);
      return;
    default:
      llvm_unreachable("onnx.proto has no field of this type");
    }
  }

  static std::string unknownFields(const pb::Message &message) {
    std::string bytes;
    message.GetReflection()->GetUnknownFields(message).SerializeToString(
        &bytes);
    return bytes;
  }

  static uint64_t lengthDelimited(int number, uint64_t size) {
    return llvm::getULEB128Size(uint64_t(number) << 3 | 2) +
           llvm::getULEB128Size(size) + size;
  }
  uint64_t dataSize(const pb::Message &message) const {
    auto found = data.find(&message);
    return found == data.end()
               ? 0
               : lengthDelimited(kRawData, found->second.bytes.size());
  }
  uint64_t sizeOf(const pb::Message &message) const {
    auto found = sizes.find(&message);
    return found == sizes.end() ? message.ByteSizeLong() : found->second;
  }
  void writeLength(int number, uint64_t size) {
    llvm::encodeULEB128(uint64_t(number) << 3 | 2, os);
    llvm::encodeULEB128(size, os);
  }

  const ModelFile &file;
  llvm::raw_ostream &os;
  ExternalData external;
  llvm::DenseMap<const pb::Message *, ExternalData::Range> data;
  /// Of messages that protobuf cannot write alone.
  llvm::DenseMap<const pb::Message *, uint64_t> sizes;
};

} // namespace

llvm::Error quantization::writeModel(const ModelFile &model,
                                     llvm::raw_ostream &os) {
  Writer writer(model, os);
  if (llvm::Error error = writer.prepare(model.model))
    return error;
  writer.write(model.model);
  return llvm::Error::success();
}
