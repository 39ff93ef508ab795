#include "compiler/data/Labels.h"
#include "compiler/data/ArraySource.h"
#include "compiler/data/DataFiles.h"
#include "compiler/data/JsonFile.h"
#include "runtime/ashlar_rt.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

#include <cmath>

using namespace ashlar;
using namespace ashlar::data;
using llvm::Error;
using llvm::StringRef;
using llvm::Twine;

using Labels = llvm::Expected<std::vector<int64_t>>;

// The first few, and how many more there are.
static std::string firstOf(llvm::ArrayRef<std::string> texts) {
  std::string text = llvm::join(texts.take_front(5), ", ");
  if (texts.size() > 5)
    text += " and " + std::to_string(texts.size() - 5) + " more";
  return text;
}

// An array of whole numbers, [N] or [N,1].
static Labels fromTensor(const Tensor &tensor) {
  bool flat = tensor.shape.size() == 1 ||
              (tensor.shape.size() == 2 && tensor.shape[1] == 1);
  if (!flat)
    return makeError("labels have shape " + shapeText(tensor.shape) +
                     ", expected one number a sample");
  std::vector<int64_t> labels;
  std::vector<std::string> wrong;
  for (int64_t i = 0, count = tensor.elements(); i != count; ++i) {
    double value = tensor.value(i).real();
    if (!(value >= 0 && value < 1e9) || value != std::floor(value)) {
      char text[64];
      snprintf(text, sizeof text, "%g (place %lld)", value, (long long)i);
      wrong.push_back(text);
      continue;
    }
    labels.push_back(int64_t(value));
  }
  if (!wrong.empty())
    return makeError("not indices of classes: " + firstOf(wrong));
  return labels;
}

static Labels fromArray(llvm::Expected<std::unique_ptr<ArraySource>> array) {
  if (!array)
    return array.takeError();
  if ((*array)->shape.empty())
    return makeError("labels are a single number, expected one a sample");
  auto values = (*array)->read((*array)->shape.front());
  if (!values)
    return values.takeError();
  return fromTensor(
      {"", (*array)->dtype, (*array)->shape, std::move(*values), {}});
}

static Labels fromNpz(StringRef path, StringRef part) {
  auto members = readDataFile(path);
  if (!members)
    return members.takeError();
  std::string names;
  for (const Tensor &member : *members) {
    if (member.name == part || (part.empty() && members->size() == 1))
      return fromTensor(member);
    names += (names.empty() ? "'" : ", '") + member.name + "'";
  }
  return makeError("labels are in none of the members " + names +
                   ": name one, as FILE:MEMBER");
}

static llvm::Expected<std::string> readText(StringRef path) {
  auto bytes = openBytes(path);
  if (!bytes)
    return bytes.takeError();
  std::string text;
  for (;;) {
    char block[4096];
    auto got = (*bytes)->read(block, sizeof block);
    if (!got)
      return got.takeError();
    text.append(block, *got);
    if (*got != sizeof block)
      return text;
  }
}

static llvm::Expected<llvm::StringMap<int64_t>> readNames(StringRef path) {
  auto text = readText(path);
  if (!text)
    return makeError(path + ": error: " + llvm::toString(text.takeError()));
  llvm::StringMap<int64_t> names;
  if (StringRef(*text).ltrim().starts_with("[")) {
    auto json = parseJson(*text);
    if (!json)
      return makeError(path + ": error: " + llvm::toString(json.takeError()));
    for (const llvm::json::Value &value : *json->getAsArray()) {
      auto name = value.getAsString();
      if (!name)
        return makeError(path + ": error: expected a list of names");
      names.try_emplace(*name, int64_t(names.size()));
    }
    return names;
  }
  llvm::SmallVector<StringRef> lines;
  StringRef(*text).rtrim().split(lines, '\n');
  for (StringRef line : lines)
    names.try_emplace(line.trim(), int64_t(names.size()));
  return names;
}

// A column of a table, or every line of a text.
static Labels fromTable(StringRef text, StringRef part, char separator,
                        const llvm::StringMap<int64_t> &names) {
  llvm::SmallVector<StringRef> lines;
  text.rtrim("\r\n").split(lines, '\n');
  size_t column = 0, line = 0;
  if (!part.empty() && part.getAsInteger(10, column)) {
    llvm::SmallVector<StringRef> heads;
    lines.front().rtrim('\r').split(heads, separator);
    auto it = llvm::find(heads, part);
    if (it == heads.end())
      return makeError("the table has no column '" + part +
                       "' in its first "
                       "line");
    column = size_t(it - heads.begin());
    line = 1;
  }
  std::vector<int64_t> labels;
  std::vector<std::string> wrong;
  for (; line != lines.size(); ++line) {
    llvm::SmallVector<StringRef> fields;
    lines[line].rtrim('\r').split(fields, separator);
    if (column >= fields.size())
      return makeError("line " + Twine(line + 1) + " has " +
                       Twine(fields.size()) + " columns, expected " +
                       Twine(column + 1) + " or more");
    StringRef field = fields[column].trim();
    int64_t label;
    auto named = names.find(field);
    if (named != names.end())
      label = named->second;
    else if (field.getAsInteger(10, label) || label < 0) {
      wrong.push_back(("'" + field + "' (line " + Twine(line + 1) + ")").str());
      continue;
    }
    labels.push_back(label);
  }
  if (!wrong.empty())
    return makeError("neither indices of classes nor names of any: " +
                     firstOf(wrong));
  return labels;
}

static Labels fromRecords(StringRef path, StringRef part,
                          const LabelOptions &options) {
  uint64_t place = 0;
  if (!part.empty() && part.getAsInteger(10, place))
    return makeError("'" + part + "' is not a place in a record");
  if (place >= options.recordBytes)
    return makeError("records have " + Twine(options.recordBytes) +
                     " bytes, the label cannot be at " + Twine(place));
  auto bytes = openBytes(path);
  if (!bytes)
    return bytes.takeError();
  if (Error error = (*bytes)->skip(options.header))
    return std::move(error);
  std::vector<int64_t> labels;
  for (;;) {
    auto end = (*bytes)->atEnd();
    if (!end)
      return end.takeError();
    if (*end)
      return labels;
    uint8_t label;
    Error error = (*bytes)->skip(place);
    if (!error)
      error = (*bytes)->readExactly(&label, 1);
    if (!error)
      error = (*bytes)->skip(options.recordBytes - place - 1);
    if (error)
      return std::move(error);
    labels.push_back(label);
  }
}

static Labels readAll(StringRef path, StringRef part,
                      const LabelOptions &options) {
  StringRef name = path;
  if (!name.consume_back(".gz"))
    name.consume_back(".zst");
  StringRef extension = llvm::sys::path::extension(name);
  if (extension == ".npz")
    return fromNpz(path, part);
  if (extension == ".bin")
    return fromRecords(path, part, options);
  if (extension == ".npy" || extension == ".idx" || name.ends_with("-ubyte")) {
    auto bytes = openBytes(path);
    if (!bytes)
      return bytes.takeError();
    std::shared_ptr<ByteSource> shared = std::move(*bytes);
    return fromArray(extension == ".npy" ? openNpy(path, shared)
                                         : openIdx(path, shared));
  }
  if (extension == ".tsv" || extension == ".csv" || extension == ".txt") {
    llvm::StringMap<int64_t> names;
    if (!options.names.empty()) {
      auto read = readNames(options.names);
      if (!read)
        return read.takeError();
      names = std::move(*read);
    }
    auto text = readText(path);
    if (!text)
      return text.takeError();
    return fromTable(*text, part, extension == ".csv" ? ',' : '\t', names);
  }
  return makeError("unknown kind of label file, expected .npy, .npz, .idx, "
                   "-ubyte, .tsv, .csv, .txt or .bin");
}

Labels data::readLabels(const LabelOptions &options) {
  StringRef path = options.path, part;
  if (!llvm::sys::fs::exists(path))
    std::tie(path, part) = path.rsplit(':');
  auto labels = readAll(path, part, options);
  if (!labels) {
    std::string text = llvm::toString(labels.takeError());
    if (!StringRef(text).contains(": error: "))
      text = (path + ": error: " + text).str();
    return makeError(text);
  }
  if (labels->size() <= options.skip)
    return makeError(path + ": error: file holds " + Twine(labels->size()) +
                     " labels, " + Twine(options.skip) + " are left out");
  labels->erase(labels->begin(), labels->begin() + options.skip);
  if (options.count && labels->size() > *options.count)
    labels->resize(*options.count);
  return labels;
}
