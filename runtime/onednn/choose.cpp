// Which primitive computes a contraction, and the primitives made so far.
#include <cstring>
#include <map>
#include <mutex>
#include <string>

#include "primitive.h"

using namespace ashlar::onednn;
using dnnl::memory;
using Type = memory::data_type;

namespace {

Type sourceType(int64_t type) {
  return type == ASHLAR_ONEDNN_F32    ? Type::f32
         : type == ASHLAR_ONEDNN_BF16 ? Type::bf16
                                      : Type::u8;
}
Type weightsType(int64_t type) {
  return type == ASHLAR_ONEDNN_U8S8 ? Type::s8 : sourceType(type);
}
Type targetType(int64_t type) {
  return type == ASHLAR_ONEDNN_U8S8 ? Type::s32 : Type::f32;
}

/// Sums of bytes are exact from VNNI on: before it oneDNN adds pairs of
/// products in 16 bits, which saturate.
bool isExact(int64_t type) {
  return type != ASHLAR_ONEDNN_U8S8 ||
         (dnnl_get_effective_cpu_isa() & dnnl_cpu_isa_avx512_core_vnni) ==
             dnnl_cpu_isa_avx512_core_vnni;
}

dnnl::primitive_attr attributes() {
  dnnl::primitive_attr result;
  result.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return result;
}

/// oneDNN's plain implementations take hundreds of times as long.
bool isPlain(const char *implementation) {
  return !strncmp(implementation, "ref", 3);
}

/// An image whose pixels lie side by side, as oneDNN's fast primitives want.
memory::desc denseImage(const memory::dims &sizes, Type type) {
  return {sizes, type, memory::format_tag::nhwc};
}

/// An image as it lies in memory. Strides of axes that are not walked along are
/// those of a dense image, by which oneDNN tells it.
memory::desc image(const memory::dims &sizes, Type type, int64_t perImage,
                   int64_t perRow, int64_t perPixel) {
  perPixel = sizes[3] == 1 && sizes[2] == 1 ? sizes[1] : perPixel;
  perRow = sizes[2] == 1 ? sizes[3] * perPixel : perRow;
  perImage = sizes[0] == 1 ? sizes[2] * perRow : perImage;
  return {sizes, type, memory::dims{perImage, 1, perRow, perPixel}};
}

/// A side that is read to its end, and no further, by `out` windows.
int64_t usedSize(int64_t size, int64_t out, int64_t stride, int64_t window) {
  bool whole = (size - window) / stride + 1 == out;
  return whole ? size : (out - 1) * stride + window;
}

template <class Description>
std::shared_ptr<Primitive> finish(const Description &chosen,
                                  const Operands &given) {
  auto result = std::make_shared<Primitive>();
  result->primitive = dnnl::primitive(chosen);
  result->given = given;
  result->wanted = {chosen.src_desc(), chosen.weights_desc(), chosen.dst_desc(),
                    given.bias};
  result->scratchpad = chosen.scratchpad_desc();
  return result;
}

std::shared_ptr<Primitive> make(const ashlar_onednn_conv &c, bool bias) {
  using Convolution = dnnl::convolution_forward;
  int64_t windowHeight = (c.filter_height - 1) * c.dilation_height + 1;
  int64_t windowWidth = (c.filter_width - 1) * c.dilation_width + 1;
  memory::dims in = {c.images, c.channels,
                     usedSize(c.height, c.out_height, c.stride_height,
                              windowHeight),
                     usedSize(c.width, c.out_width, c.stride_width,
                              windowWidth)},
               out = {c.images, c.filters, c.out_height, c.out_width},
               filter = {c.filters, c.channels / c.groups, c.filter_height,
                         c.filter_width};
  auto order = memory::format_tag::oihw;
  if (c.groups > 1) {
    filter[0] /= c.groups;
    filter.insert(filter.begin(), c.groups);
    order = memory::format_tag::goihw;
  }
  Operands given{
      image(in, sourceType(c.type), c.in_image, c.in_row, c.in_pixel),
      memory::desc(filter, weightsType(c.type), order),
      image(out, targetType(c.type), c.out_image, c.out_row, c.out_pixel),
      {}};
  if (bias)
    given.bias = memory::desc({c.filters}, Type::f32, memory::format_tag::a);
  memory::desc anyFilter(filter, weightsType(c.type), memory::format_tag::any);
  memory::dims strides = {c.stride_height, c.stride_width}, none = {0, 0},
               dilations = {c.dilation_height - 1, c.dilation_width - 1};
  auto kind = dnnl::prop_kind::forward_inference;
  auto direct = dnnl::algorithm::convolution_direct;
  // First as the images are, then copied to where they are dense.
  for (bool dense : {false, true}) {
    memory::desc source =
        dense ? denseImage(in, sourceType(c.type)) : given.source;
    memory::desc target =
        dense ? denseImage(out, targetType(c.type)) : given.target;
    auto desc =
        bias ? Convolution::desc(kind, direct, source, anyFilter, given.bias,
                                 target, strides, dilations, none, none)
             : Convolution::desc(kind, direct, source, anyFilter, target,
                                 strides, dilations, none, none);
    Convolution::primitive_desc chosen(desc, attributes(), cpu(),
                                       /*allow_empty=*/true);
    if (chosen && !isPlain(chosen.impl_info_str()))
      return finish(chosen, given);
  }
  return nullptr;
}

std::shared_ptr<Primitive> make(const ashlar_onednn_matmul &m, bool bias) {
  using Product = dnnl::matmul;
  auto matrix = [](int64_t rows, int64_t columns, Type type, int64_t perRow) {
    return memory::desc({rows, columns}, type,
                        memory::dims{rows == 1 ? columns : perRow, 1});
  };
  Operands given{matrix(m.rows, m.depth, sourceType(m.type), m.lhs_row),
                 matrix(m.depth, m.columns, weightsType(m.type), m.rhs_row),
                 matrix(m.rows, m.columns, targetType(m.type), m.out_row),
                 {}};
  if (bias)
    given.bias =
        memory::desc({1, m.columns}, Type::f32, memory::format_tag::ab);
  memory::desc any({m.depth, m.columns}, weightsType(m.type),
                   memory::format_tag::any);
  // What is not constant is best read where it is.
  for (bool pack : {m.weights_key != 0, m.weights_key == 0}) {
    const memory::desc &weights = pack ? any : given.weights;
    auto desc =
        bias ? Product::desc(given.source, weights, given.bias, given.target)
             : Product::desc(given.source, weights, given.target);
    Product::primitive_desc chosen(desc, attributes(), cpu(),
                                   /*allow_empty=*/true);
    if (chosen && !isPlain(chosen.impl_info_str()))
      return finish(chosen, given);
  }
  return nullptr;
}

std::string bytesOf(const void *data, size_t size) {
  return std::string(static_cast<const char *>(data), size);
}

/// Everything made so far.
class Store {
public:
  template <class Layer>
  std::shared_ptr<const Primitive> obtain(const Layer &layer,
                                          const void *weights, bool bias) {
    std::string key = bytesOf(&layer, sizeof layer) + (bias ? "b" : "");
    std::lock_guard<std::mutex> guard(lock);
    auto found = primitives.find(key);
    if (found != primitives.end())
      return found->second;
    // Sizes that follow from the inputs may be many.
    if (primitives.size() >= kMost)
      clear();
    std::shared_ptr<Primitive> made =
        isExact(layer.type) ? make(layer, bias) : nullptr;
    if (made && layer.weights_key &&
        made->wanted.weights != made->given.weights)
      made->packed = pack(layer.weights_key, *made, weights);
    primitives.emplace(std::move(key), made);
    return made;
  }
  void release() {
    std::lock_guard<std::mutex> guard(lock);
    clear();
  }

private:
  /// The same weights in the same form are kept once.
  std::shared_ptr<memory> pack(int64_t weightsKey, const Primitive &primitive,
                               const void *weights) {
    const memory::desc &from = primitive.given.weights,
                       &to = primitive.wanted.weights;
    std::string key = bytesOf(&weightsKey, sizeof weightsKey) +
                      bytesOf(&from.data, sizeof from.data) +
                      bytesOf(&to.data, sizeof to.data);
    std::shared_ptr<memory> &place = packed[key];
    if (!place) {
      auto made = std::make_shared<memory>(to, cpu());
      memory source(from, cpu(), const_cast<void *>(weights));
      dnnl::stream stream(cpu());
      dnnl::reorder(source, *made).execute(stream, source, *made);
      stream.wait();
      place = made;
    }
    return place;
  }
  void clear() {
    primitives.clear();
    packed.clear();
  }

  static constexpr size_t kMost = 4096;
  std::mutex lock;
  std::map<std::string, std::shared_ptr<const Primitive>> primitives;
  std::map<std::string, std::shared_ptr<memory>> packed;
};

Store &store() {
  static Store all;
  return all;
}

} // namespace

std::shared_ptr<const Primitive>
ashlar::onednn::obtain(const ashlar_onednn_conv &layer, const void *filter,
                       bool bias) {
  return store().obtain(layer, filter, bias);
}

std::shared_ptr<const Primitive>
ashlar::onednn::obtain(const ashlar_onednn_matmul &layer, const void *rhs,
                       bool bias) {
  return store().obtain(layer, rhs, bias);
}

void ashlar_onednn_release(void) { store().release(); }
