/* Stands in the place of runtime/platform/cpu.c in programs that run code for
 * AMX on any machine with AVX-512: linked in front of the runtime library, it
 * claims AMX and sees to it that tile instructions work. Real AMX is left
 * alone. */
#define ashlar_cpu_features real_cpu_features
#define ashlar_platform_amx real_platform_amx
#define ashlar_platform_cpuid_features real_platform_cpuid_features
#include "runtime/platform/cpu.c"
#undef ashlar_cpu_features
#undef ashlar_platform_amx
#undef ashlar_platform_cpuid_features

#include "test/amx-emulation/amx_emulation.h"

/* What code for Sapphire Rapids uses besides AMX. AVX512-FP16 is not among
 * it: no kernel computes in f16. */
#define NEEDED                                                                 \
  (ASHLAR_CPU_AVX512_VNNI | ASHLAR_CPU_AVX512_BF16 | ASHLAR_CPU_AVX512_VBMI |  \
   ASHLAR_CPU_AVX_VNNI | ASHLAR_CPU_AVX512_EXTRA)

static int emulated(void) {
  uint64_t features = real_cpu_features();
  return !(features & ASHLAR_CPU_AMX_TILE) && (features & NEEDED) == NEEDED;
}

uint64_t ashlar_cpu_features(void) {
  uint64_t features = real_cpu_features();
  if (!emulated())
    return features;
  amx_emulation_install();
  return features | AMX_BITS | ASHLAR_CPU_AVX512_FP16;
}

ashlar_amx_state ashlar_platform_amx(void) {
  return emulated() ? ASHLAR_AMX_USABLE : real_platform_amx();
}

uint64_t ashlar_platform_cpuid_features(void) {
  return real_platform_cpuid_features() |
         (emulated() ? AMX_BITS | ASHLAR_CPU_AVX512_FP16 : 0);
}
