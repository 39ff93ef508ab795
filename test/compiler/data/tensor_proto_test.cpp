#include "compiler/data/DataFiles.h"
#include "compiler/data/TensorProtoFile.h"
#include "compiler/import/onnx.pb.h"
#include "runtime/ashlar_rt.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"
#include "gtest/gtest.h"

using namespace ashlar::data;

namespace {

std::string serialise(int32_t type, std::vector<int64_t> dims,
                      const std::function<void(onnx::TensorProto &)> &fill) {
  onnx::TensorProto proto;
  proto.set_name("t");
  proto.set_data_type(type);
  for (int64_t dim : dims)
    proto.add_dims(dim);
  fill(proto);
  return proto.SerializeAsString();
}

Tensor read(const std::string &file) {
  auto tensor = readTensorProto(file);
  if (!tensor) {
    ADD_FAILURE() << llvm::toString(tensor.takeError());
    return {};
  }
  return std::move(*tensor);
}

std::string failure(const std::string &file) {
  auto tensor = readTensorProto(file);
  return tensor ? "" : llvm::toString(tensor.takeError());
}

TEST(TensorProtoTest, ReadsEveryField) {
  EXPECT_EQ(read(serialise(ASHLAR_FLOAT32, {2},
                           [](auto &p) {
                             p.add_float_data(1);
                             p.add_float_data(2.5);
                           }))
                .value(1),
            2.5);
  EXPECT_EQ(read(serialise(ASHLAR_FLOAT16, {1},
                           [](auto &p) { p.add_int32_data(0x3e00); }))
                .value(0),
            1.5);
  EXPECT_EQ(
      read(serialise(ASHLAR_INT8, {1}, [](auto &p) { p.add_int32_data(-3); }))
          .value(0),
      -3.0);
  EXPECT_EQ(read(serialise(ASHLAR_INT4, {3},
                           [](auto &p) {
                             p.add_int32_data(0x8f);
                             p.add_int32_data(0x01);
                           }))
                .value(1),
            -8.0);
  EXPECT_EQ(read(serialise(ASHLAR_UINT32, {1},
                           [](auto &p) { p.add_uint64_data(4000000000u); }))
                .value(0),
            4e9);
  auto complex = read(serialise(ASHLAR_COMPLEX64, {1}, [](auto &p) {
    p.add_float_data(1);
    p.add_float_data(-2);
  }));
  EXPECT_EQ(complex.value(0), (std::complex<double>{1, -2}));
  auto text = read(
      serialise(ASHLAR_STRING, {1}, [](auto &p) { p.add_string_data("hi"); }));
  EXPECT_EQ(text.strings[0], "hi");
}

TEST(TensorProtoTest, WritesWhatItReads) {
  for (int type : {ASHLAR_UINT8, ASHLAR_INT4, ASHLAR_UINT2}) {
    Tensor tensor = randomTensor("t", type, {5}, 1);
    Tensor again = read(writeTensorProto(tensor));
    EXPECT_EQ(again.bytes, tensor.bytes);
    EXPECT_EQ(again.shape, tensor.shape);
    EXPECT_EQ(again.dtype, type);
  }
}

TEST(TensorProtoTest, RefusesWhatItCannotRead) {
  EXPECT_EQ(failure("\xff\xff"), "not a serialised ONNX TensorProto");
  EXPECT_EQ(failure(""), "not a serialised ONNX TensorProto: data type is 0");
  EXPECT_EQ(failure(serialise(ASHLAR_FLOAT32, {2},
                              [](auto &p) { p.set_raw_data("abc"); })),
            "tensor 't' of type float32 and shape [2] holds 3 bytes, expected "
            "8");
  EXPECT_EQ(failure(serialise(ASHLAR_FLOAT32, {2},
                              [](auto &p) { p.add_float_data(1); })),
            "tensor 't' of type float32 and shape [2] holds 1 values, expected "
            "2");
  EXPECT_EQ(failure(serialise(ASHLAR_FLOAT32, {-1}, [](auto &) {})),
            "tensor 't' has the impossible shape [-1]");
  EXPECT_EQ(failure(serialise(ASHLAR_FLOAT32, {INT64_MAX, 8}, [](auto &) {})),
            "tensor 't' has the impossible shape [9223372036854775807,8]");
}

TEST(DataFilesTest, ReadsFolders) {
  llvm::SmallString<128> folder;
  ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("ashlar-data", folder));
  auto empty = readTestFolder(folder);
  EXPECT_NE(llvm::toString(empty.takeError()).find("holds no input_0.pb"),
            std::string::npos);
  std::error_code code;
  for (const char *name : {"/input_0.pb", "/input_1.pb", "/output_0.pb"})
    llvm::raw_fd_ostream((folder + name).str(), code)
        << writeTensorProto(randomTensor(name, ASHLAR_FLOAT32, {3}, 7));
  auto data = readTestFolder(folder);
  ASSERT_TRUE(bool(data)) << llvm::toString(data.takeError());
  EXPECT_EQ(data->inputs.size(), 2u);
  EXPECT_EQ(data->outputs.size(), 1u);
  auto missing = readDataFile((folder + "/none.npy").str());
  EXPECT_NE(llvm::toString(missing.takeError()).find("cannot read the file"),
            std::string::npos);
  llvm::sys::fs::remove_directories(folder);
}

TEST(RandomTensorTest, SameSeedSameValues) {
  Tensor a = randomTensor("a", ASHLAR_FLOAT32, {100}, 5),
         b = randomTensor("b", ASHLAR_FLOAT32, {100}, 5),
         c = randomTensor("c", ASHLAR_FLOAT32, {100}, 6);
  EXPECT_EQ(a.bytes, b.bytes);
  EXPECT_NE(a.bytes, c.bytes);
}

} // namespace
