//===- TransposedWindow.cpp - phases of a transposed convolution ----------===//
#include "passes/analysis/TransposedWindow.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace ashlar;

// Outputs of a pixel that are computed at once, whatever the CPU.
static constexpr int64_t kLanes = 16;

static int64_t valueOr(std::optional<ArrayRef<int64_t>> values, size_t place,
                       int64_t otherwise) {
  return values && place < values->size() ? (*values)[place] : otherwise;
}

// Fails where the pads follow from sizes.
static LogicalResult describeAxis(onnx::ConvTransposeOp op, size_t axis,
                                  size_t count, TransposedAxis &described) {
  StringRef autoPad = op.getAutoPad();
  described.stride = valueOr(op.getStrides(), axis, 1);
  described.dilation = valueOr(op.getDilations(), axis, 1);
  described.outputPadding = valueOr(op.getOutputPadding(), axis, 0);
  if (!autoPad.starts_with("SAME")) {
    bool isValid = autoPad == "VALID";
    described.padBegin = isValid ? 0 : valueOr(op.getPads(), axis, 0);
    described.padEnd = isValid ? 0 : valueOr(op.getPads(), axis + count, 0);
    return success(described.padBegin >= 0 && described.padEnd >= 0);
  }
  // As many outputs as strides of the input.
  int64_t total = described.taps + described.outputPadding - described.stride;
  described.padBegin = autoPad == "SAME_UPPER" ? total / 2 : total - total / 2;
  described.padEnd = total - described.padBegin;
  return success(total >= 0);
}

std::optional<SmallVector<TransposedAxis>>
ashlar::transposedAxesOf(onnx::ConvTransposeOp op) {
  auto filter = dyn_cast<RankedTensorType>(op.getW().getType());
  if (!filter || filter.getRank() < 3 || !filter.hasStaticShape() ||
      (op.getOutputShape() && !op.getOutputShape()->empty()))
    return std::nullopt;
  size_t count = filter.getRank() - 2;
  SmallVector<TransposedAxis> axes(count);
  for (size_t axis = 0; axis < count; ++axis) {
    axes[axis].taps = filter.getDimSize(axis + 2);
    if (failed(describeAxis(op, axis, count, axes[axis])))
      return std::nullopt;
  }
  return axes;
}

std::optional<SmallVector<TransposedPhase>>
ashlar::phasesOf(const TransposedAxis &axis) {
  if (axis.dilation != 1 || axis.stride < 1)
    return std::nullopt;
  // Outputs there are beyond the first of the last input.
  int64_t reach = axis.taps - axis.padBegin - axis.padEnd + axis.outputPadding;
  SmallVector<TransposedPhase> phases;
  for (int64_t offset = 0; offset < axis.stride; ++offset) {
    TransposedPhase phase;
    phase.offset = offset;
    phase.stride = axis.stride;
    // Output o has products of input i with tap k, i * stride + k = o + pad.
    phase.firstTap = (offset + axis.padBegin) % axis.stride;
    if (phase.firstTap >= axis.taps)
      return std::nullopt;
    phase.taps = llvm::divideCeil(axis.taps - phase.firstTap, axis.stride);
    phase.padBegin = phase.taps - 1 - (offset + axis.padBegin) / axis.stride;
    phase.growth = llvm::divideCeilSigned(reach - offset, axis.stride) - 1;
    phases.push_back(phase);
  }
  return phases;
}

MergedPhases::MergedPhases(ArrayRef<TransposedPhase> list)
    : phases(list), padBegin(list.front().padBegin),
      growth(list.front().growth) {
  int64_t end = INT64_MIN;
  for (const TransposedPhase &phase : phases) {
    padBegin = std::max(padBegin, phase.padBegin);
    end = std::max(end, phase.taps - phase.padBegin);
  }
  taps = padBegin + end;
}

int64_t MergedPhases::tap(const TransposedPhase &phase, int64_t place) const {
  int64_t own = place - (padBegin - phase.padBegin);
  return own < 0 || own >= phase.taps ? -1 : phase.tap(own);
}

// Outputs are counted from one that is a multiple of the stride in the full
// result: then the windows of all phases lie over each other.
MergedPhases ashlar::mergeAll(const TransposedAxis &axis) {
  TransposedAxis whole = axis;
  whole.padBegin -= axis.padBegin % axis.stride;
  MergedPhases merged(*phasesOf(whole));
  merged.crop = axis.padBegin - whole.padBegin;
  return merged;
}

static SmallVector<MergedPhases> apart(const TransposedAxis &axis) {
  return llvm::map_to_vector(*phasesOf(axis), [](const TransposedPhase &phase) {
    return MergedPhases(phase);
  });
}

// Products of whole vectors for a pixel of the input.
static int64_t costOf(const PhasePlan &plan, int64_t channels) {
  int64_t cost = 0;
  for (const MergedPhases &row : plan.rows)
    for (const MergedPhases &column : plan.columns)
      cost += row.taps * column.taps *
              llvm::divideCeil(
                  channels * row.phases.size() * column.phases.size(), kLanes);
  return cost;
}

PhasePlan ashlar::planPhases(const TransposedAxis &rows,
                             const TransposedAxis &columns, int64_t channels,
                             bool mayMerge) {
  PhasePlan best{apart(rows), apart(columns)};
  if (!mayMerge)
    return best;
  for (PhasePlan plan : {PhasePlan{apart(rows), {mergeAll(columns)}},
                         PhasePlan{{mergeAll(rows)}, {mergeAll(columns)}}})
    if (costOf(plan, channels) < costOf(best, channels))
      best = plan;
  return best;
}

SmallVector<int64_t> PhaseFilter::resultShape() const {
  return {phases() * outputs(), shape[0] / groups, rows.taps, columns.taps};
}

void PhaseFilter::copy(ArrayRef<char> from, bool isSplat, size_t width,
                       MutableArrayRef<char> to) const {
  int64_t groupChannels = shape[0] / groups, inner = columns.phases.size();
  char *next = to.data();
  for (int64_t output = 0; output < phases() * outputs(); ++output) {
    int64_t phase = output / outputs(), f = output % outputs();
    const TransposedPhase &row = rows.phases[phase / inner],
                          &column = columns.phases[phase % inner];
    for (int64_t c = 0; c < groupChannels; ++c)
      for (int64_t at = 0; at < rows.taps * columns.taps; ++at, next += width) {
        int64_t r = rows.tap(row, at / columns.taps),
                s = columns.tap(column, at % columns.taps);
        if (r < 0 || s < 0)
          continue;
        int64_t channel = f / shape[1] * groupChannels + c;
        int64_t place =
            ((channel * shape[1] + f % shape[1]) * shape[2] + r) * shape[3] + s;
        std::memcpy(next, from.data() + (isSplat ? 0 : place * width), width);
      }
  }
}
