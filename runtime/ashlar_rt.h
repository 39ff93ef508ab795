/* clang-format off */ /* Tables read better aligned by hand. */
/* ashlar_rt.h: the C interface between an application, its compiled models and the Ashlar runtime.
 *
 * A compiled model with prefix P defines P_info, P_check_cpu, P_workspace_size, P_state_size, P_infer_shapes and P_run;
 * its generated header declares them with typed arguments. Everything here is plain C99 and valid C++17. */
#ifndef ASHLAR_RT_H
#define ASHLAR_RT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ASHLAR_ABI_VERSION 1
/* Alignment in bytes of workspace, state and weights. Tensors need only the alignment of their element type. */
#define ASHLAR_ALIGNMENT 64
/* Value of a dimension that is not known before the model runs. */
#define ASHLAR_DYNAMIC ((int64_t)-1)

/* Result of every call. Zero is success; ashlar_status_text() gives a sentence. */
typedef enum ashlar_status {
  ASHLAR_OK = 0,
  ASHLAR_ERROR_NULL_POINTER = 1,        /* a required pointer is null */
  ASHLAR_ERROR_STRUCT_SIZE = 2,         /* the argument structure has another size: header and object do not match */
  ASHLAR_ERROR_ABI_VERSION = 3,         /* object and runtime speak different versions of this interface */
  ASHLAR_ERROR_DIMENSION = 4,           /* a dimension lies outside the range that the model was compiled for */
  ASHLAR_ERROR_TENSOR_SIZE = 5,         /* a tensor's byte count differs from what its shape asks for */
  ASHLAR_ERROR_ALIGNMENT = 6,           /* a pointer is not aligned as documented */
  ASHLAR_ERROR_WORKSPACE_SIZE = 7,      /* the workspace is too small */
  ASHLAR_ERROR_STATE_SIZE = 8,          /* the state region is too small */
  ASHLAR_ERROR_WEIGHTS = 9,             /* the weights given are not those of this model */
  ASHLAR_ERROR_OUTPUT_CAPACITY = 10,    /* an output whose shape depends on data does not fit its buffer */
  ASHLAR_ERROR_CPU = 11,                /* the CPU lacks a feature that the object needs */
  ASHLAR_ERROR_AMX_PERMISSION = 12,     /* the kernel refused the use of AMX */
  ASHLAR_ERROR_INDEX = 13,              /* an index held in a tensor lies outside the tensor it refers to */
  ASHLAR_ERROR_SHAPE = 14,              /* shapes computed from data do not fit each other */
  ASHLAR_ERROR_VALUE = 15,              /* a value held in a tensor is not allowed by the operator */
  ASHLAR_ERROR_EXECUTOR = 16            /* the executor given is not usable (no workers, no parallel_for) */
} ashlar_status;

/* Element types; the numbers are those of ONNX TensorProto.DataType. Types below one byte are unpacked: one element a
 * byte. */
typedef enum ashlar_dtype {
  ASHLAR_FLOAT32 = 1, ASHLAR_UINT8 = 2, ASHLAR_INT8 = 3, ASHLAR_UINT16 = 4, ASHLAR_INT16 = 5, ASHLAR_INT32 = 6,
  ASHLAR_INT64 = 7, ASHLAR_STRING = 8, ASHLAR_BOOL = 9, ASHLAR_FLOAT16 = 10, ASHLAR_FLOAT64 = 11, ASHLAR_UINT32 = 12,
  ASHLAR_UINT64 = 13, ASHLAR_COMPLEX64 = 14, ASHLAR_COMPLEX128 = 15, ASHLAR_BFLOAT16 = 16, ASHLAR_FLOAT8E4M3FN = 17,
  ASHLAR_FLOAT8E4M3FNUZ = 18, ASHLAR_FLOAT8E5M2 = 19, ASHLAR_FLOAT8E5M2FNUZ = 20, ASHLAR_UINT4 = 21, ASHLAR_INT4 = 22,
  ASHLAR_FLOAT4E2M1 = 23, ASHLAR_FLOAT8E8M0 = 24, ASHLAR_UINT2 = 25, ASHLAR_INT2 = 26
} ashlar_dtype;

/* Where and why a call failed. Fields that do not apply are -1. */
typedef struct ashlar_diagnostic {
  ashlar_status status;
  int32_t tensor;       /* index in ashlar_model_info.tensors */
  int32_t dimension;    /* axis of that tensor, or index in ashlar_model_info.dims where tensor is -1 */
  int32_t layer;        /* index in ashlar_model_info.layers: the ONNX node that found the fault while running */
  int64_t expected;
  int64_t got;
} ashlar_diagnostic;

/* Runs task(argument, 0 .. task_count-1, worker) to the end before it returns; worker is below `workers` and no two
 * tasks run at the same time under one worker number. */
typedef void (*ashlar_task)(void *argument, uint32_t task_index, uint32_t worker_index);
typedef struct ashlar_executor {
  uint32_t workers;
  void (*parallel_for)(void *context, ashlar_task task, void *argument, uint32_t task_count);
  void *context;
} ashlar_executor;

/* Where the time of a run goes, in ticks of the CPU's time stamp counter. A run adds to what the places hold. */
typedef struct ashlar_profile {
  size_t struct_size;   /* sizeof(ashlar_profile) */
  uint64_t *ticks;      /* one for each layer in the order of ashlar_model_info.layers, then one for what belongs to none */
  uint32_t num_ticks;   /* places at `ticks`: num_layers + 1 */
  uint32_t layer;       /* of no use to the caller, like `since` */
  uint64_t since;
} ashlar_profile;

/* Head of every model's argument structure; P_args is this head followed by one {pointer, byte count} a tensor, inputs
 * first, in the order of ashlar_model_info.tensors. */
typedef struct ashlar_args {
  size_t struct_size;               /* sizeof(P_args) */
  void *workspace;                  /* P_workspace_size() bytes, ASHLAR_ALIGNMENT; may be null where that is 0 */
  size_t workspace_bytes;
  void *state;                      /* models with state only */
  size_t state_bytes;
  const void *weights;              /* null: those embedded in the object */
  size_t weights_bytes;
  const ashlar_executor *executor;  /* null: the calling thread does it all */
  const int64_t *dims;              /* one value a symbolic dimension, ashlar_model_info.dims order; null if there are none */
  int64_t *output_dims;             /* null, or room for the dims of all outputs, one after the other, written by the run */
  ashlar_diagnostic *diagnostic;    /* null, or written when the call fails */
  ashlar_profile *profile;          /* null, or where the run adds how long each layer took */
} ashlar_args;

typedef struct ashlar_buffer {
  void *data;
  size_t bytes;
} ashlar_buffer;

typedef struct ashlar_dim_info {
  const char *name;     /* ONNX name, or one made from tensor and axis where the file has none */
  const char *c_name;
  int64_t minimum, maximum;
} ashlar_dim_info;

/* The values follow from a random operator: another implementation of the model draws others. */
#define ASHLAR_TENSOR_RANDOM 1u

typedef struct ashlar_tensor_info {
  const char *name;     /* ONNX name */
  const char *c_name;
  int32_t dtype;        /* ashlar_dtype */
  int32_t rank;
  const int64_t *dims;          /* [rank]; ASHLAR_DYNAMIC where the value follows from dims or data */
  const int32_t *dim_symbols;   /* [rank]; index in ashlar_model_info.dims, or -1 */
  uint64_t element_bytes;
  float scale;                  /* quantization parameters of the values, 0 where there are none */
  int32_t zero_point;
  uint32_t flags;               /* ASHLAR_TENSOR_* */
  uint32_t reserved;
} ashlar_tensor_info;

typedef struct ashlar_layer_info {
  const char *name;     /* ONNX node name */
  const char *op;       /* ONNX operator */
} ashlar_layer_info;

/* What computes a layer. Numbers that are not known are -1, texts that do not apply are empty. */
typedef struct ashlar_kernel_info {
  const char *kernel;       /* "nn.conv", "nn.matmul", "loops" ..., "epilogue": within another layer, "folded": nothing */
  const char *isa;          /* the highest instruction set that it is made for */
  const char *precision;    /* of what it multiplies: "f32", "bf16", "int8" */
  const char *reason;       /* why no better kernel was taken */
  int64_t macs;             /* multiply-accumulates */
  int64_t weight_bytes;     /* constants that it reads */
  int64_t bytes;            /* all that it reads and writes, constants too */
  int32_t part_of;          /* the layer whose kernel computes this one too, or -1 */
} ashlar_kernel_info;

struct ashlar_model_info;

/* One compilation of the model for one CPU. features is a mask of ASHLAR_CPU_* bits. */
typedef struct ashlar_variant_info {
  const char *cpu;
  uint64_t features;
  int32_t (*body)(const ashlar_args *args);
  /* sizes[0]: workspace bytes shared by all workers, sizes[1]: bytes for each worker, then the dims of all outputs, one
   * after the other, ASHLAR_DYNAMIC where they depend on data. */
  void (*shapes)(const int64_t *dims, int64_t *sizes);
  const ashlar_kernel_info *kernels;    /* one for each layer */
} ashlar_variant_info;

typedef struct ashlar_model_info {
  uint32_t struct_size;
  uint32_t abi_version;
  const char *name;             /* prefix */
  const char *model_hash;       /* SHA-256 of the ONNX model, hexadecimal */
  const char *producer;         /* compiler and version */
  uint32_t num_inputs, num_outputs, num_dims, num_variants, num_layers;
  uint32_t num_output_dims;     /* sum of the outputs' ranks */
  const ashlar_tensor_info *tensors;    /* inputs, then outputs */
  const ashlar_dim_info *dims;
  const ashlar_variant_info *variants;  /* best first */
  const ashlar_layer_info *layers;
  const void *weights;          /* embedded weights, null if they are kept in a file */
  uint64_t weights_bytes;
  uint64_t state_bytes;
  const char *weights_hash;     /* SHA-256 of weights that are kept in a file, hexadecimal; empty if embedded */
} ashlar_model_info;

/* CPU features, as far as code generation distinguishes them. */
#define ASHLAR_CPU_AVX2         (UINT64_C(1) << 0)   /* with FMA, F16C, BMI2: x86-64-v3 */
#define ASHLAR_CPU_AVX512       (UINT64_C(1) << 1)   /* F, BW, CD, DQ, VL: x86-64-v4 */
#define ASHLAR_CPU_AVX512_VNNI  (UINT64_C(1) << 2)
#define ASHLAR_CPU_AVX512_BF16  (UINT64_C(1) << 3)
#define ASHLAR_CPU_AVX512_VBMI  (UINT64_C(1) << 4)
#define ASHLAR_CPU_AVX512_FP16  (UINT64_C(1) << 5)
#define ASHLAR_CPU_AVX_VNNI     (UINT64_C(1) << 6)
#define ASHLAR_CPU_AMX_TILE     (UINT64_C(1) << 7)
#define ASHLAR_CPU_AMX_INT8     (UINT64_C(1) << 8)
#define ASHLAR_CPU_AMX_BF16     (UINT64_C(1) << 9)
#define ASHLAR_CPU_AVX512_EXTRA (UINT64_C(1) << 10)  /* IFMA, VBMI2, BITALG, VPOPCNTDQ, GFNI, VAES, VPCLMULQDQ: Ice Lake */

/* ---- for applications ---- */

/* A sentence for a status; never null. */
const char *ashlar_status_text(ashlar_status status);

/* Features that this CPU and operating system offer (AMX bits only where permission is granted); cheap after the first call. */
uint64_t ashlar_cpu_features(void);

/* A pool of `workers` threads, the caller being one of them; 0 asks for as many as affinity and cgroup quota allow.
 * Null when threads cannot be made. The executor is valid until the pool is destroyed; one parallel_for at a time. */
typedef struct ashlar_pool ashlar_pool;
ashlar_pool *ashlar_pool_create(uint32_t workers);
const ashlar_executor *ashlar_pool_executor(ashlar_pool *pool);
void ashlar_pool_destroy(ashlar_pool *pool);
/* CPUs that this process may use: affinity mask, limited by the cgroup quota, at least 1. */
uint32_t ashlar_available_cpus(void);

/* ---- called by compiled models only ---- */

ashlar_status ashlar_rt1_check_cpu(const ashlar_model_info *info);
size_t ashlar_rt1_workspace_size(const ashlar_model_info *info, const int64_t *dims, uint32_t workers);
ashlar_status ashlar_rt1_infer_shapes(const ashlar_model_info *info, const int64_t *dims, int64_t *output_dims);
ashlar_status ashlar_rt1_run(const ashlar_model_info *info, const ashlar_args *args);
void ashlar_rt1_parallel_for(const ashlar_args *args, ashlar_task task, void *argument, uint32_t task_count);
/* From here on the body computes the layer with this index. */
void ashlar_rt1_mark(const ashlar_args *args, uint32_t layer);
/* Records a fault found while running and returns its status. */
int32_t ashlar_rt1_fail(const ashlar_args *args, int32_t status, int32_t layer, int64_t expected, int64_t got);

#ifdef __cplusplus
}
#endif
#endif
