// calibration.json: one object a tensor, its arrays in one line each.
#include "compiler/data/JsonFile.h"
#include "compiler/quantization/CalibrationMethods.h"
#include "compiler/quantization/CalibrationTable.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

#include <cmath>
#include <cstdlib>

using namespace ashlar::quantization;
using llvm::ArrayRef;
using llvm::StringRef;
using llvm::Twine;
namespace json = llvm::json;

namespace {

constexpr llvm::StringLiteral kFormat = "ashlar calibration table";
constexpr int64_t kVersion = 1;

// The shortest decimal number that is read back as `value`.
std::string numberText(double value) {
  char text[40];
  for (int digits = 6; digits <= 17; ++digits) {
    snprintf(text, sizeof text, "%.*g", digits, value);
    if (std::strtod(text, nullptr) == value)
      break;
  }
  return text;
}

class TableWriter {
public:
  explicit TableWriter(llvm::raw_ostream &os) : os(os), out(os, 1) {}

  void write(const CalibrationTable &table) {
    out.object([&] {
      out.attribute("format", kFormat);
      out.attribute("version", kVersion);
      out.attribute("model_hash", table.modelHash);
      out.attribute("data_hash", table.dataHash);
      out.attribute("samples", int64_t(table.samples));
      if (table.madeUp)
        out.attribute("made_up", true);
      out.attributeObject("tensors", [&] {
        for (const auto &entry : table.tensors)
          out.attributeObject(json::fixUTF8(entry.first),
                              [&] { write(entry.second); });
      });
    });
    os << '\n';
  }

private:
  void number(StringRef key, double value) {
    out.attributeBegin(key);
    out.rawValue(numberText(value));
    out.attributeEnd();
  }

  template <typename T, typename Text>
  void line(StringRef key, ArrayRef<T> values, Text text) {
    out.attributeBegin(key);
    out.rawValue([&](llvm::raw_ostream &raw) {
      raw << '[';
      for (size_t i = 0; i != values.size(); ++i)
        raw << (i ? "," : "") << text(values[i]);
      raw << ']';
    });
    out.attributeEnd();
  }

  void write(const TensorStatistics &tensor) {
    number("minimum", tensor.minimum);
    number("maximum", tensor.maximum);
    out.attribute("method", tensor.method);
    number("observed_minimum", tensor.observedMinimum);
    number("observed_maximum", tensor.observedMaximum);
    out.attribute("elements", int64_t(tensor.elements));
    out.attribute("zeros", int64_t(tensor.zeros));
    out.attribute("observations", int64_t(tensor.observations));
    number("minimum_sum", tensor.minimumSum);
    number("maximum_sum", tensor.maximumSum);
    out.attributeObject("histogram", [&] {
      number("width", tensor.histogram.width);
      out.attribute("first", tensor.histogram.first);
      line<uint64_t>("counts", tensor.histogram.counts,
                     [](uint64_t count) { return std::to_string(count); });
    });
    if (tensor.channelAxis < 0)
      return;
    out.attribute("channel_axis", tensor.channelAxis);
    line<double>("channel_maxima", tensor.channelMaxima, numberText);
    line<double>("channel_sums", tensor.channelSums, numberText);
  }

  llvm::raw_ostream &os;
  json::OStream out;
};

/// Reads an object member by member and remembers all that is wrong.
class ObjectReader {
public:
  ObjectReader(const json::Value *value, std::string where,
               std::vector<std::string> &problems)
      : where(std::move(where)), problems(problems),
        object(value ? value->getAsObject() : nullptr) {
    if (!object)
      problem("is not an object");
  }

  /// Members that nobody asked for are typing errors.
  void finish() {
    if (object)
      for (const auto &member : *object)
        if (!llvm::is_contained(known, StringRef(member.first)))
          problem("has an unknown member '" + StringRef(member.first) + "'");
  }

  const json::Value *take(StringRef key, bool optional = false) {
    known.push_back(key);
    const json::Value *value = object ? object->get(key) : nullptr;
    if (object && !value && !optional)
      problem("has no member '" + key + "'");
    return value;
  }

  std::string text(StringRef key) {
    const json::Value *value = take(key);
    auto string = value ? value->getAsString() : std::nullopt;
    if (value && !string)
      problem("'" + key + "' is not a string");
    return string.value_or("").str();
  }

  double number(StringRef key) {
    const json::Value *value = take(key);
    auto number = value ? value->getAsNumber() : std::nullopt;
    if (value && (!number || !std::isfinite(*number)))
      problem("'" + key + "' is not a finite number");
    return number.value_or(0);
  }

  int64_t integer(StringRef key, int64_t minimum, bool optional = false,
                  int64_t otherwise = 0) {
    const json::Value *value = take(key, optional);
    auto number = value ? value->getAsInteger() : std::nullopt;
    if (value && (!number || *number < minimum))
      problem("'" + key + "' is not a whole number of at least " +
              Twine(minimum));
    return number.value_or(otherwise);
  }

  /// False where it is missing.
  bool flag(StringRef key) {
    const json::Value *value = take(key, /*optional=*/true);
    auto given = value ? value->getAsBoolean() : std::nullopt;
    if (value && !given)
      problem("'" + key + "' is neither true nor false");
    return given.value_or(false);
  }

  template <typename T, typename Convert>
  std::vector<T> list(StringRef key, Convert convert) {
    std::vector<T> result;
    const json::Value *value = take(key);
    const json::Array *array = value ? value->getAsArray() : nullptr;
    if (value && !array)
      problem("'" + key + "' is not an array");
    if (!array)
      return result;
    for (const json::Value &element : *array) {
      std::optional<T> converted = convert(element);
      if (!converted) {
        problem("'" + key + "' holds something else than numbers");
        break;
      }
      result.push_back(*converted);
    }
    return result;
  }

  void problem(const Twine &text) {
    problems.push_back(where + " " + text.str());
  }

  std::string where;
  std::vector<std::string> &problems;

private:
  const json::Object *object;
  std::vector<StringRef> known;
};

std::optional<double> realOf(const json::Value &value) {
  auto number = value.getAsNumber();
  return number && std::isfinite(*number) ? number : std::nullopt;
}

std::optional<uint64_t> countOf(const json::Value &value) {
  auto number = value.getAsInteger();
  return number && *number >= 0 ? std::optional<uint64_t>(*number)
                                : std::nullopt;
}

void readHistogram(ObjectReader &tensor, TensorStatistics &result) {
  ObjectReader reader(tensor.take("histogram"), tensor.where + ": 'histogram'",
                      tensor.problems);
  Histogram &histogram = result.histogram;
  histogram.width = reader.number("width");
  histogram.first = reader.integer("first", -(int64_t(1) << 30));
  histogram.counts = reader.list<uint64_t>("counts", countOf);
  reader.finish();
  int exponent;
  if (!histogram.empty() && std::frexp(histogram.width, &exponent) != 0.5)
    reader.problem("has a width that is not a power of two");
  if (histogram.counts.size() > size_t(Histogram::kMaxBins))
    reader.problem("has more than " + Twine(Histogram::kMaxBins) + " bins");
  if (histogram.first > (int64_t(1) << 30))
    reader.problem("begins beyond all values");
  if (histogram.total() != result.elements)
    reader.problem("counts " + Twine(histogram.total()) +
                   " elements, 'elements' says " + Twine(result.elements));
}

TensorStatistics readTensor(const json::Value &value, StringRef name,
                            std::vector<std::string> &problems) {
  ObjectReader reader(&value, ("tensor '" + name + "'").str(), problems);
  TensorStatistics tensor;
  tensor.minimum = reader.number("minimum");
  tensor.maximum = reader.number("maximum");
  tensor.method = reader.text("method");
  // A slip in "manual" would let the next command choose another range.
  if (!tensor.method.empty() && tensor.method != kManualMethod &&
      !parseCalibrationMethod(tensor.method))
    reader.problem("has the unknown 'method' \"" + tensor.method +
                   "\"; a range set by hand has \"" + kManualMethod + "\"");
  tensor.observedMinimum = reader.number("observed_minimum");
  tensor.observedMaximum = reader.number("observed_maximum");
  tensor.elements = uint64_t(reader.integer("elements", 0));
  tensor.zeros = uint64_t(reader.integer("zeros", 0));
  tensor.observations = uint64_t(reader.integer("observations", 0));
  tensor.minimumSum = reader.number("minimum_sum");
  tensor.maximumSum = reader.number("maximum_sum");
  readHistogram(reader, tensor);
  tensor.channelAxis =
      int(reader.integer("channel_axis", 0, /*optional=*/true, -1));
  if (tensor.channelAxis >= 0) {
    tensor.channelMaxima = reader.list<double>("channel_maxima", realOf);
    tensor.channelSums = reader.list<double>("channel_sums", realOf);
    if (tensor.channelMaxima.size() != tensor.channelSums.size())
      reader.problem("has " + Twine(tensor.channelMaxima.size()) +
                     " maxima of channels and " +
                     Twine(tensor.channelSums.size()) + " sums");
  }
  if (tensor.minimum > tensor.maximum)
    reader.problem("has a 'minimum' above its 'maximum'");
  if (tensor.observedMinimum > tensor.observedMaximum)
    reader.problem("has an 'observed_minimum' above its 'observed_maximum'");
  if (tensor.zeros > tensor.elements)
    reader.problem("has more zeros than elements");
  reader.finish();
  return tensor;
}

CalibrationTable readTable(const json::Value &value,
                           std::vector<std::string> &problems) {
  CalibrationTable table;
  ObjectReader reader(&value, "the table", problems);
  if (!value.getAsObject())
    return table;
  if (reader.text("format") != kFormat)
    reader.problem("is not a calibration table: 'format' is not \"" + kFormat +
                   "\"");
  int64_t version = reader.integer("version", 1);
  if (version > kVersion)
    reader.problem("has version " + Twine(version) + ", the newest known is " +
                   Twine(kVersion));
  table.modelHash = reader.text("model_hash");
  table.dataHash = reader.text("data_hash");
  for (StringRef hash : {table.modelHash, table.dataHash})
    if (llvm::Error error = DataHash::parse(hash).takeError())
      reader.problem("has a bad hash: " + llvm::toString(std::move(error)));
  table.samples = uint64_t(reader.integer("samples", 0));
  table.madeUp = reader.flag("made_up");
  const json::Value *tensors = reader.take("tensors");
  const json::Object *members = tensors ? tensors->getAsObject() : nullptr;
  if (tensors && !members)
    reader.problem("'tensors' is not an object");
  if (members)
    for (const auto &member : *members)
      table.tensors[StringRef(member.first).str()] =
          readTensor(member.second, member.first, problems);
  reader.finish();
  return table;
}

} // namespace

void ashlar::quantization::writeCalibrationTable(const CalibrationTable &table,
                                                 llvm::raw_ostream &os) {
  TableWriter(os).write(table);
}

llvm::Expected<CalibrationTable>
ashlar::quantization::readCalibrationTable(StringRef path) {
  auto error = [&](const Twine &text) {
    return llvm::createStringError(path + ": error: " + text);
  };
  auto file = llvm::MemoryBuffer::getFile(path);
  if (!file)
    return error("cannot read the file: " + file.getError().message());
  auto value = ashlar::data::parseJson((*file)->getBuffer());
  if (!value)
    return error("not a calibration table: " +
                 llvm::toString(value.takeError()));
  std::vector<std::string> problems;
  CalibrationTable table = readTable(*value, problems);
  if (problems.empty())
    return table;
  llvm::sort(problems);
  std::string text;
  for (const std::string &problem : problems)
    text += (text.empty() ? "" : "\n") + path.str() + ": error: " + problem;
  return llvm::createStringError(text);
}
