/* The calls that a compiled model's entry points forward to. */
#include "check.h"
#include "profile/profile.h"

#include <xmmintrin.h>

/* Round to nearest, all exceptions masked, denormals kept: the state in which
 * all generated code runs. */
#define CONTROL_STATE 0x1f80u

ashlar_status ashlar_rt1_check_cpu(const ashlar_model_info *info) {
  ashlar_diagnostic why;
  ashlar_status status = ashlar_check_info(info, &why);
  if (status != ASHLAR_OK)
    return status;
  return ashlar_select_variant(info) ? ASHLAR_OK : ashlar_why_no_variant(info);
}

size_t ashlar_rt1_workspace_size(const ashlar_model_info *info,
                                 const int64_t *dims, uint32_t workers) {
  ashlar_diagnostic why;
  if (ashlar_check_info(info, &why) != ASHLAR_OK ||
      ashlar_check_dims(info, dims, &why) != ASHLAR_OK)
    return SIZE_MAX;
  const ashlar_variant_info *variant = ashlar_select_variant(info);
  if (!variant)
    return SIZE_MAX;
  int64_t sizes[2 + info->num_output_dims];
  variant->shapes(dims, sizes);
  return ashlar_workspace_from_sizes(sizes, workers);
}

ashlar_status ashlar_rt1_infer_shapes(const ashlar_model_info *info,
                                      const int64_t *dims,
                                      int64_t *output_dims) {
  ashlar_diagnostic why;
  ashlar_status status = ashlar_check_info(info, &why);
  if (status == ASHLAR_OK)
    status = ashlar_check_dims(info, dims, &why);
  if (status != ASHLAR_OK)
    return status;
  if (!output_dims)
    return info->num_output_dims ? ASHLAR_ERROR_NULL_POINTER : ASHLAR_OK;
  const ashlar_variant_info *variant = ashlar_select_variant(info);
  if (!variant)
    return ashlar_why_no_variant(info);
  int64_t sizes[2 + info->num_output_dims];
  variant->shapes(dims, sizes);
  for (uint32_t i = 0; i < info->num_output_dims; ++i)
    output_dims[i] = sizes[2 + i];
  return ASHLAR_OK;
}

static ashlar_status check_run(const ashlar_model_info *info,
                               const ashlar_args *args,
                               const ashlar_variant_info **variant,
                               ashlar_diagnostic *why) {
  ashlar_status status = ashlar_check_info(info, why);
  if (status != ASHLAR_OK)
    return status;
  *variant = ashlar_select_variant(info);
  if (!*variant) {
    why->status = ashlar_why_no_variant(info);
    why->expected =
        info->num_variants
            ? (int64_t)info->variants[info->num_variants - 1].features
            : 0;
    why->got = (int64_t)ashlar_cpu_features();
    return why->status;
  }
  int64_t sizes[2 + info->num_output_dims];
  return ashlar_check_args(info, *variant, args, sizes, why);
}

ashlar_status ashlar_rt1_run(const ashlar_model_info *info,
                             const ashlar_args *args) {
  if (!args)
    return ASHLAR_ERROR_NULL_POINTER;
  ashlar_diagnostic why = {ASHLAR_OK, -1, -1, -1, -1, -1};
  const ashlar_variant_info *variant = 0;
  ashlar_status status = ASHLAR_OK;
  if (info && info->struct_size == sizeof(ashlar_model_info)) {
    size_t size =
        sizeof(ashlar_args) +
        sizeof(ashlar_buffer) * ((size_t)info->num_inputs + info->num_outputs);
    if (args->struct_size != size) {
      why.status = status = ASHLAR_ERROR_STRUCT_SIZE;
      why.expected = (int64_t)size;
      why.got = (int64_t)args->struct_size;
    }
  }
  if (status == ASHLAR_OK)
    status = check_run(info, args, &variant, &why);
  if (status != ASHLAR_OK) {
    /* A structure too short for the head has no field to write to. */
    if (args->struct_size >= sizeof(ashlar_args) && args->diagnostic)
      *args->diagnostic = why;
    return status;
  }
  unsigned control = _mm_getcsr();
  _mm_setcsr(CONTROL_STATE);
  if (args->profile)
    ashlar_profile_begin(info, args->profile);
  status = (ashlar_status)variant->body(args);
  if (args->profile)
    ashlar_profile_end(args->profile);
  _mm_setcsr(control);
  return status;
}

struct guarded_task {
  ashlar_task task;
  void *argument;
};

/* Tasks run on threads of the executor's, whose control state can be anything.
 */
static void run_guarded(void *argument, uint32_t task_index,
                        uint32_t worker_index) {
  const struct guarded_task *guarded = argument;
  unsigned control = _mm_getcsr();
  _mm_setcsr(CONTROL_STATE);
  guarded->task(guarded->argument, task_index, worker_index);
  _mm_setcsr(control);
}

void ashlar_rt1_parallel_for(const ashlar_args *args, ashlar_task task,
                             void *argument, uint32_t task_count) {
  const ashlar_executor *executor = args->executor;
  if (executor && executor->workers > 1 && task_count > 1) {
    struct guarded_task guarded = {task, argument};
    executor->parallel_for(executor->context, run_guarded, &guarded,
                           task_count);
    return;
  }
  for (uint32_t i = 0; i < task_count; ++i)
    task(argument, i, 0);
}

int32_t ashlar_rt1_fail(const ashlar_args *args, int32_t status, int32_t layer,
                        int64_t expected, int64_t got) {
  ashlar_diagnostic *diagnostic = args->diagnostic;
  if (diagnostic) {
    diagnostic->status = (ashlar_status)status;
    diagnostic->tensor = -1;
    diagnostic->dimension = -1;
    diagnostic->layer = layer;
    diagnostic->expected = expected;
    diagnostic->got = got;
  }
  return status;
}
