#include "compiler/report/HeaderWriter.h"
#include "compiler/report/Manifest.h"
#include "runtime/ashlar_rt.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"
#include "gtest/gtest.h"

#include <cstdlib>

using namespace ashlar;

namespace {

ModelDescription example() {
  ModelDescription model;
  model.prefix = "demo";
  model.modelFile = "demo.onnx";
  model.modelHash = std::string(64, 'a');
  model.producer = "ashlar 0.1.0";
  model.dims.push_back({"batch", "", 1, 32});
  TensorDescription input;
  input.name = "serving_default_input_2:0";
  input.dtype = ASHLAR_FLOAT32;
  input.dims = {ASHLAR_DYNAMIC, 3};
  input.dimSymbols = {0, -1};
  TensorDescription output;
  output.name = "class*/ \\";
  output.dtype = ASHLAR_UINT8;
  output.dims = {4};
  output.dimSymbols = {-1};
  output.scale = 0.5f;
  output.zeroPoint = 128;
  TensorDescription scalar;
  scalar.name = "score";
  scalar.dtype = ASHLAR_BFLOAT16;
  model.inputs = {input};
  model.outputs = {output, scalar};
  model.layers.push_back({"/conv", "Conv", "contraction", "avx512", "f32", "",
                          "nhwc", "", 1000, 64});
  VariantDescription variant;
  variant.cpu = "x86-64-v3";
  variant.sharedWorkspaceBytes = 128;
  variant.workerWorkspaceBytes = 64;
  model.variants.push_back(variant);
  return model;
}

void noError(const std::string &text) { ADD_FAILURE() << text; }

TEST(NamesTest, Identifiers) {
  EXPECT_EQ(cIdentifier("serving_default_input_2:0"),
            "serving_default_input_2_0");
  EXPECT_EQ(cIdentifier("/a//b/"), "a_b");
  EXPECT_EQ(cIdentifier("0x"), "n0x");
  EXPECT_EQ(cIdentifier("int"), "int_");
  EXPECT_EQ(cIdentifier("head"), "head_");
  EXPECT_EQ(cIdentifier("\xc3\xa9"), "unnamed");
  EXPECT_EQ(prefixFromPath("/x/resnet50-v1.onnx"), "resnet50_v1");
  EXPECT_TRUE(isCIdentifier("a1"));
  EXPECT_FALSE(isCIdentifier("1a"));
  EXPECT_FALSE(isCIdentifier("int"));
  EXPECT_FALSE(isCIdentifier(""));
}

TEST(NamesTest, ClashesAreErrors) {
  ModelDescription model = example();
  model.outputs[0].name = "a.b";
  model.outputs[1].name = "a/b";
  std::vector<std::string> errors;
  EXPECT_FALSE(assignCNames(
      model, [&](const std::string &text) { errors.push_back(text); }));
  ASSERT_FALSE(errors.empty());
  EXPECT_EQ(errors[0],
            "output 'a.b' and output 'a/b' both get the C name 'a_b'");
}

TEST(NamesTest, PassedThroughInput) {
  ModelDescription model = example();
  model.outputs[0].name = model.inputs[0].name;
  EXPECT_TRUE(assignCNames(model, noError));
  EXPECT_EQ(model.outputs[0].cName, model.inputs[0].cName + "_output");
}

TEST(HeaderTest, CompilesAsCAndCxx) {
  ModelDescription model = example();
  ASSERT_TRUE(assignCNames(model, noError));
  std::string header = writeHeader(model);
  llvm::SmallString<128> folder;
  ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("ashlar-header", folder));
  std::string path = (folder + "/demo.h").str();
  std::error_code code;
  llvm::raw_fd_ostream(path, code) << header;
  std::string user = (folder + "/user.c").str();
  llvm::raw_fd_ostream(user, code)
      << "#include \"demo.h\"\n#include \"demo.h\"\n"
         "int f(void);\n"
         "int f(void) {\n"
         "  demo_args args = DEMO_ARGS_INIT;\n"
         "  args.serving_default_input_2_0_bytes = 12;\n"
         "  args.score = NULL;\n"
         "  return (int)(args.head.struct_size + DEMO_CLASS__BYTES + "
         "DEMO_WORKSPACE_SIZE(2) + sizeof(demo_shapes));\n}\n";
  std::string include =
      " -fsyntax-only -Wall -Wextra -Werror -Wpedantic -I" ASHLAR_TEST_SOURCE
      "/../runtime ";
  EXPECT_EQ(system(("clang-22 -std=c99" + include + user).c_str()), 0)
      << header;
  EXPECT_EQ(system(("clang++-22 -x c++ -std=c++17" + include + user).c_str()),
            0)
      << header;
  llvm::sys::fs::remove_directories(folder);
}

TEST(HeaderTest, SaysShapesAndSizes) {
  ModelDescription model = example();
  ASSERT_TRUE(assignCNames(model, noError));
  std::string header = writeHeader(model);
  for (const char *part :
       {"float32 [batch,3]", "int64_t batch; /* 'batch', from 1 to 32 */",
        "#define DEMO_WORKSPACE_SIZE(workers) ((size_t)128u + "
        "(size_t)(workers) * 64u)",
        "value = (stored - 128) * ", "int64_t class_[1];",
        "const float *serving_default_input_2_0;", "uint16_t *score;",
        "demo_run(const demo_args *args);"})
    EXPECT_NE(header.find(part), std::string::npos) << part << header;
}

TEST(ManifestTest, IsJson) {
  ModelDescription model = example();
  ASSERT_TRUE(assignCNames(model, noError));
  auto json = llvm::json::parse(writeManifest(model));
  ASSERT_TRUE(bool(json));
  const llvm::json::Object &root = *json->getAsObject();
  EXPECT_EQ(root.getString("name"), "demo");
  const llvm::json::Object &layer =
      *(*root.getArray("layers"))[0].getAsObject();
  EXPECT_EQ(layer.getString("kernel"), "contraction");
  EXPECT_EQ(layer.getInteger("macs"), 1000);
  EXPECT_FALSE(layer.get("fallback"));
}

} // namespace
