#include "compiler/data/InputStream.h"
#include "compiler/report/ModelDescription.h"
#include "runtime/ashlar_rt.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>

using namespace ashlar;
using namespace ashlar::data;
using llvm::ArrayRef;
using llvm::Error;
using llvm::StringRef;
using llvm::Twine;

static Error errorIn(const Twine &where, Error error) {
  return makeError(where + ": error: " + llvm::toString(std::move(error)));
}

namespace {
class ArrayInput : public InputStream {
public:
  ArrayInput(std::unique_ptr<ArraySource> source, Slicing cut)
      : array(std::move(source)), slicing(std::move(cut)) {
    name = array->name;
  }

  llvm::Expected<std::optional<Tensor>> next() override {
    if (done)
      return std::nullopt;
    int64_t rows = slicing.rows ? slicing.rows : INT64_MAX;
    auto values = array->read(rows);
    if (!values)
      return errorIn(name + ": row " + Twine(at), values.takeError());
    int64_t rowBytes =
        array->rowElements() * int64_t(elementBytes(array->dtype));
    int64_t got = rowBytes ? int64_t(values->size()) / rowBytes : 0;
    at += got;
    bool open = !slicing.shape.empty() && slicing.shape.front() < 0;
    done = !slicing.rows || !got;
    if (!got)
      return std::nullopt;
    if (slicing.rows && got < slicing.rows && !open) {
      leftOver = got;
      done = true;
      return std::nullopt;
    }
    Tensor tensor;
    tensor.dtype = array->dtype;
    tensor.shape = slicing.shape;
    if (open)
      tensor.shape.front() = got;
    tensor.bytes = std::move(*values);
    return tensor;
  }

  std::optional<uint64_t> size() const override {
    if (!slicing.rows || array->shape.empty())
      return 1;
    int64_t rows = array->shape.front();
    if (rows < 0)
      return std::nullopt;
    bool open = !slicing.shape.empty() && slicing.shape.front() < 0;
    return uint64_t(rows + (open ? slicing.rows - 1 : 0)) /
           uint64_t(slicing.rows);
  }
  int64_t rowsLeftOver() const override { return leftOver; }

private:
  std::unique_ptr<ArraySource> array;
  Slicing slicing;
  int64_t at = 0, leftOver = 0;
  bool done = false;
};

/// How far a folder with a broken image is searched for others, which takes
/// time, and how many of them are told.
constexpr size_t kImagesLookedAt = 1000, kProblemsTold = 20;

class ImageInput : public InputStream {
public:
  ImageInput(std::vector<std::string> files, const InputSpec &spec,
             ImageAxes axes, const ImageOptions &options)
      : paths(std::move(files)), rank(spec.shape.size()), axes(axes),
        options(options) {
    name = paths.front();
    channels = spec.shape[axes.channels] == 1 ? 1 : 3;
    height = spec.shape[axes.height];
    width = spec.shape[axes.width];
    if (options.size)
      std::tie(height, width) = *options.size;
  }

  llvm::Expected<std::optional<Tensor>> next() override {
    if (at == paths.size())
      return std::nullopt;
    name = paths[at++];
    auto image = read(name);
    if (!image)
      return llvm::joinErrors(image.takeError(), otherProblems());
    Image fitted = fitImage(*image, height < 0 ? image->height : height,
                            width < 0 ? image->width : width, options);
    return imageTensor(fitted, rank, axes, options.bgr);
  }
  std::optional<uint64_t> size() const override { return paths.size(); }

private:
  llvm::Expected<Image> read(const std::string &path) const {
    auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
    if (!file)
      return makeError(
          path + ": error: cannot read the file: " + file.getError().message());
    auto image = decodeImage((*file)->getBuffer(), channels);
    if (!image)
      return errorIn(path, image.takeError());
    return image;
  }

  // Of the images behind a broken one: they are mended together.
  Error otherProblems() const {
    Error problems = Error::success();
    size_t found = 0;
    for (size_t i = at, end = std::min(paths.size(), at + kImagesLookedAt);
         i != end && found != kProblemsTold; ++i)
      if (auto image = read(paths[i]); !image) {
        problems = llvm::joinErrors(std::move(problems), image.takeError());
        ++found;
      }
    return problems;
  }

  std::vector<std::string> paths;
  size_t rank, at = 0;
  ImageAxes axes;
  ImageOptions options;
  int64_t channels, height, width;
};

class ZippedStream : public SampleStream {
public:
  ZippedStream(std::vector<std::unique_ptr<InputStream>> streams,
               std::function<void(StringRef)> note)
      : inputs(std::move(streams)), repeated(inputs.size()),
        note(std::move(note)) {
    for (auto &input : inputs)
      longest = std::max(longest, input->size().value_or(UINT64_MAX));
  }

  llvm::Expected<std::optional<Sample>> next() override {
    Sample sample;
    sample.name = inputs.empty() ? "" : inputs.front()->name;
    std::vector<size_t> more, none;
    for (size_t i = 0; i != inputs.size(); ++i) {
      if (repeated[i]) {
        sample.inputs.push_back(*repeated[i]);
        continue;
      }
      auto tensor = inputs[i]->next();
      if (!tensor)
        return tensor.takeError();
      (*tensor ? more : none).push_back(i);
      if (!*tensor)
        continue;
      if (longest > 1 && inputs[i]->size() == 1)
        repeated[i] = **tensor;
      sample.inputs.push_back(std::move(**tensor));
    }
    if (!more.empty() && !none.empty())
      return makeError(inputs[none.front()]->name +
                       ": error: data ends after " + Twine(index) +
                       " samples, but " + inputs[more.front()]->name +
                       " holds more");
    if (more.empty()) {
      tellRest();
      return std::nullopt;
    }
    if (inputs.size() == 1)
      sample.name = inputs.front()->name;
    if (longest != 1 && size() != 1)
      sample.name += " (sample " + std::to_string(index) + ")";
    ++index;
    return sample;
  }

  std::optional<uint64_t> size() const override {
    return longest == UINT64_MAX ? std::nullopt
                                 : std::optional<uint64_t>(longest);
  }

private:
  void tellRest() {
    for (auto &input : inputs)
      if (int64_t rows = input->rowsLeftOver())
        note((input->name + ": the last " + Twine(rows) +
              " rows make no whole batch and are left out")
                 .str());
  }

  std::vector<std::unique_ptr<InputStream>> inputs;
  std::vector<std::optional<Tensor>> repeated;
  std::function<void(StringRef)> note;
  uint64_t longest = 0, index = 0;
};
} // namespace

llvm::Expected<std::unique_ptr<InputStream>>
data::streamArray(std::unique_ptr<ArraySource> array, const InputSpec &spec,
                  int64_t batch) {
  if (!array->shape.empty() && (!array->shape.front() || !array->rowElements()))
    return makeError(array->name + ": error: array of shape " +
                     shapeText(array->shape) + " is empty");
  auto slicing = sliceArray(*array, spec, batch);
  if (!slicing)
    return errorIn(array->name, slicing.takeError());
  return std::make_unique<ArrayInput>(std::move(array), std::move(*slicing));
}

llvm::Expected<std::unique_ptr<InputStream>>
data::streamImages(std::vector<std::string> paths, const InputSpec &spec,
                   const ImageOptions &options) {
  auto axes = imageAxes(spec.shape, options.layout);
  if (!axes)
    return errorIn(paths.front(),
                   makeError("input '" + spec.name + "' cannot be an image: " +
                             llvm::toString(axes.takeError())));
  if (spec.shape.size() == 4 && spec.shape[0] > 1)
    return makeError(paths.front() +
                     ": error: images are taken one by one, "
                     "but the batch of '" +
                     spec.name + "' is " + Twine(spec.shape[0]));
  return std::make_unique<ImageInput>(std::move(paths), spec, *axes, options);
}

llvm::Expected<std::unique_ptr<SampleStream>>
data::zipInputs(std::vector<std::unique_ptr<InputStream>> inputs,
                ArrayRef<InputSpec> specs,
                std::function<void(StringRef)> note) {
  std::optional<uint64_t> many;
  bool ragged = false;
  std::string counts;
  for (auto [input, spec] : llvm::zip(inputs, specs)) {
    auto size = input->size();
    if (!size || *size == 1)
      continue;
    ragged |= many && *many != *size;
    many = size;
    counts += (counts.empty() ? "'" : ", '") + spec.name + "' " +
              std::to_string(*size);
  }
  if (ragged)
    return makeError(
        inputs.front()->name +
        ": error: inputs have different numbers of samples: " + counts);
  return std::make_unique<ZippedStream>(std::move(inputs), std::move(note));
}

std::vector<int> data::matchMembers(ArrayRef<std::string> arrays,
                                    ArrayRef<InputSpec> specs,
                                    std::vector<std::string> &unused,
                                    Error &problems) {
  std::vector<int> found(specs.size(), -1);
  std::vector<bool> used(arrays.size(), false);
  for (size_t i = 0; i != specs.size(); ++i)
    for (size_t m = 0; m != arrays.size(); ++m)
      if (arrays[m] == specs[i].name) {
        found[i] = int(m);
        used[m] = true;
      }
  if (arrays.size() == 1 && specs.size() == 1) {
    found[0] = 0;
    used[0] = true;
  }
  for (size_t m = 0; m != arrays.size(); ++m)
    if (!used[m])
      unused.push_back(arrays[m]);
  std::string holds;
  for (const std::string &array : arrays)
    holds += (holds.empty() ? "'" : ", '") + array + "'";
  for (size_t i = 0; i != specs.size(); ++i)
    if (found[i] < 0)
      problems = llvm::joinErrors(
          std::move(problems), makeError("no values for input '" +
                                         specs[i].name + "': the file holds " +
                                         (holds.empty() ? "nothing" : holds)));
  return found;
}
