// oneDNN as a second opinion on numbers: integer sums exactly, floats within
// the bound of a sum of that length, at every instruction set of this machine.
#include "test/perf/ShapeModel.h"
#include "tools/ashlar-onednn/OneDnnLayer.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>

using namespace ashlar;
using namespace ashlar::perf;

namespace {

class OneDnnOracle
    : public testing::TestWithParam<std::tuple<const char *, Type, Shape>> {};

/// Terms of a sum.
int64_t depthOf(const Shape &shape) {
  return shape.isConvolution
             ? shape.channels / shape.groups * shape.kernel * shape.kernel
             : shape.depth;
}

TEST_P(OneDnnOracle, Agrees) {
  auto [cpu, type, shape] = GetParam();
  LayerData data = makeData(shape, type);
  auto model = ShapeModel::compile(shape, type, data, cpu, Result::Sums);
  if (!model) {
    std::string text = llvm::toString(model.takeError());
    if (text.find("CPU lacks") != std::string::npos)
      GTEST_SKIP() << text;
    FAIL() << text;
  }
  ASSERT_FALSE(bool((*model)->run()));
  OneDnnLayer layer(shape, type, data, Result::Sums);
  layer.run();
  data::Tensor got = (*model)->output();
  if (type == Type::U8S8) {
    std::vector<int32_t> expected = layer.sums();
    ASSERT_EQ(got.bytes.size(), expected.size() * 4);
    EXPECT_EQ(memcmp(got.bytes.data(), expected.data(), got.bytes.size()), 0);
    return;
  }
  std::vector<float> expected = layer.floats();
  ASSERT_EQ(got.bytes.size(), expected.size() * 4);
  // Values are below 1: both err by at most a rounding of the largest partial
  // sum in each step.
  double depth = double(depthOf(shape));
  double bound = 2 * depth * depth * std::ldexp(1.0, -24);
  for (size_t i = 0; i != expected.size(); ++i) {
    float value;
    memcpy(&value, got.bytes.data() + 4 * i, 4);
    ASSERT_NEAR(value, expected[i], bound) << "element " << i;
  }
}

std::string
nameOf(const testing::TestParamInfo<OneDnnOracle::ParamType> &info) {
  std::string name = std::string(typeName(std::get<1>(info.param))) + "_" +
                     std::get<0>(info.param) + "_" +
                     std::get<2>(info.param).name;
  for (char &c : name)
    c = std::isalnum(c) ? c : '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, OneDnnOracle,
    testing::Combine(testing::Values("x86-64-v3", "skylake-avx512",
                                     "icelake-server", "cooperlake"),
                     testing::Values(Type::F32, Type::Bf16, Type::U8S8),
                     testing::ValuesIn(oracleShapes())),
    nameOf);

} // namespace
