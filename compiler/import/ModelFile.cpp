#include "compiler/import/ModelFile.h"
#include "compiler/import/WireSkeleton.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/text_format.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace llvm;
namespace pb = google::protobuf;

namespace ashlar {
namespace {

// Keeps the first problem of the text parser, with its place.
class FirstProblem : public pb::io::ErrorCollector {
public:
  void AddError(int line, pb::io::ColumnNumber column,
                const std::string &message) override {
    if (!text.empty())
      return;
    // Protobuf's sentences begin with a capital and end with a full stop.
    std::string sentence = message;
    if (!sentence.empty() && sentence.back() == '.')
      sentence.pop_back();
    text = ("line " + Twine(line + 1) + ", column " + Twine(column + 1) + ": " +
            sentence)
               .str();
  }
  std::string text;
};

Error parseText(StringRef bytes, proto::ModelProto &model) {
  FirstProblem problem;
  pb::TextFormat::Parser parser;
  parser.RecordErrorsTo(&problem);
  parser.SetRecursionLimit(100);
  pb::io::ArrayInputStream stream(bytes.data(), int(bytes.size()));
  if (parser.Parse(&stream, &model))
    return Error::success();
  return createStringError(
      "not a model in protobuf's text format: " +
      (problem.text.empty() ? "unreadable" : problem.text));
}

Error parseBinary(StringRef bytes, proto::ModelProto &model) {
  Expected<std::string> skeleton = makeWireSkeleton(bytes);
  if (!skeleton)
    return skeleton.takeError();
  if (skeleton->size() > size_t(INT_MAX))
    return createStringError(
        "the model's graph, without its tensors, is larger than 2 GiB");
  pb::io::CodedInputStream stream(
      reinterpret_cast<const uint8_t *>(skeleton->data()),
      int(skeleton->size()));
  stream.SetTotalBytesLimit(INT_MAX);
  if (!model.ParsePartialFromCodedStream(&stream) ||
      !stream.ConsumedEntireMessage())
    return createStringError(
        "not a well-formed ONNX file: a field has the wrong form");
  return Error::success();
}

// Where the file itself lies, if `path` is a link in `folder` to another one.
std::string linkedFolderOf(StringRef path, StringRef folder) {
  StringRef own = sys::path::parent_path(path);
  if ((own.empty() ? "." : own) != folder || !sys::fs::is_symlink_file(path))
    return {};
  SmallString<128> real;
  if (sys::fs::real_path(path, real))
    return {};
  return sys::path::parent_path(real).str();
}

} // namespace

std::unique_ptr<ModelFile> copyOf(const ModelFile &model) {
  auto copy = std::make_unique<ModelFile>();
  copy->model = model.model;
  copy->buffer = model.buffer;
  copy->name = model.name;
  copy->folder = model.folder;
  copy->linkedFolder = model.linkedFolder;
  return copy;
}

Expected<std::unique_ptr<ModelFile>>
parseModelFile(std::shared_ptr<MemoryBuffer> buffer, StringRef name,
               StringRef folder, bool text) {
  auto file = std::make_unique<ModelFile>();
  file->buffer = std::move(buffer);
  file->name = name.str();
  file->folder = folder.str();
  file->linkedFolder = linkedFolderOf(name, folder);
  StringRef bytes = file->buffer->getBuffer();
  if (bytes.empty())
    return createStringError("the file is empty");
  if (text && bytes.size() > size_t(INT_MAX))
    return createStringError("a model in text format may have 2 GiB at most");
  if (Error error = text ? parseText(bytes, file->model)
                         : parseBinary(bytes, file->model))
    return std::move(error);
  return std::move(file);
}

bool isTextModel(StringRef path) {
  StringRef extension = sys::path::extension(path);
  return extension == ".textproto" || extension == ".pbtxt" ||
         extension == ".prototxt";
}

Expected<std::shared_ptr<MemoryBuffer>> openMapped(StringRef path) {
  sys::fs::file_status status;
  if (std::error_code error = sys::fs::status(path, status))
    return createStringError(error,
                             "cannot open '" + path + "': " + error.message());
  if (status.type() != sys::fs::file_type::regular_file)
    return createStringError("cannot open '" + path + "': not a regular file");
  auto buffer = MemoryBuffer::getFile(path, /*IsText=*/false,
                                      /*RequiresNullTerminator=*/false);
  if (!buffer)
    return createStringError(buffer.getError(),
                             "cannot open '" + path +
                                 "': " + buffer.getError().message());
  return std::shared_ptr<MemoryBuffer>(std::move(*buffer));
}

Expected<std::unique_ptr<ModelFile>> readModelFile(StringRef path) {
  Expected<std::shared_ptr<MemoryBuffer>> buffer = openMapped(path);
  if (!buffer)
    return buffer.takeError();
  StringRef folder = sys::path::parent_path(path);
  return parseModelFile(*buffer, path, folder.empty() ? "." : folder,
                        isTextModel(path));
}

} // namespace ashlar
