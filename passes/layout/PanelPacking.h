//===- PanelPacking.h - right sides of contractions in panels -------------===//
#ifndef ASHLAR_PASSES_LAYOUT_PANELPACKING_H
#define ASHLAR_PASSES_LAYOUT_PANELPACKING_H

#include "dialects/nn/NnDialect.h"
#include "passes/analysis/ConstantData.h"

namespace ashlar {

/// How the filter `[F, C/groups, R, S]` of a convolution lies in panels: the
/// reduction is `runs` runs of `length` steps (padded to `padded`). A run is a
/// filter row where its pixels lie side by side in the image and one pixel
/// alone would not fill blocks, else a filter place.
struct FilterPanels {
  nn::PanelForm form;
  int64_t groups, outputs, depth, rows, columns; // of the filter, a group
  bool joined;
  int64_t runs, length, padded, panels;

  static FilterPanels of(nn::ConvOp conv);
  llvm::SmallVector<int64_t> shape() const;
};

/// True if every channel has a filter of its own.
bool isDepthwise(nn::ConvOp conv);

/// [F, C, R, S] to panels.
mlir::ElementsAttr packFilter(const ConstantData &data,
                              const FilterPanels &panels, mlir::Type element);
/// Shape of a depthwise filter [C, 1, R, S] in memory: [R, S, C]; of bytes
/// [R*ceil(S/4), C, 4], padded with zeros: neighbouring places of a filter row
/// lie side by side.
llvm::SmallVector<int64_t> depthwiseShape(llvm::ArrayRef<int64_t> sizes,
                                          mlir::Type element);
/// [C, 1, R, S] to that shape.
mlir::ElementsAttr packDepthwise(const ConstantData &data,
                                 llvm::ArrayRef<int64_t> sizes,
                                 mlir::Type element);
/// [K, N] (or [N, K], `transposed`) to panels.
mlir::ElementsAttr packMatrix(const ConstantData &data, int64_t reduction,
                              int64_t columns, bool transposed,
                              mlir::Type element);

/// Shape of the panels of a [K, N] matrix; sizes may be dynamic.
llvm::SmallVector<mlir::OpFoldResult>
matrixPanelShape(mlir::OpBuilder &builder, mlir::Location loc,
                 const nn::PanelForm &form, mlir::OpFoldResult reduction,
                 mlir::OpFoldResult columns);

/// Packs what is known only when the model runs.
mlir::Value packFilterAtRunTime(nn::ConvOp conv);
mlir::Value packMatrixAtRunTime(nn::MatmulOp matmul);

} // namespace ashlar

#endif
