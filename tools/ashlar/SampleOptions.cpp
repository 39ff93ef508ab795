#include "tools/ashlar/SampleOptions.h"

#include "compiler/report/ModelDescription.h"
#include "runtime/ashlar_rt.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace ashlar;
using namespace ashlar::tool;
using data::ImageOptions;
using llvm::Error;
using llvm::StringRef;

std::vector<Option> ashlar::tool::sampleOptions() {
  return {
      {"data", "[NAME=]PATH",
       "samples: ONNX test folders or a folder of them, .npz, .npy, .pb, idx,\n"
       "raw files (.bin, .raw), images or folders of them, lists of paths\n"
       "(.txt), '-' for .npz or .npy files from a pipe; .gz and .zst too; "
       "with\n"
       "NAME for one input (repeatable: the samples follow each other)",
       true},
      {"samples", "N", "read at most N samples"},
      {"skip", "N", "leave out the first N samples"},
      {"batch", "N",
       "rows of an array that make a sample where the model leaves its first\n"
       "dimension open; default 1; 0: all of them"},
      {"raw-type", "TYPE",
       "type of the values in raw files (uint8, float32, ...); default: the\n"
       "input's"},
      {"raw-header", "BYTES", "bytes at the start of raw files to leave out"},
      {"raw-prefix", "BYTES",
       "bytes before each record of raw files to leave out (1 where CIFAR-10\n"
       "has its label)"},
      {"image-fit", "HOW",
       "how an image gets the model's size: stretch (default), crop (the\n"
       "middle), crop:N (the shorter side made N first), letterbox or\n"
       "letterbox:V (padded at the right and below with V, default 114)"},
      {"image-size", "HxW", "size of images where the model leaves it open"},
      {"image-mean", "M[,M,M]",
       "a pixel becomes (pixel - mean) / scale: one value or one a channel;\n"
       "holds for all 8-bit data of float inputs; default 0"},
      {"image-scale", "S[,S,S]", "see --image-mean; default 1"},
      {"image-layout", "L", "nchw or nhwc; default: as the model's shape says"},
      {"image-order", "O", "rgb (default) or bgr"}};
}

std::vector<Option> ashlar::tool::labelOptions() {
  return {{"labels", "FILE[:PART]",
           "the class of each sample: .npy, .npz:MEMBER, idx, .tsv:COLUMN,\n"
           ".csv:COLUMN, .txt, .bin:PLACE of a byte in each record"},
          {"label-names", "FILE",
           "names of the classes, for tables that have names: a JSON list or\n"
           "one a line"}};
}

static Error readCount(const Arguments &arguments, StringRef name,
                       uint64_t maximum, uint64_t &value) {
  auto text = arguments.value(name);
  if (!text)
    return Error::success();
  auto number = parseNumber(name, *text, maximum);
  if (!number)
    return number.takeError();
  value = *number;
  return Error::success();
}

static Error wrong(StringRef name, StringRef text, StringRef expected) {
  return usageError("option '--" + name + "' got '" + text + "', expected " +
                    expected);
}

static Error readList(const Arguments &arguments, StringRef name,
                      bool mayBeZero, std::vector<double> &values) {
  auto text = arguments.value(name);
  if (!text)
    return Error::success();
  llvm::SmallVector<StringRef> parts;
  text->split(parts, ',');
  for (StringRef part : parts) {
    double value;
    if (part.trim().getAsDouble(value) || !std::isfinite(value) ||
        (value == 0 && !mayBeZero))
      return wrong(name, *text, mayBeZero ? "numbers" : "numbers other than 0");
    values.push_back(value);
  }
  if (values.size() != 1 && values.size() != 3)
    return wrong(name, *text, "one number or three");
  return Error::success();
}

static Error readFit(const Arguments &arguments, ImageOptions &image) {
  auto text = arguments.value("image-fit");
  if (!text)
    return Error::success();
  auto [how, number] = text->split(':');
  uint64_t value = 0;
  bool bad = text->contains(':') && number.getAsInteger(10, value);
  if (how == "stretch") {
    bad |= text->contains(':');
  } else if (how == "crop") {
    image.fit = ImageOptions::Fit::Crop;
    bad |= value > 65536;
    image.shorterSide = int64_t(value);
  } else if (how == "letterbox") {
    image.fit = ImageOptions::Fit::Letterbox;
    bad |= value > 255;
    if (text->contains(':'))
      image.pad = uint8_t(value);
  } else {
    bad = true;
  }
  if (bad)
    return wrong("image-fit", *text,
                 "stretch, crop, crop:N, letterbox or letterbox:V");
  return Error::success();
}

static Error readImage(const Arguments &arguments, ImageOptions &image) {
  if (Error error = readFit(arguments, image))
    return error;
  if (auto text = arguments.value("image-size")) {
    auto [height, width] = text->split('x');
    int64_t h, w;
    if (height.getAsInteger(10, h) || width.getAsInteger(10, w) || h < 1 ||
        w < 1 || h > 65536 || w > 65536)
      return wrong("image-size", *text, "HEIGHTxWIDTH such as 224x224");
    image.size = {h, w};
  }
  if (Error error = readList(arguments, "image-mean", true, image.mean))
    return error;
  if (Error error = readList(arguments, "image-scale", false, image.scale))
    return error;
  if (auto text = arguments.value("image-layout")) {
    if (*text != "nchw" && *text != "nhwc")
      return wrong("image-layout", *text, "nchw or nhwc");
    image.layout = *text == "nchw" ? ImageOptions::Layout::Nchw
                                   : ImageOptions::Layout::Nhwc;
  }
  if (auto text = arguments.value("image-order")) {
    if (*text != "rgb" && *text != "bgr")
      return wrong("image-order", *text, "rgb or bgr");
    image.bgr = *text == "bgr";
  }
  return Error::success();
}

llvm::Expected<data::SampleOptions>
ashlar::tool::readSampleOptions(const Arguments &arguments) {
  data::SampleOptions options;
  for (StringRef path : arguments.values("data"))
    options.data.push_back(path.str());
  if (options.data.empty())
    return usageError("option '--data' is missing: it says where the samples "
                      "are");
  uint64_t batch = 1, count = UINT64_MAX;
  struct {
    StringRef name;
    uint64_t *value;
  } numbers[] = {{"samples", &count},
                 {"skip", &options.skip},
                 {"batch", &batch},
                 {"raw-header", &options.raw.header},
                 {"raw-prefix", &options.raw.prefix}};
  for (auto &number : numbers)
    if (Error error =
            readCount(arguments, number.name, INT64_MAX, *number.value))
      return std::move(error);
  if (arguments.has("samples")) {
    if (!count)
      return wrong("samples", "0", "a number from 1");
    options.count = count;
  }
  options.batch = int64_t(batch);
  if (auto text = arguments.value("raw-type")) {
    for (int32_t dtype = ASHLAR_FLOAT32; dtype <= ASHLAR_INT2; ++dtype)
      if (dtypeName(dtype) == *text && elementBytes(dtype))
        options.raw.dtype = dtype;
    if (!options.raw.dtype)
      return wrong("raw-type", *text, "a type such as uint8 or float32");
  }
  if (Error error = readImage(arguments, options.image))
    return std::move(error);
  return options;
}

llvm::Expected<std::unique_ptr<data::SampleStream>>
ashlar::tool::openSamples(const data::SampleOptions &options,
                          const ashlar_model_info &info) {
  return data::openSamples(
      options, data::inputSpecs(info), data::outputSpecs(info),
      [](StringRef text) { llvm::errs() << "  note: " << text << '\n'; });
}

llvm::Expected<std::optional<std::vector<int64_t>>>
ashlar::tool::readLabels(const Arguments &arguments,
                         const data::SampleOptions &options,
                         const ashlar_model_info &info) {
  auto path = arguments.value("labels");
  if (!path)
    return std::nullopt;
  data::LabelOptions labels;
  labels.path = path->str();
  labels.names = arguments.valueOr("label-names", "");
  labels.skip = options.skip;
  labels.count = options.count;
  labels.header = options.raw.header;
  // A record of raw data is that of the first input.
  data::InputSpec spec = data::inputSpecs(info).front();
  auto count = data::elementCount(
      llvm::ArrayRef(spec.shape).drop_front(!spec.shape.empty()));
  int32_t dtype = options.raw.dtype ? options.raw.dtype : spec.dtype;
  labels.recordBytes =
      options.raw.prefix + uint64_t(count.value_or(0)) * elementBytes(dtype);
  auto read = data::readLabels(labels);
  if (!read)
    return read.takeError();
  return std::optional(std::move(*read));
}
