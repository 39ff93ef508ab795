//===- ByteSource.h - bytes in a row, whatever holds them -----------------===//
#ifndef ASHLAR_COMPILER_DATA_BYTESOURCE_H
#define ASHLAR_COMPILER_DATA_BYTESOURCE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace ashlar::data {

/// Bytes that are read once, front to back, with a few looked at before.
class ByteSource {
public:
  virtual ~ByteSource() = default;

  /// Up to `size` bytes; fewer only where there are no more.
  llvm::Expected<size_t> read(void *to, size_t size);
  /// Exactly `size` bytes; an error where there are fewer.
  llvm::Error readExactly(void *to, size_t size);
  llvm::Error skip(uint64_t size);
  /// The next bytes, at most `size`, without taking them.
  llvm::Expected<llvm::StringRef> peek(size_t size);
  /// Makes `bytes` the next again.
  void putBack(llvm::StringRef bytes) { ahead.insert(0, bytes.str()); }
  /// Whether there are no more.
  llvm::Expected<bool> atEnd();

  /// How many there are in all, where that is known.
  virtual std::optional<uint64_t> size() const { return std::nullopt; }

protected:
  /// Up to `size` bytes, at least one unless there are no more.
  virtual llvm::Expected<size_t> readSome(char *to, size_t size) = 0;

private:
  std::string ahead; // looked at, not taken
};

/// The file at `path` ("-": standard input); gzip and Zstandard files are
/// decompressed on the way, recognised by their first bytes.
llvm::Expected<std::unique_ptr<ByteSource>> openBytes(llvm::StringRef path);

/// Bytes in memory that outlive the source.
std::unique_ptr<ByteSource> bytesInMemory(llvm::StringRef bytes);
/// The same, kept by the source.
std::unique_ptr<ByteSource> bytesOwned(std::string bytes);

/// What a zip member holds: deflated bytes, with size and sum checked at the
/// end. What follows the deflated bytes is left in their source.
std::unique_ptr<ByteSource> inflateRaw(std::shared_ptr<ByteSource> deflated);
std::unique_ptr<ByteSource> checkedBytes(std::shared_ptr<ByteSource> source,
                                         uint64_t size, uint32_t crc);

/// `size` bytes appended to `to`, which grows with what is there and not with
/// what a header says.
llvm::Error readGrowing(ByteSource &source, uint64_t size, std::string &to);

} // namespace ashlar::data
#endif
