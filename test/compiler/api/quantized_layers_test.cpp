// Every quantized tensor of a model, computed by integer islands and operator
// by operator from the same inputs: at most one step apart.
#include "QuantizedModel.h"
#include "compiler/api/Compile.h"
#include "compiler/execution/ModelRunner.h"
#include "passes/analysis/DimSymbols.h"
#include "llvm/Support/FileSystem.h"
#include "gtest/gtest.h"

#include <cmath>

using namespace ashlar;
using namespace mlir;

namespace {

bool isBytes(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.hasStaticShape() &&
         tensor.getElementType().isInteger(8);
}

/// Cuts the graph at every quantized tensor: what makes it gives an output of
/// the model, what reads it takes an input.
void cutAtQuantizedTensors(ModuleOp module) {
  auto main = module.lookupSymbol<func::FuncOp>(kMainName);
  OpBuilder builder(main.getContext());
  Operation *end = main.getBody().front().getTerminator();
  SmallVector<Value> tensors;
  for (Operation &op : main.getBody().front())
    if (op.getName().stripDialect() != "Constant")
      for (Value result : op.getResults())
        if (isBytes(result.getType()))
          tensors.push_back(result);
  SmallVector<DictionaryAttr> results;
  main.getAllResultAttrs(results);
  for (auto [index, tensor] : llvm::enumerate(tensors)) {
    auto named = [&, index = index](const Twine &name) {
      return builder.getDictionaryAttr(builder.getNamedAttr(
          "onnx.name", builder.getStringAttr(name + Twine(index))));
    };
    unsigned place = main.getNumArguments();
    (void)main.insertArgument(place, tensor.getType(), named("cut_in_"),
                              tensor.getLoc());
    tensor.replaceAllUsesWith(main.getArgument(place));
    end->insertOperands(end->getNumOperands(), tensor);
    results.push_back(named("cut_out_"));
  }
  main.setType(
      builder.getFunctionType(main.getArgumentTypes(), end->getOperandTypes()));
  main.setAllResultAttrs(results);
}

/// Inputs around the middle of their range, so that sums do not all saturate.
std::vector<data::Tensor> makeInputs(const ashlar_model_info &info) {
  std::vector<data::Tensor> inputs;
  uint64_t seed = 7;
  for (uint32_t i = 0; i < info.num_inputs; ++i) {
    const ashlar_tensor_info &tensor = info.tensors[i];
    data::Tensor input;
    input.dtype = tensor.dtype;
    input.shape.assign(tensor.dims, tensor.dims + tensor.rank);
    int64_t count = *data::elementCount(input.shape);
    for (int64_t k = 0; k < count; ++k) {
      seed = seed * 6364136223846793005u + 1442695040888963407u;
      float number = float(seed >> 40) / float(1 << 23) - 1;
      uint8_t byte = uint8_t(std::lround(48 * number)) +
                     (tensor.dtype == ASHLAR_UINT8 ? 128 : 0);
      const auto *bytes = tensor.dtype == ASHLAR_FLOAT32
                              ? reinterpret_cast<const uint8_t *>(&number)
                              : &byte;
      input.bytes.insert(input.bytes.end(), bytes,
                         bytes + tensor.element_bytes);
    }
    inputs.push_back(std::move(input));
  }
  return inputs;
}

/// The outputs of a model; none where this machine cannot run it.
std::vector<data::Tensor> run(StringRef path, const CompileOptions &options,
                              unsigned threads = 1) {
  MLIRContext context;
  prepareContext(context);
  auto compiled = compileModel(context, path, options);
  if (failed(compiled)) {
    ADD_FAILURE() << "cannot compile " << path.str();
    return {};
  }
  auto model = llvm::cantFail(LoadedModel::load(compiled->object.toBuffer()));
  auto runner = ModelRunner::create(*model, threads);
  if (!runner) {
    llvm::handleAllErrors(runner.takeError(), [](const RunError &why) {
      EXPECT_TRUE(why.status == ASHLAR_ERROR_CPU ||
                  why.status == ASHLAR_ERROR_AMX_PERMISSION)
          << why.text;
    });
    return {};
  }
  llvm::cantFail((*runner)->bind(makeInputs(model->info())));
  llvm::cantFail((*runner)->execute());
  return (*runner)->outputs();
}

std::vector<data::Tensor> runLayers(StringRef path, bool islands) {
  CompileOptions options;
  options.cpus = {"x86-64-v3"};
  options.integerIslands = islands;
  options.onSimplified = cutAtQuantizedTensors;
  return run(path, options);
}

void compareLayers(StringRef path) {
  std::vector<data::Tensor> integers = runLayers(path, /*islands=*/true),
                            plain = runLayers(path, /*islands=*/false);
  ASSERT_EQ(integers.size(), plain.size());
  int64_t quantized = 0, bytes = 0, saturated = 0;
  for (auto [a, b] : llvm::zip(integers, plain)) {
    ASSERT_EQ(a.shape, b.shape) << b.name;
    bool steps = b.dtype == ASHLAR_UINT8 || b.dtype == ASHLAR_INT8;
    quantized += steps;
    double worst = 0, largest = 0;
    for (int64_t i = 0; i < b.elements(); ++i) {
      double value = b.value(i).real();
      worst = std::max(worst, std::abs(a.value(i).real() - value));
      largest = std::max(largest, std::abs(value));
      saturated += steps && (value == (b.dtype == ASHLAR_UINT8 ? 0 : -128) ||
                             value == (b.dtype == ASHLAR_UINT8 ? 255 : 127));
      bytes += steps;
    }
    EXPECT_LE(worst, steps ? 1 : 1e-4 * largest) << b.name;
  }
  EXPECT_GE(quantized, 5);
  // Saturation hides differences: it must not be everywhere.
  EXPECT_LT(saturated, bytes * 3 / 4);
}

const std::string kPads = "attribute { name: \"pads\" type: INTS ints: 1 ints: "
                          "1 ints: 1 ints: 1 }";

/// Convolutions (dense, pointwise, depthwise), residual, pools, concatenation,
/// a product of activations, Gemm.
std::string network() {
  QuantizedModel m;
  std::string x = m.requantize("x", 0.01, 120);
  std::vector<double> bias = m.random(16, 2000, true);
  std::string b = m.constant("b", 6, {16}, bias);
  std::string bs = m.constant("bs", 1, {}, {0.00006});
  std::string bd = m.node("DequantizeLinear", "bd", {b, bs});
  m.node("Conv", "c1", {x, m.weights("c1", {16, 8, 3, 3}, 0), bd}, kPads);
  m.node("Relu", "r1", {"c1"});
  std::string r1 = m.requantize("r1", 0.02, 0);
  m.node("Conv", "c2", {r1, m.weights("c2", {16, 16, 1, 1}, 0)});
  std::string c2 = m.requantize("c2", 0.03, 130);
  m.node("Add", "sum", {c2, r1});
  std::string sum = m.requantize("sum", 0.04, 100);
  std::string window = "attribute { name: \"kernel_shape\" type: INTS ints: 2 "
                       "ints: 2 } attribute { name: \"strides\" type: INTS "
                       "ints: 2 ints: 2 }";
  m.node("MaxPool", "pool", {sum}, window);
  std::string pool = m.requantize("pool", 0.04, 100);
  m.node("Conv", "deep", {pool, m.weights("deep", {16, 1, 3, 3}, 0)},
         kPads + "attribute { name: \"group\" type: INT i: 16 }");
  m.node(
      "Clip", "clip",
      {"deep", m.constant("low", 1, {}, {0}), m.constant("six", 1, {}, {6})});
  std::string deep = m.requantize("clip", 6.0 / 255, 0);
  m.node("AveragePool", "mean", {deep}, window);
  std::string mean = m.requantize("mean", 0.02, 3);
  m.node("MatMul", "square", {mean, mean});
  std::string square = m.requantize("square", 0.1, -10, /*isSigned=*/true);
  m.node("Concat", "both", {square, mean},
         "attribute { name: \"axis\" type: INT i: 1 }");
  std::string both = m.requantize("both", 0.1, 7);
  m.node("GlobalAveragePool", "global", {both});
  std::string global = m.requantize("global", 0.05, 5);
  m.node("Flatten", "flat", {global});
  m.node("Gemm", "y", {"flat", m.weights("fc", {10, 32}, 0)},
         "attribute { name: \"transB\" type: INT i: 1 }");
  std::string y = m.requantize("y", 0.05, 128);
  return m.text("shape { dim { dim_value: 1 } dim { dim_value: 8 } dim { "
                "dim_value: 12 } dim { dim_value: 12 } }",
                y);
}

/// The small network in a file.
class QuantizedLayers : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_FALSE(
        llvm::sys::fs::createTemporaryFile("quantized", "textproto", path));
    std::error_code error;
    llvm::raw_fd_ostream file(path, error);
    file << network();
  }
  void TearDown() override { llvm::sys::fs::remove(path); }
  SmallString<128> path;
};

TEST_F(QuantizedLayers, AreOneStepApart) { compareLayers(path); }

TEST_F(QuantizedLayers, HaveTheSameBitsEverywhere) {
  std::vector<data::Tensor> first;
  for (const char *cpu :
       {"x86-64-v3", "skylake-avx512", "icelake-server", "sapphirerapids"})
    for (unsigned threads : {1u, 2u}) {
      CompileOptions options;
      options.cpus = {cpu};
      std::vector<data::Tensor> outputs = run(path, options, threads);
      if (outputs.empty())
        continue;
      if (first.empty())
        first = outputs;
      ASSERT_EQ(outputs.size(), first.size());
      for (auto [a, b] : llvm::zip(outputs, first))
        EXPECT_EQ(a.bytes, b.bytes) << cpu << " with " << threads << " threads";
    }
  EXPECT_FALSE(first.empty());
}

class RecordedModel : public testing::TestWithParam<const char *> {};

TEST_P(RecordedModel, LayersAreOneStepApart) {
  std::string path =
      std::string(ASHLAR_TEST_DATA) + "/models/" + GetParam() + "/model.onnx";
  if (!llvm::sys::fs::exists(path))
    GTEST_SKIP() << "no recorded models";
  compareLayers(path);
}

INSTANTIATE_TEST_SUITE_P(QuantizedLayers, RecordedModel,
                         testing::Values("squeezenet_int8_qdq",
                                         "micro_kws_m_static_qoperator"));

} // namespace
