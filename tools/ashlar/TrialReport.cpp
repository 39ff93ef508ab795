//===- TrialReport.cpp - what a search for accuracy prints ----------------===//
#include "tools/ashlar/TrialReport.h"

#include "tools/ashlar/OutputFiles.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

#include <cmath>

using namespace ashlar;
using namespace ashlar::tool;
using namespace ashlar::quantization;
using llvm::Error;
using llvm::StringRef;

static std::string percentText(double share) {
  return llvm::formatv("{0:F2} %", share * 100);
}

void TrialReport::print(const HeldOut &heldOut) const {
  const AccuracyTrial &trial = heldOut.trial;
  bool finite = std::isfinite(trial.drop) && std::isfinite(trial.relativeDrop);
  llvm::outs() << "held out: " << metric.text << " in floats "
               << metric.scoreText(heldOut.reference) << ", quantized "
               << metric.scoreText(trial.score);
  if (finite)
    llvm::outs() << ", relative drop " << percentText(trial.relativeDrop);
  llvm::outs() << (!hasGoal      ? ""
                   : trial.meets ? "  meets the goal"
                                 : "  misses")
               << '\n';
}

void TrialReport::printHead(double reference) const {
  llvm::outs() << metric.text << " in floats: " << metric.scoreText(reference)
               << '\n';
  llvm::outs() << llvm::formatv(
      "{0,13} {1,9} {2,14} {3,14} {4,14} {5,10} {6,10}\n", "left in float",
      "two terms", "score", "drop", "relative", "int8 MACs", "twice");
}

void TrialReport::print(const AccuracyTrial &trial) const {
  bool finite = std::isfinite(trial.drop) && std::isfinite(trial.relativeDrop);
  llvm::outs() << llvm::formatv(
      "{0,13} {1,9} {2,14} {3,14} {4,14} {5,10} {6,10}{7}{8}\n", trial.inFloats,
      trial.inTwoTerms, metric.scoreText(trial.score),
      std::isfinite(trial.drop) ? metric.scoreText(trial.drop) : "-",
      finite ? percentText(trial.relativeDrop) : "-", percentText(trial.share),
      percentText(trial.twice),
      hasGoal ? (trial.meets ? "  meets the goal" : "  misses") : "",
      trial.simulated ? ", simulated" : "");
  llvm::outs().flush();
}

Error TrialReport::writeJson(StringRef path, const AccuracyResult &result,
                             const std::optional<HeldOut> &heldOut) const {
  OutputFiles files;
  auto real = [](llvm::json::OStream &json, StringRef key, double value) {
    json.attribute(key, std::isfinite(value) ? llvm::json::Value(value)
                                             : llvm::json::Value(nullptr));
  };
  Error error = files.add(path, [&](llvm::raw_ostream &os) {
    llvm::json::OStream json(os, 1);
    json.object([&] {
      json.attribute("metric", metric.text);
      real(json, "reference", result.reference);
      json.attribute("met", result.met);
      json.attribute("interrupted", result.interrupted);
      if (heldOut)
        json.attributeObject("held_out", [&] {
          real(json, "reference", heldOut->reference);
          real(json, "score", heldOut->trial.score);
          real(json, "drop", heldOut->trial.drop);
          real(json, "relative_drop", heldOut->trial.relativeDrop);
          json.attribute("meets", heldOut->trial.meets);
        });
      json.attributeArray("trials", [&] {
        for (const AccuracyTrial &trial : result.trials)
          json.object([&] {
            json.attribute("left", int64_t(trial.inFloats));
            json.attribute("two_terms", int64_t(trial.inTwoTerms));
            json.attribute("simulated", trial.simulated);
            real(json, "score", trial.score);
            real(json, "drop", trial.drop);
            real(json, "relative_drop", trial.relativeDrop);
            json.attribute("int8_share", trial.share);
            json.attribute("twice_share", trial.twice);
            json.attribute("meets", trial.meets);
          });
      });
      for (const auto &[key, layers] :
           {std::pair("left", &result.inFloats),
            std::pair("two_terms", &result.inTwoTerms)})
        json.attributeArray(key, [&, &layers = *layers] {
          for (const LayerError &layer : layers)
            json.object([&] {
              json.attribute("node", llvm::json::fixUTF8(layer.node));
              json.attribute("op", layer.op);
              real(json, "sqnr", layer.sqnr());
              if (layer.noiseInTwoTerms)
                real(json, "sqnr_in_two_terms", layer.sqnrInTwoTerms());
              json.attribute("macs", layer.macs);
            });
        });
    });
    os << '\n';
  });
  return error ? std::move(error) : files.commit();
}
