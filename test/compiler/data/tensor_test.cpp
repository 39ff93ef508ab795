#include "compiler/data/Compare.h"
#include "runtime/ashlar_rt.h"

#include "gtest/gtest.h"

#include <cmath>
#include <cstring>
#include <limits>

using namespace ashlar::data;

namespace {

Tensor floats(std::vector<float> values) {
  Tensor tensor;
  tensor.dtype = ASHLAR_FLOAT32;
  tensor.shape = {int64_t(values.size())};
  tensor.bytes.resize(values.size() * 4);
  memcpy(tensor.bytes.data(), values.data(), tensor.bytes.size());
  return tensor;
}

TEST(TensorTest, CountsElements) {
  EXPECT_EQ(elementCount({}), 1);
  EXPECT_EQ(elementCount({2, 3}), 6);
  EXPECT_EQ(elementCount({INT64_MAX, INT64_MAX, 0}), 0);
  EXPECT_EQ(elementCount({INT64_MAX, 2}), std::nullopt);
  EXPECT_EQ(elementCount({-1, 2}), std::nullopt);
}

TEST(TensorTest, DecodesSmallFloats) {
  EXPECT_EQ(decodeSmallFloat(ASHLAR_FLOAT16, 0x3e00), 1.5);
  EXPECT_EQ(decodeSmallFloat(ASHLAR_BFLOAT16, 0xc040), -3.0);
  EXPECT_EQ(decodeSmallFloat(ASHLAR_FLOAT8E4M3FN, 0x7e), 448.0);
  EXPECT_TRUE(std::isnan(decodeSmallFloat(ASHLAR_FLOAT8E4M3FN, 0x7f)));
  EXPECT_EQ(decodeSmallFloat(ASHLAR_FLOAT8E5M2, 0x7b), 57344.0);
  EXPECT_TRUE(std::isnan(decodeSmallFloat(ASHLAR_FLOAT8E5M2FNUZ, 0x80)));
  EXPECT_EQ(decodeSmallFloat(ASHLAR_FLOAT4E2M1, 0x7), 6.0);
  EXPECT_EQ(decodeSmallFloat(ASHLAR_FLOAT4E2M1, 0xf), -6.0);
  EXPECT_EQ(decodeSmallFloat(ASHLAR_FLOAT8E8M0, 128), 2.0);
}

TEST(TensorTest, PacksAndUnpacks) {
  std::vector<uint8_t> packed = {0x8f, 0x01};
  EXPECT_EQ(unpackElements(ASHLAR_INT4, packed, 3),
            (std::vector<uint8_t>{0xff, 0xf8, 0x01}));
  EXPECT_EQ(unpackElements(ASHLAR_UINT4, packed, 3),
            (std::vector<uint8_t>{0x0f, 0x08, 0x01}));
  EXPECT_EQ(unpackElements(ASHLAR_INT2, packed, 5),
            (std::vector<uint8_t>{0xff, 0xff, 0x00, 0xfe, 0x01}));
  for (int type : {ASHLAR_INT4, ASHLAR_UINT4, ASHLAR_INT2, ASHLAR_UINT2})
    EXPECT_EQ(packElements(type, unpackElements(type, packed, 4)),
              packElements(type, unpackElements(type, packed, 4)));
  EXPECT_EQ(packElements(ASHLAR_INT4, unpackElements(ASHLAR_INT4, packed, 3)),
            packed);
}

TEST(CompareTest, FindsTheWorst) {
  auto result = compare(floats({1, 2, 3.5, 4}), floats({1, 2, 3, 4.25}), {});
  EXPECT_EQ(result.mismatches, 2);
  EXPECT_EQ(result.worst, 0.5);
  EXPECT_EQ(result.worstIndex, 2);
  EXPECT_FALSE(result.agrees());
  EXPECT_TRUE(compare(floats({3.5}), floats({3}), {0, 0.5}).agrees());
  EXPECT_FALSE(compare(floats({3.5}), floats({3}), {0, 0.4}).agrees());
  EXPECT_TRUE(compare(floats({3.5}), floats({3}), {0.2, 0}).agrees());
}

TEST(CompareTest, SpecialValues) {
  float inf = std::numeric_limits<float>::infinity(), nan = NAN;
  Tolerance loose{1, 1e30};
  EXPECT_TRUE(
      compare(floats({nan, inf, -inf}), floats({nan, inf, -inf}), {}).agrees());
  EXPECT_FALSE(compare(floats({nan}), floats({1}), loose).agrees());
  EXPECT_FALSE(compare(floats({1}), floats({nan}), loose).agrees());
  EXPECT_FALSE(compare(floats({inf}), floats({-inf}), loose).agrees());
  EXPECT_FALSE(compare(floats({1}), floats({inf}), loose).agrees());
}

TEST(CompareTest, WideIntegersAreExact) {
  Tensor a, b;
  a.dtype = b.dtype = ASHLAR_INT64;
  a.shape = b.shape = {1};
  int64_t big = INT64_MAX - 1, bigger = INT64_MAX;
  a.bytes.assign((uint8_t *)&big, (uint8_t *)&big + 8);
  b.bytes.assign((uint8_t *)&bigger, (uint8_t *)&bigger + 8);
  EXPECT_EQ(compare(a, b, {}).mismatches, 1);
  EXPECT_EQ(compare(a, b, {}).worst, 1);
}

TEST(CompareTest, TypesAndShapes) {
  Tensor a = floats({1, 2}), b = floats({1, 2});
  b.shape = {1, 2};
  EXPECT_FALSE(compare(a, b, {}).sameShape);
  EXPECT_EQ(indexText(5, {2, 3}), "[1,2]");
  EXPECT_EQ(indexText(0, {}), "[]");
}

} // namespace
