//===- WeightsImage.cpp - constant data as bytes --------------------------===//
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/SHA256.h"

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/DialectResourceBlobManager.h"

#include "compiler/codegen/Codegen.h"
#include "passes/lower/Passes.h"

using namespace mlir;
using namespace ashlar;

namespace {

/// Hands the bytes of `attribute` to `sink`, as they lie in memory.
void visitBytes(Attribute attribute,
                llvm::function_ref<void(llvm::ArrayRef<char>)> sink) {
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attribute)) {
    sink(resource.getRawHandle().getBlob()->getData());
    return;
  }
  auto dense = cast<DenseElementsAttr>(attribute);
  if (dense.getElementType().isInteger(1)) {
    for (bool value : dense.getValues<bool>())
      sink(llvm::ArrayRef<char>(value ? "\1" : "\0", 1));
    return;
  }
  llvm::ArrayRef<char> raw = dense.getRawData();
  int64_t copies = dense.isSplat() ? dense.getNumElements() : 1;
  for (int64_t copy = 0; copy < copies; ++copy)
    sink(raw);
}

uint64_t countBytes(Attribute attribute) {
  uint64_t bytes = 0;
  visitBytes(attribute,
             [&](llvm::ArrayRef<char> piece) { bytes += piece.size(); });
  return bytes;
}

/// Feeds what is written to a hash.
class HashStream : public llvm::raw_ostream {
public:
  HashStream() : raw_ostream(/*unbuffered=*/false) {}
  ~HashStream() override { flush(); }
  std::string finish() {
    flush();
    return llvm::toHex(hash.final(), /*LowerCase=*/true);
  }

private:
  void write_impl(const char *data, size_t size) override {
    hash.update(llvm::StringRef(data, size));
    position += size;
  }
  uint64_t current_pos() const override { return position; }
  llvm::SHA256 hash;
  uint64_t position = 0;
};

} // namespace

WeightsImage WeightsImage::take(ModuleOp module) {
  WeightsImage image;
  auto data = module->getAttrOfType<ArrayAttr>(kWeightsAttrName);
  auto offsets =
      module->getAttrOfType<DenseI64ArrayAttr>(kWeightOffsetsAttrName);
  if (!data || !offsets)
    return image;
  for (auto [attribute, offset] : llvm::zip(data, offsets.asArrayRef()))
    image.pieces.push_back({static_cast<uint64_t>(offset), attribute});
  if (!image.pieces.empty())
    image.bytes = image.pieces.back().first +
                  llvm::alignTo(countBytes(image.pieces.back().second), 64);
  return image;
}

void WeightsImage::write(llvm::raw_ostream &out) const {
  uint64_t position = 0;
  for (auto [offset, attribute] : pieces) {
    out.write_zeros(offset - position);
    position = offset;
    visitBytes(attribute, [&](llvm::ArrayRef<char> piece) {
      out.write(piece.data(), piece.size());
      position += piece.size();
    });
  }
  out.write_zeros(bytes - position);
}

std::string WeightsImage::hash() const {
  HashStream stream;
  write(stream);
  return stream.finish();
}

llvm::StringSet<> WeightsImage::blobNames() const {
  llvm::StringSet<> names;
  for (const auto &[offset, attribute] : pieces)
    if (auto resource = dyn_cast<DenseResourceElementsAttr>(attribute))
      names.insert(resource.getRawHandle().getKey());
  return names;
}
