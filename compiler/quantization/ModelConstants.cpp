//===- ModelConstants.cpp - values of a model file's constants ------------===//
#include "compiler/quantization/ModelConstants.h"

#include "compiler/quantization/ConstantParts.h"

#include "llvm/ADT/APFloat.h"

#include <cstring>

using namespace ashlar;
using namespace ashlar::quantization;
using ashlar::onnx::ElementType;
using llvm::StringRef;

static uint64_t elementBytes(ElementType type) {
  switch (type) {
  case ElementType::Float:
  case ElementType::Int32:
  case ElementType::Uint32:
    return 4;
  case ElementType::Double:
  case ElementType::Int64:
  case ElementType::Uint64:
  case ElementType::Complex64:
    return 8;
  case ElementType::Complex128:
    return 16;
  case ElementType::Float16:
  case ElementType::Bfloat16:
  case ElementType::Int16:
  case ElementType::Uint16:
    return 2;
  default:
    return 1;
  }
}

static uint64_t countOf(const proto::TensorProto &tensor) {
  uint64_t count = 1;
  for (int64_t dim : tensor.dims())
    count *= uint64_t(dim);
  return count;
}

// Bytes that a tensor has in a file; narrow elements share them.
static uint64_t fileBytes(const proto::TensorProto &tensor) {
  auto type = ElementType(tensor.data_type());
  uint64_t count = countOf(tensor);
  if (type == ElementType::Int4 || type == ElementType::Uint4 ||
      type == ElementType::Float4E2M1)
    return (count + 1) / 2;
  if (type == ElementType::Int2 || type == ElementType::Uint2)
    return (count + 3) / 4;
  return count * elementBytes(type);
}

llvm::Expected<ExternalData::Range>
quantization::dataOf(const ModelFile &file, ExternalData &external,
                     const proto::TensorProto &tensor) {
  if (tensor.data_location() == proto::TensorProto::EXTERNAL)
    return external.find(tensor, fileBytes(tensor));
  if (tensor.has_mapped_length()) {
    uint64_t size = file.buffer ? file.buffer->getBufferSize() : 0;
    uint64_t offset = tensor.mapped_offset(), length = tensor.mapped_length();
    if (offset > size || length > size - offset)
      return llvm::createStringError("tensor '" + tensor.name() +
                                     "': data outside of the file");
    return ExternalData::Range{
        llvm::ArrayRef<char>(file.buffer->getBufferStart() + offset, length),
        file.buffer};
  }
  return ExternalData::Range{
      llvm::ArrayRef<char>(tensor.raw_data().data(), tensor.raw_data().size()),
      nullptr};
}

proto::TensorProto quantization::makeTensor(StringRef name, ElementType type,
                                            llvm::ArrayRef<int64_t> shape,
                                            StringRef bytes) {
  proto::TensorProto tensor;
  for (int64_t dim : shape)
    tensor.add_dims(dim);
  tensor.set_data_type(int32_t(type));
  tensor.set_name(name.str());
  tensor.set_raw_data(bytes.data(), bytes.size());
  return tensor;
}

proto::TensorProto quantization::makeFloats(StringRef name,
                                            llvm::ArrayRef<int64_t> shape,
                                            llvm::ArrayRef<float> values) {
  return makeTensor(name, ElementType::Float, shape,
                    StringRef(reinterpret_cast<const char *>(values.data()),
                              values.size() * sizeof(float)));
}

ModelConstants::ModelConstants(const ModelGraph &graph)
    : graph(graph), external(graph.modelFile()) {}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

static float fromBits(uint16_t bits, const llvm::fltSemantics &semantics) {
  llvm::APFloat value(semantics, llvm::APInt(16, bits));
  bool lost;
  value.convert(llvm::APFloat::IEEEsingle(), llvm::APFloat::rmNearestTiesToEven,
                &lost);
  return value.convertToFloat();
}

template <typename T>
static std::vector<T> copyElements(llvm::ArrayRef<char> bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  return values;
}

// The floats of a tensor; none if it holds something else.
static std::optional<std::vector<float>>
readFloats(const proto::TensorProto &tensor, llvm::ArrayRef<char> bytes) {
  switch (ElementType(tensor.data_type())) {
  case ElementType::Float:
    if (bytes.empty())
      return std::vector<float>(tensor.float_data().begin(),
                                tensor.float_data().end());
    return copyElements<float>(bytes);
  case ElementType::Double: {
    std::vector<double> wide =
        bytes.empty() ? std::vector<double>(tensor.double_data().begin(),
                                            tensor.double_data().end())
                      : copyElements<double>(bytes);
    return std::vector<float>(wide.begin(), wide.end());
  }
  case ElementType::Float16:
  case ElementType::Bfloat16: {
    bool half = ElementType(tensor.data_type()) == ElementType::Float16;
    std::vector<uint16_t> bits =
        bytes.empty() ? std::vector<uint16_t>(tensor.int32_data().begin(),
                                              tensor.int32_data().end())
                      : copyElements<uint16_t>(bytes);
    std::vector<float> values;
    for (uint16_t one : bits)
      values.push_back(fromBits(one, half ? llvm::APFloat::IEEEhalf()
                                          : llvm::APFloat::BFloat()));
    return values;
  }
  default:
    return std::nullopt;
  }
}

static std::optional<std::vector<int64_t>>
readIntegers(const proto::TensorProto &tensor, llvm::ArrayRef<char> bytes) {
  auto widen = [](const auto &values) {
    return std::vector<int64_t>(values.begin(), values.end());
  };
  switch (ElementType(tensor.data_type())) {
  case ElementType::Int64:
    return bytes.empty() ? widen(tensor.int64_data())
                         : copyElements<int64_t>(bytes);
  case ElementType::Int32:
    return bytes.empty() ? widen(tensor.int32_data())
                         : widen(copyElements<int32_t>(bytes));
  case ElementType::Int8:
    return bytes.empty() ? widen(tensor.int32_data())
                         : widen(copyElements<int8_t>(bytes));
  case ElementType::Uint8:
    return bytes.empty() ? widen(tensor.int32_data())
                         : widen(copyElements<uint8_t>(bytes));
  default:
    return std::nullopt;
  }
}

llvm::Expected<std::optional<FloatTensor>>
quantization::floatsOf(const ModelFile &file, ExternalData &external,
                       const proto::TensorProto &tensor) {
  auto data = dataOf(file, external, tensor);
  if (!data)
    return data.takeError();
  auto values = readFloats(tensor, data->bytes);
  if (!values)
    return std::nullopt;
  if (values->size() != countOf(tensor))
    return llvm::createStringError(
        "tensor '" + tensor.name() + "' has " + llvm::Twine(values->size()) +
        " elements, but its shape needs " + llvm::Twine(countOf(tensor)));
  return FloatTensor{{tensor.dims().begin(), tensor.dims().end()},
                     std::move(*values)};
}

// The tensor of an initialiser or Constant node; `made` holds one that the
// node's other attributes stand for.
const proto::TensorProto *
ModelConstants::tensorOf(StringRef name, proto::TensorProto &made) const {
  if (auto *found = graph.initializer(name))
    return found;
  const proto::NodeProto *maker = graph.constantNode(name);
  if (!maker)
    return nullptr;
  const proto::NodeProto &node = *maker;
  if (auto *value = findAttribute(node, "value"))
    return &value->t();
  if (auto *value = findAttribute(node, "value_float")) {
    made = makeFloats(name, {}, {value->f()});
    return &made;
  }
  if (auto *value = findAttribute(node, "value_floats")) {
    std::vector<float> floats(value->floats().begin(), value->floats().end());
    made = makeFloats(name, {int64_t(floats.size())}, floats);
    return &made;
  }
  made.set_name(name.str());
  made.set_data_type(int32_t(ElementType::Int64));
  if (auto *value = findAttribute(node, "value_int")) {
    made.add_int64_data(value->i());
    return &made;
  }
  if (auto *value = findAttribute(node, "value_ints")) {
    made.add_dims(value->ints_size());
    *made.mutable_int64_data() = value->ints();
    return &made;
  }
  return nullptr;
}

std::optional<std::vector<int64_t>> ModelConstants::integers(StringRef name) {
  proto::TensorProto made;
  auto *tensor = tensorOf(name, made);
  if (!tensor)
    return std::nullopt;
  auto data = dataOf(graph.modelFile(), external, *tensor);
  if (!data) {
    llvm::consumeError(data.takeError());
    return std::nullopt;
  }
  return readIntegers(*tensor, data->bytes);
}

std::optional<float> ModelConstants::scalar(StringRef name) {
  auto values = floats(name);
  if (!values) {
    llvm::consumeError(values.takeError());
    return std::nullopt;
  }
  if (!*values || (*values)->size() != 1)
    return std::nullopt;
  return (*values)->values.front();
}

//===----------------------------------------------------------------------===//
// Movement of constants
//===----------------------------------------------------------------------===//

static FloatTensor transposed(const FloatTensor &from,
                              std::vector<int64_t> perm) {
  size_t rank = from.shape.size();
  if (perm.empty())
    for (size_t axis = rank; axis-- > 0;)
      perm.push_back(int64_t(axis));
  std::vector<int64_t> strides(rank, 1), at(rank, 0);
  for (size_t axis = rank; axis-- > 1;)
    strides[axis - 1] = strides[axis] * from.shape[axis];
  FloatTensor to;
  for (int64_t axis : perm)
    to.shape.push_back(from.shape[axis]);
  to.values.reserve(from.values.size());
  for (int64_t i = 0; i != from.size(); ++i) {
    int64_t source = 0;
    for (size_t axis = 0; axis != rank; ++axis)
      source += at[axis] * strides[perm[axis]];
    to.values.push_back(from.values[source]);
    for (size_t axis = rank; axis-- > 0;) {
      if (++at[axis] != to.shape[axis])
        break;
      at[axis] = 0;
    }
  }
  return to;
}

static bool isPermutation(llvm::ArrayRef<int64_t> perm, size_t rank) {
  std::vector<char> seen(rank, 0);
  for (int64_t axis : perm)
    if (axis < 0 || axis >= int64_t(rank) || seen[axis]++)
      return false;
  return perm.empty() || perm.size() == rank;
}

// A shape with 0 (as it is) and -1 (the rest).
static bool applyReshape(FloatTensor &tensor, llvm::ArrayRef<int64_t> wanted) {
  std::vector<int64_t> shape;
  int64_t product = 1, open = -1;
  for (auto [axis, dim] : llvm::enumerate(wanted)) {
    if (dim == 0 && axis >= tensor.shape.size())
      return false;
    shape.push_back(dim == 0 ? tensor.shape[axis] : dim);
    if (dim == -1)
      open = int64_t(axis);
    else
      product *= shape.back();
  }
  if (open >= 0 && product > 0)
    product *= shape[open] = tensor.size() / product;
  if (product != tensor.size())
    return false;
  tensor.shape = shape;
  return true;
}

static std::vector<int64_t> withoutAxes(llvm::ArrayRef<int64_t> shape,
                                        llvm::ArrayRef<int64_t> axes) {
  std::vector<int64_t> result;
  for (auto [axis, dim] : llvm::enumerate(shape)) {
    bool named =
        llvm::is_contained(axes, int64_t(axis)) ||
        llvm::is_contained(axes, int64_t(axis) - int64_t(shape.size()));
    if (axes.empty() ? dim != 1 : !named)
      result.push_back(dim);
  }
  return result;
}

static std::vector<int64_t> withAxes(llvm::ArrayRef<int64_t> shape,
                                     llvm::ArrayRef<int64_t> axes) {
  int64_t rank = int64_t(shape.size() + axes.size());
  std::vector<int64_t> result;
  const int64_t *next = shape.begin();
  for (int64_t axis = 0; axis != rank; ++axis) {
    bool named =
        llvm::is_contained(axes, axis) || llvm::is_contained(axes, axis - rank);
    result.push_back(named || next == shape.end() ? 1 : *next++);
  }
  return result;
}

llvm::Expected<std::optional<FloatTensor>>
ModelConstants::joinedParts(const proto::NodeProto &node) {
  std::vector<FloatTensor> parts;
  for (const std::string &input : node.input()) {
    auto part = floats(input);
    if (!part || !*part)
      return part;
    parts.push_back(std::move(**part));
  }
  return joined(parts, intAttribute(node, "axis", 1));
}

llvm::Expected<std::optional<FloatTensor>>
ModelConstants::slicedPart(const proto::NodeProto &node) {
  // Before opset 10 these are attributes.
  bool hasOperands = node.input_size() > 1;
  auto list = [&](int operand, StringRef attribute) {
    if (!hasOperands)
      return std::optional(intsAttribute(node, attribute));
    if (operand >= node.input_size() || node.input(operand).empty())
      return std::optional(std::vector<int64_t>());
    return integers(node.input(operand));
  };
  auto starts = list(1, "starts"), ends = list(2, "ends"),
       axes = list(3, "axes"), steps = list(4, "steps");
  if (!starts || !ends || !axes || !steps ||
      llvm::any_of(*steps, [](int64_t step) { return step != 1; }))
    return std::nullopt;
  auto from = floats(node.input(0));
  if (!from || !*from)
    return from;
  return sliced(std::move(**from), {*starts, *ends, *axes});
}

llvm::Expected<std::optional<FloatTensor>>
ModelConstants::floats(StringRef name) {
  proto::TensorProto made;
  if (auto *tensor = tensorOf(name, made))
    return floatsOf(graph.modelFile(), external, *tensor);
  int index = graph.producerOf(name);
  if (index < 0 || !graph.isConstant(name) || !graph.isStandard(index) ||
      graph.node(index).input_size() == 0)
    return std::nullopt;
  const proto::NodeProto &node = graph.node(index);
  StringRef op = node.op_type();
  if (op == "Concat")
    return joinedParts(node);
  if (op == "Slice")
    return slicedPart(node);
  bool moves = op == "Identity" || op == "Cast" || op == "Transpose" ||
               op == "Reshape" || op == "Squeeze" || op == "Unsqueeze" ||
               op == "Flatten";
  if (!moves)
    return std::nullopt;
  auto from = floats(node.input(0));
  if (!from || !*from)
    return from;
  FloatTensor &tensor = **from;
  std::vector<int64_t> list = intsAttribute(node, "axes");
  if (node.input_size() > 1) {
    auto values = integers(node.input(1));
    if (!values)
      return std::nullopt;
    list = *values;
  }
  if (op == "Transpose") {
    std::vector<int64_t> perm = intsAttribute(node, "perm");
    if (!isPermutation(perm, tensor.shape.size()))
      return std::nullopt;
    return transposed(tensor, perm);
  }
  if (op == "Reshape") {
    if (node.input_size() < 2)
      list = intsAttribute(node, "shape");
    if (!applyReshape(tensor, list))
      return std::nullopt;
  } else if (op == "Squeeze") {
    tensor.shape = withoutAxes(tensor.shape, list);
  } else if (op == "Unsqueeze") {
    tensor.shape = withAxes(tensor.shape, list);
  } else if (op == "Flatten") {
    int64_t axis = intAttribute(node, "axis", 1), outer = 1,
            rank = int64_t(tensor.shape.size());
    axis += axis < 0 ? rank : 0;
    for (int64_t i = 0; i < axis && i < rank; ++i)
      outer *= tensor.shape[i];
    tensor.shape = {outer, outer ? tensor.size() / outer : 0};
  }
  return from;
}
