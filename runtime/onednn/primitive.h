// A oneDNN primitive for one contraction, kept with its weights.
#ifndef ASHLAR_RUNTIME_ONEDNN_PRIMITIVE_H
#define ASHLAR_RUNTIME_ONEDNN_PRIMITIVE_H

#include <memory>

#include <oneapi/dnnl/dnnl.hpp>

#include "ashlar_onednn.h"
#include "ashlar_rt.h"

namespace ashlar::onednn {

/// The engine of this CPU; for a while the calling thread is alone in oneDNN.
const dnnl::engine &cpu();

/// While it lives, oneDNN's loops in this thread use no other one (oneDNN's
/// threads are OpenMP's in Debian, whose number is a matter of each thread).
class OneThread {
public:
  OneThread();
  ~OneThread();
  OneThread(const OneThread &) = delete;
  OneThread &operator=(const OneThread &) = delete;

private:
  int before;
};

/// What a contraction is made of, for oneDNN: the same for both kinds.
struct Operands {
  dnnl::memory::desc source, weights, target;
  dnnl::memory::desc bias; // empty: none
};

struct Primitive {
  dnnl::primitive primitive;
  Operands given;  // as the caller has them
  Operands wanted; // as the primitive reads and writes them
  dnnl::memory::desc scratchpad;
  std::shared_ptr<dnnl::memory> packed; // constant weights, if they differ

  void run(const void *source, const void *weights, const float *bias,
           void *target) const;
};

/// The primitive for these sizes, made if it is the first of its kind. Null
/// where oneDNN has none that is exact, and faster than its plain one.
std::shared_ptr<const Primitive> obtain(const ashlar_onednn_conv &layer,
                                        const void *filter, bool bias);
std::shared_ptr<const Primitive> obtain(const ashlar_onednn_matmul &layer,
                                        const void *rhs, bool bias);

/// The same in plain loops.
void runPlain(const ashlar_onednn_conv &layer, const void *input,
              const void *filter, const float *bias, void *output);
void runPlain(const ashlar_onednn_matmul &layer, const void *lhs,
              const void *rhs, const float *bias, void *output);

} // namespace ashlar::onednn

#endif
