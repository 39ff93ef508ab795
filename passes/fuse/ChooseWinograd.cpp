//===- ChooseWinograd.cpp - 3x3 convolutions with fewer products ----------===//
#include "passes/fuse/Passes.h"

#include "llvm/Support/MathExtras.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include "dialects/nn/NnDialect.h"
#include "passes/analysis/ConstantData.h"

namespace ashlar {
#define GEN_PASS_DEF_CHOOSEWINOGRAD
#include "passes/fuse/Passes.h.inc"
} // namespace ashlar

using namespace mlir;
using namespace ashlar;

namespace {

/// Sizes of a convolution that can be done in tiles.
struct Sizes {
  int64_t batches, height, width, channels, outputs; // of the output
  int64_t rowsOfTiles(int64_t tile) const {
    return llvm::divideCeil(height, tile);
  }
  int64_t tilesInRow(int64_t tile) const {
    return llvm::divideCeil(width, tile);
  }
};

/// Operations that a core does in the time in which a weight arrives.
constexpr double kOperationsPerWeight = 40;
/// What transforms cost for each element that is transformed, in operations.
constexpr double kOperationsPerElement = 24;

/// Estimated operations of the convolution, direct (`tile` 1) or in tiles.
double costOf(const Sizes &s, int64_t tile) {
  double places = tile == 1 ? 9 : (tile + 2) * (tile + 2);
  double tiles = double(s.batches * s.rowsOfTiles(tile) * s.tilesInRow(tile));
  double pairs = double(s.channels * s.outputs);
  double transforms =
      tile == 1 ? 0 : kOperationsPerElement * double(s.channels + s.outputs);
  return tiles * places * (2 * pairs + transforms) +
         kOperationsPerWeight * places * pairs;
}

/// The tile that pays best; 1 if none does. Larger tiles round more and need
/// more memory: they have to be clearly better.
int64_t chooseTile(const Sizes &s) {
  constexpr double kClearly = 1.15, kWorthwhile = 1.25;
  double small = costOf(s, 2), large = costOf(s, 4);
  int64_t tile = large * kClearly < small ? 4 : 2;
  return std::min(small, large) * kWorthwhile < costOf(s, 1) ? tile : 1;
}

std::optional<Sizes> sizesOf(nn::ConvOp conv) {
  auto isOne = [](int64_t value) { return value == 1; };
  auto input = cast<RankedTensorType>(conv.getInput().getType());
  auto output = cast<RankedTensorType>(conv.getInit().getType());
  auto filter = cast<RankedTensorType>(conv.getFilter().getType());
  ArrayRef<int64_t> sizes = conv.getFilterSizes();
  if (conv->hasAttr(nn::kLibraryAttrName) || !input.getElementType().isF32() ||
      !input.hasStaticShape() || !output.hasStaticShape() ||
      filter.getRank() != 4 || conv.getGroups() != 1 || sizes[2] != 3 ||
      sizes[3] != 3 || !llvm::all_of(conv.getStrides(), isOne) ||
      !llvm::all_of(conv.getDilations(), isOne) || sizes[0] < 16 ||
      sizes[1] < 16)
    return std::nullopt;
  // Long epilogues would be repeated for every pixel of a tile.
  for (Operation &op : conv.getEpilogue().front())
    if (isa<math::MathDialect>(op.getDialect()))
      return std::nullopt;
  ArrayRef<int64_t> shape = output.getShape();
  return Sizes{shape[0], shape[1], shape[2], sizes[1], sizes[0]};
}

/// Rows of tiles taken together: enough tiles for the products to be matrices,
/// no more than needed, since what lies between should stay in the cache.
int64_t chooseRows(const Sizes &s, int64_t tile) {
  int64_t rows = s.rowsOfTiles(tile), places = (tile + 2) * (tile + 2);
  constexpr int64_t kFew = 28, kMany = 56, kManyWeights = 256 << 10;
  bool large = places * s.channels * s.outputs > kManyWeights;
  for (int64_t part = 1; part < rows; ++part)
    if (rows % part == 0 && part * s.tilesInRow(tile) >= (large ? kMany : kFew))
      return part;
  return rows;
}

/// G g G^T of a 3x3 filter, in double precision.
void transformFilter(const double (&g)[3][3], int64_t tile,
                     double (&result)[6][6]) {
  static const double kSmall[4][3] = {
      {1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
  static const double kLarge[6][3] = {{1. / 4, 0, 0},
                                      {-1. / 6, -1. / 6, -1. / 6},
                                      {-1. / 6, 1. / 6, -1. / 6},
                                      {1. / 24, 1. / 12, 1. / 6},
                                      {1. / 24, -1. / 12, 1. / 6},
                                      {0, 0, 1}};
  const double (*matrix)[3] = tile == 2 ? kSmall : kLarge;
  for (int64_t i = 0; i < tile + 2; ++i)
    for (int64_t j = 0; j < tile + 2; ++j) {
      result[i][j] = 0;
      for (int64_t r = 0; r < 3; ++r)
        for (int64_t c = 0; c < 3; ++c)
          result[i][j] += matrix[i][r] * g[r][c] * matrix[j][c];
    }
}

/// [F, C, 3, 3] to [(tile+2)^2, F/32, C, 32].
ElementsAttr transformedFilter(const ConstantData &data, const Sizes &s,
                               int64_t tile, Type element) {
  int64_t edge = tile + 2;
  int64_t width = nn::PanelForm::of(element).width;
  int64_t panels = llvm::divideCeil(s.outputs, width);
  auto type =
      RankedTensorType::get({edge * edge, panels, s.channels, width}, element);
  return makeConstantData(type, "winograd", [&](MutableArrayRef<char> raw) {
    MutableArrayRef<float> values(reinterpret_cast<float *>(raw.data()),
                                  raw.size() / sizeof(float));
    for (int64_t f = 0; f < s.outputs; ++f)
      for (int64_t c = 0; c < s.channels; ++c) {
        double filter[3][3], result[6][6];
        for (int64_t place = 0; place < 9; ++place)
          filter[place / 3][place % 3] =
              data.at<float>((f * s.channels + c) * 9 + place);
        transformFilter(filter, tile, result);
        for (int64_t place = 0; place < edge * edge; ++place)
          values[((place * panels + f / width) * s.channels + c) * width +
                 f % width] = float(result[place / edge][place % edge]);
      }
  });
}

/// The image with zeros behind it, so that all tiles are whole. Padding that
/// there is grows.
Value padToTiles(ImplicitLocOpBuilder &b, Value image, int64_t rows,
                 int64_t columns) {
  if (rows == 0 && columns == 0)
    return image;
  auto type = cast<RankedTensorType>(image.getType());
  SmallVector<int64_t> low(4, 0), high{0, rows, columns, 0};
  auto pad = image.getDefiningOp<tensor::PadOp>();
  bool isFixed = pad && pad.getConstantPaddingValue() &&
                 !ShapedType::isDynamicShape(pad.getStaticLow()) &&
                 !ShapedType::isDynamicShape(pad.getStaticHigh());
  Value value;
  if (isFixed) {
    image = pad.getSource();
    value = pad.getConstantPaddingValue();
    for (unsigned axis = 0; axis < 4; ++axis) {
      low[axis] = pad.getStaticLow()[axis];
      high[axis] += pad.getStaticHigh()[axis];
    }
  } else {
    value = arith::ConstantOp::create(b, b.getZeroAttr(type.getElementType()));
  }
  SmallVector<int64_t> shape = llvm::to_vector(type.getShape());
  shape[1] += rows;
  shape[2] += columns;
  return tensor::PadOp::create(
      b, type.clone(shape), image, getAsIndexOpFoldResult(b.getContext(), low),
      getAsIndexOpFoldResult(b.getContext(), high), value);
}

void replace(nn::ConvOp conv, const Sizes &s, int64_t tile,
             const ConstantData &data) {
  ImplicitLocOpBuilder b(conv.getLoc(), conv);
  Type element = getElementTypeOrSelf(conv.getInput().getType());
  ElementsAttr filter = transformedFilter(data, s, tile, element);
  Value transformed =
      arith::ConstantOp::create(b, cast<TypedAttr>(filter)).getResult();
  int64_t rows = s.rowsOfTiles(tile), columns = s.tilesInRow(tile);
  Value image = padToTiles(b, conv.getInput(), rows * tile - s.height,
                           columns * tile - s.width);
  int64_t tiles = chooseRows(s, tile) * columns;
  int64_t places = (tile + 2) * (tile + 2);
  // An odd number of cache lines from place to place: what one tile makes is
  // spread over all sets of the cache.
  auto working = [&](int64_t depth) -> Value {
    constexpr int64_t kLine = 16;
    int64_t lines = llvm::divideCeil(tiles * depth, kLine) | 1;
    return tensor::EmptyOp::create(b, ArrayRef<int64_t>{places, lines * kLine},
                                   element);
  };
  Value first = working(s.channels), second = working(s.outputs);
  auto result = nn::WinogradOp::create(
      b, TypeRange{conv.getInit().getType(), first.getType(), second.getType()},
      image, transformed, conv.getExtras(), conv.getInit(), first, second,
      tiles);
  result.getEpilogue().takeBody(conv.getEpilogue());
  conv->getResult(0).replaceAllUsesWith(result->getResult(0));
  conv.erase();
}

struct ChooseWinograd : ashlar::impl::ChooseWinogradBase<ChooseWinograd> {
  void runOnOperation() override {
    SmallVector<nn::ConvOp> convs;
    getOperation().walk([&](nn::ConvOp conv) { convs.push_back(conv); });
    for (nn::ConvOp conv : convs) {
      auto sizes = sizesOf(conv);
      int64_t tile = sizes ? chooseTile(*sizes) : 1;
      if (tile == 1)
        continue;
      if (auto data = constantData(conv.getFilter()))
        replace(conv, *sizes, tile, *data);
    }
  }
};

} // namespace
