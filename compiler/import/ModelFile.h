// A model file in memory. Large tensors stay in the mapped file: the parsed
// messages hold their place (mapped_offset, mapped_length) instead of a copy.
#ifndef ASHLAR_COMPILER_IMPORT_MODELFILE_H
#define ASHLAR_COMPILER_IMPORT_MODELFILE_H

#include "compiler/import/onnx.pb.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"
#include <memory>
#include <string>

namespace ashlar {

/// The messages of the file format; `ashlar::onnx` is the dialect.
namespace proto = ::onnx;

struct ModelFile {
  proto::ModelProto model;
  std::shared_ptr<llvm::MemoryBuffer> buffer;
  /// As given, for locations.
  std::string name;
  /// Where external data lies; empty: nowhere.
  std::string folder;
  /// If the model's name is a link to a file in another folder: that folder.
  std::string linkedFolder;
};

/// A copy whose messages may be changed; large tensors stay where they are.
std::unique_ptr<ModelFile> copyOf(const ModelFile &model);

/// Parses a model; `text` for protobuf's text format.
llvm::Expected<std::unique_ptr<ModelFile>>
parseModelFile(std::shared_ptr<llvm::MemoryBuffer> buffer, llvm::StringRef name,
               llvm::StringRef folder, bool text);

/// Whether a file's name says that it is in protobuf's text format.
bool isTextModel(llvm::StringRef path);

/// Opens a file for reading by mapping it; only regular files.
llvm::Expected<std::shared_ptr<llvm::MemoryBuffer>>
openMapped(llvm::StringRef path);

/// Reads the model at `path`; an error does not name the file.
llvm::Expected<std::unique_ptr<ModelFile>> readModelFile(llvm::StringRef path);

} // namespace ashlar

#endif // ASHLAR_COMPILER_IMPORT_MODELFILE_H
