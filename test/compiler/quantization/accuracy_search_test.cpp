// The search for layers to leave in floats, on a small network whose second
// layer suffers much more from quantization than the others.
#include "compiler/api/Compile.h"
#include "compiler/quantization/AccuracySearch.h"
#include "compiler/quantization/Calibrate.h"
#include "compiler/quantization/CalibrationMethods.h"
#include "compiler/quantization/KeptSamples.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include <cmath>

using namespace ashlar;
using namespace ashlar::quantization;

namespace {

constexpr int64_t kWidth = 16;

// A channel of what the third layer reads is a thousand times as large as the
// others. Its weights for that channel are as much smaller, so that some are
// lost in int8, or zero, so that what it loses is lost in its input.
std::unique_ptr<ModelFile> network(bool readsOutliers = true) {
  std::string text = "ir_version: 9 opset_import { version: 18 } graph { name: "
                     "\"g\"\n";
  auto value = [&](const char *role, const char *name) {
    text += std::string(role) + " { name: \"" + name +
            "\" type { tensor_type { elem_type: 1 shape { dim { dim_value: 4 } "
            "dim { dim_value: 16 } } } } }\n";
  };
  value("input", "x");
  std::string from = "x";
  for (int layer = 0; layer < 4; ++layer) {
    std::string name = "l" + std::to_string(layer);
    text +=
        "initializer { name: \"w" + name + "\" data_type: 1 dims: 16 dims: 16";
    for (int64_t i = 0; i < kWidth * kWidth; ++i) {
      double weight = std::sin(double(i * 7 + layer)) / 4;
      if (layer == 1 && i % kWidth == 0)
        weight *= 1000;
      if (layer == 2 && i / kWidth == 0)
        weight *= readsOutliers ? 1e-3 : 0;
      text += " float_data: " + std::to_string(weight);
    }
    text += " }\nnode { op_type: \"Gemm\" name: \"" + name + "\" input: \"" +
            from + "\" input: \"w" + name + "\" output: \"" + name + "\" }\n";
    from = name;
  }
  value("output", "l3");
  return llvm::cantFail(
      parseModelFile(llvm::MemoryBuffer::getMemBufferCopy(text + "}"),
                     "g.textproto", "", true));
}

class Samples : public data::SampleStream {
public:
  llvm::Expected<std::optional<data::Sample>> next() override {
    if (done == 8)
      return std::nullopt;
    data::Sample sample;
    sample.name = "sample " + std::to_string(done);
    data::Tensor &x = sample.inputs.emplace_back();
    x.dtype = ASHLAR_FLOAT32;
    x.shape = {4, kWidth};
    for (int64_t i = 0; i < 4 * kWidth; ++i) {
      float number = std::sin(float(done * 1000 + i * i));
      const auto *bytes = reinterpret_cast<const uint8_t *>(&number);
      x.bytes.insert(x.bytes.end(), bytes, bytes + sizeof number);
    }
    ++done;
    return sample;
  }

private:
  int done = 0;
};

class AccuracySearchTest : public testing::Test {
protected:
  void SetUp() override {
    prepare();
    calibrateModel();
  }

  void useModel(std::unique_ptr<ModelFile> other) {
    model = std::move(other);
    calibrateModel();
  }

  void prepare() {
    setup.threads = 1;
    setup.compile = [this](const ModelFile &model,
                           std::function<bool(llvm::StringRef)> observe)
        -> llvm::Expected<std::unique_ptr<LoadedModel>> {
      ++compilations;
      mlir::MLIRContext context;
      prepareContext(context);
      CompileOptions options;
      options.import.observe = std::move(observe);
      auto compiled = compileModel(context, model, options);
      if (failed(compiled))
        return llvm::createStringError("cannot compile");
      return LoadedModel::load(compiled->object.toBuffer());
    };
    setup.open = [](const ashlar_model_info &) {
      return std::make_unique<Samples>();
    };
  }

  void calibrateModel() {
    table = CalibrationTable();
    llvm::StringSet<> names;
    for (const std::string &name : tensorsToCalibrate(*model))
      names.insert(name);
    auto compiled = llvm::cantFail(setup.compile(
        *model, [&](llvm::StringRef name) { return names.contains(name); }));
    auto runner = llvm::cantFail(ModelRunner::create(*compiled, 1));
    Samples samples;
    llvm::cantFail(calibrate(*model, *runner, samples, table,
                             [](uint64_t) { return true; }));
    chooseRanges(table, {CalibrationMethod::MinMax});
  }

  AccuracyResult search(llvm::StringRef metric, const AccuracyGoal &goal) {
    Evaluator evaluator(setup, llvm::cantFail(MetricSpec::parse(metric)),
                        nullptr);
    AccuracySearch search(*model, table, options, evaluator, setup, goal);
    return llvm::cantFail(search.run(state));
  }

  std::unique_ptr<ModelFile> model = network();
  CalibrationTable table;
  EvaluationSetup setup;
  AccuracyState state;
  QuantizeOptions options;
  int compilations = 0;
};

AccuracyGoal goalOf(double score, double leastShare = 0) {
  AccuracyGoal goal;
  goal.score = score;
  goal.leastShare = leastShare;
  return goal;
}

TEST_F(AccuracySearchTest, RanksLayersByTheErrorOfTheOutputs) {
  SimulatedTrials trials(*model, table, options, setup);
  auto layers = llvm::cantFail(trials.rank(UINT64_MAX, [](size_t, size_t) {}));
  ASSERT_TRUE(layers.has_value());
  ASSERT_EQ(layers->size(), 4u);
  EXPECT_EQ(compilations, 3); // two of them here, whatever the layers
  for (const LayerError &layer : *layers) {
    EXPECT_EQ(layer.macs, 4 * kWidth * kWidth) << layer.node;
    // The one whose input has a channel a thousand times as large.
    if (layer.node == "l2")
      EXPECT_LT(layer.sqnr(), 18);
    else
      EXPECT_GT(layer.sqnr(), 22) << layer.node;
  }
}

TEST_F(AccuracySearchTest, CountsProductsBehindScaledInputs) {
  options.migrate = 0.5;
  SimulatedTrials trials(*model, table, options, setup);
  auto layers = llvm::cantFail(trials.rank(2, [](size_t, size_t) {}));
  ASSERT_TRUE(layers.has_value());
  ASSERT_EQ(layers->size(), 4u);
  for (const LayerError &layer : *layers)
    EXPECT_EQ(layer.macs, 4 * kWidth * kWidth) << layer.node;
}

// The one model that simulates all of them against one compiled for each.
TEST_F(AccuracySearchTest, SimulatesWhatIsCompiled) {
  for (bool correct : {false, true}) {
    options.correctBias = correct;
    Evaluator evaluator(setup, llvm::cantFail(MetricSpec::parse("sqnr")),
                        nullptr);
    llvm::cantFail(evaluator.setReference(*model));
    SimulatedTrials trials(*model, table, options, setup);
    for (const std::set<std::string> &left :
         {std::set<std::string>{}, {"l0"}, {"l2"}, {"l1", "l3"}}) {
      QuantizeOptions now = options;
      now.chosen.inFloats = left;
      auto quantized = llvm::cantFail(quantizeModel(*model, table, now));
      double compiled = *llvm::cantFail(evaluator.score(*quantized.model)),
             simulated = *llvm::cantFail(trials.score({left, {}}, evaluator));
      EXPECT_NEAR(simulated, compiled, 0.05) << left.size();
    }
    EXPECT_EQ(*llvm::cantFail(
                  trials.score({{"l0", "l1", "l2", "l3"}, {}}, evaluator)),
              INFINITY);
  }
}

TEST_F(AccuracySearchTest, SimulatesTwoTerms) {
  useModel(network(/*readsOutliers=*/false));
  Evaluator evaluator(setup, llvm::cantFail(MetricSpec::parse("sqnr")),
                      nullptr);
  llvm::cantFail(evaluator.setReference(*model));
  SimulatedTrials trials(*model, table, options, setup);
  for (const LayerForms &forms :
       {LayerForms{{}, {"l2"}}, {{"l1"}, {"l2", "l0"}}}) {
    QuantizeOptions now = options;
    now.chosen = forms;
    auto quantized = llvm::cantFail(quantizeModel(*model, table, now));
    EXPECT_NEAR(*llvm::cantFail(trials.score(forms, evaluator)),
                *llvm::cantFail(evaluator.score(*quantized.model)), 0.05);
  }
  options.twoTermNodes = {"l2"};
  SimulatedTrials asked(*model, table, options, setup);
  EXPECT_EQ(*llvm::cantFail(asked.score({}, evaluator)),
            *llvm::cantFail(trials.score({{}, {"l2"}}, evaluator)));
}

TEST_F(AccuracySearchTest, KeepsSamplesThatAreReadOften) {
  int opened = 0, given = 0;
  auto open = [&](const ashlar_model_info &) {
    ++opened;
    return std::make_unique<Samples>();
  };
  ashlar_model_info info = {};
  auto count = [&](decltype(EvaluationSetup::open) &from) {
    auto stream = llvm::cantFail(from(info));
    std::string names;
    while (auto sample = llvm::cantFail(stream->next()))
      names += sample->name + " ", ++given;
    return names;
  };
  uint64_t bytes = 4 * kWidth * sizeof(float);
  auto all = keepSamples(open, 8 * bytes);
  std::string first = count(all);
  EXPECT_EQ(given, 8);
  EXPECT_EQ(count(all), first);
  EXPECT_EQ(opened, 1);
  // Where there is no room for all, the others are read again, in their order.
  opened = 0;
  auto some = keepSamples(open, 3 * bytes);
  EXPECT_EQ(count(some), first);
  EXPECT_EQ(count(some), first);
  EXPECT_EQ(opened, 2);
}

TEST_F(AccuracySearchTest, LeavesTheLayersThatSuffer) {
  AccuracyGoal goal = goalOf(20);
  goal.twoTerms = false;
  AccuracyResult result = search("sqnr", goal);
  EXPECT_TRUE(result.met);
  ASSERT_EQ(result.inFloats.size(), 1u);
  EXPECT_EQ(result.inFloats[0].node, "l2");
  EXPECT_EQ(result.best.share, 0.75);
  EXPECT_TRUE(result.trials.front().taken.empty());
  EXPECT_LT(result.trials.front().score, 20);
  for (const LayerDecision &layer : result.model.layers)
    EXPECT_EQ(layer.quantized, layer.node != "l2") << layer.node;
}

TEST_F(AccuracySearchTest, PrefersTwoTermsToFloats) {
  useModel(network(/*readsOutliers=*/false));
  AccuracyResult result = search("sqnr", goalOf(20, /*leastShare=*/1));
  EXPECT_TRUE(result.met);
  EXPECT_TRUE(result.inFloats.empty());
  ASSERT_EQ(result.inTwoTerms.size(), 1u);
  EXPECT_EQ(result.inTwoTerms[0].node, "l2");
  EXPECT_GT(result.inTwoTerms[0].sqnrInTwoTerms(),
            result.inTwoTerms[0].sqnr() + 6);
  EXPECT_EQ(result.best.share, 1);
  EXPECT_EQ(result.best.twice, 0.25);
  for (const LayerDecision &layer : result.model.layers) {
    EXPECT_TRUE(layer.quantized) << layer.node;
    EXPECT_EQ(layer.twoTerms, layer.node == "l2") << layer.node;
  }
}

TEST_F(AccuracySearchTest, StopsAtOnceWhereNothingIsLost) {
  AccuracyResult result = search("sqnr", goalOf(-1));
  EXPECT_TRUE(result.met);
  EXPECT_TRUE(result.best.taken.empty());
  EXPECT_EQ(result.trials.size(), 1u);
}

TEST_F(AccuracySearchTest, GivesTheBestWhereTheGoalIsMissed) {
  AccuracyGoal goal = goalOf(20, /*leastShare=*/0.8);
  goal.twoTerms = false;
  AccuracyResult result = search("sqnr", goal);
  EXPECT_FALSE(result.met);
  EXPECT_TRUE(result.best.taken.empty());
  EXPECT_TRUE(result.model.model != nullptr);
  state = {};
  result = search("sqnr", goalOf(500, /*leastShare=*/0.5));
  EXPECT_FALSE(result.met);
  EXPECT_EQ(result.best.inFloats, 2u);
  EXPECT_GE(result.best.share, 0.5);
}

TEST_F(AccuracySearchTest, GoesOnFromItsState) {
  AccuracyResult first = search("sqnr", goalOf(20));
  std::string text;
  llvm::raw_string_ostream os(text);
  writeAccuracyState(state, os);
  llvm::SmallString<128> path;
  ASSERT_FALSE(llvm::sys::fs::createTemporaryFile("state", "json", path));
  {
    std::error_code error;
    llvm::raw_fd_ostream file(path, error);
    file << text;
  }
  state = llvm::cantFail(readAccuracyState(path));
  llvm::sys::fs::remove(path);
  compilations = 0;
  AccuracyResult second = search("sqnr", goalOf(20));
  EXPECT_EQ(compilations, 1); // the model in floats
  EXPECT_EQ(second.best.taken, first.best.taken);
  EXPECT_EQ(second.best.score, first.best.score);
  EXPECT_EQ(second.trials.size(), first.trials.size());
}

TEST_F(AccuracySearchTest, TriesNoMoreThanItMay) {
  AccuracyGoal goal = goalOf(500);
  goal.mostTrials = 3;
  EXPECT_LE(search("sqnr", goal).trials.size(), 3u + 4u);
  // Few compilations: floats, plain, ranking (two), and the best ones.
  EXPECT_LE(compilations, 1 + 2 + 2 + 4);
}

TEST_F(AccuracySearchTest, KeepsTheBestWhenItIsInterrupted) {
  int evaluations = 0;
  setup.onSample = [&](uint64_t sample) {
    evaluations += sample == 1;
    return evaluations < 3; // while layers are ranked
  };
  AccuracyResult result = search("sqnr", goalOf(20));
  EXPECT_TRUE(result.interrupted);
  EXPECT_FALSE(result.met);
  EXPECT_EQ(result.trials.size(), 1u);
  EXPECT_TRUE(result.model.model != nullptr);
}

// What the simulation found counts, where there was no time to compile it.
TEST_F(AccuracySearchTest, KeepsWhatWasSimulatedWhenItIsInterrupted) {
  AccuracyResult all = search("sqnr", goalOf(20));
  ASSERT_TRUE(all.met);
  state = {};
  compilations = 0;
  bool found = false;
  setup.onSample = [&](uint64_t) { return !found; };
  Evaluator evaluator(setup, llvm::cantFail(MetricSpec::parse("sqnr")),
                      nullptr);
  AccuracyGoal goal = goalOf(20);
  AccuracySearch search(*model, table, options, evaluator, setup, goal);
  search.onTrial = [&](const AccuracyTrial &trial, double) {
    found |= trial.simulated && trial.meets;
  };
  AccuracyResult result = llvm::cantFail(search.run(state));
  EXPECT_TRUE(result.interrupted);
  EXPECT_FALSE(result.met);
  EXPECT_TRUE(result.best.simulated);
  EXPECT_FALSE(result.best.taken.empty());
  EXPECT_GE(result.best.score, 20);
}

TEST_F(AccuracySearchTest, KeepsTheBestWhenItFails) {
  Evaluator evaluator(setup, llvm::cantFail(MetricSpec::parse("sqnr")),
                      nullptr);
  AccuracyGoal goal = goalOf(500);
  AccuracySearch search(*model, table, options, evaluator, setup, goal);
  search.onState = [&](const AccuracyState &now) -> llvm::Error {
    return now.scores.size() < 3 ? llvm::Error::success()
                                 : llvm::createStringError("no room");
  };
  AccuracyResult result = llvm::cantFail(search.run(state));
  EXPECT_EQ(result.failure, "no room");
  EXPECT_FALSE(result.met);
  EXPECT_TRUE(result.model.model != nullptr);
}

TEST_F(AccuracySearchTest, DropsAreAbsoluteOrRelative) {
  AccuracyGoal goal;
  goal.maxDrop = 0.5;
  EXPECT_TRUE(search("cosine", goal).met);
  state = {};
  goal.maxDrop = 1e-9;
  goal.relative = false;
  AccuracyResult result = search("cosine", goal);
  EXPECT_EQ(result.reference, 1);
  EXPECT_GT(result.trials.front().drop, 1e-9);
}

TEST(AccuracyState, RefusesWhatIsDamaged) {
  for (const char *text :
       {"", "[]", "{}", R"({"format": "ashlar accuracy search"})",
        R"({"format": "ashlar accuracy search", "key": "", "ranking": [1],
            "trials": []})",
        R"({"format": "ashlar accuracy search", "key": "", "reference": 1,
            "ranking": [], "trials": [{"taken": [2], "simulated": true,
            "score": 1}]})",
        R"({"format": "ashlar accuracy search", "key": "", "reference": 1,
            "ranking": [], "trials": [{"taken": [], "score": 1}]})"}) {
    llvm::SmallString<128> path;
    ASSERT_FALSE(llvm::sys::fs::createTemporaryFile("state", "json", path));
    {
      std::error_code error;
      llvm::raw_fd_ostream file(path, error);
      file << text;
    }
    auto state = readAccuracyState(path);
    EXPECT_FALSE(bool(state)) << text;
    llvm::consumeError(state.takeError());
    llvm::sys::fs::remove(path);
  }
}

} // namespace
