//===- ImagePooling.cpp - MaxPool and AveragePool on one to three axes ----===//
//
// The fast way for pools of signals, images and volumes of floats, or maxima of
// bytes: nn.pool on NHWC images, f16 and bf16 widened to f32. What fails here
// goes to the general lowering.
//
//===----------------------------------------------------------------------===//
#include "dialects/nn/NnDialect.h"
#include "dialects/onnx/OnnxOps.h"
#include "passes/convert/Families.h"
#include "passes/convert/ImagePadding.h"
#include "passes/convert/OnnxLowering.h"
#include "passes/convert/ReducedPrecision.h"

using namespace mlir;
using namespace ashlar;

namespace {

bool isPooledFloat(Type type) {
  return type.isF32() || type.isF16() || type.isBF16();
}

/// Where a pool's windows lie: what the operator declares, and the same with
/// what rounding up adds behind. One spatial axis gets a unit row.
struct PoolGeometry {
  ImageWindow declared, window;
  SmallVector<int64_t> inputs; // along the spatial axes
  int64_t rank;                // of the ONNX tensors
};

/// Rounding up adds padding at the end, if the last window still begins inside
/// the image or its padding at the beginning.
LogicalResult roundUp(PoolGeometry &geometry) {
  ImageWindow &window = geometry.window;
  for (auto [axis, input] : llvm::enumerate(geometry.inputs)) {
    if (ShapedType::isDynamic(input))
      return failure();
    int64_t reach = (window.size[axis] - 1) * window.dilations[axis] + 1;
    int64_t room = input + window.padBegin[axis] + window.padEnd[axis] - reach;
    int64_t stride = window.strides[axis];
    int64_t last = (room + stride - 1) / stride;
    if (last * stride >= input + window.padBegin[axis])
      --last;
    window.padEnd[axis] += std::max<int64_t>(last * stride - room, 0);
  }
  return success();
}

void addUnitRow(ImageWindow &window) {
  for (auto [values, value] :
       {std::pair(&window.size, 1), std::pair(&window.strides, 1),
        std::pair(&window.dilations, 1), std::pair(&window.padBegin, 0),
        std::pair(&window.padEnd, 0)})
    values->insert(values->begin(), value);
}

template <typename OpTy>
LogicalResult describe(OpTy op, TensorBuilder &b, Value image,
                       PoolGeometry &geometry) {
  auto type = cast<RankedTensorType>(image.getType());
  geometry.rank = type.getRank();
  if (geometry.rank < 3 || geometry.rank > 5)
    return failure();
  geometry.inputs = llvm::to_vector(type.getShape().drop_front(2));
  geometry.declared = ImageWindow::make(op.getKernelShape(), op.getStrides(),
                                        op.getDilations());
  TensorBuilder::Sizes sizes = b.dims(image);
  if (failed(geometry.declared.resolvePads(op.getAutoPad(), op.getPads(),
                                           ArrayRef(sizes).drop_front(2))))
    return failure();
  geometry.window = geometry.declared;
  if (op.getCeilMode() && failed(roundUp(geometry)))
    return failure();
  if (geometry.rank == 3) {
    addUnitRow(geometry.declared);
    addUnitRow(geometry.window);
    geometry.inputs.insert(geometry.inputs.begin(), 1);
  }
  return success();
}

/// Pools a padded image with channels last.
Value poolImage(TensorBuilder &b, Value image, const ImageWindow &window,
                StringRef kind, bool signedBytes) {
  TensorBuilder::Sizes sizes = b.dims(image);
  Type element = elementType(image);
  ImageWindow unpadded = window;
  unpadded.padBegin.assign(2, 0);
  unpadded.padEnd.assign(2, 0);
  Value init = b.empty({sizes[0], unpadded.outputSize(b, sizes[1], 0),
                        unpadded.outputSize(b, sizes[2], 1), sizes[3]},
                       element);
  auto pool = nn::PoolOp::create(b, TypeRange{init.getType()}, image,
                                 ValueRange(), init, kind, window.size,
                                 window.strides, window.dilations, signedBytes);
  nn::addTrivialEpilogue(b, pool.getEpilogue(), b.getLoc(), element, {});
  return pool->getResult(0);
}

/// Pools a padded image or volume with channels last: of a volume the slices,
/// and of these the depth, as the rows of an image whose columns are the places
/// in a slice.
Value makePool(TensorBuilder &b, Value padded, const ImageWindow &window,
               StringRef kind, bool signedBytes = false) {
  if (window.size.size() == 2)
    return poolImage(b, padded, window, kind, signedBytes);
  TensorBuilder::Sizes sizes = b.dims(padded);
  auto alongAxes = [&](ArrayRef<int64_t> axes) {
    ImageWindow part;
    for (int64_t axis : axes) {
      part.size.push_back(axis < 0 ? 1 : window.size[axis]);
      part.strides.push_back(axis < 0 ? 1 : window.strides[axis]);
      part.dilations.push_back(axis < 0 ? 1 : window.dilations[axis]);
    }
    return part;
  };
  Value slices = b.reshape(
      padded, {b.sizeMul(sizes[0], sizes[1]), sizes[2], sizes[3], sizes[4]});
  Value pooled = poolImage(b, slices, alongAxes({1, 2}), kind, signedBytes);
  OpFoldResult rows = b.dim(pooled, 1), columns = b.dim(pooled, 2);
  Value lines = b.reshape(
      pooled, {sizes[0], sizes[1], b.sizeMul(rows, columns), sizes[4]});
  pooled = poolImage(b, lines, alongAxes({0, -1}), kind, signedBytes);
  return b.reshape(pooled,
                   {sizes[0], b.dim(pooled, 1), rows, columns, sizes[4]});
}

Lowered lowerMaxPool(onnx::MaxPoolOp op, onnx::MaxPoolOp::Adaptor in,
                     TensorBuilder &b) {
  PoolGeometry geometry;
  Type given = elementType(in.getX());
  if ((!isPooledFloat(given) && !given.isInteger(8)) ||
      op->getNumResults() != 1 || failed(describe(op, b, in.getX(), geometry)))
    return b.unsupported("on the fast path with these attributes");
  bool isUnsigned = ashlar::isUnsigned(op.getX().getType());
  Value input = given.isInteger(8) ? in.getX() : toF32(b, in.getX());
  Value image = padSpatial(b, toNhwc(b, input), geometry.window,
                           b.lowest(elementType(input), isUnsigned));
  bool signedBytes = given.isInteger(8) && !isUnsigned;
  Value pooled =
      fromNhwc(b, makePool(b, image, geometry.window, "max", signedBytes),
               geometry.rank);
  return given.isInteger(8) ? pooled : fromF32(b, pooled, given);
}

/// How many elements of the image, or of its declared padding, lie under each
/// output pixel's window along one axis.
SmallVector<int64_t> countUnder(const ImageWindow &declared, int64_t input,
                                int64_t outputs, unsigned axis,
                                bool includePad) {
  int64_t begin = includePad ? -declared.padBegin[axis] : 0;
  int64_t end = input + (includePad ? declared.padEnd[axis] : 0);
  SmallVector<int64_t> counts;
  for (int64_t output = 0; output < outputs; ++output) {
    int64_t first = output * declared.strides[axis] - declared.padBegin[axis];
    int64_t count = 0;
    for (int64_t place = 0; place < declared.size[axis]; ++place) {
      int64_t at = first + place * declared.dilations[axis];
      count += at >= begin && at < end;
    }
    counts.push_back(count);
  }
  return counts;
}

/// The same for all outputs, [axes..., 1].
Value countsUnder(TensorBuilder &b, const PoolGeometry &geometry,
                  ArrayRef<int64_t> outputs, bool includePad) {
  SmallVector<float> counts = {1};
  for (auto [axis, count] : llvm::enumerate(outputs)) {
    SmallVector<float> products;
    SmallVector<int64_t> along = countUnder(
        geometry.declared, geometry.inputs[axis], count, axis, includePad);
    for (float outer : counts)
      for (int64_t inner : along)
        products.push_back(outer * float(inner));
    counts = std::move(products);
  }
  SmallVector<int64_t> shape(outputs);
  shape.push_back(1);
  return arith::ConstantOp::create(
      b, DenseElementsAttr::get(RankedTensorType::get(shape, b.getF32Type()),
                                ArrayRef<float>(counts)));
}

Lowered lowerAveragePool(onnx::AveragePoolOp op,
                         onnx::AveragePoolOp::Adaptor in, TensorBuilder &b) {
  PoolGeometry geometry;
  Type type = elementType(in.getX()), f32 = b.getF32Type();
  if (!isPooledFloat(type) || failed(describe(op, b, in.getX(), geometry)))
    return b.unsupported("on the fast path with these attributes");
  bool uniform = !geometry.window.isPadded();
  if (!uniform && ShapedType::isDynamicShape(geometry.inputs))
    return b.unsupported("with padding of an unknown size");
  Value image = padSpatial(b, toNhwc(b, toF32(b, in.getX())), geometry.window,
                           b.zero(f32));
  Value sum = makePool(b, image, geometry.window, "sum");
  SmallVector<Value> inputs{sum};
  if (!uniform)
    inputs.push_back(countsUnder(b, geometry,
                                 cast<RankedTensorType>(sum.getType())
                                     .getShape()
                                     .drop_front()
                                     .drop_back(),
                                 op.getCountIncludePad()));
  double area = llvm::product_of(geometry.window.size);
  Value average = b.map(f32, inputs, [&](TensorBuilder &inner, ValueRange x) {
    return inner.div(x[0], uniform ? inner.scalar(f32, area) : x[1]);
  });
  return fromF32(b, fromNhwc(b, average, geometry.rank), type);
}

} // namespace

void ashlar::populateImagePoolingPatterns(const OnnxTypeConverter &converter,
                                          RewritePatternSet &patterns) {
  addLowering<onnx::MaxPoolOp>(converter, patterns, lowerMaxPool,
                               /*benefit=*/2);
  addLowering<onnx::AveragePoolOp>(converter, patterns, lowerAveragePool,
                                   /*benefit=*/2);
}
