#include "compiler/execution/PeakProbe.h"

#include <algorithm>
#include <cstring>
#include <ctime>

#include "runtime/ashlar_rt.h"

using namespace ashlar;

namespace {

// Fourteen accumulators hide a latency of seven cycles at two a cycle; the
// factors are zero, which costs as much as any other value everywhere but in
// tiles.
#define ONE(op, r, n) op " %%" r "14, %%" r "15, %%" r n "\n"
#define ALL(op, r)                                                             \
  ONE(op, r, "0")                                                              \
  ONE(op, r, "1")                                                              \
  ONE(op, r, "2")                                                              \
  ONE(op, r, "3")                                                              \
  ONE(op, r, "4")                                                              \
  ONE(op, r, "5")                                                              \
  ONE(op, r, "6")                                                              \
  ONE(op, r, "7")                                                              \
  ONE(op, r, "8")                                                              \
  ONE(op, r, "9")                                                              \
  ONE(op, r, "10") ONE(op, r, "11") ONE(op, r, "12") ONE(op, r, "13")
#define CLOBBERS                                                               \
  "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",      \
      "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "cc"
/// A function that runs an instruction on all accumulators `rounds` times.
#define LOOP(name, features, op, r)                                            \
  __attribute__((target(features), noinline)) void name(uint64_t rounds) {     \
    __asm__ volatile("vzeroall\n"                                              \
                     "1:\n" ALL(op, r) "dec %0\njnz 1b\nvzeroall\n"            \
                     : "+r"(rounds)::CLOBBERS);                                \
  }

LOOP(floatAvx2, "avx2,fma", "vfmadd231ps", "ymm")
LOOP(floatAvx512, "avx512f", "vfmadd231ps", "zmm")
LOOP(int8Vnni, "avx512f,avx512vnni", "vpdpbusd", "zmm")
LOOP(bf16Avx512, "avx512f,avx512bf16", "vdpbf16ps", "zmm")

/// Products of 16-bit numbers and their sums, as kernels without VNNI do it.
__attribute__((target("avx2"), noinline)) void int8Avx2(uint64_t rounds) {
#define STEP(t, a)                                                             \
  "vpmaddwd %%ymm14, %%ymm15, %%ymm1" t "\nvpaddd %%ymm1" t ", %%ymm" a        \
  ", %%ymm" a "\n"
  __asm__ volatile("vzeroall\n"
                   "1:\n" STEP("0", "0") STEP("1", "1") STEP("2", "2")
                       STEP("3", "3") STEP("0", "4") STEP("1", "5")
                           STEP("2", "6") STEP("3", "7") STEP("0", "8")
                               STEP("1", "9") "dec %0\njnz 1b\nvzeroall\n"
                   : "+r"(rounds)::CLOBBERS);
#undef STEP
}

/// Full tiles of ones: with zeros the machine would run faster than on data.
struct alignas(64) TileSetup {
  uint8_t configuration[64] = {1};
  uint8_t data[16][64];

  explicit TileSetup(uint16_t element) {
    for (int tile = 0; tile < 8; ++tile) {
      configuration[16 + 2 * tile] = 64;
      configuration[48 + tile] = 16;
    }
    for (auto &row : data)
      for (size_t i = 0; i < sizeof row; i += 2)
        memcpy(row + i, &element, 2);
  }
};

#define TILE_LOOP(name, feature, op, one)                                      \
  __attribute__((target("amx-tile," feature), noinline)) void name(            \
      uint64_t rounds) {                                                       \
    TileSetup setup(one);                                                      \
    __asm__ volatile(                                                          \
        "ldtilecfg (%1)\ntileloadd (%2,%3,1), %%tmm4\n"                        \
        "tileloadd (%2,%3,1), %%tmm5\ntileloadd (%2,%3,1), %%tmm6\n"           \
        "tileloadd (%2,%3,1), %%tmm7\n"                                        \
        "1:\n" op " %%tmm6, %%tmm4, %%tmm0\n" op                               \
        " %%tmm7, %%tmm4, %%tmm1\n" op " %%tmm6, %%tmm5, %%tmm2\n" op          \
        " %%tmm7, %%tmm5, %%tmm3\n"                                            \
        "dec %0\njnz 1b\ntilerelease\n"                                        \
        : "+r"(rounds)                                                         \
        : "r"(setup.configuration), "r"(setup.data), "r"(int64_t(64))          \
        : "cc", "memory");                                                     \
  }
TILE_LOOP(amxInt8, "amx-int8", "tdpbusd", 0x0101)
TILE_LOOP(amxBf16, "amx-bf16", "tdpbf16ps", 0x3f80)

struct Probe {
  const char *name;
  uint64_t features;
  void (*run)(uint64_t rounds);
  /// Multiply-accumulates of a round.
  double macs;
};

constexpr uint64_t kTiles = ASHLAR_CPU_AMX_TILE;
const Probe kProbes[kNumPeakKinds] = {
    {"f32 AVX2", ASHLAR_CPU_AVX2, floatAvx2, 14 * 8},
    {"f32 AVX-512", ASHLAR_CPU_AVX512, floatAvx512, 14 * 16},
    {"bf16 AVX-512", ASHLAR_CPU_AVX512_BF16, bf16Avx512, 14 * 32},
    {"int8 AVX2", ASHLAR_CPU_AVX2, int8Avx2, 10 * 16},
    {"int8 VNNI", ASHLAR_CPU_AVX512_VNNI, int8Vnni, 14 * 64},
    {"int8 AMX", kTiles | ASHLAR_CPU_AMX_INT8, amxInt8, 4 * 16384},
    {"bf16 AMX", kTiles | ASHLAR_CPU_AMX_BF16, amxBf16, 4 * 8192},
};

const Probe &probe(PeakKind kind) { return kProbes[size_t(kind)]; }

/// CPU time of this thread: a probe that another process interrupts would say
/// nothing about the machine.
double seconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return double(time.tv_sec) + double(time.tv_nsec) * 1e-9;
}

/// How often a second `run(rounds)` does a round, over `duration`.
template <class Run> double rate(Run run, uint64_t rounds, double duration) {
  for (;;) {
    double start = seconds();
    run(rounds);
    double time = seconds() - start;
    if (time >= duration)
      return double(rounds) / time;
    rounds = uint64_t(
        double(rounds) *
        std::clamp(1.1 * duration / std::max(time, 1e-9), 2.0, 1000.0));
  }
}

/// Reads 512 bytes a step with loads of half a line.
__attribute__((target("avx2"), noinline)) void readAll(const char *data,
                                                       size_t bytes) {
#define READ(at, r) "vorps " at "(%0), %%ymm" r ", %%ymm" r "\n"
  const char *end = data + bytes / 512 * 512;
  __asm__ volatile(
      "1:\n" READ("0", "0") READ("32", "1") READ("64", "2") READ("96", "3")
          READ("128", "4") READ("160", "5") READ("192", "6") READ("224", "7")
              READ("256", "0") READ("288", "1") READ("320", "2")
                  READ("352", "3") READ("384", "4") READ("416", "5")
                      READ("448", "6")
                          READ("480", "7") "add $512, %0\ncmp %1, %0\njb 1b\n"
                                           "vzeroupper\n"
      : "+r"(data)
      : "r"(end)
      : CLOBBERS, "memory");
#undef READ
}

} // namespace

llvm::StringRef ashlar::peakName(PeakKind kind) { return probe(kind).name; }

bool ashlar::peakAvailable(PeakKind kind) {
  uint64_t needed = probe(kind).features;
  return (ashlar_cpu_features() & needed) == needed;
}

PeakKind ashlar::peakOf(llvm::StringRef isa, llvm::StringRef precision) {
  bool int8 = precision == "int8";
  if (isa.starts_with("AMX"))
    return int8 ? PeakKind::AmxInt8 : PeakKind::AmxBf16;
  if (isa == "AVX512-VNNI")
    return PeakKind::Int8Vnni;
  if (isa == "AVX512-BF16")
    return PeakKind::Bf16Avx512;
  // bf16 without its instructions is widened to f32.
  if (isa == "AVX2")
    return int8 ? PeakKind::Int8Avx2 : PeakKind::FloatAvx2;
  return PeakKind::FloatAvx512;
}

double ashlar::measurePeak(PeakKind kind) {
  return probe(kind).macs * rate(probe(kind).run, 1000, 0.01);
}

ReadProbe::ReadProbe(size_t bytes)
    : buffer(std::max<size_t>(bytes, 4096) / 512 * 512, 1) {}

double ReadProbe::measure() {
  auto read = [&](uint64_t rounds) {
    while (rounds--)
      readAll(buffer.data(), buffer.size());
  };
  return double(buffer.size()) * rate(read, 1, 0.01);
}
