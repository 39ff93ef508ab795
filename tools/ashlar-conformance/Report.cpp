//===- Report.cpp - what came out of a conformance run --------------------===//
#include "tools/ashlar-conformance/Report.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace llvm;
namespace ashlar::conformance {

StringRef outcomeName(Outcome outcome) {
  switch (outcome) {
  case Outcome::Passed:
    return "passed";
  case Outcome::Unsupported:
    return "unsupported";
  case Outcome::Failed:
    return "failed";
  case Outcome::Crashed:
    return "crashed";
  case Outcome::TimedOut:
    return "timed out";
  }
  llvm_unreachable("all outcomes are named");
}

void printSummary(raw_ostream &out, ArrayRef<Case> cases,
                  ArrayRef<Result> results, bool all) {
  unsigned passed = 0, failed = 0, skipped = 0;
  for (auto [test, result] : zip(cases, results)) {
    bool isSkip = result.outcome == Outcome::Unsupported;
    ++(result.outcome == Outcome::Passed ? passed : isSkip ? skipped : failed);
    if (result.outcome != Outcome::Passed && (all || !isSkip))
      out << outcomeName(result.outcome) << ": " << test.name << ": "
          << result.detail << "\n";
  }
  out << passed << " passed, " << failed << " failed, " << skipped
      << " skipped\n";
}

/// Writes a file through `write`.
static Error writeFile(StringRef path,
                       function_ref<void(raw_ostream &)> write) {
  std::error_code failure;
  raw_fd_ostream out(path, failure);
  if (!failure) {
    write(out);
    out.flush();
    failure = out.error();
    out.clear_error();
  }
  if (failure)
    return createStringError(failure, "cannot write '" + path +
                                          "': " + failure.message());
  return Error::success();
}

Error writeTable(StringRef path, ArrayRef<Case> cases,
                 ArrayRef<Result> results) {
  return writeFile(path, [&](raw_ostream &out) {
    out << "case\toutcome\tseconds\toperators\tdetail\n";
    for (auto [test, result] : zip(cases, results))
      out << test.name << '\t' << outcomeName(result.outcome) << '\t'
          << format("%.3f", result.seconds) << '\t'
          << join(operatorsOf(test), " ") << '\t' << result.detail << '\n';
  });
}

Error writeJson(StringRef path, ArrayRef<Case> cases,
                ArrayRef<Result> results) {
  return writeFile(path, [&](raw_ostream &out) {
    json::OStream json(out, 1);
    json.arrayBegin();
    for (auto [test, result] : zip(cases, results))
      json.object([&, &test = test, &result = result] {
        json.attribute("case", test.name);
        json.attribute("outcome", outcomeName(result.outcome));
        json.attribute("seconds", result.seconds);
        json.attribute("detail", result.detail);
      });
    json.arrayEnd();
    out << "\n";
  });
}

Error writePassing(StringRef path, ArrayRef<Case> cases,
                   ArrayRef<Result> results) {
  return writeFile(path, [&](raw_ostream &out) {
    for (auto [test, result] : zip(cases, results))
      if (result.outcome == Outcome::Passed)
        out << test.name << "\n";
  });
}

Expected<unsigned> printRegressions(raw_ostream &out, StringRef path,
                                    ArrayRef<Case> cases,
                                    ArrayRef<Result> results) {
  ErrorOr<std::unique_ptr<MemoryBuffer>> file = MemoryBuffer::getFile(path);
  if (!file)
    return createStringError(file.getError(), "cannot read '" + path + "'");
  StringMap<const Result *> resultOf;
  for (auto [test, result] : zip(cases, results))
    resultOf[test.name] = &result;
  unsigned regressions = 0;
  SmallVector<StringRef> lines;
  (*file)->getBuffer().split(lines, '\n', -1, false);
  for (StringRef name : lines) {
    auto found = resultOf.find(name.trim());
    if (found == resultOf.end() || found->second->outcome == Outcome::Passed)
      continue;
    ++regressions;
    out << "no longer passes: " << name.trim() << ": " << found->second->detail
        << "\n";
  }
  return regressions;
}

} // namespace ashlar::conformance
