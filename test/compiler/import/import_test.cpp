// What an import gives: types, names, constants, bodies, functions.
#include "ImportTest.h"

namespace ashlar {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST(ImportTest, NamesAndSymbolicDims) {
  Imported model = importText(modelOf(18, inputOf("x:0", 1, "batch,3,,seq") +
                                              outputOf("y/out") +
                                              nodeOf("Relu", "x:0", "y/out")));
  ASSERT_TRUE(model.module) << model.print();
  std::string text = model.print();
  EXPECT_THAT(text, HasSubstr("tensor<?x3x?x?xf32>"));
  EXPECT_THAT(text, HasSubstr("onnx.name = \"x:0\""));
  EXPECT_THAT(text, HasSubstr("onnx.name = \"y/out\""));
  EXPECT_THAT(
      text,
      HasSubstr("onnx.dim_names = [\"batch\", \"\", \"x:0_d2\", \"seq\"]"));
  EXPECT_THAT(text, HasSubstr("onnx.model_name = \"test\""));
}

TEST(ImportTest, DimAndShapeOverrides) {
  std::string text =
      modelOf(18, inputOf("x", 1, "batch,3") + inputOf("z", 1, "batch") +
                      outputOf("y") + nodeOf("Relu", "x", "y"));
  ImportOptions options;
  options.dims["batch"] = 7;
  EXPECT_THAT(importText(text, options).print(), HasSubstr("tensor<7x3xf32>"));
  options = {};
  options.shapes = {{"x", {5, mlir::ShapedType::kDynamic}}};
  std::string printed = importText(text, options).print();
  EXPECT_THAT(printed, HasSubstr("tensor<5x3xf32>"));
  EXPECT_THAT(printed, HasSubstr("tensor<5xf32>"));
  options.shapes = {{"x", {5, 4}}};
  EXPECT_THAT(importText(text, options).print(), HasSubstr("tensor<5x4xf32>"));
  EXPECT_THAT(importText(text, options).message(),
              HasSubstr("is 3 in the model, compiling for 4"));
  options.shapes = {{"x", {5}}};
  EXPECT_THAT(importText(text, options).message(),
              HasSubstr("has 2 dimensions, but 1 are given"));
  options.shapes = {{"nothing", {5}}};
  EXPECT_THAT(importText(text, options).message(),
              HasSubstr("no input is named 'nothing'"));
  options.shapes = {{"x", {-5, 3}}};
  EXPECT_THAT(importText(text, options).print(),
              HasSubstr("dimension -5 given for input 'x' is negative"));
  options = {};
  options.dims["sequence"] = 7;
  EXPECT_THAT(importText(text, options).message(),
              HasSubstr("no input has a dimension named 'sequence'"));
}

TEST(ImportTest, MadeUpDimsCanBeGivenToo) {
  std::string text = modelOf(18, inputOf("x", 1, ",3") + outputOf("y") +
                                     nodeOf("Relu", "x", "y"));
  ImportOptions options;
  options.dims["x_d0"] = 4;
  EXPECT_THAT(importText(text, options).print(), HasSubstr("tensor<4x3xf32>"));
  options.dims["x_d0"] = -4;
  EXPECT_THAT(importText(text, options).print(),
              HasSubstr("dimension -4 given for 'x_d0' is negative"));
}

TEST(ImportTest, ElementTypes) {
  const char *types[] = {
      "f32",  "ui8",      "i8",           "ui16",         "i16",
      "i32",  "i64",      "!onnx.string", "i1",           "f16",
      "f64",  "ui32",     "ui64",         "complex<f32>", "complex<f64>",
      "bf16", "f8E4M3FN", "f8E4M3FNUZ",   "f8E5M2",       "f8E5M2FNUZ",
      "ui4",  "i4",       "f4E2M1FN",     "f8E8M0FNU",    "ui2",
      "i2"};
  for (auto [index, type] : llvm::enumerate(types)) {
    Imported model = importText(modelOf(25, inputOf("x", int(index) + 1, "2") +
                                                outputOf("y") +
                                                nodeOf("Identity", "x", "y")));
    EXPECT_THAT(model.print(), HasSubstr(std::string("(tensor<2x") + type +
                                         ">) -> tensor<*x" + type));
  }
}

TEST(ImportTest, SmallTensorsOfEveryFieldAndType) {
  auto constant = [](const std::string &tensor) {
    return importText(modelOf(25, outputOf("y") + "initializer { name: 'c' " +
                                      tensor + " }" +
                                      nodeOf("Identity", "c", "y")))
        .print();
  };
  EXPECT_THAT(constant("data_type: 1 dims: 2 float_data: [1, 2]"),
              HasSubstr("dense<[1.000000e+00, 2.000000e+00]>"));
  EXPECT_THAT(constant("data_type: 1 dims: 1 raw_data: '\\000\\000\\200\\077'"),
              HasSubstr("dense<1.000000e+00> : tensor<1xf32>"));
  EXPECT_THAT(constant("data_type: 3 dims: 2 int32_data: [-1, 2]"),
              HasSubstr("dense<[-1, 2]>"));
  EXPECT_THAT(constant("data_type: 2 dims: 2 int32_data: [255, 2]"),
              HasSubstr("dense<[255, 2]>"));
  EXPECT_THAT(constant("data_type: 9 dims: 3 int32_data: [1, 0, 1]"),
              HasSubstr("dense<[true, false, true]>"));
  EXPECT_THAT(constant("data_type: 9 dims: 2 raw_data: '\\000\\007'"),
              HasSubstr("dense<[false, true]>"));
  EXPECT_THAT(constant("data_type: 10 dims: 1 int32_data: 15360"),
              HasSubstr("dense<1.000000e+00> : tensor<1xf16>"));
  EXPECT_THAT(constant("data_type: 12 dims: 1 uint64_data: 4000000000"),
              HasSubstr("dense<4000000000> : tensor<1xui32>"));
  EXPECT_THAT(constant("data_type: 11 dims: 1 double_data: 0.5"),
              HasSubstr("dense<5.000000e-01> : tensor<1xf64>"));
  EXPECT_THAT(constant("data_type: 14 dims: 1 float_data: [1, 2]"),
              HasSubstr("dense<(1.000000e+00,2.000000e+00)>"));
  EXPECT_THAT(constant("data_type: 8 dims: 2 string_data: ['a', 'b']"),
              HasSubstr("dense<[\"a\", \"b\"]>"));
  EXPECT_THAT(constant("data_type: 7 dims: 0"), HasSubstr("tensor<0xi64>"));
  // Narrow types, the first element in the lowest bits.
  EXPECT_THAT(constant("data_type: 22 dims: 3 raw_data: '\\361\\010'"),
              HasSubstr("dense<[1, -1, -8]>"));
  EXPECT_THAT(constant("data_type: 21 dims: 3 int32_data: [241, 8]"),
              HasSubstr("dense<[1, 15, 8]>"));
  EXPECT_THAT(constant("data_type: 26 dims: 4 raw_data: '\\344'"),
              HasSubstr("dense<[0, 1, -2, -1]>"));
}

TEST(ImportTest, LargeTensorsAreResourcesHeldOnce) {
  std::string values;
  for (int i = 0; i < 100; ++i)
    values += " int64_data: " + std::to_string(i);
  std::string graph = outputOf("y");
  for (const char *name : {"a", "b"})
    graph += std::string("initializer { name: '") + name +
             "' data_type: 7 dims: 100" + values + " }";
  Imported model = importText(modelOf(18, graph + nodeOf("Add", "a,b", "y")));
  std::string text = model.print();
  EXPECT_THAT(text, HasSubstr("dense_resource<a>"));
  EXPECT_THAT(text, Not(HasSubstr("dense_resource<b>")));
}

TEST(ImportTest, UnusedInitializersCostNothing) {
  Imported model = importText(modelOf(
      18, inputOf("x", 1, "2") + outputOf("y") +
              "initializer { name: 'c' data_type: 1 dims: 1 float_data: 1 }" +
              nodeOf("Relu", "x", "y")));
  EXPECT_THAT(model.print(), Not(HasSubstr("onnx.Constant")));
}

TEST(ImportTest, InputsWithDefaultsAreConstants) {
  std::string text = modelOf(
      18,
      inputOf("x", 1, "2") + inputOf("w", 1, "2") + outputOf("y") +
          "initializer { name: 'w' data_type: 1 dims: 2 float_data: [1, 2] }" +
          nodeOf("Add", "x,w", "y"));
  EXPECT_EQ(importText(text).main().getNumArguments(), 1u);
  ImportOptions options;
  options.overridableInputs = {"w"};
  EXPECT_EQ(importText(text, options).main().getNumArguments(), 2u);
}

TEST(ImportTest, EverySpellingOfConstants) {
  auto constant = [](const std::string &attribute) {
    return importText(modelOf(18, outputOf("y") +
                                      "node { op_type: 'Constant' name: "
                                      "'the_node' output: 'y' attribute { " +
                                      attribute + " } }"))
        .print();
  };
  EXPECT_THAT(constant("name: 'value' type: TENSOR t { data_type: 7 dims: 1 "
                       "int64_data: 5 }"),
              HasSubstr("dense<5> : tensor<1xi64>"));
  EXPECT_THAT(constant("name: 'value_float' type: FLOAT f: 2"),
              HasSubstr("dense<2.000000e+00> : tensor<f32>"));
  EXPECT_THAT(constant("name: 'value_floats' type: FLOATS floats: [1, 2]"),
              HasSubstr("tensor<2xf32>"));
  EXPECT_THAT(constant("name: 'value_int' type: INT i: -3"),
              HasSubstr("dense<-3> : tensor<i64>"));
  EXPECT_THAT(constant("name: 'value_ints' type: INTS ints: [4, 5]"),
              HasSubstr("dense<[4, 5]> : tensor<2xi64>"));
  EXPECT_THAT(constant("name: 'value_string' type: STRING s: 'ab'"),
              HasSubstr("dense<\"ab\"> : tensor<!onnx.string>"));
  EXPECT_THAT(
      constant("name: 'value_strings' type: STRINGS strings: ['a', 'b']"),
      HasSubstr("tensor<2x!onnx.string>"));
  std::string sparse =
      "name: 'sparse_value' type: SPARSE_TENSOR sparse_tensor { dims: [2, 3] "
      "values { data_type: 1 dims: 2 float_data: [7, 8] } indices { data_type: "
      "7 ";
  EXPECT_THAT(constant(sparse + "dims: 2 int64_data: [1, 5] } }"),
              HasSubstr("dense<[[0.000000e+00, 7.000000e+00, 0.000000e+00], "
                        "[0.000000e+00, 0.000000e+00, 8.000000e+00]]>"));
  EXPECT_THAT(constant(sparse + "dims: [2, 2] int64_data: [0, 1, 1, 2] } }"),
              HasSubstr("[0.000000e+00, 0.000000e+00, 8.000000e+00]]>"));
  EXPECT_THAT(constant(sparse + "dims: 2 int64_data: [1, 6] } }"),
              HasSubstr("sparse tensor index 6 is outside"));
}

TEST(ImportTest, SparseInitializers) {
  Imported model = importText(
      modelOf(18, outputOf("y") +
                      "sparse_initializer { dims: 4 values { name: 's' "
                      "data_type: 6 dims: 1 int32_data: 9 } "
                      "indices { data_type: 7 dims: 1 int64_data: 2 } }" +
                      nodeOf("Identity", "s", "y")));
  EXPECT_THAT(model.print(), HasSubstr("dense<[0, 0, 9, 0]> : tensor<4xi32>"));
}

TEST(ImportTest, NodesAreSortedWhenTheFileIsNot) {
  Imported model = importText(modelOf(18, inputOf("x", 1, "2") + outputOf("y") +
                                              nodeOf("Exp", "t", "y") +
                                              nodeOf("Relu", "x", "t")));
  EXPECT_EQ(model.operations(), "onnx.Relu onnx.Exp");
}

TEST(ImportTest, AbsentOperandsAndResults) {
  Imported model = importText(modelOf(
      18, inputOf("x", 1, "5,1,3") + inputOf("w", 1, "1,8,3") +
              inputOf("r", 1, "1,8,2") + inputOf("h", 1, "1,1,2") +
              outputOf("c") +
              nodeOf("LSTM", "x,w,r,,,h", ",,c", intAttr("hidden_size", 2))));
  std::string text = model.print();
  EXPECT_THAT(
      text,
      HasSubstr("operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 1, 0, 0>"));
  EXPECT_THAT(text, HasSubstr("resultSegmentSizes = array<i32: 0, 0, 1>"));
}

TEST(ImportTest, DeclaredTypesRefineResults) {
  std::string graph = inputOf("x", 1, "2,3") + outputOf("y") +
                      nodeOf("Relu", "x", "t") + nodeOf("Exp", "t", "y");
  Imported model = importText(
      modelOf(18, graph + "value_info { " + tensorInfo("t", 1, "2,3") + " }"));
  EXPECT_THAT(
      model.print(),
      HasSubstr("\"onnx.Relu\"(%arg0) : (tensor<2x3xf32>) -> tensor<2x3xf32>"));
  model = importText(
      modelOf(18, graph + "value_info { " + tensorInfo("t", 6, "2,3") + " }"));
  EXPECT_THAT(model.message(),
              HasSubstr("output 0 't' is declared 'tensor<2x3xi32>', expected "
                        "'tensor<*xf32>'"));
}

TEST(ImportTest, LocationsCarryNodeNames) {
  Imported model = importText(
      modelOf(18, inputOf("x", 1, "2") + outputOf("y") +
                      "node { op_type: 'Relu' input: 'x' output: 't' }" +
                      nodeOf("Exp", "t", "y")));
  std::vector<std::string> names;
  for (mlir::Operation &op :
       model.main().getBody().front().without_terminator())
    names.push_back(onnx::nodeName(op.getLoc()).str());
  EXPECT_THAT(names, ElementsAre("Relu_0", "the_node"));
}

TEST(ImportTest, SubgraphsUseOuterValues) {
  auto branch = [](const std::string &name, const std::string &op) {
    return "attribute { name: '" + name +
           "' type: GRAPH g { name: 'b' output { name: 'o' } " +
           nodeOf(op, "x", "o") + " } }";
  };
  Imported model = importText(
      modelOf(18, inputOf("x", 1, "2") + inputOf("c", 9, "") + outputOf("y") +
                      nodeOf("If", "c", "y",
                             branch("then_branch", "Relu") +
                                 branch("else_branch", "Exp"))));
  ASSERT_TRUE(model.module) << model.print();
  EXPECT_THAT(model.print(), HasSubstr("\"onnx.Exp\"(%arg0)"));
  EXPECT_EQ(model.operations(), "onnx.If");
}

TEST(ImportTest, LoopBodies) {
  std::string body = "attribute { name: 'body' type: GRAPH g { name: 'b' input "
                     "{ name: 'i' } input { name: 'c' } "
                     "input { name: 'v' } output { name: 'c' } output { name: "
                     "'w' } output { name: 's' } " +
                     nodeOf("Add", "v,x", "w") + nodeOf("Identity", "w", "s") +
                     "} }";
  Imported model = importText(
      modelOf(18, inputOf("x", 1, "2") + inputOf("n", 7, "") + outputOf("s") +
                      nodeOf("Loop", "n,,x", "y,s", body)));
  ASSERT_TRUE(model.module) << model.print();
  EXPECT_THAT(model.print(), HasSubstr("tensor<i64>, %"));
  EXPECT_THAT(model.print(),
              HasSubstr("operandSegmentSizes = array<i32: 1, 0, 1>"));
}

const char *functionModel =
    "opset_import { domain: 'local' version: 1 } functions { domain: 'local' "
    "name: 'Twice' "
    "input: 'a' input: 'b' output: 'r' attribute: 'slope' opset_import { "
    "version: 13 } "
    "attribute_proto { name: 'axis' type: INT i: 2 } "
    "node { op_type: 'LeakyRelu' name: 'inner' input: 'a' output: 't' "
    "attribute { name: 'alpha' "
    "type: FLOAT ref_attr_name: 'slope' } } "
    "node { op_type: 'Softmax' input: 't' output: 'r' attribute { name: 'axis' "
    "type: INT ref_attr_name: 'axis' } } } ";

std::string callOf(const std::string &attributes) {
  return inputOf("x", 1, "2") + outputOf("y") +
         "node { op_type: 'Twice' domain: 'local' name: 'call' input: 'x' "
         "output: 'y' " +
         attributes + " }";
}

TEST(ImportTest, FunctionsAreInlined) {
  Imported model =
      importText(modelOf(18, callOf(floatAttr("slope", 0.25f)), functionModel));
  ASSERT_TRUE(model.module) << model.print();
  EXPECT_EQ(model.operations(), "onnx.LeakyRelu onnx.Softmax");
  EXPECT_THAT(model.print(), HasSubstr("alpha = 2.500000e-01"));
  EXPECT_THAT(model.print(), HasSubstr("axis = 2"));
  EXPECT_EQ(onnx::nodeName(model.main().getBody().front().front().getLoc()),
            "call/inner");
  // What the caller does not give is not there: the operator's default holds.
  model = importText(modelOf(18, callOf(intAttr("axis", 0)), functionModel));
  EXPECT_THAT(model.print(), HasSubstr("alpha = 0.00999999977"));
  EXPECT_THAT(model.print(), HasSubstr("axis = 0"));
}

TEST(ImportTest, FunctionsSpeakTheirOwnOpset) {
  std::string function = "opset_import { domain: 'local' version: 1 } "
                         "functions { domain: 'local' name: 'Twice' "
                         "input: 'a' output: 'r' opset_import { version: 11 } "
                         "node { op_type: 'ReduceSum' input: 'a' output: 'r' "
                         "attribute { name: 'axes' type: INTS ints: 0 } } } ";
  Imported model = importText(modelOf(18, callOf(""), function));
  EXPECT_THAT(model.print(), HasSubstr("(tensor<2xf32>, tensor<1xi64>)"));
}

TEST(ImportTest, RecursiveFunctionsAreRefused) {
  std::string function =
      "opset_import { domain: 'local' version: 1 } functions { domain: 'local' "
      "name: 'Twice' "
      "input: 'a' output: 'r' opset_import { domain: 'local' version: 1 } "
      "node { op_type: 'Twice' domain: 'local' input: 'a' output: 'r' } } ";
  EXPECT_EQ(importText(modelOf(18, callOf(""), function)).message(),
            "call/Twice_0: 'onnx.Twice' is a function that calls itself");
}

TEST(ImportTest, AllProblemsInOneRun) {
  Imported model = importText(modelOf(
      18, inputOf("x", 1, "2") + outputOf("y") + nodeOf("Nonsense", "x", "a") +
              nodeOf("Bogus", "x", "b") + nodeOf("Add", "a,b", "y") +
              nodeOf("Relu", "nothing", "c")));
  EXPECT_THAT(
      model.messages,
      ElementsAre("the_node: unsupported: 'onnx.Nonsense' is not supported",
                  "the_node: unsupported: 'onnx.Bogus' is not supported",
                  "the_node: 'onnx.Relu' value 'nothing' is not defined"));
}

} // namespace
} // namespace ashlar
