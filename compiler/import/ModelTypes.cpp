#include "compiler/import/ModelTypes.h"
#include "dialects/onnx/Diagnostics.h"
#include "dialects/onnx/OnnxDialect.h"
#include "dialects/onnx/OperatorSchema.h"
#include "llvm/Support/CheckedArithmetic.h"

using namespace mlir;
using ashlar::onnx::emitUnsupported;

namespace ashlar {

bool TypeReader::bindDim(StringRef name, int64_t value) {
  return dims.emplace(name.str(), value).first->second == value;
}

std::optional<int64_t> TypeReader::boundDim(StringRef name) const {
  auto found = dims.find(name.str());
  return found == dims.end() ? std::nullopt : std::optional(found->second);
}

FailureOr<Type> TypeReader::readTensor(const proto::TypeProto::Tensor &tensor,
                                       Location loc,
                                       SmallVectorImpl<std::string> *dimNames) {
  if (!tensor.elem_type())
    return Type();
  Type element = onnx::elementTypeFromOnnx(context, tensor.elem_type());
  if (!element)
    return emitUnsupported(loc, "unknown tensor element type " +
                                    Twine(tensor.elem_type()));
  if (!tensor.has_shape() || (shapesDropped && !dimNames))
    return Type(UnrankedTensorType::get(element));
  SmallVector<int64_t> shape;
  for (const proto::TensorShapeProto::Dimension &dim : tensor.shape().dim()) {
    int64_t size = ShapedType::kDynamic;
    std::string name = dim.dim_param();
    if (dim.has_dim_value()) {
      size = dim.dim_value();
      if (size < 0)
        return emitError(loc, "negative dimension ") << size;
    } else if (std::optional<int64_t> bound = boundDim(name);
               bound && !name.empty()) {
      if (*bound < 0)
        return failure();
      size = *bound;
      name.clear();
    }
    shape.push_back(size);
    if (dimNames)
      dimNames->push_back(name);
  }
  if (!fitsInMemory(shape))
    return emitError(loc, "too large: the product of the dimensions overflows");
  return Type(RankedTensorType::get(shape, element));
}

FailureOr<Type> TypeReader::read(const proto::TypeProto &type, Location loc,
                                 SmallVectorImpl<std::string> *dimNames) {
  auto wrap = [&](const proto::TypeProto &inner,
                  auto &&make) -> FailureOr<Type> {
    FailureOr<Type> element = read(inner, loc);
    if (failed(element) || !*element)
      return element;
    return Type(make(*element));
  };
  switch (type.value_case()) {
  case proto::TypeProto::VALUE_NOT_SET:
    return Type();
  case proto::TypeProto::kTensorType:
    return readTensor(type.tensor_type(), loc, dimNames);
  case proto::TypeProto::kSequenceType:
    return wrap(type.sequence_type().elem_type(), [&](Type element) {
      return onnx::SeqType::get(context, element);
    });
  case proto::TypeProto::kOptionalType:
    return wrap(type.optional_type().elem_type(), [&](Type element) {
      return onnx::OptType::get(context, element);
    });
  case proto::TypeProto::kMapType:
    return emitUnsupported(loc, "values of map type");
  case proto::TypeProto::kSparseTensorType:
    return emitUnsupported(loc, "values of sparse tensor type");
  case proto::TypeProto::kOpaqueType:
    return emitUnsupported(loc, "values of opaque type");
  }
  return Type();
}

bool fitsInMemory(ArrayRef<int64_t> dims) {
  // The widest element has 16 bytes.
  int64_t bytes = 16;
  for (int64_t dim : dims) {
    int64_t factor = ShapedType::isDynamic(dim) ? 1 : std::max<int64_t>(dim, 1);
    std::optional<int64_t> product = llvm::checkedMul<int64_t>(bytes, factor);
    if (!product)
      return false;
    bytes = *product;
  }
  return true;
}

Type elementTypeOf(Type type) {
  auto shaped = dyn_cast_or_null<TensorType>(type);
  return shaped ? shaped.getElementType() : Type();
}

Type mergeTypes(Type first, Type second) {
  if (!first || first == second)
    return second;
  if (!second)
    return first;
  if (auto firstSeq = dyn_cast<onnx::SeqType>(first))
    if (auto secondSeq = dyn_cast<onnx::SeqType>(second)) {
      Type inner =
          mergeTypes(firstSeq.getElementType(), secondSeq.getElementType());
      return inner ? onnx::SeqType::get(first.getContext(), inner) : Type();
    }
  if (auto firstOpt = dyn_cast<onnx::OptType>(first))
    if (auto secondOpt = dyn_cast<onnx::OptType>(second)) {
      Type inner =
          mergeTypes(firstOpt.getElementType(), secondOpt.getElementType());
      return inner ? onnx::OptType::get(first.getContext(), inner) : Type();
    }
  auto firstTensor = dyn_cast<TensorType>(first),
       secondTensor = dyn_cast<TensorType>(second);
  if (!firstTensor || !secondTensor ||
      firstTensor.getElementType() != secondTensor.getElementType())
    return nullptr;
  if (!firstTensor.hasRank())
    return second;
  if (!secondTensor.hasRank())
    return first;
  if (firstTensor.getRank() != secondTensor.getRank())
    return UnrankedTensorType::get(firstTensor.getElementType());
  SmallVector<int64_t> shape;
  for (auto [a, b] : llvm::zip(firstTensor.getShape(), secondTensor.getShape()))
    shape.push_back(ShapedType::isDynamic(a) ? b
                    : ShapedType::isDynamic(b) || a == b
                        ? a
                        : ShapedType::kDynamic);
  return RankedTensorType::get(shape, firstTensor.getElementType());
}

} // namespace ashlar
