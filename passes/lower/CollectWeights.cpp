//===- CollectWeights.cpp - lay out constant data in one section ----------===//
#include "passes/lower/Passes.h"

#include "llvm/Support/MathExtras.h"
#include "llvm/Support/xxhash.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/SymbolTable.h"

#include "dialects/tile/TileDialect.h"

namespace ashlar {
#define GEN_PASS_DEF_COLLECTWEIGHTS
#include "passes/lower/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {

int64_t storedBytes(ShapedType type) {
  Type element = type.getElementType();
  int64_t each = 8;
  if (auto complex = dyn_cast<ComplexType>(element))
    each = 2 * llvm::divideCeil(
                   complex.getElementType().getIntOrFloatBitWidth(), 8);
  else if (!isa<IndexType>(element))
    each = llvm::divideCeil(element.getIntOrFloatBitWidth(), 8);
  return type.getNumElements() * each;
}

/// What tells two pieces of data apart: the attribute itself, or for blobs
/// their bytes, so that weights packed again for another CPU are stored once.
Attribute identityOf(Attribute value) {
  auto resource = dyn_cast<DenseResourceElementsAttr>(value);
  AsmResourceBlob *blob =
      resource ? resource.getRawHandle().getBlob() : nullptr;
  if (!blob)
    return value;
  ArrayRef<char> data = blob->getData();
  llvm::XXH128_hash_t hash = llvm::xxh3_128bits(ArrayRef<uint8_t>(
      reinterpret_cast<const uint8_t *>(data.data()), data.size()));
  int64_t key[] = {static_cast<int64_t>(hash.low64),
                   static_cast<int64_t>(hash.high64),
                   static_cast<int64_t>(data.size())};
  return DenseI64ArrayAttr::get(value.getContext(), key);
}

/// Data laid out already, for another CPU: what agrees is stored once.
int64_t takePrevious(ModuleOp module, SmallVectorImpl<Attribute> &data,
                     SmallVectorImpl<int64_t> &offsets,
                     DenseMap<Attribute, int64_t> &offsetOf) {
  auto oldData = module->getAttrOfType<ArrayAttr>(kWeightsAttrName);
  auto oldOffsets =
      module->getAttrOfType<DenseI64ArrayAttr>(kWeightOffsetsAttrName);
  int64_t end = 0;
  if (!oldData || !oldOffsets)
    return end;
  for (auto [value, offset] : llvm::zip(oldData, oldOffsets.asArrayRef())) {
    data.push_back(value);
    offsets.push_back(offset);
    offsetOf.try_emplace(identityOf(value), offset);
    end = llvm::alignTo(offset + storedBytes(cast<ShapedType>(
                                     cast<TypedAttr>(value).getType())),
                        64);
  }
  return end;
}

struct CollectWeights : ashlar::impl::CollectWeightsBase<CollectWeights> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    SmallVector<Attribute> data;
    SmallVector<int64_t> offsets;
    DenseMap<Attribute, int64_t> offsetOf;
    DenseMap<StringAttr, int64_t> offsetOfSymbol;
    int64_t end = takePrevious(module, data, offsets, offsetOf);
    for (auto global :
         llvm::make_early_inc_range(module.getOps<memref::GlobalOp>())) {
      if (!global.getConstant() || !global.getInitialValue())
        continue;
      Attribute value = *global.getInitialValue();
      auto [place, isNew] = offsetOf.try_emplace(identityOf(value), end);
      if (isNew) {
        data.push_back(value);
        offsets.push_back(end);
        end = llvm::alignTo(end + storedBytes(global.getType()), 64);
      }
      offsetOfSymbol[global.getSymNameAttr()] = place->second;
      global.erase();
    }
    module.walk([&](memref::GetGlobalOp use) {
      auto found = offsetOfSymbol.find(use.getNameAttr().getAttr());
      if (found == offsetOfSymbol.end())
        return;
      auto function = use->getParentOfType<func::FuncOp>();
      OpBuilder builder(use);
      Value view = tile::WeightsOp::create(builder, use.getLoc(), use.getType(),
                                           function.getArgument(0), Value(),
                                           found->second);
      use.replaceAllUsesWith(view);
      use.erase();
    });
    module->setAttr(kWeightsAttrName, ArrayAttr::get(&getContext(), data));
    module->setAttr(kWeightOffsetsAttrName,
                    DenseI64ArrayAttr::get(&getContext(), offsets));
  }
};

} // namespace
