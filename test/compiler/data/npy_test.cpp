#include "compiler/data/Npy.h"
#include "compiler/data/Zip.h"
#include "runtime/ashlar_rt.h"

#include "gtest/gtest.h"

#include <cstring>
#include <zlib.h>

using namespace ashlar::data;

namespace {

std::string npy(std::string header, const std::string &values,
                int version = 1) {
  std::string file("\x93NUMPY", 6);
  header += '\n';
  file += char(version);
  file += '\0';
  file += char(header.size());
  file += char(header.size() >> 8);
  if (version > 1)
    file += std::string(2, '\0');
  return file + header + values;
}

std::string bytesOf(std::vector<float> values) {
  return std::string(reinterpret_cast<char *>(values.data()),
                     values.size() * 4);
}

std::string failure(const std::string &file) {
  auto tensor = readNpy(file);
  return tensor ? "" : llvm::toString(tensor.takeError());
}

TEST(NpyTest, ReadsAllVersions) {
  for (int version : {1, 2, 3}) {
    auto tensor = readNpy(npy("{'descr': '<f4', 'fortran_order': False, "
                              "'shape': (2, 2), }",
                              bytesOf({1, 2, 3, 4}), version));
    ASSERT_TRUE(bool(tensor)) << llvm::toString(tensor.takeError());
    EXPECT_EQ(tensor->dtype, ASHLAR_FLOAT32);
    EXPECT_EQ(tensor->shape, (std::vector<int64_t>{2, 2}));
    EXPECT_EQ(tensor->value(3), 4.0);
  }
}

TEST(NpyTest, TransposesFortranOrder) {
  auto tensor = readNpy(npy("{'descr': '<f4', 'fortran_order': True, "
                            "'shape': (2, 3)}",
                            bytesOf({1, 4, 2, 5, 3, 6})));
  ASSERT_TRUE(bool(tensor));
  for (int i = 0; i != 6; ++i)
    EXPECT_EQ(tensor->value(i), i + 1.0);
}

TEST(NpyTest, ReadsScalarsAndEmptyArrays) {
  auto scalar = readNpy(
      npy("{'descr': '|b1', 'fortran_order': False, 'shape': ()}", "\x01"));
  ASSERT_TRUE(bool(scalar));
  EXPECT_TRUE(scalar->shape.empty());
  auto empty = readNpy(
      npy("{'descr': '<i8', 'fortran_order': False, 'shape': (3, 0)}", ""));
  ASSERT_TRUE(bool(empty));
  EXPECT_EQ(empty->elements(), 0);
}

TEST(NpyTest, RefusesWhatItCannotRead) {
  std::string shape = "'fortran_order': False, 'shape': (2,)}";
  EXPECT_EQ(failure("hello world"),
            "not an npy file: it does not start with \\x93NUMPY");
  EXPECT_EQ(failure(std::string("\x93NUMPY\x01\x00", 8)),
            "npy file is truncated");
  EXPECT_EQ(failure(npy("{'descr': '<f4', " + shape, "", 9)),
            "npy format version is 9, expected 1 to 3");
  EXPECT_EQ(failure(npy("{'descr': '>f4', " + shape, bytesOf({1, 2}))),
            "array is big-endian ('>f4'), expected little-endian: save "
            "a.astype(a.dtype.newbyteorder('<'))");
  EXPECT_EQ(failure(npy("{'descr': '<U4', " + shape, "")),
            "array has type '<U4', expected numbers or booleans");
  EXPECT_EQ(failure(npy("{'descr': [('a', '<f4')], " + shape, "")),
            "structured arrays are not supported");
  EXPECT_EQ(failure(npy("{'descr': '<f4', " + shape, bytesOf({1}))),
            "array of type '<f4' and shape [2] takes 8 bytes, the file holds "
            "4");
  EXPECT_EQ(failure(npy("{'descr': '<f4', 'fortran_order': False, 'shape': "
                        "(4611686018427387904, 4)}",
                        "")),
            "array of shape [4611686018427387904,4] is too large");
  EXPECT_EQ(failure(npy("{'descr': '<f4', 'x': 1}", "")),
            "npy header has the unknown key 'x'");
  EXPECT_EQ(failure(npy("{'descr': '<f4'}", "")),
            "npy header is malformed: expected a dictionary with 'descr', "
            "'fortran_order' and 'shape'");
  EXPECT_NE(failure(npy("{'descr': '<f4', 'fortran_order': False, 'shape': "
                        "(-1,)}",
                        "")),
            "");
}

TEST(NpyTest, WritesWhatItReads) {
  Tensor tensor;
  tensor.dtype = ASHLAR_INT16;
  tensor.shape = {3};
  tensor.bytes = {1, 0, 2, 0, 0xff, 0xff};
  std::string file = writeNpy(tensor);
  EXPECT_EQ((file.size() - 6) % 64, 0u);
  auto again = readNpy(file);
  ASSERT_TRUE(bool(again)) << llvm::toString(again.takeError());
  EXPECT_EQ(again->dtype, ASHLAR_INT16);
  EXPECT_EQ(again->bytes, tensor.bytes);
  EXPECT_EQ(again->value(2), -1.0);
}

void put(std::string &file, uint64_t value, int bytes) {
  for (int i = 0; i != bytes; ++i)
    file += char(value >> (8 * i));
}

/// An archive of one member, deflated or stored.
std::string zip(const std::string &name, const std::string &content,
                bool deflated, uint32_t flipSum = 0) {
  std::string stored = content;
  if (deflated) {
    stored.resize(content.size() + 1000);
    z_stream stream = {};
    deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY);
    stream.next_in = (Bytef *)content.data();
    stream.avail_in = content.size();
    stream.next_out = (Bytef *)stored.data();
    stream.avail_out = stored.size();
    deflate(&stream, Z_FINISH);
    stored.resize(stream.total_out);
    deflateEnd(&stream);
  }
  uint32_t sum =
      crc32(0, (const Bytef *)content.data(), content.size()) ^ flipSum;
  std::string file;
  auto common = [&] {
    put(file, 20, 2);
    put(file, 0, 2);
    put(file, deflated ? 8 : 0, 2);
    put(file, 0, 4);
    put(file, sum, 4);
    put(file, stored.size(), 4);
    put(file, content.size(), 4);
    put(file, name.size(), 2);
    put(file, 0, 2);
  };
  put(file, 0x04034b50, 4);
  common();
  file += name + stored;
  uint64_t directory = file.size();
  put(file, 0x02014b50, 4);
  put(file, 20, 2);
  common();
  put(file, 0, 2 + 2 + 2 + 4 + 4);
  file += name;
  uint64_t size = file.size() - directory;
  put(file, 0x06054b50, 4);
  put(file, 0, 4);
  put(file, 1, 2);
  put(file, 1, 2);
  put(file, size, 4);
  put(file, directory, 4);
  put(file, 0, 2);
  return file;
}

TEST(NpzTest, ReadsStoredAndDeflated) {
  std::string member =
      npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4,)}",
          bytesOf({1, 2, 3, 4}));
  for (bool deflated : {false, true}) {
    auto tensors = readNpz(zip("x.npy", member, deflated));
    ASSERT_TRUE(bool(tensors)) << llvm::toString(tensors.takeError());
    ASSERT_EQ(tensors->size(), 1u);
    EXPECT_EQ(tensors->front().name, "x");
    EXPECT_EQ(tensors->front().value(2), 3.0);
  }
}

TEST(NpzTest, RefusesDamage) {
  auto text = [](const std::string &file) {
    auto tensors = readNpz(file);
    return tensors ? "" : llvm::toString(tensors.takeError());
  };
  std::string member = npy(
      "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", bytesOf({1}));
  EXPECT_EQ(text("PK"), "not a zip archive: no end record");
  EXPECT_EQ(text(zip("x.npy", member, true, 1)),
            "member 'x.npy': checksum is wrong");
  EXPECT_EQ(text(zip("x.txt", "hello", false)),
            "member 'x.txt' of the archive is not an npy file");
  EXPECT_EQ(text(zip("x.npy", "hello", false)),
            "member 'x.npy': not an npy file: it does not start with "
            "\\x93NUMPY");
  // Every prefix and every flipped byte is survived.
  std::string good = zip("x.npy", member, true);
  for (size_t i = 0; i != good.size(); ++i) {
    text(good.substr(0, i));
    std::string bad = good;
    bad[i] ^= 0x55;
    text(bad);
  }
}

} // namespace
