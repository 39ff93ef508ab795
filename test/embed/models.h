/* The compiled models of these tests behind one type: a model is used through
 * the tables of its info, as a caller without its header would. */
#ifndef ASHLAR_TEST_EMBED_MODELS_H
#define ASHLAR_TEST_EMBED_MODELS_H

#include "ashlar_rt.h"

enum { MOST_TENSORS = 8, MOST_DIMS = 4, MOST_OUTPUT_DIMS = 16 };

struct model {
  const char *name;
  const ashlar_model_info *(*info)(void);
  ashlar_status (*check_cpu)(void);
  size_t (*workspace_size)(const int64_t *dims, uint32_t workers);
  ashlar_status (*infer_shapes)(const int64_t *dims, int64_t *output_dims);
  ashlar_status (*run)(const ashlar_args *args);
};

extern const struct model models[];
extern const int model_count;

/* The head and its buffers as generated code expects them. */
struct call {
  ashlar_args head;
  ashlar_buffer tensors[MOST_TENSORS];
};

/* Bytes of tensor `index` where every dim of the model is `dim`. */
size_t tensor_bytes(const struct model *model, uint32_t index, int64_t dim);

/* Buffers for one call, and inputs that look random but are always the same. */
struct buffers {
  struct call call;
  int64_t dims[MOST_DIMS];
};
typedef void *(*allocate)(size_t bytes, size_t alignment);
void prepare(const struct model *model, struct buffers *buffers, int64_t dim,
             uint32_t workers, allocate allocate);

/* Counts of this program, and the line that says them. */
extern int passed, failed;
void check(int good, const char *model, const char *what);
int finish(void);

#endif
