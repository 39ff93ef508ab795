// The command line of one subcommand. LLVM's own option library would offer all
// options of the LLVM libraries that the program is linked with.
#ifndef ASHLAR_TOOLS_ASHLAR_ARGUMENTS_H
#define ASHLAR_TOOLS_ASHLAR_ARGUMENTS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <optional>
#include <string>
#include <vector>

namespace ashlar::tool {

/// One option. Names of one letter are given with one dash: "-o FILE", "-j4".
struct Option {
  llvm::StringRef name;
  llvm::StringRef value; // what the help calls the value; empty: a flag
  llvm::StringRef help;
  bool repeatable = false;
};

class Arguments {
public:
  /// Wrong arguments are an error whose text is for the user.
  static llvm::Expected<Arguments> parse(llvm::ArrayRef<Option> options,
                                         llvm::ArrayRef<const char *> line);

  llvm::ArrayRef<std::string> positional() const { return rest; }
  bool has(llvm::StringRef name) const;
  /// The last value given.
  std::optional<llvm::StringRef> value(llvm::StringRef name) const;
  std::vector<llvm::StringRef> values(llvm::StringRef name) const;
  std::string valueOr(llvm::StringRef name, llvm::StringRef otherwise) const;

private:
  std::vector<std::pair<std::string, std::string>> given;
  std::vector<std::string> rest;
};

/// A non-negative number up to `maximum`.
llvm::Expected<uint64_t> parseNumber(llvm::StringRef option,
                                     llvm::StringRef text, uint64_t maximum);
/// A finite, non-negative decimal number.
llvm::Expected<double> parseReal(llvm::StringRef option, llvm::StringRef text);

/// The candidate that `word` was probably meant to be; empty where none is
/// near.
llvm::StringRef nearest(llvm::StringRef word,
                        llvm::ArrayRef<llvm::StringRef> candidates);

llvm::Error usageError(const llvm::Twine &text);

} // namespace ashlar::tool
#endif
