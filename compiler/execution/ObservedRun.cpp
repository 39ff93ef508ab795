#include "compiler/execution/ObservedRun.h"

using namespace ashlar;

// Tensors are shown by the thread that runs the model, never by its workers.
static thread_local TensorObserver *current = nullptr;

ObservedRun::ObservedRun(TensorObserver *observer) : outer(current) {
  current = observer;
}

ObservedRun::~ObservedRun() { current = outer; }

void ashlar::observeTensor(const char *name, int32_t dtype, int64_t rank,
                           const int64_t *dims, const void *data) {
  if (current)
    current->observe(name, dtype, {dims, size_t(rank)}, data);
}
