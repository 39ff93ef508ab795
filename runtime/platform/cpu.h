/* What the CPU and the operating system offer, in more detail than
 * ashlar_cpu_features(). */
#ifndef ASHLAR_PLATFORM_CPU_H
#define ASHLAR_PLATFORM_CPU_H

#include "../ashlar_rt.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ashlar_amx_state {
  ASHLAR_AMX_USABLE,
  ASHLAR_AMX_NO_CPU, /* the CPU (or the virtual machine) has no AMX */
  ASHLAR_AMX_NO_OS,  /* the kernel does not save the tile registers */
  ASHLAR_AMX_REFUSED /* the kernel refused this process the permission */
} ashlar_amx_state;

/* Asks for the permission if that has not been done yet. */
ashlar_amx_state ashlar_platform_amx(void);

/* Features found by CPUID and XGETBV alone, AMX bits whether or not they are
 * permitted. */
uint64_t ashlar_platform_cpuid_features(void);

#ifdef __cplusplus
}
#endif
#endif
