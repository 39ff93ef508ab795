//===- DescribeModel.h - what the graph says about the model --------------===//
#ifndef ASHLAR_COMPILER_API_DESCRIBEMODEL_H
#define ASHLAR_COMPILER_API_DESCRIBEMODEL_H

#include "mlir/IR/BuiltinOps.h"

#include "compiler/report/ModelDescription.h"
#include "compiler/target/Target.h"

namespace ashlar {

/// ashlar_dtype of an element type of the onnx dialect, 0 if it has none.
int32_t dtypeOf(mlir::Type element);

/// Inputs, outputs and symbolic dimensions of `@main`, in onnx types. An
/// interface that objects cannot have (sequences, strings) is reported.
mlir::LogicalResult describeInterface(mlir::ModuleOp module,
                                      ModelDescription &model);

/// Which outputs of `@main` follow from random operators: from their values,
/// not from their sizes alone.
void describeRandomness(mlir::ModuleOp module, ModelDescription &model);

/// The table of ONNX nodes; marks the module so that code can refer to it.
void describeLayers(mlir::ModuleOp module, ModelDescription &model);

/// In which precision each layer multiplies and why, from the module after
/// stage `quantize`.
void describePrecision(mlir::ModuleOp module, ModelDescription &model);

/// What computes each of `layers` on `target`, from the module after stage
/// `tile`: contractions, loops, or nothing at run time. Returns the
/// multiply-accumulates of all contractions.
int64_t describeKernels(mlir::ModuleOp module, const Target &target,
                        std::vector<LayerDescription> &layers);

/// Corrects that by what the kernel stage chose, which its code still tells.
void refineKernels(mlir::ModuleOp lowered, const Target &target,
                   std::vector<LayerDescription> &layers);

/// The workspace that a variant's lowered code asks for, where that is a
/// constant.
void describeWorkspace(mlir::ModuleOp lowered, VariantDescription &variant);

} // namespace ashlar

#endif
