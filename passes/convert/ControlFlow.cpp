// If, Loop and Scan to scf with tensors as carried values. Bodies are moved,
// their operations are converted in place.
#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/EmitterPattern.h"
#include "passes/convert/Families.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace ashlar {
namespace {

using Scalars = Emitter::Scalars;
using Values = Emitter::Values;

/// Between the type that an operation of a body knows and the converted one.
Value castTo(Emitter &e, Value value, Type type) {
  if (value.getType() == type)
    return value;
  if (elementType(value) != elementType(type)) {
    Type sameShape =
        cast<RankedTensorType>(value.getType()).clone(elementType(type));
    value =
        UnrealizedConversionCastOp::create(e, sameShape, value).getResult(0);
  }
  return e.conform(value, type);
}

/// The type that a value has in all iterations: what the first and the later
/// ones agree on, or what the body says.
RankedTensorType carriedType(RankedTensorType initial, RankedTensorType next,
                             RankedTensorType inBody) {
  SmallVector<int64_t> shape;
  for (auto [a, b, declared] :
       llvm::zip(initial.getShape(), next.getShape(), inBody.getShape()))
    shape.push_back(a == b ? a : declared);
  return RankedTensorType::get(shape, initial.getElementType());
}

/// What If, Loop and Scan share: a body to move, its arguments and what it
/// yields.
class BodyMover {
public:
  BodyMover(Emitter &e, ConversionPatternRewriter &rewriter,
            const TypeConverter &converter, Region &region)
      : e(e), rewriter(rewriter), converter(converter), block(region.front()) {}

  RankedTensorType convertedType(Value value) const {
    return dyn_cast_or_null<RankedTensorType>(
        converter.convertType(value.getType()));
  }
  RankedTensorType argumentType(unsigned i) const {
    return convertedType(block.getArgument(i));
  }
  OperandRange yielded() const { return block.getTerminator()->getOperands(); }
  RankedTensorType yieldedType(unsigned i) const {
    return convertedType(yielded()[i]);
  }

  bool onlyTensors() const {
    auto isTensor = [&](Value value) {
      return static_cast<bool>(convertedType(value));
    };
    return llvm::all_of(block.getArguments(), isTensor) &&
           llvm::all_of(yielded(), isTensor);
  }

  /// Moves the body to where the emitter stands; gives what it yields, with
  /// converted element types.
  Values moveHere(ValueRange arguments) {
    Values given, results;
    for (auto [argument, value] :
         llvm::zip_equal(block.getArguments(), arguments))
      given.push_back(castTo(e, value, argument.getType()));
    for (Value value : yielded()) {
      auto argument = dyn_cast<BlockArgument>(value);
      bool isOwn = argument && argument.getOwner() == &block;
      results.push_back(isOwn ? given[argument.getArgNumber()] : value);
    }
    rewriter.eraseOp(block.getTerminator());
    Block *target = e.getInsertionBlock();
    rewriter.inlineBlockBefore(&block, target, target->end(), given);
    e.setInsertionPointToEnd(target);
    for (Value &value : results)
      value = castTo(e, value, convertedType(value));
    return results;
  }

private:
  Emitter &e;
  ConversionPatternRewriter &rewriter;
  const TypeConverter &converter;
  Block &block;
};

//===--- If
//--------------------------------------------------------------------------------------------------------===//

class IfPattern : public OpConversionPattern<onnx::IfOp> {
public:
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(onnx::IfOp op, OpAdaptor in,
                  ConversionPatternRewriter &rewriter) const override {
    Emitter e(op.getLoc(), rewriter);
    const TypeConverter &converter = *getTypeConverter();
    BodyMover whenTrue(e, rewriter, converter, op.getThenBranch()),
        whenFalse(e, rewriter, converter, op.getElseBranch());
    auto conditionType = dyn_cast<RankedTensorType>(in.getCond().getType());
    if (!conditionType || !conditionType.hasStaticShape() ||
        conditionType.getNumElements() != 1)
      return notConverted(
          getTypeConverter(), op,
          "with a condition that is not known to be one element");
    SmallVector<Type> types;
    if (failed(converter.convertTypes(op.getResultTypes(), types)) ||
        !whenTrue.onlyTensors() || !whenFalse.onlyTensors())
      return notConverted(getTypeConverter(), op,
                          "with results that are not tensors of known rank");
    Values results = e.branch(
        e.wrap(e.toScalar(in.getCond())), types,
        [&] { return conformed(e, whenTrue.moveHere({}), types); },
        [&] { return conformed(e, whenFalse.moveHere({}), types); });
    rewriter.replaceOp(op, results);
    return success();
  }

private:
  static Values conformed(Emitter &e, Values values, ArrayRef<Type> types) {
    for (auto [value, type] : llvm::zip_equal(values, types))
      value = e.conform(value, type);
    return values;
  }
};

//===--- Values stacked over the iterations
//------------------------------------------------------------------------===//

/// One output that collects an element of every iteration along a new axis.
struct Stack {
  RankedTensorType type, elementTensorType;
  int64_t axis = 0;
  bool backwards = false;
};

/// A tensor for `count` elements. Sizes of the elements must be known, since it
/// stands before the first of them.
FailureOr<Value> allocateStack(Emitter &e, Stack &stack, OpFoldResult count) {
  TensorBuilder::Sizes sizes;
  for (int64_t axis = 0, next = 0; axis < stack.type.getRank(); ++axis) {
    if (axis == stack.axis) {
      sizes.push_back(count);
      continue;
    }
    int64_t own = stack.elementTensorType.getDimSize(next++),
            declared = stack.type.getDimSize(axis);
    if (ShapedType::isDynamic(own) && ShapedType::isDynamic(declared))
      return failure();
    sizes.push_back(e.size(ShapedType::isDynamic(own) ? declared : own));
  }
  return e.empty(sizes, stack.type.getElementType());
}

/// Offsets, sizes and strides of the element at `index` along `axis`.
struct StackPlace {
  TensorBuilder::Sizes offsets, sizes, strides;

  StackPlace(Emitter &e, Value stack, int64_t axis, Scalar index)
      : sizes(e.dims(stack)) {
    offsets.assign(sizes.size(), e.size(0));
    strides.assign(sizes.size(), e.size(1));
    offsets[axis] = e.fold(index);
    sizes[axis] = e.size(1);
  }
};

Value putOnStack(Emitter &e, Value element, Value stack, int64_t axis,
                 Scalar index) {
  StackPlace place(e, stack, axis, index);
  TensorBuilder::Sizes elementSizes = place.sizes;
  elementSizes.erase(elementSizes.begin() + axis);
  element = e.conform(element, e.tensorType(elementSizes, elementType(stack)));
  return tensor::InsertSliceOp::create(e, element, stack, place.offsets,
                                       place.sizes, place.strides);
}

Value takeFromStack(Emitter &e, Value stack, int64_t axis, Scalar index) {
  StackPlace place(e, stack, axis, index);
  TensorBuilder::Sizes elementSizes = place.sizes;
  elementSizes.erase(elementSizes.begin() + axis);
  return tensor::ExtractSliceOp::create(
      e, e.tensorType(elementSizes, elementType(stack)), stack, place.offsets,
      place.sizes, place.strides);
}

//===--- Loop
//------------------------------------------------------------------------------------------------------===//

class LoopPattern : public OpConversionPattern<onnx::LoopOp> {
public:
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(onnx::LoopOp op, OpAdaptor in,
                  ConversionPatternRewriter &rewriter) const override {
    Emitter e(op.getLoc(), rewriter);
    BodyMover body(e, rewriter, *getTypeConverter(), op.getBody());
    if (!body.onlyTensors())
      return notConverted(getTypeConverter(), op,
                          "with values that are not tensors of known rank");
    unsigned states = in.getVInitial().size();
    // How often at most, as far as known: absent means without end.
    Scalar limit = in.getM()
                       ? max(e.wrap(e.toScalar(in.getM())).toIndex(), e.at(0))
                       : Scalar();
    if (limit && limit.constant().value_or(0) > (int64_t(1) << 40))
      limit = Scalar();
    Values carried;
    for (auto [i, initial] : llvm::enumerate(in.getVInitial()))
      carried.push_back(e.conform(
          initial,
          carriedType(cast<RankedTensorType>(initial.getType()),
                      body.yieldedType(1 + i), body.argumentType(2 + i))));
    SmallVector<Stack> stacks;
    for (unsigned i = states; i < op.getNumResults(); ++i) {
      Stack &stack = stacks.emplace_back();
      stack.type = cast<RankedTensorType>(
          getTypeConverter()->convertType(op.getResult(i).getType()));
      stack.elementTensorType = body.yieldedType(1 + i);
      bool isDeclared = !stack.type.isDynamicDim(0);
      if (!isDeclared && !limit)
        return notConverted(
            getTypeConverter(), op,
            "with scan outputs but no bound on the number of iterations");
      OpFoldResult count =
          isDeclared ? e.size(stack.type.getDimSize(0)) : e.fold(limit);
      FailureOr<Value> empty = allocateStack(e, stack, count);
      if (failed(empty))
        return notConverted(getTypeConverter(), op,
                            "with scan outputs of unknown element shape");
      carried.push_back(*empty);
    }
    Scalar start =
        in.getCond() ? e.wrap(e.toScalar(in.getCond())) : e.truth(true);
    bool runsToLimit = limit && start.constant() == 1 && conditionStaysTrue(op);
    auto [count, results] =
        runsToLimit ? emitFor(e, body, limit, carried, states, stacks)
                    : emitWhile(e, body, limit, start, carried, states, stacks);
    rewriter.replaceOp(op, finish(e, op, count, results, states, runsToLimit));
    return success();
  }

private:
  using Outcome = std::pair<Scalar, Values>;

  /// The body hands on its condition, or the constant true.
  static bool conditionStaysTrue(onnx::LoopOp op) {
    Block &block = op.getBody().front();
    Value condition = block.getTerminator()->getOperand(0);
    while (auto identity = condition.getDefiningOp<onnx::IdentityOp>())
      condition = identity.getInput();
    if (condition == block.getArgument(1))
      return true;
    auto constant = condition.getDefiningOp<onnx::ConstantOp>();
    auto value = constant ? dyn_cast<DenseElementsAttr>(constant.getValue())
                          : DenseElementsAttr();
    return value && value.isSplat() && value.getElementType().isInteger(1) &&
           value.getSplatValue<bool>();
  }

  /// One iteration: the next carried values; `condition` becomes what the body
  /// yields.
  static Values step(Emitter &e, BodyMover &body, Scalar index,
                     Scalar &condition, ValueRange carried, unsigned states,
                     ArrayRef<Stack> stacks) {
    for (auto [i, stack] : llvm::enumerate(stacks)) {
      Scalar room = e.sizeOf(carried[states + i], 0);
      if (!stack.type.isDynamicDim(0))
        e.require(
            index < room, DataError::Shape,
            "there are more iterations than the declared scan output holds");
    }
    Values arguments = {e.fromScalar(index.to(e.getI64Type())),
                        e.fromScalar(condition)};
    llvm::append_range(arguments, carried.take_front(states));
    Values yielded = body.moveHere(arguments);
    condition = e.wrap(e.toScalar(yielded[0]));
    Values next;
    for (unsigned i = 0; i < states; ++i)
      next.push_back(e.conform(yielded[1 + i], carried[i].getType()));
    for (unsigned i = states; i < carried.size(); ++i)
      next.push_back(putOnStack(e, yielded[1 + i], carried[i], 0, index));
    return next;
  }

  static Outcome emitFor(Emitter &e, BodyMover &body, Scalar limit,
                         ValueRange carried, unsigned states,
                         ArrayRef<Stack> stacks) {
    Values results =
        e.loop(e.at(0), limit, carried, [&](Scalar index, ValueRange inner) {
          Scalar condition = e.truth(true);
          return step(e, body, index, condition, inner, states, stacks);
        });
    return {limit, results};
  }

  static Outcome emitWhile(Emitter &e, BodyMover &body, Scalar limit,
                           Scalar start, ValueRange carried, unsigned states,
                           ArrayRef<Stack> stacks) {
    Values inits = {e.index(0), start};
    llvm::append_range(inits, carried);
    Values results = e.whileLoop(
        inits,
        [&](ValueRange now) {
          Scalar goOn = e.wrap(now[1]);
          return limit ? goOn & (e.wrap(now[0]) < limit) : goOn;
        },
        [&](ValueRange now) {
          Scalar index = e.wrap(now[0]), condition = e.wrap(now[1]);
          Values stepped = step(e, body, index, condition, now.drop_front(2),
                                states, stacks);
          Values next = {index + 1, condition};
          llvm::append_range(next, stepped);
          return next;
        });
    return {e.wrap(results[0]), Values(ArrayRef(results).drop_front(2))};
  }

  /// Cuts the stacks to the number of iterations that took place.
  Values finish(Emitter &e, onnx::LoopOp op, Scalar count, Values results,
                unsigned states, bool isFull) const {
    for (auto [i, value] : llvm::enumerate(results)) {
      Type type = getTypeConverter()->convertType(op.getResult(i).getType());
      if (i >= states) {
        bool isDeclared = !cast<RankedTensorType>(type).isDynamicDim(0);
        if (isDeclared) {
          e.require(count == e.sizeOf(value, 0), DataError::Shape,
                    "there are fewer iterations than declared");
        } else if (!isFull) {
          TensorBuilder::Sizes sizes = e.dims(value),
                               offsets(sizes.size(), e.size(0)),
                               strides(sizes.size(), e.size(1));
          sizes[0] = e.fold(count);
          value =
              tensor::ExtractSliceOp::create(e, value, offsets, sizes, strides);
        }
      }
      value = e.conform(value, type);
    }
    return results;
  }
};

//===--- Scan
//------------------------------------------------------------------------------------------------------===//

class ScanPattern : public OpConversionPattern<onnx::ScanOp> {
public:
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(onnx::ScanOp op, OpAdaptor in,
                  ConversionPatternRewriter &rewriter) const override {
    Emitter e(op.getLoc(), rewriter);
    BodyMover body(e, rewriter, *getTypeConverter(), op.getBody());
    if (!body.onlyTensors())
      return notConverted(getTypeConverter(), op,
                          "with values that are not tensors of known rank");
    ValueRange operands = in.getOperands();
    unsigned inputs = op.getNumScanInputs(), states = operands.size() - inputs,
             outputs = op.getNumResults() - states;
    ValueRange scanned = operands.drop_front(states);
    SmallVector<int64_t> inputAxes =
        orDefault(op.getScanInputAxes(), inputs, 0);
    SmallVector<int64_t> inputDirections =
        orDefault(op.getScanInputDirections(), inputs, 0);
    SmallVector<int64_t> outputAxes =
        orDefault(op.getScanOutputAxes(), outputs, 0);
    SmallVector<int64_t> outputDirections =
        orDefault(op.getScanOutputDirections(), outputs, 0);
    for (auto [axis, value] : llvm::zip(inputAxes, scanned))
      axis = wrapAxis(axis, cast<RankedTensorType>(value.getType()).getRank());
    Scalar count = e.sizeOf(scanned[0], inputAxes[0]);
    for (auto [axis, value] : llvm::zip(inputAxes, scanned))
      e.require(e.sizeOf(value, axis) == count, DataError::Shape,
                "the scanned inputs differ in length");

    Values carried;
    for (unsigned i = 0; i < states; ++i)
      carried.push_back(
          e.conform(operands[i],
                    carriedType(cast<RankedTensorType>(operands[i].getType()),
                                body.yieldedType(i), body.argumentType(i))));
    SmallVector<Stack> stacks;
    for (unsigned i = 0; i < outputs; ++i) {
      Stack &stack = stacks.emplace_back();
      stack.type = cast<RankedTensorType>(
          getTypeConverter()->convertType(op.getResult(states + i).getType()));
      stack.elementTensorType = body.yieldedType(states + i);
      stack.axis = wrapAxis(outputAxes[i], stack.type.getRank());
      stack.backwards = outputDirections[i];
      FailureOr<Value> empty = allocateStack(e, stack, e.fold(count));
      if (failed(empty))
        return notConverted(getTypeConverter(), op,
                            "with scan outputs of unknown element shape");
      carried.push_back(*empty);
    }
    Values results =
        e.loop(e.at(0), count, carried, [&](Scalar index, ValueRange inner) {
          auto indexOf = [&](bool backwards) {
            return backwards ? count - 1 - index : index;
          };
          Values arguments(inner.take_front(states)), next;
          for (unsigned i = 0; i < inputs; ++i)
            arguments.push_back(takeFromStack(e, scanned[i], inputAxes[i],
                                              indexOf(inputDirections[i])));
          for (auto [i, argument] : llvm::enumerate(arguments))
            argument = e.conform(argument, body.argumentType(i));
          Values yielded = body.moveHere(arguments);
          for (unsigned i = 0; i < states; ++i)
            next.push_back(e.conform(yielded[i], inner[i].getType()));
          for (auto [i, stack] : llvm::enumerate(stacks))
            next.push_back(putOnStack(e, yielded[states + i], inner[states + i],
                                      stack.axis, indexOf(stack.backwards)));
          return next;
        });
    for (auto [value, result] : llvm::zip(results, op.getResults()))
      value =
          e.conform(value, getTypeConverter()->convertType(result.getType()));
    rewriter.replaceOp(op, results);
    return success();
  }
};

} // namespace

void populateControlFlowPatterns(const OnnxTypeConverter &converter,
                                 RewritePatternSet &patterns) {
  patterns.add<IfPattern, LoopPattern, ScanPattern>(converter,
                                                    patterns.getContext());
}

} // namespace ashlar
