"""Models of one kind of contraction with a sweep of shapes."""
import numpy as np

from onnx_file import Graph

EPSILON = 2.0**-24


def to_bf16(array):
    """Rounds to bf16, to nearest even."""
    bits = array.astype(np.float32).view(np.uint32).astype(np.uint64)
    bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000
    return bits.astype(np.uint32).view(np.float32)


class Family:
    """A model of one kind of contraction; subclasses add the cases."""

    def __init__(self, name, options=()):
        self.name, self.options = name, options
        self.graph, self.tolerances = Graph(), []
        self.random = np.random.default_rng(len(name))

    def integers(self, dtype, shape):
        info = np.iinfo(dtype)
        return self.random.integers(info.min, info.max + 1, shape).astype(dtype)

    def floats(self, shape):
        return self.random.standard_normal(shape).astype(np.float32)

    def output(self, name, expected, tolerance=0.0):
        self.tolerances.append(tolerance)
        return self.graph.add_output(name, expected)
