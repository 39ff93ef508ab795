//===- WidenFloats.h - models of 16-bit floats in f32 ---------------------===//
#ifndef ASHLAR_COMPILER_QUANTIZATION_WIDENFLOATS_H
#define ASHLAR_COMPILER_QUANTIZATION_WIDENFLOATS_H

#include "compiler/quantization/CalibrationTable.h"

#include <map>
#include <string>

namespace ashlar::quantization {

/// Makes a model that computes in f16 or bf16 compute in f32: quantized
/// operators have f32 beside their integers, and no program for CPUs computes
/// in 16 bits otherwise. Constants keep their values; inputs and outputs keep
/// names and types, with a Cast between them and the tensors that took their
/// place. Returns the names of these with those that they stand for; empty
/// where the model has no such floats.
llvm::Expected<std::map<std::string, std::string>> widenFloats(ModelFile &file);

/// The same, with the ranges of a table for the new names, too; true if the
/// model had such floats.
llvm::Expected<bool> widenWithTable(ModelFile &file, CalibrationTable &table);

} // namespace ashlar::quantization

#endif
