//===- TableRanges.cpp - the ranges of a plan, from a table ---------------===//
#include "compiler/quantization/TableRanges.h"

#include "compiler/quantization/CalibrationMethods.h"
#include "compiler/quantization/QuantizeModel.h"

#include "llvm/ADT/StringExtras.h"

#include <cmath>

using namespace ashlar;
using namespace ashlar::quantization;
using llvm::StringRef;

std::string quantization::listOf(llvm::ArrayRef<std::string> names,
                                 size_t most) {
  std::string text;
  for (const std::string &name : names.take_front(most))
    text += (text.empty() ? "'" : ", '") + name + "'";
  if (names.size() > most)
    text += " and " + std::to_string(names.size() - most) + " more";
  return text;
}

namespace {

// Two terms have steps to spare: their range is twice what was seen, so that
// what comes later is not cut off.
constexpr double kHeadroom = 2;
// Noise over signal, 10 dB, from which on a range is told to be of no use.
constexpr double kMostNoise = 0.1;

class TableReader {
public:
  TableReader(const CalibrationTable &table, const QuantizationPlan &plan,
              bool isSigned)
      : table(table), plan(plan), isSigned(isSigned) {}

  /// Parameters of each leader; every problem of the table is in the error.
  llvm::Expected<llvm::StringMap<ActivationParameters>>
  read(std::vector<std::string> &warnings);

private:
  struct Range {
    double minimum = 0, maximum = 0;
  };
  void include(const PlannedTensor &tensor);
  void judge(const PlannedTensor &tensor,
             const ActivationParameters &parameters);

  const CalibrationTable &table;
  const QuantizationPlan &plan;
  bool isSigned;
  std::map<std::string, Range> ranges;
  std::vector<std::string> missing, wrong, flat, lost;
};

void TableReader::include(const PlannedTensor &tensor) {
  auto found = table.tensors.find(tensor.name);
  if (found == table.tensors.end()) {
    missing.push_back(tensor.name);
    return;
  }
  const TensorStatistics &seen = found->second;
  if (!std::isfinite(seen.minimum) || !std::isfinite(seen.maximum) ||
      seen.minimum > seen.maximum) {
    wrong.push_back(tensor.name);
    return;
  }
  if (seen.minimum == 0 && seen.maximum == 0)
    flat.push_back(tensor.name);
  Range &range = ranges[tensor.leader];
  if (tensor.twoTerms) {
    range.minimum = kHeadroom * std::min(seen.minimum, seen.observedMinimum);
    range.maximum = kHeadroom * std::max(seen.maximum, seen.observedMaximum);
    return;
  }
  range.minimum = std::min(range.minimum, seen.minimum);
  range.maximum = std::max(range.maximum, seen.maximum);
}

// Whether eight bits keep what was seen, by its histogram.
void TableReader::judge(const PlannedTensor &tensor,
                        const ActivationParameters &parameters) {
  const TensorStatistics &seen = table.tensors.find(tensor.name)->second;
  int lowest = isSigned ? -128 : 0, highest = isSigned ? 127 : 255;
  double low = double(lowest - parameters.zeroPoint) * parameters.scale,
         high = double(highest - parameters.zeroPoint) * parameters.scale;
  // What the empty range loses is all there is.
  double signal = quantizationError(seen, 0, 0, isSigned),
         noise = quantizationError(seen, low, high, isSigned);
  if (seen.histogram.empty() || noise <= kMostNoise * signal)
    return;
  char text[120];
  snprintf(text, sizeof text, " (%.4g to %.4g for %.4g to %.4g, %.1f dB)", low,
           high, seen.observedMinimum, seen.observedMaximum,
           10 * std::log10(signal / noise));
  lost.push_back("'" + tensor.name + "'" + text);
}

llvm::Expected<llvm::StringMap<ActivationParameters>>
TableReader::read(std::vector<std::string> &warnings) {
  for (const PlannedTensor &tensor : plan.tensors)
    if (tensor.arithmetic)
      include(tensor);
  std::vector<std::string> problems;
  if (!missing.empty())
    problems.push_back("the table lacks the tensors " + listOf(missing));
  if (!wrong.empty())
    problems.push_back("the table has no usable range (finite, minimum not "
                       "above maximum) for the tensors " +
                       listOf(wrong));
  if (!problems.empty())
    return llvm::createStringError(llvm::join(problems, "; "));
  if (!flat.empty())
    warnings.push_back("only zeros were seen in the tensors " + listOf(flat) +
                       ": whatever else comes there will be wrong");
  llvm::StringMap<ActivationParameters> result;
  for (const auto &[leader, range] : ranges)
    result[leader] = chooseParameters(range.minimum, range.maximum, isSigned);
  for (const PlannedTensor &tensor : plan.tensors)
    if (tensor.arithmetic && !tensor.twoTerms)
      judge(tensor, result[tensor.leader]);
  if (!lost.empty())
    warnings.push_back(
        "the ranges of some tensors lose most of what was seen "
        "there: " +
        llvm::join(llvm::ArrayRef(lost).take_front(5), ", ") +
        (lost.size() > 5 ? " and " + std::to_string(lost.size() - 5) + " more"
                         : "") +
        "; choose others (ashlar calibrate --merge TABLE "
        "--method=...), or leave layers in floats");
  return result;
}

} // namespace

llvm::Expected<llvm::StringMap<ActivationParameters>>
quantization::parametersOf(const CalibrationTable &table,
                           const QuantizationPlan &plan, bool isSigned,
                           std::vector<std::string> &warnings) {
  return TableReader(table, plan, isSigned).read(warnings);
}

static void addTensors(const proto::GraphProto &graph,
                       llvm::StringSet<> &names) {
  for (const proto::ValueInfoProto &input : graph.input())
    names.insert(input.name());
  for (const proto::TensorProto &tensor : graph.initializer())
    names.insert(tensor.name());
  for (const proto::NodeProto &node : graph.node()) {
    for (const std::string &output : node.output())
      names.insert(output);
    for (const proto::AttributeProto &attribute : node.attribute()) {
      if (attribute.has_g())
        addTensors(attribute.g(), names);
      for (const proto::GraphProto &body : attribute.graphs())
        addTensors(body, names);
    }
  }
}

// Tensors of the table that the model does not have.
llvm::Error quantization::checkTable(const ModelFile &model,
                                     const CalibrationTable &table) {
  std::vector<std::string> problems, unknown;
  if (!table.modelHash.empty() && table.modelHash != hashOfModel(model))
    problems.push_back("the calibration table was made for another model (its "
                       "hash differs)");
  llvm::StringSet<> known;
  addTensors(model.model.graph(), known);
  for (const auto &[name, statistics] : table.tensors)
    if (!known.contains(name))
      unknown.push_back(name);
  if (!unknown.empty())
    problems.push_back(
        "the table names tensors that the model does not have: " +
        listOf(unknown));
  if (problems.empty())
    return llvm::Error::success();
  // A plan will name what it misses; here all problems are told at once.
  std::vector<std::string> missing;
  for (const std::string &name : tensorsToCalibrate(model))
    if (!table.tensors.count(name))
      missing.push_back(name);
  if (!missing.empty())
    problems.push_back("the table lacks the tensors " + listOf(missing));
  return llvm::createStringError(llvm::join(problems, "; "));
}
