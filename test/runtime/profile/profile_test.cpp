// Ticks go to the layer that was marked last.
#include "runtime/ashlar_rt.h"
#include "runtime/profile/profile.h"

#include <gtest/gtest.h>
#include <x86intrin.h>

namespace {

struct Fixture {
  ashlar_model_info info = {};
  uint64_t ticks[4] = {100, 0, 0, 0};
  ashlar_profile profile = {sizeof(ashlar_profile), ticks, 4, 0, 0};
  ashlar_args args = {};

  Fixture() {
    info.num_layers = 3;
    args.profile = &profile;
  }
};

TEST(Profile, TimeGoesToTheLayerMarkedLast) {
  Fixture f;
  uint64_t before = __rdtsc();
  ashlar_profile_begin(&f.info, &f.profile);
  ashlar_rt1_mark(&f.args, 2);
  while (__rdtsc() - before < 100000)
    ;
  ashlar_rt1_mark(&f.args, 0);
  ashlar_profile_end(&f.profile);
  uint64_t total = __rdtsc() - before;
  EXPECT_GT(f.ticks[2], 50000u);
  EXPECT_LT(f.ticks[2], total);
  EXPECT_GE(f.ticks[0], 100u); // added to
  EXPECT_EQ(f.ticks[1], 0u);
  EXPECT_GT(f.ticks[3], 0u); // before the first mark
  EXPECT_LE(f.ticks[0] - 100 + f.ticks[2] + f.ticks[3], total);
}

TEST(Profile, NothingHappensWithoutOne) {
  Fixture f;
  f.args.profile = nullptr;
  ashlar_rt1_mark(&f.args, 1);
  EXPECT_EQ(f.ticks[0], 100u);
  EXPECT_EQ(f.ticks[1], 0u);
}

} // namespace
