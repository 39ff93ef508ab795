// Models of 16-bit floats, quantized beside f32.
#include "compiler/quantization/WidenFloats.h"
#include "test/compiler/quantization/QuantizeTest.h"

#include <cstring>

namespace ashlar::quantization {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

// 1, -0.5 and 65504, the largest; of bf16: 1 and 2.
constexpr const char *halves =
    "initializer { name: 'w' data_type: 10 dims: [1, 3] "
    "int32_data: [15360, 47104, 31743] }\n"
    "initializer { name: 'b' data_type: 16 dims: 2 int32_data: [16256, 16384] "
    "}\n";

std::string halfOutput(const std::string &name) {
  return "output { " + tensorInfo(name, 10, "*") + " }\n";
}

std::vector<float> valuesOf(const proto::TensorProto &tensor) {
  std::vector<float> values(tensor.raw_data().size() / sizeof(float));
  memcpy(values.data(), tensor.raw_data().data(), tensor.raw_data().size());
  return values;
}

int typeOf(const proto::ValueInfoProto &info) {
  return info.type().tensor_type().elem_type();
}

TEST(WidenFloatsTest, InputsAndOutputsStay) {
  auto model = parseText(modelOf(
      15, inputOf("x", 10, "2,1") + halfOutput("y") + outputOf("x_float") +
              halves + layer("Cast", "b", "c", intAttr("to", 10)) +
              layer("MatMul", "x,w", "y") + layer("Mul", "y,y", "x_float")));
  auto places = widenFloats(*model);
  ASSERT_TRUE(bool(places)) << llvm::toString(places.takeError());
  EXPECT_THAT(*places, ElementsAre(Pair("x_float_0", "x"),
                                   Pair("x_float_float", "x_float"),
                                   Pair("y_float", "y")));
  EXPECT_EQ(nodesOf(*model), "x_float_0 = Cast(x)\n"
                             "c = Cast(b)\n"
                             "y_float = MatMul(x_float_0, w)\n"
                             "x_float_float = Mul(y_float, y_float)\n"
                             "y = Cast(y_float)\n"
                             "x_float = Cast(x_float_float)\n");
  const proto::GraphProto &graph = model->model.graph();
  EXPECT_EQ(graph.input(0).name(), "x");
  EXPECT_EQ(typeOf(graph.input(0)), 10);
  EXPECT_EQ(graph.output(0).name(), "y");
  EXPECT_EQ(typeOf(graph.output(0)), 10);
  EXPECT_EQ(typeOf(graph.output(1)), 10); // though the file does not say so
  EXPECT_THAT(valuesOf(*tensorOf(*model, "w")), ElementsAre(1, -0.5, 65504));
  EXPECT_THAT(valuesOf(*tensorOf(*model, "b")), ElementsAre(1, 2));
  EXPECT_EQ(graph.node(1).attribute(0).i(), 1);
  EXPECT_EQ(graph.node(4).attribute(0).i(), 10);
}

TEST(WidenFloatsTest, ModelsOfF32AreNotTouched) {
  auto model = parseText(modelOf(15, inputOf("x", 1, "2,1") + outputOf("y") +
                                         weightsOf("w", "1,3") +
                                         layer("MatMul", "x,w", "y")));
  std::string before = written(*model);
  auto places = widenFloats(*model);
  ASSERT_TRUE(bool(places));
  EXPECT_TRUE(places->empty());
  EXPECT_EQ(written(*model), before);
}

// Ranges are those of the tensors that the model has.
TEST(WidenFloatsTest, LayersAreQuantized) {
  auto model = parseText(modelOf(15, inputOf("x", 10, "2,1") + halfOutput("y") +
                                         halves + layer("MatMul", "x,w", "y")));
  EXPECT_THAT(tensorsToCalibrate(*model), ElementsAre("x"));
  QuantizedModel result = quantized(*model);
  ASSERT_EQ(result.layers.size(), 1u);
  EXPECT_TRUE(result.layers[0].quantized) << result.layers[0].reason;
  EXPECT_THAT(result.warnings,
              ElementsAre("computes in 16-bit floats: what is not quantized "
                          "computes in f32 now"));
  EXPECT_EQ(nodesOf(*result.model).substr(0, 20), "x_float = Cast(x)\nx_");
  EXPECT_THAT(nodesOf(*result.model), HasSubstr("y = Cast(y_float)\n"));
}

TEST(WidenFloatsTest, WrongDataIsAnError) {
  auto model = parseText(modelOf(
      15, inputOf("x", 10, "2,1") + halfOutput("y") +
              "initializer { name: 'w' data_type: 10 dims: [1, 3] int32_data: "
              "[1, 2] }\n" +
              layer("MatMul", "x,w", "y")));
  EXPECT_EQ(errorOf(*model, tableFor(*model)),
            "test.onnx: error: tensor 'w' has 2 elements, but its shape needs "
            "3");
}

} // namespace
} // namespace ashlar::quantization
