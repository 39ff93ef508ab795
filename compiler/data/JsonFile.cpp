#include "compiler/data/JsonFile.h"

using llvm::StringRef;

static constexpr int kMostLevels = 64;

static bool isTooDeep(StringRef text) {
  int level = 0;
  bool inString = false;
  for (size_t i = 0; i != text.size(); ++i) {
    char c = text[i];
    if (inString && c == '\\' && i + 1 != text.size())
      ++i;
    else if (c == '"')
      inString = !inString;
    else if (!inString && (c == '[' || c == '{')) {
      if (++level > kMostLevels)
        return true;
    } else if (!inString && (c == ']' || c == '}'))
      --level;
  }
  return false;
}

llvm::Expected<llvm::json::Value> ashlar::data::parseJson(StringRef text) {
  if (isTooDeep(text))
    return llvm::createStringError("nested more than " +
                                   llvm::Twine(kMostLevels) + " levels deep");
  return llvm::json::parse(text);
}
