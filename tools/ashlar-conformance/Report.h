//===- Report.h - what came out of a conformance run ----------------------===//
#ifndef ASHLAR_TOOLS_CONFORMANCE_REPORT_H
#define ASHLAR_TOOLS_CONFORMANCE_REPORT_H

#include "tools/ashlar-conformance/Cases.h"
#include "tools/ashlar-conformance/Workers.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

namespace ashlar::conformance {

/// "passed", "unsupported", "failed", "crashed" or "timed out".
llvm::StringRef outcomeName(Outcome outcome);

/// Every case that did not pass with its reason (unsupported ones only if
/// `all`), then "N passed, N failed, N skipped".
void printSummary(llvm::raw_ostream &out, llvm::ArrayRef<Case> cases,
                  llvm::ArrayRef<Result> results, bool all);

/// One line a case: name, outcome, seconds, operators, reason. The page of
/// operators is generated from it.
llvm::Error writeTable(llvm::StringRef path, llvm::ArrayRef<Case> cases,
                       llvm::ArrayRef<Result> results);

/// The same as JSON; "-" is stdout.
llvm::Error writeJson(llvm::StringRef path, llvm::ArrayRef<Case> cases,
                      llvm::ArrayRef<Result> results);

/// The names of the cases that passed, one a line.
llvm::Error writePassing(llvm::StringRef path, llvm::ArrayRef<Case> cases,
                         llvm::ArrayRef<Result> results);

/// Prints every case that the file `path` lists and that was run but did not
/// pass; gives their number.
llvm::Expected<unsigned> printRegressions(llvm::raw_ostream &out,
                                          llvm::StringRef path,
                                          llvm::ArrayRef<Case> cases,
                                          llvm::ArrayRef<Result> results);

} // namespace ashlar::conformance
#endif
