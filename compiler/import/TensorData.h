// Tensors of a model file as attributes.
#ifndef ASHLAR_COMPILER_IMPORT_TENSORDATA_H
#define ASHLAR_COMPILER_IMPORT_TENSORDATA_H

#include "compiler/import/ExternalData.h"
#include "compiler/import/ModelFile.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/DenseMap.h"

namespace ashlar {

/// Reads tensors. Below `smallTensor` elements they become DenseElementsAttr;
/// from there on resources, whose bytes stay in the mapped file or are moved,
/// one element a byte for types narrower than that. Equal bytes are held once.
class TensorReader {
public:
  static constexpr int64_t smallTensor = 64;

  TensorReader(mlir::MLIRContext *context, const ModelFile &file)
      : context(context), file(file), external(file) {}

  /// Null when something is wrong with the tensor; that has been reported.
  mlir::ElementsAttr read(const proto::TensorProto &tensor, mlir::Location loc,
                          llvm::StringRef name);
  mlir::ElementsAttr read(const proto::SparseTensorProto &tensor,
                          mlir::Location loc, llvm::StringRef name);

  /// An attribute from elements in memory (little endian, one element a byte
  /// at least).
  mlir::ElementsAttr make(mlir::RankedTensorType type, std::vector<char> bytes,
                          llvm::StringRef name);

private:
  struct Bytes {
    llvm::ArrayRef<char> view;
    std::shared_ptr<void> owner;
  };
  struct Held {
    llvm::ArrayRef<char> bytes;
    mlir::DenseResourceElementsHandle handle;
  };

  /// Bytes of a file, whose memory is given back with them.
  static Bytes pieceOf(std::shared_ptr<llvm::MemoryBuffer> file,
                       llvm::ArrayRef<char> view);
  mlir::FailureOr<Bytes> bytesOf(const proto::TensorProto &tensor,
                                 mlir::RankedTensorType type,
                                 mlir::Location loc);
  mlir::FailureOr<Bytes> typedBytesOf(const proto::TensorProto &tensor,
                                      mlir::Type element, mlir::Location loc);
  mlir::ElementsAttr readStrings(const proto::TensorProto &tensor,
                                 mlir::RankedTensorType type,
                                 mlir::Location loc);
  mlir::ElementsAttr makeAttribute(mlir::RankedTensorType type, Bytes bytes,
                                   llvm::StringRef name);

  mlir::MLIRContext *context;
  const ModelFile &file;
  ExternalData external;
  /// What all sparse tensors together may take once they are dense.
  static constexpr uint64_t largestDense = uint64_t(1) << 30;
  uint64_t denseBudget = largestDense;
  /// By length and a few of their bytes; compared in full.
  llvm::DenseMap<uint64_t, llvm::SmallVector<Held, 1>> resources;
};

/// Checks dims and element type and gives the tensor's type; null (reported)
/// if they are wrong.
mlir::RankedTensorType tensorTypeOf(mlir::MLIRContext *context,
                                    llvm::ArrayRef<int64_t> dims,
                                    int32_t elementType, mlir::Location loc);

} // namespace ashlar

#endif // ASHLAR_COMPILER_IMPORT_TENSORDATA_H
