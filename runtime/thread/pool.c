/* A small pool of threads. Tasks are dealt out in equal consecutive ranges, so
 * that a worker meets the same part of the tensors in every layer; who has done
 * its own takes the last ones of others, so that nobody waits for a worker that
 * the system has put aside. Idle workers spin for a while, since the next layer
 * comes within microseconds, then sleep.
 */
#define _GNU_SOURCE
#include "../ashlar_rt.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

struct member {
  /* The worker's tasks that nobody has taken: the first in the upper half, the
   * end in the lower. */
  _Alignas(64) _Atomic uint64_t range;
  struct ashlar_pool *pool;
  pthread_t thread;
  uint32_t index;
};

struct ashlar_pool {
  ashlar_executor executor;
  uint32_t spins;
  uint32_t started;       /* threads made, the creating one not counted */
  struct member *members; /* one a worker; the caller is the first */

  /* The work at hand. Written before the ranges, and not again before all tasks
   * are done: who has taken a task may read it. */
  ashlar_task task;
  void *argument;

  _Alignas(64) _Atomic uint32_t
      generation; /* raised once for every parallel_for */
  _Atomic uint32_t sleepers;
  _Atomic uint32_t stop;
  _Alignas(64) _Atomic uint32_t pending; /* tasks that are not done */
  _Atomic uint32_t caller_sleeps;
  _Alignas(64) _Atomic uint32_t busy;
};

static void futex_wait(_Atomic uint32_t *word, uint32_t expected) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, (void *)0, (void *)0,
          0);
}

static void futex_wake(_Atomic uint32_t *word) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, (void *)0, (void *)0,
          0);
}

/* Takes a task of `range`: the first, for its owner, or the last. */
static int take(_Atomic uint64_t *range, int owns, uint32_t *taken) {
  uint64_t now = atomic_load_explicit(range, memory_order_acquire), next;
  do {
    uint32_t first = (uint32_t)(now >> 32), end = (uint32_t)now;
    if (first >= end)
      return 0;
    *taken = owns ? first : end - 1;
    next = owns ? now + (UINT64_C(1) << 32) : now - 1;
  } while (!atomic_compare_exchange_weak_explicit(
      range, &now, next, memory_order_acq_rel, memory_order_acquire));
  return 1;
}

/* Does tasks as long as there are any, a worker's own first. */
static void run_tasks(struct ashlar_pool *pool, uint32_t worker) {
  uint32_t workers = pool->executor.workers, done = 0, taken;
  for (uint32_t i = 0; i < workers; ++i) {
    uint32_t owner = (worker + i) % workers;
    while (take(&pool->members[owner].range, i == 0, &taken)) {
      pool->task(pool->argument, taken, worker);
      ++done;
    }
  }
  if (done && atomic_fetch_sub(&pool->pending, done) == done &&
      atomic_load(&pool->caller_sleeps))
    futex_wake(&pool->pending);
}

/* Waits until the generation differs from `seen` and returns it. */
static uint32_t next_generation(struct ashlar_pool *pool, uint32_t seen) {
  for (uint32_t i = 0; i < pool->spins; ++i) {
    uint32_t now =
        atomic_load_explicit(&pool->generation, memory_order_acquire);
    if (now != seen)
      return now;
    __builtin_ia32_pause();
  }
  atomic_fetch_add(&pool->sleepers, 1);
  uint32_t now;
  while ((now = atomic_load(&pool->generation)) == seen)
    futex_wait(&pool->generation, seen);
  atomic_fetch_sub(&pool->sleepers, 1);
  return now;
}

static void *work(void *argument) {
  struct member *member = argument;
  struct ashlar_pool *pool = member->pool;
  uint32_t seen = 0;
  for (;;) {
    seen = next_generation(pool, seen);
    if (atomic_load(&pool->stop))
      return 0;
    run_tasks(pool, member->index);
  }
}

static void wait_for_tasks(struct ashlar_pool *pool) {
  for (uint32_t i = 0; i < pool->spins; ++i) {
    if (atomic_load_explicit(&pool->pending, memory_order_acquire) == 0)
      return;
    __builtin_ia32_pause();
  }
  atomic_store(&pool->caller_sleeps, 1);
  uint32_t left;
  while ((left = atomic_load(&pool->pending)) != 0)
    futex_wait(&pool->pending, left);
  atomic_store(&pool->caller_sleeps, 0);
}

static void parallel_for(void *context, ashlar_task task, void *argument,
                         uint32_t task_count) {
  struct ashlar_pool *pool = context;
  /* One task needs no help; and a pool that is at work for another run leaves
   * this one to its own thread. */
  if (task_count <= 1 || pool->executor.workers == 1 ||
      atomic_exchange(&pool->busy, 1)) {
    for (uint32_t i = 0; i < task_count; ++i)
      task(argument, i, 0);
    return;
  }
  pool->task = task;
  pool->argument = argument;
  atomic_store_explicit(&pool->pending, task_count, memory_order_relaxed);
  uint64_t count = task_count, workers = pool->executor.workers;
  for (uint64_t i = 0; i < workers; ++i)
    atomic_store_explicit(&pool->members[i].range,
                          count * i / workers << 32 | count * (i + 1) / workers,
                          memory_order_release);
  atomic_fetch_add(&pool->generation, 1);
  if (atomic_load(&pool->sleepers))
    futex_wake(&pool->generation);
  run_tasks(pool, 0);
  wait_for_tasks(pool);
  atomic_store(&pool->busy, 0);
}

void ashlar_pool_destroy(ashlar_pool *pool) {
  if (!pool)
    return;
  atomic_store(&pool->stop, 1);
  atomic_fetch_add(&pool->generation, 1);
  futex_wake(&pool->generation);
  for (uint32_t i = 0; i < pool->started; ++i)
    pthread_join(pool->members[i].thread, 0);
  free(pool->members);
  free(pool);
}

ashlar_pool *ashlar_pool_create(uint32_t workers) {
  uint32_t cpus = ashlar_available_cpus();
  if (workers == 0)
    workers = cpus;
  if (workers > 1u << 16)
    return 0;
  struct ashlar_pool *pool =
      aligned_alloc(_Alignof(struct ashlar_pool), sizeof(struct ashlar_pool));
  if (!pool)
    return 0;
  *pool = (struct ashlar_pool){.executor = {workers, parallel_for, pool}};
  /* About 0.1 ms; where workers share CPUs, spinning would only keep the others
   * from working. */
  pool->spins = workers <= cpus ? 2000 : 0;
  pool->members =
      aligned_alloc(_Alignof(struct member), workers * sizeof(struct member));
  if (!pool->members) {
    free(pool);
    return 0;
  }
  for (uint32_t i = 0; i < workers; ++i)
    pool->members[i] = (struct member){.pool = pool};
  for (uint32_t i = 0; i + 1 < workers; ++i) {
    struct member *member = &pool->members[i];
    member->index = i + 1;
    if (pthread_create(&member->thread, 0, work, member) != 0) {
      ashlar_pool_destroy(pool);
      return 0;
    }
    ++pool->started;
  }
  return pool;
}

const ashlar_executor *ashlar_pool_executor(ashlar_pool *pool) {
  return pool ? &pool->executor : 0;
}
