#include "compiler/comparison/Bisect.h"

#include "mlir/IR/Action.h"
#include "mlir/IR/Diagnostics.h"

#include <csignal>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace ashlar;
using namespace ashlar::comparison;
using llvm::StringRef;

std::vector<size_t> comparison::firstMisses(const ComparisonResult &result,
                                            const Tolerance &tolerance) {
  std::vector<size_t> found;
  auto misses = [&](size_t layer) {
    const TensorError &error = result.layers[layer].accumulated;
    return (error.elements || error.otherShape) && !tolerance.holds(error);
  };
  for (size_t i = 0; i != result.layers.size(); ++i)
    if (misses(i) && llvm::none_of(result.layers[i].match.inputs,
                                   [&](int input) { return misses(input); }))
      found.push_back(i);
  return found;
}

static std::string errorText(const TensorError &error) {
  char text[80];
  snprintf(text, sizeof text, " dB, cosine %.6f, max abs %.3g", error.cosine(),
           error.largest);
  return "SQNR " + decibelText(error.sqnr()) + text;
}

void comparison::printFirstMisses(const ComparisonResult &result,
                                  const Tolerance &tolerance,
                                  llvm::raw_ostream &os) {
  std::vector<size_t> found = firstMisses(result, tolerance);
  if (found.empty())
    os << "no layer misses the tolerance\n";
  for (size_t i : found) {
    const LayerResult &layer = result.layers[i];
    os << "the tolerance breaks first at '" << layer.match.layer << "' ("
       << layer.match.op
       << (layer.precision.empty() ? "" : ", " + layer.precision)
       << "), tensor '" << layer.match.name
       << "': " << errorText(layer.accumulated);
    if (layer.local)
      os << "; on its own " << decibelText(layer.local->sqnr()) << " dB";
    os << '\n';
    for (int input : layer.match.inputs)
      os << "  it reads '" << result.layers[input].match.name
         << "': " << errorText(result.layers[input].accumulated) << '\n';
  }
}

//===----------------------------------------------------------------------===//
// Passes
//===----------------------------------------------------------------------===//

// The pass that an action runs; empty: it is another kind of action, or a pass
// that only runs others. Actions of passes are known by their text alone.
static std::string passOf(const mlir::tracing::Action &action) {
  if (action.getTag() != "pass-execution")
    return "";
  std::string text;
  llvm::raw_string_ostream os(text);
  action.print(os);
  StringRef name = StringRef(text).split("running `").second;
  name = name.take_until([](char c) { return c == '`'; });
  return name.contains("OpPassAdaptor") ? "" : name.str();
}

namespace {
enum class Trial { Holds, Breaks, Fails };

class PassTrials {
public:
  PassTrials(mlir::MLIRContext &context, const ModelComparer::Side &test,
             const data::Sample &sample, llvm::ArrayRef<data::Tensor> expected,
             const Tolerance &tolerance)
      : context(context), test(test), sample(sample), expected(expected),
        tolerance(tolerance) {}

  /// The passes of the stages that may change bits, in order.
  llvm::Expected<std::vector<std::string>> list();
  /// In a process of its own, without one pass.
  Trial attempt(StringRef without);

private:
  Trial compileAndRun();
  CompileOptions optionsWith(std::string &stage) const {
    CompileOptions options = test.options;
    options.stages.onStage = [&stage](StringRef name) { stage = name.str(); };
    return options;
  }
  static bool mayChangeBits(StringRef stage) {
    return stage == "simplify" || stage == "quantize" || stage == "convert" ||
           stage == "fuse";
  }

  mlir::MLIRContext &context;
  const ModelComparer::Side &test;
  const data::Sample &sample;
  llvm::ArrayRef<data::Tensor> expected;
  const Tolerance &tolerance;
};
} // namespace

llvm::Expected<std::vector<std::string>> PassTrials::list() {
  std::vector<std::string> passes;
  std::string stage;
  context.registerActionHandler(
      [&](llvm::function_ref<void()> run, const mlir::tracing::Action &action) {
        std::string pass = passOf(action);
        std::string name = stage + ": " + pass;
        if (!pass.empty() && mayChangeBits(stage) &&
            !llvm::is_contained(passes, name))
          passes.push_back(name);
        run();
      });
  CompileOptions options = optionsWith(stage);
  auto compiled = compileModel(context, *test.model, options);
  context.registerActionHandler(nullptr);
  if (mlir::failed(compiled))
    return llvm::make_error<CompileError>(test.model->name);
  return passes;
}

Trial PassTrials::compileAndRun() {
  std::string stage;
  auto built = Executable::compile(context, *test.model, test.options, 1);
  if (!built) {
    llvm::consumeError(built.takeError());
    return Trial::Fails;
  }
  llvm::Error error = built->runner->bind(sample.inputs);
  if (!error)
    error = built->runner->execute();
  if (error) {
    llvm::consumeError(std::move(error));
    return Trial::Fails;
  }
  ComparisonResult result;
  addOutputs(expected, built->runner->outputs(), result);
  return whatMisses(result, tolerance).empty() ? Trial::Holds : Trial::Breaks;
}

// In a process of a trial: a crash is a result like any other, and so is no
// end.
static void endQuietly() {
  for (int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP})
    std::signal(signal, SIG_DFL);
  rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  close(STDERR_FILENO);
  alarm(300);
}

Trial PassTrials::attempt(StringRef without) {
  pid_t child = fork();
  if (child < 0)
    return Trial::Fails;
  if (child == 0) {
    mlir::ScopedDiagnosticHandler quiet(&context, [](mlir::Diagnostic &) {});
    endQuietly();
    auto [wantedStage, wantedPass] = without.split(": ");
    ModelComparer::Side side = test;
    std::string stage;
    side.options = optionsWith(stage);
    context.registerActionHandler(
        [&, wanted = wantedPass,
         within = wantedStage](llvm::function_ref<void()> run,
                               const mlir::tracing::Action &action) {
          if (without.empty() || stage != within || passOf(action) != wanted)
            run();
        });
    PassTrials inner(context, side, sample, expected, tolerance);
    _exit(int(inner.compileAndRun()));
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR)
    ;
  return WIFEXITED(status) && WEXITSTATUS(status) <= int(Trial::Fails)
             ? Trial(WEXITSTATUS(status))
             : Trial::Fails;
}

llvm::Expected<PassBisection> comparison::bisectPasses(
    mlir::MLIRContext &context, const ModelComparer::Side &test,
    const data::Sample &sample, llvm::ArrayRef<data::Tensor> expectedOutputs,
    const Tolerance &tolerance, std::function<void(StringRef)> step) {
  PassTrials trials(context, test, sample, expectedOutputs, tolerance);
  PassBisection result;
  step("compiling with all passes");
  result.breaks = trials.attempt("") == Trial::Breaks;
  if (!result.breaks)
    return result;
  auto passes = trials.list();
  if (!passes)
    return passes.takeError();
  for (const std::string &pass : *passes) {
    step("leaving out " + pass);
    switch (trials.attempt(pass)) {
    case Trial::Holds:
      result.culprits.push_back(pass);
      break;
    case Trial::Fails:
      result.needed.push_back(pass);
      break;
    case Trial::Breaks:
      break;
    }
  }
  return result;
}
