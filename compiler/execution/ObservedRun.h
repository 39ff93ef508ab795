//===- ObservedRun.h - from compiled code to the observer of a run --------===//
#ifndef ASHLAR_COMPILER_EXECUTION_OBSERVEDRUN_H
#define ASHLAR_COMPILER_EXECUTION_OBSERVEDRUN_H

#include "compiler/execution/TensorObserver.h"

namespace ashlar {

/// While it lives, models that run in this thread show their tensors to
/// `observer` (null: to nobody).
class ObservedRun {
public:
  explicit ObservedRun(TensorObserver *observer);
  ~ObservedRun();
  ObservedRun(const ObservedRun &) = delete;
  ObservedRun &operator=(const ObservedRun &) = delete;

private:
  TensorObserver *outer;
};

/// What compiled code calls as `ashlar_rt1_observe`.
void observeTensor(const char *name, int32_t dtype, int64_t rank,
                   const int64_t *dims, const void *data);

} // namespace ashlar

#endif
