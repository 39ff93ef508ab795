// The subcommands: each has a file of its own and a line in the table of
// main.cpp.
#ifndef ASHLAR_TOOLS_ASHLAR_COMMAND_H
#define ASHLAR_TOOLS_ASHLAR_COMMAND_H

#include "tools/ashlar/Arguments.h"

namespace ashlar::tool {

struct Command {
  llvm::StringRef name;
  llvm::StringRef synopsis;    // what follows the name
  llvm::StringRef summary;     // one line
  llvm::StringRef description; // the help's text, examples included
  std::vector<Option> options;
  unsigned minPositional, maxPositional;
  int (*run)(const Arguments &arguments); // returns the exit code
};

Command doctorCommand();
Command inspectCommand();
Command compileCommand();
Command runCommand();
Command benchCommand();
Command calibrateCommand();
Command quantizeCommand();
Command compareCommand();
Command reportCommand();

/// Prints "ashlar: error: ..." and, for usage errors, where help is. Returns
/// `code`.
int fail(int code, const llvm::Twine &text);
int fail(int code, llvm::Error error);

} // namespace ashlar::tool
#endif
