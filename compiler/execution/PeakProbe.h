//===- PeakProbe.h - what this machine can do at most, right now ----------===//
//
// Clocks drift by half within minutes, so a peak is worth something only beside
// what it is compared with, measured in turns with it.
//
//===----------------------------------------------------------------------===//
#ifndef ASHLAR_COMPILER_EXECUTION_PEAKPROBE_H
#define ASHLAR_COMPILER_EXECUTION_PEAKPROBE_H

#include <cstddef>
#include <cstdint>
#include <vector>

#include "llvm/ADT/StringRef.h"

namespace ashlar {

/// Instructions that multiply, each a loop over registers without loads.
enum class PeakKind {
  FloatAvx2,
  FloatAvx512,
  Bf16Avx512,
  Int8Avx2,
  Int8Vnni,
  AmxInt8,
  AmxBf16
};
constexpr size_t kNumPeakKinds = 7;

/// "AMX int8" ...
llvm::StringRef peakName(PeakKind kind);
bool peakAvailable(PeakKind kind);
/// The kind that a kernel of this instruction set and precision, as
/// ashlar_kernel_info spells them, is measured by.
PeakKind peakOf(llvm::StringRef isa, llvm::StringRef precision);

/// Multiply-accumulates a second of one thread, over about a hundredth of a
/// second. Only where it is available.
double measurePeak(PeakKind kind);

/// Bytes a second that one thread reads from a buffer of this size, over and
/// over.
class ReadProbe {
public:
  explicit ReadProbe(size_t bytes);
  double measure();

private:
  std::vector<char> buffer;
};

} // namespace ashlar

#endif
