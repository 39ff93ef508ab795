#!/usr/bin/env python3
"""How fast models are in f32, bf16 and int8, and how near to the fastest of these --precision=auto comes.

usage: precision_race.py --ashlar=PROGRAM --scratch=FOLDER [--seconds=S] [--rounds=N] [--json=FILE] MODEL.onnx...

Float models. Each is calibrated on the test_data_set_* beside it (on made-up inputs where there are none) and timed in all
precisions in turns, so that a machine whose clock drifts is the same for all; the fastest run of all rounds counts. A
model that has nothing to quantize runs without int8.
"""
import argparse
import glob
import json
import math
import os
import subprocess
import sys


def calibrate(ashlar, model, table):
    """True if there is something to quantize."""
    sets = sorted(glob.glob(os.path.join(os.path.dirname(model), "test_data_set_*")))
    source = [f"--data={folder}" for folder in sets] or ["--random=1"]
    done = subprocess.run([ashlar, "calibrate", model, "-o", table, *source], capture_output=True, text=True)
    if done.returncode and "nothing to calibrate" not in done.stderr:
        sys.exit(done.stderr)
    return done.returncode == 0, sets


def time(ashlar, model, options, seconds, scratch):
    result = os.path.join(scratch, "time.json")
    done = subprocess.run([ashlar, "bench", model, "--threads=1", f"--duration={seconds}", f"--json={result}", *options],
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    with open(result) as f:
        return json.load(f)["min_ms"]


def race(model, arguments):
    name = os.path.basename(os.path.dirname(os.path.abspath(model)))
    table = os.path.join(arguments.scratch, name + ".calib.json")
    quantizable, sets = calibrate(arguments.ashlar, model, table)
    data = [f"--data={sets[0]}"] if sets else []
    calibrated = [f"--calibration={table}"] if quantizable else []
    ways = {"f32": [], "bf16": ["--precision=bf16"], "auto": ["--precision=auto", *calibrated]}
    if quantizable:
        ways["int8"] = ["--precision=int8", *calibrated]
    best = dict.fromkeys(ways, math.inf)
    for _ in range(arguments.rounds):
        for way, options in ways.items():
            best[way] = min(best[way], time(arguments.ashlar, model, options + data, arguments.seconds, arguments.scratch))
    return name, best


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ashlar", required=True)
    parser.add_argument("--scratch", required=True)
    parser.add_argument("--seconds", default="0.5")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json")
    parser.add_argument("models", nargs="+")
    arguments = parser.parse_args()
    os.makedirs(arguments.scratch, exist_ok=True)
    results, gains = {}, []
    print(f"{'model':28}{'f32 ms':>11}{'bf16':>7}{'int8':>7}{'auto / fastest':>16}", flush=True)
    for model in arguments.models:
        name, best = race(model, arguments)
        speed = {way: best["f32"] / value for way, value in best.items()}
        choice = best["auto"] / min(value for way, value in best.items() if way != "auto")
        int8 = f"{speed['int8']:6.2f}x" if "int8" in speed else "      -"
        gains += [speed["int8"]] if "int8" in speed else []
        print(f"{name[:27]:28}{best['f32']:11.4f}{speed['bf16']:6.2f}x{int8}{choice:16.2f}", flush=True)
        results[name] = {"ms": best, "speedup": speed, "auto_over_fastest": choice}
    if gains:
        print(f"int8 against f32, geometric mean of {len(gains)}: {math.exp(sum(map(math.log, gains)) / len(gains)):.2f}x")
    if arguments.json:
        with open(arguments.json, "w") as f:
            json.dump(results, f, indent=1)


main()
