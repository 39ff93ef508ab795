"""Models of complex Fourier transforms with inputs and the answers by the definition, one folder a length."""
import cmath
import os
import struct
import sys


def write_npy(path, shape, values):
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(10 + len(header) + 1) % 64) + b"\n"
    with open(path, "wb") as f:
        f.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
        f.write(struct.pack(f"<{len(values)}f", *values))


def model(length, inverse):
    value = f"type {{ tensor_type {{ elem_type: 1 shape {{ dim {{ dim_param: \"n\" }} dim {{ dim_value: {length} }} dim {{ dim_value: 2 }} }} }} }}"
    return f"""ir_version: 8 opset_import {{ version: 20 }} graph {{ name: "transform"
  node {{ op_type: "DFT" input: "x" output: "y" attribute {{ name: "inverse" type: INT i: {inverse} }} }}
  input {{ name: "x" {value} }} output {{ name: "y" {value} }} }}"""


def transform(x, inverse):
    n = len(x)
    sign = 1 if inverse else -1
    return [sum(v * cmath.exp(sign * 2j * cmath.pi * ((k * i) % n) / n) for i, v in enumerate(x)) / (n if inverse else 1)
            for k in range(n)]


def flat(rows):
    return [part for row in rows for v in row for part in (v.real, v.imag)]


for length in (4, 6, 7, 60, 512):
    for inverse in (0, 1):
        folder = f"{sys.argv[1]}/{length}-{inverse}"
        os.makedirs(folder, exist_ok=True)
        # Multiples of 1/64: exact in single precision.
        rows = [[complex((i * 37 + r * 11) % 101 - 50, (i * 53 + r * 29) % 97 - 48) / 64 for i in range(length)] for r in range(3)]
        with open(f"{folder}/model.textproto", "w") as f:
            f.write(model(length, inverse))
        write_npy(f"{folder}/input_0.npy", (3, length, 2), flat(rows))
        write_npy(f"{folder}/output_0.npy", (3, length, 2), flat(transform(row, inverse) for row in rows))
