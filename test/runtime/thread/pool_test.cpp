#include "runtime/ashlar_rt.h"

#include "gtest/gtest.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>
#include <xmmintrin.h>

namespace {

struct PoolDeleter {
  void operator()(ashlar_pool *pool) const { ashlar_pool_destroy(pool); }
};
using Pool = std::unique_ptr<ashlar_pool, PoolDeleter>;

/// Counts how often each task ran, and that no worker ran two at a time.
struct Counter {
  explicit Counter(uint32_t tasks, uint32_t workers)
      : runs(tasks), inside(workers) {}
  static void task(void *argument, uint32_t index, uint32_t worker) {
    auto *self = static_cast<Counter *>(argument);
    ASSERT_LT(worker, self->inside.size());
    EXPECT_EQ(self->inside[worker].fetch_add(1), 0);
    self->runs[index].fetch_add(1);
    self->inside[worker].fetch_sub(1);
  }
  std::vector<std::atomic<int>> runs, inside;
};

TEST(PoolTest, EveryTaskRunsOnce) {
  for (uint32_t workers : {1u, 2u, 3u, 8u}) {
    Pool pool(ashlar_pool_create(workers));
    ASSERT_TRUE(pool);
    const ashlar_executor *executor = ashlar_pool_executor(pool.get());
    EXPECT_EQ(executor->workers, workers);
    for (uint32_t tasks : {0u, 1u, 2u, 7u, 100u}) {
      Counter counter(tasks, workers);
      executor->parallel_for(executor->context, Counter::task, &counter, tasks);
      for (auto &runs : counter.runs)
        EXPECT_EQ(runs, 1);
    }
  }
}

TEST(PoolTest, ManyShortRounds) {
  Pool pool(ashlar_pool_create(3));
  const ashlar_executor *executor = ashlar_pool_executor(pool.get());
  std::atomic<uint64_t> sum{0};
  auto task = [](void *argument, uint32_t index, uint32_t) {
    static_cast<std::atomic<uint64_t> *>(argument)->fetch_add(index);
  };
  for (int round = 0; round != 2000; ++round)
    executor->parallel_for(executor->context, task, &sum, 10);
  EXPECT_EQ(sum, 2000u * 45);
}

// One worker is held up: what it was dealt is done by the other.
TEST(PoolTest, OthersTakeWhatIsLeft) {
  constexpr int kTasks = 10;
  Pool pool(ashlar_pool_create(2));
  const ashlar_executor *executor = ashlar_pool_executor(pool.get());
  for (uint32_t slow : {0u, kTasks / 2u}) { // the first task of either
    struct Held {
      uint32_t slow;
      std::atomic<int> done{0};
      bool others = false;
    } held{slow};
    auto task = [](void *argument, uint32_t index, uint32_t) {
      auto *held = static_cast<Held *>(argument);
      auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
      while (index == held->slow && held->done < kTasks - 1 &&
             std::chrono::steady_clock::now() < limit)
        std::this_thread::yield();
      if (index == held->slow)
        held->others = held->done == kTasks - 1;
      held->done.fetch_add(1);
    };
    executor->parallel_for(executor->context, task, &held, kTasks);
    EXPECT_TRUE(held.others) << "task " << slow << " was waited for";
    EXPECT_EQ(held.done, kTasks);
  }
}

TEST(PoolTest, WakesFromSleep) {
  Pool pool(ashlar_pool_create(2));
  const ashlar_executor *executor = ashlar_pool_executor(pool.get());
  for (int round = 0; round != 3; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    Counter counter(4, 2);
    executor->parallel_for(executor->context, Counter::task, &counter, 4);
    for (auto &runs : counter.runs)
      EXPECT_EQ(runs, 1);
  }
}

TEST(PoolTest, BusyPoolLeavesWorkToTheCaller) {
  Pool pool(ashlar_pool_create(2));
  const ashlar_executor *executor = ashlar_pool_executor(pool.get());
  struct Both {
    const ashlar_executor *executor;
    std::atomic<int> inner{0};
  } both{executor, {}};
  auto outer = [](void *argument, uint32_t, uint32_t) {
    auto *both = static_cast<Both *>(argument);
    auto inner = [](void *argument, uint32_t, uint32_t) {
      static_cast<Both *>(argument)->inner.fetch_add(1);
    };
    both->executor->parallel_for(both->executor->context, inner, both, 5);
  };
  executor->parallel_for(executor->context, outer, &both, 4);
  EXPECT_EQ(both.inner, 20);
}

TEST(PoolTest, TasksRunInTheControlStateOfTheModel) {
  Pool pool(ashlar_pool_create(2));
  ashlar_args args = {};
  args.executor = ashlar_pool_executor(pool.get());
  unsigned before = _mm_getcsr();
  _mm_setcsr((before & ~0x3fu) | 0x8040);
  std::atomic<int> wrong{0};
  auto task = [](void *argument, uint32_t, uint32_t) {
    if (_mm_getcsr() != 0x1f80)
      static_cast<std::atomic<int> *>(argument)->fetch_add(1);
  };
  ashlar_rt1_parallel_for(&args, task, &wrong, 16);
  EXPECT_EQ(_mm_getcsr() & 0x8040u, 0x8040u);
  _mm_setcsr(before);
  EXPECT_EQ(wrong, 0);
}

TEST(PoolTest, DefaultUsesAvailableCpus) {
  Pool pool(ashlar_pool_create(0));
  ASSERT_TRUE(pool);
  EXPECT_EQ(ashlar_pool_executor(pool.get())->workers, ashlar_available_cpus());
}

TEST(PoolTest, RefusesAbsurdSizes) {
  EXPECT_EQ(ashlar_pool_create(1u << 20), nullptr);
  EXPECT_EQ(ashlar_pool_executor(nullptr), nullptr);
  ashlar_pool_destroy(nullptr);
}

} // namespace
