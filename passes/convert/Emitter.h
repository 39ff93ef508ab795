// Loops over tensors in destination style, for operators that are no
// elementwise function of their inputs.
#ifndef ASHLAR_PASSES_CONVERT_EMITTER_H
#define ASHLAR_PASSES_CONVERT_EMITTER_H

#include "passes/convert/Scalar.h"
#include "passes/convert/TensorBuilder.h"

namespace ashlar {

/// Statuses of runtime/ashlar_rt.h that checks of run-time data end with.
enum class DataError : int32_t { Index = 13, Shape = 14, Value = 15 };

/// A TensorBuilder with scalar expressions, element access and sequential
/// loops.
class Emitter : public TensorBuilder {
public:
  using Scalars = llvm::SmallVector<Scalar>;
  using Values = llvm::SmallVector<mlir::Value>;
  using Element = llvm::function_ref<Scalar(llvm::ArrayRef<Scalar>)>;
  using LoopBody = llvm::function_ref<Values(Scalar, mlir::ValueRange)>;
  using NestBody =
      llvm::function_ref<Values(llvm::ArrayRef<Scalar>, mlir::ValueRange)>;
  using ReduceBody = llvm::function_ref<Scalar(llvm::ArrayRef<Scalar>, Scalar)>;

  using TensorBuilder::TensorBuilder;

  /// Converted types of the operation's results.
  llvm::SmallVector<mlir::Type> resultTypes;
  mlir::RankedTensorType resultType(unsigned i) {
    return mlir::cast<mlir::RankedTensorType>(resultTypes[i]);
  }
  /// Says that the model is wrong.
  mlir::LogicalResult invalid(const llvm::Twine &message) {
    return mlir::emitError(getLoc()) << message;
  }

  //===--- Scalars
  //-----------------------------------------------------------===//

  Scalar wrap(mlir::Value value, bool isUnsigned = false) {
    return Scalar(*this, value, isUnsigned);
  }
  Scalar wrap(mlir::OpFoldResult size) { return Scalar(*this, value(size)); }
  Scalar at(int64_t number) { return wrap(index(number)); }
  Scalar number(mlir::Type type, double v) { return wrap(scalar(type, v)); }
  Scalar truth(bool v) { return wrap(boolean(v)); }
  Scalar sizeOf(mlir::Value tensor, int64_t axis) {
    return wrap(dim(tensor, axis));
  }
  Scalars sizesOfTensor(mlir::Value tensor);
  /// A constant index becomes an attribute again.
  mlir::OpFoldResult fold(Scalar index);
  Sizes fold(llvm::ArrayRef<Scalar> indices);
  /// The elements of an integer tensor of static shape.
  Scalars scalarsOf(mlir::Value tensor, bool isUnsigned = false);

  //===--- Elements
  //----------------------------------------------------------===//

  Scalar load(mlir::Value tensor, llvm::ArrayRef<Scalar> indices,
              bool isUnsigned = false);
  mlir::Value store(Scalar element, mlir::Value tensor,
                    llvm::ArrayRef<Scalar> indices);
  /// A fresh tensor of this type; sizes that the type gives are checked against
  /// `sizes` where those are not constant.
  mlir::Value allocate(mlir::RankedTensorType type,
                       llvm::ArrayRef<Scalar> sizes);
  mlir::Value allocateFilled(mlir::RankedTensorType type,
                             llvm::ArrayRef<Scalar> sizes, mlir::Value scalar);
  /// Every element in parallel from its indices.
  mlir::Value build(mlir::RankedTensorType type, llvm::ArrayRef<Scalar> sizes,
                    Element element);
  /// Overwrites every element of `init`; the old one is the last argument.
  mlir::Value rebuild(mlir::Value init, Element element);
  /// tensor.extract_slice, which does not take a slice of no elements behind
  /// the last one. A slice whose innermost elements would not stand side by
  /// side is gathered instead: kernels want contiguous rows.
  mlir::Value slice(mlir::Value tensor,
                    llvm::ArrayRef<mlir::OpFoldResult> offsets,
                    llvm::ArrayRef<mlir::OpFoldResult> sizes,
                    llvm::ArrayRef<mlir::OpFoldResult> strides);
  /// A copy that later code may write to in place.
  mlir::Value copyOf(mlir::Value tensor);

  //===--- Control
  //-----------------------------------------------------------===//

  /// for iv in [low, high): the body maps the carried values to their next
  /// ones.
  Values loop(Scalar low, Scalar high, mlir::ValueRange inits, LoopBody body);
  /// Nested loops from zero.
  Values nest(llvm::ArrayRef<Scalar> bounds, mlir::ValueRange inits,
              NestBody body);
  /// Folds over a nest into one scalar.
  Scalar accumulate(llvm::ArrayRef<Scalar> bounds, Scalar init,
                    ReduceBody body);
  Values branch(Scalar condition, mlir::TypeRange types,
                llvm::function_ref<Values()> whenTrue,
                llvm::function_ref<Values()> whenFalse);
  Values whileLoop(mlir::ValueRange inits,
                   llvm::function_ref<Scalar(mlir::ValueRange)> condition,
                   llvm::function_ref<Values(mlir::ValueRange)> body);

  //===--- Checks of run-time data
  //-------------------------------------------===//

  /// Ends the run with `error` unless the condition holds.
  void require(Scalar condition, DataError error, llvm::StringRef message);
  /// Sizes that follow from data make a tensor of a sensible number of
  /// elements: none is negative and their product does not overflow.
  void requireModest(llvm::ArrayRef<Scalar> sizes);
  /// Where the type knows sizes that the value does not, they agree.
  void requireDeclared(mlir::Value tensor, mlir::RankedTensorType type);
  /// Every element of an index tensor lies in [-size, size). Constants are
  /// checked while compiling.
  mlir::LogicalResult requireIndices(mlir::Value indices, Scalar size);
  /// The same for tuples of indices along the last axis, one element for each
  /// of `sizes`.
  mlir::LogicalResult requireTuples(mlir::Value indices,
                                    llvm::ArrayRef<Scalar> sizes);
  /// A shape fits into another one on all axes but one.
  mlir::LogicalResult requireInside(llvm::ArrayRef<Scalar> sizes,
                                    llvm::ArrayRef<Scalar> bounds,
                                    int64_t exceptAxis);
  /// Counts from the end where negative, and is brought into [0, size) in any
  /// case.
  Scalar wrapIndex(Scalar index, Scalar size);
};

/// A list attribute, or `count` times `value` where it is absent or empty.
llvm::SmallVector<int64_t>
orDefault(std::optional<llvm::ArrayRef<int64_t>> given, int64_t count,
          int64_t value);
/// An axis counted from the end where negative.
inline int64_t wrapAxis(int64_t axis, int64_t rank) {
  return axis < 0 ? axis + rank : axis;
}

} // namespace ashlar

#endif
