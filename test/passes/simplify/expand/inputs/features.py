#!/usr/bin/env python3
"""Operators of ai.onnx.ml that prepare features, and linear models, with what they give, into FOLDER.

usage: features.py FOLDER"""
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), *[".."] * 4, "numerics"))
from onnx_file import Graph  # noqa: E402

LEARNING = "ai.onnx.ml"


def listed(array):
    return [float(value) for value in array.ravel()]


def main():
    graph, random = Graph(), np.random.default_rng(1)
    x = random.standard_normal((5, 4)).astype(np.float32)
    x[2] = 0
    missing = np.where(random.random(x.shape) < 0.3, np.float32("nan"), x)
    counts = random.integers(0, 6, (3, 4))
    for name, value in ("x", x), ("missing", missing), ("counts", counts):
        graph.add_input(name, value)

    def add(op, source, expected, **attributes):
        name = f"{op}{len(graph.nodes)}"
        graph.add_node(op, [source], [graph.add_output(name, expected)], name, LEARNING, **attributes)

    fill = np.float32([1, 2, 3, 4])
    add("Imputer", "missing", np.where(np.isnan(missing), fill, missing), imputed_value_floats=listed(fill),
        replaced_value_float=float("nan"))
    add("Imputer", "counts", np.where(counts == 5, -7, counts), imputed_value_int64s=[-7], replaced_value_int64=5)
    add("Scaler", "x", (x - fill) * (fill / 8), offset=listed(fill), scale=listed(fill / 8))
    add("Scaler", "counts", np.float32(counts - 0.5) * 2, offset=[0.5], scale=[2.0])
    add("Binarizer", "x", np.float32(x > 0.25), threshold=0.25)
    for norm, size in ("MAX", x.max(-1)), ("L1", abs(x).sum(-1)), ("L2", np.sqrt((x * x).sum(-1))):
        add("Normalizer", "x", x / np.where(size == 0, 1, size)[:, None], norm=norm)
    weights, bias = random.standard_normal((3, 4)), random.standard_normal(3)
    scores = x.astype(np.float64) @ weights.T + bias
    model = dict(coefficients=listed(weights), intercepts=listed(bias))
    add("LinearRegressor", "x", np.float32(scores), targets=3, **model)
    add("LinearRegressor", "counts", np.float32(counts @ weights[0])[:, None], coefficients=listed(weights[0]))
    powers = np.exp(scores)
    labels = np.array([3, 9, -2])
    for how, expected in (("NONE", scores), ("LOGISTIC", 1 / (1 + 1 / powers)),
                          ("SOFTMAX", powers / powers.sum(-1, keepdims=True))):
        names = [graph.add_output("label" + how, labels[scores.argmax(-1)]),
                 graph.add_output("score" + how, np.float32(expected))]
        graph.add_node("LinearClassifier", ["x"], names, how, LEARNING, classlabels_ints=labels.tolist(),
                       post_transform=how, **model)
    graph.write(sys.argv[1], learning=True)


main()
