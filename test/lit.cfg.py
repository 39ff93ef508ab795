"""Settings of the lit tests. A test is a file with RUN lines; features let it say what it needs:
`REQUIRES: avx512` (the CPU), `REQUIRES: test-data` (real models, found under %data)."""
import os

import lit.formats

config.name = "ashlar"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test", ".textproto"]
config.excludes = ["CMakeLists.txt", "inputs", "conformance", "models", "numerics", "perf"]
config.test_source_root = os.path.join(config.ashlar_source_root, "test")
config.test_exec_root = os.path.join(config.ashlar_binary_root, "test", "lit")

# Our own programs first, then LLVM's FileCheck, not, split-file, llvm-objdump.
config.environment["PATH"] = os.pathsep.join(
    [os.path.join(config.ashlar_binary_root, "tools", tool) for tool in ("ashlar", "ashlar-opt", "ashlar-conformance", "ashlar-onednn")]
    + [config.llvm_tools, os.environ["PATH"]])
config.environment["FILECHECK_OPTS"] = "--dump-input-filter=annotation-full"

config.substitutions += [
    ("%source", config.ashlar_source_root),
    ("%python", config.ashlar_python),
    ("%data", config.ashlar_test_data),
    # "%exits 3 ashlar ...": runs a command that has to end with that exit code; all its output goes to stdout.
    ("%exits", "bash " + os.path.join(config.ashlar_source_root, "test", "bad-input", "exits")),
    # A model in text form to a serialised one: the messages are those of our own onnx.proto.
    ("%encode-model", "protoc --proto_path=%s --encode=onnx.ModelProto onnx.proto"
     % os.path.join(config.ashlar_source_root, "compiler", "import")),
]


def cpu_flags():
    with open("/proc/cpuinfo") as cpuinfo:
        for line in cpuinfo:
            if line.startswith("flags"):
                return set(line.split(":")[1].split())
    return set()


def add_cpu_features():
    """Names as in the design's list of targets, each with all that its code uses."""
    flags = cpu_flags()
    for feature, needs in {
        "avx2": {"avx2", "fma", "f16c", "bmi2"},
        "avx512": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
        "avx512-vnni": {"avx512_vnni"},
        "avx512-bf16": {"avx512_bf16"},
        "amx": {"amx_tile", "amx_int8", "amx_bf16"},
    }.items():
        if needs <= flags:
            config.available_features.add(feature)


add_cpu_features()
if os.path.exists(os.path.join(config.ashlar_binary_root, "tools", "ashlar-onednn", "ashlar-onednn")):
    config.available_features.add("onednn")
if config.ashlar_found_onednn:
    config.available_features.add("found-onednn")  # the compiler knows it, whether its library is built or not
if config.ashlar_test_data:
    config.available_features.add("test-data")
