/* Two threads run different models, and then the same model, at once; each
 * with its own buffers. The bits are those of a run alone. The pool's workers
 * give the same bits too. */
#include "models.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 50 };

static void *from_heap(size_t bytes, size_t alignment) {
  size_t rounded = (bytes + ASHLAR_ALIGNMENT) / ASHLAR_ALIGNMENT;
  (void)alignment;
  return aligned_alloc(ASHLAR_ALIGNMENT, rounded * ASHLAR_ALIGNMENT);
}

struct job {
  const struct model *model;
  struct buffers buffers;
  void *expected; /* the first output of a run alone */
  int good;
};

static uint32_t first_output(const struct model *model) {
  return model->info()->num_inputs;
}

static void make_job(struct job *job, const struct model *model) {
  job->model = model;
  prepare(model, &job->buffers, 3, 2, from_heap);
  const ashlar_buffer *output = &job->buffers.call.tensors[first_output(model)];
  check(model->run(&job->buffers.call.head) == ASHLAR_OK, model->name,
        "run alone");
  job->expected = from_heap(output->bytes, 1);
  memcpy(job->expected, output->data, output->bytes);
}

static int same_again(struct job *job) {
  const ashlar_buffer *output =
      &job->buffers.call.tensors[first_output(job->model)];
  memset(output->data, 0xff, output->bytes);
  return job->model->run(&job->buffers.call.head) == ASHLAR_OK &&
         !memcmp(job->expected, output->data, output->bytes);
}

static void *repeat(void *argument) {
  struct job *job = argument;
  job->good = 1;
  for (int i = 0; i < ROUNDS; ++i)
    job->good &= same_again(job);
  return NULL;
}

static void run_both(const struct model *first, const struct model *second) {
  struct job jobs[2];
  pthread_t threads[2];
  make_job(&jobs[0], first);
  make_job(&jobs[1], second);
  for (int i = 0; i < 2; ++i)
    pthread_create(&threads[i], NULL, repeat, &jobs[i]);
  for (int i = 0; i < 2; ++i) {
    pthread_join(threads[i], NULL);
    check(jobs[i].good, jobs[i].model->name, "the same bits beside another");
  }
}

static void run_with_pool(const struct model *model) {
  struct job job;
  make_job(&job, model);
  ashlar_pool *pool = ashlar_pool_create(2);
  check(pool != NULL, model->name, "make a pool");
  job.buffers.call.head.executor = ashlar_pool_executor(pool);
  check(same_again(&job), model->name, "the same bits with two workers");
  ashlar_pool_destroy(pool);
}

int main(void) {
  const struct model *usable[64];
  int count = 0;
  for (int i = 0; i < model_count && count < 64; ++i)
    if (models[i].check_cpu() == ASHLAR_OK)
      usable[count++] = &models[i];
  for (int i = 0; i < count; ++i) {
    run_both(usable[i], usable[(i + 1) % count]);
    run_with_pool(usable[i]);
  }
  run_both(usable[0], usable[0]);
  return finish();
}
