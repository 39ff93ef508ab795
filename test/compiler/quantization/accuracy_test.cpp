// Equalisation, migration and bias correction: the same in floats, better in
// integers.
#include "compiler/api/Compile.h"
#include "compiler/execution/ModelRunner.h"
#include "compiler/quantization/FoldIntoConv.h"
#include "compiler/quantization/Migration.h"
#include "test/compiler/quantization/QuantizeTest.h"

#include <cmath>
#include <cstring>

namespace ashlar::quantization {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<data::Tensor> run(const ModelFile &model,
                              const data::Tensor &input) {
  mlir::MLIRContext context;
  prepareContext(context);
  CompileOptions options;
  options.cpus = {"x86-64-v3"};
  auto compiled = compileModel(context, model, options);
  if (mlir::failed(compiled)) {
    ADD_FAILURE() << "cannot compile";
    return {};
  }
  auto loaded = llvm::cantFail(LoadedModel::load(compiled->object.toBuffer()));
  auto runner = llvm::cantFail(ModelRunner::create(*loaded, 1));
  llvm::cantFail(runner->bind({input}));
  llvm::cantFail(runner->execute());
  return runner->outputs();
}

std::vector<float> floatsOf(const data::Tensor &tensor) {
  std::vector<float> values(tensor.bytes.size() / sizeof(float));
  std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  return values;
}

/// Numbers between `least` and `least` + 1, the same each time.
data::Tensor makeInput(std::vector<int64_t> shape, float least = -0.5f) {
  data::Tensor input;
  input.dtype = ASHLAR_FLOAT32;
  input.shape = std::move(shape);
  uint64_t seed = 11;
  for (int64_t i = 0; i != *data::elementCount(input.shape); ++i) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    float value = least + float(seed >> 40) / float(1 << 24);
    const auto *bytes = reinterpret_cast<const uint8_t *>(&value);
    input.bytes.insert(input.bytes.end(), bytes, bytes + sizeof(value));
  }
  return input;
}

/// What calibration with this one input sees.
CalibrationTable calibrated(const ModelFile &model, const data::Tensor &input,
                            int channelAxis) {
  ModelFile exposed = model;
  std::vector<std::string> names = tensorsToCalibrate(model);
  exposed.model.mutable_graph()->clear_output();
  for (const std::string &name : names)
    exposed.model.mutable_graph()->add_output()->set_name(name);
  CalibrationTable table;
  table.modelHash = hashOfModel(model);
  std::vector<data::Tensor> seen = run(exposed, input);
  for (size_t i = 0; i != seen.size(); ++i) {
    TensorStatistics &statistics = table.tensors[names[i]];
    std::vector<float> values = floatsOf(seen[i]);
    int axis = channelAxis < 0 ? int(seen[i].shape.size()) - 1 : channelAxis;
    int64_t channels = seen[i].shape[axis], inner = 1;
    for (size_t k = axis + 1; k != seen[i].shape.size(); ++k)
      inner *= seen[i].shape[k];
    statistics.channelAxis = axis;
    statistics.channelMaxima.resize(channels);
    statistics.channelSums.resize(channels);
    statistics.elements = values.size();
    statistics.minimum = *llvm::min_element(values);
    statistics.maximum = *llvm::max_element(values);
    statistics.observedMinimum = statistics.minimum;
    statistics.observedMaximum = statistics.maximum;
    for (size_t k = 0; k != values.size(); ++k) {
      int64_t c = int64_t(k) / inner % channels;
      statistics.channelMaxima[c] =
          std::max(statistics.channelMaxima[c], double(std::fabs(values[k])));
      statistics.channelSums[c] += values[k];
    }
  }
  return table;
}

double sqnr(const std::vector<float> &expected, const std::vector<float> &got) {
  double signal = 0, noise = 0;
  for (size_t i = 0; i != expected.size(); ++i) {
    signal += expected[i] * expected[i];
    noise += (expected[i] - got[i]) * (expected[i] - got[i]);
  }
  return 10 * std::log10(signal / noise);
}

std::vector<float> runQuantized(const ModelFile &model,
                                const CalibrationTable &table,
                                const QuantizeOptions &options,
                                const data::Tensor &input) {
  auto result = quantizeModel(model, table, options);
  EXPECT_TRUE(bool(result)) << llvm::toString(result.takeError());
  EXPECT_TRUE(result->warnings.empty());
  return floatsOf(run(*result->model, input).front());
}

/// Constants with channels that grow by 1.5 along an axis, or shrink.
std::string spreadWeights(const std::string &name,
                          const std::vector<int64_t> &shape, size_t axis,
                          double base) {
  std::string text = "initializer { name: '" + name + "' data_type: 1";
  int64_t count = 1, inner = 1;
  for (size_t i = 0; i != shape.size(); ++i) {
    text += " dims: " + std::to_string(shape[i]);
    count *= shape[i];
    inner *= i > axis ? shape[i] : 1;
  }
  for (int64_t i = 0; i != count; ++i) {
    double value = double((i * 7919 + 13) % 31 - 15) / 16 *
                   std::pow(base, double(i / inner % shape[axis]));
    text += " float_data: " + std::to_string(value);
  }
  return text + " }\n";
}

/// The same outputs as before, bit for bit.
void expectSameFloats(const ModelFile &model, CalibrationTable table,
                      const QuantizeOptions &options, const data::Tensor &input,
                      llvm::ArrayRef<std::string> changed) {
  ModelFile copy = model;
  ModelGraph graph(copy);
  auto migrated = migrateScales(graph, table, options);
  ASSERT_TRUE(bool(migrated));
  EXPECT_EQ(llvm::ArrayRef<std::string>(*migrated), changed);
  EXPECT_EQ(floatsOf(run(copy, input).front()),
            floatsOf(run(model, input).front()));
}

TEST(EqualizationTest, ConvolutionsAroundAnActivation) {
  auto model = parseText(modelOf(
      17, inputOf("x", 1, "1,4,6,6") + outputOf("y") +
              spreadWeights("w1", {8, 4, 3, 3}, 0, 2) +
              spreadWeights("b1", {8}, 0, 2) +
              spreadWeights("w2", {4, 8, 1, 1}, 1, 0.5) +
              layer("Conv", "x,w1,b1", "a") + layer("Relu", "a", "r") +
              layer("MaxPool", "r", "p", intsAttr("kernel_shape", {1, 1})) +
              layer("Conv", "p,w2", "y")));
  data::Tensor input = makeInput({1, 4, 6, 6});
  CalibrationTable table = calibrated(*model, input, 1);
  QuantizeOptions plain, equalized;
  equalized.equalize = true;
  expectSameFloats(*model, table, equalized, input, {"p"});
  std::vector<float> expected = floatsOf(run(*model, input).front());
  double before = sqnr(expected, runQuantized(*model, table, plain, input)),
         after = sqnr(expected, runQuantized(*model, table, equalized, input));
  EXPECT_GT(after, before + 10) << before << " dB before";
}

TEST(MigrationTest, NormalizationTakesTheDivision) {
  auto model = parseText(modelOf(
      17, inputOf("x", 1, "1,16,8") + outputOf("y") +
              spreadWeights("g", {8}, 0, 2) + spreadWeights("b", {8}, 0, 2) +
              spreadWeights("w", {8, 12}, 0, 0.6) +
              spreadWeights("v", {8, 12}, 0, 0.6) +
              layer("LayerNormalization", "x,g,b", "n") +
              layer("MatMul", "n,w", "q") + layer("MatMul", "n,v", "k") +
              layer("Add", "q,k", "y")));
  data::Tensor input = makeInput({1, 16, 8});
  CalibrationTable table = calibrated(*model, input, -1);
  QuantizeOptions plain, migrating;
  migrating.migrate = 0.5;
  expectSameFloats(*model, table, migrating, input, {"n"});
  std::vector<float> expected = floatsOf(run(*model, input).front());
  double before = sqnr(expected, runQuantized(*model, table, plain, input)),
         after = sqnr(expected, runQuantized(*model, table, migrating, input));
  EXPECT_GT(after, before + 6) << before << " dB before";
}

TEST(MigrationTest, OtherReadersKeepTheirValues) {
  auto model = parseText(
      modelOf(17, inputOf("x", 1, "1,16,8") + outputOf("y") +
                      spreadWeights("g", {8}, 0, 2) +
                      spreadWeights("w", {8, 8}, 0, 0.6) +
                      layer("LayerNormalization", "x,g", "n") +
                      layer("MatMul", "n,w", "q") + layer("Add", "q,n", "y")));
  data::Tensor input = makeInput({1, 16, 8});
  CalibrationTable table = calibrated(*model, input, -1);
  QuantizeOptions migrating;
  migrating.migrate = 0.5;
  expectSameFloats(*model, table, migrating, input, {"n"});
  auto result = quantizeModel(*model, table, migrating);
  ASSERT_TRUE(bool(result));
  EXPECT_THAT(nodesOf(*result->model),
              testing::AllOf(HasSubstr("n_migrated = Mul(n, n_migration)"),
                             HasSubstr("y = Add(q, n)")));
}

TEST(MigrationTest, NothingToMoveIsAWarning) {
  auto model = parseText(modelOf(17, inputOf("x", 1, "4,4") + outputOf("y") +
                                         weightsOf("w", "4,4") +
                                         layer("MatMul", "x,w", "y")));
  QuantizeOptions options;
  options.migrate = 0.5;
  options.correctBias = true;
  EXPECT_THAT(quantized(*model, options).warnings,
              ElementsAre(HasSubstr("no scales were moved"),
                          HasSubstr("no bias was corrected")));
}

TEST(BiasCorrectionTest, MeansStayWhereTheyWere) {
  std::string one = "initializer { name: 'w' data_type: 1 dims: [64, 2]";
  // Every weight is rounded up by nearly half a step of 1 / 127.
  for (int i = 0; i != 64; ++i)
    one += i == 0 ? " float_data: 1 float_data: -1"
                  : " float_data: 0.1224 float_data: 0.0436";
  auto model = parseText(modelOf(17, inputOf("x", 1, "32,64") + outputOf("y") +
                                         one + " }\n" + weightsOf("c", "2") +
                                         layer("Gemm", "x,w,c", "y")));
  data::Tensor input = makeInput({32, 64}, /*least=*/2);
  CalibrationTable table = calibrated(*model, input, 1);
  QuantizeOptions plain, corrected;
  corrected.correctBias = true;
  std::vector<float> expected = floatsOf(run(*model, input).front());
  auto meanError = [&](const QuantizeOptions &options) {
    std::vector<float> got = runQuantized(*model, table, options, input);
    double worst = 0;
    for (size_t column = 0; column != 2; ++column) {
      double sum = 0;
      for (size_t i = column; i < got.size(); i += 2)
        sum += got[i] - expected[i];
      worst = std::max(worst, std::fabs(sum) / 32);
    }
    return worst;
  };
  double before = meanError(plain), after = meanError(corrected);
  EXPECT_GT(before, 0.2);
  EXPECT_LT(after, before / 10);
}

/// Two matrix products, a Gemm with all attributes, an embedding beside.
std::string productsNet() {
  return modelOf(17, inputOf("x", 1, "3,50") + outputOf("y") +
                         weightsOf("w", "50,40") + weightsOf("v", "20,40") +
                         weightsOf("c", "20") + layer("MatMul", "x,w", "m") +
                         layer("Tanh", "m", "t") +
                         layer("Gemm", "t,v,c", "y",
                               intAttr("transB", 1) + floatAttr("alpha", 0.5f) +
                                   floatAttr("beta", 2)));
}

double sqnrOfForm(const ModelFile &model, const QuantizeOptions &options,
                  const data::Tensor &input) {
  return sqnr(floatsOf(run(model, input).front()),
              runQuantized(model, {}, options, input));
}

TEST(OtherFormsTest, ActivationsQuantizedWhenTheModelRuns) {
  auto model = parseText(productsNet());
  QuantizeOptions options;
  options.form = QuantizedForm::Dynamic;
  auto result = quantizeModel(*model, {}, options);
  ASSERT_TRUE(bool(result));
  EXPECT_THAT(nodesOf(*result->model),
              testing::AllOf(
                  HasSubstr("x_quantized = DynamicQuantizeLinear(x)"),
                  HasSubstr("m_sums = MatMulInteger(x_quantized, w_quantized, "
                            "x_zero_point)"),
                  HasSubstr("m = Mul(m_unscaled, m_factor)"),
                  HasSubstr("y = Add(y_product, c_added)")));
  EXPECT_GT(sqnrOfForm(*model, options, makeInput({3, 50})), 35);
}

TEST(OtherFormsTest, ConvolutionsQuantizedWhenTheModelRuns) {
  auto model = parseText(modelOf(
      17, inputOf("x", 1, "1,4,9,9") + outputOf("y") +
              weightsOf("w", "8,2,3,3") + weightsOf("b", "8") +
              layer("Conv", "x,w,b", "y",
                    intAttr("group", 2) + intsAttr("pads", {1, 1, 1, 1}))));
  QuantizeOptions options;
  options.form = QuantizedForm::Dynamic;
  EXPECT_GT(sqnrOfForm(*model, options, makeInput({1, 4, 9, 9})), 35);
}

TEST(OtherFormsTest, WeightsInFewBits) {
  auto model = parseText(productsNet());
  QuantizeOptions options;
  options.form = QuantizedForm::WeightOnly;
  auto result = quantizeModel(*model, {}, options);
  ASSERT_TRUE(bool(result));
  EXPECT_THAT(nodesOf(*result->model),
              testing::AllOf(HasSubstr("m = MatMulNBits(x, w_Q8, w_scales)"),
                             HasSubstr("y = Add(y_product, y_bias)")));
  data::Tensor input = makeInput({3, 50});
  EXPECT_GT(sqnrOfForm(*model, options, input), 40);
  options.weightBits = 4;
  EXPECT_GT(sqnrOfForm(*model, options, input), 18);
  // Blocks of 16: the last one of 50 is not full.
  options.blockSize = 16;
  auto four = quantizeModel(*model, {}, options);
  ASSERT_TRUE(bool(four));
  auto *packed = tensorOf(*four->model, "w_Q4");
  ASSERT_TRUE(packed);
  EXPECT_THAT(packed->dims(), ElementsAre(40, 4, 8));
}

TEST(OtherFormsTest, RecurrentWeightsAndEmbeddings) {
  auto model = parseText(
      modelOf(17, inputOf("x", 1, "5,2,8") + inputOf("i", 7, "4") +
                      outputOf("y") + outputOf("e") + weightsOf("w", "1,16,8") +
                      weightsOf("r", "1,16,4") + weightsOf("table", "64,32") +
                      layer("LSTM", "x,w,r", "y", intAttr("hidden_size", 4)) +
                      layer("Gather", "table,i", "e")));
  QuantizeOptions options;
  options.form = QuantizedForm::WeightOnly;
  auto result = quantizeModel(*model, {}, options);
  ASSERT_TRUE(bool(result)) << llvm::toString(result.takeError());
  EXPECT_THAT(
      nodesOf(*result->model),
      testing::AllOf(HasSubstr("y = LSTM(x, w_DequantizeLinear_Output, "
                               "r_DequantizeLinear_Output)"),
                     HasSubstr("e_quantized = Gather(table_quantized, i)"),
                     HasSubstr("e = DequantizeLinear(e_quantized, "
                               "table_scale, table_zero_point)")));
  EXPECT_EQ(result->layers.front().reason,
            "s8 weights, a scale for each row of the gates");
}

// ONNX Runtime's operator has the weights transposed, and no layout.
TEST(OtherFormsTest, DynamicLstm) {
  auto netWith = [](int hidden, const std::string &attributes) {
    std::string rows = "1," + std::to_string(4 * hidden) + ",";
    return parseText(
        modelOf(17, inputOf("x", 1, "5,2,8") + outputOf("y") +
                        weightsOf("w", rows + "8") +
                        weightsOf("r", rows + std::to_string(hidden)) +
                        layer("LSTM", "x,w,r", "y",
                              intAttr("hidden_size", hidden) + attributes)));
  };
  auto model = netWith(48, "");
  QuantizeOptions options;
  options.form = QuantizedForm::Dynamic;
  auto result = quantizeModel(*model, {}, options);
  ASSERT_TRUE(bool(result)) << llvm::toString(result.takeError());
  EXPECT_THAT(nodesOf(*result->model),
              HasSubstr("y = DynamicQuantizeLSTM(x, w_quantized, r_quantized, "
                        ", , , , , w_scale, w_zero_point, r_scale, "
                        "r_zero_point)"));
  EXPECT_THAT(tensorOf(*result->model, "w_quantized")->dims(),
              ElementsAre(1, 8, 192));
  EXPECT_THAT(tensorOf(*result->model, "r_scale")->dims(), ElementsAre(1, 192));
  EXPECT_EQ(tensorOf(*result->model, "w"), nullptr);
  EXPECT_EQ(result->model->model.opset_import(1).domain(), "com.microsoft");
  EXPECT_GT(sqnrOfForm(*model, options, makeInput({5, 2, 8})), 30);
  options.perChannelWeights = false;
  result = quantizeModel(*model, {}, options);
  ASSERT_TRUE(bool(result)) << llvm::toString(result.takeError());
  EXPECT_THAT(tensorOf(*result->model, "r_scale")->dims(), ElementsAre(1));
  EXPECT_THAT(errorOf(*netWith(48, intAttr("layout", 1)), {}, options),
              HasSubstr("DynamicQuantizeLSTM has no layout with batches "
                        "first"));
  EXPECT_THAT(errorOf(*netWith(40, ""), {}, options),
              HasSubstr("6400 products with the state in each step only"));
}

// As PyTorch exports recurrent weights: gates in another order.
TEST(OtherFormsTest, WeightsCutAndJoined) {
  auto bounds = [](int64_t start, int64_t end) {
    return intsAttr("starts", {start}) + intsAttr("ends", {end}) +
           intsAttr("axes", {0});
  };
  auto model = parseText(
      modelOf(9, inputOf("x", 1, "5,2,8") + outputOf("y") +
                     weightsOf("w", "192,8") + weightsOf("r", "1,192,48") +
                     layer("Slice", "w", "first", bounds(0, 96)) +
                     layer("Slice", "w", "last", bounds(-96, 1000)) +
                     layer("Concat", "last,first", "all", intAttr("axis", 0)) +
                     layer("Unsqueeze", "all", "u", intsAttr("axes", {0})) +
                     layer("LSTM", "x,u,r", "y", intAttr("hidden_size", 48))));
  QuantizeOptions options;
  options.form = QuantizedForm::Dynamic;
  auto result = quantizeModel(*model, {}, options);
  ASSERT_TRUE(bool(result)) << llvm::toString(result.takeError());
  EXPECT_EQ(result->model->model.graph().node_size(), 1);
  EXPECT_THAT(tensorOf(*result->model, "u_quantized")->dims(),
              ElementsAre(1, 8, 192));
  EXPECT_GT(sqnrOfForm(*model, options, makeInput({5, 2, 8})), 30);
}

TEST(OtherFormsTest, Reasons) {
  auto model = parseText(
      modelOf(10, inputOf("x", 1, "1,2,4,4") + outputOf("y") +
                      weightsOf("w", "2,2,1,1") + layer("Conv", "x,w", "y")));
  QuantizeOptions options;
  options.form = QuantizedForm::Dynamic;
  EXPECT_EQ(errorOf(*model, {}, options),
            "test.onnx: error: nothing to quantize: 1 layer: "
            "DynamicQuantizeLinear begins with opset 11");
  options.form = QuantizedForm::WeightOnly;
  EXPECT_THAT(errorOf(*model, {}, options),
              HasSubstr("weights alone are quantized in matrix products only"));
}

} // namespace
} // namespace ashlar::quantization
