#!/usr/bin/env python3
"""ArgMax, ArgMin and Hardmax along rows of every length around a vector's, against numpy: equal elements, infinities, and
elements that are no numbers, of which the first is the extremum.

usage: positions.py --ashlar=PROGRAM --scratch=FOLDER [--cpu=LIST]
"""
import argparse
import subprocess
import sys

import numpy as np

from onnx_file import Graph

TYPES = (np.float32, np.float16, np.int8, np.uint8, np.int32, np.int64)
SIZES = (1, 5, 16, 33, 100)


def rows(random, dtype, size):
    """Few different values; in floats also rows with NaN, and of one infinity."""
    x = random.integers(0 if dtype == np.uint8 else -3, 4, (5, size)).astype(dtype)
    if np.issubdtype(dtype, np.floating):
        x[1, [size // 2, -1]] = np.nan
        x[2], x[3] = -np.inf, np.inf
    return x


def positions(function, x, last):
    """numpy's are the first; where there is a NaN, the first of them also if the last extremum is asked for."""
    if not last:
        return function(x, -1)
    return np.where(np.isnan(x).any(-1), function(x, -1), x.shape[-1] - 1 - function(x[:, ::-1], -1))


def build(folder):
    g, random, count = Graph(), np.random.default_rng(7), 0
    for dtype in TYPES:
        for size in SIZES:
            x = rows(random, dtype, size)
            name = g.add_input(f"x-{dtype.__name__}-{size}", x)
            for operator, function in ("ArgMax", np.argmax), ("ArgMin", np.argmin):
                for last in 0, 1:
                    output = g.add_output(f"{operator}{last}-{name}", positions(function, x, last).astype(np.int64))
                    g.add_node(operator, [name], [output], output, axis=-1, keepdims=0, select_last_index=last)
                    count += 1
            if np.issubdtype(dtype, np.floating):
                hot = (np.arange(size) == np.argmax(x, -1)[:, None]).astype(dtype)
                output = g.add_output("Hardmax-" + name, hot)
                g.add_node("Hardmax", [name], [output], output, axis=-1)
                count += 1
    g.write(folder)
    return count


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ashlar", required=True)
    parser.add_argument("--scratch", required=True)
    parser.add_argument("--cpu", default="native", help="one or several, separated by commas; each is run by itself")
    arguments = parser.parse_args()
    count, failed, skipped = build(arguments.scratch), 0, 0
    for cpu in arguments.cpu.split(","):
        result = subprocess.run([arguments.ashlar, "run", arguments.scratch + "/model.onnx", "--data",
                                 arguments.scratch + "/test_data_set_0", "--cpu=" + cpu], capture_output=True, text=True)
        if result.returncode == 5:
            print(f"skipped: for {cpu}: this machine lacks a feature")
            skipped += count
            continue
        good = sum(line.endswith(", agrees") for line in result.stdout.splitlines())
        print(f"for {cpu}: {good} agree, {count - good} do not")
        if good != count or result.returncode:
            print(result.stdout[:2000] + result.stderr[-2000:])
            failed += max(count - good, 1)
    ran = count * len(arguments.cpu.split(",")) - skipped
    print(f"{ran - failed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
