//===- Codegen.h - machine code and data to an ELF object -----------------===//
#ifndef ASHLAR_COMPILER_CODEGEN_CODEGEN_H
#define ASHLAR_COMPILER_CODEGEN_CODEGEN_H

#include <memory>
#include <string>
#include <vector>

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"

#include "compiler/report/ModelDescription.h"
#include "compiler/target/Target.h"

namespace ashlar {

/// Constant data of a model: attributes at byte offsets, 64-byte aligned, zeros
/// between. The bytes are those of mapped files or of packed weights; they are
/// copied only when they are written.
class WeightsImage {
public:
  /// Takes the data that `collect-weights` left on the module.
  static WeightsImage take(mlir::ModuleOp module);

  uint64_t size() const { return bytes; }
  /// Writes size() bytes.
  void write(llvm::raw_ostream &out) const;
  /// SHA-256 in hexadecimal.
  std::string hash() const;
  /// Names of the context's blobs that it reads.
  llvm::StringSet<> blobNames() const;

private:
  llvm::SmallVector<std::pair<uint64_t, mlir::Attribute>> pieces;
  uint64_t bytes = 0;
};

/// An ELF object: the code as LLVM wrote it, patched so that one section lies
/// behind it and holds the weights.
class ObjectImage {
public:
  ObjectImage() = default;
  ObjectImage(llvm::SmallVector<char, 0> code, WeightsImage weights,
              bool embedWeights);

  uint64_t size() const;
  void write(llvm::raw_ostream &out) const;
  std::unique_ptr<llvm::MemoryBuffer> toBuffer() const;
  const WeightsImage &getWeights() const { return weights; }

private:
  llvm::SmallVector<char, 0> code;
  uint64_t weightsAt = 0;
  bool embedWeights = true;
  WeightsImage weights;
};

/// Translates one lowered module and optimises its code for `target`. Functions
/// become internal, named after model and CPU as in `variant`.
llvm::Expected<std::unique_ptr<llvm::Module>>
translateVariant(mlir::ModuleOp module, llvm::LLVMContext &context,
                 const Target &target, const ModelDescription &model,
                 const VariantDescription &variant);

/// Adds the model's tables and its exported functions.
void addEntryPoints(llvm::Module &module, const ModelDescription &model);

/// Name of the symbol that code refers to the weights by.
std::string weightsSymbol(const ModelDescription &model);

/// Makes masked stores of one element scalar: LLVM gets some of them wrong.
void makeSingleLaneStoresScalar(llvm::Module &module);

/// Compiles `module` to an object, or to assembly text.
llvm::Expected<llvm::SmallVector<char, 0>> emitCode(llvm::Module &module,
                                                    bool assembly);

/// Defines the symbol of the weights in a section of the object: its contents
/// are to follow `code` at offset `weightsAt`. `size` 0 leaves the symbol null.
llvm::Error placeWeightsSection(llvm::SmallVector<char, 0> &code,
                                llvm::StringRef symbol, uint64_t size,
                                uint64_t &weightsAt);

} // namespace ashlar

#endif
