// The order of steps to more exact layers, and what sets of them cost.
#include "compiler/quantization/AccuracySteps.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

using namespace ashlar;
using namespace ashlar::quantization;
using testing::ElementsAre;

namespace {

LayerError layerOf(const char *node, double noise,
                   std::optional<double> noiseInTwoTerms, int64_t macs) {
  return {node, "Conv", noise, noiseInTwoTerms, macs};
}

std::vector<std::string> textOf(const AccuracySteps &steps) {
  std::vector<std::string> texts;
  for (const AccuracyStep &step : steps.order())
    texts.push_back(step.layer.node + (step.inFloats ? " floats" : " two"));
  return texts;
}

TEST(AccuracyStepsTest, OrderedByGainForCost) {
  // a loses by its activation, b by its weights; c loses nothing in two terms
  // that it does not lose in one.
  AccuracySteps steps = AccuracySteps::rank({layerOf("a", 1, 0.25, 1000),
                                             layerOf("b", 1, 0.875, 1000),
                                             layerOf("c", 0.5, 0.5, 1000)});
  EXPECT_THAT(textOf(steps), ElementsAre("a two", "b floats", "c floats",
                                         "a floats", "b two"));
}

class StepSets : public testing::Test {
protected:
  AccuracySteps steps{{{layerOf("a", 1, 0.5, 600), /*inFloats=*/false},
                       {layerOf("b", 1, std::nullopt, 300), true},
                       {layerOf("a", 1, 0.5, 600), true},
                       {layerOf("c", 1, std::nullopt, 100), true}}};
};

TEST_F(StepSets, CountEachLayerOnce) {
  EXPECT_EQ(steps.shareInInt8({}), 1);
  EXPECT_EQ(steps.shareInInt8({0, 1}), 1 - 0.3);
  EXPECT_EQ(steps.shareDoneTwice({0, 1}), 0.6);
  EXPECT_EQ(steps.shareDoneTwice({2}), 0);
  EXPECT_EQ(steps.costOf({}), 1000);
  EXPECT_EQ(steps.costOf({0}), 1600);
  EXPECT_EQ(steps.costOf({1, 2}), 100 + 4 * 900);
  EXPECT_EQ(steps.countInFloats({0, 1, 3}), 2u);
  LayerForms forms = steps.formsOf({0, 3});
  EXPECT_THAT(forms.inTwoTerms, ElementsAre("a"));
  EXPECT_THAT(forms.inFloats, ElementsAre("c"));
}

TEST_F(StepSets, HoldOneStepOfALayer) {
  EXPECT_EQ(steps.with({0, 1}, 2), StepSet({1, 2}));
  EXPECT_EQ(steps.with({2}, 0), StepSet({2}));
  EXPECT_EQ(steps.twoTermsInsteadOf(2), 0u);
  EXPECT_EQ(steps.twoTermsInsteadOf(1), std::nullopt);
  EXPECT_EQ(steps.twoTermsInsteadOf(0), std::nullopt);
}

TEST_F(StepSets, LeaveSomethingInIntegers) {
  EXPECT_TRUE(steps.fits({0, 1, 3}, 0.6));
  EXPECT_FALSE(steps.fits({2}, 0.6));
  EXPECT_FALSE(steps.fits({1, 2, 3}, 0));
}

TEST_F(StepSets, NeighboursMakeRoom) {
  // b gives way to c, and two terms take none.
  EXPECT_THAT(steps.neighboursOf({1}, 0.7),
              ElementsAre(StepSet{0, 1}, StepSet{3}, StepSet{}));
}

} // namespace
