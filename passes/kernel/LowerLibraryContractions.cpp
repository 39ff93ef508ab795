//===- LowerLibraryContractions.cpp - calls of a kernel library -----------===//
#include "passes/kernel/Passes.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

#include "dialects/nn/NnDialect.h"
#include "passes/kernel/ChosenKernels.h"
#include "passes/kernel/IndexArithmetic.h"
#include "runtime/onednn/ashlar_onednn.h"

namespace ashlar {
#define GEN_PASS_DEF_LOWERLIBRARYCONTRACTIONS
#include "passes/kernel/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {

using Index = OpFoldResult;

constexpr llvm::StringLiteral kConv = "ashlar_onednn1_conv";
constexpr llvm::StringLiteral kMatmul = "ashlar_onednn1_matmul";
constexpr size_t kConvFields = sizeof(ashlar_onednn_conv) / sizeof(int64_t);
constexpr size_t kMatmulFields = sizeof(ashlar_onednn_matmul) / sizeof(int64_t);

int64_t typeNumber(Type element) {
  if (element.isInteger(8))
    return ASHLAR_ONEDNN_U8S8;
  return element.isBF16() ? ASHLAR_ONEDNN_BF16 : ASHLAR_ONEDNN_F32;
}

int64_t weightsKey(Operation *op) {
  auto hash = op->getAttrOfType<IntegerAttr>(nn::kWeightsHashAttrName);
  if (!hash)
    return 0;
  // 0 says that they are not constant.
  return hash.getInt() ? hash.getInt() : 1;
}

/// A buffer's first element, as a pointer.
Value pointerTo(IndexArithmetic &b, Value buffer, const FlatView &view) {
  auto type = cast<MemRefType>(buffer.getType());
  int64_t bytes = type.getElementTypeBitWidth() / 8;
  Value base =
      memref::ExtractAlignedPointerAsIndexOp::create(b, view.flat).getResult();
  Index address = b.add(base, b.mul(view.offset, bytes));
  Value number =
      arith::IndexCastOp::create(b, b.getI64Type(), b.value(address));
  return LLVM::IntToPtrOp::create(b, LLVM::LLVMPointerType::get(b.getContext()),
                                  number);
}

/// The fields of ashlar_onednn_conv, in order.
SmallVector<Index> fieldsOf(IndexArithmetic &b, nn::ConvOp conv,
                            const FlatView &input, const FlatView &output) {
  auto fixed = [&](int64_t value) { return b.fixed(value); };
  ArrayRef<int64_t> filter = conv.getFilterSizes(), strides = conv.getStrides(),
                    dilations = conv.getDilations();
  Type element = getElementTypeOrSelf(conv.getInput().getType());
  SmallVector<Index> fields{fixed(typeNumber(element)),
                            fixed(weightsKey(conv))};
  llvm::append_range(fields, input.sizes);
  fields.append({output.sizes[1], output.sizes[2], fixed(filter[0])});
  for (int64_t value : {filter[2], filter[3], strides[0], strides[1],
                        dilations[0], dilations[1], int64_t(conv.getGroups())})
    fields.push_back(fixed(value));
  for (const FlatView *view : {&input, &output})
    llvm::append_range(fields, ArrayRef(view->strides).take_front(3));
  assert(fields.size() == kConvFields);
  return fields;
}

/// The fields of ashlar_onednn_matmul, in order.
SmallVector<Index> fieldsOf(IndexArithmetic &b, nn::MatmulOp matmul,
                            const FlatView &lhs, const FlatView &rhs,
                            const FlatView &output) {
  Type element = getElementTypeOrSelf(matmul.getLhs().getType());
  SmallVector<Index> fields{b.fixed(typeNumber(element)),
                            b.fixed(weightsKey(matmul))};
  size_t rank = output.sizes.size();
  fields.push_back(rank == 3 ? output.sizes[0] : b.fixed(1));
  fields.append(
      {output.sizes[rank - 2], lhs.sizes[rank - 1], output.sizes[rank - 1]});
  for (const FlatView *view : {&lhs, &rhs, &output}) {
    size_t own = view->strides.size();
    fields.append(
        {own == 3 ? view->strides[0] : b.fixed(0), view->strides[own - 2]});
  }
  assert(fields.size() == kMatmulFields);
  return fields;
}

struct LowerLibraryContractions
    : ashlar::impl::LowerLibraryContractionsBase<LowerLibraryContractions> {
  void runOnOperation() override {
    SmallVector<Operation *> work;
    getOperation().walk([&](Operation *op) {
      if (isa<nn::ConvOp, nn::MatmulOp>(op) &&
          op->hasAttr(nn::kLibraryAttrName))
        work.push_back(op);
    });
    for (Operation *op : work)
      if (failed(lower(op)))
        return signalPassFailure();
    for (StringRef name : called)
      declare(name);
  }

  LogicalResult lower(Operation *op) {
    auto function = op->getParentOfType<func::FuncOp>();
    auto pointer = LLVM::LLVMPointerType::get(&getContext());
    if (!function || function.getNumArguments() == 0 ||
        function.getArgument(0).getType() != pointer)
      return op->emitOpError("expected a function that takes the call's "
                             "arguments first");
    auto style = cast<DestinationStyleOpInterface>(op);
    ValueRange extras = isa<nn::ConvOp>(op)
                            ? cast<nn::ConvOp>(op).getExtras()
                            : cast<nn::MatmulOp>(op).getExtras();
    if (extras.size() > 1)
      return op->emitOpError("expected a bias alone as epilogue");
    IndexArithmetic b(op->getLoc(), op);
    Value left = op->getOperand(0), right = op->getOperand(1),
          output = style.getDpsInits()[0];
    FlatView leftView = FlatView::of(b, left),
             rightView = FlatView::of(b, right),
             outputView = FlatView::of(b, output);
    SmallVector<Index> fields;
    StringRef callee = kConv;
    if (auto conv = dyn_cast<nn::ConvOp>(op)) {
      fields = fieldsOf(b, conv, leftView, outputView);
    } else {
      fields =
          fieldsOf(b, cast<nn::MatmulOp>(op), leftView, rightView, outputView);
      callee = kMatmul;
    }
    Value bias = extras.empty()
                     ? LLVM::ZeroOp::create(b, pointer).getResult()
                     : pointerTo(b, extras[0], FlatView::of(b, extras[0]));
    Value arguments[] = {function.getArgument(0),
                         storeFields(b, function, fields),
                         pointerTo(b, left, leftView),
                         pointerTo(b, right, rightView),
                         bias,
                         pointerTo(b, output, outputView)};
    func::CallOp::create(b, callee, TypeRange(), arguments);
    called.insert(callee);
    recordKernel(b, op->getLoc(), "oneDNN", "");
    op->erase();
    return success();
  }

  /// Writes the structure that a call reads.
  Value storeFields(IndexArithmetic &b, func::FuncOp function,
                    ArrayRef<Index> fields) {
    Value &room = roomOf[function];
    if (!room) {
      auto at = OpBuilder::atBlockBegin(&function.getBody().front());
      room = memref::AllocaOp::create(
          at, function.getLoc(),
          MemRefType::get({int64_t(std::max(kConvFields, kMatmulFields))},
                          b.getI64Type()));
    }
    for (auto [place, field] : llvm::enumerate(fields)) {
      Value value =
          arith::IndexCastOp::create(b, b.getI64Type(), b.value(field));
      memref::StoreOp::create(b, value, room, b.value(b.fixed(place)));
    }
    Value address = memref::ExtractAlignedPointerAsIndexOp::create(b, room);
    Value number = arith::IndexCastOp::create(b, b.getI64Type(), address);
    return LLVM::IntToPtrOp::create(
        b, LLVM::LLVMPointerType::get(&getContext()), number);
  }

  void declare(StringRef name) {
    auto b = OpBuilder::atBlockBegin(getOperation().getBody());
    SmallVector<Type> types(6, LLVM::LLVMPointerType::get(&getContext()));
    func::FuncOp::create(b, getOperation().getLoc(), name,
                         b.getFunctionType(types, {}))
        .setPrivate();
  }

  llvm::SetVector<StringRef> called;
  DenseMap<func::FuncOp, Value> roomOf;
};

} // namespace
