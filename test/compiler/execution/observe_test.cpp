// What an observer sees of a running model: every tensor asked for, with the
// value that ONNX gives it, in program order.
#include "compiler/api/Compile.h"
#include "compiler/data/Compare.h"
#include "compiler/data/DataFiles.h"
#include "compiler/execution/ModelRunner.h"
#include "compiler/report/ModelDescription.h"
#include "llvm/Support/FileSystem.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include <cmath>

using namespace ashlar;
using testing::ElementsAre;

namespace {

/// Keeps all that it is shown.
struct Recorder : TensorObserver {
  std::vector<data::Tensor> seen;
  int runs = 0;

  void beginRun() override {
    ++runs;
    seen.clear();
  }
  void observe(llvm::StringRef name, int32_t dtype,
               llvm::ArrayRef<int64_t> shape, const void *data) override {
    data::Tensor &tensor = seen.emplace_back();
    tensor.name = name.str();
    tensor.dtype = dtype;
    tensor.shape.assign(shape.begin(), shape.end());
    const auto *bytes = static_cast<const uint8_t *>(data);
    tensor.bytes.assign(bytes, bytes + tensor.elements() * elementBytes(dtype));
  }

  std::vector<std::string> names() const {
    std::vector<std::string> result;
    for (const data::Tensor &tensor : seen)
      result.push_back(tensor.name);
    return result;
  }
  std::vector<double> values(llvm::StringRef name, size_t which = 0) const {
    for (const data::Tensor &tensor : seen)
      if (tensor.name == name && which-- == 0) {
        std::vector<double> result;
        for (int64_t i = 0; i < tensor.elements(); ++i)
          result.push_back(tensor.value(i).real());
        return result;
      }
    ADD_FAILURE() << name.str() << " was not seen";
    return {};
  }
};

data::Tensor floats(std::vector<int64_t> shape, std::vector<float> values) {
  data::Tensor tensor;
  tensor.dtype = ASHLAR_FLOAT32;
  tensor.shape = std::move(shape);
  const auto *bytes = reinterpret_cast<const uint8_t *>(values.data());
  tensor.bytes.assign(bytes, bytes + values.size() * sizeof(float));
  return tensor;
}

/// Compiles the model at `path`, runs it once, and tells what was seen.
Recorder observe(llvm::StringRef path, std::vector<data::Tensor> inputs,
                 std::function<bool(llvm::StringRef)> which,
                 std::vector<data::Tensor> *outputs = nullptr,
                 unsigned threads = 2) {
  Recorder recorder;
  mlir::MLIRContext context;
  prepareContext(context);
  CompileOptions options;
  options.stages.verifyContracts = true;
  options.import.observe = std::move(which);
  auto compiled = compileModel(context, path, options);
  if (failed(compiled)) {
    ADD_FAILURE() << "cannot compile " << path.str();
    return recorder;
  }
  auto model = llvm::cantFail(LoadedModel::load(compiled->object.toBuffer()));
  auto runner = llvm::cantFail(ModelRunner::create(*model, threads));
  llvm::cantFail(runner->bind(std::move(inputs)));
  llvm::cantFail(runner->execute(nullptr, &recorder));
  if (outputs)
    *outputs = runner->outputs();
  // Without an observer nothing is shown.
  size_t before = recorder.seen.size();
  int runs = recorder.runs;
  llvm::cantFail(runner->execute());
  EXPECT_EQ(recorder.seen.size(), before);
  EXPECT_EQ(recorder.runs, runs);
  return recorder;
}

bool everything(llvm::StringRef) { return true; }

class Observe : public testing::Test {
protected:
  Recorder observeText(llvm::StringRef graph, std::vector<data::Tensor> inputs,
                       std::function<bool(llvm::StringRef)> which = everything,
                       llvm::StringRef more = "") {
    EXPECT_FALSE(
        llvm::sys::fs::createTemporaryFile("observe", "textproto", path));
    std::error_code error;
    llvm::raw_fd_ostream file(path, error);
    file << "ir_version: 9 opset_import { version: 18 }\n"
         << more << "graph { name: \"g\"\n"
         << graph << "}\n";
    file.close();
    return observe(path, std::move(inputs), which, &outputs);
  }
  void TearDown() override { llvm::sys::fs::remove(path); }

  llvm::SmallString<128> path;
  std::vector<data::Tensor> outputs;
};

/// A value_info in text form; negative dims are symbolic.
std::string value(llvm::StringRef role, llvm::StringRef name, int type,
                  llvm::ArrayRef<int64_t> dims) {
  std::string text =
      (role + " { name: \"" + name +
       "\" type { tensor_type { elem_type: " + llvm::Twine(type) + " shape {")
          .str();
  for (int64_t dim : dims)
    text += dim < 0 ? " dim { dim_param: \"n\" }"
                    : " dim { dim_value: " + std::to_string(dim) + " }";
  return text + " } } } }\n";
}

std::string node(llvm::StringRef op, llvm::ArrayRef<llvm::StringRef> inputs,
                 llvm::StringRef output, llvm::StringRef attributes = "") {
  std::string text = ("node { op_type: \"" + op + "\"").str();
  for (llvm::StringRef input : inputs)
    text += (" input: \"" + input + "\"").str();
  return text + (" output: \"" + output + "\" " + attributes + " }\n").str();
}

TEST_F(Observe, SeesEveryTensorOfAFusedChain) {
  Recorder recorder =
      observeText(value("input", "x", 1, {2, 2}) + node("Neg", {"x"}, "a") +
                      node("Relu", {"a"}, "b") + node("Add", {"b", "b"}, "y") +
                      value("output", "y", 1, {2, 2}),
                  {floats({2, 2}, {-1, 2, -3, 4})});
  ASSERT_THAT(recorder.names(), ElementsAre("x", "a", "b", "y"));
  EXPECT_THAT(recorder.values("a"), ElementsAre(1, -2, 3, -4));
  EXPECT_THAT(recorder.values("b"), ElementsAre(1, 0, 3, 0));
  EXPECT_THAT(recorder.values("y"), ElementsAre(2, 0, 6, 0));
  EXPECT_EQ(recorder.runs, 1);
}

TEST_F(Observe, SeesOnlyWhatWasAskedFor) {
  Recorder recorder = observeText(
      value("input", "x", 1, {2}) + node("Neg", {"x"}, "a") +
          node("Exp", {"a"}, "y") + value("output", "y", 1, {2}),
      {floats({2}, {0, 1})}, [](llvm::StringRef name) { return name == "a"; });
  ASSERT_THAT(recorder.names(), ElementsAre("a"));
  EXPECT_EQ(recorder.seen[0].shape, std::vector<int64_t>{2});
}

TEST_F(Observe, SeesViewsInOrderAndResultsThatNobodyUses) {
  Recorder recorder = observeText(
      value("input", "x", 1, {2, 3}) +
          node("Transpose", {"x"}, "t",
               "attribute { name: \"perm\" type: INTS ints: 1 ints: 0 }") +
          node("Exp", {"x"}, "unused") +
          "node { op_type: \"Split\" input: \"t\" output: \"first\" output: "
          "\"rest\" attribute { name: \"axis\" type: INT i: 1 } attribute { "
          "name: \"num_outputs\" type: INT i: 2 } }\n" +
          node("Neg", {"rest"}, "y") + value("output", "y", 1, {3, 1}),
      {floats({2, 3}, {1, 2, 3, 4, 5, 6})});
  ASSERT_THAT(recorder.names(),
              ElementsAre("x", "t", "unused", "first", "rest", "y"));
  EXPECT_THAT(recorder.values("t"), ElementsAre(1, 4, 2, 5, 3, 6));
  EXPECT_THAT(recorder.values("first"), ElementsAre(1, 2, 3));
  EXPECT_THAT(recorder.values("rest"), ElementsAre(4, 5, 6));
  EXPECT_NEAR(recorder.values("unused")[1], std::exp(2.0), 1e-4);
}

TEST_F(Observe, KeepsBatchNormalizationApart) {
  std::string statistics;
  for (const char *name : {"scale", "bias", "mean", "variance"})
    statistics += std::string("initializer { name: \"") + name +
                  "\" data_type: 1 dims: 1 float_data: 2 }\n";
  Recorder recorder = observeText(
      statistics +
          "initializer { name: \"w\" data_type: 1 dims: 1 dims: 1 dims: 1 "
          "dims: 1 float_data: 3 }\n" +
          value("input", "x", 1, {1, 1, 1, 2}) + node("Conv", {"x", "w"}, "c") +
          node("BatchNormalization", {"c", "scale", "bias", "mean", "variance"},
               "b") +
          node("Relu", {"b"}, "y") + value("output", "y", 1, {1, 1, 1, 2}),
      {floats({1, 1, 1, 2}, {1, -1})});
  EXPECT_THAT(recorder.values("c"), ElementsAre(3, -3));
  EXPECT_NEAR(recorder.values("b")[0], 2 + 2 / std::sqrt(2.0), 1e-3);
  EXPECT_NEAR(recorder.values("b")[1], 2 - 10 / std::sqrt(2.0), 1e-3);
  EXPECT_EQ(recorder.values("y")[1], 0);
}

TEST_F(Observe, SeesFloatsOfAllWidths) {
  std::string graph = value("input", "x", 1, {2});
  for (int type : {10, 11, 16}) {
    std::string name = "t" + std::to_string(type);
    graph += node(
        "Cast", {"x"}, name,
        "attribute { name: \"to\" type: INT i: " + std::to_string(type) + " }");
  }
  graph += node("Cast", {"x"}, "whole",
                "attribute { name: \"to\" type: INT i: 6 }") +
           node("Neg", {"x"}, "y") + value("output", "y", 1, {2});
  Recorder recorder = observeText(graph, {floats({2}, {0.1f, -3})});
  ASSERT_THAT(recorder.names(), ElementsAre("x", "t10", "t11", "t16", "y"));
  EXPECT_EQ(recorder.seen[1].dtype, ASHLAR_FLOAT16);
  EXPECT_EQ(recorder.seen[2].dtype, ASHLAR_FLOAT64);
  EXPECT_EQ(recorder.seen[3].dtype, ASHLAR_BFLOAT16);
  EXPECT_EQ(recorder.values("t10")[0], 0.0999755859375);
  EXPECT_EQ(recorder.values("t11")[0], double(0.1f));
  EXPECT_EQ(recorder.values("t16")[0], 0.10009765625);
}

TEST_F(Observe, SeesSizesKnownOnlyWhenTheModelRuns) {
  Recorder recorder = observeText(
      value("input", "x", 1, {-1}) + node("Relu", {"x"}, "r") +
          node("NonZero", {"r"}, "where") +
          node("Transpose", {"where"}, "places") +
          node("GatherND", {"r", "places"}, "y") +
          "output { name: \"y\" type { tensor_type { elem_type: 1 } } }\n",
      {floats({4}, {1, -2, 3, 0})});
  ASSERT_THAT(recorder.names(), ElementsAre("x", "r", "y"));
  EXPECT_EQ(recorder.seen[2].shape, std::vector<int64_t>{2});
  EXPECT_THAT(recorder.values("y"), ElementsAre(1, 3));
  // The first one did not have the workspace that the data asks for.
  EXPECT_EQ(recorder.runs, 2);
}

TEST_F(Observe, SeesBranchesAndEveryRoundOfALoop) {
  std::string body =
      "attribute { name: \"body\" type: GRAPH g { name: \"b\" " +
      value("input", "i", 7, {}) + value("input", "go", 9, {}) +
      value("input", "state", 1, {2}) + node("Identity", {"go"}, "on") +
      node("Add", {"state", "x"}, "next") + value("output", "on", 9, {}) +
      value("output", "next", 1, {2}) + "} }";
  auto branch = [](const char *name, const char *op) {
    return std::string("attribute { name: \"") + name +
           "\" type: GRAPH g { name: \"" + name + "\" " +
           node(op, {"sum"}, std::string(name) + "_y") +
           value("output", std::string(name) + "_y", 1, {2}) + "} }\n";
  };
  Recorder recorder = observeText(
      "initializer { name: \"count\" data_type: 7 int64_data: 3 }\n" +
          value("input", "x", 1, {2}) +
          node("Loop", {"count", "", "x"}, "sum", body) +
          node("ReduceSum", {"sum"}, "total",
               "attribute { name: \"keepdims\" type: INT i: 0 }") +
          node("Cast", {"total"}, "positive",
               "attribute { name: \"to\" type: INT i: 9 }") +
          node("If", {"positive"}, "y",
               branch("then_branch", "Neg") + branch("else_branch", "Abs")) +
          value("output", "y", 1, {2}),
      {floats({2}, {1, 2})});
  ASSERT_THAT(recorder.names(),
              ElementsAre("x", "state", "next", "state", "next", "state",
                          "next", "sum", "total", "then_branch_y", "y"));
  EXPECT_THAT(recorder.values("state", 0), ElementsAre(1, 2));
  EXPECT_THAT(recorder.values("next", 0), ElementsAre(2, 4));
  EXPECT_THAT(recorder.values("next", 2), ElementsAre(4, 8));
  EXPECT_THAT(recorder.values("y"), ElementsAre(-4, -8));
}

TEST_F(Observe, NamesTensorsOfFunctionsByTheirCalls) {
  Recorder recorder = observeText(
      value("input", "x", 1, {1}) +
          "node { domain: \"own\" op_type: \"F\" name: \"call\" input: \"x\" "
          "output: \"y\" }\n" +
          value("output", "y", 1, {1}),
      {floats({1}, {5})}, everything,
      "opset_import { domain: \"own\" version: 1 } functions { domain: \"own\" "
      "name: \"F\" input: \"a\" output: \"c\" opset_import { version: 18 } " +
          node("Neg", {"a"}, "b") + node("Abs", {"b"}, "c") + "}\n");
  ASSERT_THAT(recorder.names(), ElementsAre("x", "call/b", "call/c", "y"));
  EXPECT_THAT(recorder.values("call/b"), ElementsAre(-5));
}

/// Trained models, all of whose tensors are observed, still give what is
/// recorded, and what is seen of an output is that output.
class ObservedModel : public testing::TestWithParam<const char *> {};

TEST_P(ObservedModel, GivesWhatIsRecorded) {
  std::string folder = std::string(ASHLAR_TEST_DATA) + "/models/" + GetParam();
  if (!llvm::sys::fs::exists(folder + "/model.onnx"))
    GTEST_SKIP() << "no recorded models";
  auto recorded =
      llvm::cantFail(data::readTestFolder(folder + "/test_data_set_0"));
  std::vector<data::Tensor> outputs;
  Recorder recorder =
      observe(folder + "/model.onnx", recorded.inputs, everything, &outputs);
  EXPECT_GT(recorder.seen.size(), 10u);
  ASSERT_EQ(outputs.size(), recorded.outputs.size());
  for (auto [got, expected] : llvm::zip(outputs, recorded.outputs)) {
    EXPECT_TRUE(data::compare(got, expected, {1e-3, 2e-3}).agrees())
        << got.name;
    bool found = false;
    for (const data::Tensor &seen : recorder.seen)
      if (seen.name == got.name) {
        EXPECT_EQ(seen.bytes, got.bytes) << got.name;
        found = true;
      }
    EXPECT_TRUE(found) << got.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Observe, ObservedModel,
                         testing::Values("silero_vad", "basic_pitch_nmp",
                                         "g2p_bert_pron", "squeezenet_fp32"));

} // namespace
