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
from onnx_reader import Graph, read_model, read_tensor


class Unknown(Exception):
    """An operator that is not evaluated."""


def widened(array):
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def operators_of(graph):
    for node in graph.nodes:
        yield node.op
        for value in node.attributes.values():
            if isinstance(value, Graph):
                yield from operators_of(value)


def last_uses(graph, wanted):
    """The node after which nothing of this graph reads a tensor; bodies read at the node that they belong to."""
    last = {name: len(graph.nodes) for name in wanted}

    def read(node, k):
        for name in node.inputs:
            last[name] = max(last.get(name, 0), k)
        for value in node.attributes.values():
            if isinstance(value, Graph):
                for inner in value.nodes:
                    read(inner, k)
                for name in value.outputs:
                    last[name] = max(last.get(name, 0), k)

    for k, node in enumerate(graph.nodes):
        read(node, k)
    return last


def run_node(node, values, opset):
    if node.op == "If":
        branch = node.attributes["then_branch" if values[node.inputs[0]] else "else_branch"]
        found = run(branch, dict(values), opset, branch.outputs)
        return [found[name] for name in branch.outputs]
    results = TABLE[node.op](node, [values[name] if name else None for name in node.inputs], opset)
    return results if isinstance(results, list) else [results]


def run(graph, values, opset, wanted):
    """What is wanted of a graph; `values` are its inputs and those of the graphs around it."""
    values.update((name, widened(array)) for name, array in graph.constants.items())
    last = last_uses(graph, wanted)
    for k, node in enumerate(graph.nodes):
        values.update(zip(node.outputs, run_node(node, values, opset)))
        for name in node.inputs:
            if last.get(name) == k and name not in graph.constants:
                values.pop(name, None)
    return {name: np.asarray(values[name]) for name in wanted}


def evaluate(path, feeds, wanted=None):
    """The outputs by name; feeds and results are arrays, floats among the results float64."""
    graph, opset = read_model(path)
    missing = sorted(set(operators_of(graph)) - set(TABLE) - {"If"})
    if missing:
        raise Unknown(", ".join(missing))
    return run(graph, {name: widened(array) for name, array in feeds.items()}, opset, wanted or graph.outputs)


def main():
    graph, _ = read_model(sys.argv[1])
    feeds = {name: read_tensor(path) for name, path in zip(graph.inputs, sys.argv[2:])}
    for name, value in evaluate(sys.argv[1], feeds).items():
        print(name, value.shape, float(value.mean()), float(value.min()), float(value.max()))


if __name__ == "__main__":
    main()
