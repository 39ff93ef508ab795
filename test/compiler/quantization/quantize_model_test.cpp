// Where QuantizeLinear and DequantizeLinear go, and what weights become.
#include "test/compiler/quantization/QuantizeTest.h"

#include "google/protobuf/text_format.h"

namespace ashlar::quantization {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::UnorderedElementsAre;

/// Conv, Relu, Conv, residual sum, global average, Gemm.
std::string residualNet(int opset = 17) {
  return modelOf(
      opset,
      inputOf("x", 1, "1,4,8,8") + outputOf("y") + weightsOf("w1", "4,4,3,3") +
          weightsOf("b1", "4") + weightsOf("w2", "4,4,1,1") +
          weightsOf("w3", "4,6") + weightsOf("b3", "6") +
          layer("Conv", "x,w1,b1", "c1", intsAttr("pads", {1, 1, 1, 1})) +
          layer("Relu", "c1", "r1") + layer("Conv", "r1,w2", "c2") +
          layer("Add", "c2,r1", "s") + layer("Relu", "s", "r2") +
          layer("GlobalAveragePool", "r2", "g") + layer("Flatten", "g", "f") +
          layer("Gemm", "f,w3,b3", "y"));
}

std::string rawFloats(size_t count) {
  std::string bytes;
  for (size_t i = 0; i != count; ++i) {
    float value = float(i % 17) - 8;
    bytes.append(reinterpret_cast<const char *>(&value), sizeof(value));
  }
  return bytes;
}

TEST(ModelWriterTest, WritesTheBytesThatItRead) {
  proto::ModelProto model;
  ASSERT_TRUE(
      google::protobuf::TextFormat::ParseFromString(residualNet(), &model));
  auto *large = model.mutable_graph()->add_initializer();
  large->set_name("large");
  large->set_data_type(1);
  large->add_dims(300);
  large->set_raw_data(rawFloats(300));
  large->set_doc_string("behind the data");
  auto *constant = model.mutable_graph()->add_node();
  constant->set_op_type("Constant");
  constant->add_output("held");
  auto *value = constant->add_attribute();
  value->set_name("value");
  value->set_type(proto::AttributeProto::TENSOR);
  *value->mutable_t() = *large;
  std::string bytes = model.SerializeAsString();
  // Field 1000 is none that this program knows.
  bytes += std::string("\xc2\x3e\x01z", 4);
  std::unique_ptr<ModelFile> file = parseBytes(bytes);
  ASSERT_TRUE(file->model.graph().initializer(5).has_mapped_length());
  EXPECT_TRUE(written(*file) == bytes);
}

TEST(QuantizeModelTest, OneRoundingBetweenLayers) {
  auto model = parseText(residualNet());
  EXPECT_THAT(tensorsToCalibrate(*model),
              ElementsAre("x", "r1", "c2", "r2", "f"));
  QuantizedModel result = quantized(*model);
  std::string nodes = nodesOf(*result.model);
  // The Relu is one with its Conv; the network's end stays in floats.
  EXPECT_THAT(nodes, HasSubstr("c1 = Conv(x_DequantizeLinear_Output, "));
  EXPECT_THAT(nodes, HasSubstr("r1 = Relu(c1)"));
  EXPECT_THAT(nodes, HasSubstr("s = Add(c2_DequantizeLinear_Output, "
                               "r1_DequantizeLinear_Output)"));
  EXPECT_THAT(nodes, HasSubstr("r2 = Relu(s)"));
  EXPECT_THAT(nodes, HasSubstr("y = Gemm(f_DequantizeLinear_Output"));
  EXPECT_THAT(nodes, Not(HasSubstr("y_Quantize")));
  for (const LayerDecision &layer : result.layers)
    EXPECT_TRUE(layer.quantized) << layer.node << ": " << layer.reason;
  EXPECT_EQ(result.layers.size(), 3u);
  // The weights in floats are gone, those in bytes have an axis.
  EXPECT_EQ(tensorOf(*result.model, "w1"), nullptr);
  auto *bytes = tensorOf(*result.model, "w1_quantized");
  ASSERT_TRUE(bytes);
  EXPECT_EQ(bytes->data_type(), 3);
  EXPECT_EQ(tensorOf(*result.model, "w1_scale")->dims(0), 4);
  EXPECT_EQ(tensorOf(*result.model, "b1_quantized")->data_type(), 6);
  EXPECT_EQ(result.model->model.opset_import(0).version(), 17);
  EXPECT_EQ(result.model->model.opset_import_size(), 1);
}

TEST(QuantizeModelTest, SameBytesEveryTime) {
  auto model = parseText(residualNet());
  std::string first = written(*quantized(*model).model);
  EXPECT_TRUE(first == written(*quantized(*model).model));
  auto again = parseBytes(first);
  EXPECT_TRUE(written(*again) == first);
}

TEST(QuantizeModelTest, OldOpsetsTakeContributedOperators) {
  auto model = parseText(residualNet(11));
  QuantizedModel result = quantized(*model);
  const proto::ModelProto &proto = result.model->model;
  ASSERT_EQ(proto.opset_import_size(), 2);
  EXPECT_EQ(proto.opset_import(0).version(), 11);
  EXPECT_EQ(proto.opset_import(1).domain(), "com.microsoft");
  for (const proto::NodeProto &node : proto.graph().node())
    if (llvm::StringRef(node.op_type()).contains("izeLinear"))
      EXPECT_EQ(node.domain(), "com.microsoft");
  QuantizeOptions plain;
  plain.perChannelWeights = false;
  EXPECT_EQ(quantized(*model, plain).model->model.opset_import_size(), 1);
}

TEST(QuantizeModelTest, OpsetsWithoutIntegersAreRaised) {
  auto model = parseText(modelOf(
      9, inputOf("x", 1, "1,2,8,8") + outputOf("y") +
             weightsOf("w", "2,2,1,1") + weightsOf("scales", "4") +
             layer("Slice", "x", "s",
                   intsAttr("axes", {2}) + intsAttr("starts", {1}) +
                       intsAttr("ends", {5})) +
             layer("Upsample", "s,scales", "u") + layer("Conv", "u,w", "y")));
  QuantizedModel result = quantized(*model);
  EXPECT_EQ(result.model->model.opset_import(0).version(), 10);
  EXPECT_EQ(result.model->model.opset_import(1).domain(), "com.microsoft");
  EXPECT_THAT(
      nodesOf(*result.model),
      testing::AllOf(HasSubstr("s = Slice(x, s_starts, s_ends, s_axes)"),
                     HasSubstr("u = Resize(s, scales)")));
  EXPECT_EQ(result.model->model.graph().node(0).op_type(), "Constant");
  EXPECT_THAT(result.warnings,
              ElementsAre("opset 9 became 10, where integer operators begin"));
}

TEST(QuantizeModelTest, WhatCannotBeRaisedStays) {
  auto model = parseText(modelOf(8, inputOf("x", 1, "1,2,8,8") + outputOf("y") +
                                        weightsOf("w", "2,2,1,1") +
                                        weightsOf("p", "2,8,8") +
                                        layer("BatchNormalization", "x,p,p,p,p",
                                              "n", intAttr("spatial", 0)) +
                                        layer("Conv", "n,w", "y")));
  QuantizedModel result = quantized(*model);
  EXPECT_EQ(result.model->model.opset_import(0).version(), 8);
  EXPECT_THAT(result.warnings,
              ElementsAre(HasSubstr("opset 8 cannot become 10, where integer "
                                    "operators begin: 'n' "
                                    "(BatchNormalization-8)")));
}

} // namespace
} // namespace ashlar::quantization
