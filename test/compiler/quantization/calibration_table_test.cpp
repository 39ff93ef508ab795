#include "compiler/quantization/CalibrationTable.h"
#include "compiler/quantization/StatisticsCollector.h"
#include "runtime/ashlar_rt.h"
#include "llvm/Support/FileSystem.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include <cmath>

using namespace ashlar;
using namespace ashlar::quantization;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

std::string textOf(const CalibrationTable &table) {
  std::string text;
  llvm::raw_string_ostream os(text);
  writeCalibrationTable(table, os);
  return text;
}

llvm::Expected<CalibrationTable> parse(llvm::StringRef text) {
  llvm::SmallString<128> path;
  EXPECT_FALSE(llvm::sys::fs::createTemporaryFile("table", "json", path));
  {
    std::error_code error;
    llvm::raw_fd_ostream file(path, error);
    file << text;
  }
  auto table = readCalibrationTable(path);
  llvm::sys::fs::remove(path);
  return table;
}

std::string problemsOf(llvm::StringRef text) {
  auto table = parse(text);
  EXPECT_FALSE(bool(table));
  return llvm::toString(table.takeError());
}

/// A model with a convolution, a product and something in between.
std::unique_ptr<ModelFile> model() {
  std::string text = R"(ir_version: 9 opset_import { version: 18 } graph {
    node { op_type: "Conv" name: "c" input: "x" input: "w" output: "c" }
    node { op_type: "Log" name: "/log" input: "c" output: "l" }
    node { op_type: "MatMul" input: "l" input: "v" output: "m" }
  })";
  return llvm::cantFail(parseModelFile(
      llvm::MemoryBuffer::getMemBufferCopy(text), "m.textproto", "", true));
}

class Collector : public testing::Test {
protected:
  void see(StatisticsCollector &collector, llvm::StringRef tensor,
           llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<float> values) {
    collector.observe(tensor, ASHLAR_FLOAT32, shape, values.data());
  }
  /// A sample with values that follow from `seed`.
  void sample(StatisticsCollector &collector, unsigned seed) {
    collector.beginRun();
    std::vector<float> values(24);
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = std::sin(float(seed * 31 + i)) * float(seed % 7 + 1) / 3;
    see(collector, "x", {2, 3, 2, 2}, values);
    see(collector, "l", {4, 6}, values);
    llvm::cantFail(collector.endSample("s"));
  }

  std::unique_ptr<ModelFile> file = model();
};

TEST_F(Collector, KnowsAxesOfChannels) {
  CalibrationTable table;
  StatisticsCollector collector(*file, table);
  collector.beginRun();
  see(collector, "x", {1, 2, 1, 2}, {1, -5, 3, 0});
  see(collector, "l", {2, 2}, {1, 2, -3, 4});
  see(collector, "m", {1}, {7});
  llvm::cantFail(collector.endSample("s"));
  EXPECT_EQ(table.samples, 1u);
  const TensorStatistics &x = table.tensors["x"];
  EXPECT_EQ(x.channelAxis, 1);
  EXPECT_THAT(x.channelMaxima, ElementsAre(5, 3));
  EXPECT_THAT(x.channelSums, ElementsAre(-4, 3));
  EXPECT_EQ(x.zeros, 1u);
  EXPECT_EQ(x.observedMinimum, -5);
  const TensorStatistics &l = table.tensors["l"];
  EXPECT_EQ(l.channelAxis, 1);
  EXPECT_THAT(l.channelMaxima, ElementsAre(3, 4));
  EXPECT_EQ(table.tensors["m"].channelAxis, -1);
}

TEST_F(Collector, ForgetsChannelsWhoseNumberVaries) {
  CalibrationTable table;
  StatisticsCollector collector(*file, table);
  for (int64_t channels : {2, 3, 2}) {
    collector.beginRun();
    see(collector, "x", {1, channels}, std::vector<float>(channels, 1));
    llvm::cantFail(collector.endSample("s"));
  }
  EXPECT_EQ(table.tensors["x"].channelAxis, 1);
  EXPECT_TRUE(table.tensors["x"].channelMaxima.empty());
  EXPECT_EQ(table.tensors["x"].elements, 7u);
}

TEST_F(Collector, RunsThatBeginAgainDoNotCount) {
  CalibrationTable table;
  StatisticsCollector collector(*file, table);
  collector.beginRun();
  see(collector, "x", {1}, {100});
  collector.beginRun();
  see(collector, "x", {1}, {1});
  llvm::cantFail(collector.endSample("s"));
  EXPECT_EQ(table.tensors["x"].observedMaximum, 1);
  EXPECT_EQ(table.tensors["x"].elements, 1u);
}

TEST_F(Collector, NamesTensorNodeAndSampleOfWhatIsNotFinite) {
  CalibrationTable table;
  StatisticsCollector collector(*file, table);
  collector.beginRun();
  see(collector, "x", {1}, {1});
  see(collector, "l", {2}, {0, -INFINITY});
  std::string text = llvm::toString(collector.endSample("a.npz[3]"));
  EXPECT_THAT(text, HasSubstr("a.npz[3]: error: tensor 'l' holds an infinity; "
                              "it comes from \"/log\" (Log)"));
  EXPECT_EQ(table.samples, 0u);
  EXPECT_TRUE(table.tensors.empty());
  collector.beginRun();
  see(collector, "x", {2}, {NAN, 1});
  EXPECT_THAT(llvm::toString(collector.endSample("b")),
              HasSubstr("'x' holds a NaN; it is an input"));
}

TEST_F(Collector, TakesEmptyTensorsAndHalves) {
  CalibrationTable table;
  StatisticsCollector collector(*file, table);
  collector.beginRun();
  see(collector, "x", {0, 2}, {});
  uint16_t halves[] = {0x3c00, 0xc000};
  collector.observe("m", ASHLAR_FLOAT16, {2}, halves);
  double wide[] = {1e300};
  collector.observe("d", ASHLAR_FLOAT64, {1}, wide);
  llvm::cantFail(collector.endSample("s"));
  EXPECT_EQ(table.tensors["x"].elements, 0u);
  EXPECT_EQ(table.tensors["m"].observedMinimum, -2);
  EXPECT_EQ(table.tensors["m"].observedMaximum, 1);
  EXPECT_EQ(table.tensors["d"].observedMaximum, 1e300);
  EXPECT_EQ(textOf(llvm::cantFail(parse(textOf(table)))), textOf(table));
}

TEST_F(Collector, ShardsMergeToTheWholeInAnyOrder) {
  CalibrationTable whole, shards[3];
  StatisticsCollector all(*file, whole);
  for (unsigned i = 0; i < 60; ++i)
    sample(all, i);
  for (unsigned shard = 0; shard < 3; ++shard) {
    StatisticsCollector part(*file, shards[shard]);
    for (unsigned i = shard; i < 60; i += 3)
      sample(part, i);
  }
  CalibrationTable merged = shards[2];
  llvm::cantFail(mergeCalibrationTable(merged, shards[0]));
  // Through a file, as shards come.
  merged = llvm::cantFail(parse(textOf(merged)));
  llvm::cantFail(mergeCalibrationTable(merged, shards[1]));
  // Nothing was added to the hashes here.
  whole.dataHash = merged.dataHash;
  EXPECT_EQ(textOf(merged), textOf(whole));
}

TEST(CalibrationTable, RefusesTablesOfOtherModels) {
  CalibrationTable a, b;
  a.modelHash = std::string(64, 'a');
  b.modelHash = std::string(64, 'b');
  EXPECT_THAT(llvm::toString(mergeCalibrationTable(a, b)),
              HasSubstr("different models"));
}

TEST(CalibrationTable, HashesOfDataDoNotDependOnOrder) {
  std::array<uint8_t, 32> one, two;
  one.fill(0xff);
  two.fill(0x81);
  DataHash forwards, backwards;
  forwards.add(one);
  forwards.add(two);
  backwards.add(two);
  backwards.add(one);
  EXPECT_EQ(forwards.text(), backwards.text());
  EXPECT_NE(forwards.text(), DataHash().text());
  EXPECT_EQ(llvm::cantFail(DataHash::parse(forwards.text())).text(),
            forwards.text());
}

const char *kGood = R"({
 "format": "ashlar calibration table", "version": 1,
 "model_hash": "", "data_hash": "", "samples": 1,
 "tensors": {
  "x": {"minimum": 0, "maximum": 0.1, "method": "manual",
   "observed_minimum": 0, "observed_maximum": 0.1, "elements": 3, "zeros": 1,
   "observations": 1, "minimum_sum": 0, "maximum_sum": 0.1,
   "histogram": {"width": 0.0625, "first": 0, "counts": [2, 1]}}}})";

std::string broken(std::string from, std::string to) {
  std::string text = kGood;
  size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(CalibrationTable, ReadsWhatAPersonWrote) {
  auto table = parse(kGood);
  ASSERT_TRUE(bool(table)) << llvm::toString(table.takeError());
  EXPECT_EQ(table->tensors["x"].maximum, 0.1);
  EXPECT_THAT(table->tensors["x"].histogram.counts, ElementsAre(2, 1));
  EXPECT_THAT(textOf(*table), HasSubstr("\"maximum\": 0.1,"));
  EXPECT_THAT(textOf(*table), HasSubstr("\"counts\": [2,1]"));
}

TEST(CalibrationTable, ReportsEveryProblem) {
  EXPECT_THAT(problemsOf("{"), HasSubstr("not a calibration table"));
  EXPECT_THAT(problemsOf("[]"), HasSubstr("is not an object"));
  EXPECT_THAT(problemsOf("{}"), HasSubstr("no member 'tensors'"));
  EXPECT_THAT(problemsOf(broken("\"zeros\": 1", "\"zeroes\": 1")),
              testing::AllOf(HasSubstr("tensor 'x' has no member 'zeros'"),
                             HasSubstr("unknown member 'zeroes'")));
  EXPECT_THAT(problemsOf(broken("\"maximum\": 0.1", "\"maximum\": -1")),
              HasSubstr("'minimum' above its 'maximum'"));
  EXPECT_THAT(problemsOf(broken("\"maximum\": 0.1", "\"maximum\": \"big\"")),
              HasSubstr("'maximum' is not a finite number"));
  EXPECT_THAT(problemsOf(broken("\"maximum\": 0.1", "\"maximum\": 1e999")),
              HasSubstr("'maximum' is not a finite number"));
  EXPECT_THAT(problemsOf(broken("0.0625", "0.06")),
              HasSubstr("not a power of two"));
  EXPECT_THAT(problemsOf(broken("[2, 1]", "[2, 2]")),
              HasSubstr("counts 4 elements, 'elements' says 3"));
  EXPECT_THAT(problemsOf(broken("[2, 1]", "[2, -1]")),
              HasSubstr("'counts' holds something else"));
  EXPECT_THAT(problemsOf(broken("\"version\": 1", "\"version\": 99")),
              HasSubstr("version 99"));
  EXPECT_THAT(problemsOf(broken("\"data_hash\": \"\"", "\"data_hash\": \"z\"")),
              HasSubstr("bad hash"));
  auto missing = readCalibrationTable("/nonexistent/table.json");
  EXPECT_THAT(llvm::toString(missing.takeError()),
              HasSubstr("cannot read the file"));
}

} // namespace
