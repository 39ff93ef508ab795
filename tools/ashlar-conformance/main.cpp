//===- main.cpp - ashlar-conformance --------------------------------------===//
//
// Runs an ONNX backend test suite: each case is compiled without its input
// values, its object run, its outputs compared.
//
//===----------------------------------------------------------------------===//
#include "tools/ashlar-conformance/Report.h"
#include "tools/ashlar-conformance/RunCase.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Regex.h"

using namespace llvm;
using namespace ashlar::conformance;

static constexpr const char *debianSuite = "/usr/share/libonnx-testdata/data";

static cl::OptionCategory category("ashlar-conformance");
static cl::opt<std::string> suite(cl::Positional, cl::desc("SUITE"),
                                  cl::init(debianSuite), cl::cat(category));
static cl::opt<std::string> filter("filter", cl::init("."), cl::cat(category),
                                   cl::desc("Run cases whose name matches"),
                                   cl::value_desc("regex"));
static cl::opt<unsigned> jobs("j", cl::Prefix, cl::init(2), cl::cat(category),
                              cl::desc("Processes at once"));
static cl::opt<bool> listAll("list-failures", cl::cat(category),
                             cl::desc("List unsupported cases too"));
static cl::opt<std::string> json("json", cl::cat(category),
                                 cl::desc("Write results as JSON"),
                                 cl::value_desc("file"));
static cl::opt<std::string> table("table", cl::cat(category),
                                  cl::desc("Write results as a table"),
                                  cl::value_desc("file"));
static cl::opt<std::string> passing("write-passing", cl::cat(category),
                                    cl::desc("Write names of passing cases"),
                                    cl::value_desc("file"));
static cl::opt<std::string> expected("expect", cl::cat(category),
                                     cl::desc("Fail if a listed case fails"),
                                     cl::value_desc("file"));
static cl::opt<std::string> faults("suite-faults", cl::cat(category),
                                   cl::desc("Do not run 'NAME: REASON' cases"),
                                   cl::value_desc("file"));
static cl::opt<std::string> cpu("cpu", cl::init("native"), cl::cat(category),
                                cl::desc("CPU to compile for"));
static cl::opt<unsigned> timeout("timeout", cl::init(120), cl::cat(category),
                                 cl::desc("Seconds for one case"));
static cl::opt<double> relative("rtol", cl::init(1e-3), cl::cat(category),
                                cl::desc("Relative tolerance"));
static cl::opt<double> absolute("atol", cl::init(1e-7), cl::cat(category),
                                cl::desc("Absolute tolerance"));

/// Writes what was asked for; the exit code of the run.
static Expected<int> report(ArrayRef<Case> cases, ArrayRef<Result> results) {
  if (!table.empty())
    if (Error failure = writeTable(table, cases, results))
      return std::move(failure);
  if (!json.empty())
    if (Error failure = writeJson(json, cases, results))
      return std::move(failure);
  if (!passing.empty())
    if (Error failure = writePassing(passing, cases, results))
      return std::move(failure);
  bool good = none_of(results, [](const Result &result) {
    return result.outcome != Outcome::Passed &&
           result.outcome != Outcome::Unsupported;
  });
  if (!expected.empty()) {
    Expected<unsigned> regressions =
        printRegressions(outs(), expected, cases, results);
    if (!regressions)
      return regressions.takeError();
    good &= *regressions == 0;
  }
  printSummary(outs(), cases, results, listAll);
  return good ? 0 : 6;
}

/// Reasons not to run a case, by its name.
static Expected<StringMap<std::string>> readFaults() {
  StringMap<std::string> reasons;
  if (faults.empty())
    return reasons;
  ErrorOr<std::unique_ptr<MemoryBuffer>> file = MemoryBuffer::getFile(faults);
  if (!file)
    return createStringError(file.getError(), "cannot read '" + faults + "'");
  SmallVector<StringRef> lines;
  (*file)->getBuffer().split(lines, '\n', -1, false);
  for (StringRef line : lines) {
    auto [name, reason] = line.split(": ");
    reasons[name] = reason.str();
  }
  return reasons;
}

static Expected<int> run() {
  Expected<StringMap<std::string>> reasons = readFaults();
  if (!reasons)
    return reasons.takeError();

  SmallString<128> scratch;
  if (std::error_code failure =
          sys::fs::createUniqueDirectory("ashlar-conformance", scratch))
    return createStringError(failure, "cannot create a temporary folder");
  Expected<std::vector<Case>> cases = findCases(suite, scratch);
  if (!cases) {
    sys::fs::remove_directories(scratch);
    return cases.takeError();
  }
  Regex wanted(filter);
  erase_if(*cases, [&](const Case &test) { return !wanted.match(test.name); });
  RunOptions options{cpu, relative, absolute};
  auto runOne = [&](unsigned index) {
    const Case &test = (*cases)[index];
    auto fault = reasons->find(test.name);
    if (fault != reasons->end())
      return Result{Outcome::Unsupported, fault->second};
    return runCase(test, options);
  };
  std::vector<Result> results = runInChildren(
      cases->size(), jobs, timeout, runOne, [&](unsigned, const Result &) {});
  Expected<int> code = report(*cases, results);
  sys::fs::remove_directories(scratch);
  return code;
}

int main(int argc, char **argv) {
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(argc, argv, "ONNX backend test suite\n");
  Expected<int> code = run();
  if (code)
    return *code;
  errs() << "ashlar-conformance: error: " << toString(code.takeError()) << "\n";
  return 3;
}
