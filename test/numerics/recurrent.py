#!/usr/bin/env python3
"""Recurrent layers on integers against a plain reference in numpy.

usage: recurrent.py --ashlar=PROGRAM --scratch=FOLDER [--cpu=LIST] [--kind=REGEX] [--bench=PROGRAM --library=FILE]

Each case is one model. LSTM with dynamic quantization (com.microsoft): directions, lengths, initial states, peepholes, coupled gates, clipping, activations, signed and
unsigned weights with one scale or one a row of the gates. Rounding a state to a byte turns a last bit into a step where
it is near a tie, so a case passes where nearly all elements agree to a few units in the last place and all others to a
step. LSTM, GRU and RNN between DequantizeLinear: the standard's operators on what the bytes stand for. Every CPU and any
number of threads give the same bits.

PROGRAM of --bench runs a model under the ONNX Runtime in FILE (see test/models/run_onnxruntime.py); its outputs are
held to the same.
"""
import argparse
import json
import os
import re
import subprocess
import sys

import numpy as np

from onnx_file import Graph

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "models"))
from onnx_reader import read_tensor  # noqa: E402

F32 = np.float32
CLOSE = 1e-5     # of nearly all elements
NEARLY_ALL = 0.97
STEP = 0.01      # of all


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


FUNCTIONS = {"Sigmoid": sigmoid, "Tanh": np.tanh, "Relu": lambda x: np.maximum(x, 0),
             "HardSigmoid": lambda x: np.clip(F32(0.2) * x + F32(0.5), 0, 1)}


def dynamic_bytes(x):
    """DynamicQuantizeLinear: integers without their zero point, and the scale."""
    low, high = min(x.min(initial=0), F32(0)), max(x.max(initial=0), F32(0))
    scale = F32(high - low) / F32(255)
    if scale == 0:
        return np.zeros(x.shape, np.int64), scale
    zero = np.rint(np.clip(-low / scale, 0, 255))
    return (np.clip(np.rint(x / scale) + zero, 0, 255) - zero).astype(np.int64), scale


def product(x, weights, scale, zero):
    integers, step = dynamic_bytes(x)
    sums = integers @ (weights.astype(np.int64) - zero.astype(np.int64))
    return sums.astype(F32) * (step * scale)


class Case:
    def __init__(self, name, time=5, batch=1, inputs=9, hidden=7, direction="forward", signed=True, per_row=True, lengths=None,
                 bias=True, initial=False, peepholes=False, zeros="none", coupled=0, clip=None, activations=None,
                 outputs=("Y", "Y_h", "Y_c")):
        self.__dict__.update({k: v for k, v in locals().items() if k != "self"})
        self.directions = 2 if direction == "bidirectional" else 1
        self.random = np.random.default_rng(sum(map(ord, name)))

    def floats(self, *shape):
        return self.random.normal(0, 1, shape).astype(F32)

    def weights(self, depth):
        d, columns = self.directions, 4 * self.hidden
        dtype, low, high = (np.int8, -127, 128) if self.signed else (np.uint8, 0, 256)
        values = self.random.integers(low, high, (d, depth, columns)).astype(dtype)
        shape = (d, columns) if self.per_row else (d,)
        scale = (self.random.uniform(0.5, 1.5, shape) * 0.02 / np.sqrt(depth)).astype(F32)
        middle = 0 if self.signed else 128
        zero = np.full(shape, {"none": middle, "same": middle + 5, "directions": middle}[self.zeros], dtype)
        if self.zeros == "directions":
            zero[1:] += 3
        return values, scale, zero

    def compute(self, x, operands):
        """Y, Y_h and Y_c."""
        w, r, bias, lengths, h0, c0, peep, w_scale, w_zero, r_scale, r_zero = operands
        time, batch, hidden = self.time, self.batch, self.hidden
        y = np.zeros((time, self.directions, batch, hidden), F32)
        last_h, last_c = (np.zeros((self.directions, batch, hidden), F32) for _ in range(2))
        ends = np.full(batch, time) if lengths is None else lengths
        counted = x * (np.arange(time) < ends.max())[:, None, None].astype(F32)
        for d in range(self.directions):
            backwards = d == 1 or self.direction == "reverse"
            gates = product(counted.reshape(time * batch, -1), w[d], w_scale[d], w_zero[d]).reshape(time, batch, -1)
            h = np.zeros((batch, hidden), F32) if h0 is None else h0[d]
            c = np.zeros((batch, hidden), F32) if c0 is None else c0[d]
            for step in range(time):
                now = time - 1 - step if backwards else step
                seen = h if backwards else np.where((now - 1 < ends)[:, None], h, F32(0))
                total = gates[now] + product(seen, r[d], r_scale[d], r_zero[d])
                if bias is not None:
                    total = total + bias[d, :4 * hidden] + bias[d, 4 * hidden:]
                new_h, new_c = self.cell(total, c, None if peep is None else peep[d], d)
                running = (now < ends)[:, None]
                h, c = np.where(running, new_h, h), np.where(running, new_c, c)
                y[now, d] = np.where(running, h, F32(0))
            some = (ends > 0)[:, None]
            last_h[d], last_c[d] = np.where(some, h, F32(0)), np.where(some, c, F32(0))
        return y, last_h, last_c

    def cell(self, total, c, peep, direction):
        names = (self.activations or ["Sigmoid", "Tanh", "Tanh"] * 2)[3 * direction:3 * direction + 3]
        f, g, h = (FUNCTIONS[n] for n in names)
        cut = (lambda v: v) if self.clip is None else (lambda v: np.clip(v, -F32(self.clip), F32(self.clip)))
        i, o, forget, fresh = np.split(total, 4, axis=1)
        pi, po, pf = np.split(peep, 3) if peep is not None else (F32(0),) * 3
        i = f(cut(i + pi * c))
        forget = 1 - i if self.coupled else f(cut(forget + pf * c))
        c = forget * c + i * g(cut(fresh))
        o = f(cut(o + po * c))
        return (o * h(c)).astype(F32), c.astype(F32)

    def graph(self):
        d, hidden, batch = self.directions, self.hidden, self.batch
        x = self.floats(self.time, batch, self.inputs)
        w, w_scale, w_zero = self.weights(self.inputs)
        r, r_scale, r_zero = self.weights(hidden)
        bias = self.floats(d, 8 * hidden) if self.bias else None
        lengths = None if self.lengths is None else np.array(self.lengths, np.int32)
        h0, c0 = (self.floats(d, batch, hidden) if self.initial else None for _ in range(2))
        peep = self.floats(d, 3 * hidden) if self.peepholes else None
        expected = self.compute(x, (w, r, bias, lengths, h0, c0, peep, w_scale, w_zero, r_scale, r_zero))
        graph = Graph()
        graph.add_input("X", x)
        names = ["X"]
        for name, value, is_input in (("W", w, 0), ("R", r, 0), ("B", bias, 0), ("lengths", lengths, 1), ("h0", h0, 1),
                                      ("c0", c0, 1), ("P", peep, 0), ("w_scale", w_scale, 0), ("w_zero", w_zero, 0),
                                      ("r_scale", r_scale, 0), ("r_zero", r_zero, 0)):
            if value is not None:
                (graph.add_input if is_input else graph.add_constant)(name, value)
            names.append(name if value is not None else "")
        for name, value in zip(("Y", "Y_h", "Y_c"), expected):
            if name in self.outputs:
                graph.add_output(name, value)
        attributes = {"direction": self.direction, "hidden_size": hidden, "input_forget": self.coupled}
        if self.clip is not None:
            attributes["clip"] = float(self.clip)
        if self.activations:
            attributes["activations"] = self.activations
        graph.add_node("DynamicQuantizeLSTM", names, [n if n in self.outputs else "" for n in ("Y", "Y_h", "Y_c")], "lstm",
                       "com.microsoft", **attributes)
        return graph


class Dequantized:
    """LSTM, GRU or RNN whose X and W are bytes behind DequantizeLinear."""

    def __init__(self, name, op, time=4, batch=2, inputs=11, hidden=6, direction="forward", axis=1, zero=131, dtype=np.uint8,
                 weights=np.int8, layout=0, **attributes):
        self.__dict__.update({k: v for k, v in locals().items() if k != "self"})
        self.gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[op]
        self.directions = 2 if direction == "bidirectional" else 1
        self.random = np.random.default_rng(sum(map(ord, name)))

    def step(self, gates, h, c, r, bias):
        size = self.hidden
        if self.op == "LSTM":
            i, o, f, fresh = np.split(gates + h @ r.T + bias[:4 * size] + bias[4 * size:], 4, axis=1)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(fresh)
            return sigmoid(o) * np.tanh(c), c
        if self.op == "RNN":
            return np.tanh(gates + h @ r.T + bias[:size] + bias[size:]), c
        (gz, gr, gh), (rz, rr, rh) = np.split(gates, 3, axis=1), np.split(r, 3)
        wz, wr, wh, bz, br, bh = np.split(bias, 6)
        z, reset = sigmoid(gz + h @ rz.T + wz + bz), sigmoid(gr + h @ rr.T + wr + br)
        if self.attributes.get("linear_before_reset"):
            fresh = np.tanh(gh + reset * (h @ rh.T + bh) + wh)
        else:
            fresh = np.tanh(gh + (reset * h) @ rh.T + bh + wh)
        return (1 - z) * fresh + z * h, c

    def compute(self, x, w, r, bias):
        y = np.zeros((self.time, self.directions, self.batch, self.hidden))
        for d in range(self.directions):
            h, c = np.zeros((2, self.batch, self.hidden))
            for step in range(self.time):
                now = self.time - 1 - step if d == 1 or self.direction == "reverse" else step
                h, c = self.step(x[now] @ w[d].T, h, c, r[d], bias[d])
                y[now, d] = h
        return y

    def graph(self):
        d, rows = self.directions, self.gates * self.hidden
        x_scale, shape = F32(0.03), (self.time, self.batch, self.inputs)
        bytes_x = self.random.integers(0, 256, shape).astype(np.uint8)
        zero = np.array(self.zero, self.dtype)
        bytes_x = bytes_x if self.dtype == np.uint8 else (bytes_x.astype(np.int16) - 128).astype(np.int8)
        low = -127 if self.weights == np.int8 else 0
        bytes_w = self.random.integers(low, low + 255, (d, rows, self.inputs)).astype(self.weights)
        count = {None: (), 0: (d,), 1: (rows,)}[self.axis]
        w_scale = (self.random.uniform(0.5, 1.5, count) * 0.01).astype(F32)
        w_zero = np.full(count, 0 if self.weights == np.int8 else 120, self.weights)
        along = (lambda v: v if self.axis is None else v.reshape([-1 if a == self.axis else 1 for a in range(3)]))
        r = self.random.normal(0, 0.5, (d, rows, self.hidden)).astype(F32)
        bias = self.random.normal(0, 0.5, (d, 2 * rows)).astype(F32)
        x = (bytes_x.astype(np.float64) - float(zero)) * x_scale
        w = (bytes_w.astype(np.float64) - along(w_zero)) * along(w_scale)
        y = self.compute(x, w, r.astype(np.float64), bias.astype(np.float64)).astype(F32)
        graph = Graph()
        # [batch, time, ...] and [batch, time, directions, hidden]
        graph.add_input("X", bytes_x.transpose(1, 0, 2).copy() if self.layout else bytes_x)
        graph.add_output("Y", y.transpose(2, 0, 1, 3).copy() if self.layout else y)
        for name, value in (("x_scale", x_scale), ("x_zero", zero), ("W", bytes_w), ("w_scale", w_scale), ("w_zero", w_zero),
                            ("R", r), ("B", bias)):
            graph.add_constant(name, value)
        graph.add_node("DequantizeLinear", ["X", "x_scale", "x_zero"], ["x"], "dx")
        graph.add_node("DequantizeLinear", ["W", "w_scale", "w_zero"], ["w"], "dw", axis=self.axis or 0)
        graph.add_node(self.op, ["x", "w", "R", "B"], ["Y"], "layer", direction=self.direction, hidden_size=self.hidden,
                       layout=self.layout, **self.attributes)
        return graph


# One batch where lengths end at different steps backwards: ONNX Runtime starts all batches at once there.
CASES = [Case("plain"), Case("one-step", time=1, hidden=33), Case("batch", batch=3, inputs=16, hidden=16),
         Case("reverse", direction="reverse", batch=2), Case("both", direction="bidirectional", batch=2, hidden=20),
         Case("unsigned", signed=False), Case("unsigned-zeros", signed=False, zeros="same", per_row=False),
         Case("signed-zeros", zeros="same", per_row=False), Case("one-scale", per_row=False, batch=2),
         Case("zeros-by-direction", direction="bidirectional", signed=False, zeros="directions", per_row=False),
         Case("lengths", batch=3, time=6, lengths=[2, 5, 4]), Case("lengths-zero", batch=3, time=4, lengths=[0, 3, 4], initial=True),
         Case("lengths-reverse", time=6, lengths=[4], direction="reverse"),
         Case("states", initial=True, batch=2), Case("no-bias", bias=False, initial=True),
         Case("peepholes", peepholes=True, initial=True, direction="bidirectional"), Case("coupled", coupled=1),
         Case("clipped", clip=0.4, batch=2), Case("functions", activations=["HardSigmoid", "Relu", "Tanh"]),
         Case("last-only", outputs=("Y_h",)), Case("cell-only", outputs=("Y_c",), batch=2),
         Case("wide", time=3, batch=2, inputs=70, hidden=96), Case("narrow", inputs=1, hidden=1),
         Dequantized("qdq-lstm", "LSTM"), Dequantized("qdq-lstm-both", "LSTM", direction="bidirectional", axis=0),
         Dequantized("qdq-gru", "GRU", direction="reverse", axis=None), Dequantized("qdq-rnn", "RNN", batch=1, inputs=70),
         Dequantized("qdq-gru-linear", "GRU", direction="bidirectional", linear_before_reset=1),
         Dequantized("qdq-signed-input", "LSTM", dtype=np.int8, zero=-3),
         Dequantized("qdq-unsigned-weights", "LSTM", weights=np.uint8, direction="bidirectional"),
         Dequantized("qdq-batch-first", "LSTM", layout=1)]


def differences(actual, expected):
    """What is wrong with an output, if anything."""
    if actual.shape != expected.shape:
        return f"shape {actual.shape}, expected {expected.shape}"
    error = np.abs(actual.astype(np.float64) - expected)
    if not np.isfinite(error).all() or error.max(initial=0) > STEP:
        return f"largest difference {error.max():.3g}"
    if (error <= CLOSE).mean() < NEARLY_ALL:
        return f"only {(error <= CLOSE).mean():.1%} within {CLOSE}"
    return None


def run_ashlar(arguments, folder, cpu, threads):
    output = os.path.join(folder, f"{cpu}-{threads}")
    command = [arguments.ashlar, "run", os.path.join(folder, "model.onnx"), "--cpu", cpu, f"--threads={threads}",
               "--output", output, "--verify-stages"]
    for index in range(len(os.listdir(os.path.join(folder, "test_data_set_0")))):
        path = os.path.join(folder, "test_data_set_0", f"input_{index}.pb")
        if os.path.exists(path):
            command += ["--input", path]
    return output, subprocess.run(command, capture_output=True, text=True)


def run_onnxruntime(arguments, folder, graph):
    dump = os.path.join(folder, "peer")
    os.makedirs(dump, exist_ok=True)
    command = [arguments.bench, "--lib", arguments.library, "--model", os.path.join(folder, "model.onnx"), "--opt", "none",
               "--threads", "1", "--runs", "1", "--dump", dump]
    for index, (name, _) in enumerate(graph.inputs):
        command += ["--in", f"{name}={folder}/test_data_set_0/input_{index}.pb"]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        return None, result.stderr.strip() or result.stdout.strip()
    with open(os.path.join(dump, "outputs.json")) as f:
        listed = json.load(f)
    return [np.fromfile(os.path.join(dump, f"{k}.raw"), F32).reshape(o["shape"]) for k, o in enumerate(listed)], None


def check(arguments, case, cpus):
    """Complaints, and CPUs that this machine does not have."""
    folder = os.path.join(arguments.scratch, case.name)
    graph = case.graph()
    graph.write(folder, contributed=True)
    expected = [value for _, value in graph.outputs]
    complaints, lacking, first = [], [], None
    for cpu, threads in [(cpu, threads) for cpu in cpus for threads in (1, 2)]:
        output, result = run_ashlar(arguments, folder, cpu, threads)
        if result.returncode == 5:
            lacking.append(cpu)
            continue
        if result.returncode:
            complaints.append(f"{cpu}: exit code {result.returncode}: {result.stderr.strip()}")
            continue
        actual = [read_tensor(os.path.join(output, f"output_{k}.pb")) for k in range(len(expected))]
        complaints += [f"{cpu}: output {k}: {p}" for k, (a, b) in enumerate(zip(actual, expected)) if (p := differences(a, b))]
        first = actual if first is None else first
        if any(a.tobytes() != b.tobytes() for a, b in zip(actual, first)):
            complaints.append(f"{cpu}, {threads} threads: other bits than {cpus[0]}")
    if arguments.bench and not complaints and not getattr(case, "layout", 0):  # which ONNX Runtime does not have
        theirs, problem = run_onnxruntime(arguments, folder, graph)
        complaints += [f"ONNX Runtime: {problem}"] if problem else [
            f"ONNX Runtime: output {k}: {p}" for k, (a, b) in enumerate(zip(theirs, first)) if (p := differences(a, b))]
    return complaints, lacking


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ashlar", required=True)
    parser.add_argument("--scratch", required=True)
    parser.add_argument("--cpu", default="native", help="one or several, separated by commas; each is run by itself")
    parser.add_argument("--kind", default=".", type=re.compile, help="only cases whose name matches")
    parser.add_argument("--bench")
    parser.add_argument("--library")
    arguments = parser.parse_args()
    passed = failed = skipped = 0
    for case in CASES:
        if not arguments.kind.search(case.name):
            continue
        complaints, lacking = check(arguments, case, arguments.cpu.split(","))
        for complaint in complaints:
            print(f"FAIL {case.name}: {complaint}")
        failed += bool(complaints)
        passed += not complaints
        skipped += bool(lacking)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
