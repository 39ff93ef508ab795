//===- TableRanges.h - the ranges of a plan, from a table -----------------===//
#ifndef ASHLAR_COMPILER_QUANTIZATION_TABLERANGES_H
#define ASHLAR_COMPILER_QUANTIZATION_TABLERANGES_H

#include "compiler/quantization/CalibrationTable.h"
#include "compiler/quantization/QuantizationParameters.h"
#include "compiler/quantization/QuantizationPlan.h"

namespace ashlar::quantization {

/// Names in quotes, the first of them if there are many.
std::string listOf(llvm::ArrayRef<std::string> names, size_t most = 20);

/// Whether a table is of this model.
llvm::Error checkTable(const ModelFile &model, const CalibrationTable &table);

/// Parameters of each leader of a plan; every problem of the table is in the
/// error.
llvm::Expected<llvm::StringMap<ActivationParameters>>
parametersOf(const CalibrationTable &table, const QuantizationPlan &plan,
             bool isSigned, std::vector<std::string> &warnings);

} // namespace ashlar::quantization

#endif
