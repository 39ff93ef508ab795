// Which values are compared, and how a model is cut at them.
#include "compiler/comparison/LocalModel.h"
#include "test/compiler/quantization/QuantizeTest.h"

using namespace ashlar;
using namespace ashlar::comparison;
using namespace ashlar::quantization;

namespace {

std::string modelOf(const std::string &graph) {
  return "ir_version: 9 opset_import { version: 18 } graph { name: 'g' " +
         graph +
         " input { name: 'x' type { tensor_type { elem_type: 1 shape { dim { "
         "dim_value: 1 } dim { dim_value: 4 } } } } } output { name: 'y' type "
         "{ tensor_type { elem_type: 1 shape { dim { dim_value: 1 } dim { "
         "dim_value: 4 } } } } } }";
}

const std::string weight = weightsOf("w", "4,4");
const std::string scales =
    "initializer { name: 's' data_type: 1 float_data: 0.1 } "
    "initializer { name: 'z' data_type: 2 int32_data: 3 } ";

/// x -> MatMul -> Relu -> MatMul -> y
const std::string reference =
    modelOf(weight + layer("MatMul", "x,w", "a") + layer("Relu", "a", "b") +
            layer("MatMul", "b,w", "y"));
/// The same with Q/DQ behind x and the Relu.
const std::string quantizedText = modelOf(
    weight + scales + layer("QuantizeLinear", "x,s,z", "xq") +
    layer("DequantizeLinear", "xq,s,z", "xd") + layer("MatMul", "xd,w", "a") +
    layer("Relu", "a", "b") + layer("QuantizeLinear", "b,s,z", "bq") +
    layer("DequantizeLinear", "bq,s,z", "bd") + layer("MatMul", "bd,w", "y"));

std::vector<MatchedTensor> match(const std::string &first,
                                 const std::string &second) {
  auto a = parseText(first), b = parseText(second);
  return matchTensors(ModelGraph(*a), ModelGraph(*b));
}

TEST(LayerMatchTest, LooksBehindTheQuantizeLinear) {
  auto matches = match(reference, quantizedText);
  ASSERT_EQ(matches.size(), 3u);
  EXPECT_EQ(matches[0].name, "x");
  EXPECT_EQ(matches[0].observed, "xd");
  EXPECT_TRUE(matches[0].isInput);
  // The product itself is hidden in the layer that gives bytes.
  EXPECT_EQ(matches[1].name, "b");
  EXPECT_EQ(matches[1].observed, "bd");
  EXPECT_EQ(matches[1].layer, "a");
  EXPECT_EQ(matches[1].op, "MatMul+Relu");
  EXPECT_EQ(matches[1].inputs, std::vector<int>{0});
  EXPECT_EQ(matches[2].name, "y");
  EXPECT_TRUE(matches[2].isOutput);
  EXPECT_FALSE(matches[2].quantized);
  EXPECT_EQ(matches[2].inputs, std::vector<int>{1});
}

TEST(LayerMatchTest, SeesEveryFloatWhereNothingIsQuantized) {
  auto matches = match(reference, reference);
  ASSERT_EQ(matches.size(), 3u);
  EXPECT_EQ(matches[0].name, "a");
  EXPECT_EQ(matches[1].name, "b");
  EXPECT_EQ(matches[1].op, "Relu");
  // Names that only one of them has are not compared.
  std::string other = modelOf(weight + layer("MatMul", "x,w", "y"));
  EXPECT_EQ(match(reference, other).size(), 1u);
}

TEST(LocalModelTest, CutsBetweenLayers) {
  auto first = parseText(reference), second = parseText(quantizedText);
  auto matches = matchTensors(ModelGraph(*first), ModelGraph(*second));
  LocalModel local =
      cutAtMatches(*second, matches, {{"b", {1, 4}}, {"y", {1, 4}}});
  // x comes as it is; b and y are given, and looked at where they are made.
  EXPECT_EQ(local.fed, (std::vector<int>{1, 2}));
  EXPECT_EQ(local.observed[0], "xd");
  EXPECT_EQ(local.observed[1], "b/seen");
  EXPECT_EQ(local.observed[2], "y");
  EXPECT_EQ(nodesOf(*local.model),
            "xq = QuantizeLinear(x, s, z)\n"
            "xd = DequantizeLinear(xq, s, z)\n"
            "a = MatMul(xd, w)\n"
            "b = Relu(a)\n"
            "bq = QuantizeLinear(b/given, s, z)\n"
            "bd = DequantizeLinear(bq, s, z)\n"
            "y = MatMul(bd, w)\n"
            "b/bytes = QuantizeLinear(b, s, z)\n"
            "b/seen = DequantizeLinear(b/bytes, s, z)\n");
  ASSERT_EQ(local.model->model.graph().input_size(), 3);
  EXPECT_EQ(local.model->model.graph().input(1).name(), "b/given");
  // The model that was cut is as before.
  EXPECT_EQ(second->model.graph().node_size(), 7);
}

} // namespace
