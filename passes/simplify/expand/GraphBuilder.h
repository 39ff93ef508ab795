// Building pieces of an ONNX graph in few words. Results have an element type
// only: shape inference runs afterwards.
#ifndef ASHLAR_PASSES_SIMPLIFY_EXPAND_GRAPHBUILDER_H
#define ASHLAR_PASSES_SIMPLIFY_EXPAND_GRAPHBUILDER_H

#include "passes/analysis/GraphPatterns.h"

namespace ashlar::onnx {

// A size that is known, or computed when run (an i64 tensor of one element).
struct Size {
  Size(int64_t value) : value(value) {}
  Size(mlir::Value computed) : computed(computed) {}
  bool isStatic() const { return !computed; }
  int64_t value = 0;
  mlir::Value computed;
};

class GraphBuilder {
public:
  GraphBuilder(mlir::OpBuilder &builder, mlir::Location loc)
      : builder(builder), loc(loc) {}

  // An operation with one result of the given element type. Null operands are
  // absent optional ones.
  template <typename Op>
  mlir::Value make(mlir::Type element, llvm::ArrayRef<mlir::Value> operands,
                   llvm::ArrayRef<mlir::NamedAttribute> attributes = {}) {
    return makeOp<Op>({unranked(element)}, operands, attributes)->getResult(0);
  }
  template <typename Op>
  Op makeOp(llvm::ArrayRef<mlir::Type> results,
            llvm::ArrayRef<mlir::Value> operands,
            llvm::ArrayRef<mlir::NamedAttribute> attributes = {}) {
    llvm::SmallVector<mlir::NamedAttribute> all(attributes);
    llvm::SmallVector<mlir::Value> present;
    llvm::SmallVector<int32_t> segments;
    for (mlir::Value operand : operands) {
      segments.push_back(operand ? 1 : 0);
      if (operand)
        present.push_back(operand);
    }
    if constexpr (Op::template hasTrait<
                      mlir::OpTrait::AttrSizedOperandSegments>()) {
      segments.resize(operandSlots<Op>(), 0);
      all.push_back(builder.getNamedAttr(
          "operandSegmentSizes", builder.getDenseI32ArrayAttr(segments)));
    }
    return Op::create(builder, loc, results, present, all);
  }

  mlir::Type unranked(mlir::Type element) {
    return mlir::UnrankedTensorType::get(element);
  }
  static mlir::Type element(mlir::Value value) {
    return mlir::cast<mlir::ShapedType>(value.getType()).getElementType();
  }
  mlir::NamedAttribute attr(llvm::StringRef name, int64_t value) {
    return builder.getNamedAttr(name, builder.getI64IntegerAttr(value));
  }
  mlir::NamedAttribute attr(llvm::StringRef name,
                            llvm::ArrayRef<int64_t> values) {
    return builder.getNamedAttr(name, builder.getDenseI64ArrayAttr(values));
  }
  mlir::NamedAttribute attr(llvm::StringRef name, llvm::StringRef value) {
    return builder.getNamedAttr(name, builder.getStringAttr(value));
  }
  mlir::NamedAttribute attrFloat(llvm::StringRef name, float value) {
    return builder.getNamedAttr(name, builder.getF32FloatAttr(value));
  }

  //--- Constants ---
  mlir::Value integers(llvm::ArrayRef<int64_t> values) {
    return makeIntegers(builder, loc, values);
  }
  mlir::Value scalar(mlir::Type element, double value) {
    return makeScalar(builder, loc, element, value);
  }
  // A scalar of the element type of `like`.
  mlir::Value scalarLike(mlir::Value like, double value) {
    return scalar(element(like), value);
  }
  mlir::Value integer(int64_t value) {
    return scalar(builder.getI64Type(), double(value));
  }

  //--- Arithmetic ---
  template <typename Op> mlir::Value unary(mlir::Value x) {
    return make<Op>(element(x), {x});
  }
  template <typename Op> mlir::Value binary(mlir::Value a, mlir::Value b) {
    return make<Op>(element(a), {a, b});
  }
  mlir::Value add(mlir::Value a, mlir::Value b) { return binary<AddOp>(a, b); }
  mlir::Value sub(mlir::Value a, mlir::Value b) { return binary<SubOp>(a, b); }
  mlir::Value mul(mlir::Value a, mlir::Value b) { return binary<MulOp>(a, b); }
  mlir::Value div(mlir::Value a, mlir::Value b) { return binary<DivOp>(a, b); }
  mlir::Value add(mlir::Value a, double b) { return add(a, scalarLike(a, b)); }
  mlir::Value mul(mlir::Value a, double b) { return mul(a, scalarLike(a, b)); }
  template <typename Op> mlir::Value compare(mlir::Value a, mlir::Value b) {
    return make<Op>(builder.getI1Type(), {a, b});
  }
  mlir::Value both(mlir::Value a, mlir::Value b) {
    return make<AndOp>(builder.getI1Type(), {a, b});
  }
  mlir::Value select(mlir::Value condition, mlir::Value yes, mlir::Value no) {
    return make<WhereOp>(element(yes), {condition, yes, no});
  }
  mlir::Value cast(mlir::Value x, mlir::Type to);
  mlir::Value matmul(mlir::Value a, mlir::Value b) {
    return make<MatMulOp>(element(a), {a, b});
  }
  mlir::Value softmax(mlir::Value x, int64_t axis = -1) {
    return make<SoftmaxOp>(element(x), {x}, {attr("axis", axis)});
  }
  template <typename Op>
  mlir::Value reduce(mlir::Value x, llvm::ArrayRef<int64_t> axes,
                     bool keep = true) {
    return make<Op>(element(x), {x, integers(axes)},
                    {attr("keepdims", int64_t(keep))});
  }

  //--- Movement ---
  mlir::Value transpose(mlir::Value x, llvm::ArrayRef<int64_t> perm) {
    return make<TransposeOp>(element(x), {x}, {attr("perm", perm)});
  }
  // Target entries as Reshape has them: 0 copies, -1 is what remains.
  mlir::Value reshape(mlir::Value x, llvm::ArrayRef<int64_t> target) {
    return make<ReshapeOp>(element(x), {x, integers(target)});
  }
  mlir::Value reshapeTo(mlir::Value x, llvm::ArrayRef<Size> target);
  mlir::Value unsqueeze(mlir::Value x, llvm::ArrayRef<int64_t> axes) {
    return make<UnsqueezeOp>(element(x), {x, integers(axes)});
  }
  mlir::Value squeeze(mlir::Value x, llvm::ArrayRef<int64_t> axes) {
    return make<SqueezeOp>(element(x), {x, integers(axes)});
  }
  mlir::Value concat(llvm::ArrayRef<mlir::Value> values, int64_t axis) {
    return make<ConcatOp>(element(values[0]), values, {attr("axis", axis)});
  }
  // Elements [start, end) along one axis, in steps.
  mlir::Value slice(mlir::Value x, int64_t axis, int64_t start, int64_t end,
                    int64_t step = 1) {
    return make<SliceOp>(element(x), {x, integers(start), integers(end),
                                      integers(axis), integers(step)});
  }
  mlir::Value sliceTo(mlir::Value x, int64_t axis, Size start, Size end) {
    return make<SliceOp>(element(x), {x, vector(start), vector(end),
                                      integers(axis), integers(1)});
  }
  mlir::Value expandTo(mlir::Value x, llvm::ArrayRef<Size> shape) {
    return make<ExpandOp>(element(x), {x, vector(shape)});
  }
  mlir::Value gather(mlir::Value x, mlir::Value indices, int64_t axis) {
    return make<GatherOp>(element(x), {x, indices}, {attr("axis", axis)});
  }
  // 0, 1, ... below a size.
  mlir::Value range(Size size);
  // As many of one value as a shape says.
  mlir::Value fill(llvm::ArrayRef<Size> shape, mlir::Type element,
                   double value);

  //--- Sizes ---
  Size dim(mlir::Value x, int64_t axis);
  Size plus(Size a, Size b);
  Size minus(Size a, Size b);
  Size times(Size a, Size b);
  Size dividedBy(Size a, Size b);
  mlir::Value vector(llvm::ArrayRef<Size> sizes);
  // As a tensor of rank 0.
  mlir::Value toScalar(Size size);

  mlir::OpBuilder &builder;
  mlir::Location loc;

private:
  template <typename Op> static unsigned operandSlots() {
    // One entry in the segments for each declared operand.
    return decltype(std::declval<typename Op::Properties>()
                        .operandSegmentSizes)()
        .size();
  }
};

// Replaces a result by a value that a builder made, which takes on the type
// that the result was known to have.
void replaceResult(mlir::PatternRewriter &rewriter, mlir::Operation *op,
                   llvm::ArrayRef<mlir::Value> values);

void populatePoolingExpansions(mlir::RewritePatternSet &);
void populateRearrangementExpansions(mlir::RewritePatternSet &);
void populateEinsumExpansions(mlir::RewritePatternSet &);
void populateAttentionExpansions(mlir::RewritePatternSet &);
void populateLinearAttentionExpansions(mlir::RewritePatternSet &);
void populateLossExpansions(mlir::RewritePatternSet &);
void populateNBitsExpansions(mlir::RewritePatternSet &);
void populateQuantizedExpansions(mlir::RewritePatternSet &);
void populateFusedExpansions(mlir::RewritePatternSet &);
void populateSignalExpansions(mlir::RewritePatternSet &);
void populateTrainingExpansions(mlir::RewritePatternSet &);
void populateSequenceExpansions(mlir::RewritePatternSet &);
void populateMachineLearningExpansions(mlir::RewritePatternSet &);

} // namespace ashlar::onnx

#endif // ASHLAR_PASSES_SIMPLIFY_EXPAND_GRAPHBUILDER_H
