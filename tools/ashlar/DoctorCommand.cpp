// ashlar doctor: what this machine offers to compiled models.
#include "runtime/platform/affinity.h"
#include "runtime/platform/cpu.h"
#include "tools/ashlar/Command.h"
#include "tools/ashlar/ExitCode.h"
#include "tools/ashlar/OutputFiles.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/TargetParser/Host.h"

#include <thread>

using namespace ashlar::tool;
using llvm::StringRef;

namespace {
struct Feature {
  uint64_t bit;
  const char *name;
  const char *meaning;
};
constexpr Feature features[] = {
    {ASHLAR_CPU_AVX2, "avx2", "AVX2, FMA, F16C, BMI2: x86-64-v3"},
    {ASHLAR_CPU_AVX512, "avx512", "AVX-512 F, BW, CD, DQ, VL: x86-64-v4"},
    {ASHLAR_CPU_AVX512_EXTRA, "avx512-extra",
     "IFMA, VBMI2, BITALG, VPOPCNTDQ, GFNI, VAES, VPCLMULQDQ"},
    {ASHLAR_CPU_AVX512_VBMI, "avx512-vbmi", "byte permutations"},
    {ASHLAR_CPU_AVX512_VNNI, "avx512-vnni", "int8 dot products"},
    {ASHLAR_CPU_AVX512_BF16, "avx512-bf16", "bfloat16 dot products"},
    {ASHLAR_CPU_AVX512_FP16, "avx512-fp16", "float16 arithmetic"},
    {ASHLAR_CPU_AVX_VNNI, "avx-vnni", "int8 dot products in 256 bits"},
    {ASHLAR_CPU_AMX_TILE, "amx-tile", "tile registers"},
    {ASHLAR_CPU_AMX_INT8, "amx-int8", "int8 tile products"},
    {ASHLAR_CPU_AMX_BF16, "amx-bf16", "bfloat16 tile products"}};

struct Cache {
  std::string name, size, sharedBy;
};
} // namespace

static std::string readLine(const llvm::Twine &path) {
  auto file = llvm::MemoryBuffer::getFileAsStream(path);
  return file ? (*file)->getBuffer().split('\n').first.str() : "";
}

static std::vector<Cache> caches() {
  std::vector<Cache> found;
  for (int index = 0; index != 8; ++index) {
    std::string folder =
        llvm::formatv("/sys/devices/system/cpu/cpu0/cache/index{0}/", index);
    std::string level = readLine(folder + "level");
    if (level.empty())
      break;
    std::string type = readLine(folder + "type");
    if (type == "Instruction")
      continue;
    found.push_back({"L" + level, readLine(folder + "size"),
                     readLine(folder + "shared_cpu_list")});
  }
  return found;
}

static std::string modelName() {
  auto file = llvm::MemoryBuffer::getFileAsStream("/proc/cpuinfo");
  if (!file)
    return "unknown";
  StringRef rest = (*file)->getBuffer(), line;
  while (!rest.empty()) {
    std::tie(line, rest) = rest.split('\n');
    if (line.consume_front("model name"))
      return line.ltrim(" \t:").str();
  }
  return "unknown";
}

static const char *amxText(ashlar_amx_state state) {
  switch (state) {
  case ASHLAR_AMX_USABLE:
    return "usable";
  case ASHLAR_AMX_NO_CPU:
    return "not usable: the CPU, or the virtual machine, does not have it";
  case ASHLAR_AMX_NO_OS:
    return "not usable: the operating system does not save tile registers";
  case ASHLAR_AMX_REFUSED:
    return "not usable: the operating system refused the permission "
           "(arch_prctl ARCH_REQ_XCOMP_PERM)";
  }
  return "unknown";
}

static void printText(llvm::raw_ostream &os) {
  uint64_t have = ashlar_cpu_features();
  os << "CPU        " << modelName() << "\n"
     << "LLVM name  " << llvm::sys::getHostCPUName() << "\n\n";
  for (const Feature &feature : features)
    os << llvm::formatv("  {0} {1,-14}{2}\n", have & feature.bit ? '+' : '-',
                        feature.name, feature.meaning);
  os << "\nAMX        " << amxText(ashlar_platform_amx()) << "\n";
  os << "CPUs       " << std::thread::hardware_concurrency() << " online, "
     << ashlar_platform_affinity_cpus() << " in the affinity mask, ";
  if (uint64_t quota = ashlar_platform_quota_millicpus())
    os << "cgroup quota " << llvm::formatv("{0:f2}", quota / 1000.0);
  else
    os << "no cgroup quota";
  os << "\nThreads    " << ashlar_available_cpus() << " by default\n";
  for (const Cache &cache : caches())
    os << llvm::formatv("{0,-11}{1}, shared by CPUs {2}\n", cache.name,
                        cache.size, cache.sharedBy);
}

static void printJson(llvm::raw_ostream &os) {
  uint64_t have = ashlar_cpu_features();
  llvm::json::OStream json(os, 1);
  json.object([&] {
    json.attribute("model_name", modelName());
    json.attribute("llvm_name", llvm::sys::getHostCPUName());
    json.attributeObject("features", [&] {
      for (const Feature &feature : features)
        json.attribute(feature.name, bool(have & feature.bit));
    });
    json.attributeObject("amx", [&] {
      json.attribute("usable", ashlar_platform_amx() == ASHLAR_AMX_USABLE);
      json.attribute("text", amxText(ashlar_platform_amx()));
    });
    json.attribute("cpus_online", std::thread::hardware_concurrency());
    json.attribute("cpus_affinity", ashlar_platform_affinity_cpus());
    if (uint64_t quota = ashlar_platform_quota_millicpus())
      json.attribute("cgroup_quota", quota / 1000.0);
    else
      json.attribute("cgroup_quota", nullptr);
    json.attribute("threads", ashlar_available_cpus());
    json.attributeArray("caches", [&] {
      for (const Cache &cache : caches())
        json.object([&] {
          json.attribute("level", cache.name);
          json.attribute("size", cache.size);
          json.attribute("shared_cpus", cache.sharedBy);
        });
    });
  });
  os << '\n';
}

static int run(const Arguments &arguments) {
  auto path = arguments.value("json");
  if (!path) {
    printText(llvm::outs());
    return ExitOk;
  }
  OutputFiles files;
  if (llvm::Error error = files.add(*path, printJson))
    return fail(ExitInvalid, std::move(error));
  if (llvm::Error error = files.commit())
    return fail(ExitInvalid, std::move(error));
  return ExitOk;
}

Command ashlar::tool::doctorCommand() {
  return {"doctor",
          "[--json=FILE]",
          "what this machine offers: CPU features, AMX, cores, quota, caches",
          "Tells which instructions compiled models can use on this machine, "
          "whether AMX is\nusable and if not why, how many CPUs this process "
          "may use (affinity mask, cgroup\nquota), and the caches.\n",
          {{"json", "FILE", "write the same as JSON; '-' is standard output"}},
          0,
          0,
          run};
}
