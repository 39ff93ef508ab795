/* A model whose batch is open runs at 1, 3 and 17 within exactly the workspace
 * that it asks for, and each row of a batch is what it would be alone. */
#include "models.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void *from_heap(size_t bytes, size_t alignment) {
  size_t rounded = (bytes + ASHLAR_ALIGNMENT) / ASHLAR_ALIGNMENT;
  (void)alignment;
  return aligned_alloc(ASHLAR_ALIGNMENT, rounded * ASHLAR_ALIGNMENT);
}

static void release(const struct model *model, struct buffers *buffers) {
  const ashlar_model_info *info = model->info();
  free(buffers->call.head.workspace);
  for (uint32_t i = 0; i < info->num_inputs + info->num_outputs; ++i)
    free(buffers->call.tensors[i].data);
}

/* Floats nearly, everything else exactly. */
static int rows_agree(int32_t dtype, const void *one, const void *other,
                      size_t bytes) {
  const float *a = one, *b = other;
  if (dtype != ASHLAR_FLOAT32)
    return memcmp(one, other, bytes) == 0;
  for (size_t i = 0; i < bytes / sizeof(float); ++i)
    if (!(fabsf(a[i] - b[i]) <= 1e-5f * (1 + fabsf(b[i]))))
      return 0;
  return 1;
}

static void compare_batch(const struct model *model, int64_t batch) {
  uint32_t output = model->info()->num_inputs;
  struct buffers many, one;
  prepare(model, &many, batch, 1, from_heap);
  check(model->run(&many.call.head) == ASHLAR_OK, model->name, "run a batch");
  many.call.head.workspace_bytes -= 1;
  check(many.call.head.workspace_bytes + 1 == 0 ||
            model->run(&many.call.head) == ASHLAR_ERROR_WORKSPACE_SIZE,
        model->name, "refuse a workspace one byte too small");

  int64_t shapes[MOST_OUTPUT_DIMS] = {0};
  check(model->infer_shapes(many.dims, shapes) == ASHLAR_OK &&
            shapes[0] == batch,
        model->name, "infer the batch of the output");

  prepare(model, &one, 1, 1, from_heap);
  size_t input_row = one.call.tensors[0].bytes;
  size_t output_row = one.call.tensors[output].bytes;
  for (int64_t row = 0; row < batch; ++row) {
    memcpy(one.call.tensors[0].data,
           (char *)many.call.tensors[0].data + row * input_row, input_row);
    ashlar_status status = model->run(&one.call.head);
    const char *together = (char *)many.call.tensors[output].data;
    check(status == ASHLAR_OK &&
              rows_agree(model->info()->tensors[output].dtype,
                         one.call.tensors[output].data,
                         together + row * output_row, output_row),
          model->name, "a row alone is what it is in its batch");
  }
  release(model, &one);
  release(model, &many);
}

int main(void) {
  for (int i = 0; i < model_count; ++i) {
    if (!models[i].info()->num_dims || models[i].check_cpu() != ASHLAR_OK)
      continue;
    compare_batch(&models[i], 1);
    compare_batch(&models[i], 3);
    compare_batch(&models[i], 17);
  }
  return finish();
}
