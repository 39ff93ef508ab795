#!/usr/bin/env python3
"""Evaluates an ONNX model as its text says, but with float64 wherever it has floats.

usage: float64_reference.py MODEL INPUT.pb...

The real numbers that arithmetic in f32 approximates: whose results are nearer to them rounds less. Quantized tensors are
what QuantizeLinear makes of the float64 numbers. Written with numpy alone, so that it shares nothing with the programs
that it judges. Prints shape, mean and extremes of each output; scripts call evaluate()."""
import sys

import numpy as np

import float64_layers  # noqa: F401
from float64_operators import TABLE
from onnx_reader import read_model, read_tensor


class Unknown(Exception):
    """An operator that is not evaluated."""


def widened(array):
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def last_uses(graph, wanted):
    last = {name: len(graph.nodes) for name in wanted}
    for k, node in enumerate(graph.nodes):
        for name in node.inputs:
            last[name] = max(last.get(name, 0), k)
    return last


def evaluate(path, feeds, wanted=None):
    """The outputs by name; feeds and results are arrays, floats among the results float64."""
    graph, opset = read_model(path)
    missing = sorted({node.op for node in graph.nodes} - set(TABLE))
    if missing:
        raise Unknown(", ".join(missing))
    values = {name: widened(array) for name, array in {**graph.constants, **feeds}.items()}
    wanted = wanted or graph.outputs
    last = last_uses(graph, wanted)
    for k, node in enumerate(graph.nodes):
        results = TABLE[node.op](node, [values[name] if name else None for name in node.inputs], opset)
        results = results if isinstance(results, list) else [results]
        values.update(zip(node.outputs, results))
        for name in node.inputs:
            if last.get(name) == k and name not in graph.constants:
                values.pop(name, None)
    return {name: np.asarray(values[name]) for name in wanted}


def main():
    graph, _ = read_model(sys.argv[1])
    feeds = {name: read_tensor(path) for name, path in zip(graph.inputs, sys.argv[2:])}
    for name, value in evaluate(sys.argv[1], feeds).items():
        print(name, value.shape, float(value.mean()), float(value.min()), float(value.max()))


if __name__ == "__main__":
    main()
