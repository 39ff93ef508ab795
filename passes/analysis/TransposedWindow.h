//===- TransposedWindow.h - phases of a transposed convolution ------------===//
//
// A transposed convolution of stride s writes s kinds of outputs along an axis,
// by their place modulo s. Each kind, a phase, is a convolution of stride 1
// with every s-th tap of the filter, turned around: no products with zeros.
//
//===----------------------------------------------------------------------===//
#ifndef ASHLAR_PASSES_ANALYSIS_TRANSPOSEDWINDOW_H
#define ASHLAR_PASSES_ANALYSIS_TRANSPOSEDWINDOW_H

#include "dialects/onnx/OnnxOps.h"

namespace ashlar {

/// What attributes of ConvTranspose say about one axis.
struct TransposedAxis {
  int64_t taps = 1, stride = 1, dilation = 1;
  int64_t padBegin = 0, padEnd = 0, outputPadding = 0;
};

/// The spatial axes; nothing where pads are negative or follow from the sizes
/// of the input.
std::optional<llvm::SmallVector<TransposedAxis>>
transposedAxesOf(onnx::ConvTransposeOp op);

/// The outputs `stride * t + offset`, t = 0, 1, ...: the products of the inputs
/// [t - padBegin, t - padBegin + taps) with the filter's taps `tap(0)`, ...
struct TransposedPhase {
  int64_t offset;
  int64_t firstTap, stride; // firstTap, firstTap + stride, ... take part
  int64_t taps;
  int64_t padBegin;
  int64_t growth; // outputs less inputs

  /// The filter's tap that the `place`-th input of the window meets.
  int64_t tap(int64_t place) const {
    return firstTap + stride * (taps - 1 - place);
  }
};

/// The phases along an axis, in the order of their offsets; none where an
/// output has no products at all, or the filter is dilated.
std::optional<llvm::SmallVector<TransposedPhase>>
phasesOf(const TransposedAxis &axis);

/// Phases that are computed together, with one window over the inputs: filters
/// have zeros where a phase's own window does not reach. All have as many
/// outputs as the first.
struct MergedPhases {
  llvm::SmallVector<TransposedPhase> phases;
  int64_t taps, padBegin, growth;
  int64_t crop = 0; // outputs in front that are not of the result

  explicit MergedPhases(llvm::ArrayRef<TransposedPhase> phases);
  /// Inputs that are missing behind the last one; less than 0: not read.
  int64_t padEnd() const { return growth + taps - 1 - padBegin; }
  /// The filter's tap that the `place`-th input of the window meets in a
  /// phase; -1 for none.
  int64_t tap(const TransposedPhase &phase, int64_t place) const;
};

/// What is computed one after the other along two axes.
struct PhasePlan {
  llvm::SmallVector<MergedPhases> rows, columns;
};

/// Computes phases together where the `channels` of one alone would leave much
/// of a vector empty, and `mayMerge`. The axes must have phases.
PhasePlan planPhases(const TransposedAxis &rows, const TransposedAxis &columns,
                     int64_t channels, bool mayMerge);

/// Phases of an axis as one, however many channels there are.
MergedPhases mergeAll(const TransposedAxis &axis);

/// The filter of a ConvTranspose, [C, F / groups, R, S], as what the windows of
/// merged phases meet: [row phases * column phases * F, C / groups, rows,
/// columns].
struct PhaseFilter {
  llvm::SmallVector<int64_t> shape; // of the ConvTranspose's
  int64_t groups;
  const MergedPhases &rows, &columns;

  int64_t outputs() const { return groups * shape[1]; }
  int64_t phases() const { return rows.phases.size() * columns.phases.size(); }
  llvm::SmallVector<int64_t> resultShape() const;
  /// Elements of `width` bytes each; `from` holds one for a splat. Writes only
  /// where there are products.
  void copy(llvm::ArrayRef<char> from, bool isSplat, size_t width,
            llvm::MutableArrayRef<char> to) const;
};

} // namespace ashlar

#endif
