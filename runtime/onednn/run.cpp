// The calls of compiled models: contractions cut into parts for the workers.
#include <algorithm>

#include "primitive.h"

using namespace ashlar::onednn;

namespace {

int64_t workersOf(const ashlar_args *args) {
  return args->executor ? std::max<uint32_t>(args->executor->workers, 1) : 1;
}

const char *at(const void *data, int64_t elements, int64_t bytes) {
  return static_cast<const char *>(data) + elements * bytes;
}

int64_t leftBytes(int64_t type) {
  return type == ASHLAR_ONEDNN_F32 ? 4 : type == ASHLAR_ONEDNN_BF16 ? 2 : 1;
}
constexpr int64_t kSumBytes = 4;

template <class Layer>
void compute(const Layer &layer, const void *left, const void *right,
             const float *bias, void *output) {
  try {
    OneThread alone;
    if (auto primitive = obtain(layer, right, bias != nullptr))
      return primitive->run(left, right, bias, output);
  } catch (const std::exception &) {
    // Not enough memory, most likely: slowly, then.
  }
  runPlain(layer, left, right, bias, output);
}

/// Part `index` of `count` of a range.
struct Range {
  Range(int64_t size, int64_t index, int64_t count)
      : begin(size * index / count), size(size * (index + 1) / count - begin) {}
  int64_t begin, size;
};

/// A convolution in `imageParts` times `rowParts` parts.
struct ConvCall {
  const ashlar_onednn_conv *layer;
  const void *input, *filter;
  const float *bias;
  void *output;
  int64_t imageParts, rowParts;

  int64_t parts() const { return imageParts * rowParts; }
  void run(int64_t index) const {
    ashlar_onednn_conv part = *layer;
    Range images(part.images, index / rowParts, imageParts);
    Range rows(part.out_height, index % rowParts, rowParts);
    int64_t in = images.begin * part.in_image +
                 rows.begin * part.stride_height * part.in_row;
    int64_t out = images.begin * part.out_image + rows.begin * part.out_row;
    part.images = images.size;
    if (rows.size != part.out_height) {
      part.out_height = rows.size;
      part.height = (rows.size - 1) * part.stride_height +
                    (part.filter_height - 1) * part.dilation_height + 1;
    }
    compute(part, at(input, in, leftBytes(part.type)), filter, bias,
            const_cast<char *>(at(output, out, kSumBytes)));
  }
};

/// Products of batches, of rows, or where these are few of columns.
struct MatmulCall {
  const ashlar_onednn_matmul *layer;
  const void *lhs, *rhs;
  const float *bias;
  void *output;
  int64_t rowParts, columnParts;

  int64_t parts() const { return layer->batches * rowParts * columnParts; }
  void run(int64_t index) const {
    ashlar_onednn_matmul part = *layer;
    Range columns(part.columns, index % columnParts, columnParts);
    Range rows(part.rows, index / columnParts % rowParts, rowParts);
    int64_t batch = index / (columnParts * rowParts);
    part.batches = 1;
    part.rows = rows.size;
    part.columns = columns.size;
    // Not the same weights as those of other columns.
    if (part.weights_key)
      part.weights_key ^= columns.begin;
    int64_t bytes = leftBytes(part.type),
            rightBytes = part.type == ASHLAR_ONEDNN_U8S8 ? 1 : bytes;
    compute(part,
            at(lhs, batch * part.lhs_batch + rows.begin * part.lhs_row, bytes),
            at(rhs, batch * part.rhs_batch + columns.begin, rightBytes),
            bias ? bias + columns.begin : nullptr,
            const_cast<char *>(at(output,
                                  batch * part.out_batch +
                                      rows.begin * part.out_row + columns.begin,
                                  kSumBytes)));
  }
};

template <class Call> void runPart(void *call, uint32_t index, uint32_t) {
  static_cast<const Call *>(call)->run(index);
}

template <class Call> void runAll(const ashlar_args *args, Call &call) {
  ashlar_rt1_parallel_for(args, runPart<Call>, &call, uint32_t(call.parts()));
}

} // namespace

void ashlar_onednn1_conv(const ashlar_args *args,
                         const ashlar_onednn_conv *layer, const void *input,
                         const void *filter, const float *bias, void *output) {
  if (layer->images * layer->out_height * layer->out_width * layer->filters ==
      0)
    return;
  int64_t workers = workersOf(args), images = layer->images;
  ConvCall call{layer, input, filter, bias, output, 1, 1};
  if (images >= workers)
    call.imageParts = workers;
  else if (workers > 1) {
    call.imageParts = images;
    call.rowParts =
        std::min((workers + images - 1) / images, layer->out_height);
  }
  runAll(args, call);
}

void ashlar_onednn1_matmul(const ashlar_args *args,
                           const ashlar_onednn_matmul *layer, const void *lhs,
                           const void *rhs, const float *bias, void *output) {
  if (layer->batches * layer->rows * layer->columns == 0)
    return;
  constexpr int64_t kFewRows = 16, kFewColumns = 64;
  int64_t workers = workersOf(args);
  MatmulCall call{layer, lhs, rhs, bias, output, 1, 1};
  if (layer->batches < workers) {
    int64_t parts = (workers + layer->batches - 1) / layer->batches;
    if (layer->rows >= parts * kFewRows)
      call.rowParts = parts;
    else
      call.columnParts =
          std::clamp<int64_t>(layer->columns / kFewColumns, 1, parts);
  }
  runAll(args, call);
}
