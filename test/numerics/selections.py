#!/usr/bin/env python3
"""Operators that choose, move or sample elements against numpy: TopK of every element type, NonMaxSuppression, Unique,
Pad, ScatterND, GridSample, RoiAlign, Col2Im; equal values, NaN, sizes that are known only while running.

usage: selections.py --ashlar=PROGRAM --scratch=FOLDER [--kind=REGEX]

Equal values come in the order of their places, NaN counts as the largest number, and both zeros are equal.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys

import numpy as np

from onnx_file import Graph

FLOATS = [np.float16, np.float32, np.float64]
GOOD = (", agrees", ": empty, as expected")
INTEGERS = [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64]


def elements(kind, dtype, shape, random):
    if kind == "ties":
        return random.integers(0, 4, shape).astype(dtype)
    if kind == "ascending":
        return np.broadcast_to(np.arange(shape[-1]).astype(dtype), shape).copy()
    if np.issubdtype(dtype, np.integer):
        info = np.iinfo(dtype)
        return random.integers(info.min, info.max, shape, dtype, endpoint=True)
    x = random.standard_normal(shape).astype(dtype)
    if kind == "special":
        x[random.random(shape) < 0.3] = np.nan
        for number in (0.0, -0.0, np.inf, -np.inf, -np.nan):
            x[random.random(shape) < 0.1] = number
    return x


def top(x, k, axis, largest):
    """Ranks instead of numbers: NaN is one, the last."""
    ranks = np.unique(x, return_inverse=True)[1].reshape(x.shape).astype(np.int64)
    order = np.argsort(-ranks if largest else ranks, axis=axis, kind="stable")
    chosen = np.take(order, np.arange(k), axis=axis)
    return np.take_along_axis(x, chosen, axis=axis), chosen


def add(graph, number, x, k, axis, largest, dynamic):
    values, indices = top(x, k, axis, largest)
    shape, result = list(x.shape), list(values.shape)
    if dynamic:
        shape[axis], result[axis] = f"n{number}", f"k{number}"
    inputs = [graph.add_input(f"x{number}", x, shape)]
    k = np.array([k], np.int64)
    inputs.append(graph.add_input(f"count{number}", k) if dynamic else graph.add_constant(f"count{number}", k))
    outputs = [graph.add_output(f"v{number}", values, result), graph.add_output(f"i{number}", indices, result)]
    graph.add_node("TopK", inputs, outputs, f"top{number}", axis=axis, largest=int(largest))


def suppress(boxes, scores, most, overlap, least):
    """The standard's algorithm, a box at a time, in float32 as it is computed."""
    chosen = []
    for batch, of_class in np.ndindex(*scores.shape[:2]):
        own, corners, kept = scores[batch, of_class], boxes[batch], []
        low, high = np.minimum(corners[:, :2], corners[:, 2:]), np.maximum(corners[:, :2], corners[:, 2:])
        area = (high - low).prod(1)
        for box in np.argsort(-own, kind="stable"):
            if len(kept) == most or not own[box] > least:
                break
            common = np.maximum(np.minimum(high[kept], high[box]) - np.maximum(low[kept], low[box]), np.float32(0)).prod(1)
            if not (common > np.float32(overlap) * (area[box] + area[kept] - common)).any():
                kept.append(box)
        chosen += [(batch, of_class, box) for box in kept]
    return np.array(chosen, np.int64).reshape(-1, 3)


def add_suppression(graph, number, shape, most, overlap, least, random, dynamic):
    batches, classes, count = shape
    boxes = random.uniform(0, 1, (batches, count, 4)).astype(np.float32)
    boxes[..., 2:] = boxes[..., :2] + boxes[..., 2:] * 0.3
    scores = random.integers(0, 50, shape).astype(np.float32) / 50  # many are equal
    chosen = suppress(boxes, scores, most, overlap, least)
    named = (lambda *sizes: [f"{size}{number}" for size in sizes]) if dynamic else (lambda *sizes: None)
    inputs = [graph.add_input(f"boxes{number}", boxes, named("b", "n") + [4] if dynamic else None),
              graph.add_input(f"scores{number}", scores, named("b", "c", "n"))]
    for name, value in ("most", np.int64(most)), ("overlap", np.float32(overlap)), ("least", np.float32(least)):
        inputs.append(graph.add_constant(f"{name}{number}", np.array([value])))
    output = graph.add_output(f"chosen{number}", chosen, [f"m{number}", 3])
    graph.add_node("NonMaxSuppression", inputs, [output], f"suppress{number}")


def add_unique(graph, number, x, is_sorted, dynamic):
    values, first, inverse, counts = np.unique(x, return_index=True, return_inverse=True, return_counts=True)
    if not is_sorted:
        order = np.argsort(first)
        values, first, counts = values[order], first[order], counts[order]
        inverse = np.argsort(order)[inverse]
    shape = [f"u{number}"]
    inputs = [graph.add_input(f"u{number}", x, [f"l{number}"] if dynamic else None)]
    outputs = [graph.add_output(f"values{number}", values, shape), graph.add_output(f"first{number}", first, shape),
               graph.add_output(f"inverse{number}", inverse.reshape(-1), [f"l{number}"] if dynamic else None),
               graph.add_output(f"counts{number}", counts, shape)]
    graph.add_node("Unique", inputs, outputs, f"unique{number}", sorted=int(is_sorted))


def add_pad(graph, number, x, pads, mode, dynamic):
    rank = x.ndim
    y = np.pad(x, [(pads[axis], pads[axis + rank]) for axis in range(rank)], mode=mode)
    named = [[f"{name}{number}{axis}" for axis in range(rank)] if dynamic else None for name in "xy"]
    inputs = [graph.add_input(f"p{number}", x, named[0]), graph.add_constant(f"pads{number}", np.array(pads, np.int64))]
    graph.add_node("Pad", inputs, [graph.add_output(f"padded{number}", y, named[1])], f"pad{number}", mode=mode)


def add_scatter(graph, number, shape, depth, count, reduction, random, dynamic):
    data = random.integers(-9, 9, shape).astype(np.float32)
    places = np.stack([random.integers(-n, n, count) for n in shape[:depth]], axis=-1)
    updates = random.integers(-9, 9, (count, *shape[depth:])).astype(np.float32)
    expected = data.copy()
    combine = {"none": lambda a, b: b, "add": np.add, "max": np.maximum}[reduction]
    for place, update in zip(places, updates):
        expected[tuple(place)] = combine(expected[tuple(place)], update)
    named = [f"d{number}{axis}" for axis in range(len(shape))] if dynamic else None
    inputs = [graph.add_input(f"data{number}", data, named),
              graph.add_input(f"places{number}", places, [f"n{number}", depth] if dynamic else None),
              graph.add_input(f"updates{number}", updates, [f"n{number}"] + named[depth:] if dynamic else None)]
    output = graph.add_output(f"scattered{number}", expected, named)
    graph.add_node("ScatterND", inputs, [output], f"scatter{number}", reduction=reduction)


def bilinear(plane, y, x):
    """At a point of the plane, around which there are zeros."""
    top, left = int(np.floor(y)), int(np.floor(x))
    total = 0.0
    for row, column in np.ndindex(2, 2):
        weight = (y - top if row else top + 1 - y) * (x - left if column else left + 1 - x)
        if 0 <= top + row < plane.shape[0] and 0 <= left + column < plane.shape[1]:
            total += weight * plane[top + row, left + column]
    return total


def add_sample(graph, number, shape, points, random, dynamic):
    """Coordinates and elements that are exact."""
    x = random.integers(-9, 9, shape).astype(np.float32)
    grid = random.integers(-9, 9, (shape[0], *points, 2)).astype(np.float32) / 8
    y = np.zeros((*shape[:2], *points), np.float32)
    for place in np.ndindex(*y.shape):
        column, row = ((grid[place[0], place[2], place[3]] + 1) * np.array([shape[3], shape[2]]) - 1) / 2
        y[place] = bilinear(x[place[:2]], row, column)
    names = [f"b{number}", f"c{number}"]
    inputs = [graph.add_input(f"image{number}", x, names + [f"h{number}", f"w{number}"] if dynamic else None),
              graph.add_input(f"grid{number}", grid, [names[0], f"r{number}", f"s{number}", 2] if dynamic else None)]
    output = graph.add_output(f"sampled{number}", y, names + [f"r{number}", f"s{number}"] if dynamic else None)
    graph.add_node("GridSample", inputs, [output], f"sample{number}", align_corners=0)


def add_align(graph, number, shape, regions, mode, ratio, random, dynamic):
    """Regions inside of the map, with exact corners; bins of 2x4."""
    x = random.integers(0, 9, shape).astype(np.float32)
    corners = np.array([[*(low := random.integers(0, 4, 2)), *(low + random.integers(1, 3, 2) * 4)]
                        for _ in range(regions)], np.float32)
    batches = random.integers(0, shape[0], regions)
    y = np.zeros((regions, shape[1], 4, 2), np.float32)
    for region, channel, row, column in np.ndindex(*y.shape):
        left, top, right, bottom = corners[region]
        height, width = (bottom - top) / 4, (right - left) / 2
        terms = [bilinear(x[batches[region], channel], top + (row + (i + 0.5) / ratio) * height,
                          left + (column + (j + 0.5) / ratio) * width) for i, j in np.ndindex(ratio, ratio)]
        y[region, channel, row, column] = np.mean(terms)
    inputs = [graph.add_input(f"map{number}", x, [f"{n}{number}" for n in "bchw"] if dynamic else None),
              graph.add_input(f"regions{number}", corners, [f"r{number}", 4] if dynamic else None),
              graph.add_input(f"batches{number}", batches, [f"r{number}"] if dynamic else None)]
    output = graph.add_output(f"aligned{number}", y, [f"r{number}", f"c{number}", 4, 2] if dynamic else None)
    graph.add_node("RoiAlign", inputs, [output], f"align{number}", mode=mode, output_height=4, output_width=2,
                   sampling_ratio=ratio, coordinate_transformation_mode="output_half_pixel")


def add_columns(graph, number, channels, image, block, strides, dilations, pads, random, dynamic):
    counts = [(n + pads[a] + pads[a + 2] - d * (k - 1) - 1) // s + 1
              for a, (n, k, s, d) in enumerate(zip(image, block, strides, dilations))]
    x = random.integers(-9, 9, (2, channels * block[0] * block[1], counts[0] * counts[1])).astype(np.float32)
    padded = np.zeros((2, channels, *[n + pads[a] + pads[a + 2] for a, n in enumerate(image)]), np.float32)
    parts = x.reshape(2, channels, *block, *counts)
    for tap in np.ndindex(*block):
        places = tuple(slice(t * d, t * d + (n - 1) * s + 1, s) for t, d, n, s in zip(tap, dilations, counts, strides))
        padded[(slice(None), slice(None), *places)] += parts[:, :, tap[0], tap[1]]
    y = padded[:, :, pads[0]:pads[0] + image[0], pads[1]:pads[1] + image[1]]
    inputs = [graph.add_input(f"columns{number}", x, [f"b{number}", f"c{number}", f"l{number}"] if dynamic else None)]
    for name, sizes in ("image", image), ("block", block):
        inputs.append(graph.add_constant(f"{name}{number}", np.array(sizes, np.int64)))
    output = graph.add_output(f"y{number}", y, [f"b{number}", f"d{number}", *image] if dynamic else None)
    graph.add_node("Col2Im", inputs, [output], f"col{number}", strides=strides, dilations=dilations, pads=pads)


def families():
    """Names and models."""
    random = np.random.default_rng(5)
    sizes = [(1, 0), (1, 1), (5, 2), (63, 10), (64, 32), (65, 33), (200, 1), (200, 200), (1500, 7), (1500, 700)]
    for dtype in FLOATS + INTEGERS:
        graph = Graph()
        for number, (length, k) in enumerate(sizes[3::2]):
            for way, largest in enumerate((True, False)):
                kind = ["random", "ties", "special" if dtype in FLOATS else "ties"][(number + way) % 3]
                add(graph, 2 * number + way, elements(kind, dtype, (2, length), random), k, 1, largest, False)
        yield f"topk-{np.dtype(dtype).name}", graph
    for kind in ("random", "ties", "ascending", "special"):
        graph = Graph()
        cases = sizes[:2] + sizes[2::2] if kind == "ascending" else sizes
        for number, (length, k) in enumerate(cases):
            add(graph, number, elements(kind, np.float32, (3, length), random), k, 1, number % 2 == 0, True)
        for number, (length, k) in enumerate(cases, len(cases)):
            x = np.ascontiguousarray(elements(kind, np.float32, (2, 3, length), random).transpose(0, 2, 1))
            add(graph, number, x, k, 1, number % 2 == 0, number % 3 == 0)
        yield f"topk-{kind}", graph
    graph = Graph()  # nothing to choose from
    add(graph, 0, np.zeros((2, 0), np.float32), 0, 1, True, True)
    add(graph, 1, np.zeros((0, 7), np.float32), 3, 1, True, False)
    yield "topk-empty", graph
    graph = Graph()
    cases = [((1, 1, 1), 5, 0.5, 0.1), ((2, 3, 40), 10, 0.5, 0.2), ((1, 2, 300), 100, 0.4, 0.3), ((1, 1, 700), 700, 0.9, 0.0),
             ((1, 2, 100), 33, 1.0, -1.0), ((1, 1, 64), 0, 0.5, 0.0), ((1, 1, 50), 50, 0.0, 0.5), ((1, 1, 50), 50, 0.5, 2.0)]
    for number, case in enumerate(cases):
        add_suppression(graph, number, *case, random, number % 2 == 1)
    yield "suppression", graph
    graph = Graph()
    for number, dtype in enumerate([np.float32, np.float64, np.int64, np.uint8, np.int32, np.uint64]):
        for way, kind in enumerate(("random", "ties")):
            add_unique(graph, 2 * number + way, elements(kind, dtype, (300, ), random), (number + way) % 2 == 0, way == 0)
    yield "unique", graph
    graph = Graph()
    for number, mode in enumerate(("reflect", "edge", "wrap") * 2):
        dynamic = number >= 3
        add_pad(graph, 3 * number, elements("random", np.float32, (2, 4, 33), random), (0, 1, 2, 0, 2, 3), mode, dynamic)
        add_pad(graph, 3 * number + 1, elements("random", np.uint8, (3, 5), random), (1, 0, 0, 2), mode, dynamic)
        add_pad(graph, 3 * number + 2, elements("random", np.int64, (3, 5), random), (0, 0, 2, 4), mode, dynamic)
    yield "pad", graph
    graph = Graph()
    for number, reduction in enumerate(("none", "add", "max") * 2):
        add_scatter(graph, 2 * number, (5, 6, 37), 2, 40, reduction, random, number >= 3)
        add_scatter(graph, 2 * number + 1, (7, 3), 2 if number % 2 else 1, 20, reduction, random, number >= 3)
    yield "scatter", graph
    graph = Graph()
    for number, (shape, points) in enumerate([((1, 1, 4, 8), (3, 5)), ((2, 5, 8, 4), (4, 9)), ((2, 3, 4, 4), (1, 40))]):
        add_sample(graph, 2 * number, shape, points, random, False)
        add_sample(graph, 2 * number + 1, shape, points, random, True)
    yield "sample", graph
    graph = Graph()
    for number, ratio in enumerate((1, 2, 4, 8)):  # with more of them there are no tables
        add_align(graph, 2 * number, (2, 3, 16, 16), 5, "avg", ratio, random, False)
        add_align(graph, 2 * number + 1, (1, 2, 14, 15), 3, "avg", ratio, random, True)
    yield "align", graph
    graph = Graph()
    cases = [(2, (5, 7), (3, 3), (1, 1), (1, 1), (1, 1, 1, 1)), (1, (9, 8), (2, 3), (2, 3), (1, 1), (0, 1, 1, 0)),
             (3, (9, 20), (3, 2), (1, 2), (2, 3), (2, 0, 1, 1)), (1, (3, 3), (3, 3), (1, 1), (1, 1), (3, 3, 3, 3))]
    for number, case in enumerate(cases):
        add_columns(graph, 2 * number, *case, random, False)
        add_columns(graph, 2 * number + 1, *case, random, True)
    yield "columns", graph


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ashlar", required=True)
    parser.add_argument("--scratch", required=True)
    parser.add_argument("--kind", default=".", type=re.compile, help="only models whose name matches")
    arguments = parser.parse_args()
    passed = failed = 0
    for name, graph in families():
        if not arguments.kind.search(name):
            continue
        folder = os.path.join(arguments.scratch, name)
        shutil.rmtree(folder, ignore_errors=True)
        graph.write(folder)
        command = [arguments.ashlar, "run", os.path.join(folder, "model.onnx"), "--verify-stages", "--rtol=0", "--atol=0",
                   "--data", os.path.join(folder, "test_data_set_0")]
        result = subprocess.run(command, capture_output=True, text=True)
        lines = result.stdout.splitlines()
        good = sum(line.endswith(GOOD) for line in lines)
        passed += good
        if result.returncode or good != len(graph.outputs):
            failed += 1
            wrong = [line for line in lines if not line.endswith(GOOD)]
            print("failed: " + " ".join(command) + "\n" + "\n".join(wrong[:20]) + result.stderr[-2000:], flush=True)
    print(f"{passed} outputs agree, {failed} models failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
