#include "compiler/quantization/Metrics.h"
#include "runtime/ashlar_rt.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include <cmath>

using namespace ashlar;
using namespace ashlar::quantization;
using data::Tensor;
using testing::HasSubstr;

namespace {

Tensor tensor(std::vector<int64_t> shape, std::vector<float> values) {
  Tensor result;
  result.name = "y";
  result.dtype = ASHLAR_FLOAT32;
  result.shape = std::move(shape);
  const auto *bytes = reinterpret_cast<const uint8_t *>(values.data());
  result.bytes.assign(bytes, bytes + values.size() * sizeof(float));
  return result;
}

const data::InputSpec kOutputs[] = {{"y", ASHLAR_FLOAT32, {-1, 3}},
                                    {"z", ASHLAR_FLOAT32, {-1}}};

MetricSpec spec(llvm::StringRef text) {
  return llvm::cantFail(MetricSpec::parse(text));
}

/// The score of one sample with outputs `got` where `expected` is right.
double scoreOf(llvm::StringRef metric, std::vector<Tensor> got,
               std::vector<Tensor> expected) {
  auto scorer = llvm::cantFail(makeScorer(
      spec(metric), llvm::ArrayRef(kOutputs).take_front(got.size()), nullptr));
  llvm::cantFail(scorer->add("s", got, &expected));
  return llvm::cantFail(scorer->score());
}

double labelScore(llvm::StringRef metric, std::vector<int64_t> labels,
                  Tensor got) {
  auto scorer = llvm::cantFail(makeScorer(
      spec(metric), llvm::ArrayRef(kOutputs).take_front(1), &labels));
  llvm::cantFail(scorer->add("s", got, nullptr));
  return llvm::cantFail(scorer->score());
}

TEST(Metrics, CountLabels) {
  Tensor rows = tensor({4, 3}, {1, 2, 3, 9, 1, 1, 5, 5, 0, 0, 1, 0});
  EXPECT_EQ(labelScore("top1", {2, 0, 0, 0}, rows), 0.75);
  EXPECT_EQ(labelScore("top1", {0, 1, 1, 0}, rows), 0);
  // Of 0: 2 right of 3 labelled and 2 chosen; of 2: 1, 1 and 1; of 1: 0.
  EXPECT_NEAR(labelScore("f1", {2, 0, 0, 0}, rows), (0.8 + 1 + 0) / 3, 1e-12);
}

TEST(Metrics, CountTheFiveLargest) {
  Tensor row = tensor({1, 7, 1, 1}, {7, 6, 5, 4, 3, 2, NAN});
  for (int64_t label = 0; label < 7; ++label)
    EXPECT_EQ(labelScore("top5", {label}, row), label < 5);
}

TEST(Metrics, NaNIsNeverRight) {
  EXPECT_EQ(labelScore("top1", {0}, tensor({1, 2}, {NAN, NAN})), 0);
  EXPECT_TRUE(std::isnan(
      scoreOf("cosine", {tensor({2}, {NAN, 1})}, {tensor({2}, {1, 1})})));
}

TEST(Metrics, RefuseLabelsThatDoNotFit) {
  Tensor row = tensor({1, 3}, {1, 2, 3});
  for (auto [labels, text] :
       {std::pair(std::vector<int64_t>{3}, "label 3 is none of the 3 classes"),
        std::pair(std::vector<int64_t>{-1}, "label -1 is none"),
        std::pair(std::vector<int64_t>{}, "fewer labels (0) than samples"),
        std::pair(std::vector<int64_t>{0, 1},
                  "more labels (2) than samples (1)")}) {
    auto scorer = llvm::cantFail(makeScorer(
        spec("top1"), llvm::ArrayRef(kOutputs).take_front(1), &labels));
    llvm::Error error = scorer->add("s", row, nullptr);
    if (!error)
      error = scorer->score().takeError();
    EXPECT_THAT(llvm::toString(std::move(error)), HasSubstr(text));
  }
  EXPECT_THAT(
      llvm::toString(makeScorer(spec("top1"), kOutputs, nullptr).takeError()),
      HasSubstr("needs labels"));
}

TEST(Metrics, CompareWithAReference) {
  Tensor a = tensor({2, 2}, {1, 2, 4, 3}), b = tensor({2, 2}, {1, 2, 3, 4});
  EXPECT_EQ(scoreOf("agreement", {a}, {b}), 0.5);
  EXPECT_EQ(scoreOf("agreement", {b}, {b}), 1);
  EXPECT_NEAR(scoreOf("mse", {a}, {b}), 0.5, 1e-12);
  EXPECT_NEAR(scoreOf("sqnr", {a}, {b}), 10 * std::log10(15), 1e-12);
  EXPECT_TRUE(std::isinf(scoreOf("sqnr", {b}, {b})));
  EXPECT_NEAR(scoreOf("cosine", {a}, {b}), 29.0 / 30, 1e-12);
  EXPECT_NEAR(scoreOf("f1:2.5", {a}, {b}), 1, 1e-12);
  EXPECT_NEAR(scoreOf("f1:3.5", {a}, {b}), 0, 1e-12);
  // One number a row is a decision.
  EXPECT_EQ(scoreOf("agreement", {tensor({2, 1}, {0.4f, 0.7f})},
                    {tensor({2, 1}, {0.6f, 0.9f})}),
            0.5);
}

TEST(Metrics, TakeTheWorstOutputOrTheOneNamed) {
  std::vector<Tensor> got{tensor({1, 2}, {1, 2}), tensor({1, 2}, {1, 2})},
      expected{tensor({1, 2}, {1, 2}), tensor({1, 2}, {2, 1})};
  EXPECT_EQ(scoreOf("agreement", got, expected), 0);
  EXPECT_EQ(scoreOf("agreement@y", got, expected), 1);
  EXPECT_EQ(scoreOf("agreement@1", got, expected), 0);
  EXPECT_EQ(scoreOf("mse", got, expected), 1);
  EXPECT_THAT(
      llvm::toString(makeScorer(spec("mse@w"), kOutputs, nullptr).takeError()),
      HasSubstr("no output 'w', its outputs are 'y', 'z'"));
}

TEST(Metrics, AreWrittenInOneWay) {
  for (const char *wrong :
       {"top2", "", "top1:3", "f1:x", "sqnr:1", "cmd:", "cmd: "})
    EXPECT_FALSE(bool(MetricSpec::parse(wrong))) << wrong;
  llvm::consumeError(MetricSpec::parse("top2").takeError());
  EXPECT_EQ(spec("f1:0.25@out").threshold, 0.25);
  EXPECT_EQ(spec("f1:0.25@out").output, "out");
  EXPECT_EQ(spec("cmd:a@b:c").command, "a@b:c");
  EXPECT_EQ(spec("top1").scoreText(0.98765), "98.765 %");
  EXPECT_EQ(spec("sqnr").scoreText(12.345), "12.35 dB");
}

TEST(Metrics, CommandsScoreFoldersOfOutputs) {
  std::vector<Tensor> outputs{tensor({1}, {1})};
  auto run = [&](llvm::StringRef command) -> llvm::Expected<double> {
    auto scorer = llvm::cantFail(
        makeScorer(spec(("cmd:" + command).str()), kOutputs, nullptr));
    llvm::cantFail(scorer->add("s", outputs, nullptr));
    llvm::cantFail(scorer->add("t", outputs, nullptr));
    return scorer->score();
  };
  EXPECT_EQ(llvm::cantFail(
                run("f() { echo words; ls $1/*/output_0.pb | wc -l; }; f")),
            2);
  EXPECT_THAT(llvm::toString(run("exit 3;").takeError()),
              HasSubstr("failed with exit code 3"));
  EXPECT_THAT(llvm::toString(run("echo high #").takeError()),
              HasSubstr("is no number: 'high'"));
}

} // namespace
