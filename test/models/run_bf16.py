#!/usr/bin/env python3
"""Holds what --precision=bf16 costs real models against what rounding the factors of each product to bf16 costs on the
plain path: for every float output the root mean square of the difference to f32 is at most 1.2 times as large.

usage: run_bf16.py --program=bf16_bound --data=FOLDER --scratch=FOLDER [--filter=REGEX] [-jN]

Models are those of run_models.py, of both suites. Models that came quantized, or have no layer in bf16, are passed over.
"""
import argparse
import concurrent.futures
import os
import re
import subprocess
import sys

from run_models import filled_architectures, recorded_models

BOUND = 1.2
# One bf16 rounding of a single value is at most this, relative to it: what is far below shows nothing.
NOTHING = 1e-7


def measure(program, model):
    """(float outputs within the bound, texts of those that are not, whether there was anything to compare)."""
    result = subprocess.run([program, model.path, *model.sets], capture_output=True, text=True)
    if result.returncode:
        return 0, [f"failed: {model.name}: exit code {result.returncode}\n{result.stderr[-1500:]}"], True
    *outputs, layers = [line.split("\t") for line in result.stdout.splitlines()]
    if layers[1] == "0":
        return 0, [], False
    good, bad, worst = 0, [], 0.0
    for name, _, signal, bf16, rounded in outputs:
        signal, bf16, rounded = float(signal), float(bf16), float(rounded)
        if bf16 <= max(BOUND * rounded, NOTHING * signal):
            good += 1
        else:
            bad.append(f"failed: {model.name}: output '{name}': bf16 is off by {bf16:.3e}, rounded factors by {rounded:.3e}")
        worst = max(worst, bf16 / rounded if rounded else 0.0)
    print(f"{model.name}: {layers[1]} layers, worst output {worst:.3f} times", flush=True)
    return good, bad, True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--scratch", required=True)
    parser.add_argument("--filter", default=".", type=re.compile)
    parser.add_argument("-j", dest="jobs", type=int, default=2)
    arguments = parser.parse_args()
    if not arguments.data or not os.path.isdir(os.path.join(arguments.data, "models")):
        print("skipped: bf16: no folder of real models; give it with -DASHLAR_TEST_DATA=FOLDER")
        print("0 passed, 0 failed, 1 skipped")
        return 0
    os.makedirs(arguments.scratch, exist_ok=True)
    models = [m for m in recorded_models(os.path.join(arguments.data, "models")) if arguments.filter.search(m.name)]
    models += filled_architectures(os.path.join(arguments.data, "architectures"), arguments.scratch, arguments.filter)
    models = [m for m in models if not re.search("qdq|qoperator|int8", m.name)]
    passed = failed = skipped = 0
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for model, (good, bad, compared) in zip(models, pool.map(lambda m: measure(arguments.program, m), models)):
            if not compared:
                print(f"skipped: bf16 of {model.name}: no layer is worth it")
            print("\n".join(bad), end="\n" if bad else "")
            passed, failed, skipped = passed + good, failed + len(bad), skipped + (not compared)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
