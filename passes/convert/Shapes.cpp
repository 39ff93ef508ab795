// Operators that speak of shapes, or give a tensor another one: Shape, Size,
// Reshape, Flatten, Squeeze, Unsqueeze, Identity.
#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/EmitterPattern.h"
#include "passes/convert/Families.h"

using namespace mlir;

namespace ashlar {
namespace {

using Values = Emitter::Values;

Lowered lowerShape(onnx::ShapeOp op, onnx::ShapeOp::Adaptor in, Emitter &e) {
  int64_t rank = cast<RankedTensorType>(in.getData().getType()).getRank();
  auto clampAxis = [&](int64_t axis) {
    return std::clamp<int64_t>(wrapAxis(axis, rank), 0, rank);
  };
  int64_t start = clampAxis(op.getStart()),
          end = clampAxis(op.getEnd().value_or(rank));
  Values elements;
  for (int64_t axis = start; axis < end; ++axis)
    elements.push_back(
        e.fromIndex(e.dimValue(in.getData(), axis), e.getI64Type()));
  return Values{e.fromElements({std::max<int64_t>(end - start, 0)},
                               e.getI64Type(), elements)};
}

Lowered lowerSize(onnx::SizeOp op, onnx::SizeOp::Adaptor in, Emitter &e) {
  Value count = e.value(e.elementCount(in.getData()));
  return Values{e.fromScalar(e.fromIndex(count, e.getI64Type()))};
}

/// True where the number comes from the size of a tensor, so that it is neither
/// a -1 nor a 0 with a meaning.
bool comesFromSize(Value number) {
  while (Operation *op = number.getDefiningOp()) {
    if (isa<tensor::DimOp>(op))
      return true;
    if (isa<arith::MulIOp, arith::DivSIOp, arith::DivUIOp>(op))
      return llvm::all_of(op->getOperands(), comesFromSize);
    if (isa<arith::ConstantOp>(op))
      return getConstantIntValue(number).value_or(0) > 0;
    if (!isa<arith::IndexCastOp>(op))
      return false;
    number = op->getOperand(0);
  }
  return false;
}

/// The sizes that a Reshape asks for: what the declared type knows, what the
/// shape tensor says, and at most one that follows from the element count.
class ReshapeSizes {
public:
  ReshapeSizes(Emitter &e, Value data, RankedTensorType type, bool zeroIsSize)
      : e(e), own(e.dims(data)), type(type), zeroIsSize(zeroIsSize) {}

  LogicalResult read(Value shape) {
    TensorBuilder::Sizes asked = e.sizesOf(shape);
    if (static_cast<int64_t>(asked.size()) != type.getRank())
      return e.invalid("the shape has " + Twine(asked.size()) +
                       " elements, expected " + Twine(type.getRank()));
    for (auto [axis, size] : llvm::enumerate(asked))
      if (failed(readOne(axis, size)))
        return failure();
    return success();
  }

  /// Settles the inferred size and checks that the element counts agree.
  FailureOr<TensorBuilder::Sizes> finish() {
    TensorBuilder::Sizes left, right, wanted;
    for (OpFoldResult size : own)
      appendFactors(size, left);
    for (auto [axis, size] : llvm::enumerate(sizes))
      if (static_cast<int64_t>(axis) != inferred)
        appendFactors(size, wanted);
    for (OpFoldResult size : wanted)
      cancel(left, right, size);
    Scalar have = e.wrap(e.product(left)), want = e.wrap(e.product(right));
    if (inferred >= 0) {
      std::optional<int64_t> divisor = want.constant();
      sizes[inferred] = e.fold(inferSize(left, divisor, have, want));
      return sizes;
    }
    if (have.constant() && want.constant() &&
        *have.constant() != *want.constant())
      return e.invalid("cannot reshape: the element counts are as " +
                       Twine(*have.constant()) + " to " +
                       Twine(*want.constant()));
    e.require(have == want, DataError::Shape,
              "the new shape has another number of elements");
    return sizes;
  }

private:
  LogicalResult readOne(int64_t axis, OpFoldResult asked) {
    std::optional<int64_t> known = getConstantIntValue(asked);
    bool isDynamic = type.isDynamicDim(axis);
    if (known && *known == 0 && !zeroIsSize) {
      if (axis >= static_cast<int64_t>(own.size()))
        return e.invalid("dimension " + Twine(axis) +
                         " of the shape is 0, but the input has rank " +
                         Twine(own.size()));
      sizes.push_back(own[axis]);
      return success();
    }
    if (known && *known == -1) {
      // The declared type may know what is to be inferred.
      if (isDynamic)
        inferred = axis;
      sizes.push_back(e.size(isDynamic ? 1 : type.getDimSize(axis)));
      return success();
    }
    if (known || comesFromSize(cast<Value>(asked))) {
      sizes.push_back(asked);
      return success();
    }
    sizes.push_back(readUnknown(axis, e.wrap(asked)));
    return success();
  }

  /// A number that only the running program knows: it may be 0 or -1.
  OpFoldResult readUnknown(int64_t axis, Scalar asked) {
    Scalar copied = axis < static_cast<int64_t>(own.size()) && !zeroIsSize
                        ? e.wrap(own[axis])
                        : e.at(0);
    if (!type.isDynamicDim(axis)) {
      Scalar size = e.at(type.getDimSize(axis));
      Scalar fits =
          (asked == size) | (asked == -1) | ((asked == 0) & (copied == size));
      e.require(fits, DataError::Shape,
                "the new shape differs from the declared one");
      return e.fold(size);
    }
    unknown.push_back(asked);
    return e.fold(select(asked == 0, copied, asked));
  }

  /// A size, or the factors of which it is the product.
  static void appendFactors(OpFoldResult size, TensorBuilder::Sizes &factors) {
    auto value = dyn_cast<Value>(size);
    if (auto product =
            value ? value.getDefiningOp<arith::MulIOp>() : arith::MulIOp()) {
      for (Value factor : product->getOperands())
        appendFactors(getAsOpFoldResult(factor), factors);
      return;
    }
    factors.push_back(size);
  }

  static void cancel(TensorBuilder::Sizes &left, TensorBuilder::Sizes &right,
                     OpFoldResult size) {
    auto *same = llvm::find_if(left, [&](OpFoldResult other) {
      return TensorBuilder::sameSize(other, size);
    });
    if (same != left.end())
      left.erase(same);
    else
      right.push_back(size);
  }

  /// What is left of the input's sizes over what is left of the result's.
  Scalar inferSize(TensorBuilder::Sizes left, std::optional<int64_t> divisor,
                   Scalar have, Scalar want) {
    int64_t constantPart = 1;
    TensorBuilder::Sizes rest;
    for (OpFoldResult size : left) {
      if (auto known = getConstantIntValue(size))
        constantPart *= *known;
      else
        rest.push_back(size);
    }
    if (divisor && *divisor != 0 && constantPart % *divisor == 0)
      return e.wrap(e.product(rest)) * (constantPart / *divisor);
    Scalar quotient = e.wrap(e.div(have.value(), want.value()));
    e.require(quotient * want == have, DataError::Shape,
              "the new shape does not divide the number of elements");
    return quotient;
  }

public:
  /// Numbers of which one may be -1.
  SmallVector<Scalar> unknown;
  int64_t inferred = -1;
  TensorBuilder::Sizes sizes;

private:
  Emitter &e;
  TensorBuilder::Sizes own;
  RankedTensorType type;
  bool zeroIsSize;
};

Lowered lowerReshape(onnx::ReshapeOp op, onnx::ReshapeOp::Adaptor in,
                     Emitter &e) {
  RankedTensorType type = e.resultType(0);
  auto shapeType = cast<RankedTensorType>(in.getShape().getType());
  if (!shapeType.hasStaticShape())
    return e.unsupported("with a shape tensor of unknown length");
  ReshapeSizes reader(e, in.getData(), type, op.getAllowzero() != 0);
  if (failed(reader.read(in.getShape())))
    return failure();
  if (reader.unknown.size() == 1 && reader.inferred < 0) {
    // One size that may be -1: what it must be follows from the others in any
    // case.
    for (int64_t axis = 0; axis < type.getRank(); ++axis)
      if (type.isDynamicDim(axis) && !getConstantIntValue(reader.sizes[axis]))
        reader.inferred = axis;
  } else if (!reader.unknown.empty()) {
    for (Scalar number : reader.unknown)
      e.require(number >= 0, DataError::Shape,
                "a size of the new shape is negative");
  }
  FailureOr<TensorBuilder::Sizes> sizes = reader.finish();
  if (failed(sizes))
    return failure();
  return Values{e.reshape(in.getData(), *sizes)};
}

Lowered lowerFlatten(onnx::FlattenOp op, onnx::FlattenOp::Adaptor in,
                     Emitter &e) {
  TensorBuilder::Sizes own = e.dims(in.getInput());
  int64_t axis = wrapAxis(op.getAxis(), own.size());
  OpFoldResult outer = e.product(ArrayRef(own).take_front(axis)),
               inner = e.product(ArrayRef(own).drop_front(axis));
  return Values{e.reshape(in.getInput(), {outer, inner})};
}

/// Unit dims come and go where the declared type says, when the axes are known
/// only while running.
Lowered reshapeAsDeclared(Emitter &e, Value data) {
  RankedTensorType type = e.resultType(0);
  if (!type.hasStaticShape())
    return e.unsupported("with axes that are not known while compiling");
  e.require(e.wrap(e.elementCount(data)) == type.getNumElements(),
            DataError::Shape, "the result has another shape than declared");
  return e.reshape(data, e.sizes(type.getShape()));
}

Lowered lowerSqueeze(onnx::SqueezeOp op, onnx::SqueezeOp::Adaptor in,
                     Emitter &e) {
  Value data = in.getData();
  auto type = cast<RankedTensorType>(data.getType());
  SmallVector<int64_t> axes;
  if (!in.getAxes()) {
    for (int64_t axis = 0; axis < type.getRank(); ++axis)
      if (type.getDimSize(axis) == 1)
        axes.push_back(axis);
    // Unit dims that only the declared type knows.
    if (type.getRank() - static_cast<int64_t>(axes.size()) !=
        e.resultType(0).getRank())
      return e.unsupported(
          "without axes on a shape that is not known while compiling");
  } else if (std::optional<SmallVector<int64_t>> given =
                 constantIntegers(in.getAxes())) {
    for (int64_t axis : *given)
      axes.push_back(wrapAxis(axis, type.getRank()));
  } else {
    return reshapeAsDeclared(e, in.getData());
  }
  SmallVector<int64_t> shape(type.getShape());
  for (int64_t axis : axes) {
    if (axis < 0 || axis >= type.getRank() ||
        (!type.isDynamicDim(axis) && type.getDimSize(axis) != 1))
      return e.invalid("axis " + Twine(axis) + " cannot be squeezed");
    if (type.isDynamicDim(axis))
      e.require(e.sizeOf(data, axis) == 1, DataError::Shape,
                "a squeezed axis has not size 1");
    shape[axis] = 1;
  }
  // Checked above: the sizes are 1 from here on.
  data = e.conform(data, RankedTensorType::get(shape, type.getElementType()));
  return Values{e.squeeze(data, axes)};
}

Lowered lowerUnsqueeze(onnx::UnsqueezeOp op, onnx::UnsqueezeOp::Adaptor in,
                       Emitter &e) {
  std::optional<SmallVector<int64_t>> given = constantIntegers(in.getAxes());
  if (!given)
    return reshapeAsDeclared(e, in.getData());
  int64_t rank =
      cast<RankedTensorType>(in.getData().getType()).getRank() + given->size();
  SmallVector<int64_t> axes = llvm::map_to_vector<4>(
      *given, [&](int64_t axis) { return wrapAxis(axis, rank); });
  for (int64_t axis : axes)
    if (axis < 0 || axis >= rank || llvm::count(axes, axis) != 1)
      return e.invalid("axis " + Twine(axis) +
                       " is out of range or given twice, the result has rank " +
                       Twine(rank));
  return Values{e.unsqueeze(in.getData(), axes)};
}

Lowered lowerIdentity(onnx::IdentityOp op, onnx::IdentityOp::Adaptor in,
                      Emitter &e) {
  return Values{in.getInput()};
}

} // namespace

void populateShapePatterns(const OnnxTypeConverter &converter,
                           RewritePatternSet &patterns) {
  addLowerings(converter, patterns, lowerShape, lowerSize, lowerReshape,
               lowerFlatten, lowerSqueeze, lowerUnsqueeze, lowerIdentity);
}

} // namespace ashlar
