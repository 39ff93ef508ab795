/* Generated code says which layer it is about to compute; the time since the
 * last mark goes to the layer that was named then. */
#include "profile.h"

#include <x86intrin.h>

static void charge(ashlar_profile *profile) {
  uint64_t now = __rdtsc();
  profile->ticks[profile->layer] += now - profile->since;
  profile->since = now;
}

void ashlar_profile_begin(const ashlar_model_info *info,
                          ashlar_profile *profile) {
  profile->layer = info->num_layers;
  profile->since = __rdtsc();
}

void ashlar_profile_end(ashlar_profile *profile) { charge(profile); }

void ashlar_rt1_mark(const ashlar_args *args, uint32_t layer) {
  ashlar_profile *profile = args->profile;
  if (!profile)
    return;
  charge(profile);
  profile->layer = layer;
}
