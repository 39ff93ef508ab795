#include "compiler/import/WireSkeleton.h"
#include "llvm/Support/LEB128.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace ashlar {
namespace {

enum class Message {
  Model,
  Graph,
  Node,
  Attribute,
  Tensor,
  SparseTensor,
  Function,
  Other
};

// Which message a field of a message holds, along the paths that lead to
// tensors.
Message messageOfField(Message parent, uint64_t field) {
  switch (parent) {
  case Message::Model:
    return field == 7    ? Message::Graph
           : field == 25 ? Message::Function
                         : Message::Other;
  case Message::Graph:
    return field == 1    ? Message::Node
           : field == 5  ? Message::Tensor
           : field == 15 ? Message::SparseTensor
                         : Message::Other;
  case Message::Node:
    return field == 5 ? Message::Attribute : Message::Other;
  case Message::Attribute:
    if (field == 5 || field == 10)
      return Message::Tensor;
    if (field == 6 || field == 11)
      return Message::Graph;
    return field == 22 || field == 23 ? Message::SparseTensor : Message::Other;
  case Message::SparseTensor:
    return field == 1 || field == 2 ? Message::Tensor : Message::Other;
  case Message::Function:
    return field == 7    ? Message::Node
           : field == 11 ? Message::Attribute
                         : Message::Other;
  case Message::Tensor:
  case Message::Other:
    return Message::Other;
  }
  llvm_unreachable("all messages named");
}

constexpr uint64_t rawDataField = 9, mappedOffsetField = 536870001,
                   mappedLengthField = 536870002;
// Below this a copy costs less than the bookkeeping.
constexpr size_t smallestMapped = 512;
// Protobuf's own limit; a subgraph takes three levels.
constexpr unsigned deepestNesting = 100;

class SkeletonWriter {
public:
  explicit SkeletonWriter(StringRef bytes)
      : base(reinterpret_cast<const uint8_t *>(bytes.data())) {}

  Error copy(Message kind, StringRef in, std::string &out, unsigned depth);

private:
  const uint8_t *base;

  Error malformed(const uint8_t *at) const {
    return createStringError(
        "not a well-formed ONNX file: broken or cut off at byte " +
        Twine(uint64_t(at - base)));
  }
  Error copyLengthDelimited(Message kind, uint64_t field, StringRef body,
                            std::string &out, unsigned depth);
};

void appendVarint(std::string &out, uint64_t value) {
  raw_string_ostream stream(out);
  encodeULEB128(value, stream);
}

void appendTag(std::string &out, uint64_t field, unsigned wireType) {
  appendVarint(out, field << 3 | wireType);
}

// Ten bytes at most; what does not fit into 64 bits is dropped, as protobuf
// does.
bool readVarint(const uint8_t *&p, const uint8_t *end, uint64_t &value) {
  value = 0;
  for (unsigned shift = 0; shift < 70 && p != end; shift += 7) {
    uint8_t byte = *p++;
    value |= uint64_t(byte & 0x7f) << shift;
    if (!(byte & 0x80))
      return true;
  }
  return false;
}

Error SkeletonWriter::copyLengthDelimited(Message kind, uint64_t field,
                                          StringRef body, std::string &out,
                                          unsigned depth) {
  if (kind == Message::Tensor && field == rawDataField &&
      body.size() >= smallestMapped) {
    appendTag(out, mappedOffsetField, 0);
    appendVarint(out, reinterpret_cast<const uint8_t *>(body.data()) - base);
    appendTag(out, mappedLengthField, 0);
    appendVarint(out, body.size());
    return Error::success();
  }
  Message inner = messageOfField(kind, field);
  appendTag(out, field, 2);
  if (inner == Message::Other) {
    appendVarint(out, body.size());
    out.append(body.data(), body.size());
    return Error::success();
  }
  std::string copied;
  if (Error error = copy(inner, body, copied, depth + 1))
    return error;
  appendVarint(out, copied.size());
  out += copied;
  return Error::success();
}

Error SkeletonWriter::copy(Message kind, StringRef in, std::string &out,
                           unsigned depth) {
  if (depth > deepestNesting)
    return createStringError("subgraphs are nested too deeply: more than " +
                             Twine(deepestNesting / 3) + " levels");
  const auto *p = reinterpret_cast<const uint8_t *>(in.data()),
             *end = p + in.size();
  while (p != end) {
    const uint8_t *start = p;
    uint64_t tag, value;
    if (!readVarint(p, end, tag) || tag >> 3 == 0 || tag >> 32)
      return malformed(start);
    unsigned wireType = tag & 7;
    size_t fixed = wireType == 1 ? 8 : wireType == 5 ? 4 : 0;
    if (wireType == 2) {
      if (!readVarint(p, end, value) || value > size_t(end - p))
        return malformed(start);
      StringRef body(reinterpret_cast<const char *>(p), value);
      p += value;
      if (Error error = copyLengthDelimited(kind, tag >> 3, body, out, depth))
        return error;
      continue;
    }
    if (wireType == 0 ? !readVarint(p, end, value)
                      : !fixed || fixed > size_t(end - p))
      return malformed(start);
    p += fixed;
    uint64_t field = tag >> 3;
    if (field != mappedOffsetField && field != mappedLengthField)
      out.append(reinterpret_cast<const char *>(start), p - start);
  }
  return Error::success();
}

} // namespace

Expected<std::string> makeWireSkeleton(StringRef bytes) {
  std::string skeleton;
  if (Error error =
          SkeletonWriter(bytes).copy(Message::Model, bytes, skeleton, 0))
    return std::move(error);
  return skeleton;
}

} // namespace ashlar
