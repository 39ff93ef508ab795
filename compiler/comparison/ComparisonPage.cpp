#include "compiler/comparison/ComparisonReport.h"
#include "compiler/report/Page.h"

using namespace ashlar;

void comparison::writeComparisonPage(const ComparisonResult &result,
                                     llvm::raw_ostream &os) {
  std::string json;
  llvm::raw_string_ostream stream(json);
  writeComparisonJson(result, stream);
  writePage("comparison", "Comparison: " + result.test, {"graph.js"}, json, os);
}
