#include "runtime/platform/affinity.h"
#include "runtime/platform/cpu.h"

#include "gtest/gtest.h"

#include <cstdlib>
#include <fstream>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <vector>

namespace {

TEST(CpuTest, FeaturesAreStableAcrossThreads) {
  std::vector<std::thread> threads;
  std::vector<uint64_t> found(8);
  for (uint64_t &features : found)
    threads.emplace_back([&] { features = ashlar_cpu_features(); });
  for (std::thread &thread : threads)
    thread.join();
  for (uint64_t features : found)
    EXPECT_EQ(features, ashlar_cpu_features());
}

TEST(CpuTest, AmxBitsOnlyWithPermission) {
  bool bits = ashlar_cpu_features() & ASHLAR_CPU_AMX_TILE;
  EXPECT_EQ(bits, ashlar_platform_amx() == ASHLAR_AMX_USABLE);
}

TEST(CpuTest, AgreesWithTheCompiler) {
  uint64_t features = ashlar_cpu_features();
  EXPECT_EQ(bool(features & ASHLAR_CPU_AVX2),
            __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"));
  EXPECT_EQ(bool(features & ASHLAR_CPU_AVX512_VNNI),
            bool(__builtin_cpu_supports("avx512vnni")));
}

/// A folder that stands in for the root of the file system.
class QuotaTest : public testing::Test {
protected:
  void SetUp() override {
    char name[] = "/tmp/ashlar-quota-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    root = name;
  }
  void TearDown() override {
    std::string command = "rm -rf '" + root + "'";
    EXPECT_EQ(system(command.c_str()), 0);
  }
  void write(const std::string &path, const std::string &text) {
    for (size_t slash = 1; slash != std::string::npos;
         slash = path.find('/', slash + 1))
      if (slash != 1)
        mkdir((root + path.substr(0, slash)).c_str(), 0755);
    std::ofstream(root + path) << text;
  }
  uint64_t quota() { return ashlar_platform_quota_below(root.c_str()); }
  std::string root;
};

TEST_F(QuotaTest, NoCgroup) { EXPECT_EQ(quota(), 0u); }

TEST_F(QuotaTest, Version2TightestLevelWins) {
  write("/proc/self/cgroup", "0::/outer/inner\n");
  write("/sys/fs/cgroup/outer/inner/cpu.max", "max 100000\n");
  EXPECT_EQ(quota(), 0u);
  write("/sys/fs/cgroup/outer/cpu.max", "250000 100000\n");
  EXPECT_EQ(quota(), 2500u);
  write("/sys/fs/cgroup/outer/inner/cpu.max", "150000 100000\n");
  EXPECT_EQ(quota(), 1500u);
}

TEST_F(QuotaTest, Version2InsideAContainer) {
  write("/proc/self/cgroup", "0::/../hidden\n");
  write("/sys/fs/cgroup/cpu.max", "50000 100000\n");
  EXPECT_EQ(quota(), 500u);
}

TEST_F(QuotaTest, Version1) {
  write("/proc/self/cgroup", "5:memory:/a\n4:cpu,cpuacct:/a/b\n");
  write("/sys/fs/cgroup/cpu/a/b/cpu.cfs_quota_us", "-1\n");
  write("/sys/fs/cgroup/cpu/a/b/cpu.cfs_period_us", "100000\n");
  write("/sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "300000\n");
  write("/sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(quota(), 3000u);
}

TEST(AvailableTest, AtLeastOneAtMostAffinity) {
  EXPECT_GE(ashlar_available_cpus(), 1u);
  EXPECT_LE(ashlar_available_cpus(), ashlar_platform_affinity_cpus());
}

} // namespace
