/* Every tensor, the workspace and the weights stand between pages that may not
 * be touched; inputs and weights may not be written; nothing is allocated. */
#include "guarded.h"
#include "models.h"

#include <stdlib.h>
#include <string.h>

static enum guard_side side;
static void *between_pages(size_t bytes, size_t alignment) {
  return guarded_alloc(bytes, alignment, side);
}

static void run_guarded(const struct model *model, int64_t dim) {
  const ashlar_model_info *info = model->info();
  struct buffers buffers;
  prepare(model, &buffers, dim, 1, between_pages);
  struct call *call = &buffers.call;
  void *weights = NULL;
  if (info->weights_bytes) {
    weights = guarded_alloc(info->weights_bytes, ASHLAR_ALIGNMENT, side);
    memcpy(weights, info->weights, info->weights_bytes);
    guarded_protect(weights);
    call->head.weights = weights;
    call->head.weights_bytes = info->weights_bytes;
  }
  for (uint32_t i = 0; i < info->num_inputs; ++i)
    guarded_protect(call->tensors[i].data);

  forbid_malloc();
  ashlar_status status = model->run(&call->head);
  allow_malloc();
  check(status == ASHLAR_OK, model->name, "run between guard pages");

  int intact = guarded_intact(call->head.workspace);
  guarded_free(call->head.workspace);
  for (uint32_t i = 0; i < info->num_inputs + info->num_outputs; ++i) {
    intact &= guarded_intact(call->tensors[i].data);
    guarded_free(call->tensors[i].data);
  }
  if (weights)
    guarded_free(weights);
  check(intact, model->name, "bytes around the buffers are as they were");
}

int main(void) {
  static const int64_t batches[] = {1, 3, 17};
  for (int i = 0; i < model_count; ++i) {
    if (models[i].check_cpu() != ASHLAR_OK)
      continue;
    for (side = GUARD_BEFORE; side <= GUARD_AFTER; ++side)
      for (int k = 0; k < (models[i].info()->num_dims ? 3 : 1); ++k)
        run_guarded(&models[i], batches[k]);
  }
  return finish();
}
