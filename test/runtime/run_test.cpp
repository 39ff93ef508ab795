// Every kind of wrong argument to run(), on a hand-made model: y[n,3] = x[n,3],
// workspace of 100 shared bytes and 50 a worker, weights kept outside.
#include "runtime/ashlar_rt.h"

#include "gtest/gtest.h"

#include <cstdlib>
#include <cstring>
#include <vector>
#include <xmmintrin.h>

namespace {

struct Args {
  ashlar_args head;
  const float *x;
  size_t xBytes;
  float *y;
  size_t yBytes;
};

int bodyRuns;
unsigned controlInBody;
int32_t bodyStatus;

int32_t body(const ashlar_args *args) {
  ++bodyRuns;
  controlInBody = _mm_getcsr();
  auto *typed = reinterpret_cast<const Args *>(args);
  if (typed->xBytes)
    memcpy(typed->y, typed->x, typed->xBytes);
  if (bodyStatus)
    return ashlar_rt1_fail(args, bodyStatus, 0, 7, 9);
  return ASHLAR_OK;
}

int64_t sharedBytes;

void shapes(const int64_t *dims, int64_t *sizes) {
  sizes[0] = sharedBytes;
  sizes[1] = 50;
  sizes[2] = dims[0];
  sizes[3] = 3;
}

const int64_t tensorDims[] = {ASHLAR_DYNAMIC, 3};
const int32_t tensorSymbols[] = {0, -1};

struct RunTest : testing::Test {
  void SetUp() override {
    bodyRuns = 0;
    bodyStatus = 0;
    sharedBytes = 100;
    for (int i = 0; i != 6; ++i)
      x[i] = float(i + 1);
    args.head.struct_size = sizeof(Args);
    args.head.workspace = workspace;
    args.head.workspace_bytes = 150;
    args.head.weights = weights;
    args.head.weights_bytes = 64;
    args.head.dims = &batch;
    args.head.diagnostic = &why;
    args.x = x;
    args.xBytes = 24;
    args.y = y;
    args.yBytes = 24;
  }

  ashlar_status run() { return ashlar_rt1_run(&info, &args.head); }

  void expectFault(ashlar_status status, int tensor = -1) {
    why = {ASHLAR_OK, 77, 77, 77, 77, 77};
    EXPECT_EQ(run(), status);
    EXPECT_EQ(why.status, status);
    EXPECT_EQ(why.tensor, tensor);
    EXPECT_EQ(bodyRuns, 0);
  }

  alignas(64) char workspace[256];
  alignas(64) char weights[64];
  float x[6], y[6] = {};
  int64_t batch = 2;
  ashlar_diagnostic why = {};
  Args args = {};
  ashlar_tensor_info tensors[2] = {
      {"x", "x", ASHLAR_FLOAT32, 2, tensorDims, tensorSymbols, 4, 0, 0},
      {"y", "y", ASHLAR_FLOAT32, 2, tensorDims, tensorSymbols, 4, 0, 0}};
  ashlar_dim_info dims[1] = {{"n", "n", 1, 17}};
  ashlar_layer_info layers[1] = {{"copy", "Identity"}};
  ashlar_variant_info variants[2] = {{"none", UINT64_C(1) << 40, body, shapes},
                                     {"x86-64", 0, body, shapes}};
  ashlar_model_info info = {sizeof(ashlar_model_info),
                            ASHLAR_ABI_VERSION,
                            "copy",
                            "",
                            "",
                            1,
                            1,
                            1,
                            2,
                            1,
                            2,
                            tensors,
                            dims,
                            variants,
                            layers,
                            nullptr,
                            64,
                            0};
};

TEST_F(RunTest, Succeeds) {
  EXPECT_EQ(run(), ASHLAR_OK);
  EXPECT_EQ(bodyRuns, 1);
  EXPECT_EQ(memcmp(x, y, 24), 0);
}

TEST_F(RunTest, NullArguments) {
  EXPECT_EQ(ashlar_rt1_run(&info, nullptr), ASHLAR_ERROR_NULL_POINTER);
  EXPECT_EQ(ashlar_rt1_run(nullptr, &args.head), ASHLAR_ERROR_NULL_POINTER);
}

TEST_F(RunTest, StructSize) {
  args.head.struct_size = sizeof(Args) - 8;
  expectFault(ASHLAR_ERROR_STRUCT_SIZE);
  EXPECT_EQ(why.expected, int64_t(sizeof(Args)));
  EXPECT_EQ(why.got, int64_t(sizeof(Args) - 8));
  // Too short for the head: the diagnostic must not be looked for.
  args.head.struct_size = 8;
  why.status = ASHLAR_OK;
  EXPECT_EQ(run(), ASHLAR_ERROR_STRUCT_SIZE);
  EXPECT_EQ(why.status, ASHLAR_OK);
}

TEST_F(RunTest, Profile) {
  std::vector<uint64_t> ticks(info.num_layers + 1);
  ashlar_profile profile = {sizeof(ashlar_profile), ticks.data(),
                            info.num_layers + 1, 0, 0};
  args.head.profile = &profile;
  EXPECT_EQ(run(), ASHLAR_OK);
  EXPECT_GT(ticks.back(), 0u);
  bodyRuns = 0;
  profile.num_ticks = info.num_layers;
  expectFault(ASHLAR_ERROR_STRUCT_SIZE);
  EXPECT_EQ(why.expected, int64_t(info.num_layers) + 1);
  profile.struct_size = 8;
  expectFault(ASHLAR_ERROR_STRUCT_SIZE);
  EXPECT_EQ(why.got, 8);
  profile = {sizeof(ashlar_profile), nullptr, info.num_layers + 1, 0, 0};
  expectFault(ASHLAR_ERROR_NULL_POINTER);
}

TEST_F(RunTest, AbiVersion) {
  info.abi_version = 2;
  expectFault(ASHLAR_ERROR_ABI_VERSION);
  EXPECT_EQ(why.got, 2);
  EXPECT_EQ(ashlar_rt1_check_cpu(&info), ASHLAR_ERROR_ABI_VERSION);
  EXPECT_EQ(ashlar_rt1_workspace_size(&info, &batch, 1), SIZE_MAX);
}

TEST_F(RunTest, Dimensions) {
  args.head.dims = nullptr;
  expectFault(ASHLAR_ERROR_NULL_POINTER);
  args.head.dims = &batch;
  for (int64_t wrong : {INT64_C(0), INT64_C(18), INT64_C(-1), INT64_MIN}) {
    batch = wrong;
    expectFault(ASHLAR_ERROR_DIMENSION);
    EXPECT_EQ(why.dimension, 0);
    EXPECT_EQ(why.got, wrong);
    EXPECT_EQ(why.expected, wrong == 18 ? 17 : 1);
  }
}

TEST_F(RunTest, TensorSizes) {
  args.xBytes = 20;
  expectFault(ASHLAR_ERROR_TENSOR_SIZE, 0);
  EXPECT_EQ(why.expected, 24);
  EXPECT_EQ(why.got, 20);
  args.xBytes = 24;
  args.yBytes = 28;
  expectFault(ASHLAR_ERROR_TENSOR_SIZE, 1);
}

TEST_F(RunTest, SizeOverflow) {
  dims[0].maximum = INT64_MAX;
  batch = INT64_MAX / 2;
  expectFault(ASHLAR_ERROR_TENSOR_SIZE, 0);
  EXPECT_EQ(why.expected, INT64_MAX);
}

TEST_F(RunTest, TensorPointers) {
  args.x = nullptr;
  expectFault(ASHLAR_ERROR_NULL_POINTER, 0);
  args.x = x;
  args.y = nullptr;
  expectFault(ASHLAR_ERROR_NULL_POINTER, 1);
  args.y = reinterpret_cast<float *>(reinterpret_cast<char *>(y) + 2);
  expectFault(ASHLAR_ERROR_ALIGNMENT, 1);
  EXPECT_EQ(why.expected, 4);
}

TEST_F(RunTest, EmptyTensorsMayBeNull) {
  dims[0].minimum = 0;
  batch = 0;
  args.x = nullptr;
  args.y = nullptr;
  args.xBytes = args.yBytes = 0;
  EXPECT_EQ(run(), ASHLAR_OK);
}

TEST_F(RunTest, Workspace) {
  args.head.workspace_bytes = 149;
  expectFault(ASHLAR_ERROR_WORKSPACE_SIZE);
  EXPECT_EQ(why.expected, 150);
  EXPECT_EQ(why.got, 149);
  args.head.workspace_bytes = 150;
  args.head.workspace = nullptr;
  expectFault(ASHLAR_ERROR_NULL_POINTER);
  args.head.workspace = workspace + 32;
  expectFault(ASHLAR_ERROR_ALIGNMENT);
  EXPECT_EQ(why.expected, 64);
}

TEST_F(RunTest, WorkspaceGrowsWithWorkers) {
  EXPECT_EQ(ashlar_rt1_workspace_size(&info, &batch, 1), 150u);
  EXPECT_EQ(ashlar_rt1_workspace_size(&info, &batch, 4), 300u);
  EXPECT_EQ(ashlar_rt1_workspace_size(&info, nullptr, 4), SIZE_MAX);
  ashlar_executor executor = {4, [](void *, ashlar_task, void *, uint32_t) {},
                              nullptr};
  args.head.executor = &executor;
  expectFault(ASHLAR_ERROR_WORKSPACE_SIZE);
  EXPECT_EQ(why.expected, 300);
}

TEST_F(RunTest, WorkspaceOverflow) {
  sharedBytes = INT64_MAX;
  EXPECT_EQ(ashlar_rt1_workspace_size(&info, &batch, 1),
            size_t(INT64_MAX) + 50);
  sharedBytes = -1;
  EXPECT_EQ(ashlar_rt1_workspace_size(&info, &batch, 1), SIZE_MAX);
  args.head.workspace_bytes = SIZE_MAX;
  expectFault(ASHLAR_ERROR_WORKSPACE_SIZE);
}

TEST_F(RunTest, Executor) {
  ashlar_executor executor = {0, nullptr, nullptr};
  args.head.executor = &executor;
  expectFault(ASHLAR_ERROR_EXECUTOR);
  executor.workers = 1;
  expectFault(ASHLAR_ERROR_EXECUTOR);
}

TEST_F(RunTest, Weights) {
  args.head.weights = nullptr;
  expectFault(ASHLAR_ERROR_WEIGHTS);
  args.head.weights = weights;
  args.head.weights_bytes = 63;
  expectFault(ASHLAR_ERROR_WEIGHTS);
  args.head.weights_bytes = 64;
  args.head.weights = workspace + 1;
  expectFault(ASHLAR_ERROR_ALIGNMENT);
}

TEST_F(RunTest, State) {
  info.state_bytes = 128;
  expectFault(ASHLAR_ERROR_STATE_SIZE);
  args.head.state_bytes = 128;
  expectFault(ASHLAR_ERROR_NULL_POINTER);
  args.head.state = workspace + 8;
  expectFault(ASHLAR_ERROR_ALIGNMENT);
}

TEST_F(RunTest, Cpu) {
  info.num_variants = 1;
  expectFault(ASHLAR_ERROR_CPU);
  EXPECT_EQ(why.expected, INT64_C(1) << 40);
  EXPECT_EQ(ashlar_rt1_check_cpu(&info), ASHLAR_ERROR_CPU);
  int64_t out[2];
  EXPECT_EQ(ashlar_rt1_infer_shapes(&info, &batch, out), ASHLAR_ERROR_CPU);
  info.num_variants = 2;
  EXPECT_EQ(ashlar_rt1_check_cpu(&info), ASHLAR_OK);
}

TEST_F(RunTest, InferShapes) {
  int64_t out[2] = {};
  EXPECT_EQ(ashlar_rt1_infer_shapes(&info, &batch, out), ASHLAR_OK);
  EXPECT_EQ(out[0], 2);
  EXPECT_EQ(out[1], 3);
  EXPECT_EQ(ashlar_rt1_infer_shapes(&info, &batch, nullptr),
            ASHLAR_ERROR_NULL_POINTER);
  batch = 99;
  EXPECT_EQ(ashlar_rt1_infer_shapes(&info, &batch, out),
            ASHLAR_ERROR_DIMENSION);
}

TEST_F(RunTest, OutputOfUnknownSizeTakesAnyCapacity) {
  static const auto unknown = [](const int64_t *, int64_t *sizes) {
    sizes[0] = sizes[1] = 0;
    sizes[2] = ASHLAR_DYNAMIC;
    sizes[3] = 3;
  };
  static const int32_t none[] = {-1, -1};
  variants[1].shapes = unknown;
  tensors[1].dim_symbols = none;
  args.head.workspace = nullptr;
  args.head.workspace_bytes = 0;
  EXPECT_EQ(run(), ASHLAR_OK);
}

TEST_F(RunTest, BodyFaultsAreReported) {
  bodyStatus = ASHLAR_ERROR_INDEX;
  EXPECT_EQ(run(), ASHLAR_ERROR_INDEX);
  EXPECT_EQ(why.status, ASHLAR_ERROR_INDEX);
  EXPECT_EQ(why.layer, 0);
  EXPECT_EQ(why.expected, 7);
  EXPECT_EQ(why.got, 9);
  args.head.diagnostic = nullptr;
  EXPECT_EQ(run(), ASHLAR_ERROR_INDEX);
}

TEST_F(RunTest, ControlStateIsSetAndRestored) {
  unsigned before = _mm_getcsr();
  unsigned odd = (before & ~0x3fu) | 0x8040 | 0x6000; // FTZ, DAZ, truncation
  _mm_setcsr(odd);
  EXPECT_EQ(run(), ASHLAR_OK);
  unsigned after = _mm_getcsr();
  _mm_setcsr(before);
  EXPECT_EQ(after & ~0x3fu, odd & ~0x3fu);
  EXPECT_EQ(controlInBody, 0x1f80u);
}

TEST(ParallelForTest, SerialInOrder) {
  std::vector<uint32_t> order;
  ashlar_args args = {};
  auto task = [](void *argument, uint32_t index, uint32_t worker) {
    EXPECT_EQ(worker, 0u);
    static_cast<std::vector<uint32_t> *>(argument)->push_back(index);
  };
  ashlar_rt1_parallel_for(&args, task, &order, 4);
  EXPECT_EQ(order, (std::vector<uint32_t>{0, 1, 2, 3}));
}

TEST(StatusTest, EveryStatusHasItsText) {
  for (int status = 0; status <= ASHLAR_ERROR_EXECUTOR; ++status)
    for (int other = 0; other < status; ++other)
      EXPECT_STRNE(ashlar_status_text(ashlar_status(status)),
                   ashlar_status_text(ashlar_status(other)));
  EXPECT_STREQ(ashlar_status_text(ashlar_status(9999)), "unknown status");
}

} // namespace
