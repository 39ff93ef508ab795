// Layers whose activation is the sum of two tensors of bytes.
#include "compiler/quantization/QuantizationParameters.h"
#include "test/compiler/quantization/QuantizeTest.h"

#include <cstring>

namespace ashlar::quantization {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

// x is nearly the sum of two tensors of bytes, each multiplied by the weights.
TEST(TwoTermsTest, MultiplyTwice) {
  auto model = parseText(
      modelOf(17, inputOf("x", 1, "1,2,8,8") + outputOf("y") +
                      weightsOf("w1", "2,2,1,1") + weightsOf("w2", "2,2,1,1") +
                      weightsOf("b1", "2") + weightsOf("w3", "2,2,1,1") +
                      layer("Conv", "x,w1,b1", "a") + layer("Relu", "a", "r") +
                      layer("Conv", "r,w2", "s") + layer("Conv", "r,w3", "t") +
                      layer("Add", "s,t", "y")));
  QuantizeOptions options;
  options.twoTermNodes = {"^[as]$"};
  QuantizedModel result = quantized(*model, options);
  std::string nodes = nodesOf(*result.model);
  for (const char *line :
       {"x_second_term = Sub(x, x_DequantizeLinear_Output)\n",
        "a_first_product = Conv(x_DequantizeLinear_Output, "
        "w1_DequantizeLinear_Output, b1_DequantizeLinear_Output)\n",
        "a_second_product = Conv(x_second_term_DequantizeLinear_Output, "
        "w1_DequantizeLinear_Output)\n",
        "a = Add(a_first_product, a_second_product)\n"})
    EXPECT_THAT(nodes, HasSubstr(line));
  // The other reader of r has it in one term, of another scale.
  EXPECT_THAT(nodes, HasSubstr("r_second_term = Sub(r, "));
  EXPECT_THAT(nodes, HasSubstr("(r, r_scale, r_zero_point)"));
  EXPECT_THAT(nodes, HasSubstr("(r, r_first_term_scale, "));
  EXPECT_THAT(reasonOf(result, "s"), HasSubstr("int8: u8 activations in two"));
  EXPECT_THAT(reasonOf(result, "t"), Not(HasSubstr("two terms")));
  EXPECT_EQ(result.warnings.size(), 0u);
  options.twoTermNodes = {"nowhere"};
  EXPECT_THAT(quantized(*model, options).warnings,
              Contains(HasSubstr("matches 'nowhere'")));
}

// Before opset 11 a Gemm has three inputs.
TEST(TwoTermsTest, TheSecondHasNoBias) {
  for (int opset : {10, 13}) {
    auto model = parseText(modelOf(
        opset, inputOf("x", 1, "4,8") + outputOf("y") + weightsOf("w", "8,8") +
                   weightsOf("b", "8") + layer("Gemm", "x,w,b", "y")));
    QuantizeOptions options;
    options.twoTermNodes = {"y"};
    options.perChannelWeights = false;
    EXPECT_THAT(nodesOf(*quantized(*model, options).model),
                HasSubstr(opset == 10
                              ? "w_DequantizeLinear_Output, y_no_bias)\n"
                              : "Gemm(x_second_term_DequantizeLinear_Output, "
                                "w_DequantizeLinear_Output)\n"));
  }
}

TEST(TwoTermsTest, TheSecondReachesWhatTheFirstLoses) {
  for (bool isSigned : {false, true}) {
    ActivationParameters first = chooseParameters(-1, 3, isSigned),
                         second = secondTermOf(first);
    EXPECT_FLOAT_EQ(second.scale * 127, first.scale / 2);
    EXPECT_EQ(second.zeroPoint, isSigned ? 0 : 128);
    EXPECT_EQ(second.isSigned, isSigned);
  }
}

// Their range is twice what was seen, and no other choice of ranges matters.
TEST(TwoTermsTest, HaveRoomBeyondWhatWasSeen) {
  auto model = parseText(modelOf(13, inputOf("x", 1, "4,8") + outputOf("y") +
                                         weightsOf("w", "8,8") +
                                         layer("MatMul", "x,w", "y")));
  CalibrationTable table = tableFor(*model, -1, 3);
  table.tensors["x"].maximum = 1; // as a method that cuts outliers off
  QuantizeOptions options;
  options.twoTermNodes = {"."};
  auto result = quantizeModel(*model, table, options);
  ASSERT_TRUE(bool(result)) << llvm::toString(result.takeError());
  const proto::TensorProto *scale =
      tensorOf(*result->model, "x_first_term_scale");
  ASSERT_NE(scale, nullptr);
  float value = 0;
  ASSERT_EQ(scale->raw_data().size(), sizeof value);
  std::memcpy(&value, scale->raw_data().data(), sizeof value);
  EXPECT_FLOAT_EQ(value, 8.0f / 255);
}

} // namespace
} // namespace ashlar::quantization
