#include "compiler/data/DataFiles.h"
#include "compiler/data/Npy.h"
#include "compiler/data/TensorProtoFile.h"
#include "compiler/report/ModelDescription.h"

#include "llvm/ADT/Twine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace ashlar;
using namespace ashlar::data;
using llvm::Error;
using llvm::StringRef;
using llvm::Twine;

static llvm::Expected<Tensor> readRaw(StringRef file, const RawLayout &raw) {
  if (!raw.dtype)
    return makeError("raw data can only be given to a named input");
  auto count = elementCount(raw.shape);
  if (!count)
    return makeError("raw data needs a static shape, the input's is " +
                     shapeText(raw.shape) + ": fix it with --shape");
  uint64_t bytes = 0;
  if (__builtin_mul_overflow(uint64_t(*count), elementBytes(raw.dtype),
                             &bytes) ||
      bytes != file.size())
    return makeError("file holds " + Twine(file.size()) + " bytes, expected " +
                     Twine(bytes) + " for " + dtypeName(raw.dtype) + " " +
                     shapeText(raw.shape));
  Tensor tensor;
  tensor.dtype = raw.dtype;
  tensor.shape = raw.shape;
  tensor.bytes.assign(file.begin(), file.end());
  return tensor;
}

static llvm::Expected<std::vector<Tensor>>
readContent(StringRef extension, StringRef file, const RawLayout &raw) {
  if (extension == ".npz")
    return readNpz(file);
  llvm::Expected<Tensor> tensor = [&]() -> llvm::Expected<Tensor> {
    if (extension == ".npy")
      return readNpy(file);
    if (extension == ".pb")
      return readTensorProto(file);
    if (extension == ".bin" || extension == ".raw")
      return readRaw(file, raw);
    return makeError("unknown kind of data file, expected .pb, .npy, .npz, "
                     ".bin or .raw");
  }();
  if (!tensor)
    return tensor.takeError();
  std::vector<Tensor> tensors;
  tensors.push_back(std::move(*tensor));
  return tensors;
}

llvm::Expected<std::vector<Tensor>> data::readDataFile(StringRef path,
                                                       const RawLayout &raw) {
  auto fail = [&](const Twine &text) {
    return makeError(path + ": error: " + text);
  };
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                          /*RequiresNullTerminator=*/false);
  if (!file)
    return fail("cannot read the file: " + file.getError().message());
  auto tensors =
      readContent(llvm::sys::path::extension(path), (*file)->getBuffer(), raw);
  if (!tensors)
    return fail(llvm::toString(tensors.takeError()));
  return tensors;
}

// Reads KIND_0, KIND_1 ... until there is no more.
static Error readNumbered(StringRef folder, StringRef kind,
                          std::vector<Tensor> &tensors) {
  for (unsigned number = 0;; ++number) {
    std::string found;
    for (StringRef extension : {".pb", ".npy", ".npz"}) {
      llvm::SmallString<256> path(folder);
      llvm::sys::path::append(path, kind + "_" + Twine(number) + extension);
      if (llvm::sys::fs::exists(path)) {
        found = path.str().str();
        break;
      }
    }
    if (found.empty())
      return Error::success();
    auto read = readDataFile(found);
    if (!read)
      return read.takeError();
    if (read->size() != 1)
      return makeError(found + ": error: file holds " + Twine(read->size()) +
                       " tensors, expected 1");
    tensors.push_back(std::move(read->front()));
  }
}

llvm::Expected<TestData> data::readTestFolder(StringRef folder) {
  if (!llvm::sys::fs::is_directory(folder))
    return makeError(folder + ": error: not a folder");
  TestData result;
  if (Error error = readNumbered(folder, "input", result.inputs))
    return std::move(error);
  if (Error error = readNumbered(folder, "output", result.outputs))
    return std::move(error);
  if (result.inputs.empty() && result.outputs.empty())
    return makeError(folder + ": error: folder holds no input_0.pb and no "
                              "output_0.pb");
  return result;
}
