//===- TensorBuilder.h - Tensor computations in few words -----------------===//
//
// What a lowering of an ONNX operator needs again and again: sizes, scalars,
// broadcasting maps, reductions, reshapes.
//
//===----------------------------------------------------------------------===//
#ifndef ASHLAR_PASSES_CONVERT_TENSORBUILDER_H
#define ASHLAR_PASSES_CONVERT_TENSORBUILDER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

#include <optional>

namespace ashlar {

/// Element type of a tensor type, or the type itself.
mlir::Type elementType(mlir::Type type);
mlir::Type elementType(mlir::Value value);
/// True for uiN and for i1 (ONNX bool), also as element type. Meant for ONNX
/// types: after conversion all are signless.
bool isUnsigned(mlir::Type type);
/// The type in which values of `type` are computed: f32 for floats of fewer
/// bits, else `type`.
mlir::Type computeType(mlir::Type type);

/// The values of a tensor that is known when compiling: constants, tensors put
/// together from constant scalars, and reshapes of these.
std::optional<llvm::SmallVector<int64_t>> constantIntegers(mlir::Value tensor);
/// The same for one integer or boolean.
std::optional<int64_t> constantInteger(mlir::Value tensor);

/// Makes operations on tensors of signless element types at one location. Sizes
/// are OpFoldResult: an index attribute where they are known, else an index
/// value.
class TensorBuilder : public mlir::ImplicitLocOpBuilder {
public:
  using Body =
      llvm::function_ref<mlir::Value(TensorBuilder &, mlir::ValueRange)>;
  using Combiner = llvm::function_ref<mlir::Value(
      TensorBuilder &, mlir::Value element, mlir::Value accumulator)>;
  using Sizes = llvm::SmallVector<mlir::OpFoldResult>;

  TensorBuilder(mlir::Location loc, mlir::OpBuilder &builder)
      : ImplicitLocOpBuilder(loc, builder) {}

  /// Says why the operation cannot be lowered; `reason` reads on after
  /// "operator 'X' is not supported ".
  mlir::LogicalResult unsupported(const llvm::Twine &reason) {
    failureReason = reason.str();
    return mlir::failure();
  }
  llvm::StringRef getFailureReason() const { return failureReason; }

  //===--- Scalars
  //---------------------------------------------------------===//

  /// A constant of any integer, index or float type. Integers must be exact in
  /// a double; else use `integer`.
  mlir::Value scalar(mlir::Type type, double value);
  mlir::Value integer(mlir::Type type, int64_t value);
  mlir::Value index(int64_t value);
  mlir::Value boolean(bool value);
  /// Zero, least and greatest value of a type; for floats minus and plus
  /// infinity.
  mlir::Value zero(mlir::Type type);
  mlir::Value lowest(mlir::Type type, bool isUnsigned);
  mlir::Value highest(mlir::Type type, bool isUnsigned);
  /// Between integer (taken as signed) and index.
  mlir::Value toIndex(mlir::Value integer);
  mlir::Value fromIndex(mlir::Value index, mlir::Type type);
  /// Floats below 32 bits to f32, others unchanged; and back to `type`.
  mlir::Value widen(mlir::Value scalar);
  mlir::Value narrow(mlir::Value scalar, mlir::Type type);

  //===--- Scalar arithmetic; constants fold
  //---------------------------------===//

  /// + - * / min max of two floats, integers or index values. Integer division
  /// truncates, and is defined for all values: x / 0 is 0, INT_MIN / -1 is
  /// INT_MIN.
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value sub(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, mlir::Value b);
  mlir::Value div(mlir::Value a, mlir::Value b, bool isUnsigned = false);
  mlir::Value rem(mlir::Value a, mlir::Value b, bool isUnsigned = false);
  /// Of floats: not a number where either is.
  mlir::Value min(mlir::Value a, mlir::Value b, bool isUnsigned = false);
  mlir::Value max(mlir::Value a, mlir::Value b, bool isUnsigned = false);
  mlir::Value neg(mlir::Value a);
  mlir::Value select(mlir::Value condition, mlir::Value whenTrue,
                     mlir::Value whenFalse);
  mlir::Value logicalAnd(mlir::Value a, mlir::Value b);
  mlir::Value logicalOr(mlir::Value a, mlir::Value b);
  mlir::Value logicalNot(mlir::Value a);
  /// Comparisons; of floats ordered (false with a NaN) but for `ne`.
  mlir::Value eq(mlir::Value a, mlir::Value b);
  mlir::Value ne(mlir::Value a, mlir::Value b);
  mlir::Value lt(mlir::Value a, mlir::Value b, bool isUnsigned = false);
  mlir::Value le(mlir::Value a, mlir::Value b, bool isUnsigned = false);
  mlir::Value gt(mlir::Value a, mlir::Value b, bool isUnsigned = false) {
    return lt(b, a, isUnsigned);
  }
  mlir::Value ge(mlir::Value a, mlir::Value b, bool isUnsigned = false) {
    return le(b, a, isUnsigned);
  }

  //===--- Sizes
  //-------------------------------------------------------------===//

  /// The size of one axis, looking through the operations that made the tensor,
  /// so that equal sizes become equal values: arguments of the model whose dims
  /// share an ONNX name give the dim of the first of them.
  mlir::OpFoldResult dim(mlir::Value tensor, int64_t axis);
  Sizes dims(mlir::Value tensor);
  mlir::Value dimValue(mlir::Value tensor, int64_t axis) {
    return value(dim(tensor, axis));
  }
  mlir::OpFoldResult size(int64_t value) { return getIndexAttr(value); }
  Sizes sizes(llvm::ArrayRef<int64_t> values);
  /// As a value of type index.
  mlir::Value value(mlir::OpFoldResult size);
  /// True where two sizes are surely the same.
  static bool sameSize(mlir::OpFoldResult a, mlir::OpFoldResult b);
  mlir::OpFoldResult product(llvm::ArrayRef<mlir::OpFoldResult> sizes);
  mlir::OpFoldResult elementCount(mlir::Value tensor);
  mlir::OpFoldResult sizeAdd(mlir::OpFoldResult a, mlir::OpFoldResult b);
  mlir::OpFoldResult sizeSub(mlir::OpFoldResult a, mlir::OpFoldResult b);
  mlir::OpFoldResult sizeMul(mlir::OpFoldResult a, mlir::OpFoldResult b);
  /// Floor of the quotient of sizes that are not negative.
  mlir::OpFoldResult sizeDiv(mlir::OpFoldResult a, mlir::OpFoldResult b);
  mlir::OpFoldResult sizeMin(mlir::OpFoldResult a, mlir::OpFoldResult b);
  mlir::OpFoldResult sizeMax(mlir::OpFoldResult a, mlir::OpFoldResult b);
  /// Ends the run with ASHLAR_ERROR_SHAPE unless the sizes agree.
  void requireSameSize(mlir::OpFoldResult a, mlir::OpFoldResult b);
  /// Ends the run with ASHLAR_ERROR_SHAPE and `message` where a size that is
  /// only known then is below zero.
  void requireNotNegative(mlir::OpFoldResult size, llvm::StringRef message);
  /// Numpy's broadcasting of several shapes.
  Sizes broadcastSizes(mlir::ValueRange tensors);
  mlir::RankedTensorType tensorType(llvm::ArrayRef<mlir::OpFoldResult> sizes,
                                    mlir::Type element);

  //===--- Tensors
  //-----------------------------------------------------------===//

  mlir::Value empty(llvm::ArrayRef<mlir::OpFoldResult> sizes,
                    mlir::Type element);
  mlir::Value filled(llvm::ArrayRef<mlir::OpFoldResult> sizes,
                     mlir::Value scalar);
  /// A constant tensor of integers.
  mlir::Value integers(llvm::ArrayRef<int64_t> values, mlir::Type element);

  /// Elementwise over inputs that broadcast; `body` gets scalars and gives the
  /// result's element of type `element`.
  mlir::Value map(mlir::Type element, mlir::ValueRange inputs, Body body);
  /// The same in a given shape, to which the inputs broadcast.
  mlir::Value mapTo(llvm::ArrayRef<mlir::OpFoldResult> sizes,
                    mlir::Type element, mlir::ValueRange inputs, Body body);
  /// The general parallel form: one indexing map an input, from the result's
  /// dims to the input's.
  mlir::Value generic(llvm::ArrayRef<mlir::OpFoldResult> sizes,
                      mlir::Type element, mlir::ValueRange inputs,
                      llvm::ArrayRef<mlir::AffineMap> maps, Body body);
  /// Every element from its index values.
  mlir::Value generate(llvm::ArrayRef<mlir::OpFoldResult> sizes,
                       mlir::Type element, Body body);
  mlir::Value broadcastTo(mlir::Value tensor,
                          llvm::ArrayRef<mlir::OpFoldResult> sizes);

  /// Folds the axes (not negative, distinct) into one accumulator an element,
  /// starting from `init`, in order.
  mlir::Value reduce(mlir::Value tensor, llvm::ArrayRef<int64_t> axes,
                     bool keepDims, mlir::Value init, Combiner combiner);
  /// Adds unit dims at the axes of the result.
  mlir::Value unsqueeze(mlir::Value tensor, llvm::ArrayRef<int64_t> axes);
  mlir::Value squeeze(mlir::Value tensor, llvm::ArrayRef<int64_t> axes);
  mlir::Value transpose(mlir::Value tensor,
                        llvm::ArrayRef<int64_t> permutation);
  /// The same elements in another shape; the element counts must agree.
  mlir::Value reshape(mlir::Value tensor,
                      llvm::ArrayRef<mlir::OpFoldResult> sizes);
  /// Collapses the dims [first, last) into one.
  mlir::Value flatten(mlir::Value tensor, int64_t first, int64_t last);
  /// Inserts tensor.cast where the types differ in static knowledge only.
  mlir::Value conform(mlir::Value tensor, mlir::Type type);

  //===--- Tensors that hold shapes
  //------------------------------------------===//

  /// True where elements are better kept as scalars: rank 0 or 1, few,
  /// integers, or scalars already.
  static bool isScalarTensor(mlir::Value tensor);
  /// The elements of a statically shaped tensor, as scalars.
  llvm::SmallVector<mlir::Value> elementsOf(mlir::Value tensor);
  /// The elements of an integer tensor as sizes.
  Sizes sizesOf(mlir::Value tensor);
  mlir::Value fromElements(llvm::ArrayRef<int64_t> shape, mlir::Type element,
                           mlir::ValueRange elements);
  mlir::Value fromScalar(mlir::Value scalar);
  mlir::Value toScalar(mlir::Value tensor) {
    return elementsOf(tensor).front();
  }

private:
  std::string failureReason;
};

} // namespace ashlar

#endif // ASHLAR_PASSES_CONVERT_TENSORBUILDER_H
