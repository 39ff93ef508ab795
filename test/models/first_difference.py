#!/usr/bin/env python3
"""Where Ashlar and ONNX Runtime part in a quantized model.

usage: first_difference.py --ashlar=PROGRAM --bench=PROGRAM --library=FILE --scratch=FOLDER [--floats] MODEL DATA

PROGRAM of --bench and FILE are as for run_onnxruntime.py; DATA is an ONNX test folder. Every quantized tensor is made an
output, and a line tells how many of its elements differ: between Ashlar and ONNX Runtime with optimisations off and on,
between these two, and of Ashlar and of ONNX Runtime (off) to the graph in float64. With --floats every tensor is an output,
those in floats with the signal to noise of the same pairs. Whoever is asked for a tensor cannot fuse what makes it, so
that --floats tells what operators do on their own. Tensors in which nothing differs are left out; the last line counts.
"""
import argparse
import os
import shutil
import sys

import numpy as np

import float64_reference
from onnx_reader import read_tensor, texts
from run_onnxruntime import QuantizedModel, Runner, sqnr

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "numerics"))
from onnx_file import block, number  # noqa: E402

TYPES = {np.dtype(np.uint8): 2, np.dtype(np.int8): 3, np.dtype(np.int32): 6}
PAIRS = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3))  # of: Ashlar, ONNX Runtime off, on, float64
HEADINGS = ("ours-off", "ours-on", "off-on", "ours-f64", "off-f64")


def wanted(model, exact, floats):
    """(name, type of the file format, operator) of the tensors to look at, in the order of the nodes."""
    for node in model.nodes:
        op = texts(node, 4)[0]
        for name in texts(node, 2):
            kind = exact[name].dtype if name in exact else None
            if kind is None or op == "DequantizeLinear":
                continue
            if kind.kind == "f" and floats:
                yield name, 1, op
            elif kind in TYPES and (floats or op == "QuantizeLinear"):
                yield name, TYPES[kind], op


def evaluate(runner, model, path, data, exact, tensors, folder):
    """For each tensor what Ashlar, ONNX Runtime off and on, and float64 make of it."""
    more = [block(1, name) + block(2, block(1, number(1, kind))) for name, kind, _ in tensors if name not in model.results]
    model.write(path, model.nodes, model.inputs, model.outputs + more)
    feeds = model.feed_paths(data)
    off = runner.onnxruntime(path, feeds, os.path.join(folder, "off"), "none")
    on = runner.onnxruntime(path, feeds, os.path.join(folder, "on"), "all")
    runner.ashlar("run", path, "--data", data, "--output", os.path.join(folder, "ashlar"))
    names = model.results + [name for name, _, _ in tensors if name not in model.results]
    for name, kind, op in tensors:
        ours = read_tensor(os.path.join(folder, "ashlar", f"output_{names.index(name)}.pb"))
        yield name, kind, op, (ours.reshape(off[name].shape), off[name], on[name], np.asarray(exact[name]))


def report(lines):
    print(f"{'operator':20} {'elements':>9} " + " ".join(f"{h:>9}" for h in HEADINGS) + "  tensor")
    same = count = 0
    for name, kind, op, values in lines:
        count += 1
        equal = all(np.array_equal(values[a], values[b]) for a, b in ((0, 1), (0, 2)))
        same += equal
        if equal and (kind == 1 or np.array_equal(values[0], values[3])):
            continue
        cells = [f"{sqnr(values[b], values[a].astype(np.float64)):9.1f}" if kind == 1
                 else f"{int((values[a] != values[b]).sum()):9}" for a, b in PAIRS]
        print(f"{op:20} {values[0].size:9} " + " ".join(cells) + f"  {name}", flush=True)
    print(f"{same} of {count} tensors are the same in all three")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option in ("ashlar", "bench", "library", "scratch"):
        parser.add_argument("--" + option, required=True)
    parser.add_argument("--floats", action="store_true")
    parser.add_argument("model")
    parser.add_argument("data")
    arguments = parser.parse_args()
    model = QuantizedModel(arguments.model)
    data = os.path.join(arguments.scratch, "inputs")
    shutil.rmtree(data, ignore_errors=True)
    os.makedirs(data)
    for k in range(len(model.feeds)):  # without expectations: there are more outputs now
        shutil.copy(os.path.join(arguments.data, f"input_{k}.pb"), data)
    feeds = {name: read_tensor(path) for name, path in model.feed_paths(data).items()}
    read = {name for node in model.nodes for name in texts(node, 1)} | set(model.results)
    every = [name for node in model.nodes for name in texts(node, 2) if name in read]
    exact = float64_reference.evaluate(arguments.model, feeds, every)
    tensors = list(wanted(model, exact, arguments.floats))
    path = os.path.join(arguments.scratch, "exposed.onnx")
    report(evaluate(Runner(arguments), model, path, data, exact, tensors, arguments.scratch))


if __name__ == "__main__":
    main()
