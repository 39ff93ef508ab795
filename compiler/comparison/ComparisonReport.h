//===- ComparisonReport.h - a comparison for people and programs ----------===//
#ifndef ASHLAR_COMPILER_COMPARISON_COMPARISONREPORT_H
#define ASHLAR_COMPILER_COMPARISON_COMPARISONREPORT_H

#include "compiler/comparison/CompareModels.h"

namespace ashlar::comparison {

/// In which order layers are printed.
enum class Order { Computation, Sqnr, Local, Cosine, Largest, Macs };
/// False where `text` names none.
bool parseOrder(llvm::StringRef text, Order &order);

struct TextOptions {
  Order order = Order::Computation;
  uint64_t most = UINT64_MAX; // layers
};
void printComparison(const ComparisonResult &result, const TextOptions &options,
                     llvm::raw_ostream &os);

void writeComparisonJson(const ComparisonResult &result, llvm::raw_ostream &os);

/// One page that needs nothing else.
void writeComparisonPage(const ComparisonResult &result, llvm::raw_ostream &os);

/// Adds what one sample's outputs show.
void addOutputs(llvm::ArrayRef<data::Tensor> expected,
                llvm::ArrayRef<data::Tensor> got, ComparisonResult &result);

/// What a comparison has to keep.
struct Tolerance {
  std::optional<double> sqnr, cosine, largest;

  bool given() const { return sqnr || cosine || largest; }
  bool holds(const TensorError &error) const;
};
/// "sqnr=20,cosine=0.99,max=0.1".
llvm::Expected<Tolerance> parseTolerance(llvm::StringRef text);

/// A line for each output that misses the tolerance.
std::string whatMisses(const ComparisonResult &result,
                       const Tolerance &tolerance);

/// "31.4", "inf", "-inf".
std::string decibelText(double sqnr);

} // namespace ashlar::comparison
#endif
