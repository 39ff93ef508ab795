//===- Cases.h - the cases of an ONNX backend test suite ------------------===//
//
// A case is a folder with model.onnx and one or more test_data_set_N; the
// folder above it is its category (node, simple, pytorch-operator, ...).
//
//===----------------------------------------------------------------------===//
#ifndef ASHLAR_TOOLS_CONFORMANCE_CASES_H
#define ASHLAR_TOOLS_CONFORMANCE_CASES_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace ashlar::conformance {

struct Case {
  std::string name;   // "node/test_abs"
  std::string folder; // holds model.onnx
};

/// All cases below `path`, by name. A .tar or .tar.zst is unpacked into
/// `scratch` first.
llvm::Expected<std::vector<Case>> findCases(llvm::StringRef path,
                                            llvm::StringRef scratch);

/// The operators of a case's model, sorted, with their domain where it is not
/// ONNX's own; subgraphs and functions included.
std::vector<std::string> operatorsOf(const Case &test);

/// The folders test_data_set_N of a case, in order.
std::vector<std::string> findDataSets(const Case &test);

} // namespace ashlar::conformance
#endif
