// Any bytes as every kind of sample or label file: samples that fit the model,
// or a message; never a crash.
#include "compiler/data/DataFiles.h"
#include "compiler/data/InputStream.h"
#include "compiler/data/Labels.h"
#include "compiler/data/TensorProtoFile.h"
#include "compiler/report/ModelDescription.h"
#include "runtime/ashlar_rt.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <cstdlib>
#include <sys/mman.h>
#include <unistd.h>

using namespace ashlar;
using namespace ashlar::data;

// More samples of one file show nothing new.
constexpr unsigned mostSamples = 64;

namespace {
/// The bytes under a name of each kind, without writing them to a disk.
class Names {
public:
  Names() : descriptor(memfd_create("sample", 0)) {
    llvm::SmallString<128> made;
    if (descriptor < 0 ||
        llvm::sys::fs::createUniqueDirectory("ashlar-fuzz", made))
      abort();
    root = made.str().str();
    std::string target = "/proc/self/fd/" + std::to_string(descriptor);
    for (const char *name : {"x.npy", "x.npz", "x.idx", "x.pb", "x.raw",
                             "x.jpg", "x.csv", "x.bin", "x.json"})
      if (symlink(target.c_str(), path(name).c_str()))
        abort();
    llvm::sys::fs::create_directories(path("folder"));
    if (symlink(target.c_str(), path("folder/input_0.pb").c_str()))
      abort();
  }
  ~Names() { llvm::sys::fs::remove_directories(root); }

  void fill(const uint8_t *data, size_t size) {
    if (ftruncate(descriptor, 0) ||
        pwrite(descriptor, data, size, 0) != ssize_t(size))
      abort();
  }
  std::string path(const std::string &name) const { return root + "/" + name; }

private:
  int descriptor;
  std::string root;
};
} // namespace

static void require(bool holds) {
  if (!holds)
    abort();
}

static void requireWhole(const Tensor &tensor) {
  auto count = elementCount(tensor.shape);
  require(count.has_value());
  if (tensor.dtype == ASHLAR_STRING)
    return require(tensor.strings.size() == size_t(*count));
  require(tensor.bytes.size() == size_t(*count) * elementBytes(tensor.dtype));
}

static void requireFit(const Sample &sample, llvm::ArrayRef<InputSpec> specs) {
  require(sample.inputs.size() == specs.size());
  for (size_t i = 0; i != specs.size(); ++i) {
    const Tensor &tensor = sample.inputs[i];
    requireWhole(tensor);
    require(tensor.dtype == specs[i].dtype &&
            tensor.shape.size() == specs[i].shape.size());
    for (size_t axis = 0; axis != tensor.shape.size(); ++axis)
      require(specs[i].shape[axis] < 0 ||
              specs[i].shape[axis] == tensor.shape[axis]);
  }
}

static void readSamples(llvm::Expected<std::unique_ptr<SampleStream>> stream,
                        llvm::ArrayRef<InputSpec> specs) {
  if (!stream)
    return llvm::consumeError(stream.takeError());
  (*stream)->size();
  for (unsigned k = 0; k != mostSamples; ++k) {
    auto sample = (*stream)->next();
    if (!sample)
      return llvm::consumeError(sample.takeError());
    if (!*sample)
      return;
    requireFit(**sample, specs);
  }
}

// What is read, written and read again is the same.
static void readAgain(llvm::StringRef bytes) {
  if (auto tensor = readNpy(bytes)) {
    requireWhole(*tensor);
    auto again = readNpy(writeNpy(*tensor));
    require(bool(again) && again->shape == tensor->shape &&
            again->bytes == tensor->bytes);
  } else {
    llvm::consumeError(tensor.takeError());
  }
  if (auto tensor = readTensorProto(bytes)) {
    requireWhole(*tensor);
    auto again = readTensorProto(writeTensorProto(*tensor));
    require(bool(again) && again->shape == tensor->shape &&
            again->bytes == tensor->bytes && again->strings == tensor->strings);
  } else {
    llvm::consumeError(tensor.takeError());
  }
}

static void readLabelFiles(const Names &names) {
  for (const char *name : {"x.npy", "x.npz", "x.idx", "x.csv", "x.bin"}) {
    LabelOptions options;
    options.path = names.path(name);
    options.names = names.path("x.json");
    options.recordBytes = 5;
    options.header = 3;
    auto labels = readLabels(options);
    if (!labels)
      llvm::consumeError(labels.takeError());
  }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static Names names;
  const std::vector<std::vector<InputSpec>> models = {
      {{"x", ASHLAR_FLOAT32, {1, 3, 4, 4}}},
      {{"x", ASHLAR_FLOAT32, {-1, 2}}},
      {{"x", ASHLAR_INT64, {2, 3}}},
      {{"x", ASHLAR_FLOAT16, {}}},
      {{"x", ASHLAR_UINT8, {1, -1, -1, 1}}},
      {{"x", ASHLAR_FLOAT32, {2}}, {"y", ASHLAR_INT32, {-1, 2}}}};
  const std::vector<InputSpec> &specs = models[size % models.size()];
  llvm::StringRef bytes(reinterpret_cast<const char *>(data), size);
  names.fill(data, size);
  readAgain(bytes);
  readLabelFiles(names);
  SampleOptions options;
  options.batch = int64_t(size % 3);
  auto note = [](llvm::StringRef) {};
  for (const char *name :
       {"x.npy", "x.npz", "x.idx", "x.pb", "x.raw", "x.jpg", "folder"}) {
    options.data = {names.path(name)};
    readSamples(openSamples(options, specs, {}, note), specs);
  }
  auto piped = streamPipe(bytesOwned(bytes.str()), specs, options, note);
  if (piped)
    piped = checkSamples(std::move(*piped), specs, options, note);
  readSamples(std::move(piped), specs);
  return 0;
}
