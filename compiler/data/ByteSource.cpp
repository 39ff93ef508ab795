#include "compiler/data/ByteSource.h"
#include "compiler/data/Tensor.h"

#include "llvm/Support/FileSystem.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

using namespace ashlar::data;
using llvm::Error;
using llvm::StringRef;
using llvm::Twine;

llvm::Expected<size_t> ByteSource::read(void *to, size_t size) {
  char *at = static_cast<char *>(to);
  size_t done = std::min(size, ahead.size());
  memcpy(at, ahead.data(), done);
  ahead.erase(0, done);
  while (done != size) {
    auto more = readSome(at + done, size - done);
    if (!more)
      return more.takeError();
    if (!*more)
      break;
    done += *more;
  }
  return done;
}

Error ByteSource::readExactly(void *to, size_t size) {
  auto got = read(to, size);
  if (!got)
    return got.takeError();
  if (*got != size)
    return makeError("data ends too early: " + Twine(size - *got) +
                     " more bytes were expected");
  return Error::success();
}

Error ByteSource::skip(uint64_t size) {
  char block[4096];
  while (size) {
    size_t step = size_t(std::min<uint64_t>(size, sizeof block));
    if (Error error = readExactly(block, step))
      return error;
    size -= step;
  }
  return Error::success();
}

llvm::Expected<StringRef> ByteSource::peek(size_t size) {
  while (ahead.size() < size) {
    char block[512];
    auto more = readSome(block, std::min(sizeof block, size - ahead.size()));
    if (!more)
      return more.takeError();
    if (!*more)
      break;
    ahead.append(block, *more);
  }
  return StringRef(ahead).take_front(size);
}

llvm::Expected<bool> ByteSource::atEnd() {
  auto next = peek(1);
  if (!next)
    return next.takeError();
  return next->empty();
}

Error ashlar::data::readGrowing(ByteSource &source, uint64_t size,
                                std::string &to) {
  constexpr uint64_t step = 1 << 20;
  while (size) {
    // Doubles, so that growing costs no more than reading.
    uint64_t more = std::min(size, std::max<uint64_t>(step, to.size()));
    size_t old = to.size();
    to.resize(old + more);
    auto got = source.read(to.data() + old, more);
    if (!got)
      return got.takeError();
    if (*got != more)
      return makeError("data ends too early: " + Twine(size - *got) +
                       " more bytes were expected");
    size -= more;
  }
  return Error::success();
}

namespace {
class FileBytes : public ByteSource {
public:
  FileBytes(int descriptor, std::optional<uint64_t> bytes)
      : descriptor(descriptor), bytes(bytes) {}
  ~FileBytes() override {
    if (descriptor != STDIN_FILENO)
      close(descriptor);
  }
  std::optional<uint64_t> size() const override { return bytes; }

protected:
  llvm::Expected<size_t> readSome(char *to, size_t size) override {
    for (;;) {
      ssize_t got = ::read(descriptor, to, std::min(size, size_t(1) << 30));
      if (got >= 0)
        return size_t(got);
      if (errno != EINTR)
        return makeError(Twine("cannot read: ") + strerror(errno));
    }
  }

private:
  int descriptor;
  std::optional<uint64_t> bytes;
};

class MemoryBytes : public ByteSource {
public:
  explicit MemoryBytes(StringRef bytes) : bytes(bytes), rest(bytes) {}
  explicit MemoryBytes(std::string content) : owned(std::move(content)) {
    bytes = rest = owned;
  }
  std::optional<uint64_t> size() const override { return bytes.size(); }

protected:
  llvm::Expected<size_t> readSome(char *to, size_t size) override {
    size = std::min(size, rest.size());
    memcpy(to, rest.data(), size);
    rest = rest.drop_front(size);
    return size;
  }

private:
  std::string owned;
  StringRef bytes, rest;
};

/// zlib's formats: raw for zip members, otherwise gzip, several in a row too.
class InflatedBytes : public ByteSource {
public:
  InflatedBytes(std::shared_ptr<ByteSource> from, bool raw)
      : from(std::move(from)), raw(raw) {
    good = inflateInit2(&stream, raw ? -MAX_WBITS : MAX_WBITS + 16) == Z_OK;
  }
  ~InflatedBytes() override { inflateEnd(&stream); }

protected:
  llvm::Expected<size_t> readSome(char *to, size_t size) override {
    stream.next_out = reinterpret_cast<Bytef *>(to);
    stream.avail_out = uInt(std::min(size, size_t(1) << 30));
    uInt room = stream.avail_out;
    while (good && !ended && stream.avail_out == room)
      if (Error error = step())
        return std::move(error);
    if (!good)
      return makeError("cannot start zlib");
    return room - stream.avail_out;
  }

private:
  Error step() {
    if (!stream.avail_in) {
      auto got = from->read(block, sizeof block);
      if (!got)
        return got.takeError();
      stream.next_in = reinterpret_cast<Bytef *>(block);
      stream.avail_in = uInt(*got);
      if (!*got)
        return makeError("compressed data is truncated");
    }
    int status = inflate(&stream, Z_NO_FLUSH);
    if (status == Z_STREAM_END)
      return finish();
    if (status != Z_OK && status != Z_BUF_ERROR)
      return makeError("compressed data is damaged");
    return Error::success();
  }
  // gzip files may follow each other.
  Error finish() {
    ended = true;
    if (raw) {
      from->putBack(
          StringRef(reinterpret_cast<char *>(stream.next_in), stream.avail_in));
      return Error::success();
    }
    if (!stream.avail_in) {
      auto end = from->atEnd();
      if (!end)
        return end.takeError();
      if (*end)
        return Error::success();
    }
    ended = false;
    Bytef *next = stream.next_in;
    uInt left = stream.avail_in;
    inflateReset(&stream);
    stream.next_in = next;
    stream.avail_in = left;
    return Error::success();
  }

  std::shared_ptr<ByteSource> from;
  bool raw, good = false, ended = false;
  z_stream stream = {};
  char block[1 << 16];
};

class ZstdBytes : public ByteSource {
public:
  explicit ZstdBytes(std::unique_ptr<ByteSource> from)
      : from(std::move(from)), stream(ZSTD_createDStream()) {}
  ~ZstdBytes() override { ZSTD_freeDStream(stream); }

protected:
  llvm::Expected<size_t> readSome(char *to, size_t size) override {
    ZSTD_outBuffer out = {to, size, 0};
    while (!out.pos) {
      if (input.pos == input.size) {
        auto got = from->read(block, sizeof block);
        if (!got)
          return got.takeError();
        input = {block, *got, 0};
        if (!*got) {
          if (!wanted)
            return 0;
          return makeError("compressed data is truncated");
        }
      }
      wanted = ZSTD_decompressStream(stream, &out, &input);
      if (ZSTD_isError(wanted))
        return makeError(Twine("compressed data is damaged: ") +
                         ZSTD_getErrorName(wanted));
    }
    return out.pos;
  }

private:
  std::unique_ptr<ByteSource> from;
  ZSTD_DStream *stream;
  ZSTD_inBuffer input = {nullptr, 0, 0};
  size_t wanted = 0; // 0: between frames
  char block[1 << 16];
};

class CheckedBytes : public ByteSource {
public:
  CheckedBytes(std::shared_ptr<ByteSource> from, uint64_t bytes, uint32_t crc)
      : from(std::move(from)), bytes(bytes), expected(crc) {}
  std::optional<uint64_t> size() const override { return bytes; }

protected:
  llvm::Expected<size_t> readSome(char *to, size_t size) override {
    auto got = from->read(to, size);
    if (!got)
      return got.takeError();
    sum = uint32_t(crc32_z(sum, reinterpret_cast<Bytef *>(to), *got));
    seen += *got;
    if (seen > bytes || (*got < size && seen != bytes))
      return makeError("data has " + Twine(seen > bytes ? "more" : "fewer") +
                       " bytes than the archive says");
    if (seen == bytes && sum != expected)
      return makeError("checksum is wrong");
    return *got;
  }

private:
  std::shared_ptr<ByteSource> from;
  uint64_t bytes, seen = 0;
  uint32_t expected, sum = 0;
};
} // namespace

llvm::Expected<std::unique_ptr<ByteSource>>
ashlar::data::openBytes(StringRef path) {
  int descriptor = STDIN_FILENO;
  std::optional<uint64_t> bytes;
  if (path != "-") {
    llvm::sys::fs::file_status status;
    if (auto code = llvm::sys::fs::status(path, status))
      return makeError("cannot read the file: " + code.message());
    if (status.type() == llvm::sys::fs::file_type::directory_file)
      return makeError("cannot read the file: Is a directory");
    if (status.type() == llvm::sys::fs::file_type::regular_file)
      bytes = status.getSize();
    if (auto code = llvm::sys::fs::openFileForRead(path, descriptor))
      return makeError("cannot read the file: " + code.message());
  }
  std::unique_ptr<ByteSource> source =
      std::make_unique<FileBytes>(descriptor, bytes);
  auto start = source->peek(4);
  if (!start)
    return start.takeError();
  if (start->starts_with("\x1f\x8b"))
    return std::make_unique<InflatedBytes>(std::move(source), /*raw=*/false);
  if (*start == "\x28\xb5\x2f\xfd")
    return std::make_unique<ZstdBytes>(std::move(source));
  return source;
}

std::unique_ptr<ByteSource> ashlar::data::bytesInMemory(StringRef bytes) {
  return std::make_unique<MemoryBytes>(bytes);
}

std::unique_ptr<ByteSource> ashlar::data::bytesOwned(std::string bytes) {
  return std::make_unique<MemoryBytes>(std::move(bytes));
}

std::unique_ptr<ByteSource>
ashlar::data::inflateRaw(std::shared_ptr<ByteSource> deflated) {
  return std::make_unique<InflatedBytes>(std::move(deflated), /*raw=*/true);
}

std::unique_ptr<ByteSource>
ashlar::data::checkedBytes(std::shared_ptr<ByteSource> source, uint64_t size,
                           uint32_t crc) {
  return std::make_unique<CheckedBytes>(std::move(source), size, crc);
}
