/* CPU features: CPUID says what the chip has, XCR0 what the system saves on a
 * context switch, and AMX has to be asked for, once a process. */
#include "cpu.h"

#include <cpuid.h>
#include <stdatomic.h>

#define AMX_BITS                                                               \
  (ASHLAR_CPU_AMX_TILE | ASHLAR_CPU_AMX_INT8 | ASHLAR_CPU_AMX_BF16)

#define XCR0_AVX UINT64_C(0x6)
#define XCR0_AVX512 UINT64_C(0xe6)
#define XCR0_AMX UINT64_C(0x60000)

#define SYS_ARCH_PRCTL 158
#define ARCH_REQ_XCOMP_PERM 0x1023
#define XFEATURE_XTILEDATA 18

struct registers {
  uint32_t eax, ebx, ecx, edx;
};

static struct registers leaf(uint32_t number, uint32_t sub) {
  struct registers r = {0, 0, 0, 0};
  if (!__get_cpuid_count(number, sub, &r.eax, &r.ebx, &r.ecx, &r.edx))
    r = (struct registers){0, 0, 0, 0};
  return r;
}

static int has(uint32_t value, uint32_t bits) { return (value & bits) == bits; }

static uint64_t saved_state(void) {
  if (!has(leaf(1, 0).ecx, UINT32_C(1) << 27)) /* OSXSAVE */
    return 0;
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}

#define BIT(n) (UINT32_C(1) << (n))

static uint64_t vector_features(struct registers l1, struct registers l7,
                                struct registers l71, uint64_t xcr0) {
  uint64_t features = 0;
  /* x86-64-v3: FMA, MOVBE, AVX, F16C; BMI1, AVX2, BMI2; LZCNT. */
  int v3 = has(l1.ecx, BIT(12) | BIT(22) | BIT(28) | BIT(29)) &&
           has(l7.ebx, BIT(3) | BIT(5) | BIT(8)) &&
           has(leaf(0x80000001u, 0).ecx, BIT(5)) &&
           (xcr0 & XCR0_AVX) == XCR0_AVX;
  if (!v3)
    return 0;
  features |= ASHLAR_CPU_AVX2;
  if (has(l71.eax, BIT(4)))
    features |= ASHLAR_CPU_AVX_VNNI;
  /* x86-64-v4: F, DQ, CD, BW, VL. */
  if (!has(l7.ebx, BIT(16) | BIT(17) | BIT(28) | BIT(30) | BIT(31)) ||
      (xcr0 & XCR0_AVX512) != XCR0_AVX512)
    return features;
  features |= ASHLAR_CPU_AVX512;
  if (has(l7.ecx, BIT(11)))
    features |= ASHLAR_CPU_AVX512_VNNI;
  if (has(l71.eax, BIT(5)))
    features |= ASHLAR_CPU_AVX512_BF16;
  if (has(l7.ecx, BIT(1)))
    features |= ASHLAR_CPU_AVX512_VBMI;
  if (has(l7.edx, BIT(23)))
    features |= ASHLAR_CPU_AVX512_FP16;
  /* IFMA; VBMI2, GFNI, VAES, VPCLMULQDQ, BITALG, VPOPCNTDQ. */
  if (has(l7.ebx, BIT(21)) &&
      has(l7.ecx, BIT(6) | BIT(8) | BIT(9) | BIT(10) | BIT(12) | BIT(14)))
    features |= ASHLAR_CPU_AVX512_EXTRA;
  return features;
}

static uint64_t amx_features(struct registers l7) {
  if (!has(l7.edx, BIT(24)))
    return 0;
  uint64_t features = ASHLAR_CPU_AMX_TILE;
  if (has(l7.edx, BIT(25)))
    features |= ASHLAR_CPU_AMX_INT8;
  if (has(l7.edx, BIT(22)))
    features |= ASHLAR_CPU_AMX_BF16;
  return features;
}

uint64_t ashlar_platform_cpuid_features(void) {
  struct registers l7 = leaf(7, 0);
  return vector_features(leaf(1, 0), l7, leaf(7, 1), saved_state()) |
         amx_features(l7);
}

static int request_amx(void) {
  long result;
  register long a3 __asm__("r10") = 0;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "0"((long)SYS_ARCH_PRCTL), "D"((long)ARCH_REQ_XCOMP_PERM),
                     "S"((long)XFEATURE_XTILEDATA), "d"(0L), "r"(a3)
                   : "rcx", "r11", "memory");
  return result == 0;
}

/* What was found, in one word so that it can be published in one store:
 * features, the AMX state above them, and a bit that says that the work is
 * done. */
#define DONE (UINT64_C(1) << 63)
#define BUSY (UINT64_C(1) << 62)
#define AMX_SHIFT 56
static _Atomic uint64_t cached;

static uint64_t detect(void) {
  uint64_t features = ashlar_platform_cpuid_features();
  ashlar_amx_state amx = ASHLAR_AMX_USABLE;
  if (!(features & ASHLAR_CPU_AMX_TILE))
    amx = ASHLAR_AMX_NO_CPU;
  else if ((saved_state() & XCR0_AMX) != XCR0_AMX)
    amx = ASHLAR_AMX_NO_OS;
  else if (!request_amx())
    amx = ASHLAR_AMX_REFUSED;
  if (amx != ASHLAR_AMX_USABLE)
    features &= ~AMX_BITS;
  return DONE | (uint64_t)amx << AMX_SHIFT | features;
}

/* The first caller detects; others that come meanwhile wait the microseconds
 * that it takes. */
static uint64_t detected(void) {
  uint64_t value = atomic_load_explicit(&cached, memory_order_acquire);
  if (value & DONE)
    return value;
  uint64_t none = 0;
  if (atomic_compare_exchange_strong(&cached, &none, BUSY)) {
    value = detect();
    atomic_store_explicit(&cached, value, memory_order_release);
    return value;
  }
  do {
    __builtin_ia32_pause();
    value = atomic_load_explicit(&cached, memory_order_acquire);
  } while (!(value & DONE));
  return value;
}

uint64_t ashlar_cpu_features(void) {
  return detected() & ((UINT64_C(1) << AMX_SHIFT) - 1);
}

ashlar_amx_state ashlar_platform_amx(void) {
  return (ashlar_amx_state)(detected() >> AMX_SHIFT & 7);
}
