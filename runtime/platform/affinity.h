/* How many CPUs this process may use, and by which limit. */
#ifndef ASHLAR_PLATFORM_AFFINITY_H
#define ASHLAR_PLATFORM_AFFINITY_H

#include "../ashlar_rt.h"

#ifdef __cplusplus
extern "C" {
#endif

/* CPUs in the affinity mask, at least 1. */
uint32_t ashlar_platform_affinity_cpus(void);

/* The cgroup quota in thousandths of a CPU, 0 where there is none. Both cgroup
 * versions, the tightest of all levels. */
uint64_t ashlar_platform_quota_millicpus(void);

/* The same with the files of `root` in the place of "/": for tests. */
uint64_t ashlar_platform_quota_below(const char *root);

#ifdef __cplusplus
}
#endif
#endif
