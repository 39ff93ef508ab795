"""Reads ONNX models and tensors, without the onnx package: the few messages of the format that evaluation needs."""
import struct

import numpy as np

from protobuf_wire import read_varint

ELEMENTS = {1: np.float32, 2: np.uint8, 3: np.int8, 6: np.int32, 7: np.int64, 9: np.bool_, 10: np.float16, 11: np.float64}


def fields(data):
    """(field, wire type, value, all its bytes) of a message."""
    at = 0
    while at < len(data):
        start = at
        key, at = read_varint(data, at)
        wire = key & 7
        if wire == 0:
            value, at = read_varint(data, at)
        elif wire == 2:
            size, at = read_varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            size = 4 if wire == 5 else 8
            value, at = data[at:at + size], at + size
        yield key >> 3, wire, value, data[start:at]


def texts(message, field):
    return [value.decode() for number, _, value, _ in fields(message) if number == field]


def signed(value):
    return value - (1 << 64) if value >> 63 else value


def integers(wire, value):
    """The elements of a repeated field, packed or one by one."""
    if wire == 0:
        return [signed(value)]
    found, at = [], 0
    while at < len(value):
        number, at = read_varint(value, at)
        found.append(signed(number))
    return found


def tensor_of(data):
    """(name, array) of a TensorProto."""
    name, dims, kind, raw, listed = "", [], 0, None, []
    for field, wire, value, _ in fields(data):
        if field == 1:
            dims += integers(wire, value)
        elif field == 2:
            kind = value
        elif field == 4:
            listed += np.frombuffer(value, np.float32).tolist()
        elif field in (5, 7):
            listed += integers(wire, value)
        elif field == 8:
            name = value.decode()
        elif field == 9:
            raw = value
    if raw is not None:
        return name, np.frombuffer(raw, ELEMENTS[kind]).reshape(dims)
    if kind == 10:
        return name, np.array(listed, np.uint16).view(np.float16).reshape(dims)
    return name, np.array(listed, ELEMENTS[kind]).reshape(dims)


def read_tensor(path):
    with open(path, "rb") as f:
        return tensor_of(f.read())[1]


def attribute_of(data):
    name, kind, value = "", 0, None
    floats, ints, strings = [], [], []
    for field, wire, content, _ in fields(data):
        if field == 1:
            name = content.decode()
        elif field == 20:
            kind = content
        elif field == 2:
            value = struct.unpack("<f", content)[0]
        elif field == 3:
            value = signed(content)
        elif field == 4:
            value = content.decode()
        elif field == 5:
            value = tensor_of(content)[1]
        elif field == 6:
            value = Graph(content)
        elif field == 7:
            floats += np.frombuffer(content, np.float32).tolist()
        elif field == 8:
            ints += integers(wire, content)
        elif field == 9:
            strings.append(content.decode())
    return name, {6: floats, 7: ints, 8: strings}.get(kind, value)


class Node:
    def __init__(self, data):
        self.inputs, self.outputs = texts(data, 1), texts(data, 2)
        self.op = texts(data, 4)[0]
        self.attributes = dict(attribute_of(value) for field, _, value, _ in fields(data) if field == 5)


class Graph:
    def __init__(self, data):
        self.nodes, self.constants, inputs, self.outputs = [], {}, [], []
        for field, _, value, _ in fields(data):
            if field == 1:
                self.nodes.append(Node(value))
            elif field == 5:
                name, array = tensor_of(value)
                self.constants[name] = array
            elif field == 11:
                inputs += texts(value, 1)[:1]
            elif field == 12:
                self.outputs += texts(value, 1)[:1]
        self.inputs = [name for name in inputs if name not in self.constants]


def read_model(path):
    """(graph, version of the standard's operators) of a model file."""
    with open(path, "rb") as f:
        data = f.read()
    graph, opset = None, 0
    for field, _, value, _ in fields(data):
        if field == 7:
            graph = Graph(value)
        elif field == 8:
            domain = "".join(texts(value, 1))
            version = [number for kind, _, number, _ in fields(value) if kind == 2]
            opset = version[0] if domain in ("", "ai.onnx") else opset
    return graph, opset
