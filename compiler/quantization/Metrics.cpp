#include "compiler/quantization/Metrics.h"

#include "compiler/data/TensorProtoFile.h"
#include "compiler/quantization/CommandScorer.h"

#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <limits>
#include <map>

using namespace ashlar;
using namespace ashlar::quantization;
using data::Tensor;
using llvm::Error;
using llvm::StringRef;
using llvm::Twine;

llvm::Expected<MetricSpec> MetricSpec::parse(StringRef text) {
  MetricSpec spec;
  spec.text = text.str();
  if (StringRef command = text; command.consume_front("cmd:")) {
    if (command.trim().empty())
      return llvm::createStringError("'cmd:' is followed by no command");
    spec.metric = Metric::Command;
    spec.command = command.str();
    return spec;
  }
  auto [head, output] = text.split('@');
  auto [name, threshold] = head.split(':');
  constexpr std::pair<llvm::StringLiteral, Metric> names[] = {
      {"top1", Metric::Top1}, {"top5", Metric::Top5},
      {"f1", Metric::F1},     {"agreement", Metric::Agreement},
      {"sqnr", Metric::Sqnr}, {"cosine", Metric::Cosine},
      {"mse", Metric::Mse}};
  const auto *found = llvm::find_if(names, [wanted = name](const auto &known) {
    return known.first == wanted;
  });
  if (found == std::end(names))
    return llvm::createStringError(
        "metric '" + name +
        "' is not known, expected top1, top5, f1, agreement, sqnr, cosine, mse "
        "or cmd:COMMAND");
  spec.metric = found->second;
  spec.output = output.str();
  if (head.contains(':') &&
      (spec.metric != Metric::F1 || threshold.getAsDouble(spec.threshold) ||
       !std::isfinite(spec.threshold)))
    return llvm::createStringError("metric '" + head +
                                   "' is not understood; a threshold, as in "
                                   "'f1:0.5', is one of f1 alone");
  return spec;
}

double MetricSpec::perfect() const {
  if (metric == Metric::Sqnr)
    return std::numeric_limits<double>::infinity();
  return metric == Metric::Mse ? 0 : 1;
}

std::string MetricSpec::scoreText(double score) const {
  if (isShare())
    return llvm::formatv("{0:F3} %", score * 100);
  if (metric == Metric::Sqnr)
    return std::isinf(score) ? "exact"
                             : llvm::formatv("{0:F2} dB", score).str();
  char text[32];
  snprintf(text, sizeof text, "%.6g", score);
  return text;
}

namespace {

/// A tensor as rows of classes: the last axis, behind that of the batch, that
/// is not of size 1.
struct Rows {
  int64_t count = 0, classes = 0;

  explicit Rows(const Tensor &tensor) {
    classes = 1;
    llvm::ArrayRef<int64_t> axes(tensor.shape);
    for (int64_t size : llvm::reverse(axes.drop_front(axes.size() > 1)))
      if (size != 1) {
        classes = size;
        break;
      }
    count = classes ? tensor.elements() / classes : 0;
  }
};

std::vector<double> valuesOf(const Tensor &tensor) {
  std::vector<double> values(size_t(tensor.elements()));
  const uint8_t *bytes = tensor.bytes.data();
  if (tensor.dtype == 1) { // float32, nearly always
    const auto *floats = reinterpret_cast<const float *>(bytes);
    std::copy(floats, floats + values.size(), values.begin());
  } else {
    for (size_t i = 0; i != values.size(); ++i)
      values[i] = tensor.value(int64_t(i)).real();
  }
  return values;
}

// The first of the largest; NaN is never it.
int64_t largestOf(llvm::ArrayRef<double> row) {
  int64_t best = -1;
  for (size_t i = 0; i != row.size(); ++i)
    if (!std::isnan(row[i]) && (best < 0 || row[i] > row[size_t(best)]))
      best = int64_t(i);
  return best;
}

/// Compares rows of one output with labels.
class LabelScorer : public Scorer {
public:
  LabelScorer(const MetricSpec &spec, size_t output,
              const std::vector<int64_t> &labels)
      : metric(spec.metric), output(output), labels(labels) {}

  Error add(StringRef sample, llvm::ArrayRef<Tensor> outputs,
            const std::vector<Tensor> *) override {
    const Tensor &tensor = outputs[output];
    Rows rows(tensor);
    std::vector<double> values = valuesOf(tensor);
    for (int64_t row = 0; row != rows.count; ++row) {
      if (next == labels.size())
        return llvm::createStringError(
            "there are fewer labels (" + Twine(labels.size()) +
            ") than samples: there is none for " + sample);
      int64_t label = labels[next++];
      if (label < 0 || label >= rows.classes)
        return llvm::createStringError(
            sample + ": label " + Twine(label) + " is none of the " +
            Twine(rows.classes) + " classes of output '" + tensor.name + "'");
      count(llvm::ArrayRef(values).slice(size_t(row * rows.classes),
                                         size_t(rows.classes)),
            label);
    }
    return Error::success();
  }

  llvm::Expected<double> score() override {
    if (next != labels.size())
      return llvm::createStringError("there are more labels (" +
                                     Twine(labels.size()) + ") than samples (" +
                                     Twine(next) + ")");
    if (!next)
      return llvm::createStringError("there are no samples to evaluate");
    if (metric != Metric::F1)
      return double(right) / double(next);
    double sum = 0;
    for (const auto &[label, seen] : classes)
      sum += 2.0 * double(seen.right) / double(seen.labelled + seen.chosen);
    return sum / double(classes.size());
  }

private:
  struct Class {
    uint64_t right = 0, labelled = 0, chosen = 0;
  };

  void count(llvm::ArrayRef<double> row, int64_t label) {
    int64_t chosen = largestOf(row);
    if (metric == Metric::F1) {
      ++classes[label].labelled;
      if (chosen >= 0)
        ++classes[chosen].chosen;
      classes[label].right += chosen == label;
      return;
    }
    if (metric == Metric::Top1) {
      right += chosen == label;
      return;
    }
    double value = row[size_t(label)];
    size_t above = 0;
    for (size_t i = 0; i != row.size(); ++i)
      above += row[i] > value || (row[i] == value && int64_t(i) < label);
    right += !std::isnan(value) && above < 5;
  }

  Metric metric;
  size_t output;
  const std::vector<int64_t> &labels;
  size_t next = 0;
  uint64_t right = 0;
  std::map<int64_t, Class> classes;
};

/// Compares outputs with those of a reference.
class ReferenceScorer : public Scorer {
public:
  ReferenceScorer(const MetricSpec &spec, std::optional<size_t> output,
                  size_t outputs)
      : spec(spec), only(output), sums(outputs) {}

  Error add(StringRef sample, llvm::ArrayRef<Tensor> outputs,
            const std::vector<Tensor> *reference) override {
    for (size_t i = 0; i != outputs.size(); ++i) {
      if (only && i != *only)
        continue;
      const Tensor &expected = (*reference)[i];
      if (outputs[i].shape != expected.shape)
        return llvm::createStringError(
            sample + ": output '" + expected.name + "' has shape " +
            data::shapeText(outputs[i].shape) + ", the reference's " +
            data::shapeText(expected.shape));
      addOutput(outputs[i], expected, sums[i]);
    }
    return Error::success();
  }

  llvm::Expected<double> score() override {
    std::optional<double> worst;
    for (const Sums &sum : sums) {
      if (!sum.elements)
        continue;
      double now = scoreOf(sum);
      bool isWorse = !worst || std::isnan(now) ||
                     (spec.largerIsBetter() ? now < *worst : now > *worst);
      if (isWorse)
        worst = now;
    }
    if (!worst)
      return llvm::createStringError("there are no values to evaluate");
    return *worst;
  }

private:
  struct Sums {
    uint64_t elements = 0, rows = 0, agreeing = 0;
    uint64_t both = 0, ours = 0, theirs = 0; // above the threshold
    double product = 0, ownPower = 0, power = 0, noise = 0;
  };

  void addOutput(const Tensor &got, const Tensor &expected, Sums &sum) {
    std::vector<double> a = valuesOf(got), b = valuesOf(expected);
    sum.elements += a.size();
    if (spec.metric == Metric::Agreement) {
      Rows rows(expected);
      for (int64_t row = 0; row != rows.count; ++row) {
        size_t at = size_t(row * rows.classes), size = size_t(rows.classes);
        sum.agreeing += agree(llvm::ArrayRef(a).slice(at, size),
                              llvm::ArrayRef(b).slice(at, size));
      }
      sum.rows += uint64_t(rows.count);
      return;
    }
    for (size_t i = 0; i != a.size(); ++i) {
      bool ours = a[i] > spec.threshold, theirs = b[i] > spec.threshold;
      sum.ours += ours;
      sum.theirs += theirs;
      sum.both += ours && theirs;
      sum.product += a[i] * b[i];
      sum.ownPower += a[i] * a[i];
      sum.power += b[i] * b[i];
      sum.noise += (a[i] - b[i]) * (a[i] - b[i]);
    }
  }

  // One number alone is a decision at a half.
  static bool agree(llvm::ArrayRef<double> a, llvm::ArrayRef<double> b) {
    if (a.size() == 1)
      return (a[0] > 0.5) == (b[0] > 0.5) && !std::isnan(a[0]);
    return largestOf(a) == largestOf(b);
  }

  double scoreOf(const Sums &sum) const {
    switch (spec.metric) {
    case Metric::Agreement:
      return double(sum.agreeing) / double(sum.rows);
    case Metric::F1:
      return sum.ours + sum.theirs == 0
                 ? 1
                 : 2.0 * double(sum.both) / double(sum.ours + sum.theirs);
    case Metric::Sqnr:
      return sum.noise == 0 ? spec.perfect()
                            : 10 * std::log10(sum.power / sum.noise);
    case Metric::Cosine:
      if (sum.ownPower == 0 || sum.power == 0)
        return sum.ownPower == sum.power;
      return sum.product / std::sqrt(sum.ownPower * sum.power);
    default:
      return sum.noise / double(sum.elements);
    }
  }

  MetricSpec spec;
  std::optional<size_t> only;
  std::vector<Sums> sums;
};

} // namespace

static llvm::Expected<size_t>
findOutput(const MetricSpec &spec, llvm::ArrayRef<data::InputSpec> outputs) {
  std::string names;
  for (size_t i = 0; i != outputs.size(); ++i) {
    if (outputs[i].name == spec.output)
      return i;
    names += (i ? ", '" : "'") + outputs[i].name + "'";
  }
  size_t number;
  if (!StringRef(spec.output).getAsInteger(10, number) &&
      number < outputs.size())
    return number;
  return llvm::createStringError("the model has no output '" + spec.output +
                                 "', its outputs are " + names);
}

llvm::Expected<std::unique_ptr<Scorer>>
ashlar::quantization::makeScorer(const MetricSpec &spec,
                                 llvm::ArrayRef<data::InputSpec> outputs,
                                 const std::vector<int64_t> *labels) {
  std::optional<size_t> output;
  if (!spec.output.empty()) {
    auto found = findOutput(spec, outputs);
    if (!found)
      return found.takeError();
    output = *found;
  }
  if (spec.metric == Metric::Command)
    return makeCommandScorer(spec.command, spec.firstSample);
  if (spec.needsReference(labels != nullptr))
    return std::make_unique<ReferenceScorer>(spec, output, outputs.size());
  if (!labels)
    return llvm::createStringError("metric '" + spec.text +
                                   "' needs labels (--labels)");
  return std::make_unique<LabelScorer>(spec, output.value_or(0), *labels);
}
