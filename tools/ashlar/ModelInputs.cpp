#include "tools/ashlar/ModelInputs.h"
#include "tools/ashlar/Command.h"
#include "tools/ashlar/ExitCode.h"
#include "tools/ashlar/ModelOptions.h"

#include "compiler/data/DataFiles.h"
#include "llvm/ADT/StringSet.h"

using namespace ashlar;
using namespace ashlar::tool;
using data::Tensor;
using llvm::Error;
using llvm::StringRef;
using llvm::Twine;

std::vector<Option> ashlar::tool::inputOptions() {
  return {{"input", "[NAME=]FILE",
           "an input: .npy, .npz, .pb, .bin or .raw; without a name by\n"
           "position (repeatable)",
           true},
          {"data", "FOLDER",
           "input_K.pb and output_K.pb of an ONNX test folder (repeatable)",
           true},
          {"random", "SEED", "random inputs; the same for the same seed"}};
}

static int32_t findTensor(llvm::ArrayRef<ashlar_tensor_info> table,
                          StringRef name) {
  for (size_t i = 0; i != table.size(); ++i)
    if (name == table[i].name)
      return int32_t(i);
  return -1;
}

// Brings the tensors of a folder into the model's order: by name where all
// names are the model's, otherwise by position.
static Error arrange(std::vector<Tensor> &tensors,
                     llvm::ArrayRef<ashlar_tensor_info> table,
                     const Twine &folder, StringRef kind) {
  if (tensors.size() != table.size())
    return usageError(folder + ": error: folder holds " +
                      Twine(tensors.size()) + " " + kind + "s, the model has " +
                      Twine(table.size()));
  std::vector<Tensor> arranged(table.size());
  llvm::StringSet<> seen;
  for (Tensor &tensor : tensors)
    if (findTensor(table, tensor.name) < 0 || !seen.insert(tensor.name).second)
      return Error::success();
  for (Tensor &tensor : tensors)
    arranged[findTensor(table, tensor.name)] = std::move(tensor);
  tensors = std::move(arranged);
  return Error::success();
}

static llvm::Expected<DataSet>
readFolder(StringRef folder, llvm::ArrayRef<ashlar_tensor_info> inputs,
           llvm::ArrayRef<ashlar_tensor_info> outputs) {
  auto read = data::readTestFolder(folder);
  if (!read)
    return read.takeError();
  DataSet set{folder.str(), std::move(read->inputs), std::move(read->outputs)};
  if (Error error = arrange(set.inputs, inputs, folder, "input"))
    return std::move(error);
  if (!set.expected.empty())
    if (Error error = arrange(set.expected, outputs, folder, "output"))
      return std::move(error);
  return set;
}

static std::string listNames(llvm::ArrayRef<ashlar_tensor_info> table) {
  std::string text;
  for (const ashlar_tensor_info &tensor : table)
    text += (text.empty() ? "'" : ", '") + std::string(tensor.name) + "'";
  return text.empty() ? "none" : text;
}

namespace {
/// Collects the inputs given one by one.
class InputFiles {
public:
  explicit InputFiles(llvm::ArrayRef<ashlar_tensor_info> table)
      : table(table), tensors(table.size()), given(table.size(), false) {}

  Error add(StringRef argument) {
    auto [name, path] = argument.split('=');
    int32_t index = -1;
    if (argument.contains('=')) {
      // Names of tensors may hold '=' themselves.
      for (size_t at = argument.find('='); at != StringRef::npos && index < 0;
           at = argument.find('=', at + 1)) {
        index = findTensor(table, argument.substr(0, at));
        path = argument.substr(at + 1);
      }
      if (index < 0)
        return usageError("model has no input '" + name + "', its inputs are " +
                          listNames(table));
    } else {
      path = argument;
    }
    if (StringRef(path).ends_with(".npz"))
      return addArchive(path);
    if (index < 0)
      for (index = 0; index != int32_t(table.size()) && given[index];)
        ++index;
    if (index == int32_t(table.size()))
      return usageError("'" + path + "' is one file too many: the model has " +
                        Twine(table.size()) + " inputs");
    data::RawLayout raw{
        table[index].dtype,
        {table[index].dims, table[index].dims + table[index].rank}};
    auto read = data::readDataFile(path, raw);
    if (!read)
      return read.takeError();
    return put(index, std::move(read->front()));
  }

  llvm::Expected<std::vector<Tensor>> take() {
    for (size_t i = 0; i != table.size(); ++i)
      if (!given[i])
        return usageError("input '" + Twine(table[i].name) +
                          "' is missing: give --input, --data or --random");
    return std::move(tensors);
  }

private:
  Error addArchive(StringRef path) {
    auto read = data::readDataFile(path);
    if (!read)
      return read.takeError();
    for (Tensor &tensor : *read) {
      int32_t index = findTensor(table, tensor.name);
      if (index < 0)
        return usageError(
            path + ": error: archive holds '" + tensor.name +
            "', which is none of the model's inputs: " + listNames(table));
      if (Error error = put(index, std::move(tensor)))
        return error;
    }
    return Error::success();
  }

  Error put(int32_t index, Tensor tensor) {
    if (given[index])
      return usageError("input '" + Twine(table[index].name) +
                        "' is given twice");
    given[index] = true;
    tensors[index] = std::move(tensor);
    return Error::success();
  }

  llvm::ArrayRef<ashlar_tensor_info> table;
  std::vector<Tensor> tensors;
  std::vector<bool> given;
};
} // namespace

// Values of the symbolic dims for random inputs: as asked for, otherwise the
// smallest that is not 0.
static llvm::Expected<std::vector<int64_t>>
chooseDims(const Arguments &arguments, const ashlar_model_info &info) {
  std::vector<int64_t> values;
  for (uint32_t i = 0; i != info.num_dims; ++i)
    values.push_back(std::max<int64_t>(1, info.dims[i].minimum));
  for (StringRef text : arguments.values("dim")) {
    auto dim = parseDim(text);
    if (!dim)
      return dim.takeError();
    for (uint32_t i = 0; i != info.num_dims; ++i)
      if (dim->first == info.dims[i].name)
        values[i] = dim->second.minimum;
  }
  for (StringRef text : arguments.values("shape")) {
    auto shape = parseShape(text);
    if (!shape)
      return shape.takeError();
    int32_t index = findTensor({info.tensors, info.num_inputs}, shape->input);
    if (index < 0 || shape->dims.size() != size_t(info.tensors[index].rank))
      continue;
    for (size_t axis = 0; axis != shape->dims.size(); ++axis) {
      int32_t symbol = info.tensors[index].dim_symbols
                           ? info.tensors[index].dim_symbols[axis]
                           : -1;
      if (symbol >= 0 && shape->dims[axis])
        values[symbol] = shape->dims[axis]->minimum;
    }
  }
  return values;
}

llvm::Expected<std::vector<DataSet>>
ashlar::tool::randomInputs(const Arguments &arguments,
                           const ashlar_model_info &info, uint64_t seed) {
  auto dims = chooseDims(arguments, info);
  if (!dims)
    return dims.takeError();
  DataSet set;
  for (uint32_t i = 0; i != info.num_inputs; ++i) {
    const ashlar_tensor_info &tensor = info.tensors[i];
    std::vector<int64_t> shape(tensor.dims, tensor.dims + tensor.rank);
    for (int32_t axis = 0; axis != tensor.rank; ++axis)
      if (tensor.dim_symbols && tensor.dim_symbols[axis] >= 0)
        shape[axis] = (*dims)[tensor.dim_symbols[axis]];
    set.inputs.push_back(data::randomTensor(tensor.name, tensor.dtype,
                                            std::move(shape), seed + i));
  }
  std::vector<DataSet> sets;
  sets.push_back(std::move(set));
  return sets;
}

int ashlar::tool::failInputs(Error error) {
  std::string text = llvm::toString(std::move(error));
  // Files name themselves; the rest is about the command line.
  return fail(StringRef(text).contains(": error: ") ? ExitInvalid : ExitUsage,
              text);
}

llvm::Expected<std::vector<DataSet>>
ashlar::tool::readInputs(const Arguments &arguments,
                         const ashlar_model_info &info) {
  llvm::ArrayRef<ashlar_tensor_info> inputs(info.tensors, info.num_inputs);
  llvm::ArrayRef<ashlar_tensor_info> outputs(info.tensors + info.num_inputs,
                                             info.num_outputs);
  bool files = arguments.has("input"), folders = arguments.has("data"),
       random = arguments.has("random");
  if (files + folders + random > 1)
    return usageError("options '--input', '--data' and '--random' exclude each "
                      "other");
  std::vector<DataSet> sets;
  if (folders) {
    for (StringRef folder : arguments.values("data")) {
      auto set = readFolder(folder, inputs, outputs);
      if (!set)
        return set.takeError();
      sets.push_back(std::move(*set));
    }
    return sets;
  }
  if (random) {
    auto seed = parseNumber("random", *arguments.value("random"), UINT32_MAX);
    if (!seed)
      return seed.takeError();
    return randomInputs(arguments, info, *seed);
  }
  InputFiles given(inputs);
  for (StringRef argument : arguments.values("input"))
    if (Error error = given.add(argument))
      return std::move(error);
  auto tensors = given.take();
  if (!tensors)
    return tensors.takeError();
  sets.push_back({"", std::move(*tensors), {}});
  return sets;
}
