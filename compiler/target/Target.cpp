//===- Target.cpp - the CPUs that code is made for ------------------------===//
#include "compiler/target/Target.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/X86TargetParser.h"

#include "runtime/ashlar_rt.h"

using namespace ashlar;

namespace {

constexpr uint64_t kAvx2 = ASHLAR_CPU_AVX2;
constexpr uint64_t kAvx512 = kAvx2 | ASHLAR_CPU_AVX512;
constexpr uint64_t kCascadeLake = kAvx512 | ASHLAR_CPU_AVX512_VNNI;
constexpr uint64_t kIceLake =
    kCascadeLake | ASHLAR_CPU_AVX512_VBMI | ASHLAR_CPU_AVX512_EXTRA;
constexpr uint64_t kSapphireRapids = kIceLake | ASHLAR_CPU_AVX512_BF16 |
                                     ASHLAR_CPU_AVX_VNNI | ASHLAR_CPU_AMX_TILE |
                                     ASHLAR_CPU_AMX_INT8 | ASHLAR_CPU_AMX_BF16;

struct KnownCpu {
  llvm::StringLiteral name;
  uint64_t required;
  int64_t l1Bytes, l2Bytes;
};

/// Best first: "native" is the first whose features the machine has.
constexpr KnownCpu kCpus[] = {
    {"graniterapids", kSapphireRapids, 48 << 10, 2 << 20},
    {"sapphirerapids", kSapphireRapids, 48 << 10, 2 << 20},
    {"znver4", kIceLake | ASHLAR_CPU_AVX512_BF16, 32 << 10, 1 << 20},
    {"icelake-server", kIceLake, 48 << 10, 1280 << 10},
    {"cooperlake", kCascadeLake | ASHLAR_CPU_AVX512_BF16, 32 << 10, 1 << 20},
    {"cascadelake", kCascadeLake, 32 << 10, 1 << 20},
    {"skylake-avx512", kAvx512, 32 << 10, 1 << 20},
    {"x86-64-v4", kAvx512, 32 << 10, 1 << 20},
    {"x86-64-v3", kAvx2, 32 << 10, 512 << 10},
};

/// LLVM's features of a CPU as one sorted string. Features that code generation
/// has no use for, and that machines of one name have or lack (SGX, PKU,
/// prefetch of shared lines ...), are left out.
std::string featureString(llvm::StringRef cpu) {
  llvm::SmallVector<llvm::StringRef> features;
  llvm::X86::getFeaturesForCPU(cpu, features);
  llvm::sort(features);
  std::string text;
  for (llvm::StringRef feature : features) {
    if (llvm::is_contained({"sgx",      "pku",       "uintr",    "enqcmd",
                            "pconfig",  "ptwrite",   "tsxldtrk", "waitpkg",
                            "wbnoinvd", "invpcid",   "shstk",    "serialize",
                            "cldemote", "movdir64b", "movdiri",  "prefetchi",
                            "rdpid",    "rdpru",     "clwb",     "clzero",
                            "amx-fp16", "avx512fp16"},
                           feature.ltrim('+')))
      continue;
    if (!text.empty())
      text += ',';
    text += feature.starts_with("+") ? feature.str() : "+" + feature.str();
  }
  // Wide vectors are what the kernels are made for. f16 is computed in f32, so
  // that a machine which hides its instructions for f16 will do.
  return text + ",-prefer-256-bit,-avx512fp16,-amx-fp16";
}

const KnownCpu *findCpu(llvm::StringRef name) {
  if (name != "native") {
    const auto *found = llvm::find_if(
        kCpus, [&](const KnownCpu &cpu) { return cpu.name == name; });
    return found == std::end(kCpus) ? nullptr : found;
  }
  uint64_t present = ashlar_cpu_features();
  // LLVM's znver4 has instructions that no other maker's CPU knows.
  bool isZen = llvm::sys::getHostCPUName().starts_with("znver");
  // A masked AMX (no permission) still leaves the best AVX-512 CPU.
  for (const KnownCpu &cpu : kCpus)
    if (cpu.name != "graniterapids" && (cpu.name != "znver4" || isZen) &&
        (cpu.required & ~present) == 0)
      return &cpu;
  return nullptr;
}

} // namespace

std::vector<llvm::StringRef> ashlar::supportedCpus() {
  std::vector<llvm::StringRef> names{"native"};
  for (const KnownCpu &cpu : llvm::reverse(kCpus))
    names.push_back(cpu.name);
  return names;
}

llvm::Expected<Target> ashlar::resolveTarget(llvm::StringRef name) {
  const KnownCpu *known = findCpu(name);
  if (!known) {
    if (name == "native")
      return llvm::createStringError(
          "this machine lacks AVX2 and FMA, which the oldest supported CPU "
          "'x86-64-v3' has; name the CPU that the object will run on");
    return llvm::createStringError("unknown CPU '" + name +
                                   "'; expected one of " +
                                   llvm::join(supportedCpus(), ", "));
  }
  bool wide = known->required & ASHLAR_CPU_AVX512;
  return Target{known->name.str(), featureString(known->name),
                known->required,   wide ? 64 : 32,
                wide ? 32 : 16,    known->l1Bytes,
                known->l2Bytes};
}

tile::TargetAttr Target::attribute(mlir::MLIRContext *context) const {
  return tile::TargetAttr::get(context, mlir::StringAttr::get(context, cpu),
                               vectorBytes, vectorRegisters, l1Bytes, l2Bytes,
                               (required & ASHLAR_CPU_AVX512_VNNI) != 0,
                               (required & ASHLAR_CPU_AVX512_BF16) != 0,
                               (required & ASHLAR_CPU_AMX_INT8) != 0,
                               (required & ASHLAR_CPU_AVX512_VBMI) != 0);
}
