#!/usr/bin/env python3
"""What `ashlar quantize` makes of real models, in Ashlar and in ONNX Runtime.

usage: run_onnxruntime.py --ashlar=PROGRAM --data=FOLDER --scratch=FOLDER --bench=PROGRAM --library=FILE
                          [--filter=REGEX] [--form=dynamic|weight-only] [--quantize=OPTION...]

PROGRAM of --bench runs a model under the ONNX Runtime in FILE: `--lib FILE --model M --opt none|all --in NAME=FILE.pb
--dump FOLDER` leaves FOLDER/K.raw and FOLDER/outputs.json.

Each model of FOLDER/models that is not quantized is calibrated on its own data sets and quantized. Then,

 - operator by operator: the model is cut at every quantized tensor. Both programs get the same bytes at each cut and give
   the bytes that each operator makes of them. At least 99.9 % of these differ by one step at most, and so do the values
   of outputs in floats (a step being their range / 255);
 - end to end: each output in floats passes by one of two rules, which the table names.
   `itself`: the signal to noise between Ashlar and ONNX Runtime, with optimisations off or on (`off dB`, `on dB`: the two
   compute differently, and Ashlar multiplies bytes as the second does), is at most 3 dB less than that between ONNX
   Runtime with and without optimisations (`ORT dB`).
   `float64`: the signal to noise between Ashlar and the same graph in float64 (float64_reference.py) is at most 3 dB less
   than that of ONNX Runtime on the same input, optimisations on or off, whichever is better; or it is 138.5 dB, which is
   one unit in the last place of an f32. What counts is the median of eight inputs.
   Where sums of floats are rounded in another order nobody can have ONNX Runtime's last bits, and behind a quantization a
   last bit may be a step; but who computes what the graph says is as near to it as ONNX Runtime is.

The other forms of --form need no calibration and are compared end to end alone, as are models whose layers are in bodies of
If, which cannot be cut.
"""
import argparse
import json
import math
import os
import re
import shutil
import statistics
import subprocess
import sys

import numpy as np

import float64_reference
from onnx_reader import fields, read_tensor, texts

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "numerics"))
from onnx_file import block, number, tensor, value_info, varint  # noqa: E402

LEAST_WITHIN_A_STEP = 0.999
LEAST_OPERATOR = 0.99  # of one operator alone: small ones have few elements
MOST_DB_LESS = 3
LAST_PLACE_DB = 20 * math.log10(2 ** 23)
MOST_INPUTS = 8
DTYPES = {"f32": np.float32, "f16": np.float16, "u8": np.uint8, "s8": np.int8, "i8": np.int8, "i64": np.int64, "i32": np.int32,
          "bool": np.bool_}


class QuantizedModel:
    """The parts of a model file that cutting needs."""

    def __init__(self, path):
        with open(path, "rb") as f:
            model = f.read()
        self.header = [raw for field, _, _, raw in fields(model) if field != 7]
        graph = next(value for field, _, value, _ in fields(model) if field == 7)
        self.nodes, self.initializers, self.inputs, self.outputs, self.rest = [], [], [], [], []
        kinds = {1: self.nodes, 5: self.initializers, 11: self.inputs, 12: self.outputs}
        for field, _, value, raw in fields(graph):
            if field in kinds:
                kinds[field].append(value)
            elif field != 13:
                self.rest.append(raw)
        held = {name for t in self.initializers for name in texts(t, 8)}
        self.feeds = [texts(i, 1)[0] for i in self.inputs if texts(i, 1)[0] not in held]
        self.results = [texts(o, 1)[0] for o in self.outputs]

    def feed_paths(self, data):
        return {feed: os.path.join(data, f"input_{k}.pb") for k, feed in enumerate(self.feeds)}

    def quantized(self):
        """The tensors that a QuantizeLinear makes."""
        return [texts(n, 2)[0] for n in self.nodes if texts(n, 4) == ["QuantizeLinear"]]

    def write(self, path, nodes, inputs, outputs):
        graph = b"".join([block(1, n) for n in nodes] + self.rest + [block(5, t) for t in self.initializers] +
                         [block(11, i) for i in inputs] + [block(12, o) for o in outputs])
        with open(path, "wb") as f:
            f.write(b"".join(self.header) + block(7, graph))

    def write_exposed(self, path):
        """Every quantized tensor is an output, too."""
        more = [block(1, name) + block(2, block(1, number(1, 2))) for name in self.quantized()]
        self.write(path, self.nodes, self.inputs, self.outputs + more)

    def write_cut(self, path, values):
        """Every quantized tensor is an input; what makes it gives an output of another name."""
        nodes = []
        for n in self.nodes:
            if texts(n, 4) == ["QuantizeLinear"]:
                n = b"".join(block(2, value + b"__made") if field == 2 else raw for field, _, value, raw in fields(n))
            nodes.append(n)
        held = [i for i in self.inputs if texts(i, 1)[0] not in self.feeds]
        feeds = [value_info(name, values[name].dtype, values[name].shape) for name in self.feeds + self.quantized()]
        made = [block(1, name + "__made") + block(2, block(1, number(1, 2 if values[name].dtype == np.uint8 else 3)))
                for name in self.quantized()]
        self.write(path, nodes, held + feeds, self.outputs + made)


def call(command):
    process = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    return process.returncode, process.stdout.strip()


class Failed(Exception):
    pass


class Runner:
    def __init__(self, arguments):
        self.arguments = arguments

    def ashlar(self, *words, codes=(0,)):
        code, text = call([self.arguments.ashlar, *words])
        if code not in codes:
            raise Failed(f"ashlar {words[0]}: exit code {code}\n{text[-1500:]}")
        return text

    def onnxruntime(self, model, feeds, folder, optimisations):
        """The outputs by name; feeds are paths of TensorProto files."""
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        command = [self.arguments.bench, "--lib", self.arguments.library, "--model", model, "--opt", optimisations,
                   "--runs", "1", "--warmup", "0", "--dump", folder]
        for name, path in feeds.items():
            command += ["--in", f"{name}={path}"]
        code, text = call(command)
        if code:
            raise Failed(f"ONNX Runtime does not run {os.path.basename(model)}: {text[-600:]}")
        with open(os.path.join(folder, "outputs.json")) as f:
            outputs = json.load(f)
        return {o["name"]: np.fromfile(os.path.join(folder, f"{k}.raw"), DTYPES[o["dtype"]]).reshape(o["shape"])
                for k, o in enumerate(outputs)}


def steps_apart(expected, got):
    """By how many quantization steps two tensors differ, element by element."""
    difference = np.abs(expected.astype(np.float64) - got.astype(np.float64))
    if expected.dtype.kind != "f":
        return difference
    reach = float(expected.max() - expected.min()) if expected.size else 0.0
    return difference / (max(reach, 1e-6) / 255)


def compare_operators(runner, model, name, folder, reference, feeds):
    """(elements, elements within a step, texts of operators that are further apart)."""
    values = dict(reference)
    for feed, path in feeds.items():
        values[feed] = read_tensor(path)
    cut = os.path.join(folder, "cut.onnx")
    model.write_cut(cut, values)
    data = os.path.join(folder, "cut_data")
    shutil.rmtree(data, ignore_errors=True)
    os.makedirs(data)
    paths = {}
    for k, feed in enumerate(model.feeds + model.quantized()):
        paths[feed] = os.path.join(data, f"input_{k}.pb")
        with open(paths[feed], "wb") as f:
            f.write(tensor(feed, values[feed]))
    theirs = runner.onnxruntime(cut, paths, os.path.join(folder, "cut_ort"), "all")
    runner.ashlar("run", cut, "--data", data, "--output", os.path.join(folder, "cut_ashlar"))
    names = model.results + [q + "__made" for q in model.quantized()]
    elements = within = 0
    far = []
    for k, tensor_name in enumerate(names):
        expected = theirs[tensor_name]
        got = read_tensor(os.path.join(folder, "cut_ashlar", f"output_{k}.pb")).reshape(expected.shape)
        if expected.dtype.kind not in "fui":
            continue
        apart = steps_apart(expected, got)
        near = int((apart <= 1.0).sum())
        elements, within = elements + expected.size, within + near
        if near < LEAST_OPERATOR * expected.size:
            far.append(f"{name}: '{tensor_name}': {expected.size - near} of {expected.size} elements are more than a "
                       f"step apart, {apart.max():.1f} at most")
    return elements, within, far


def sqnr(expected, got):
    expected = expected.astype(np.float64)
    signal, noise = float((expected ** 2).sum()), float(((expected - got) ** 2).sum())
    return math.inf if noise == 0 else 10 * math.log10(signal / noise) if signal else -math.inf


class Ends:
    """Signal to noise of one output, the median of all inputs: Ashlar and ONNX Runtime (plain, and with optimisations) with
    each other, and each with float64."""

    def __init__(self, name):
        self.name = name
        self.all = {}

    def add(self, ours, plain, fast, exact):
        pairs = {"ours": (plain, ours), "ours_fast": (fast, ours), "theirs": (plain, fast)}
        if exact is not None:
            pairs.update(ours_exact=(exact, ours), plain_exact=(exact, plain), fast_exact=(exact, fast))
        for key, pair in pairs.items():
            self.all.setdefault(key, []).append(sqnr(*pair))

    def decibels(self, key):
        return statistics.median_low(self.all[key]) if key in self.all else math.nan

    def exact(self):
        """(Ashlar, ONNX Runtime) with float64."""
        return self.decibels("ours_exact"), max(self.decibels("plain_exact"), self.decibels("fast_exact"))

    def nearest(self):
        """Ashlar to ONNX Runtime, optimisations off or on."""
        return max(self.decibels("ours"), self.decibels("ours_fast"))

    def nearer(self):
        """How much nearer to float64 ONNX Runtime is than Ashlar, input by input (both round the same input, where a number
        in the middle of two steps may be either), the median."""
        best = map(max, self.all["plain_exact"], self.all["fast_exact"])
        return statistics.median_low(min(theirs, LAST_PLACE_DB + MOST_DB_LESS) - min(ours, LAST_PLACE_DB)
                                     for ours, theirs in zip(self.all["ours_exact"], best))

    def rule(self):
        """The rule by which the output passes, or nothing."""
        if self.nearest() >= self.decibels("theirs") - MOST_DB_LESS:
            return "itself"
        return "float64" if "ours_exact" in self.all and self.nearer() <= MOST_DB_LESS else ""

    def rank(self):
        """The output to show: one that fails, or passes by the second rule only, or else the furthest."""
        return ["", "float64", "itself"].index(self.rule()), self.nearest()

    def columns(self):
        return " ".join(f"{db:8.1f}" for db in (*map(self.decibels, ("ours", "ours_fast", "theirs")), *self.exact()))

    def __str__(self):
        return (f"'{self.name}' is {self.nearest():.1f} dB from ONNX Runtime, which is "
                f"{self.decibels('theirs'):.1f} dB from itself; from float64 {self.exact()[0]:.1f} dB against "
                f"{self.exact()[1]:.1f}")


def evaluate_exactly(quantized, feeds):
    """The outputs with float64, or none where the model has operators that the reference lacks."""
    try:
        return float64_reference.evaluate(quantized, {name: read_tensor(path) for name, path in feeds.items()})
    except float64_reference.Unknown as unknown:
        print(f"note: {os.path.basename(os.path.dirname(quantized))}: not evaluated in float64: {unknown}", flush=True)
        return {}


def more_inputs(model, sets, folder):
    """Folders with inputs, the fullest data set first: the data sets, and then all of them changed a little (floats smaller,
    integers one place on), until there are enough."""
    first = fullest(sets)
    yield first
    others = [s for s in sets if s != first]
    yield from others[:MOST_INPUTS - 1]
    count = 1 + len(others)
    for k in range(1, MOST_INPUTS):
        for base in [first] + others:
            if count >= MOST_INPUTS:
                return
            made = os.path.join(folder, f"inputs_{count}")
            os.makedirs(made, exist_ok=True)
            for i, name in enumerate(model.feeds):
                value = read_tensor(os.path.join(base, f"input_{i}.pb"))
                if value.dtype.kind == "f":
                    value = value * value.dtype.type(1 - k / 64)
                elif value.ndim:
                    value = np.roll(value, k, -1)
                with open(os.path.join(made, f"input_{i}.pb"), "wb") as f:
                    f.write(tensor(name, value))
            count += 1
            yield made


def compare_ends(runner, quantized, model, folder, sets):
    """(what is known of each output in floats, the worst first; number of inputs). One input is enough where Ashlar is as
    near to ONNX Runtime as that is to itself; where it is not, a single rounding that went the other way may be the reason,
    and more inputs tell whether that is more than chance."""
    ends = {}
    count = 0
    for data in more_inputs(model, sets, folder):
        feeds = model.feed_paths(data)
        plain = runner.onnxruntime(quantized, feeds, os.path.join(folder, "ort_none"), "none")
        fast = runner.onnxruntime(quantized, feeds, os.path.join(folder, "ort_all"), "all")
        exact = evaluate_exactly(quantized, feeds)
        runner.ashlar("run", quantized, "--data", data, "--output", os.path.join(folder, "ashlar"), codes=(0, 6))
        for k, name in enumerate(model.results):
            if plain[name].dtype.kind != "f" or not plain[name].size:
                continue
            got = read_tensor(os.path.join(folder, "ashlar", f"output_{k}.pb")).reshape(plain[name].shape)
            ends.setdefault(name, Ends(name)).add(got, plain[name], fast[name], exact.get(name))
        count += 1
        if count == 1 and all(end.rule() == "itself" for end in ends.values()):
            break
    if not ends:
        raise Failed("no output in floats to compare")
    return sorted(ends.values(), key=Ends.rank), count


def fullest(sets):
    """The data set with the most input (a cache may be empty in the first)."""
    def size(folder):
        return sum(os.path.getsize(os.path.join(folder, f)) for f in os.listdir(folder) if f.startswith("input_"))
    return max(sets, key=size)


def check(runner, name, path, sets, folder):
    """(line of the table, texts of failures)."""
    os.makedirs(folder, exist_ok=True)
    table, quantized = os.path.join(folder, "calib.json"), os.path.join(folder, "quantized.onnx")
    form = runner.arguments.form
    how = f"--form={form}"
    if form == "static":
        if os.path.exists(table):
            os.remove(table)
        runner.ashlar("calibrate", path, *[f"--data={s}" for s in sets], "-o", table)
        how = f"--calibration={table}"
    text = runner.ashlar("quantize", path, how, "-o", quantized, *runner.arguments.quantize)
    layers = re.search(r"quantized (\d+ of \d+) layers", text).group(1)
    model = QuantizedModel(quantized)
    elements = within = 0
    failures = []
    if form == "static" and model.quantized():
        exposed = os.path.join(folder, "exposed.onnx")
        model.write_exposed(exposed)
        feeds = model.feed_paths(fullest(sets))
        reference = runner.onnxruntime(exposed, feeds, os.path.join(folder, "exposed_ort"), "none")
        elements, within, failures = compare_operators(runner, model, name, folder, reference, feeds)
    share = within / elements if elements else 1.0
    if share < LEAST_WITHIN_A_STEP:
        failures.append(f"{name}: {100 * share:.3f} % of the elements within a step, expected "
                        f"{100 * LEAST_WITHIN_A_STEP} %")
    ends, count = compare_ends(runner, quantized, model, folder, sets)
    failures += [f"{name}: {end}" for end in ends if not end.rule()]
    line = (f"{name:28} {layers:>12} {len(model.quantized()):5} {elements:10} {100 * share:9.4f} {count:6} {ends[0].columns()}  "
            f"{ends[0].rule() or 'none'}")
    return line, failures


def float_models(root, wanted):
    for name in sorted(os.listdir(root)):
        folder = os.path.join(root, name)
        model = os.path.join(folder, "model.onnx")
        if not os.path.exists(model) or not wanted.search(name) or re.search(r"qdq|qoperator|int8", name):
            continue
        sets = sorted(os.path.join(folder, s) for s in os.listdir(folder) if s.startswith("test_data_set_"))
        if sets:
            yield name, model, sets


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option in ("ashlar", "data", "scratch"):
        parser.add_argument("--" + option, required=True)
    parser.add_argument("--bench", default="")
    parser.add_argument("--library", default="")
    parser.add_argument("--filter", default=".", type=re.compile)
    parser.add_argument("--form", default="static", choices=("static", "dynamic", "weight-only"))
    parser.add_argument("--quantize", action="append", default=[])
    arguments = parser.parse_args()
    root = os.path.join(arguments.data, "models") if arguments.data else ""
    for missing, reason in ((not os.path.isdir(root), "no folder of real models; give it with -DASHLAR_TEST_DATA=FOLDER"),
                            (not arguments.bench or not arguments.library,
                             "no ONNX Runtime; give it with -DASHLAR_ORT_BENCH=PROGRAM -DASHLAR_ORT_LIBRARY=FILE")):
        if missing:
            print(f"skipped: {reason}\n0 passed, 0 failed, 1 skipped")
            return 0
    runner = Runner(arguments)
    passed = failed = skipped = 0
    print(f"{'model':28} {'layers':>12} {'cuts':>5} {'elements':>10} {'% near':>9} {'inputs':>6} {'off dB':>8} {'on dB':>8} "
          f"{'ORT dB':>8} {'f64 dB':>8} {'ORT f64':>8}  rule", flush=True)
    for name, model, sets in float_models(root, arguments.filter):
        try:
            line, failures = check(runner, name, model, sets, os.path.join(arguments.scratch, name))
        except Failed as problem:
            if "nothing to calibrate" in str(problem) or "nothing to quantize" in str(problem):
                print(f"skipped: {name}: {str(problem).splitlines()[-1]}", flush=True)
                skipped += 1
                continue
            line, failures = name, [f"{name}: {problem}"]
        print("\n".join([line] + ["failed: " + f for f in failures]), flush=True)
        passed, failed = passed + (not failures), failed + bool(failures)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
