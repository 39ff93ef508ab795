"""Writes float.textproto, a small network, quantized.textproto, the same with Q/DQ where the second layer has a range far
too small, and x.npy, samples for both.

usage: write_quantized_pair.py FOLDER
"""
import math
import os
import sys

import numpy

folder = sys.argv[1]
random = numpy.random.RandomState(7)
SCALES = {"x": 0.03, "first": 0.01, "second": 0.0005}
weights = {"w0": random.randn(8, 16).astype("f4") / 3, "w1": random.randn(16, 16).astype("f4") / 4,
           "w2": random.randn(16, 4).astype("f4") / 4}


def tensor(name, values, kind):
    field = "float_data" if kind == 1 else "int32_data"
    dims = " ".join(f"dims: {d}" for d in values.shape)
    data = " ".join(f"{field}: {v}" for v in values.reshape(-1).tolist())
    return f'  initializer {{ name: "{name}" data_type: {kind} {dims} {data} }}\n'


def node(op, inputs, output):
    names = " ".join(f'input: "{i}"' for i in inputs)
    return f'  node {{ op_type: "{op}" name: "{output}_{op}" {names} output: "{output}" }}\n'


def value(kind, name, columns):
    return (f'  {kind} {{ name: "{name}" type {{ tensor_type {{ elem_type: 1 shape '
            f'{{ dim {{ dim_param: "batch" }} dim {{ dim_value: {columns} }} }} }} }} }}\n')


def network(quantized):
    text = 'ir_version: 8\nopset_import { version: 13 }\ngraph {\n  name: "pair"\n'
    text += value("input", "x", 8) + value("output", "y", 4)
    if quantized:
        for name, scale in SCALES.items():
            text += tensor(name + "_scale", numpy.array(scale), 1)
            text += tensor(name + "_zero", numpy.array(128 if name == "x" else 0), 2)
        for name, w in weights.items():
            scale = float(numpy.abs(w).max() / 127)
            text += tensor(name + "_scale", numpy.array(scale), 1) + tensor(name + "_zero", numpy.array(0), 3)
            text += tensor(name + "_bytes", numpy.rint(w / scale).astype(int), 3)
    else:
        for name, w in weights.items():
            text += tensor(name, w, 1)

    def read(name):
        nonlocal text
        if not quantized:
            return name
        if name in SCALES:
            text += node("QuantizeLinear", [name, name + "_scale", name + "_zero"], name + "_bytes")
        text += node("DequantizeLinear", [name + "_bytes", name + "_scale", name + "_zero"], name + "_real")
        return name + "_real"

    for source, weight, result in (("x", "w0", "first"), ("first", "w1", "second")):
        product = node("MatMul", [read(source), read(weight)], result + "_sum")
        text += product
        text += node("Relu", [result + "_sum"], result)
    product = node("MatMul", [read("second"), read("w2")], "y")
    return text + product + "}\n"


for name, quantized in (("float", False), ("quantized", True)):
    with open(os.path.join(folder, name + ".textproto"), "w") as f:
        f.write(network(quantized))
numpy.save(os.path.join(folder, "x.npy"), random.randn(6, 8).astype("f4"))
bad = random.randn(2, 8).astype("f4")
bad[1, 3] = math.nan
numpy.save(os.path.join(folder, "nan.npy"), bad)
