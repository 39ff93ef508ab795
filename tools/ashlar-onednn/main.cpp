//===- main.cpp - ashlar-onednn -------------------------------------------===//
//
// The peer of `ashlar bench --against onednn`: the one contraction of a model,
// in oneDNN, behind the line protocol of docs/benchmarking.md.
//
//===----------------------------------------------------------------------===//
#include <chrono>
#include <cstdio>
#include <iostream>
#include <thread>

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"

#include "compiler/api/Compile.h"
#include "compiler/report/DiagnosticPrinter.h"
#include "tools/ashlar-onednn/OneDnnLayer.h"
#include "tools/ashlar-onednn/SingleContraction.h"

using namespace ashlar;
using namespace ashlar::perf;
using llvm::StringRef;

namespace {

constexpr const char *kUsage =
    "usage: ashlar-onednn MODEL [--precision=P] [--layer=REGEX=P] "
    "[--isa=ISA]\n\n"
    "Measures the single contraction of MODEL in oneDNN, one thread: prints a "
    "line with\n\"ready\", then answers each line N on standard input with the "
    "times of N runs.\nISA is a name that ONEDNN_MAX_CPU_ISA takes.\n";

int complain(const llvm::Twine &text, int code) {
  llvm::errs() << "ashlar-onednn: error: " << text << '\n';
  return code;
}

double milliseconds() {
  return std::chrono::duration<double, std::milli>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

/// Answers until standard input ends.
void serve(OneDnnLayer &layer) {
  printf("{\"ready\":true,\"peer\":\"onednn %s\",\"implementation\":\"%s\"}\n",
         oneDnnVersion().c_str(), layer.implementation().c_str());
  fflush(stdout);
  std::string line;
  while (std::getline(std::cin, line)) {
    unsigned runs = 0;
    if (StringRef(line).trim().getAsInteger(10, runs))
      continue;
    layer.run();
    std::string times;
    for (unsigned i = 0; i != runs; ++i) {
      double start = milliseconds();
      layer.run();
      char text[32];
      snprintf(text, sizeof text, "%s%.6f", i ? "," : "",
               milliseconds() - start);
      times += text;
    }
    printf("{\"ms\":[%s]}\n", times.c_str());
    fflush(stdout);
  }
}

} // namespace

int main(int argc, char **argv) {
  std::string model;
  CompileOptions options;
  for (StringRef word : llvm::ArrayRef<const char *>(argv + 1, argc - 1)) {
    if (word.consume_front("--precision="))
      options.precision.everywhere = word.str();
    else if (word.consume_front("--layer="))
      options.precision.layers.push_back(
          {word.rsplit('=').first.str(), word.rsplit('=').second.str()});
    else if (word.consume_front("--isa=")) {
      if (!limitOneDnn(word))
        return complain("unknown instruction set '" + word + "'", 2);
    } else if (word.starts_with("--") || !model.empty()) {
      llvm::errs() << kUsage;
      return word == "--help" ? 0 : 2;
    } else
      model = word.str();
  }
  if (model.empty()) {
    llvm::errs() << kUsage;
    return 2;
  }
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  DiagnosticPrinter diagnostics(context, llvm::errs());
  prepareContext(context);
  auto module = compileToStage(context, model, options, "quantize");
  if (!module)
    return diagnostics.exitCode();
  auto found = findSingleContraction(*module);
  if (!found)
    return complain(model + ": " + llvm::toString(found.takeError()), 4);
  auto [shape, type] = *found;
  LayerData data = makeData(shape, type);
  OneDnnLayer layer(shape, type, data, Result::Layer);
  serve(layer);
  return 0;
}
