//===- AmxTiles.cpp - tile registers --------------------------------------===//
#include "passes/kernel/AmxTiles.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace ashlar;

namespace {

// Layout of the operand of ldtilecfg.
constexpr int64_t kConfigurationBytes = 64;
constexpr int64_t kPaletteAt = 0, kRowBytesAt = 16, kRowsAt = 48;

} // namespace

void AmxTiles::call(StringRef name, ValueRange operands) {
  LLVM::CallIntrinsicOp::create(b, b.getStringAttr(name), operands);
}

Value AmxTiles::number(int64_t tile) {
  return LLVM::ConstantOp::create(b, b.getI8Type(), b.getI8IntegerAttr(tile));
}

Value AmxTiles::pointer(Value address) {
  return LLVM::IntToPtrOp::create(b, LLVM::LLVMPointerType::get(b.getContext()),
                                  address);
}

Value AmxTiles::address(Value flat, OpFoldResult at, int64_t bytes) {
  Value base = memref::ExtractAlignedPointerAsIndexOp::create(b, flat);
  Value sum = arith::AddIOp::create(b, base, b.value(b.mul(at, bytes)));
  return arith::IndexCastOp::create(b, b.getI64Type(), sum);
}

void AmxTiles::configure(Block *block, ArrayRef<Shape> shapes) {
  auto bytes = MemRefType::get({kConfigurationBytes}, b.getI8Type());
  Value memory;
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(block);
    memory = memref::AllocaOp::create(b, bytes, b.getI64IntegerAttr(64));
  }
  SmallVector<int8_t> values(kConfigurationBytes, 0);
  values[kPaletteAt] = 1;
  for (auto [tile, shape] : llvm::enumerate(shapes)) {
    values[kRowBytesAt + 2 * tile] = shape.rowBytes;
    if (auto rows = b.known(shape.rows))
      values[kRowsAt + tile] = *rows;
  }
  auto type = VectorType::get({kConfigurationBytes}, b.getI8Type());
  Value constant = arith::ConstantOp::create(
      b, DenseElementsAttr::get(type, ArrayRef<int8_t>(values)));
  Value zero = b.value(b.fixed(0));
  vector::StoreOp::create(b, constant, memory, ValueRange{zero});
  for (auto [tile, shape] : llvm::enumerate(shapes))
    if (!b.known(shape.rows)) {
      Value rows =
          arith::IndexCastOp::create(b, b.getI8Type(), b.value(shape.rows));
      memref::StoreOp::create(b, rows, memory,
                              ValueRange{b.value(b.fixed(kRowsAt + tile))});
    }
  call("llvm.x86.ldtilecfg", pointer(address(memory, b.fixed(0), 1)));
}

void AmxTiles::release() { call("llvm.x86.tilerelease", {}); }

void AmxTiles::zero(int64_t tile) { call("llvm.x86.tilezero", number(tile)); }

void AmxTiles::load(int64_t tile, Value address, Value pitch, bool streamed) {
  call(streamed ? "llvm.x86.tileloaddt164" : "llvm.x86.tileloadd64",
       {number(tile), pointer(address), pitch});
}

void AmxTiles::store(int64_t tile, Value address, Value pitch) {
  call("llvm.x86.tilestored64", {number(tile), pointer(address), pitch});
}

void AmxTiles::multiply(int64_t sums, int64_t left, int64_t right,
                        Type element) {
  call(element.isInteger(8) ? "llvm.x86.tdpbusd" : "llvm.x86.tdpbf16ps",
       {number(sums), number(left), number(right)});
}
