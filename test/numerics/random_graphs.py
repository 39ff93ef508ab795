#!/usr/bin/env python3
"""Graphs of random operators against numpy in float64, with all sizes known and with open dimensions.

usage: random_graphs.py --ashlar=PROGRAM --scratch=FOLDER [--count=N] [--first=SEED] [--cpu=NAME]

What each operator computes has tests of its own; here it is what they make of each other: fusion, layouts, tensors that are
moved and reshaped, buffers that are shared. The same seed gives the same graph; a graph that fails stays in FOLDER.
"""
import argparse
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from random_operators import RandomGraph

STEPS = 22


def build(seed, folder, is_open):
    graph = RandomGraph(seed, is_open)
    graph.grow(STEPS)
    return graph.write(folder)


def check(arguments, seed, is_open):
    """What is wrong with a graph; empty for nothing."""
    folder = os.path.join(arguments.scratch, f"{seed}{'-open' if is_open else ''}")
    tolerances = build(seed, folder, is_open)
    command = [arguments.ashlar, "run", folder + "/model.onnx", "--data", folder + "/test_data_set_0", "--rtol=0",
               "--atol=" + ",".join(repr(t) for t in tolerances), "--cpu=" + arguments.cpu, "--verify-stages"]
    result = subprocess.run(command, capture_output=True, text=True)
    wrong = [line for line in result.stdout.splitlines() if line.startswith("  '") and not line.endswith(", agrees")]
    agree = sum(line.endswith(", agrees") for line in result.stdout.splitlines())
    if not wrong and result.returncode == 0 and agree == len(tolerances):
        shutil.rmtree(folder)
        return ""
    return f"failed: {' '.join(command[:3])}\n" + "\n".join(wrong[:5]) + result.stderr[-1500:]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ashlar", required=True)
    parser.add_argument("--scratch", required=True)
    parser.add_argument("--count", type=int, default=150, help="graphs, each in two forms")
    parser.add_argument("--first", type=int, default=1, help="the seed of the first")
    parser.add_argument("--cpu", default="native")
    arguments = parser.parse_args()
    cases = [(seed, is_open) for seed in range(arguments.first, arguments.first + arguments.count)
             for is_open in (False, True)]
    failed = 0
    with ThreadPoolExecutor(2) as pool:
        for problem in pool.map(lambda case: check(arguments, *case), cases):
            failed += bool(problem)
            if problem:
                print(problem, flush=True)
    print(f"{len(cases) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
