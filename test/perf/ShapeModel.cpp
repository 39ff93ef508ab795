#include "test/perf/ShapeModel.h"

#include <cstring>

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

#include "compiler/api/Compile.h"
#include "compiler/import/onnx.pb.h"

using namespace ashlar;
using namespace ashlar::perf;

namespace {

/// Values that bf16 can express, as such.
std::vector<uint16_t> upperHalves(const std::vector<float> &values) {
  std::vector<uint16_t> halves;
  for (float value : values) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    halves.push_back(uint16_t(bits >> 16));
  }
  return halves;
}

/// Builds the graph node by node; each takes the value before it.
class Builder {
public:
  Builder(const Shape &shape, Type type, const LayerData &data)
      : shape(shape), type(type), data(data) {
    model.set_ir_version(10);
    model.add_opset_import()->set_version(21);
    model.mutable_graph()->set_name(shape.name);
  }

  void build(Result result);
  std::string bytes() const { return model.SerializeAsString(); }

private:
  onnx::GraphProto &graph() { return *model.mutable_graph(); }
  onnx::NodeProto &node(const char *op, std::vector<std::string> inputs);
  void ints(onnx::NodeProto &node, const char *name,
            std::vector<int64_t> values);
  template <class T>
  std::string constant(const char *name, int dtype,
                       const std::vector<int64_t> &dims,
                       const std::vector<T> &values);
  void describe(onnx::ValueInfoProto &value, const char *name, int dtype,
                const std::vector<int64_t> &dims);
  std::vector<int64_t> alongColumns() const;
  void contract();
  void cast(int dtype);
  void requantize();

  const Shape &shape;
  Type type;
  const LayerData &data;
  onnx::ModelProto model;
  std::string current = "x";
  int values = 0;
};

onnx::NodeProto &Builder::node(const char *op,
                               std::vector<std::string> inputs) {
  onnx::NodeProto &added = *graph().add_node();
  added.set_op_type(op);
  added.set_name(std::string(op) + std::to_string(values));
  for (std::string &input : inputs)
    added.add_input(std::move(input));
  current = "v" + std::to_string(values++);
  added.add_output(current);
  return added;
}

void Builder::ints(onnx::NodeProto &node, const char *name,
                   std::vector<int64_t> values) {
  onnx::AttributeProto &attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::INTS);
  for (int64_t value : values)
    attribute.add_ints(value);
}

template <class T>
std::string Builder::constant(const char *name, int dtype,
                              const std::vector<int64_t> &dims,
                              const std::vector<T> &values) {
  onnx::TensorProto &tensor = *graph().add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(dtype);
  for (int64_t dim : dims)
    tensor.add_dims(dim);
  tensor.set_raw_data(values.data(), values.size() * sizeof(T));
  return name;
}

void Builder::describe(onnx::ValueInfoProto &value, const char *name, int dtype,
                       const std::vector<int64_t> &dims) {
  value.set_name(name);
  auto &tensor = *value.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(dtype);
  for (int64_t dim : dims)
    tensor.mutable_shape()->add_dim()->set_dim_value(dim);
}

/// Shape of a constant with one value a column or filter.
std::vector<int64_t> Builder::alongColumns() const {
  if (shape.isConvolution)
    return {1, data.columns, 1, 1};
  return {1, data.columns};
}

void Builder::contract() {
  bool integer = type == Type::U8S8;
  std::vector<int64_t> dims = {shape.depth, shape.columns};
  if (shape.isConvolution)
    dims = {shape.filters, shape.channels / shape.groups, shape.kernel,
            shape.kernel};
  std::string weights = integer
                            ? constant("w", ASHLAR_INT8, dims, data.byteWeights)
                            : constant("w", ASHLAR_FLOAT32, dims, data.weights);
  if (!shape.isConvolution) {
    node(integer ? "MatMulInteger" : "MatMul", {current, weights});
    return;
  }
  onnx::NodeProto &conv =
      node(integer ? "ConvInteger" : "Conv", {current, weights});
  ints(conv, "strides", {shape.stride, shape.stride});
  ints(conv, "pads", {shape.pad, shape.pad, shape.pad, shape.pad});
  onnx::AttributeProto &group = *conv.add_attribute();
  group.set_name("group");
  group.set_type(onnx::AttributeProto::INT);
  group.set_i(shape.groups);
}

void Builder::cast(int dtype) {
  onnx::AttributeProto &to = *node("Cast", {current}).add_attribute();
  to.set_name("to");
  to.set_type(onnx::AttributeProto::INT);
  to.set_i(dtype);
}

void Builder::requantize() {
  cast(ASHLAR_FLOAT32);
  node("Mul", {current, constant("scales", ASHLAR_FLOAT32, alongColumns(),
                                 data.scales)});
}

void Builder::build(Result result) {
  bool integer = type == Type::U8S8;
  bool sums = result == Result::Sums;
  int output = integer ? (sums ? ASHLAR_INT32 : ASHLAR_UINT8)
               : type == Type::Bf16 && !sums ? ASHLAR_BFLOAT16
                                             : ASHLAR_FLOAT32;
  bool half = type == Type::Bf16;
  describe(*graph().add_input(), "x",
           integer ? ASHLAR_UINT8
           : half  ? ASHLAR_BFLOAT16
                   : ASHLAR_FLOAT32,
           data.inputShape);
  // bf16 comes and goes as such; the layer's sums are f32.
  if (half)
    cast(ASHLAR_FLOAT32);
  // Images come and go as kernels like them: the transposes cost nothing.
  if (shape.isConvolution)
    ints(node("Transpose", {current}), "perm", {0, 3, 1, 2});
  contract();
  if (!sums) {
    if (integer)
      requantize();
    node("Add", {current,
                 constant("bias", ASHLAR_FLOAT32, alongColumns(), data.bias)});
    if (integer)
      node("QuantizeLinear",
           {current, constant("one", ASHLAR_FLOAT32, {}, std::vector<float>{1}),
            constant("zero", ASHLAR_UINT8, {}, std::vector<uint8_t>{128})});
  }
  if (half && !sums)
    cast(ASHLAR_BFLOAT16);
  if (shape.isConvolution)
    ints(node("Transpose", {current}), "perm", {0, 2, 3, 1});
  describe(*graph().add_output(), current.c_str(), output, data.outputShape);
}

} // namespace

llvm::Expected<std::unique_ptr<ShapeModel>>
ShapeModel::compile(const Shape &shape, Type type, const LayerData &data,
                    llvm::StringRef cpu, Result result) {
  Builder builder(shape, type, data);
  builder.build(result);
  int file = -1;
  llvm::SmallString<128> path;
  if (std::error_code error =
          llvm::sys::fs::createTemporaryFile("shape", "onnx", file, path))
    return llvm::createStringError(error, "cannot make a temporary file");
  llvm::raw_fd_ostream(file, /*shouldClose=*/true) << builder.bytes();
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  prepareContext(context);
  CompileOptions options;
  options.prefix = "layer";
  options.cpus = {cpu.str()};
  if (type == Type::Bf16)
    options.precision.layers = {{".*", "bf16"}};
  auto compiled = compileModel(context, path, options);
  llvm::sys::fs::remove(path);
  if (failed(compiled))
    return llvm::createStringError("cannot compile " + shape.name);
  auto loaded = LoadedModel::load(compiled->object.toBuffer());
  if (!loaded)
    return loaded.takeError();
  std::unique_ptr<ShapeModel> made(new ShapeModel);
  made->model = std::move(*loaded);
  auto runner = ModelRunner::create(*made->model, /*threads=*/1);
  if (!runner)
    return runner.takeError();
  made->runner = std::move(*runner);
  data::Tensor input;
  input.name = "x";
  input.shape = data.inputShape;
  input.dtype = type == Type::U8S8   ? ASHLAR_UINT8
                : type == Type::Bf16 ? ASHLAR_BFLOAT16
                                     : ASHLAR_FLOAT32;
  auto take = [&](const auto &values) {
    auto *from = reinterpret_cast<const uint8_t *>(values.data());
    input.bytes.assign(from, from + values.size() * sizeof(values.front()));
  };
  if (type == Type::U8S8)
    take(data.byteInput);
  else if (type == Type::Bf16)
    take(upperHalves(data.input));
  else
    take(data.input);
  std::vector<data::Tensor> inputs;
  inputs.push_back(std::move(input));
  if (llvm::Error error = made->runner->bind(std::move(inputs)))
    return std::move(error);
  return made;
}
