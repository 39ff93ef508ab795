#include "tools/ashlar-onednn/OneDnnLayer.h"

#include <cstring>
#include <dlfcn.h>
#include <unordered_map>

#include <oneapi/dnnl/dnnl.hpp>

#include "llvm/ADT/StringSwitch.h"

using namespace ashlar::perf;
using dnnl::memory;
using DataType = memory::data_type;
using Tag = memory::format_tag;

namespace {

const dnnl::engine &cpuEngine() {
  static const dnnl::engine engine = [] {
    // oneDNN's threads are OpenMP's; every comparison is of one thread.
    if (void *set = dlsym(RTLD_DEFAULT, "omp_set_num_threads"))
      reinterpret_cast<void (*)(int)>(set)(1);
    return dnnl::engine(dnnl::engine::kind::cpu, 0);
  }();
  return engine;
}

DataType typeOfInput(Type type) {
  return type == Type::F32    ? DataType::f32
         : type == Type::Bf16 ? DataType::bf16
                              : DataType::u8;
}

} // namespace

struct OneDnnLayer::State {
  State(const Shape &shape, Type type, const LayerData &data, Result result)
      : type(type), data(data), sums(result == Result::Sums) {
    if (shape.isConvolution)
      makeConvolution(shape);
    else
      makeProduct(shape);
    stream.wait();
  }

  DataType resultType() const {
    if (type == Type::U8S8)
      return sums ? DataType::s32 : DataType::u8;
    // The sums of bf16 are compared before they are rounded.
    return type == Type::Bf16 && !sums ? DataType::bf16 : DataType::f32;
  }
  DataType weightType() const {
    return type == Type::U8S8 ? DataType::s8 : typeOfInput(type);
  }

  dnnl::primitive_attr attributes() const {
    dnnl::primitive_attr attributes;
    if (type == Type::U8S8 && !sums)
      attributes.set_output_scales(1 << 1, data.scales);
    return attributes;
  }

  /// A memory of `desc` filled from plain values in layout `plain`.
  memory filled(const memory::desc &plain, const memory::desc &desc,
                const void *values) {
    memory from(plain, cpuEngine());
    memcpy(from.get_data_handle(), values, plain.get_size());
    if (plain == desc)
      return from;
    memory to(desc, cpuEngine());
    dnnl::reorder(from, to).execute(stream, from, to);
    stream.wait();
    return to;
  }

  void makeProduct(const Shape &shape) {
    memory::dims a = {shape.rows, shape.depth},
                 b = {shape.depth, shape.columns},
                 c = {shape.rows, shape.columns}, row = {1, shape.columns};
    memory::desc source(a, typeOfInput(type), Tag::ab),
        weights(b, weightType(), Tag::any), target(c, resultType(), Tag::ab),
        bias(row, DataType::f32, Tag::ab);
    auto desc = sums ? dnnl::matmul::desc(source, weights, target)
                     : dnnl::matmul::desc(source, weights, bias, target);
    dnnl::matmul::primitive_desc chosen(desc, attributes(), cpuEngine());
    primitive = dnnl::matmul(chosen);
    implementation = chosen.impl_info_str();
    setArguments(chosen.src_desc(), memory::desc(a, inputFile(), Tag::ab),
                 chosen.weights_desc(), memory::desc(b, weightFile(), Tag::ab),
                 bias, chosen.dst_desc());
    plainResult = memory::desc(c, resultType(), Tag::ab);
  }

  void makeConvolution(const Shape &shape) {
    int64_t height = shape.outputSize(shape.height),
            width = shape.outputSize(shape.width);
    memory::dims x = {shape.images, shape.channels, shape.height, shape.width},
                 y = {shape.images, shape.filters, height, width},
                 w = {shape.filters, shape.channels, shape.kernel,
                      shape.kernel};
    Tag weightTag = Tag::oihw;
    if (shape.groups > 1) {
      w = {shape.groups, shape.filters / shape.groups,
           shape.channels / shape.groups, shape.kernel, shape.kernel};
      weightTag = Tag::goihw;
    }
    memory::dims strides = {shape.stride, shape.stride},
                 pads = {shape.pad, shape.pad};
    memory::desc source(x, typeOfInput(type), Tag::any),
        weights(w, weightType(), Tag::any), target(y, resultType(), Tag::any),
        bias({shape.filters}, DataType::f32, Tag::a);
    auto kind = dnnl::prop_kind::forward_inference;
    auto algorithm = dnnl::algorithm::convolution_direct;
    using Convolution = dnnl::convolution_forward;
    auto desc = sums ? Convolution::desc(kind, algorithm, source, weights,
                                         target, strides, pads, pads)
                     : Convolution::desc(kind, algorithm, source, weights, bias,
                                         target, strides, pads, pads);
    Convolution::primitive_desc chosen(desc, attributes(), cpuEngine());
    primitive = Convolution(chosen);
    implementation = chosen.impl_info_str();
    setArguments(chosen.src_desc(), memory::desc(x, inputFile(), Tag::nhwc),
                 chosen.weights_desc(),
                 memory::desc(w, weightFile(), weightTag), bias,
                 chosen.dst_desc());
    plainResult = memory::desc(y, resultType(), Tag::nhwc);
  }

  // Types that LayerData holds.
  DataType inputFile() const {
    return type == Type::U8S8 ? DataType::u8 : DataType::f32;
  }
  DataType weightFile() const {
    return type == Type::U8S8 ? DataType::s8 : DataType::f32;
  }

  void setArguments(const memory::desc &source, const memory::desc &plainSource,
                    const memory::desc &weights,
                    const memory::desc &plainWeights, const memory::desc &bias,
                    const memory::desc &target) {
    bool integer = type == Type::U8S8;
    const void *input = integer
                            ? static_cast<const void *>(data.byteInput.data())
                            : data.input.data();
    const void *factors =
        integer ? static_cast<const void *>(data.byteWeights.data())
                : data.weights.data();
    arguments[DNNL_ARG_SRC] = filled(plainSource, source, input);
    arguments[DNNL_ARG_WEIGHTS] = filled(plainWeights, weights, factors);
    if (!sums)
      arguments[DNNL_ARG_BIAS] = filled(bias, bias, data.bias.data());
    arguments[DNNL_ARG_DST] = memory(target, cpuEngine());
  }

  /// The result in rows, or NHWC.
  template <class T> std::vector<T> result(const memory::desc &plain) {
    memory to(plain, cpuEngine());
    memory from = arguments[DNNL_ARG_DST];
    dnnl::reorder(from, to).execute(stream, from, to);
    stream.wait();
    auto *values = static_cast<const T *>(to.get_data_handle());
    return std::vector<T>(values, values + plain.get_size() / sizeof(T));
  }

  Type type;
  const LayerData &data;
  bool sums;
  dnnl::stream stream{cpuEngine()};
  dnnl::primitive primitive;
  std::unordered_map<int, memory> arguments;
  memory::desc plainResult;
  std::string implementation;
};

bool ashlar::perf::limitOneDnn(llvm::StringRef isa) {
  int value = llvm::StringSwitch<int>(isa)
                  .Case("all", dnnl_cpu_isa_all)
                  .Case("avx2", dnnl_cpu_isa_avx2)
                  .Case("avx512_core", dnnl_cpu_isa_avx512_core)
                  .Case("avx512_core_vnni", dnnl_cpu_isa_avx512_core_vnni)
                  .Case("avx512_core_bf16", dnnl_cpu_isa_avx512_core_bf16)
                  .Case("avx512_core_amx", dnnl_cpu_isa_avx512_core_amx)
                  .Default(-1);
  return value >= 0 && dnnl_set_max_cpu_isa(
                           static_cast<dnnl_cpu_isa_t>(value)) == dnnl_success;
}

std::string ashlar::perf::oneDnnVersion() {
  const dnnl_version_t *version = dnnl_version();
  return std::to_string(version->major) + "." + std::to_string(version->minor) +
         "." + std::to_string(version->patch);
}

OneDnnLayer::OneDnnLayer(const Shape &shape, Type type, const LayerData &data,
                         Result result)
    : state(std::make_unique<State>(shape, type, data, result)) {}

OneDnnLayer::~OneDnnLayer() = default;

void OneDnnLayer::run() {
  state->primitive.execute(state->stream, state->arguments);
  state->stream.wait();
}

std::vector<float> OneDnnLayer::floats() {
  memory::desc plain = state->plainResult;
  plain.data.data_type = dnnl_f32;
  return state->result<float>(
      memory::desc(plain.dims(), DataType::f32,
                   plain.dims().size() == 2 ? Tag::ab : Tag::nhwc));
}

std::vector<int32_t> OneDnnLayer::sums() {
  return state->result<int32_t>(state->plainResult);
}

std::string OneDnnLayer::implementation() const {
  return state->implementation;
}
