#include "tools/ashlar/ObjectOptions.h"
#include "tools/ashlar/ModelOptions.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"

using namespace ashlar;
using namespace ashlar::tool;
using llvm::Error;
using llvm::StringRef;
using llvm::Twine;

static std::string dimNames(const ashlar_model_info &info) {
  std::string text;
  for (uint32_t i = 0; i != info.num_dims; ++i)
    text += (i ? ", '" : "'") + std::string(info.dims[i].name) + "'";
  return text.empty() ? "none" : text;
}

// Whether `value` can be the value of that dimension.
static Error checkValue(const ashlar_dim_info &dim, const ValueRange &value) {
  if (value.minimum != value.maximum)
    return usageError("dimension '" + Twine(dim.name) +
                      "' of an object needs one value, got a range");
  if (value.minimum < dim.minimum || value.minimum > dim.maximum)
    return usageError("dimension '" + Twine(dim.name) + "' is " +
                      Twine(value.minimum) + ", the object takes " +
                      Twine(dim.minimum) + ".." + Twine(dim.maximum));
  return Error::success();
}

static Error checkDim(StringRef text, const ashlar_model_info &info) {
  auto given = parseDim(text);
  if (!given)
    return given.takeError();
  for (uint32_t i = 0; i != info.num_dims; ++i)
    if (given->first == info.dims[i].name)
      return checkValue(info.dims[i], given->second);
  return usageError("the object has no dimension '" + given->first +
                    "', its dimensions are " + dimNames(info));
}

static Error checkShape(StringRef text, const ashlar_model_info &info) {
  auto given = parseShape(text);
  if (!given)
    return given.takeError();
  const ashlar_tensor_info *input = nullptr;
  for (uint32_t i = 0; i != info.num_inputs; ++i)
    if (given->input == info.tensors[i].name)
      input = &info.tensors[i];
  if (!input)
    return usageError("the object has no input '" + given->input + "'");
  if (given->dims.size() != size_t(input->rank))
    return usageError("input '" + given->input + "' has " + Twine(input->rank) +
                      " dimensions, but " + Twine(given->dims.size()) +
                      " are given");
  for (auto [axis, value] : llvm::enumerate(given->dims)) {
    int32_t symbol = input->dim_symbols ? input->dim_symbols[axis] : -1;
    if (!value)
      continue;
    if (symbol >= 0) {
      if (Error error = checkValue(info.dims[symbol], *value))
        return error;
      continue;
    }
    if (value->minimum != input->dims[axis] ||
        value->maximum != input->dims[axis])
      return usageError("dimension " + Twine(axis) + " of input '" +
                        given->input + "' is " + Twine(input->dims[axis]) +
                        " in the object and cannot be changed");
  }
  return Error::success();
}

Error ashlar::tool::checkObjectOptions(const Arguments &arguments,
                                       const ashlar_model_info &info) {
  for (StringRef name : {"cpu", "precision", "layer", "calibration", "kernels",
                         "verify-stages", "dump-ir"})
    if (arguments.has(name))
      return usageError("option '--" + name +
                        "' says how to compile, but an object is compiled "
                        "already");
  bool data = arguments.has("data") || arguments.has("input");
  for (StringRef name : {"dim", "shape"})
    if (data && arguments.has(name))
      return usageError("option '--" + name +
                        "' is for random inputs: given ones have their shapes, "
                        "which an object takes as they are");
  for (StringRef text : arguments.values("dim"))
    if (Error error = checkDim(text, info))
      return error;
  for (StringRef text : arguments.values("shape"))
    if (Error error = checkShape(text, info))
      return error;
  return Error::success();
}
