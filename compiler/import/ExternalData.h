// Tensors that lie in files beside the model.
#ifndef ASHLAR_COMPILER_IMPORT_EXTERNALDATA_H
#define ASHLAR_COMPILER_IMPORT_EXTERNALDATA_H

#include "compiler/import/ModelFile.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringMap.h"

namespace ashlar {

/// Maps external data files once each and hands out checked ranges of them.
/// Files lie in the model's folder or below it; nothing leads out of it, but
/// that where the model is a link, data may be links to files beside what it
/// leads to: so caches of downloads keep them.
class ExternalData {
public:
  explicit ExternalData(const ModelFile &model)
      : folder(model.folder), linkedFolder(model.linkedFolder) {}

  struct Range {
    llvm::ArrayRef<char> bytes;
    std::shared_ptr<llvm::MemoryBuffer> owner;
  };

  /// The bytes of a tensor that should have `expectedBytes`.
  llvm::Expected<Range> find(const proto::TensorProto &tensor,
                             uint64_t expectedBytes);

private:
  llvm::Expected<std::shared_ptr<llvm::MemoryBuffer>>
  open(llvm::StringRef location);

  std::string folder, linkedFolder;
  llvm::StringMap<std::shared_ptr<llvm::MemoryBuffer>> files;
};

} // namespace ashlar

#endif // ASHLAR_COMPILER_IMPORT_EXTERNALDATA_H
