/* Time stamps of a profiled run. Internal. */
#ifndef ASHLAR_PROFILE_PROFILE_H
#define ASHLAR_PROFILE_PROFILE_H

#include "../ashlar_rt.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The run begins and ends: what generated code does before its first mark
 * belongs to no layer. */
void ashlar_profile_begin(const ashlar_model_info *info,
                          ashlar_profile *profile);
void ashlar_profile_end(ashlar_profile *profile);

#ifdef __cplusplus
}
#endif
#endif
