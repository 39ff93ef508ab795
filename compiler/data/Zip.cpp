#include "compiler/data/Zip.h"
#include "compiler/data/Tensor.h"

#include "llvm/Support/Endian.h"

using namespace ashlar;
using namespace ashlar::data;
using llvm::StringRef;
using llvm::Twine;

namespace {
/// Reads little-endian numbers at checked offsets; out of bounds reads give 0
/// and are remembered.
class Reader {
public:
  explicit Reader(StringRef file) : file(file) {}

  uint64_t number(uint64_t offset, unsigned bytes) {
    if (!inside(offset, bytes))
      return 0;
    uint64_t value = 0;
    for (unsigned i = 0; i != bytes; ++i)
      value |= uint64_t(uint8_t(file[offset + i])) << (8 * i);
    return value;
  }
  StringRef text(uint64_t offset, uint64_t length) {
    return inside(offset, length) ? file.substr(offset, length) : StringRef();
  }
  bool ok() const { return good; }

private:
  bool inside(uint64_t offset, uint64_t length) {
    bool fits = offset <= file.size() && length <= file.size() - offset;
    good &= fits;
    return fits;
  }
  StringRef file;
  bool good = true;
};

/// An entry of the central directory.
struct Entry {
  StringRef name;
  unsigned method = 0, flags = 0;
  uint32_t sum = 0;
  uint64_t stored = 0, size = 0, offset = 0;
};
} // namespace

constexpr uint32_t endSignature = 0x06054b50, end64Signature = 0x06064b50,
                   locator64Signature = 0x07064b50, entrySignature = 0x02014b50,
                   localSignature = 0x04034b50;
constexpr uint64_t endSize = 22, entrySize = 46, localSize = 30;

static llvm::Error truncated() {
  return makeError("zip archive is truncated or damaged");
}

// Sizes that do not fit 32 bits stand in an extra field.
static void readExtra64(Reader &reader, uint64_t at, uint64_t length,
                        Entry &entry) {
  uint64_t end = at + length;
  while (at + 4 <= end) {
    uint64_t id = reader.number(at, 2), size = reader.number(at + 2, 2);
    uint64_t field = at + 4;
    at = field + size;
    if (id != 1)
      continue;
    for (uint64_t *value : {&entry.size, &entry.stored, &entry.offset})
      if (*value == UINT32_MAX && field + 8 <= at) {
        *value = reader.number(field, 8);
        field += 8;
      }
  }
}

// The member's bytes in the archive, with what can be said without reading
// them.
static llvm::Expected<ZipEntry> locate(Reader &reader, const Entry &entry) {
  if (entry.flags & 1)
    return makeError("member '" + entry.name + "' of the archive is encrypted");
  if (reader.number(entry.offset, 4) != localSignature)
    return truncated();
  uint64_t start = entry.offset + localSize +
                   reader.number(entry.offset + 26, 2) +
                   reader.number(entry.offset + 28, 2);
  ZipEntry found{entry.name.str(), entry.method == 8, entry.sum, entry.size,
                 reader.text(start, entry.stored)};
  if (!reader.ok())
    return truncated();
  if (entry.method != 0 && entry.method != 8)
    return makeError("member '" + entry.name +
                     "' of the archive uses compression method " +
                     Twine(entry.method) +
                     ", expected 0 (stored) or 8 "
                     "(deflated)");
  // Deflate shrinks at most about 1032 times: more is a lie, and would have us
  // allocate whatever the file says.
  if (found.deflated ? entry.size / 1040 > found.stored.size() + 1
                     : entry.size != found.stored.size())
    return truncated();
  return found;
}

// Offset of the end record, which a comment may follow.
static uint64_t findEnd(StringRef file, Reader &reader) {
  for (uint64_t back = endSize; back <= file.size() && back <= endSize + 65535;
       ++back)
    if (reader.number(file.size() - back, 4) == endSignature)
      return file.size() - back;
  return UINT64_MAX;
}

llvm::Expected<std::vector<ZipEntry>> data::listZip(StringRef file) {
  Reader reader(file);
  uint64_t end = findEnd(file, reader);
  if (end == UINT64_MAX)
    return makeError("not a zip archive: no end record");
  uint64_t count = reader.number(end + 10, 2);
  uint64_t at = reader.number(end + 16, 4);
  if (end >= 20 && reader.number(end - 20, 4) == locator64Signature) {
    uint64_t end64 = reader.number(end - 12, 8);
    if (reader.number(end64, 4) != end64Signature)
      return truncated();
    count = reader.number(end64 + 32, 8);
    at = reader.number(end64 + 48, 8);
  }
  std::vector<ZipEntry> members;
  for (uint64_t i = 0; i < count; ++i) {
    if (reader.number(at, 4) != entrySignature || !reader.ok())
      return truncated();
    Entry entry;
    entry.flags = unsigned(reader.number(at + 8, 2));
    entry.method = unsigned(reader.number(at + 10, 2));
    entry.sum = uint32_t(reader.number(at + 16, 4));
    entry.stored = reader.number(at + 20, 4);
    entry.size = reader.number(at + 24, 4);
    entry.offset = reader.number(at + 42, 4);
    uint64_t nameLength = reader.number(at + 28, 2),
             extraLength = reader.number(at + 30, 2),
             commentLength = reader.number(at + 32, 2);
    entry.name = reader.text(at + entrySize, nameLength);
    readExtra64(reader, at + entrySize + nameLength, extraLength, entry);
    at += entrySize + nameLength + extraLength + commentLength;
    auto member = locate(reader, entry);
    if (!member)
      return member.takeError();
    members.push_back(std::move(*member));
  }
  return members;
}

std::unique_ptr<ByteSource> data::openZipEntry(const ZipEntry &entry) {
  auto bytes = bytesInMemory(entry.stored);
  if (entry.deflated)
    bytes = inflateRaw(std::move(bytes));
  return checkedBytes(std::move(bytes), entry.size, entry.crc);
}

llvm::Expected<std::vector<ZipMember>> data::readZip(StringRef file) {
  auto entries = listZip(file);
  if (!entries)
    return entries.takeError();
  std::vector<ZipMember> members;
  for (const ZipEntry &entry : *entries) {
    ZipMember member{entry.name, std::string(entry.size, '\0')};
    auto bytes = openZipEntry(entry);
    llvm::Error error =
        bytes->readExactly(member.content.data(), member.content.size());
    if (!error)
      error = bytes->atEnd().takeError(); // where size and sum are checked
    if (error)
      return makeError("member '" + entry.name +
                       "': " + llvm::toString(std::move(error)));
    members.push_back(std::move(member));
  }
  return members;
}
