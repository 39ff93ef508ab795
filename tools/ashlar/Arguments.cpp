#include "tools/ashlar/Arguments.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"

#include <cmath>

using namespace ashlar::tool;
using llvm::ArrayRef;
using llvm::StringRef;
using llvm::Twine;

llvm::Error ashlar::tool::usageError(const Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
}

StringRef ashlar::tool::nearest(StringRef word,
                                ArrayRef<StringRef> candidates) {
  StringRef best;
  unsigned distance = unsigned(word.size() / 3 + 2);
  for (StringRef candidate : candidates) {
    unsigned d = word.edit_distance(candidate, true, distance);
    if (d < distance) {
      distance = d;
      best = candidate;
    }
  }
  return best;
}

static std::string spelled(StringRef name) {
  return (name.size() == 1 ? "-" : "--") + name.str();
}

static const Option *find(ArrayRef<Option> options, StringRef name) {
  auto it = llvm::find_if(
      options, [&](const Option &option) { return option.name == name; });
  return it == options.end() ? nullptr : &*it;
}

static llvm::Error unknownOption(ArrayRef<Option> options, StringRef name) {
  std::vector<StringRef> names;
  for (const Option &option : options)
    if (option.name.size() > 1)
      names.push_back(option.name);
  StringRef close = nearest(name, names);
  return usageError(
      "unknown option '" + spelled(name) + "'" +
      (close.empty() ? Twine() : ", did you mean '" + spelled(close) + "'"));
}

llvm::Expected<Arguments> Arguments::parse(ArrayRef<Option> options,
                                           ArrayRef<const char *> line) {
  Arguments result;
  bool onlyPositional = false;
  for (size_t i = 0; i != line.size(); ++i) {
    StringRef word = line[i];
    if (onlyPositional || word.size() < 2 || word[0] != '-') {
      result.rest.push_back(word.str());
      continue;
    }
    if (word == "--") {
      onlyPositional = true;
      continue;
    }
    StringRef name, value;
    bool attached = false;
    if (word.starts_with("--")) {
      attached = word.contains('=');
      std::tie(name, value) = word.drop_front(2).split('=');
    } else {
      name = word.substr(1, 1);
      value = word.drop_front(2);
      attached = !value.empty();
      value.consume_front("=");
    }
    const Option *option = find(options, name);
    if (!option)
      return unknownOption(options, name);
    if (option->value.empty() && attached)
      return usageError("option '" + spelled(name) + "' takes no value");
    if (!option->value.empty() && !attached) {
      if (i + 1 == line.size())
        return usageError("option '" + spelled(name) + "' needs a value: " +
                          spelled(name) + "=" + option->value);
      value = line[++i];
    }
    if (!option->repeatable && result.has(name))
      return usageError("option '" + spelled(name) + "' is given twice");
    result.given.emplace_back(name.str(), value.str());
  }
  return result;
}

bool Arguments::has(StringRef name) const {
  return llvm::any_of(given, [&](auto &pair) { return pair.first == name; });
}

std::optional<StringRef> Arguments::value(StringRef name) const {
  for (auto &pair : llvm::reverse(given))
    if (pair.first == name)
      return StringRef(pair.second);
  return std::nullopt;
}

std::vector<StringRef> Arguments::values(StringRef name) const {
  std::vector<StringRef> found;
  for (auto &pair : given)
    if (pair.first == name)
      found.push_back(pair.second);
  return found;
}

std::string Arguments::valueOr(StringRef name, StringRef otherwise) const {
  return value(name).value_or(otherwise).str();
}

llvm::Expected<uint64_t>
ashlar::tool::parseNumber(StringRef option, StringRef text, uint64_t maximum) {
  uint64_t number;
  if (text.getAsInteger(10, number) || number > maximum)
    return usageError("option '" + spelled(option) + "' got '" + text +
                      "', expected a number from 0 to " + Twine(maximum));
  return number;
}

llvm::Expected<double> ashlar::tool::parseReal(StringRef option,
                                               StringRef text) {
  double number;
  if (text.getAsDouble(number) || !std::isfinite(number) || number < 0)
    return usageError("option '" + spelled(option) + "' got '" + text +
                      "', expected a number that is not negative");
  return number;
}
