//===- CalibrationMethods.h - from statistics to the range to quantize ----===//
#ifndef ASHLAR_COMPILER_QUANTIZATION_CALIBRATIONMETHODS_H
#define ASHLAR_COMPILER_QUANTIZATION_CALIBRATIONMETHODS_H

#include "compiler/quantization/CalibrationTable.h"

#include <optional>

namespace ashlar::quantization {

enum class CalibrationMethod {
  MinMax,        // all that was seen
  MovingAverage, // means of the samples' extremes
  Percentile,    // all but the outermost few
  Entropy,       // least Kullback-Leibler divergence
  Mse,           // least squared error
  Auto           // of all these, the one of least squared error
};

std::optional<CalibrationMethod> parseCalibrationMethod(llvm::StringRef name);
llvm::StringRef calibrationMethodName(CalibrationMethod method);

struct CalibrationOptions {
  CalibrationMethod method = CalibrationMethod::Auto;
  /// How many percent of the elements `Percentile` keeps inside.
  double percentile = 99.99;
  /// Activations in s8 around zero instead of u8.
  bool signedActivations = false;
};

/// Includes 0; both are 0 where nothing else was seen.
struct QuantizedRange {
  double minimum = 0, maximum = 0;
  /// What chose it.
  CalibrationMethod method = CalibrationMethod::MinMax;
};

QuantizedRange chooseRange(const TensorStatistics &statistics,
                           const CalibrationOptions &options);

/// Sets the range of every tensor but those that a person has set ("manual").
void chooseRanges(CalibrationTable &table, const CalibrationOptions &options);

/// Mean squared error, by the histogram, of eight-bit values of this range:
/// u8 with the zero point at a whole number, or s8 around zero.
double quantizationError(const TensorStatistics &statistics, double minimum,
                         double maximum, bool signedActivations);

} // namespace ashlar::quantization

#endif
