/* A model made by hand, as code generation would make it: y = x + weight over
 * x[n,2]; positive[?] keeps the elements of y above zero, so its size depends
 * on data. */
#include "runtime/ashlar_rt.h"

typedef struct fake_args {
  ashlar_args head;
  const float *x;
  size_t x_bytes;
  float *y;
  size_t y_bytes;
  float *positive;
  size_t positive_bytes;
} fake_args;

/* Large enough to show whether loading copes with data beside code. */
static const float weights[1 << 20] __attribute__((aligned(64))) = {0.5f};

static void add(void *argument, uint32_t index, uint32_t worker) {
  const fake_args *args = argument;
  for (int i = 0; i < 2; ++i)
    args->y[index * 2 + i] = args->x[index * 2 + i] + weights[0];
  ((float *)args->head.workspace)[worker * 16] = 1;
}

static int32_t body(const ashlar_args *head) {
  const fake_args *args = (const fake_args *)head;
  int64_t rows = head->dims[0];
  ashlar_rt1_parallel_for(head, add, (void *)args, (uint32_t)rows);
  int64_t count = 0;
  for (int64_t i = 0; i < rows * 2; ++i)
    count += args->y[i] > 0;
  if (args->x[0] == -1000)
    return ashlar_rt1_fail(head, ASHLAR_ERROR_INDEX, 0, 8, 9);
  if (args->positive_bytes < (size_t)count * sizeof(float))
    return ashlar_rt1_fail(head, ASHLAR_ERROR_OUTPUT_CAPACITY, 1, count * 4,
                           (int64_t)args->positive_bytes);
  count = 0;
  for (int64_t i = 0; i < rows * 2; ++i)
    if (args->y[i] > 0)
      args->positive[count++] = args->y[i];
  if (head->output_dims) {
    head->output_dims[0] = rows;
    head->output_dims[1] = 2;
    head->output_dims[2] = count;
  }
  return ASHLAR_OK;
}

static void shapes(const int64_t *dims, int64_t *sizes) {
  sizes[0] = 0;
  sizes[1] = 64;
  sizes[2] = dims[0];
  sizes[3] = 2;
  sizes[4] = ASHLAR_DYNAMIC;
}

static const int64_t matrix_dims[] = {ASHLAR_DYNAMIC, 2},
                     list_dims[] = {ASHLAR_DYNAMIC};
static const int32_t matrix_symbols[] = {0, -1}, list_symbols[] = {-1};
static const ashlar_tensor_info tensors[] = {
    {"x", "x", ASHLAR_FLOAT32, 2, matrix_dims, matrix_symbols, 4, 0, 0},
    {"y", "y", ASHLAR_FLOAT32, 2, matrix_dims, matrix_symbols, 4, 0, 0},
    {"positive", "positive", ASHLAR_FLOAT32, 1, list_dims, list_symbols, 4, 0,
     0}};
static const ashlar_dim_info dims[] = {{"rows", "rows", 1, 1 << 20}};
static const ashlar_variant_info variants[] = {{"x86-64", 0, body, shapes}};
static const ashlar_layer_info layers[] = {{"add", "Add"},
                                           {"keep", "Compress"}};
static const ashlar_model_info info = {.struct_size = sizeof(ashlar_model_info),
                                       .abi_version = ASHLAR_ABI_VERSION,
                                       .name = "fake",
                                       .model_hash = "",
                                       .producer = "test",
                                       .num_inputs = 1,
                                       .num_outputs = 2,
                                       .num_dims = 1,
                                       .num_variants = 1,
                                       .num_layers = 2,
                                       .num_output_dims = 3,
                                       .tensors = tensors,
                                       .dims = dims,
                                       .variants = variants,
                                       .layers = layers,
                                       .weights = weights,
                                       .weights_bytes = sizeof weights};

const ashlar_model_info *fake_info(void) { return &info; }
ashlar_status fake_run(const ashlar_args *args) {
  return ashlar_rt1_run(&info, args);
}
