#include "compiler/data/DataFiles.h"
#include "compiler/report/ModelDescription.h"
#include "runtime/ashlar_rt.h"

#include "llvm/ADT/APFloat.h"

#include <cstring>

using namespace ashlar;
using namespace ashlar::data;

namespace {
/// SplitMix64: small, and the same everywhere.
class Generator {
public:
  explicit Generator(uint64_t seed) : state(seed) {}
  uint64_t next() {
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  /// About normal: the sum of twelve uniform numbers; no libm, so the same bits
  /// on every machine.
  double normal() {
    double sum = -6;
    for (int i = 0; i != 12; ++i)
      sum += double(next() >> 11) * 0x1p-53;
    return sum;
  }

private:
  uint64_t state;
};
} // namespace

template <typename T> static void store(uint8_t *at, T value) {
  memcpy(at, &value, sizeof(T));
}

static uint64_t roundTo(const llvm::fltSemantics &semantics, double number) {
  llvm::APFloat value(number);
  bool losesInfo = false;
  value.convert(semantics, llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return value.bitcastToAPInt().getZExtValue();
}

static void fill(Generator &random, int32_t dtype, uint8_t *at) {
  switch (dtype) {
  case ASHLAR_FLOAT32:
    return store(at, float(random.normal()));
  case ASHLAR_FLOAT64:
    return store(at, random.normal());
  case ASHLAR_COMPLEX64:
    store(at, float(random.normal()));
    return store(at + 4, float(random.normal()));
  case ASHLAR_COMPLEX128:
    store(at, random.normal());
    return store(at + 8, random.normal());
  case ASHLAR_FLOAT16:
    return store(at,
                 uint16_t(roundTo(llvm::APFloat::IEEEhalf(), random.normal())));
  case ASHLAR_BFLOAT16:
    return store(at,
                 uint16_t(roundTo(llvm::APFloat::BFloat(), random.normal())));
  case ASHLAR_INT32:
  case ASHLAR_UINT32:
    return store(at, uint32_t(random.next() & 1));
  case ASHLAR_INT64:
  case ASHLAR_UINT64:
    return store(at, random.next() & 1);
  case ASHLAR_INT16:
  case ASHLAR_UINT16:
    return store(at, uint16_t(random.next()));
  case ASHLAR_BOOL:
    return store(at, uint8_t(random.next() & 1));
  case ASHLAR_UINT4:
  case ASHLAR_FLOAT4E2M1:
    return store(at, uint8_t(random.next() & 15));
  case ASHLAR_INT4:
    return store(at, int8_t(int(random.next() & 15) - 8));
  case ASHLAR_UINT2:
    return store(at, uint8_t(random.next() & 3));
  case ASHLAR_INT2:
    return store(at, int8_t(int(random.next() & 3) - 2));
  case ASHLAR_INT8:
  case ASHLAR_UINT8:
    return store(at, uint8_t(random.next()));
  default: // 8-bit floats: small values, none of them special
    return store(at, uint8_t(random.next() & 0x3f));
  }
}

Tensor data::randomTensor(llvm::StringRef name, int32_t dtype,
                          std::vector<int64_t> shape, uint64_t seed) {
  Tensor tensor;
  tensor.name = name.str();
  tensor.dtype = dtype;
  tensor.shape = std::move(shape);
  uint64_t width = elementBytes(dtype);
  tensor.bytes.resize(size_t(tensor.elements()) * width);
  Generator random(seed);
  for (size_t at = 0; at != tensor.bytes.size(); at += width)
    fill(random, dtype, tensor.bytes.data() + at);
  return tensor;
}
