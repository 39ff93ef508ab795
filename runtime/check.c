/* Checks of run()'s arguments: every pointer, size and dimension, before any
 * generated code sees them. */
#include "check.h"
#include "platform/cpu.h"

static ashlar_status fault(ashlar_diagnostic *why, ashlar_status status,
                           int64_t tensor, int64_t dimension, uint64_t expected,
                           uint64_t got) {
  why->status = status;
  why->tensor = (int32_t)tensor;
  why->dimension = (int32_t)dimension;
  why->layer = -1;
  why->expected = expected > INT64_MAX ? INT64_MAX : (int64_t)expected;
  why->got = got > INT64_MAX ? INT64_MAX : (int64_t)got;
  return status;
}

const ashlar_variant_info *
ashlar_select_variant(const ashlar_model_info *info) {
  uint64_t features = ashlar_cpu_features();
  for (uint32_t i = 0; i < info->num_variants; ++i)
    if ((info->variants[i].features & ~features) == 0)
      return &info->variants[i];
  return 0;
}

ashlar_status ashlar_check_info(const ashlar_model_info *info,
                                ashlar_diagnostic *why) {
  if (!info)
    return fault(why, ASHLAR_ERROR_NULL_POINTER, -1, -1, 0, 0);
  if (info->abi_version != ASHLAR_ABI_VERSION ||
      info->struct_size != sizeof(ashlar_model_info))
    return fault(why, ASHLAR_ERROR_ABI_VERSION, -1, -1, ASHLAR_ABI_VERSION,
                 info->abi_version);
  return ASHLAR_OK;
}

ashlar_status ashlar_check_dims(const ashlar_model_info *info,
                                const int64_t *dims, ashlar_diagnostic *why) {
  if (info->num_dims && !dims)
    return fault(why, ASHLAR_ERROR_NULL_POINTER, -1, 0, 0, 0);
  for (uint32_t i = 0; i < info->num_dims; ++i) {
    const ashlar_dim_info *dim = &info->dims[i];
    if (dims[i] < dim->minimum || dims[i] > dim->maximum || dims[i] < 0) {
      fault(why, ASHLAR_ERROR_DIMENSION, -1, i, 0, 0);
      why->expected = dims[i] > dim->maximum ? dim->maximum : dim->minimum;
      why->got = dims[i];
      return ASHLAR_ERROR_DIMENSION;
    }
  }
  return ASHLAR_OK;
}

size_t ashlar_workspace_from_sizes(const int64_t *sizes, uint32_t workers) {
  if (sizes[0] < 0 || sizes[1] < 0)
    return SIZE_MAX;
  uint64_t scratch, total;
  if (__builtin_mul_overflow((uint64_t)sizes[1],
                             (uint64_t)(workers ? workers : 1), &scratch) ||
      __builtin_add_overflow((uint64_t)sizes[0], scratch, &total))
    return SIZE_MAX;
  return total;
}

/* Bytes between which a tensor's elements may lie: that of the scalar, so half
 * an element for complex numbers. */
static uint64_t natural_alignment(const ashlar_tensor_info *tensor) {
  if (tensor->dtype == ASHLAR_COMPLEX64 || tensor->dtype == ASHLAR_COMPLEX128)
    return tensor->element_bytes / 2;
  return tensor->element_bytes ? tensor->element_bytes : 1;
}

static ashlar_status check_buffer(const ashlar_model_info *info, uint32_t index,
                                  const int64_t *shape, const int64_t *dims,
                                  const ashlar_buffer *buffer,
                                  ashlar_diagnostic *why) {
  const ashlar_tensor_info *tensor = &info->tensors[index];
  uint64_t bytes = tensor->element_bytes;
  int known = 1, empty = 0, overflow = 0;
  for (int32_t axis = 0; axis < tensor->rank; ++axis) {
    int64_t dim = shape ? shape[axis] : tensor->dims[axis];
    int32_t symbol = tensor->dim_symbols ? tensor->dim_symbols[axis] : -1;
    if (dim < 0 && symbol >= 0)
      dim = dims[symbol];
    if (dim < 0)
      known = 0;
    else if (dim == 0)
      empty = 1;
    else
      overflow |= __builtin_mul_overflow(bytes, (uint64_t)dim, &bytes);
  }
  if (empty)
    bytes = 0, known = 1;
  else if (overflow)
    bytes = UINT64_MAX;
  if (known && buffer->bytes != bytes)
    return fault(why, ASHLAR_ERROR_TENSOR_SIZE, index, -1, bytes,
                 buffer->bytes);
  if (!buffer->data && buffer->bytes)
    return fault(why, ASHLAR_ERROR_NULL_POINTER, index, -1, 0, 0);
  uint64_t alignment = natural_alignment(tensor);
  if ((uintptr_t)buffer->data % alignment)
    return fault(why, ASHLAR_ERROR_ALIGNMENT, index, -1, alignment,
                 (uintptr_t)buffer->data % alignment);
  return ASHLAR_OK;
}

static ashlar_status check_tensors(const ashlar_model_info *info,
                                   const ashlar_args *args,
                                   const int64_t *output_shapes,
                                   ashlar_diagnostic *why) {
  const ashlar_buffer *buffers = (const ashlar_buffer *)(args + 1);
  for (uint32_t i = 0; i < info->num_inputs + info->num_outputs; ++i) {
    const int64_t *shape = 0;
    if (i >= info->num_inputs) {
      shape = output_shapes;
      output_shapes += info->tensors[i].rank;
    }
    ashlar_status status =
        check_buffer(info, i, shape, args->dims, &buffers[i], why);
    if (status != ASHLAR_OK)
      return status;
  }
  return ASHLAR_OK;
}

/* A region of at least `needed` bytes at ASHLAR_ALIGNMENT. */
static ashlar_status check_region(const void *data, size_t bytes,
                                  uint64_t needed, ashlar_status too_small,
                                  ashlar_diagnostic *why) {
  if (bytes < needed)
    return fault(why, too_small, -1, -1, needed, bytes);
  if (needed && !data)
    return fault(why, ASHLAR_ERROR_NULL_POINTER, -1, -1, 0, 0);
  if (needed && (uintptr_t)data % ASHLAR_ALIGNMENT)
    return fault(why, ASHLAR_ERROR_ALIGNMENT, -1, -1, ASHLAR_ALIGNMENT,
                 (uintptr_t)data % ASHLAR_ALIGNMENT);
  return ASHLAR_OK;
}

static ashlar_status check_weights(const ashlar_model_info *info,
                                   const ashlar_args *args,
                                   ashlar_diagnostic *why) {
  if (!args->weights) {
    if (info->weights_bytes && !info->weights)
      return fault(why, ASHLAR_ERROR_WEIGHTS, -1, -1, info->weights_bytes, 0);
    return ASHLAR_OK;
  }
  if (args->weights_bytes != info->weights_bytes)
    return fault(why, ASHLAR_ERROR_WEIGHTS, -1, -1, info->weights_bytes,
                 args->weights_bytes);
  return check_region(args->weights, args->weights_bytes, info->weights_bytes,
                      ASHLAR_ERROR_WEIGHTS, why);
}

static ashlar_status check_profile(const ashlar_model_info *info,
                                   const ashlar_profile *profile,
                                   ashlar_diagnostic *why) {
  if (!profile)
    return ASHLAR_OK;
  if (profile->struct_size != sizeof(ashlar_profile))
    return fault(why, ASHLAR_ERROR_STRUCT_SIZE, -1, -1, sizeof(ashlar_profile),
                 profile->struct_size);
  if (!profile->ticks)
    return fault(why, ASHLAR_ERROR_NULL_POINTER, -1, -1, 0, 0);
  if (profile->num_ticks != info->num_layers + 1)
    return fault(why, ASHLAR_ERROR_STRUCT_SIZE, -1, -1,
                 (uint64_t)info->num_layers + 1, profile->num_ticks);
  return ASHLAR_OK;
}

ashlar_status ashlar_check_args(const ashlar_model_info *info,
                                const ashlar_variant_info *variant,
                                const ashlar_args *args, int64_t *sizes,
                                ashlar_diagnostic *why) {
  ashlar_status status = ashlar_check_dims(info, args->dims, why);
  if (status != ASHLAR_OK)
    return status;
  const ashlar_executor *executor = args->executor;
  if (executor && (executor->workers == 0 || !executor->parallel_for))
    return fault(why, ASHLAR_ERROR_EXECUTOR, -1, -1, 1, executor->workers);
  status = check_profile(info, args->profile, why);
  if (status != ASHLAR_OK)
    return status;
  variant->shapes(args->dims, sizes);
  status = check_tensors(info, args, sizes + 2, why);
  if (status != ASHLAR_OK)
    return status;
  size_t workspace =
      ashlar_workspace_from_sizes(sizes, executor ? executor->workers : 1);
  status = check_region(args->workspace, args->workspace_bytes, workspace,
                        ASHLAR_ERROR_WORKSPACE_SIZE, why);
  if (status != ASHLAR_OK)
    return status;
  /* SIZE_MAX bytes cannot be had, whatever the caller says. */
  if (workspace == SIZE_MAX)
    return fault(why, ASHLAR_ERROR_WORKSPACE_SIZE, -1, -1, workspace,
                 args->workspace_bytes);
  status = check_region(args->state, args->state_bytes, info->state_bytes,
                        ASHLAR_ERROR_STATE_SIZE, why);
  if (status != ASHLAR_OK)
    return status;
  return check_weights(info, args, why);
}

ashlar_status ashlar_why_no_variant(const ashlar_model_info *info) {
  /* Where the CPU would do and only the permission for AMX is missing, that is
   * the reason to give. */
  uint64_t amx =
      ASHLAR_CPU_AMX_TILE | ASHLAR_CPU_AMX_INT8 | ASHLAR_CPU_AMX_BF16;
  uint64_t chip = ashlar_platform_cpuid_features();
  uint64_t usable = ashlar_cpu_features();
  for (uint32_t i = 0; i < info->num_variants; ++i) {
    uint64_t missing = info->variants[i].features & ~usable;
    if ((missing & ~amx) == 0 && (info->variants[i].features & ~chip) == 0)
      return ASHLAR_ERROR_AMX_PERMISSION;
  }
  return ASHLAR_ERROR_CPU;
}
