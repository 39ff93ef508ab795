#include "compiler/execution/ModelRunner.h"
#include "compiler/execution/ObservedRun.h"
#include "compiler/report/ModelDescription.h"

#include "llvm/ADT/Twine.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdlib>
#include <cstring>

using namespace ashlar;
using data::Tensor;
using llvm::Error;
using llvm::Twine;

char RunError::ID = 0;

void RunError::log(llvm::raw_ostream &os) const { os << text; }

static Error makeError(ashlar_status status, const Twine &text) {
  return llvm::make_error<RunError>(status, text.str());
}

ModelRunner::Region::~Region() { free(data); }

bool ModelRunner::Region::allocate(size_t size) {
  free(data);
  data = nullptr;
  bytes = 0;
  if (size > SIZE_MAX / 2)
    return false;
  size_t rounded = (size + ASHLAR_ALIGNMENT - 1) / ASHLAR_ALIGNMENT;
  if (rounded == 0)
    return true;
  data = aligned_alloc(ASHLAR_ALIGNMENT, rounded * ASHLAR_ALIGNMENT);
  if (!data)
    return false;
  memset(data, 0xff, size);
  bytes = size;
  return true;
}

llvm::Expected<std::unique_ptr<ModelRunner>>
ModelRunner::create(const LoadedModel &model, unsigned threads) {
  ashlar_status status = ashlar_rt1_check_cpu(&model.info());
  if (status != ASHLAR_OK) {
    std::string cpus;
    for (uint32_t i = 0; i != model.info().num_variants; ++i)
      cpus += std::string(i ? ", " : "") + model.info().variants[i].cpu;
    return makeError(status, Twine(ashlar_status_text(status)) +
                                 ": compiled for " + cpus);
  }
  std::unique_ptr<ModelRunner> runner(new ModelRunner(model));
  runner->pool = ashlar_pool_create(threads);
  if (!runner->pool)
    return makeError(ASHLAR_ERROR_EXECUTOR,
                     "cannot make " + Twine(threads) + " threads");
  return runner;
}

ModelRunner::~ModelRunner() { ashlar_pool_destroy(pool); }

uint32_t ModelRunner::workers() const {
  return ashlar_pool_executor(pool)->workers;
}

// Floats that a file format cannot express come as unsigned integers of their
// width.
static bool isBitsOf(int32_t from, int32_t to) {
  switch (to) {
  case ASHLAR_FLOAT16:
  case ASHLAR_BFLOAT16:
    return from == ASHLAR_UINT16;
  case ASHLAR_BOOL:
  case ASHLAR_FLOAT8E4M3FN:
  case ASHLAR_FLOAT8E4M3FNUZ:
  case ASHLAR_FLOAT8E5M2:
  case ASHLAR_FLOAT8E5M2FNUZ:
  case ASHLAR_FLOAT8E8M0:
  case ASHLAR_FLOAT4E2M1:
  case ASHLAR_UINT4:
  case ASHLAR_UINT2:
    return from == ASHLAR_UINT8;
  case ASHLAR_INT4:
  case ASHLAR_INT2:
    return from == ASHLAR_INT8;
  default:
    return false;
  }
}

static std::string expectedShape(const ashlar_model_info &info,
                                 const ashlar_tensor_info &tensor) {
  std::string text = "[";
  for (int32_t axis = 0; axis != tensor.rank; ++axis) {
    int32_t symbol = tensor.dim_symbols ? tensor.dim_symbols[axis] : -1;
    text += axis ? "," : "";
    text += symbol >= 0             ? info.dims[symbol].name
            : tensor.dims[axis] < 0 ? "?"
                                    : std::to_string(tensor.dims[axis]);
  }
  return text + "]";
}

Error ModelRunner::resolveDims() {
  const ashlar_model_info &info = model.info();
  dimValues.assign(info.num_dims, -1);
  std::vector<std::string> setBy(info.num_dims);
  for (uint32_t i = 0; i != info.num_inputs; ++i) {
    const ashlar_tensor_info &tensor = info.tensors[i];
    const Tensor &input = inputs[i];
    auto shapeError = [&](const Twine &reason) {
      return makeError(ASHLAR_ERROR_DIMENSION,
                       "input '" + Twine(tensor.name) + "' has shape " +
                           data::shapeText(input.shape) + ", expected " +
                           expectedShape(info, tensor) + reason);
    };
    if (int32_t(input.shape.size()) != tensor.rank)
      return shapeError("");
    for (int32_t axis = 0; axis != tensor.rank; ++axis) {
      int64_t got = input.shape[axis];
      int32_t symbol = tensor.dim_symbols ? tensor.dim_symbols[axis] : -1;
      if (tensor.dims[axis] >= 0 && got != tensor.dims[axis])
        return shapeError("");
      if (symbol < 0)
        continue;
      const ashlar_dim_info &dim = info.dims[symbol];
      if (dimValues[symbol] >= 0 && dimValues[symbol] != got)
        return shapeError(" where '" + Twine(dim.name) + "' is " +
                          Twine(dimValues[symbol]) + " by input '" +
                          setBy[symbol] + "'");
      if (got < dim.minimum || got > dim.maximum)
        return shapeError(" where '" + Twine(dim.name) + "' lies in " +
                          Twine(dim.minimum) + ".." + Twine(dim.maximum));
      dimValues[symbol] = got;
      setBy[symbol] = tensor.name;
    }
  }
  for (uint32_t symbol = 0; symbol != info.num_dims; ++symbol)
    if (dimValues[symbol] < 0)
      return makeError(ASHLAR_ERROR_DIMENSION,
                       "no input gives dimension '" +
                           Twine(info.dims[symbol].name) + "' a value");
  return Error::success();
}

Error ModelRunner::bind(std::vector<Tensor> given) {
  const ashlar_model_info &info = model.info();
  if (given.size() != info.num_inputs)
    return makeError(ASHLAR_ERROR_NULL_POINTER, "got " + Twine(given.size()) +
                                                    " inputs, expected " +
                                                    Twine(info.num_inputs));
  inputs = std::move(given);
  for (uint32_t i = 0; i != info.num_inputs; ++i) {
    int32_t expected = info.tensors[i].dtype;
    if (isBitsOf(inputs[i].dtype, expected))
      inputs[i].dtype = expected;
    if (inputs[i].dtype != expected)
      return makeError(ASHLAR_ERROR_VALUE,
                       "input '" + Twine(info.tensors[i].name) + "' is " +
                           dtypeName(inputs[i].dtype) + ", expected " +
                           dtypeName(expected));
  }
  if (Error error = resolveDims())
    return error;
  if (Error error = allocateOutputs())
    return error;
  size_t bytes = ashlar_rt1_workspace_size(&info, dimValues.data(), workers());
  if (bytes == SIZE_MAX)
    return makeError(ASHLAR_ERROR_SHAPE,
                     "an input is too small or too large for the model: a "
                     "tensor computed from it would have a size below zero or "
                     "beyond memory");
  if (!workspace.allocate(bytes))
    return makeError(ASHLAR_ERROR_WORKSPACE_SIZE,
                     "cannot allocate a workspace of " + Twine(bytes) +
                         " bytes");
  if (!state.allocate(info.state_bytes))
    return makeError(ASHLAR_ERROR_STATE_SIZE, "cannot allocate a state of " +
                                                  Twine(info.state_bytes) +
                                                  " bytes");
  if (state.data)
    memset(state.data, 0, state.bytes);
  return Error::success();
}

Error ModelRunner::allocateOutputs() {
  const ashlar_model_info &info = model.info();
  // One more, so that there is something to point to.
  outputDims.assign(info.num_output_dims + 1, -1);
  ashlar_status status =
      ashlar_rt1_infer_shapes(&info, dimValues.data(), outputDims.data());
  if (status != ASHLAR_OK)
    return makeError(status, ashlar_status_text(status));
  size_t inputBytes = 0;
  for (const Tensor &input : inputs)
    inputBytes += input.bytes.size();
  outputRegions.clear();
  outputRegions.resize(info.num_outputs);
  outputGrows.assign(info.num_outputs, false);
  const int64_t *shape = outputDims.data();
  for (uint32_t i = 0; i != info.num_outputs; ++i) {
    const ashlar_tensor_info &tensor = outputInfo(i);
    llvm::ArrayRef<int64_t> dims(shape, tensor.rank);
    shape += tensor.rank;
    uint64_t bytes = 0;
    auto count = data::elementCount(dims);
    outputGrows[i] = llvm::any_of(dims, [](int64_t dim) { return dim < 0; });
    // Often an output is about as large as the inputs together.
    if (outputGrows[i])
      bytes = std::max<uint64_t>(65536, inputBytes);
    else if (!count || __builtin_mul_overflow(uint64_t(*count),
                                              tensor.element_bytes, &bytes))
      bytes = UINT64_MAX;
    if (!outputRegions[i].allocate(bytes))
      return makeError(ASHLAR_ERROR_WORKSPACE_SIZE,
                       "cannot allocate output '" + Twine(tensor.name) +
                           "' of shape " + data::shapeText(dims));
  }
  return Error::success();
}

// Makes the room that the last run found missing; false where that is not it.
bool ModelRunner::grow(const ashlar_diagnostic &why) {
  size_t needed = why.expected > 0 ? size_t(why.expected) : 0;
  if (why.status == ASHLAR_ERROR_WORKSPACE_SIZE)
    return needed > workspace.bytes && workspace.allocate(needed);
  if (why.status != ASHLAR_ERROR_OUTPUT_CAPACITY)
    return false;
  // The diagnostic names the node, not the output: all that are too small grow.
  bool grown = false;
  for (size_t i = 0; i != outputRegions.size(); ++i)
    if (outputGrows[i] && outputRegions[i].bytes < needed) {
      if (!outputRegions[i].allocate(needed))
        return false;
      grown = true;
    }
  return grown;
}

Error ModelRunner::fault(const ashlar_diagnostic &why) const {
  const ashlar_model_info &info = model.info();
  std::string text;
  llvm::raw_string_ostream os(text);
  if (why.layer >= 0 && uint32_t(why.layer) < info.num_layers)
    os << '"' << info.layers[why.layer].name << "\" ("
       << info.layers[why.layer].op << "): ";
  if (why.tensor >= 0 &&
      uint32_t(why.tensor) < info.num_inputs + info.num_outputs)
    os << (uint32_t(why.tensor) < info.num_inputs ? "input '" : "output '")
       << info.tensors[why.tensor].name << "': ";
  else if (why.status == ASHLAR_ERROR_DIMENSION && why.dimension >= 0 &&
           uint32_t(why.dimension) < info.num_dims)
    os << "dimension '" << info.dims[why.dimension].name << "': ";
  os << ashlar_status_text(why.status);
  if (why.expected != -1 || why.got != -1)
    os << " (expected " << why.expected << ", got " << why.got << ')';
  return makeError(why.status, text);
}

Error ModelRunner::execute(ashlar_profile *profile, TensorObserver *observer) {
  ObservedRun observed(observer);
  const ashlar_model_info &info = model.info();
  size_t count = size_t(info.num_inputs) + info.num_outputs;
  size_t size = sizeof(ashlar_args) + count * sizeof(ashlar_buffer);
  std::vector<uint64_t> storage(size / sizeof(uint64_t));
  auto &args = *reinterpret_cast<ashlar_args *>(storage.data());
  auto *buffers = reinterpret_cast<ashlar_buffer *>(&args + 1);
  ashlar_diagnostic why;
  for (;;) {
    why = {ASHLAR_OK, -1, -1, -1, -1, -1};
    args.struct_size = size;
    args.workspace = workspace.data;
    args.workspace_bytes = workspace.bytes;
    args.state = state.data;
    args.state_bytes = state.bytes;
    args.weights = model.weights.empty() ? nullptr : model.weights.data();
    args.weights_bytes = model.weights.size();
    args.executor = ashlar_pool_executor(pool);
    args.dims = dimValues.data();
    args.output_dims = outputDims.data();
    args.diagnostic = &why;
    args.profile = profile;
    for (uint32_t i = 0; i != info.num_inputs; ++i)
      buffers[i] = {inputs[i].bytes.data(), inputs[i].bytes.size()};
    for (uint32_t i = 0; i != info.num_outputs; ++i)
      buffers[info.num_inputs + i] = {outputRegions[i].data,
                                      outputRegions[i].bytes};
    if (observer)
      observer->beginRun();
    ashlar_status status = ashlar_rt1_run(&info, &args);
    if (status == ASHLAR_OK)
      return Error::success();
    why.status = status;
    if (!grow(why))
      return fault(why);
  }
}

std::vector<Tensor> ModelRunner::outputs() const {
  std::vector<Tensor> result;
  const int64_t *shape = outputDims.data();
  for (uint32_t i = 0; i != model.info().num_outputs; ++i) {
    const ashlar_tensor_info &info = outputInfo(i);
    Tensor tensor;
    tensor.name = info.name;
    tensor.dtype = info.dtype;
    tensor.shape.assign(shape, shape + info.rank);
    shape += info.rank;
    size_t bytes = std::min<size_t>(
        size_t(tensor.elements()) * info.element_bytes, outputRegions[i].bytes);
    auto *data = static_cast<const uint8_t *>(outputRegions[i].data);
    tensor.bytes.assign(data, data + bytes);
    result.push_back(std::move(tensor));
  }
  return result;
}
