// Files for the tests of samples.
#ifndef ASHLAR_TEST_COMPILER_DATA_SAMPLEFILES_H
#define ASHLAR_TEST_COMPILER_DATA_SAMPLEFILES_H

#include "compiler/data/Npy.h"
#include "compiler/data/SampleStream.h"
#include "runtime/ashlar_rt.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include "gtest/gtest.h"

#include <cstring>
#include <fstream>
#include <zlib.h>

namespace ashlar::data::testing {

/// A folder that goes with its test.
class Folder {
public:
  Folder() {
    llvm::SmallString<128> made;
    EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("ashlar-samples", made));
    root = made.str().str();
  }
  ~Folder() { llvm::sys::fs::remove_directories(root); }

  std::string path(const std::string &name) const { return root + "/" + name; }
  std::string write(const std::string &name, const std::string &content) const {
    llvm::sys::fs::create_directories(llvm::sys::path::parent_path(path(name)));
    std::ofstream(path(name), std::ios::binary) << content;
    return path(name);
  }
  std::string root;
};

template <typename T>
Tensor tensorOf(int32_t dtype, std::vector<int64_t> shape,
                std::vector<T> values, std::string name = "") {
  Tensor tensor;
  tensor.name = name;
  tensor.dtype = dtype;
  tensor.shape = shape;
  tensor.bytes.resize(values.size() * sizeof(T));
  if (!values.empty())
    memcpy(tensor.bytes.data(), values.data(), tensor.bytes.size());
  return tensor;
}

/// Values 0, 1, 2 ...
inline Tensor counting(std::vector<int64_t> shape) {
  std::vector<float> values(size_t(*elementCount(shape)));
  for (size_t i = 0; i != values.size(); ++i)
    values[i] = float(i);
  return tensorOf(ASHLAR_FLOAT32, shape, values);
}

inline void put(std::string &file, uint64_t value, int bytes) {
  for (int i = 0; i != bytes; ++i)
    file += char(value >> (8 * i));
}

inline std::string deflated(const std::string &content, int windowBits) {
  std::string stored(content.size() + 1000, '\0');
  z_stream stream = {};
  deflateInit2(&stream, 9, Z_DEFLATED, windowBits, 9, Z_DEFAULT_STRATEGY);
  stream.next_in = (Bytef *)content.data();
  stream.avail_in = unsigned(content.size());
  stream.next_out = (Bytef *)stored.data();
  stream.avail_out = unsigned(stored.size());
  deflate(&stream, Z_FINISH);
  stored.resize(stream.total_out);
  deflateEnd(&stream);
  return stored;
}

inline std::string gzip(const std::string &content) {
  return deflated(content, MAX_WBITS + 16);
}

struct Member {
  std::string name;
  Tensor tensor;
};

/// An archive as NumPy writes it; `piped`: sizes follow the members, as where
/// the file cannot be rewound.
inline std::string npz(std::vector<Member> members, bool compressed = false,
                       bool piped = false) {
  std::string file, directory;
  for (const Member &member : members) {
    std::string name = member.name + ".npy", content = writeNpy(member.tensor);
    std::string stored = compressed ? deflated(content, -MAX_WBITS) : content;
    uint32_t sum =
        uint32_t(crc32(0, (const Bytef *)content.data(), content.size()));
    auto head = [&](std::string &to, bool known) {
      put(to, 20, 2);
      put(to, piped ? 8 : 0, 2);
      put(to, compressed ? 8 : 0, 2);
      put(to, 0, 4);
      put(to, known ? sum : 0, 4);
      put(to, known ? stored.size() : 0, 4);
      put(to, known ? content.size() : 0, 4);
      put(to, name.size(), 2);
      put(to, 0, 2);
    };
    uint64_t start = file.size();
    put(file, 0x04034b50, 4);
    head(file, !piped);
    file += name + stored;
    if (piped) {
      put(file, 0x08074b50, 4);
      put(file, sum, 4);
      put(file, stored.size(), 4);
      put(file, content.size(), 4);
    }
    put(directory, 0x02014b50, 4);
    put(directory, 20, 2);
    head(directory, true);
    put(directory, 0, 2 + 2 + 2 + 4);
    put(directory, start, 4);
    directory += name;
  }
  uint64_t at = file.size();
  file += directory;
  put(file, 0x06054b50, 4);
  put(file, 0, 4);
  put(file, members.size(), 2);
  put(file, members.size(), 2);
  put(file, directory.size(), 4);
  put(file, at, 4);
  put(file, 0, 2);
  return file;
}

/// What reading to the end gives.
struct Result {
  std::vector<Sample> samples;
  std::optional<uint64_t> size;
  std::string error, notes;
};

inline Result readAll(SampleOptions options, std::vector<InputSpec> inputs,
                      std::vector<InputSpec> outputs = {}) {
  Result result;
  auto note = [&](llvm::StringRef text) { result.notes += text.str() + "\n"; };
  auto stream = openSamples(options, inputs, outputs, note);
  if (!stream) {
    result.error = llvm::toString(stream.takeError());
    return result;
  }
  result.size = (*stream)->size();
  for (;;) {
    auto sample = (*stream)->next();
    if (!sample) {
      result.error = llvm::toString(sample.takeError());
      return result;
    }
    if (!*sample)
      return result;
    result.samples.push_back(std::move(**sample));
  }
}

inline InputSpec floats(std::vector<int64_t> shape, std::string name = "x") {
  return {name, ASHLAR_FLOAT32, shape};
}

inline SampleOptions from(std::vector<std::string> data) {
  SampleOptions options;
  options.data = std::move(data);
  return options;
}

} // namespace ashlar::data::testing
#endif
