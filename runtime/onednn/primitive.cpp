// Primitives for contractions: chosen, and run.
#include "primitive.h"

#include <cstdlib>
#include <cstring>
#include <dlfcn.h>

using namespace ashlar::onednn;
using dnnl::memory;

const dnnl::engine &ashlar::onednn::cpu() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

namespace {

/// OpenMP's functions in the process, if any: oneDNN may have been built for
/// other threads.
struct OpenMp {
  int (*most)() = reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT,
                                                    "omp_get_max_threads"));
  void (*limit)(int) = reinterpret_cast<void (*)(int)>(
      dlsym(RTLD_DEFAULT, "omp_set_num_threads"));
};

const OpenMp &openMp() {
  static const OpenMp functions;
  return functions;
}

/// Memory of a thread for what a primitive needs while it runs.
class ThreadMemory {
public:
  ~ThreadMemory() { free(data); }
  void *atLeast(size_t bytes) {
    if (bytes > size) {
      free(data);
      size = (bytes + 4095) / 4096 * 4096;
      data = aligned_alloc(4096, size);
      if (!data) {
        size = 0;
        throw std::bad_alloc();
      }
    }
    return data;
  }

private:
  void *data = nullptr;
  size_t size = 0;
};

thread_local ThreadMemory scratch, stagedSource, stagedWeights, stagedTarget;

void reorder(dnnl::stream &stream, memory &from, memory &to) {
  dnnl::reorder(from, to).execute(stream, from, to);
}

} // namespace

OneThread::OneThread() : before(openMp().most ? openMp().most() : 0) {
  if (before > 1 && openMp().limit)
    openMp().limit(1);
}

OneThread::~OneThread() {
  if (before > 1 && openMp().limit)
    openMp().limit(before);
}

void Primitive::run(const void *source, const void *weights, const float *bias,
                    void *target) const {
  // Neither is written: oneDNN's handles are not const.
  auto at = [](const memory::desc &desc, const void *data) {
    return memory(desc, cpu(), const_cast<void *>(data));
  };
  thread_local dnnl::stream stream(cpu());
  memory in = at(given.source, source);
  if (wanted.source != given.source) {
    memory staged(wanted.source, cpu(),
                  stagedSource.atLeast(wanted.source.get_size()));
    reorder(stream, in, staged);
    in = staged;
  }
  memory factors = packed ? *packed : at(given.weights, weights);
  if (!packed && wanted.weights != given.weights) {
    memory staged(wanted.weights, cpu(),
                  stagedWeights.atLeast(wanted.weights.get_size()));
    reorder(stream, factors, staged);
    factors = staged;
  }
  memory out = at(given.target, target), result = out;
  if (wanted.target != given.target)
    result = memory(wanted.target, cpu(),
                    stagedTarget.atLeast(wanted.target.get_size()));
  std::unordered_map<int, memory> arguments{
      {DNNL_ARG_SRC, in},
      {DNNL_ARG_WEIGHTS, factors},
      {DNNL_ARG_DST, result},
      {DNNL_ARG_SCRATCHPAD,
       memory(scratchpad, cpu(), scratch.atLeast(scratchpad.get_size()))}};
  if (bias)
    arguments.emplace(DNNL_ARG_BIAS, at(given.bias, bias));
  primitive.execute(stream, arguments);
  if (wanted.target != given.target)
    reorder(stream, result, out);
  stream.wait();
}
