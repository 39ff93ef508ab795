"""Writes ONNX models and tensors, without the onnx package: the few messages of the format that tests need."""
import struct

import numpy as np

# TensorProto.DataType
TYPES = {"float32": 1, "uint8": 2, "int8": 3, "uint16": 4, "int16": 5, "int32": 6, "int64": 7, "bool": 9, "float16": 10,
         "float64": 11, "uint32": 12, "uint64": 13}


def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7f:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field, value):
    return varint(field << 3) + varint(value)


def block(field, content):
    """A string, bytes or nested message."""
    if isinstance(content, str):
        content = content.encode()
    return varint(field << 3 | 2) + varint(len(content)) + content


def tensor(name, array):
    array = np.asarray(array)
    dims = b"".join(number(1, d) for d in array.shape)
    return dims + number(2, TYPES[array.dtype.name]) + block(8, name) + block(9, np.ascontiguousarray(array).tobytes())


def value_info(name, dtype, shape):
    """A size that is a string is a name: known only while running."""
    dims = b"".join(block(1, block(2, d) if isinstance(d, str) else number(1, d)) for d in shape)
    return block(1, name) + block(2, block(1, number(1, TYPES[np.dtype(dtype).name]) + block(2, dims)))


def attribute(name, value):
    if isinstance(value, float):
        return block(1, name) + varint(2 << 3 | 5) + struct.pack("<f", value) + number(20, 1)
    if isinstance(value, int):
        return block(1, name) + number(3, value) + number(20, 2)
    if isinstance(value, str):
        return block(1, name) + block(4, value) + number(20, 3)
    if value and isinstance(value[0], float):
        return block(1, name) + b"".join(varint(7 << 3 | 5) + struct.pack("<f", v) for v in value) + number(20, 6)
    if value and isinstance(value[0], str):
        return block(1, name) + b"".join(block(9, v) for v in value) + number(20, 8)
    return block(1, name) + b"".join(number(8, v) for v in value) + number(20, 7)


def node(op, inputs, outputs, name="", domain="", **attributes):
    return (b"".join(block(1, i) for i in inputs) + b"".join(block(2, o) for o in outputs) + block(3, name) + block(4, op) +
            b"".join(block(5, attribute(k, v)) for k, v in attributes.items()) + (block(7, domain) if domain else b""))


class Graph:
    """Collects nodes, constants, inputs with their values and outputs with what is expected."""

    def __init__(self):
        self.nodes, self.constants, self.inputs, self.outputs = [], [], [], []
        self.shapes = {}  # declared, of inputs and outputs; else those of the values

    def add_input(self, name, array, shape=None):
        self.inputs.append((name, np.asarray(array)))
        self.shapes[name] = shape or np.shape(array)
        return name

    def add_constant(self, name, array):
        self.constants.append((name, np.asarray(array)))
        return name

    def add_output(self, name, expected, shape=None):
        self.outputs.append((name, np.asarray(expected)))
        self.shapes[name] = shape or np.shape(expected)
        return name

    def add_node(self, *arguments, **attributes):
        self.nodes.append(node(*arguments, **attributes))

    def model(self, opset=21, contributed=False, learning=False):
        graph = (b"".join(block(1, n) for n in self.nodes) + block(2, "test") +
                 b"".join(block(5, tensor(*c)) for c in self.constants) +
                 b"".join(block(11, value_info(n, a.dtype, self.shapes[n])) for n, a in self.inputs) +
                 b"".join(block(12, value_info(n, a.dtype, self.shapes[n])) for n, a in self.outputs))
        domains = [("", opset)] + [("com.microsoft", 1)] * contributed + [("ai.onnx.ml", 1)] * learning
        return number(1, 10) + block(7, graph) + b"".join(block(8, block(1, d) + number(2, v)) for d, v in domains)

    def write(self, folder, **options):
        """FOLDER/model.onnx with its data in FOLDER/test_data_set_0, as the ONNX suite has it."""
        import os
        data = os.path.join(folder, "test_data_set_0")
        os.makedirs(data, exist_ok=True)
        with open(os.path.join(folder, "model.onnx"), "wb") as f:
            f.write(self.model(**options))
        for kind, tensors in (("input", self.inputs), ("output", self.outputs)):
            for index, (name, array) in enumerate(tensors):
                with open(os.path.join(data, f"{kind}_{index}.pb"), "wb") as f:
                    f.write(tensor(name, array))
