//===- PixelLanes.h - convolutions with few channels ----------------------===//
#ifndef ASHLAR_PASSES_KERNEL_PIXELLANES_H
#define ASHLAR_PASSES_KERNEL_PIXELLANES_H

#include "passes/kernel/RowContraction.h"

namespace ashlar {

/// A convolution of bytes to bytes with a few input and output channels, which
/// would leave most lanes of a vector of channels empty: the lanes are 16
/// neighbouring pixels instead. What a filter row reads for all of them is
/// loaded at once, and a byte permutation brings each group of four bytes into
/// every pixel's lane; the weights are what is broadcast.
///
/// Emits the task grid where the target (VNNI and VBMI) and the sizes allow it,
/// else returns false.
bool emitPixelLanes(IndexArithmetic &b, const RowContraction &contraction,
                    const DotProduct &product, Epilogue &epilogue,
                    tile::TargetAttr target);

} // namespace ashlar

#endif
