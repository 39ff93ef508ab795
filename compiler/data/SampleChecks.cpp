// What a model is given: the right types and shapes, numbers all of them.
#include "compiler/data/Compare.h"
#include "compiler/data/InputStream.h"
#include "compiler/report/ModelDescription.h"
#include "runtime/ashlar_rt.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/StringSet.h"

#include <cmath>
#include <cstring>

using namespace ashlar;
using namespace ashlar::data;
using llvm::ArrayRef;
using llvm::Error;
using llvm::StringRef;
using llvm::Twine;

static bool isFloat(int32_t dtype) {
  switch (dtype) {
  case ASHLAR_FLOAT32:
  case ASHLAR_FLOAT64:
  case ASHLAR_FLOAT16:
  case ASHLAR_BFLOAT16:
    return true;
  default:
    return false;
  }
}

static bool isInteger(int32_t dtype) {
  StringRef name = dtypeName(dtype);
  return name.starts_with("int") || name.starts_with("uint") || name == "bool";
}

template <typename T> static void store(std::vector<uint8_t> &to, T value) {
  size_t at = to.size();
  to.resize(at + sizeof value);
  memcpy(to.data() + at, &value, sizeof value);
}

static uint16_t toSmallFloat(double value, const llvm::fltSemantics &kind) {
  llvm::APFloat number(value);
  bool loses;
  number.convert(kind, llvm::APFloat::rmNearestTiesToEven, &loses);
  return uint16_t(number.bitcastToAPInt().getZExtValue());
}

// Appends `value` as `dtype`; false where that is another number (floats may
// be rounded, but stay finite).
static bool storeAs(std::vector<uint8_t> &to, double value, int32_t dtype) {
  auto integer = [&](auto type) {
    using T = decltype(type);
    // The bounds of T are exact in a double, or rounded up.
    if (!(value >= double(std::numeric_limits<T>::min()) &&
          value <= double(std::numeric_limits<T>::max())) ||
        value != std::floor(value) ||
        (sizeof(T) == 8 && std::abs(value) > 0x1p53))
      return false;
    store(to, T(value));
    return true;
  };
  switch (dtype) {
  case ASHLAR_FLOAT32:
    store(to, float(value));
    return std::isfinite(float(value)) || !std::isfinite(value);
  case ASHLAR_FLOAT64:
    store(to, value);
    return true;
  case ASHLAR_FLOAT16:
    store(to, toSmallFloat(value, llvm::APFloat::IEEEhalf()));
    return std::abs(value) < 65520 || !std::isfinite(value);
  case ASHLAR_BFLOAT16:
    store(to, toSmallFloat(value, llvm::APFloat::BFloat()));
    return true;
  case ASHLAR_UINT8:
    return integer(uint8_t());
  case ASHLAR_INT8:
    return integer(int8_t());
  case ASHLAR_UINT16:
    return integer(uint16_t());
  case ASHLAR_INT16:
    return integer(int16_t());
  case ASHLAR_INT32:
    return integer(int32_t());
  case ASHLAR_UINT32:
    return integer(uint32_t());
  case ASHLAR_INT64:
    return integer(int64_t());
  case ASHLAR_UINT64:
    return integer(uint64_t());
  case ASHLAR_BOOL:
    to.push_back(uint8_t(value));
    return value == 0 || value == 1;
  default:
    return false;
  }
}

static std::string numberText(double value) {
  char text[32];
  snprintf(text, sizeof text, "%g", value);
  return text;
}

// "NaN at [0,3]", or nothing.
static std::string notFinite(const Tensor &tensor) {
  if (!isFloat(tensor.dtype))
    return "";
  int64_t count = tensor.elements();
  for (int64_t i = 0; i != count; ++i) {
    double value = tensor.value(i).real();
    if (!std::isfinite(value))
      return (std::isnan(value) ? "NaN" : "infinity") + std::string(" at ") +
             indexText(i, tensor.shape);
  }
  return "";
}

namespace {
class CheckedStream : public SampleStream {
public:
  CheckedStream(std::unique_ptr<SampleStream> inner, ArrayRef<InputSpec> specs,
                const SampleOptions &options,
                std::function<void(StringRef)> note)
      : inner(std::move(inner)), specs(specs), options(options),
        note(std::move(note)) {}

  llvm::Expected<std::optional<Sample>> next() override {
    if (options.count && given == *options.count)
      return std::nullopt;
    for (; seen < options.skip; ++seen) {
      auto skipped = inner->next();
      if (!skipped)
        return skipped.takeError();
      if (!*skipped)
        return nothing();
    }
    auto sample = inner->next();
    if (!sample)
      return sample.takeError();
    if (!*sample)
      return given ? llvm::Expected<std::optional<Sample>>(std::nullopt)
                   : nothing();
    ++seen;
    ++given;
    if (Error error = check(**sample))
      return std::move(error);
    return sample;
  }

  std::optional<uint64_t> size() const override {
    auto all = inner->size();
    if (!all)
      return std::nullopt;
    uint64_t rest = *all > options.skip ? *all - options.skip : 0;
    return options.count ? std::min(rest, *options.count) : rest;
  }

private:
  llvm::Expected<std::optional<Sample>> nothing() {
    return makeError(seen ? "the data holds " + Twine(seen) +
                                " samples, none is left after the first " +
                                Twine(options.skip)
                          : Twine("the data holds no samples"));
  }

  // All inputs are looked at, so that all problems of a sample are told.
  Error check(Sample &sample) {
    Error problems = Error::success();
    auto problem = [&](size_t i, const Twine &text) {
      problems = llvm::joinErrors(std::move(problems),
                                  makeError(sample.name + ": error: input '" +
                                            specs[i].name + "' " + text));
    };
    for (size_t i = 0; i != specs.size(); ++i) {
      Tensor &tensor = sample.inputs[i];
      tensor.name = specs[i].name;
      if (!fits(tensor.shape, specs[i].shape)) {
        problem(i, "has shape " + shapeText(tensor.shape) + ", expected " +
                       shapeText(specs[i].shape));
        continue;
      }
      std::string odd = notFinite(tensor);
      if (odd.empty())
        odd = convert(tensor, specs[i]);
      else
        odd = "holds " + odd;
      if (!odd.empty())
        problem(i, odd);
    }
    return problems;
  }

  static bool fits(ArrayRef<int64_t> shape, ArrayRef<int64_t> wanted) {
    if (shape.size() != wanted.size())
      return false;
    for (size_t axis = 0; axis != shape.size(); ++axis)
      if (wanted[axis] >= 0 && shape[axis] != wanted[axis])
        return false;
    return true;
  }

  // The text of what is wrong.
  std::string convert(Tensor &tensor, const InputSpec &spec) {
    bool pixels = !options.image.mean.empty() || !options.image.scale.empty();
    if (pixels && tensor.dtype == ASHLAR_UINT8 && isFloat(spec.dtype))
      return normalise(tensor, spec);
    // Whoever gives them expects them to be applied.
    if (pixels)
      tell(spec, "--image-mean and --image-scale are not applied: they are for "
                 "uint8 values of float inputs, this is " +
                     dtypeName(tensor.dtype) + " for " + dtypeName(spec.dtype));
    if (tensor.dtype == spec.dtype)
      return "";
    std::string what =
        (dtypeName(tensor.dtype) + " to " + dtypeName(spec.dtype)).str();
    bool from = isFloat(tensor.dtype), to = isFloat(spec.dtype);
    if ((!from && !isInteger(tensor.dtype)) ||
        (!to && !isInteger(spec.dtype)) || (from && !to))
      return (Twine("is ") + dtypeName(tensor.dtype) + ", expected " +
              dtypeName(spec.dtype))
          .str();
    std::vector<uint8_t> bytes;
    int64_t count = tensor.elements();
    bytes.reserve(size_t(count) * elementBytes(spec.dtype));
    for (int64_t i = 0; i != count; ++i) {
      double value = tensor.value(i).real();
      if (!storeAs(bytes, value, spec.dtype))
        return (Twine("cannot be converted from ") + what + ": value " +
                numberText(value) + " at " + indexText(i, tensor.shape))
            .str();
    }
    tell(spec,
         "values are converted from " + what +
             (from && elementBytes(tensor.dtype) > elementBytes(spec.dtype)
                  ? ", rounded"
                  : ""));
    tensor.bytes = std::move(bytes);
    tensor.dtype = spec.dtype;
    return "";
  }

  std::string normalise(Tensor &tensor, const InputSpec &spec) {
    const ImageOptions &image = options.image;
    auto axes = imageAxes(spec.shape, image.layout);
    if (!axes)
      return "cannot be an image: " + llvm::toString(axes.takeError());
    int64_t channels = tensor.shape[axes->channels];
    int64_t inner = axes->channels < axes->height
                        ? tensor.shape[axes->height] * tensor.shape[axes->width]
                        : 1;
    for (auto *list : {&image.mean, &image.scale})
      if (list->size() > 1 && int64_t(list->size()) != channels)
        return (Twine("has ") + Twine(channels) + " channels, but " +
                Twine(list->size()) +
                (list == &image.mean ? " means" : " scales") + " are given")
            .str();
    auto of = [](const std::vector<double> &list, int64_t c, double otherwise) {
      return list.empty() ? otherwise : list[list.size() == 1 ? 0 : size_t(c)];
    };
    std::vector<uint8_t> bytes;
    for (size_t i = 0; i != tensor.bytes.size(); ++i) {
      int64_t c = int64_t(i) / inner % channels;
      double value =
          (tensor.bytes[i] - of(image.mean, c, 0)) / of(image.scale, c, 1);
      if (!storeAs(bytes, value, spec.dtype))
        return "overflows after --image-mean and --image-scale";
    }
    tensor.bytes = std::move(bytes);
    tensor.dtype = spec.dtype;
    return "";
  }

  void tell(const InputSpec &spec, const Twine &text) {
    std::string line = ("input '" + spec.name + "': " + text).str();
    if (told.insert(line).second)
      note(line);
  }

  std::unique_ptr<SampleStream> inner;
  std::vector<InputSpec> specs;
  SampleOptions options;
  std::function<void(StringRef)> note;
  llvm::StringSet<> told;
  uint64_t seen = 0, given = 0;
};
} // namespace

std::unique_ptr<SampleStream>
data::checkSamples(std::unique_ptr<SampleStream> inner,
                   ArrayRef<InputSpec> inputs, const SampleOptions &options,
                   std::function<void(StringRef)> note) {
  return std::make_unique<CheckedStream>(std::move(inner), inputs, options,
                                         std::move(note));
}
