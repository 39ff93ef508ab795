#!/usr/bin/env python3
"""Runs real models on recorded data sets and compares every output with its own tolerance.

usage: run_models.py --ashlar=PROGRAM --data=FOLDER --scratch=FOLDER [--filter=REGEX] [--memory] [--cpus=LIST] [-jN] SUITE

SUITE is `models` (FOLDER/models: trained models, tolerance.tsv) or `architectures` (FOLDER/architectures: true
architectures whose weights are filled in from seeds). Each model is compiled to an object for this machine's CPU and for
x86-64-v3, within three times its weights' size and 500 MB of memory; each object runs on each data set; the first data
set is run in memory too (every one with --memory). The largest networks are calibrated, within the model's size and 1 GB
(what calibration takes does not grow with the number of samples).
"""
import argparse
import collections
import concurrent.futures
import csv
import json
import os
import re
import subprocess
import sys
import tempfile
import time

CPUS = ("native", "x86-64-v3")
# The largest convolutional network and the largest transformer.
CALIBRATED = ("resnet50", "bert_base")

Model = collections.namedtuple("Model", "name path sets")  # sets: {data set folder: [atol of each output]}


def recorded_models(root):
    """The models of tolerance.tsv."""
    tolerances = collections.defaultdict(lambda: collections.defaultdict(list))
    with open(os.path.join(root, "tolerance.tsv")) as f:
        for row in csv.DictReader(f, delimiter="\t"):
            tolerances[row["model"]][row["data_set"]].append(row["atol"])
    for name, sets in sorted(tolerances.items()):
        folder = os.path.join(root, name)
        yield Model(name, os.path.join(folder, "model.onnx"),
                    {os.path.join(folder, f"test_data_set_{k}"): atol for k, atol in sorted(sets.items())})


def filled_architectures(root, scratch, wanted):
    """The f32 architectures with an expectation; their weights are made once and kept in `scratch`."""
    for name in sorted(os.listdir(os.path.join(root, "data"))):
        expected = os.path.join(root, "data", name, "expected.json")
        if not wanted.search(name) or not os.path.exists(expected):
            continue
        with open(expected) as f:
            outputs = json.load(f)["outputs"]
        if not all("atol" in output for output in outputs):
            continue  # quantized: judged by signal to noise, not by a tolerance
        folder = os.path.join(scratch, "filled", name)
        if not os.path.exists(os.path.join(folder, name + ".weights")):
            subprocess.run(["/usr/bin/python3", os.path.join(root, "fill-weights.py"), os.path.dirname(folder), name],
                           check=True, stdout=subprocess.DEVNULL)
        yield Model(name, os.path.join(folder, "model.onnx"),
                    {os.path.join(folder, "test_data_set_0"): [str(output["atol"]) for output in outputs]})


def call(command):
    """(exit code, what it printed, seconds, peak memory in bytes)."""
    start = time.time()
    with tempfile.TemporaryFile("w+", errors="replace") as printed:
        process = subprocess.Popen(command, stdout=printed, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        printed.seek(0)
        return process.returncode, printed.read().strip(), time.time() - start, usage.ru_maxrss << 10


def size_with_weights(path):
    """Bytes of the model and of every file beside it that may hold its weights."""
    folder = os.path.dirname(path)
    return sum(os.path.getsize(os.path.join(folder, f)) for f in os.listdir(folder)
               if f == os.path.basename(path) or f.endswith(".weights"))


def memory_allowed(path):
    return 3 * size_with_weights(path) + (500 << 20)


def run_on(ashlar, what, data, atol, label, extra=()):
    """One comparison; the text of a failure or None."""
    code, output, _, _ = call([ashlar, "run", what, "--data", data, "--rtol=0", "--atol=" + ",".join(atol), *extra])
    if code == 0:
        return None
    return f"failed: {label}, {os.path.basename(data)}: exit code {code}\n{output[-1500:]}"


def calibrate(model, arguments):
    """The text of a failure or None, and a line to print."""
    table = os.path.join(arguments.scratch, f"{model.name}.calib.json")
    code, output, seconds, memory = call([arguments.ashlar, "calibrate", model.path, "--random=1", "--samples=3", "-o", table])
    if code:
        return f"failed: {model.name}: calibrate: exit code {code}\n{output[-1500:]}", ""
    allowed = size_with_weights(model.path) + 10**9
    line = f"{model.name}: calibrated in {seconds:.1f} s and {memory >> 20} MiB"
    return (f"failed: {line}, allowed {allowed >> 20} MiB", "") if memory > allowed else (None, line)


def check_model(model, arguments):
    """All comparisons of one model: (number done, texts of failures, lines to print)."""
    done, failures, lines = 0, [], []
    for index, (data, atol) in enumerate(model.sets.items()):
        if index == 0 or arguments.memory:
            done += 1
            failures.append(run_on(arguments.ashlar, model.path, data, atol, f"{model.name} in memory"))
    for cpu in arguments.cpus.split(","):
        label = f"{model.name} for {cpu}"
        target = os.path.join(arguments.scratch, f"{model.name}.{cpu}.o")
        code, output, seconds, memory = call([arguments.ashlar, "compile", model.path, "-o", target, "--cpu=" + cpu,
                                              "--verify-stages"])
        done += len(model.sets) + 1
        if memory > memory_allowed(model.path):
            failures.append(f"failed: {label}: compiled in {memory >> 20} MiB, allowed {memory_allowed(model.path) >> 20}")
        if code:
            failures += [f"failed: {label}: compile: exit code {code}\n{output[-1500:]}"] * len(model.sets)
            continue
        lines.append(f"{label}: compiled in {seconds:.1f} s and {memory >> 20} MiB to {os.path.getsize(target) >> 10} KiB")
        for data, atol in model.sets.items():
            failures.append(run_on(arguments.ashlar, target, data, atol, label))
    if model.name in CALIBRATED:
        done += 1
        failure, line = calibrate(model, arguments)
        failures.append(failure)
        lines += [line] if line else []
    return done, [f for f in failures if f], lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suite", choices=("models", "architectures"))
    parser.add_argument("--ashlar", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--scratch", required=True)
    parser.add_argument("--filter", default=".", type=re.compile)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--cpus", default=",".join(CPUS))
    parser.add_argument("-j", dest="jobs", type=int, default=2)
    arguments = parser.parse_args()
    root = os.path.join(arguments.data, arguments.suite)
    if not arguments.data or not os.path.isdir(root):
        print(f"skipped: {arguments.suite}: no folder of real models; give it with -DASHLAR_TEST_DATA=FOLDER")
        print("0 passed, 0 failed, 1 skipped")
        return 0
    os.makedirs(arguments.scratch, exist_ok=True)
    if arguments.suite == "models":
        models = [m for m in recorded_models(root) if arguments.filter.search(m.name)]
    else:
        models = list(filled_architectures(root, arguments.scratch, arguments.filter))
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        running = [pool.submit(check_model, model, arguments) for model in models]
        for future in concurrent.futures.as_completed(running):
            done, failures, lines = future.result()
            print("\n".join(lines + failures), flush=True)
            passed, failed = passed + done - len(failures), failed + len(failures)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
