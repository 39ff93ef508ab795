// ashlar: the user's program. Finds the subcommand and reads its options; all
// the rest is in the subcommand's file.
#include "tools/ashlar/Command.h"
#include "tools/ashlar/ExitCode.h"
#include "tools/ashlar/FileOptions.h"
#include "tools/ashlar/Reproducer.h"

#include <csignal>
#include <malloc.h>

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/PrettyStackTrace.h"
#include "llvm/Support/raw_ostream.h"

using namespace ashlar::tool;
using llvm::StringRef;

#ifndef ASHLAR_VERSION
#define ASHLAR_VERSION "0.1.0"
#endif

int ashlar::tool::fail(int code, const llvm::Twine &text) {
  std::string line = text.str();
  // Errors about files name the file already.
  if (!StringRef(line).contains(": error: "))
    llvm::errs() << "ashlar: error: ";
  llvm::errs() << line << '\n';
  return code;
}

int ashlar::tool::fail(int code, llvm::Error error) {
  return fail(code, llvm::toString(std::move(error)));
}

static std::vector<Command> commands() {
  return {doctorCommand(),   inspectCommand(), compileCommand(),
          runCommand(),      benchCommand(),   calibrateCommand(),
          quantizeCommand(), compareCommand(), reportCommand()};
}

static void printProgramHelp(llvm::raw_ostream &os) {
  os << "Ashlar compiles neural networks (ONNX) ahead of time to plain x86-64 "
        "objects.\n\nusage: ashlar COMMAND [OPTION...] ...\n\n";
  for (const Command &command : commands())
    os << llvm::formatv("  {0,-10}{1}\n", command.name, command.summary);
  os << "\n'ashlar COMMAND --help' tells all about a command.\n\n"
        "Exit codes: 0 ok; 1 internal error; 2 usage; 3 unreadable or invalid "
        "model or data;\n4 unsupported operator, type or attribute; 5 CPU "
        "feature not available; 6 tolerance\nmissed; 7 resource limit.\n";
}

static void printHelp(const Command &command, llvm::raw_ostream &os) {
  os << "usage: ashlar " << command.name << ' ' << command.synopsis << "\n\n"
     << command.description << "\nOptions:\n";
  for (const Option &option : command.options) {
    std::string left =
        (option.name.size() == 1 ? "-" : "--") + option.name.str();
    if (!option.value.empty())
      left += (option.name.size() == 1 ? " " : "=") + option.value.str();
    if (left.size() > 24) {
      os << "  " << left << '\n';
      left.clear();
    }
    StringRef help = option.help, line;
    do {
      std::tie(line, help) = help.split('\n');
      os << llvm::formatv("  {0,-26}{1}\n", left, line);
      left.clear();
    } while (!help.empty());
  }
}

static int usage(const Command &command, const llvm::Twine &text) {
  fail(ExitUsage, text);
  llvm::errs() << "  hint: 'ashlar " << command.name
               << " --help' tells what it takes\n";
  return ExitUsage;
}

static int runCommandLine(const Command &command,
                          llvm::ArrayRef<const char *> line) {
  for (StringRef word : line) {
    if (word == "--")
      break;
    if (word == "--help" || word == "-h") {
      printHelp(command, llvm::outs());
      return ExitOk;
    }
  }
  auto arguments = Arguments::parse(command.options, line);
  if (!arguments)
    return usage(command, llvm::toString(arguments.takeError()));
  size_t count = arguments->positional().size();
  if (count < command.minPositional || count > command.maxPositional)
    return usage(command, "got " + llvm::Twine(count) + " files, expected " +
                              llvm::Twine(count < command.minPositional
                                              ? command.minPositional
                                              : command.maxPositional));
  if (llvm::Error error = checkFiles(*arguments))
    return fail(ExitUsage, std::move(error));
  return command.run(*arguments);
}

int main(int argc, char **argv) {
  llvm::setBugReportMsg("ashlar crashed; where it was:\n");
  llvm::InitLLVM init(argc, argv);
  handleCrashes(argc, argv);
  // A file that may not grow further is an error of the write, as a full disk.
  std::signal(SIGXFSZ, SIG_IGN);
  // Weights that are not needed any more go back to the system at once: with
  // the threshold that moves, the C library would keep most of them.
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
  llvm::ArrayRef<const char *> line(argv + 1, argc - 1);
  StringRef name = line.empty() ? "" : line.front();
  if (name.empty() || name == "--help" || name == "-h" || name == "help") {
    printProgramHelp(name.empty() ? llvm::errs() : llvm::outs());
    return name.empty() ? ExitUsage : ExitOk;
  }
  if (name == "--version") {
    llvm::outs() << "ashlar " ASHLAR_VERSION "\n";
    return ExitOk;
  }
  std::vector<StringRef> names;
  for (const Command &command : commands()) {
    if (command.name == name)
      return runCommandLine(command, line.drop_front());
    names.push_back(command.name);
  }
  StringRef close = nearest(name, names);
  fail(ExitUsage, "unknown command '" + name + "'" +
                      (close.empty() ? "" : ", did you mean '" + close + "'"));
  llvm::errs() << "  hint: 'ashlar --help' lists all commands\n";
  return ExitUsage;
}
