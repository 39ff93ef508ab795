// Every operator whose form changed, from its old spelling to the newest.
#include "ImportTest.h"

namespace ashlar {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(UpgradeTest, BroadcastWithAxisAlignsTheSecondOperand) {
  for (const char *op : {"Add", "Sub", "Mul", "Div"}) {
    Imported model = importNode(6, op, {{"x", "2,3,4,5"}, {"b", "3"}},
                                intAttr("broadcast", 1) + intAttr("axis", 1));
    EXPECT_EQ(model.operations(), std::string("onnx.Unsqueeze onnx.") + op)
        << model.print();
    EXPECT_THAT(model.print(), HasSubstr("dense<[1, 2]> : tensor<2xi64>"));
  }
}

TEST(UpgradeTest, BroadcastWithNegativeAxis) {
  Imported model = importNode(6, "Add", {{"x", "2,3,4,5"}, {"b", "3,4"}},
                              intAttr("broadcast", 1) + intAttr("axis", -3));
  EXPECT_EQ(model.operations(), "onnx.Unsqueeze onnx.Add");
  EXPECT_THAT(model.print(), HasSubstr("dense<2> : tensor<1xi64>"));
}

TEST(UpgradeTest, BroadcastBehindNeedsNothing) {
  Imported model =
      importNode(6, "Add", {{"x", "2,3"}, {"b", "3"}}, intAttr("broadcast", 1));
  EXPECT_EQ(model.operations(), "onnx.Add");
  model = importNode(6, "Add", {{"x", "2,3"}, {"b", "3"}},
                     intAttr("broadcast", 1) + intAttr("axis", 1));
  EXPECT_EQ(model.operations(), "onnx.Add");
}

TEST(UpgradeTest, BroadcastOfUnknownRankComputesTheShape) {
  Imported model = importNode(6, "Mul", {{"x", "*"}, {"b", "*"}},
                              intAttr("broadcast", 1) + intAttr("axis", 1));
  EXPECT_THAT(
      model.operations(),
      HasSubstr("onnx.ConstantOfShape onnx.Concat onnx.Reshape onnx.Mul"));
}

TEST(UpgradeTest, LogicalBroadcast) {
  for (const char *op : {"And", "Or", "Xor"}) {
    std::string graph =
        inputOf("x", 9, "2,3,4") + inputOf("b", 9, "3") + outputOf("y");
    Imported model = importText(modelOf(
        1, graph + nodeOf(op, "x,b", "y",
                          intAttr("broadcast", 1) + intAttr("axis", 1))));
    EXPECT_EQ(model.operations(), std::string("onnx.Unsqueeze onnx.") + op)
        << model.print();
  }
  for (const char *op : {"Less", "Greater", "Pow"}) {
    Imported model = importNode(1, op, {{"x", "2,3,4"}, {"b", "3"}},
                                intAttr("broadcast", 1) + intAttr("axis", 1));
    EXPECT_EQ(model.operations(), std::string("onnx.Unsqueeze onnx.") + op)
        << model.print();
  }
}

TEST(UpgradeTest, ConsumedInputsAreForgotten) {
  Imported model =
      importNode(1, "Relu", {{"x", "2,3"}}, intsAttr("consumed_inputs", {0}));
  EXPECT_EQ(model.operations(), "onnx.Relu") << model.print();
  EXPECT_THAT(model.print(), Not(HasSubstr("consumed")));
}

// ONNX Runtime's optimiser fuses into operators that the model's opset has not.
TEST(UpgradeTest, LayerNormalizationBeforeOpsetSeventeen) {
  Imported model =
      importNode(12, "LayerNormalization", {{"x", "2,3"}, {"s", "3"}},
                 intAttr("axis", -1) + floatAttr("epsilon", 1e-5f));
  EXPECT_EQ(model.operations(), "onnx.LayerNormalization") << model.print();
  model = importNode(16, "RMSNormalization", {{"x", "2,3"}, {"s", "3"}});
  EXPECT_THAT(model.message(), HasSubstr("is not supported in opset 16"));
}

TEST(UpgradeTest, PReluSlopeBelongsToChannels) {
  Imported model = importNode(6, "PRelu", {{"x", "2,3,4,5"}, {"s", "3"}});
  EXPECT_EQ(model.operations(), "onnx.Unsqueeze onnx.PRelu");
  model = importNode(6, "PRelu", {{"x", "2,3,4,5"}, {"s", "1"}});
  EXPECT_EQ(model.operations(), "onnx.PRelu");
  model = importNode(7, "PRelu", {{"x", "2,3,4,5"}, {"s", "5"}});
  EXPECT_EQ(model.operations(), "onnx.PRelu");
}

TEST(UpgradeTest, GemmForgetsBroadcast) {
  Imported model =
      importNode(6, "Gemm", {{"a", "2,3"}, {"b", "3,4"}, {"c", "4"}},
                 intAttr("broadcast", 1));
  EXPECT_EQ(model.operations(), "onnx.Gemm") << model.print();
}

TEST(UpgradeTest, ClipBoundsBecomeOperands) {
  Imported model = importNode(6, "Clip", {{"x", "2"}},
                              floatAttr("min", 0) + floatAttr("max", 6));
  EXPECT_THAT(model.print(), HasSubstr("dense<0.000000e+00> : tensor<f32>"));
  EXPECT_THAT(model.print(), HasSubstr("dense<6.000000e+00> : tensor<f32>"));
  model = importNode(6, "Clip", {{"x", "2"}}, floatAttr("max", 6));
  EXPECT_THAT(model.print(),
              HasSubstr("operandSegmentSizes = array<i32: 1, 0, 1>"));
  // From 11 on they are operands anyway.
  model = importNode(11, "Clip", {{"x", "2"}}, floatAttr("max", 6));
  EXPECT_THAT(
      model.message(),
      HasSubstr(
          "unsupported: 'onnx.Clip' attribute 'max' is not known in opset 11"));
}

TEST(UpgradeTest, BoundsOfIntegersSaturate) {
  std::string graph = inputOf("x", 5, "2") + outputOf("y");
  Imported model = importText(modelOf(
      6, graph + nodeOf("Clip", "x", "y",
                        floatAttr("min", -1e24f) + floatAttr("max", 1e24f))));
  EXPECT_THAT(model.print(), HasSubstr("dense<-32768> : tensor<i16>"));
  EXPECT_THAT(model.print(), HasSubstr("dense<32767> : tensor<i16>"));
}

TEST(UpgradeTest, SeluOfOpsetOneHasItsOwnDefault) {
  EXPECT_THAT(importNode(1, "Selu", {{"x", "2"}}).print(),
              HasSubstr("1.673200e+00"));
  EXPECT_THAT(importNode(6, "Selu", {{"x", "2"}}).print(),
              HasSubstr("1.67326"));
}

TEST(UpgradeTest, CastToNamedTypes) {
  Imported model =
      importNode(1, "Cast", {{"x", "2"}}, stringAttr("to", "INT32"));
  EXPECT_THAT(model.print(), HasSubstr("to = 6 : i64"));
  EXPECT_THAT(model.print(), HasSubstr("-> tensor<*xi32>"));
  model = importNode(1, "Cast", {{"x", "2"}}, stringAttr("to", "QUATERNION"));
  EXPECT_EQ(model.message(), "the_node: 'onnx.Cast' attribute 'to' names the "
                             "unknown type 'QUATERNION'");
}

TEST(UpgradeTest, ReductionAxesBecomeOperands) {
  for (const char *op :
       {"ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax",
        "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSumSquare",
        "ReduceSum"}) {
    Imported model = importNode(11, op, {{"x", "2,3"}}, intsAttr("axes", {-1}));
    EXPECT_EQ(model.operations(), std::string("onnx.") + op) << model.print();
    EXPECT_THAT(model.print(), HasSubstr("dense<-1> : tensor<1xi64>"));
    EXPECT_THAT(model.print(), HasSubstr("(tensor<2x3xf32>, tensor<1xi64>)"));
    model = importNode(11, op, {{"x", "2,3"}});
    EXPECT_THAT(model.print(), HasSubstr("(tensor<2x3xf32>) -> "));
  }
}

TEST(UpgradeTest, SoftmaxSeesAMatrixBefore13) {
  for (const char *op : {"Softmax", "LogSoftmax", "Hardmax"}) {
    Imported model = importNode(11, op, {{"x", "2,3,4"}}, intAttr("axis", 1));
    EXPECT_EQ(model.operations(), std::string("onnx.Shape onnx.Flatten onnx.") +
                                      op + " onnx.Reshape")
        << model.print();
    // The default is 1.
    EXPECT_EQ(importNode(11, op, {{"x", "2,3,4"}}).operations(),
              model.operations());
    // Along the last axis nothing changes.
    EXPECT_EQ(
        importNode(11, op, {{"x", "2,3,4"}}, intAttr("axis", 2)).operations(),
        std::string("onnx.") + op);
    EXPECT_EQ(importNode(11, op, {{"x", "2,3"}}).operations(),
              std::string("onnx.") + op);
    EXPECT_EQ(
        importNode(13, op, {{"x", "2,3,4"}}, intAttr("axis", 1)).operations(),
        std::string("onnx.") + op);
    EXPECT_THAT(importNode(11, op, {{"x", "*"}}).operations(),
                HasSubstr("onnx.Flatten"));
  }
}

TEST(UpgradeTest, SqueezeAndUnsqueezeAxes) {
  Imported model =
      importNode(11, "Squeeze", {{"x", "1,2"}}, intsAttr("axes", {0}));
  EXPECT_THAT(model.print(), HasSubstr("(tensor<1x2xf32>, tensor<1xi64>)"));
  EXPECT_THAT(importNode(11, "Squeeze", {{"x", "1,2"}}).print(),
              HasSubstr("(tensor<1x2xf32>) ->"));
  model = importNode(11, "Unsqueeze", {{"x", "2"}}, intsAttr("axes", {0, 2}));
  EXPECT_THAT(model.print(), HasSubstr("dense<[0, 2]> : tensor<2xi64>"));
  EXPECT_THAT(importNode(11, "Unsqueeze", {{"x", "2"}}).message(),
              HasSubstr("input 1 'axes' is missing"));
}

TEST(UpgradeTest, SplitLengthsAndCount) {
  Imported model =
      importNode(11, "Split", {{"x", "6"}}, intsAttr("split", {2, 4}), "y,z");
  EXPECT_THAT(model.print(), HasSubstr("dense<[2, 4]> : tensor<2xi64>"));
  EXPECT_THAT(model.print(), Not(HasSubstr("num_outputs")));
  EXPECT_THAT(importNode(11, "Split", {{"x", "6"}}, "", "y,z").print(),
              HasSubstr("num_outputs = 2"));
  EXPECT_THAT(importNode(13, "Split", {{"x", "6"}}, "", "y,z,u").print(),
              HasSubstr("num_outputs = 3"));
}

TEST(UpgradeTest, ReshapeOneHasAShapeAttribute) {
  Imported model =
      importNode(1, "Reshape", {{"x", "6"}}, intsAttr("shape", {2, 3}));
  EXPECT_THAT(model.print(), HasSubstr("dense<[2, 3]> : tensor<2xi64>"));
}

TEST(UpgradeTest, SliceAttributesBecomeOperands) {
  Imported model = importNode(9, "Slice", {{"x", "6,7"}},
                              intsAttr("starts", {1}) + intsAttr("ends", {5}) +
                                  intsAttr("axes", {1}));
  EXPECT_THAT(
      model.print(),
      HasSubstr(
          "(tensor<6x7xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>)"));
}

TEST(UpgradeTest, TileOneRepeatsAnAxis) {
  Imported model =
      importNode(1, "Tile", {{"x", "6,7"}, {"n", ""}, {"axis", ""}});
  EXPECT_THAT(model.operations(), HasSubstr("onnx.ScatterElements onnx.Tile"))
      << model.print();
}

TEST(UpgradeTest, PadAttributesBecomeOperands) {
  Imported model =
      importNode(1, "Pad", {{"x", "6"}}, intsAttr("paddings", {1, 2}));
  EXPECT_THAT(model.print(), HasSubstr("dense<[1, 2]> : tensor<2xi64>"));
  model = importNode(2, "Pad", {{"x", "6"}},
                     intsAttr("pads", {1, 2}) + floatAttr("value", 3));
  EXPECT_THAT(model.print(), HasSubstr("dense<3.000000e+00> : tensor<f32>"));
}

TEST(UpgradeTest, TopKCountBecomesAnOperand) {
  Imported model = importNode(1, "TopK", {{"x", "6"}}, intAttr("k", 3), "y,i");
  EXPECT_THAT(model.print(), HasSubstr("dense<3> : tensor<1xi64>"));
  EXPECT_THAT(model.print(), HasSubstr("tensor<*xi64>"));
}

TEST(UpgradeTest, ConcatOneHasADefaultAxis) {
  EXPECT_THAT(importNode(1, "Concat", {{"a", "2,3"}, {"b", "2,3"}}).print(),
              HasSubstr("axis = 1 : i64"));
  EXPECT_THAT(importNode(4, "Concat", {{"a", "2,3"}, {"b", "2,3"}}).message(),
              HasSubstr("attribute 'axis' is missing"));
}

TEST(UpgradeTest, ScatterIsScatterElements) {
  for (int opset : {9, 11}) {
    std::string graph = inputOf("x", 1, "3") + inputOf("i", 7, "1") +
                        inputOf("u", 1, "1") + outputOf("y") +
                        nodeOf("Scatter", "x,i,u", "y", intAttr("axis", 0));
    EXPECT_EQ(importText(modelOf(opset, graph)).operations(),
              "onnx.ScatterElements");
  }
}

TEST(UpgradeTest, DftAxisBecomesAnOperand) {
  Imported model = importNode(17, "DFT", {{"x", "1,8,1"}}, intAttr("axis", 1));
  EXPECT_THAT(model.print(), HasSubstr("dense<1> : tensor<i64>"));
  EXPECT_THAT(model.print(),
              HasSubstr("operandSegmentSizes = array<i32: 1, 0, 1>"));
}

TEST(UpgradeTest, GridSampleModesWereRenamed) {
  auto mode = [](const std::string &attributes) {
    return importNode(16, "GridSample", {{"x", "1,1,4,4"}, {"g", "1,2,2,2"}},
                      attributes)
        .print();
  };
  EXPECT_THAT(mode(""), HasSubstr("mode = \"linear\""));
  EXPECT_THAT(mode(stringAttr("mode", "bicubic")),
              HasSubstr("mode = \"cubic\""));
  EXPECT_THAT(mode(stringAttr("mode", "nearest")),
              HasSubstr("mode = \"nearest\""));
}

TEST(UpgradeTest, DropoutLosesItsRatio) {
  Imported model =
      importNode(7, "Dropout", {{"x", "4"}}, floatAttr("ratio", 0.5f));
  EXPECT_EQ(model.operations(), "onnx.Dropout") << model.print();
  EXPECT_THAT(model.print(), Not(HasSubstr("ratio")));
  // The mask had the type of the data.
  model = importNode(7, "Dropout", {{"x", "4"}}, "", "y,mask");
  EXPECT_EQ(model.operations(), "onnx.Dropout onnx.Cast");
  EXPECT_EQ(importNode(10, "Dropout", {{"x", "4"}}, "", "y,mask").operations(),
            "onnx.Dropout");
  EXPECT_EQ(importNode(6, "Dropout", {{"x", "4"}}, intAttr("is_test", 1))
                .operations(),
            "onnx.Dropout");
  EXPECT_EQ(importNode(6, "Dropout", {{"x", "4"}}).message(),
            "the_node: unsupported: 'onnx.Dropout' is not supported in "
            "training mode");
}

using Inputs = std::vector<std::pair<std::string, std::string>>;
const Inputs batchNormInputs = {
    {"x", "2,3,4"}, {"scale", "3"}, {"bias", "3"}, {"mean", "3"}, {"var", "3"}};

TEST(UpgradeTest, BatchNormalizationForInference) {
  for (int opset : {1, 6})
    EXPECT_EQ(importNode(opset, "BatchNormalization", batchNormInputs,
                         intAttr("is_test", 1) +
                             (opset == 1
                                  ? intsAttr("consumed_inputs", {0, 0, 0, 1, 1})
                                  : ""))
                  .operations(),
              "onnx.BatchNormalization");
  EXPECT_EQ(importNode(6, "BatchNormalization", batchNormInputs).message(),
            "the_node: unsupported: 'onnx.BatchNormalization' is not supported "
            "in training mode");
  EXPECT_EQ(importNode(9, "BatchNormalization", batchNormInputs).operations(),
            "onnx.BatchNormalization");
  EXPECT_EQ(importNode(9, "BatchNormalization", batchNormInputs, "", "y,m,v")
                .message(),
            "the_node: unsupported: 'onnx.BatchNormalization' is not supported "
            "in training mode");
}

TEST(UpgradeTest, BatchNormalizationPerPosition) {
  Inputs inputs = {{"x", "2,3,4"},
                   {"scale", "3,4"},
                   {"bias", "3,4"},
                   {"mean", "3,4"},
                   {"var", "3,4"}};
  Imported model =
      importNode(7, "BatchNormalization", inputs, intAttr("spatial", 0));
  EXPECT_EQ(model.operations(),
            "onnx.Add onnx.Sqrt onnx.Sub onnx.Div onnx.Mul onnx.Add");
}

TEST(UpgradeTest, GroupNormalizationParametersPerChannel) {
  Imported model = importNode(
      18, "GroupNormalization", {{"x", "2,6,4"}, {"s", "2"}, {"b", "2"}},
      intAttr("num_groups", 2) + floatAttr("epsilon", 0.01f));
  EXPECT_THAT(model.operations(),
              HasSubstr("onnx.Expand onnx.Reshape onnx.GroupNormalization"))
      << model.print();
  EXPECT_EQ(importNode(21, "GroupNormalization",
                       {{"x", "2,6,4"}, {"s", "6"}, {"b", "6"}},
                       intAttr("num_groups", 2))
                .operations(),
            "onnx.GroupNormalization");
}

TEST(UpgradeTest, ExponentsBecomeIntegers) {
  Imported model =
      importNode(1, "GlobalLpPool", {{"x", "1,2,3"}}, floatAttr("p", 3));
  EXPECT_THAT(model.print(), HasSubstr("p = 3 : i64"));
  model = importNode(1, "LpPool", {{"x", "1,2,3"}},
                     floatAttr("p", 1.5f) + intsAttr("kernel_shape", {2}));
  EXPECT_EQ(model.message(), "the_node: unsupported: 'onnx.LpPool' is not "
                             "supported with an exponent that is no integer");
}

TEST(UpgradeTest, RoiAlignCoordinates) {
  std::string graph = inputOf("x", 1, "1,1,4,4") + inputOf("r", 1, "1,4") +
                      inputOf("b", 7, "1") + outputOf("y") +
                      nodeOf("RoiAlign", "x,r,b", "y");
  EXPECT_THAT(importText(modelOf(10, graph)).print(),
              HasSubstr("\"output_half_pixel\""));
  EXPECT_THAT(importText(modelOf(16, graph)).print(),
              HasSubstr("\"half_pixel\""));
}

TEST(UpgradeTest, RecurrentOutputSequence) {
  for (const auto &[op, gates] :
       {std::pair("LSTM", "4"), std::pair("GRU", "3"), std::pair("RNN", "1")}) {
    std::string rows = std::to_string(std::stoi(gates) * 2);
    Imported model = importNode(
        1, op,
        {{"x", "5,1,3"}, {"w", "1," + rows + ",3"}, {"r", "1," + rows + ",2"}},
        intAttr("hidden_size", 2) + intAttr("output_sequence", 1), "y,h");
    EXPECT_EQ(model.operations(), std::string("onnx.") + op) << model.print();
  }
}

TEST(UpgradeTest, UpsampleIsResize) {
  std::string scales =
      "attribute { name: 'scales' type: FLOATS floats: [1, 1, 2, 2] }";
  for (const auto &[opset, attributes] :
       {std::pair<int, std::string>(1, floatAttr("height_scale", 2) +
                                           floatAttr("width_scale", 2)),
        std::pair<int, std::string>(7, scales)}) {
    Imported model =
        importNode(opset, "Upsample", {{"x", "1,1,2,2"}}, attributes);
    EXPECT_EQ(model.operations(), "onnx.Resize") << model.print();
    EXPECT_THAT(
        model.print(),
        HasSubstr(
            "dense<[1.000000e+00, 1.000000e+00, 2.000000e+00, 2.000000e+00]>"));
    EXPECT_THAT(model.print(),
                HasSubstr("coordinate_transformation_mode = \"asymmetric\""));
    EXPECT_THAT(model.print(), HasSubstr("nearest_mode = \"floor\""));
  }
  EXPECT_EQ(
      importNode(9, "Upsample", {{"x", "1,1,2,2"}, {"s", "4"}}).operations(),
      "onnx.Resize");
  EXPECT_EQ(
      importNode(10, "Upsample", {{"x", "1,1,2,2"}, {"s", "4"}}).operations(),
      "onnx.Resize");
}

TEST(UpgradeTest, ResizeTenRoundsByDirection) {
  auto rounding = [](const std::string &factor) {
    std::string graph =
        inputOf("x", 1, "1,1,4,4") + outputOf("y") +
        "initializer { name: 's' data_type: 1 dims: 4 float_data: [1, 1, " +
        factor + "] }" + nodeOf("Resize", "x,s", "y");
    return importText(modelOf(10, graph)).print();
  };
  EXPECT_THAT(rounding("2, 2"), HasSubstr("nearest_mode = \"floor\""));
  EXPECT_THAT(rounding("0.5, 0.6"), HasSubstr("nearest_mode = \"ceil\""));
  EXPECT_THAT(rounding("0.5, 2"),
              HasSubstr("grows one axis and shrinks another"));
}

TEST(UpgradeTest, ResizeEmptyOperandsAreAbsent) {
  Imported model =
      importNode(11, "Resize", {{"x", "1,1,4,4"}, {"roi", "0"}, {"s", "4"}});
  EXPECT_THAT(model.print(),
              HasSubstr("operandSegmentSizes = array<i32: 1, 0, 1, 0>"));
}

TEST(UpgradeTest, ResizeTfHalfPixel) {
  auto resize = [](const std::string &rounding) {
    return importNode(11, "Resize",
                      {{"x", "1,1,4,4"}, {"roi", "0"}, {"s", "4"}},
                      stringAttr("coordinate_transformation_mode",
                                 "tf_half_pixel_for_nn") +
                          stringAttr("nearest_mode", rounding))
        .print();
  };
  EXPECT_THAT(resize("floor"),
              HasSubstr("nearest_mode = \"round_prefer_ceil\""));
  EXPECT_THAT(resize("round_prefer_floor"),
              HasSubstr("nearest_mode = \"ceil\""));
  EXPECT_THAT(resize("ceil"), HasSubstr("unsupported"));
}

TEST(UpgradeTest, ScanOfOneBatch) {
  std::string body =
      "attribute { name: 'body' type: GRAPH g { name: 'b' input { name: 's' } "
      "input { name: 'v' } output { name: 't' } output { name: 'o' } "
      "node { op_type: 'Add' input: ['s', 'v'] output: 't' } "
      "node { op_type: 'Identity' input: 't' output: 'o' } } }" +
      intAttr("num_scan_inputs", 1);
  Imported model = importNode(
      8, "Scan", {{"", ""}, {"init", "1,2"}, {"x", "1,3,2"}}, body, "f,o");
  EXPECT_EQ(model.operations(),
            "onnx.Squeeze onnx.Squeeze onnx.Scan onnx.Unsqueeze onnx.Unsqueeze")
      << model.print();
  model = importNode(8, "Scan", {{"", ""}, {"init", "2,2"}, {"x", "2,3,2"}},
                     body, "f,o");
  EXPECT_EQ(model.message(), "the_node: unsupported: 'onnx.Scan' is not "
                             "supported over a batch, as in opset 8");
}

TEST(UpgradeTest, LabelEncoderClasses) {
  std::string graph =
      inputOf("x", 8, "2") + outputOf("y") +
      "node { op_type: 'LabelEncoder' domain: 'ai.onnx.ml' name: 'n' input: "
      "'x' "
      "output: 'y' attribute { name: 'classes_strings' type: STRINGS "
      "strings: ['a', 'b'] } }";
  Imported model = importText(
      modelOf(8, graph, "opset_import { domain: 'ai.onnx.ml' version: 1 }\n"));
  EXPECT_THAT(model.print(), HasSubstr("keys_strings = [\"a\", \"b\"]"));
  EXPECT_THAT(model.print(), HasSubstr("values_int64s = array<i64: 0, 1>"));
}

} // namespace
} // namespace ashlar
