//===- TileContraction.h - contractions in tile registers -----------------===//
#ifndef ASHLAR_PASSES_KERNEL_TILECONTRACTION_H
#define ASHLAR_PASSES_KERNEL_TILECONTRACTION_H

#include "passes/kernel/RowContraction.h"

namespace ashlar {

/// Rows of a tile register, at most.
inline constexpr int64_t kTileRows = 16;

/// How a contraction is cut for AMX. A tile of the left side is `pixels`
/// neighbouring pixels (matrix rows) by one block of the reduction; one of the
/// right side a block by a panel of 16 channels. Of narrow images a tile has
/// several rows, with what lies between them in the padded image. Sums of
/// `tiles` by `panels` tiles stay in registers over the whole reduction.
struct TileSchedule {
  int64_t tiles = 2, panels = 2;
  mlir::OpFoldResult pixels; // rows of a tile, at most 16
  int64_t imageRows = 1;     // in a tile
  int64_t rowPitch = 0; // pixels from one image row to the next, if several
  /// All images of the batch are one sequence of tiles, so that large weights
  /// are read once, not once an image.
  bool joinsImages = false;
  int64_t block = 0;  // elements of a reduction block
  int64_t blocks = 0; // of a run
  int64_t band = 0;   // tiles of a task
  int64_t chunk = 0;  // panels of a task
  /// Tasks that share the tiles and the panels in whole blocks, where all sizes
  /// are known. Else each has as many as above.
  int64_t bands = 0, chunks = 0;
  /// The right side's blocks outside, those of the left side inside: for
  /// weights that are too large for the cache and are to be read once.
  bool panelsOutside = false;
  /// Both sides may be further away than the second-level cache, into which
  /// the next tiles are to come while these are multiplied.
  bool prefetchesTiles = false;
  /// Tiles and panels of a block that stay in the first-level cache, if not
  /// all; the others pass it by.
  int64_t keptTiles = 4, keptPanels = 4;

  /// Nothing, and the reason, where tiles do not serve. `slack` says that the
  /// bytes behind the left side may be read.
  static std::optional<TileSchedule> choose(IndexArithmetic &b,
                                            const RowContraction &contraction,
                                            tile::TargetAttr target, bool slack,
                                            llvm::StringRef &reason);
};

/// Emits the task grid of a contraction.
void emitTileContraction(IndexArithmetic &b, const RowContraction &contraction,
                         const TileSchedule &schedule, Epilogue &epilogue);

} // namespace ashlar

#endif
