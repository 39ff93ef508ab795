// Which tensors become integers in graphs of many kinds, and why layers do not.
#include "compiler/quantization/QuantizationParameters.h"
#include "test/compiler/quantization/QuantizeTest.h"

#include <cmath>
#include <cstring>
#include <numeric>

namespace ashlar::quantization {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(QuantizationPlanTest, BatchNormalizationGoesIntoConv) {
  std::string norm = "initializer { name: 'scale' data_type: 1 dims: 2 "
                     "float_data: [2, 3] }\n"
                     "initializer { name: 'shift' data_type: 1 dims: 2 "
                     "float_data: [1, -1] }\n"
                     "initializer { name: 'mean' data_type: 1 dims: 2 "
                     "float_data: [5, 7] }\n"
                     "initializer { name: 'var' data_type: 1 dims: 2 "
                     "float_data: [16, 81] }\n";
  auto model = parseText(
      modelOf(15, inputOf("x", 1, "1,1,4,4") + outputOf("y") + norm +
                      "initializer { name: 'w' data_type: 1 dims: [2, 1, 1, 1] "
                      "float_data: [10, 20] }\n" +
                      layer("Conv", "x,w", "c") +
                      layer("BatchNormalization", "c,scale,shift,mean,var", "y",
                            floatAttr("epsilon", 0))));
  EXPECT_THAT(tensorsToCalibrate(*model), ElementsAre("x"));
  QuantizedModel result = quantized(*model);
  EXPECT_THAT(nodesOf(*result.model),
              AllOf(HasSubstr("y = Conv("), Not(HasSubstr("Normalization"))));
  // 10 * 2 / sqrt(16) and 20 * 3 / sqrt(81), in steps of the greatest / 127.
  auto *scales = tensorOf(*result.model, "y_weight_scale");
  ASSERT_TRUE(scales);
  float values[2];
  memcpy(values, scales->raw_data().data(), sizeof values);
  EXPECT_FLOAT_EQ(values[0], 5.0f / 127);
  EXPECT_FLOAT_EQ(values[1], 20.0f / 3 / 127);
  // 1 - 5 / 2 and -1 - 7 / 3, counted in steps of both scales: x has 4 / 255.
  int32_t bias[2];
  memcpy(bias, tensorOf(*result.model, "y_bias_quantized")->raw_data().data(),
         sizeof bias);
  EXPECT_NEAR(bias[0], -1.5 / (4.0 / 255 * 5 / 127), 0.51);
  EXPECT_NEAR(bias[1], -10.0 / 3 / (4.0 / 255 * 20 / 3 / 127), 0.51);
}

TEST(QuantizationPlanTest, ResultsWithOtherReadersAreNotFolded) {
  auto model = parseText(
      modelOf(15, inputOf("x", 1, "1,1,4,4") + outputOf("y") + outputOf("c") +
                      weightsOf("w", "2,1,1,1") + weightsOf("b", "2,1,1") +
                      layer("Conv", "x,w", "c") + layer("Add", "c,b", "y")));
  EXPECT_THAT(nodesOf(*quantized(*model).model), HasSubstr("y = Add(c, b)"));
}

TEST(QuantizationPlanTest, BytesAreMovedAndJoined) {
  auto model = parseText(modelOf(
      15, inputOf("x", 1, "1,2,8,8") + outputOf("y") +
              weightsOf("w1", "2,2,1,1") + weightsOf("w2", "2,4,1,1") +
              layer("Conv", "x,w1", "a") + layer("Conv", "x,w1", "b") +
              layer("MaxPool", "a", "p", intsAttr("kernel_shape", {1, 1})) +
              layer("Concat", "p,b", "j", intAttr("axis", 1)) +
              layer("Conv", "j,w2", "y")));
  // One range for all that is joined: the one that the last Conv reads.
  EXPECT_THAT(tensorsToCalibrate(*model), ElementsAre("x", "j"));
  QuantizedModel result = quantized(*model);
  std::string nodes = nodesOf(*result.model);
  for (const char *tensor : {"a", "b", "p", "j"})
    EXPECT_THAT(nodes, HasSubstr(std::string(tensor) +
                                 "_QuantizeLinear_Output = QuantizeLinear(" +
                                 tensor + ", j_scale, j_zero_point)"));
  // Weights that two layers share are stored once.
  int copies = 0;
  for (const proto::TensorProto &tensor :
       result.model->model.graph().initializer())
    copies += llvm::StringRef(tensor.name()).starts_with("w1_quantized");
  EXPECT_EQ(copies, 1);
}

TEST(QuantizationPlanTest, FunctionsOfBytesGetByteArguments) {
  auto model = parseText(
      modelOf(15, inputOf("x", 1, "1,2,8,8") + outputOf("y") +
                      weightsOf("w1", "2,2,1,1") + weightsOf("w2", "2,2,1,1") +
                      layer("Conv", "x,w1", "a") + layer("Sigmoid", "a", "s") +
                      layer("Mul", "a,s", "m") + layer("Conv", "m,w2", "y")));
  // No rounding inside of the function.
  EXPECT_THAT(tensorsToCalibrate(*model), ElementsAre("x", "a", "m"));
}

// GELU as exporters spell it, behind a bias for each channel: the bias belongs
// to the product, the function begins behind it.
TEST(QuantizationPlanTest, BiasesAreNoPartOfFunctionsOfBytes) {
  std::string half = "initializer { name: 'half' data_type: 1 float_data: 0.5 "
                     "}\n";
  auto model = parseText(
      modelOf(17, inputOf("x", 1, "4,8") + outputOf("y") + half +
                      weightsOf("w1", "8,8") + weightsOf("b1", "8") +
                      weightsOf("w2", "8,8") + layer("MatMul", "x,w1", "p") +
                      layer("Add", "p,b1", "q") + layer("Mul", "q,half", "d") +
                      layer("Erf", "d", "e") + layer("Add", "e,half", "f") +
                      layer("Mul", "q,f", "g") + layer("MatMul", "g,w2", "y")));
  EXPECT_THAT(tensorsToCalibrate(*model), ElementsAre("x", "q", "g"));
}

TEST(QuantizationPlanTest, ResidualsOfTransformersStayInFloats) {
  auto model = parseText(modelOf(
      17, inputOf("x", 1, "1,4,8") + outputOf("y") + weightsOf("w1", "8,8") +
              weightsOf("w2", "8,8") + weightsOf("b1", "8") +
              weightsOf("g", "8") + layer("LayerNormalization", "x,g", "n") +
              layer("MatMul", "n,w1", "p") + layer("Add", "p,b1", "q") +
              layer("Add", "q,n", "r") +
              layer("LayerNormalization", "r,g", "n2") +
              layer("MatMul", "n2,w2", "y")));
  EXPECT_THAT(tensorsToCalibrate(*model), ElementsAre("n", "n2"));
  EXPECT_THAT(nodesOf(*quantized(*model).model), HasSubstr("r = Add(q, n)"));
}

// A normalization spelled out, its averages as pools: eight bits are too few
// for a variance.
TEST(QuantizationPlanTest, VariancesStayInFloats) {
  for (const char *from : {"MatMul", "Conv"}) {
    std::string w1 = from[0] == 'M' ? "8,8" : "2,2,1,1",
                w2 = from[0] == 'M' ? "8,4" : "2,2,1,1";
    auto model = parseText(modelOf(
        15, inputOf("x", 1, "1,2,8,8") + outputOf("y") + weightsOf("w1", w1) +
                weightsOf("w2", w2) + layer(from, "x,w1", "a") +
                layer("GlobalAveragePool", "a", "mean") +
                layer("Sub", "a,mean", "d") + layer("Mul", "d,d", "square") +
                layer("GlobalAveragePool", "square", "variance") +
                layer("Sqrt", "variance", "deviation") +
                layer("Div", "d,deviation", "n") + layer(from, "n,w2", "y")));
    auto tensors = tensorsToCalibrate(*model);
    EXPECT_THAT(tensors, Contains("n"));
    for (const char *tensor : {"square", "variance", "deviation"})
      EXPECT_THAT(tensors, Not(Contains(tensor))) << from;
  }
}

TEST(QuantizationPlanTest, AttentionMultipliesActivations) {
  auto model = parseText(modelOf(
      17, inputOf("q", 1, "1,4,8") + inputOf("k", 1, "1,8,4") + outputOf("y") +
              layer("MatMul", "q,k", "s") + layer("Softmax", "s", "p") +
              layer("MatMul", "p,q", "y")));
  EXPECT_THAT(tensorsToCalibrate(*model), ElementsAre("q", "k", "p"));
  EXPECT_EQ(reasonOf(quantized(*model), "y"),
            "int8: u8 activations on both sides");
}

TEST(QuantizationPlanTest, GemmIsOneProductAndOneBias) {
  auto model = parseText(
      modelOf(15, inputOf("x", 1, "2,4") + outputOf("y") +
                      weightsOf("w", "3,4") + weightsOf("c", "3") +
                      layer("Gemm", "x,w,c", "y",
                            intAttr("transB", 1) + floatAttr("alpha", 0.5f) +
                                floatAttr("beta", 2))));
  QuantizedModel result = quantized(*model);
  for (const proto::NodeProto &node : result.model->model.graph().node())
    if (node.op_type() == "Gemm")
      EXPECT_EQ(node.attribute_size(), 1); // transB
  EXPECT_EQ(tensorOf(*result.model, "w_scaled_scale")->dims(0), 3);
}

TEST(QuantizationPlanTest, ColumnsAreNoBiases) {
  auto model = parseText(modelOf(
      15, inputOf("x", 1, "3,4") + outputOf("y") + weightsOf("w", "4,3") +
              weightsOf("c", "3,1") + layer("Gemm", "x,w,c", "y")));
  QuantizedModel result = quantized(*model);
  EXPECT_THAT(nodesOf(*result.model), HasSubstr(", c)"));
  EXPECT_EQ(tensorOf(*result.model, "c_quantized"), nullptr);
}

TEST(QuantizationPlanTest, GreatBiasesCoarsenTheirWeights) {
  auto model = parseText(modelOf(
      15, inputOf("x", 1, "2,1") + outputOf("y") +
              "initializer { name: 'w' data_type: 1 dims: [1, 2] float_data: "
              "[1e-9, 1] }\n"
              "initializer { name: 'c' data_type: 1 dims: 2 float_data: [1000, "
              "1] }\n" +
              layer("Gemm", "x,w,c", "y")));
  QuantizedModel result = quantized(*model);
  int32_t bias[2];
  memcpy(bias, tensorOf(*result.model, "c_quantized")->raw_data().data(),
         sizeof bias);
  EXPECT_LE(bias[0], 1 << 30);
  EXPECT_GE(bias[0], (1 << 30) - 128);
}

TEST(QuantizationPlanTest, WeightsBehindIdentityAndTranspose) {
  auto model = parseText(modelOf(
      15, inputOf("x", 1, "2,4") + outputOf("y") + weightsOf("w", "3,4") +
              layer("Identity", "w", "i") + layer("Transpose", "i", "t") +
              layer("MatMul", "x,t", "y")));
  QuantizedModel result = quantized(*model);
  EXPECT_EQ(reasonOf(result, "y"),
            "int8: u8 activations, s8 weights with a scale for each channel");
  EXPECT_THAT(nodesOf(*result.model), Not(HasSubstr("Transpose")));
  EXPECT_EQ(tensorOf(*result.model, "w"), nullptr);
  EXPECT_EQ(tensorOf(*result.model, "t_quantized")->dims(0), 4);
}

TEST(QuantizationPlanTest, WeightsReadElsewhereStay) {
  auto model = parseText(modelOf(15, inputOf("x", 1, "2,4") + outputOf("y") +
                                         outputOf("z") + weightsOf("w", "4,4") +
                                         layer("MatMul", "x,w", "y") +
                                         layer("Add", "x,w", "z")));
  auto result = quantized(*model);
  EXPECT_NE(tensorOf(*result.model, "w"), nullptr);
  EXPECT_THAT(nodesOf(*result.model), HasSubstr("z = Add(x, w)"));
}

TEST(QuantizationPlanTest, DefaultValuesOfInputsBecomeConstants) {
  std::string text = modelOf(
      15, inputOf("x", 1, "2,4") + inputOf("w", 1, "4,4") + outputOf("y") +
              weightsOf("w", "4,4") + layer("MatMul", "x,w", "y"));
  auto result = quantized(*parseText(text));
  EXPECT_EQ(result.model->model.graph().input_size(), 1);
  ASSERT_EQ(result.warnings.size(), 1u);
  EXPECT_THAT(result.warnings[0],
              HasSubstr("inputs with default values are constants now: 'w'"));
}

TEST(QuantizationPlanTest, OldFilesDeclareEveryInitialiser) {
  std::string text = modelOf(
      8, inputOf("x", 1, "2,4") + inputOf("w", 1, "4,4") + outputOf("y") +
             weightsOf("w", "4,4") + layer("MatMul", "x,w", "y"));
  text.replace(text.find("ir_version: 8"), 13, "ir_version: 3");
  auto result = quantized(*parseText(text));
  EXPECT_EQ(result.model->model.graph().input_size(),
            1 + result.model->model.graph().initializer_size());
  // Nobody meant these inputs: no warning tells that one is gone.
  EXPECT_THAT(result.warnings, ElementsAre(HasSubstr("opset 8 became 10")));
}

TEST(QuantizationPlanTest, ReasonsOfFloatLayers) {
  std::string body =
      "attribute { name: 'then_branch' type: GRAPH g { name: 't' " +
      outputOf("o") + layer("MatMul", "x,w", "o") + " } }\n" +
      "attribute { name: 'else_branch' type: GRAPH g { name: 'e' " +
      outputOf("p") + layer("MatMul", "x,w", "p") + " } }\n";
  auto model = parseText(modelOf(
      15,
      inputOf("x", 1, "4,4") + inputOf("v", 1, "4,4") +
          inputOf("i", 1, "1,2,4,4") + inputOf("f", 9, "") + outputOf("y") +
          outputOf("l") + outputOf("n") + outputOf("u") + outputOf("cv") +
          outputOf("ct") + weightsOf("w", "4,4") + weightsOf("wt", "2,2,3,3") +
          "initializer { name: 'nan' data_type: 1 dims: [4, 1] float_data: "
          "[1, nan, 2, 3] }\n" +
          layer("MatMul", "x,w", "a") + layer("MatMul", "w,x", "l") +
          layer("MatMul", "x,nan", "n") + layer("If", "f", "u", body) +
          layer("Mul", "w,w", "ww") + layer("MatMul", "a,ww", "y") +
          layer("Conv", "i,i", "cv") +
          layer("ConvTranspose", "i,wt", "ct",
                "attribute { name: 'dilations' type: INTS ints: 2 ints: 2 }")));
  QuantizedModel result = quantized(*model);
  EXPECT_THAT(reasonOf(result, "a"), HasSubstr("int8"));
  EXPECT_EQ(reasonOf(result, "l"), "its left side is a constant");
  EXPECT_EQ(reasonOf(result, "n"), "its weights hold NaN or infinity");
  EXPECT_THAT(reasonOf(result, "o"), HasSubstr("int8"));
  EXPECT_EQ(reasonOf(result, "y"), "its weights are computed by Mul");
  EXPECT_EQ(reasonOf(result, "cv"), "its weights are not constant");
  EXPECT_THAT(reasonOf(result, "ct"), HasSubstr("without groups, dilation"));
}

// A body has its own Q/DQ; one that no sample ran stays in floats.
TEST(QuantizationPlanTest, BodiesAreQuantizedWhereTheyRan) {
  auto branch = [](const std::string &name, const std::string &inner,
                   const std::string &output) {
    return "attribute { name: '" + name + "' type: GRAPH g { name: '" + name +
           "' " + outputOf(output) + layer("Exp", "x", inner) +
           layer("MatMul", inner + ",w", output) + " } }\n";
  };
  auto model =
      parseText(modelOf(15, inputOf("x", 1, "4,4") + inputOf("f", 9, "") +
                                outputOf("y") + weightsOf("w", "4,4") +
                                layer("If", "f", "y",
                                      branch("then_branch", "k", "o") +
                                          branch("else_branch", "l", "p"))));
  EXPECT_THAT(tensorsToCalibrate(*model), ElementsAre("k", "l"));
  CalibrationTable table = tableFor(*model);
  table.tensors.erase("l");
  auto result = quantizeModel(*model, table, QuantizeOptions());
  ASSERT_TRUE(bool(result)) << llvm::toString(result.takeError());
  EXPECT_THAT(reasonOf(*result, "o"), HasSubstr("int8"));
  EXPECT_EQ(reasonOf(*result, "p"),
            "no sample of the calibration ran the body it is in");
  const proto::NodeProto &choice = result->model->model.graph().node(0);
  auto operatorsOf = [&](int body) {
    std::vector<std::string> operators;
    for (const proto::NodeProto &node : choice.attribute(body).g().node())
      operators.push_back(node.op_type());
    return operators;
  };
  EXPECT_THAT(operatorsOf(0),
              ElementsAre("Exp", "QuantizeLinear", "DequantizeLinear",
                          "DequantizeLinear", "MatMul"));
  EXPECT_THAT(operatorsOf(1), ElementsAre("Exp", "MatMul"));
}

// As TensorFlow's exporter writes the end of attention: a product whose columns
// lie along one axis has a scale for each, one whose columns lie along two has
// one scale.
TEST(QuantizationPlanTest, EinsumIsAProductOfMatrices) {
  auto equation = [](const std::string &text) {
    return "attribute { name: 'equation' type: STRING s: '" + text + "' }";
  };
  auto model = parseText(modelOf(
      15, inputOf("x", 1, "2,3,2,4") + outputOf("y") + outputOf("z") +
              outputOf("d") + weightsOf("w", "2,4,5") +
              weightsOf("v", "5,2,3") +
              layer("Einsum", "x,w", "y", equation("abcd,cde->abe")) +
              layer("Einsum", "y,v", "z", equation("abe,ecd->abcd")) +
              layer("Einsum", "x,x", "d", equation("abcd,abcd->abcd"))));
  QuantizedModel result = quantized(*model);
  EXPECT_THAT(reasonOf(result, "y"), HasSubstr("int8"));
  EXPECT_EQ(tensorOf(*result.model, "w_scale")->dims_size(), 1);
  EXPECT_EQ(tensorOf(*result.model, "w_scale")->dims(0), 5);
  EXPECT_THAT(reasonOf(result, "z"), HasSubstr("int8"));
  EXPECT_EQ(tensorOf(*result.model, "v_scale")->dims_size(), 0);
  EXPECT_EQ(reasonOf(result, "d"), "Einsum has no form with quantized inputs");
}

// Reports on the quantized model call its layers as those on the float model
// do.
TEST(QuantizationPlanTest, NodesWithoutNamesKeepTheirNumbers) {
  auto model = parseText(
      modelOf(15, inputOf("x", 1, "4,4") + outputOf("y") +
                      weightsOf("w", "4,4") + layer("MatMul", "x,w", "a") +
                      layer("Relu", "a", "r") + layer("MatMul", "r,w", "y")));
  for (proto::NodeProto &node : *model->model.mutable_graph()->mutable_node())
    node.clear_name();
  QuantizedModel result = quantized(*model);
  EXPECT_THAT(reasonOf(result, "MatMul_0"), HasSubstr("int8"));
  EXPECT_THAT(reasonOf(result, "MatMul_2"), HasSubstr("int8"));
  std::vector<std::string> products;
  for (const proto::NodeProto &node : result.model->model.graph().node())
    if (node.op_type() == "MatMul")
      products.push_back(node.name());
  EXPECT_THAT(products, ElementsAre("MatMul_0", "MatMul_2"));
}

TEST(QuantizationPlanTest, Exclusions) {
  auto model = parseText(
      modelOf(15, inputOf("x", 1, "4,4") + outputOf("y") +
                      weightsOf("w", "4,4") + layer("MatMul", "x,w", "a") +
                      layer("MatMul", "a,w", "b") + layer("Gemm", "b,w", "y")));
  QuantizeOptions options;
  options.excludedNodes = {"^b$", "nothing"};
  options.excludedOperators = {"Gemm", "Gem"};
  QuantizedModel result = quantized(*model, options);
  EXPECT_THAT(reasonOf(result, "a"), HasSubstr("int8"));
  EXPECT_EQ(reasonOf(result, "b"), "excluded by '^b$'");
  EXPECT_EQ(reasonOf(result, "y"), "excluded with all Gemm");
  EXPECT_THAT(
      result.warnings,
      ElementsAre("no node's name matches 'nothing', which is to be excluded",
                  "the model has no operator 'Gem', which is to be excluded"));
  options.excludedNodes = {"("};
  EXPECT_THAT(errorOf(*model, tableFor(*model), options),
              HasSubstr("'(' is no regular expression"));
}

TEST(QuantizationPlanTest, ModelsQuantizedInPartAndWholly) {
  auto model = parseText(
      modelOf(15, inputOf("x", 1, "4,4") + outputOf("z") +
                      weightsOf("w", "4,4") + layer("MatMul", "x,w", "y") +
                      layer("Relu", "y", "r") + layer("MatMul", "r,w", "z")));
  QuantizeOptions first;
  first.excludedNodes = {"^z$"};
  auto half = parseBytes(written(*quantized(*model, first).model));
  QuantizedModel rest = quantized(*half);
  EXPECT_THAT(rest.warnings,
              ElementsAre("the model is quantized in part: 1 layers stay as "
                          "they are"));
  EXPECT_THAT(reasonOf(rest, "z"), HasSubstr("int8"));
  auto whole = parseBytes(written(*rest.model));
  EXPECT_EQ(errorOf(*whole, tableFor(*whole)),
            "test.onnx: error: nothing to quantize: the model is quantized "
            "already");
}

TEST(QuantizationPlanTest, DoublesAreRefused) {
  auto model =
      parseText(modelOf(15, inputOf("x", 11, "4,4") + inputOf("v", 11, "4,4") +
                                outputOf("y") + layer("MatMul", "x,v", "y")));
  EXPECT_EQ(errorOf(*model, tableFor(*model)),
            "test.onnx: error: nothing to quantize: 1 layer: computes in "
            "float64");
}

TEST(QuantizationPlanTest, WrongTables) {
  auto model = parseText(modelOf(
      15, inputOf("x", 1, "4,4") + outputOf("y") + weightsOf("w", "4,4") +
              layer("MatMul", "x,w", "r") + layer("MatMul", "r,w", "y")));
  CalibrationTable table = tableFor(*model);
  table.modelHash = "0123";
  table.tensors["other"] = table.tensors["another"] = table.tensors["x"];
  EXPECT_THAT(errorOf(*model, table),
              AllOf(HasSubstr("made for another model (its hash differs)"),
                    HasSubstr("does not have: 'another', 'other'")));
  table = tableFor(*model);
  table.tensors.erase("x");
  table.tensors["r"].minimum = NAN;
  EXPECT_THAT(errorOf(*model, table),
              AllOf(HasSubstr("lacks the tensors 'x'"),
                    HasSubstr("no usable range"), HasSubstr("'r'")));
  table = tableFor(*model, 0, 0);
  auto result = quantizeModel(*model, table, {});
  ASSERT_TRUE(bool(result));
  EXPECT_THAT(result->warnings,
              ElementsAre("only zeros were seen in the tensors 'x', 'r': "
                          "whatever else comes there will be wrong"));
}

// Rounded alone, all but one of 25 would be too small.
TEST(QuantizationParametersTest, LargeWindowsKeepTheirSums) {
  constexpr size_t kSize = 25;
  std::vector<float> weights(2 * kSize, 10.4f);
  weights[0] = 127, weights[kSize] = -127;
  QuantizedWeights alone = quantizeWeights(weights, {}, {}),
                   together = quantizeWeights(weights, {}, {}, kSize);
  auto sum = [](const std::vector<int8_t> &values, size_t begin) {
    return std::accumulate(values.begin() + begin,
                           values.begin() + begin + kSize, 0);
  };
  EXPECT_EQ(sum(alone.values, 0), 127 + 24 * 10);
  EXPECT_EQ(sum(together.values, 0), 127 + 250); // 24 * 10.4, rounded
  EXPECT_EQ(sum(together.values, kSize), -127 + 250);
  for (int8_t value : together.values)
    EXPECT_THAT(value, testing::AnyOf(10, 11, 127, -127));
}

TEST(QuantizationParametersTest, SmallWindowsAreRoundedAsTheyAre) {
  std::vector<float> weights(18, 10.4f);
  weights[0] = 127;
  EXPECT_EQ(quantizeWeights(weights, {}, {}, 9).values,
            quantizeWeights(weights, {}, {}).values);
}

TEST(QuantizationParametersTest, ZeroIsExact) {
  ActivationParameters p = chooseParameters(-1, 3, false);
  EXPECT_FLOAT_EQ(p.scale, 4.0f / 255);
  EXPECT_EQ(p.zeroPoint, 64);
  EXPECT_EQ(chooseParameters(2, 3, false).zeroPoint, 0);
  EXPECT_FLOAT_EQ(chooseParameters(2, 3, false).scale, 3.0f / 255);
  EXPECT_EQ(chooseParameters(-3, -2, false).zeroPoint, 255);
  EXPECT_EQ(chooseParameters(-1, 3, true).zeroPoint, 0);
  EXPECT_FLOAT_EQ(chooseParameters(-1, 3, true).scale, 3.0f / 127);
  EXPECT_EQ(chooseParameters(0, 0, false).scale, 1);
  EXPECT_TRUE(std::isnormal(chooseParameters(0, 1e-300, false).scale));
}

} // namespace
} // namespace ashlar::quantization
