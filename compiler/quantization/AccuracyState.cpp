// The state of a search, as JSON.
#include "compiler/data/JsonFile.h"
#include "compiler/quantization/AccuracySearch.h"

#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

#include <cmath>

using namespace ashlar::quantization;
using llvm::StringRef;
namespace json = llvm::json;

static constexpr llvm::StringLiteral kFormat = "ashlar accuracy search";

static constexpr llvm::StringLiteral kInFloats = "floats",
                                     kInTwoTerms = "two terms";

// JSON has no infinity.
static json::Value number(double value) {
  if (std::isfinite(value))
    return value;
  return value > 0 ? "infinity" : "-infinity";
}

static std::optional<double> numberOf(const json::Value *value) {
  if (!value)
    return std::nullopt;
  if (auto text = value->getAsString())
    return *text == "infinity"    ? std::optional<double>(INFINITY)
           : *text == "-infinity" ? std::optional<double>(-INFINITY)
                                  : std::nullopt;
  return value->getAsNumber();
}

void ashlar::quantization::writeAccuracyState(const AccuracyState &state,
                                              llvm::raw_ostream &os) {
  json::OStream out(os, 1);
  out.object([&] {
    out.attribute("format", kFormat);
    out.attribute("key", state.key);
    if (state.reference)
      out.attribute("reference", number(*state.reference));
    out.attributeArray("ranking", [&] {
      for (const AccuracyStep &step : state.ranking.order())
        out.object([&] {
          const LayerError &layer = step.layer;
          out.attribute("node", json::fixUTF8(layer.node));
          out.attribute("op", layer.op);
          out.attribute("step", step.inFloats ? kInFloats : kInTwoTerms);
          out.attribute("noise", number(layer.noise));
          if (layer.noiseInTwoTerms)
            out.attribute("noise_in_two_terms", number(*layer.noiseInTwoTerms));
          out.attribute("macs", layer.macs);
        });
    });
    out.attributeArray("trials", [&] {
      for (const auto &trial : state.scores)
        out.object([&] {
          out.attributeArray("taken", [&] {
            for (size_t place : trial.first.first)
              out.value(int64_t(place));
          });
          out.attribute("simulated", trial.first.second);
          out.attribute("score", number(trial.second));
        });
    });
  });
  os << '\n';
}

static bool readStep(const json::Value &value,
                     std::vector<AccuracyStep> &order) {
  const json::Object *object = value.getAsObject();
  if (!object)
    return false;
  auto node = object->getString("node"), op = object->getString("op");
  auto noise = numberOf(object->get("noise"));
  auto macs = object->getInteger("macs");
  auto step = object->getString("step");
  if (!node || !op || !noise || !macs || !step ||
      (*step != kInFloats && *step != kInTwoTerms))
    return false;
  order.push_back({{node->str(), op->str(), *noise,
                    numberOf(object->get("noise_in_two_terms")), *macs},
                   *step == kInFloats});
  return true;
}

static bool readTrial(const json::Value &value, AccuracyState &state) {
  const json::Object *object = value.getAsObject();
  const json::Array *taken = object ? object->getArray("taken") : nullptr;
  auto simulated = object ? object->getBoolean("simulated") : std::nullopt;
  auto score = numberOf(object ? object->get("score") : nullptr);
  if (!taken || !simulated || !score)
    return false;
  StepSet places;
  for (const json::Value &one : *taken) {
    auto place = one.getAsInteger();
    if (!place || *place < 0 || uint64_t(*place) >= state.ranking.size())
      return false;
    places.insert(size_t(*place));
  }
  state.scores[{places, *simulated}] = *score;
  return true;
}

llvm::Expected<AccuracyState>
ashlar::quantization::readAccuracyState(StringRef path) {
  auto wrong = [&](const llvm::Twine &text) {
    return llvm::createStringError(path + ": error: " + text);
  };
  auto file = llvm::MemoryBuffer::getFile(path);
  if (!file)
    return wrong("cannot read the file: " + file.getError().message());
  auto value = data::parseJson((*file)->getBuffer());
  if (!value)
    return wrong("not the state of a search: " +
                 llvm::toString(value.takeError()));
  const json::Object *object = value->getAsObject();
  auto format = object ? object->getString("format") : std::nullopt;
  auto key = object ? object->getString("key") : std::nullopt;
  const json::Array *ranking = object ? object->getArray("ranking") : nullptr,
                    *trials = object ? object->getArray("trials") : nullptr;
  if (format.value_or("") != kFormat || !key || !ranking || !trials)
    return wrong("not the state of a search");
  AccuracyState state;
  state.key = key->str();
  state.reference = numberOf(object->get("reference"));
  std::vector<AccuracyStep> order;
  for (const json::Value &step : *ranking)
    if (!readStep(step, order))
      return wrong("an entry of 'ranking' is damaged");
  state.ranking = AccuracySteps(std::move(order));
  for (const json::Value &trial : *trials)
    if (!readTrial(trial, state))
      return wrong("an entry of 'trials' is damaged");
  if (!state.reference && !state.scores.empty())
    return wrong("trials without a reference");
  return state;
}
