#!/usr/bin/env python3
"""Quantized models: the same bits for every CPU and any number of threads, and close to what is recorded.

usage: run_quantized.py --ashlar=PROGRAM --data=FOLDER --scratch=FOLDER [--filter=REGEX] [-jN]

Models are those of FOLDER/models and FOLDER/architectures whose names end in _qdq, _qop, _qoperator or _dynq, and all
others of FOLDER/models as `ashlar calibrate` (on their recorded inputs) and `ashlar quantize` make them. Each is compiled for four CPUs; every object that this machine can run is run with one and with two threads, and all outputs must
have the same bits. Where expected.json says how near the outputs must be (min_sqnr_db), they must be.
"""
import argparse
import array
import concurrent.futures
import json
import math
import os
import re
import subprocess
import sys

from protobuf_wire import read_varint

CPUS = ("x86-64-v3", "skylake-avx512", "icelake-server", "sapphirerapids")
QUANTIZED = re.compile(r"_(qdq|qop|qoperator|dynq)$")
CANNOT_RUN = 5  # exit code: the CPU lacks a feature
BEYOND = 6  # exit code: ran, but differs from what is recorded
TYPES = {1: "f", 2: "B", 3: "b", 6: "i", 7: "q"}  # TensorProto.DataType


def elements(path):
    """The numbers in a TensorProto with raw data."""
    with open(path, "rb") as f:
        data = f.read()
    at, kind, raw = 0, 0, b""
    while at < len(data):
        key, at = read_varint(data, at)
        field, wire = key >> 3, key & 7
        if wire == 0:
            value, at = read_varint(data, at)
            kind = value if field == 2 else kind
        elif wire == 2:
            size, at = read_varint(data, at)
            raw = data[at:at + size] if field == 9 else raw
            at += size
        else:
            at += 4 if wire == 5 else 8
    return array.array(TYPES[kind], raw)


def sqnr(expected, got):
    """Signal to noise in dB."""
    signal = sum(e * e for e in expected)
    noise = sum((e - g) ** 2 for e, g in zip(expected, got))
    return math.inf if noise == 0 else 10 * math.log10(signal / noise) if signal else -math.inf


def call(command):
    process = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    return process.returncode, process.stdout.strip()


def quantized_models(root, scratch, wanted):
    """(name, model, data set, least signal to noise of each output)."""
    for name in sorted(os.listdir(os.path.join(root, "models"))):
        model = os.path.join(root, "models", name, "model.onnx")
        if QUANTIZED.search(name) and wanted.search(name) and os.path.exists(model):
            yield name, model, os.path.join(root, "models", name, "test_data_set_0"), []
    architectures = os.path.join(root, "architectures")
    for name in sorted(os.listdir(os.path.join(architectures, "data"))):
        expected = os.path.join(architectures, "data", name, "expected.json")
        if not QUANTIZED.search(name) or not wanted.search(name) or not os.path.exists(expected):
            continue
        with open(expected) as f:
            least = [output.get("min_sqnr_db", -math.inf) for output in json.load(f)["outputs"]]
        folder = os.path.join(scratch, "filled", name)
        if not os.path.exists(os.path.join(folder, name + ".weights")):
            subprocess.run(["/usr/bin/python3", os.path.join(architectures, "fill-weights.py"),
                            os.path.dirname(folder), name], check=True, stdout=subprocess.DEVNULL)
        yield name, os.path.join(folder, "model.onnx"), os.path.join(folder, "test_data_set_0"), least


def own_models(arguments):
    """The float models, to be quantized by ourselves: (name, model, data set, none)."""
    root = os.path.join(arguments.data, "models")
    for name in sorted(os.listdir(root)):
        model = os.path.join(root, name, "model.onnx")
        if not QUANTIZED.search(name) and os.path.exists(model) and arguments.filter.search(name + ".own"):
            yield name + ".own", model, os.path.join(root, name, "test_data_set_0"), None


def quantize(name, model, arguments):
    """The path of the quantized model, or the text of what failed."""
    table = os.path.join(arguments.scratch, name + ".calib.json")
    quantized = os.path.join(arguments.scratch, name + ".onnx")
    for command in (["calibrate", model, "--data", os.path.dirname(model), "-o", table],
                    ["quantize", model, "--calibration=" + table, "-o", quantized]):
        code, text = call([arguments.ashlar] + command)
        if code:
            return None, f"failed: {name}: {command[0]}: exit code {code}\n{text[-1500:]}"
    return quantized, None


def outputs_of(folder):
    """The bytes of every output."""
    result = []
    while os.path.exists(os.path.join(folder, f"output_{len(result)}.pb")):
        with open(os.path.join(folder, f"output_{len(result)}.pb"), "rb") as f:
            result.append(f.read())
    return result


def check(task, arguments):
    """(number of comparisons, texts of failures, line to print)."""
    name, model, data, least = task
    done, failures, first, ran = 0, [], None, []
    if least is None:
        done, least = 1, []
        model, failure = quantize(name, model, arguments)
        if failure and "nothing to calibrate" in failure:
            return 0, [], name + ": nothing to quantize"
        if failure:
            return done, [failure], name + ": not quantized"
    for cpu in CPUS:
        target = os.path.join(arguments.scratch, f"{name}.{cpu}.o")
        code, text = call([arguments.ashlar, "compile", model, "-o", target, "--cpu=" + cpu])
        done += 1
        if code:
            failures.append(f"failed: {name} for {cpu}: compile: exit code {code}\n{text[-1500:]}")
            continue
        for threads in (1, 2):
            folder = os.path.join(arguments.scratch, f"{name}.{cpu}.{threads}")
            code, text = call([arguments.ashlar, "run", target, "--data", data, "--output", folder,
                               f"--threads={threads}"])
            if code == CANNOT_RUN:
                break
            done += 1
            outputs = outputs_of(folder)
            if code not in (0, BEYOND) or not outputs:
                failures.append(f"failed: {name} for {cpu}: run: exit code {code}\n{text[-1500:]}")
            elif first is None:
                first = outputs
            elif outputs != first:
                failures.append(f"failed: {name} for {cpu} with {threads} threads: other bits than for {ran[0]}")
            ran.append(f"{cpu} x{threads}")
    near = []
    for index, bound in enumerate(least if first else []):
        output = f"output_{index}.pb"
        cpu, threads = ran[0].split(" x")
        got = elements(os.path.join(arguments.scratch, f"{name}.{cpu}.{threads}", output))
        near.append(sqnr(elements(os.path.join(data, output)), got))
        done += 1
        if near[-1] < bound:
            failures.append(f"failed: {name}, output {index}: {near[-1]:.1f} dB, expected {bound} dB or more")
    nearest = f", {min(near):.1f} dB at least" if near else ""
    return done, failures, f"{name}: {', '.join(ran)}{nearest}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ashlar", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--scratch", required=True)
    parser.add_argument("--filter", default=".", type=re.compile)
    parser.add_argument("-j", dest="jobs", type=int, default=2)
    arguments = parser.parse_args()
    if not arguments.data or not os.path.isdir(os.path.join(arguments.data, "architectures")):
        print("skipped: no folder of real models; give it with -DASHLAR_TEST_DATA=FOLDER")
        print("0 passed, 0 failed, 1 skipped")
        return 0
    os.makedirs(arguments.scratch, exist_ok=True)
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        running = [pool.submit(check, task, arguments)
                   for task in [*quantized_models(arguments.data, arguments.scratch, arguments.filter),
                                *own_models(arguments)]]
        for future in concurrent.futures.as_completed(running):
            done, failures, line = future.result()
            print("\n".join([line] + failures), flush=True)
            passed, failed = passed + done - len(failures), failed + len(failures)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
