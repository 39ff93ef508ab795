// Shapes of convolutions and pools.
#include "dialects/onnx/OnnxOps.h"
#include "passes/simplify/ContractionDims.h"
#include "passes/simplify/ShapeRegistry.h"

using namespace mlir;
using namespace ashlar::onnx;

namespace {

int64_t entry(std::optional<ArrayRef<int64_t>> list, size_t index,
              int64_t otherwise) {
  return list && index < list->size() ? (*list)[index] : otherwise;
}

LogicalResult checkLength(OpShapes &shapes,
                          std::optional<ArrayRef<int64_t>> list, size_t length,
                          StringRef name, int64_t minimum) {
  if (!list)
    return success();
  if (list->size() != length)
    return shapes.error() << "'" << name << "' has " << list->size()
                          << " entries, expected " << length;
  for (int64_t value : *list)
    if (value < minimum)
      return shapes.error() << "'" << name << "' has " << value
                            << ", expected at least " << minimum;
  return success();
}

LogicalResult checkWindow(OpShapes &shapes, const WindowAttributes &window,
                          size_t spatial) {
  if (failed(checkLength(shapes, window.kernel, spatial, "kernel_shape", 1)) ||
      failed(checkLength(shapes, window.strides, spatial, "strides", 1)) ||
      failed(checkLength(shapes, window.dilations, spatial, "dilations", 1)) ||
      failed(checkLength(shapes, window.pads, 2 * spatial, "pads",
                         std::numeric_limits<int32_t>::min())))
    return failure();
  if (!llvm::is_contained({"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"},
                          window.autoPad))
    return shapes.error() << "'auto_pad' is '" << window.autoPad
                          << "', expected NOTSET, SAME_UPPER, SAME_LOWER or "
                             "VALID";
  return success();
}

template <typename Op> WindowAttributes windowOf(Op op) {
  WindowAttributes window;
  if constexpr (std::is_same_v<decltype(op.getKernelShape()),
                               ArrayRef<int64_t>>)
    window.kernel = op.getKernelShape();
  else
    window.kernel = op.getKernelShape();
  window.strides = op.getStrides();
  window.pads = op.getPads();
  return window;
}

template <typename Op> WindowAttributes dilatedWindowOf(Op op) {
  WindowAttributes window = windowOf(op);
  window.dilations = op.getDilations();
  window.autoPad = op.getAutoPad();
  return window;
}

} // namespace

FailureOr<Shape> ashlar::onnx::slideWindow(OpShapes &shapes,
                                           ArrayRef<DimExpr> input,
                                           const WindowAttributes &window,
                                           ArrayRef<DimExpr> kernel) {
  size_t spatial = input.size();
  if (failed(checkWindow(shapes, window, spatial)))
    return failure();
  Shape output;
  for (size_t i = 0; i < spatial; ++i) {
    DimExpr extent = window.kernel ? DimExpr((*window.kernel)[i]) : kernel[i];
    int64_t stride = entry(window.strides, i, 1);
    int64_t dilation = entry(window.dilations, i, 1);
    if (window.autoPad.starts_with("SAME")) {
      output.push_back(shapes.ceilDivide(input[i], stride));
      continue;
    }
    int64_t before = 0, after = 0;
    if (window.autoPad == "NOTSET") {
      before = entry(window.pads, i, 0);
      after = entry(window.pads, spatial + i, 0);
    }
    // The window reaches dilation * (extent - 1) + 1.
    DimExpr reach =
        shapes.add(shapes.multiply(shapes.subtract(extent, 1), dilation), 1);
    DimExpr padded = shapes.add(input[i], before + after);
    DimExpr room = shapes.subtract(padded, reach);
    if (auto value = room.constant(); value && *value < 0)
      return shapes.error()
             << "window of " << *reach.constant() << " is larger than the "
             << "padded input, " << *padded.constant();
    DimExpr count =
        shapes.add(window.ceilMode ? shapes.ceilDivide(room, stride)
                                   : shapes.floorDivide(room, stride),
                   1);
    // With ceil_mode the last window must begin inside the input or its left
    // padding.
    if (auto n = count.constant(); window.ceilMode && n)
      if (auto size = input[i].constant();
          size && (*n - 1) * stride >= *size + before)
        count = *n - 1;
    if (window.ceilMode && !count.isConstant() && stride != 1)
      count = shapes.unknown();
    output.push_back(count);
  }
  return output;
}

LogicalResult ashlar::onnx::inferConvOf(OpShapes &shapes, Value input,
                                        Value weights, Value bias,
                                        int64_t group,
                                        const WindowAttributes &window,
                                        Value result, Type element) {
  if (!shapes.ranked(input) || !shapes.ranked(weights)) {
    Value known = shapes.ranked(input) ? input : weights;
    if (!shapes.ranked(known))
      return shapes.resultUnranked(result, element);
    return shapes.result(result, element,
                         shapes.unknownDims(shapes.rank(known)));
  }
  auto x = shapes.dims(input), w = shapes.dims(weights);
  if (x.size() < 3)
    return shapes.error() << "input is " << toString(x)
                          << ", expected at least 3 dimensions";
  if (failed(shapes.expectRank(weights, x.size(), "W")))
    return failure();
  if (group < 1)
    return shapes.error() << "'group' is " << group << ", expected at least 1";
  auto channels = x[1].constant(), perGroup = w[1].constant(),
       filters = w[0].constant();
  if (channels && perGroup && *channels != *perGroup * group)
    return shapes.error() << "input has " << *channels << " channels, expected "
                          << *perGroup * group << " (weights " << toString(w)
                          << ", group " << group << ")";
  if (filters && *filters % group != 0)
    return shapes.error() << "weights have " << *filters
                          << " filters, expected a multiple of group " << group;
  if (bias && shapes.ranked(bias))
    if (failed(shapes.expectRank(bias, 1, "B")) ||
        failed(shapes.unify(w[0], shapes.dims(bias)[0], "length of 'B'")))
      return failure();
  if (window.kernel && window.kernel->size() == w.size() - 2)
    for (auto [attribute, dim] : llvm::zip(*window.kernel, w.drop_front(2)))
      if (dim.isConstant() && !dim.is(attribute))
        return shapes.error() << "weights are " << toString(w)
                              << ", but 'kernel_shape' has " << attribute;
  auto spatial = slideWindow(shapes, x.drop_front(2), window, w.drop_front(2));
  if (failed(spatial))
    return failure();
  Shape dims{x[0], w[0]};
  llvm::append_range(dims, *spatial);
  return shapes.result(result, element, dims);
}

LogicalResult ashlar::onnx::inferPoolOf(OpShapes &shapes, Value input,
                                        const WindowAttributes &window,
                                        ValueRange results,
                                        ArrayRef<Type> elements,
                                        bool channelsLast) {
  Shape dims;
  if (!shapes.ranked(input)) {
    dims = shapes.unknownDims(window.kernel->size() + 2);
  } else {
    auto x = shapes.dims(input);
    if (x.size() < 3)
      return shapes.error() << "input is " << toString(x)
                            << ", expected at least 3 dimensions";
    auto spatial = slideWindow(
        shapes, channelsLast ? x.drop_front().drop_back() : x.drop_front(2),
        window, {});
    if (failed(spatial))
      return failure();
    dims.push_back(x[0]);
    if (!channelsLast)
      dims.push_back(x[1]);
    llvm::append_range(dims, *spatial);
    if (channelsLast)
      dims.push_back(x.back());
  }
  for (auto [result, element] : llvm::zip(results, elements))
    if (failed(shapes.result(result, element, dims)))
      return failure();
  return success();
}

namespace {

LogicalResult inferConv(ConvOp op, OpShapes &shapes) {
  return inferConvOf(shapes, op.getX(), op.getW(), op.getB(), op.getGroup(),
                     dilatedWindowOf(op), op.getY(), shapes.element(op.getX()));
}

LogicalResult inferFusedConv(MsFusedConvOp op, OpShapes &shapes) {
  return inferConvOf(shapes, op.getX(), op.getW(), op.getB(), op.getGroup(),
                     dilatedWindowOf(op), op.getY(), shapes.element(op.getX()));
}

LogicalResult inferConvInteger(ConvIntegerOp op, OpShapes &shapes) {
  return inferConvOf(shapes, op.getX(), op.getW(), {}, op.getGroup(),
                     dilatedWindowOf(op), op.getY(),
                     IntegerType::get(op.getContext(), 32));
}

LogicalResult inferQLinearConv(QLinearConvOp op, OpShapes &shapes) {
  return inferConvOf(shapes, op.getX(), op.getW(), op.getB(), op.getGroup(),
                     dilatedWindowOf(op), op.getY(),
                     shapes.element(op.getYZeroPoint()));
}

LogicalResult inferDeformConv(DeformConvOp op, OpShapes &shapes) {
  WindowAttributes window = windowOf(op);
  window.dilations = op.getDilations();
  return inferConvOf(shapes, op.getX(), op.getW(), op.getB(), op.getGroup(),
                     window, op.getY(), shapes.element(op.getX()));
}

LogicalResult inferConvTranspose(ConvTransposeOp op, OpShapes &shapes) {
  Value input = op.getX(), weights = op.getW();
  Type element = shapes.element(input);
  if (!shapes.ranked(input) || !shapes.ranked(weights))
    return shapes.resultUnranked(op.getY(), element);
  auto x = shapes.dims(input), w = shapes.dims(weights);
  size_t spatial = x.size() - 2;
  if (x.size() < 3)
    return shapes.error() << "input is " << toString(x)
                          << ", expected at least 3 dimensions";
  WindowAttributes window = dilatedWindowOf(op);
  if (failed(shapes.expectRank(weights, x.size(), "W")) ||
      failed(checkWindow(shapes, window, spatial)) ||
      failed(checkLength(shapes, op.getOutputPadding(), spatial,
                         "output_padding", 0)) ||
      failed(shapes.unify(w[0], x[1], "channels of 'X'")))
    return failure();
  if (int64_t(op.getGroup()) < 1)
    return shapes.error() << "'group' is " << int64_t(op.getGroup())
                          << ", expected at least 1";
  Shape dims{x[0], shapes.multiply(w[1], int64_t(op.getGroup()))};
  for (size_t i = 0; i < spatial; ++i) {
    if (auto shape = op.getOutputShape(); shape && !shape->empty()) {
      // Some exporters give the whole shape, batch and channels included.
      dims.push_back((*shape)[shape->size() - spatial + i]);
      continue;
    }
    DimExpr extent = window.kernel ? DimExpr((*window.kernel)[i]) : w[i + 2];
    int64_t stride = entry(window.strides, i, 1);
    int64_t dilation = entry(window.dilations, i, 1);
    if (window.autoPad.starts_with("SAME")) {
      dims.push_back(shapes.multiply(x[i + 2], stride));
      continue;
    }
    int64_t pads = 0;
    if (window.autoPad == "NOTSET")
      pads = entry(window.pads, i, 0) + entry(window.pads, spatial + i, 0);
    DimExpr reach =
        shapes.add(shapes.multiply(shapes.subtract(extent, 1), dilation), 1);
    DimExpr size = shapes.multiply(shapes.subtract(x[i + 2], 1), stride);
    size = shapes.add(size, reach);
    dims.push_back(shapes.add(size, entry(op.getOutputPadding(), i, 0) - pads));
  }
  return shapes.result(op.getY(), element, dims);
}

template <typename Op> LogicalResult inferPool(Op op, OpShapes &shapes) {
  WindowAttributes window = dilatedWindowOf(op);
  window.ceilMode = op.getCeilMode();
  return inferPoolOf(shapes, op.getX(), window, op.getY(),
                     shapes.element(op.getX()));
}

LogicalResult inferMaxPool(MaxPoolOp op, OpShapes &shapes) {
  WindowAttributes window = dilatedWindowOf(op);
  window.ceilMode = op.getCeilMode();
  return inferPoolOf(
      shapes, op.getX(), window, op->getResults(),
      {shapes.element(op.getX()), IntegerType::get(op.getContext(), 64)});
}

LogicalResult inferQLinearAveragePool(MsQLinearAveragePoolOp op,
                                      OpShapes &shapes) {
  WindowAttributes window = windowOf(op);
  window.autoPad = op.getAutoPad();
  window.ceilMode = op.getCeilMode();
  return inferPoolOf(shapes, op.getX(), window, op.getY(),
                     shapes.element(op.getX()), op.getChannelsLast());
}

LogicalResult inferGlobalPool(Operation *op, OpShapes &shapes) {
  Value input = op->getOperand(0);
  Type element = shapes.element(input);
  if (!shapes.ranked(input))
    return shapes.resultUnranked(op->getResult(0), element);
  Shape dims(shapes.dims(input));
  if (dims.size() < 2)
    return shapes.error() << "input is " << toString(dims)
                          << ", expected at least 2 dimensions";
  bool last = false;
  if (auto attr = op->getAttrOfType<IntegerAttr>("channels_last"))
    last = attr.getInt();
  size_t begin = last ? 1 : 2, end = last ? dims.size() - 1 : dims.size();
  for (size_t i = begin; i < end; ++i)
    dims[i] = 1;
  return shapes.result(op->getResult(0), element, dims);
}

LogicalResult inferMaxUnpool(MaxUnpoolOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getX());
  if (!shapes.ranked(op.getX()))
    return shapes.resultUnranked(op.getOutput(), element);
  Shape dims(shapes.dims(op.getX()));
  if (op.getOutputShape()) {
    auto given = shapes.elements(op.getOutputShape());
    if (given && given->size() == dims.size())
      return shapes.result(op.getOutput(), element, *given);
    return shapes.result(op.getOutput(), element,
                         shapes.unknownDims(dims.size()));
  }
  size_t spatial = dims.size() - 2;
  WindowAttributes window = windowOf(op);
  if (failed(checkWindow(shapes, window, spatial)))
    return failure();
  for (size_t i = 0; i < spatial; ++i) {
    int64_t pads =
        entry(window.pads, i, 0) + entry(window.pads, spatial + i, 0);
    DimExpr size = shapes.multiply(shapes.subtract(dims[i + 2], 1),
                                   entry(window.strides, i, 1));
    dims[i + 2] = shapes.add(size, (*window.kernel)[i] - pads);
  }
  return shapes.result(op.getOutput(), element, dims);
}

LogicalResult inferCol2Im(Col2ImOp op, OpShapes &shapes) {
  Type element = shapes.element(op.getInput());
  auto image = shapes.elements(op.getImageShape());
  auto count = shapes.length(op.getImageShape());
  if (!count)
    return shapes.resultUnranked(op.getOutput(), element);
  if (!shapes.ranked(op.getInput()))
    return shapes.result(op.getOutput(), element,
                         shapes.unknownDims(*count + 2));
  if (failed(shapes.expectRank(op.getInput(), 3, "input")))
    return failure();
  auto x = shapes.dims(op.getInput());
  auto block = shapes.elements(op.getBlockShape());
  Shape dims{x[0], block ? shapes.floorDivide(x[1], shapes.product(*block))
                         : shapes.unknown()};
  for (int64_t i = 0; i < *count; ++i)
    dims.push_back(image ? (*image)[i] : shapes.unknown());
  return shapes.result(op.getOutput(), element, dims);
}

} // namespace

void ashlar::onnx::registerConvolutionShapes(ShapeRegistry &registry) {
  registry.add<ConvOp, inferConv>();
  registry.add<MsFusedConvOp, inferFusedConv>();
  registry.add<ConvIntegerOp, inferConvInteger>();
  registry.add<QLinearConvOp, inferQLinearConv>();
  registry.add<DeformConvOp, inferDeformConv>();
  registry.add<ConvTransposeOp, inferConvTranspose>();
  registry.add<AveragePoolOp, inferPool>();
  registry.add<LpPoolOp, inferPool>();
  registry.add<MaxPoolOp, inferMaxPool>();
  registry.add<MsQLinearAveragePoolOp, inferQLinearAveragePool>();
  registry.add<GlobalAveragePoolOp, GlobalMaxPoolOp, GlobalLpPoolOp,
               MsQLinearGlobalAveragePoolOp>(inferGlobalPool);
  registry.add<MaxUnpoolOp, inferMaxUnpool>();
  registry.add<Col2ImOp, inferCol2Im>();
}
