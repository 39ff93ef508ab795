"""Random ONNX graphs that know what they compute, in float64."""
import math
import random

import numpy as np

from onnx_file import Graph
from spatial import convolve_volume, transpose_convolve

SIZES = (1, 2, 3, 4, 5, 7, 8, 16, 17, 24, 32)
MOST_ELEMENTS = 40000


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


ELEMENTWISE = {
    "Relu": lambda x: np.maximum(x, 0), "Sigmoid": sigmoid, "Tanh": np.tanh, "Neg": np.negative, "Abs": np.abs,
    "LeakyRelu": lambda x: np.where(x < 0, np.float32(0.01) * x, x), "HardSwish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "Softplus": lambda x: np.logaddexp(x, 0), "Elu": lambda x: np.where(x < 0, np.expm1(np.minimum(x, 0)), x),
    "Erf": np.vectorize(math.erf, otypes=[float]), "Sin": np.sin,
}
TWO = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Max": np.maximum, "Min": np.minimum}
REDUCTIONS = {
    "ReduceMean": np.mean, "ReduceSum": np.sum, "ReduceMax": np.max, "ReduceMin": np.min,
    "ReduceL2": lambda x, axis, keepdims: np.sqrt(np.sum(x * x, axis, keepdims=keepdims)),
}


def softmax(x, axis):
    powers = np.exp(x - x.max(axis, keepdims=True))
    return powers / powers.sum(axis, keepdims=True)


def normalized(x, axes, epsilon=1e-5):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + epsilon)


class RandomGraph:
    """Tensors are (name, value); every operator appends what it makes."""

    def __init__(self, seed, is_open):
        self.random, self.numbers = random.Random(seed), np.random.default_rng(seed)
        self.graph, self.tensors, self.read, self.count = Graph(), [], set(), 0
        self.is_open, self.outputs_inside = is_open, seed % 3 > 0
        for _ in range(1 + (self.random.random() < 0.4)):
            self.add_input()

    # --- what operators are made of

    def name(self, prefix):
        self.count += 1
        return prefix + str(self.count)

    def constant(self, value):
        return self.graph.add_constant(self.name("c"), value)

    def integers(self, values):
        return self.constant(np.array(values, np.int64))

    def weights(self, *shape):
        value = (self.numbers.standard_normal(shape) * 0.5).astype(np.float32)
        return self.constant(value), value.astype(np.float64)

    def add_input(self):
        r = self.random
        shape = [r.choice(SIZES) for _ in range(r.choice([2, 3, 4, 4]))]
        if len(shape) == 4:
            shape = [r.choice([1, 1, 2]), r.choice([1, 3, 8, 16, 20]), r.choice([5, 8, 9, 14]), r.choice([5, 8, 9, 14])]
        value, name = self.numbers.standard_normal(shape).astype(np.float32), self.name("x")
        said = [f"{name}_{axis}" if self.is_open and r.random() < 0.5 else size for axis, size in enumerate(shape)]
        self.graph.add_input(name, value, said)
        self.tensors.append((name, value.astype(np.float64)))

    def node(self, operator, inputs, *values, **attributes):
        names = [self.name("t") for _ in values]
        self.graph.add_node(operator, inputs, names, names[0], **attributes)
        self.read.update(inputs)
        self.tensors.extend(zip(names, values))
        return self.tensors[-1]

    def pick(self, fits=lambda x: True):
        """A tensor that fits, one of the last rather; None for none."""
        found = [t for t in self.tensors if fits(t[1])]
        if not found:
            return None
        return self.random.choice(found[-4:] if self.random.random() < 0.7 else found)

    # --- operators; each gives None where no tensor fits

    def grow(self, steps):
        operators = [getattr(self, name) for name in sorted(dir(self)) if name.startswith("add_") and name != "add_input"]
        for _ in range(self.random.randrange(3, steps)):
            self.random.choice(operators)()
            if self.tensors[-1][1].size > MOST_ELEMENTS:
                break

    def add_matmul(self):
        if t := self.pick(lambda x: x.ndim >= 2):
            name, w = self.weights(t[1].shape[-1], self.random.choice(SIZES))
            self.node("MatMul", [t[0], name], t[1] @ w)

    def add_product_of_both(self):
        if t := self.pick(lambda x: 2 <= x.ndim <= 4):
            perm = [*range(t[1].ndim - 2), t[1].ndim - 1, t[1].ndim - 2]
            u = self.node("Transpose", [t[0]], t[1].transpose(perm), perm=perm)
            self.node("MatMul", [t[0], u[0]], t[1] @ u[1])

    def add_gemm(self):
        if t := self.pick(lambda x: x.ndim == 2):
            columns = self.random.choice(SIZES)
            (name, w), (bias, b) = self.weights(columns, t[1].shape[1]), self.weights(columns)
            self.node("Gemm", [t[0], name, bias], t[1] @ w.T + b, transB=1)

    def window(self, axes):
        r = self.random
        return [r.choice([1, 1, 2, 3, 5]) for _ in range(axes)], [r.choice([1, 1, 2]) for _ in range(axes)], \
            [r.choice([0, 1]) for _ in range(2 * axes)]

    def add_conv(self, group=None):
        t = self.pick(lambda x: 3 <= x.ndim <= 5)
        if not t:
            return
        channels, axes = t[1].shape[1], t[1].ndim - 2
        kernel, strides, pads = self.window(axes)
        dilations = [self.random.choice([1, 1, 2]) for _ in kernel]
        if any(n + pads[i] + pads[i + axes] <= d * (k - 1)
               for i, (n, k, d) in enumerate(zip(t[1].shape[2:], kernel, dilations))):
            return
        groups, filters = (channels, channels) if group else (1, self.random.choice([1, 3, 8, 16, 17, 32]))
        (name, w), (bias, b) = self.weights(filters, channels // groups, *kernel), self.weights(filters)
        y = convolve_volume(t[1], w, strides, pads, dilations, groups) + b.reshape(-1, *[1] * axes)
        self.node("Conv", [t[0], name, bias], y, kernel_shape=kernel, strides=strides, pads=pads, dilations=dilations,
                  group=groups)

    def add_depthwise(self):
        self.add_conv(group=True)

    def add_transposed_conv(self):
        t = self.pick(lambda x: 3 <= x.ndim <= 4)
        if not t:
            return
        axes = t[1].ndim - 2
        kernel, strides, pads = self.window(axes)
        if any((n - 1) * s + k <= pads[i] + pads[i + axes]
               for i, (n, k, s) in enumerate(zip(t[1].shape[2:], kernel, strides))):
            return
        name, w = self.weights(t[1].shape[1], self.random.choice([1, 3, 8, 17]), *kernel)
        self.node("ConvTranspose", [t[0], name], transpose_convolve(t[1], w, strides, pads, [0] * axes, 1),
                  kernel_shape=kernel, strides=strides, pads=pads)

    def add_pool(self):
        t = self.pick(lambda x: 3 <= x.ndim <= 5 and min(x.shape[2:]) >= 2)
        if not t:
            return
        axes, stride = tuple(range(2, t[1].ndim)), self.random.choice([1, 2])
        windows = np.lib.stride_tricks.sliding_window_view(t[1], (2,) * len(axes), axes)
        windows = windows[(slice(None), slice(None), *[slice(None, None, stride)] * len(axes))]
        operator, fold = self.random.choice([("MaxPool", np.max), ("AveragePool", np.mean)])
        self.node(operator, [t[0]], fold(windows, tuple(range(t[1].ndim, windows.ndim))), kernel_shape=[2] * len(axes),
                  strides=[stride] * len(axes))

    def add_global_pool(self):
        if t := self.pick(lambda x: 3 <= x.ndim <= 4):
            self.node("GlobalAveragePool", [t[0]], t[1].mean(tuple(range(2, t[1].ndim)), keepdims=True))

    def add_unsqueeze(self):
        if t := self.pick(lambda x: x.ndim < 5):
            axis = self.random.randrange(t[1].ndim + 1)
            self.node("Unsqueeze", [t[0], self.integers([axis])], np.expand_dims(t[1], axis))

    def add_squeeze(self):
        if t := self.pick(lambda x: x.ndim > 2 and 1 in x.shape):
            axis = self.random.choice([axis for axis, size in enumerate(t[1].shape) if size == 1])
            self.node("Squeeze", [t[0], self.integers([axis])], t[1].squeeze(axis))

    def add_transpose(self):
        if t := self.pick(lambda x: x.ndim >= 2):
            perm = list(range(t[1].ndim))
            self.random.shuffle(perm)
            self.node("Transpose", [t[0]], t[1].transpose(perm), perm=perm)

    add_another_transpose = add_transpose

    def add_reshape(self):
        t = self.pick()
        rest, shape = t[1].size, []
        for _ in range(self.random.choice([1, 2, 3])):
            shape.append(self.random.choice([d for d in range(1, 65) if rest % d == 0]))
            rest //= shape[-1]
        shape.append(rest)
        self.random.shuffle(shape)
        self.node("Reshape", [t[0], self.integers(shape)], t[1].reshape(shape))

    def add_flatten(self):
        t = self.pick()
        axis = self.random.randrange(t[1].ndim + 1)
        self.node("Flatten", [t[0]], t[1].reshape(int(np.prod(t[1].shape[:axis])), -1), axis=axis)

    def add_concat(self):
        if t := self.pick(lambda x: x.ndim > 0):
            axis = self.random.randrange(t[1].ndim)
            rest = lambda x: x.shape[:axis] + x.shape[axis + 1:]
            others = [u for u in self.tensors if u[1].ndim == t[1].ndim and rest(u[1]) == rest(t[1])]
            parts = [t] + [self.random.choice(others) for _ in range(self.random.choice([1, 2]))]
            self.node("Concat", [u[0] for u in parts], np.concatenate([u[1] for u in parts], axis), axis=axis)

    def add_stack(self):
        if t := self.pick(lambda x: x.ndim < 4):
            axis = self.random.choice([0, t[1].ndim])
            other = self.random.choice([u for u in self.tensors if u[1].shape == t[1].shape])
            parts = [self.node("Unsqueeze", [u[0], self.integers([axis])], np.expand_dims(u[1], axis)) for u in (t, other)]
            self.node("Concat", [u[0] for u in parts], np.concatenate([u[1] for u in parts], axis), axis=axis)

    def long_axis(self, t):
        return self.random.choice([axis for axis, size in enumerate(t[1].shape) if size > 1])

    def add_slice(self):
        if t := self.pick(lambda x: x.size > 1):
            axis = self.long_axis(t)
            size = t[1].shape[axis]
            start = self.random.randrange(size)
            end, step = self.random.randrange(start + 1, size + 1), self.random.choice([1, 1, 2])
            if self.random.random() < 0.2:
                start, end, step = -1, -10**6, -1
            part = t[1][(slice(None),) * axis + (slice(start, end, step),)]
            self.node("Slice", [t[0], *(self.integers([v]) for v in (start, end, axis, step))], part)

    def add_split(self):
        if t := self.pick(lambda x: x.size > 1):
            axis = self.long_axis(t)
            first = self.random.randrange(1, t[1].shape[axis])
            self.node("Split", [t[0], self.integers([first, t[1].shape[axis] - first])], *np.split(t[1], [first], axis), axis=axis)

    def partner(self, t):
        def fits(u):
            return all(a == b or 1 in (a, b) for a, b in zip(u[1].shape[::-1], t[1].shape[::-1]))
        return self.random.choice([u for u in self.tensors if fits(u)])

    def add_two(self):
        t = self.pick()
        u, operator = self.partner(t), self.random.choice(sorted(TWO))
        self.node(operator, [t[0], u[0]], TWO[operator](t[1], u[1]))

    def add_where(self):
        t = self.pick()
        u, condition = self.partner(t), self.name("t")
        self.graph.add_node("Greater", [t[0], self.constant(np.float32(0))], [condition], condition)
        self.node("Where", [condition, t[0], u[0]], np.where(t[1] > 0, t[1], u[1]))

    def add_constant_operand(self):
        if t := self.pick(lambda x: x.ndim > 0):
            shape = [size if self.random.random() < 0.5 else 1 for size in t[1].shape][self.random.randrange(t[1].ndim):]
            (name, w), operator = self.weights(*shape), self.random.choice(["Add", "Sub", "Mul"])
            self.node(operator, [t[0], name], TWO[operator](t[1], w))

    def add_elementwise(self):
        t, operator = self.pick(), self.random.choice(sorted(ELEMENTWISE))
        self.node(operator, [t[0]], ELEMENTWISE[operator](t[1]))

    add_another_elementwise = add_elementwise

    def add_clip(self):
        t = self.pick()
        self.node("Clip", [t[0], self.constant(np.float32(-1)), self.constant(np.float32(2))], np.clip(t[1], -1, 2))

    def add_prelu(self):
        if t := self.pick(lambda x: x.ndim >= 2):
            name, w = self.weights(t[1].shape[1], *[1] * (t[1].ndim - 2))
            self.node("PRelu", [t[0], name], np.where(t[1] < 0, t[1] * w, t[1]))

    def add_softmax(self):
        if t := self.pick(lambda x: x.ndim > 0):
            axis = self.random.randrange(t[1].ndim)
            operator = self.random.choice(["Softmax", "LogSoftmax"])
            y = softmax(t[1], axis)
            if operator == "LogSoftmax":
                shifted = t[1] - t[1].max(axis, keepdims=True)
                y = shifted - np.log(np.exp(shifted).sum(axis, keepdims=True))
            self.node(operator, [t[0]], y, axis=axis)

    def add_reduction(self):
        if t := self.pick(lambda x: x.ndim > 0):
            axes = sorted(self.random.sample(range(t[1].ndim), self.random.choice([1, min(2, t[1].ndim)])))
            operator, keep = self.random.choice(sorted(REDUCTIONS)), self.random.choice([0, 1])
            y = REDUCTIONS[operator](t[1], axis=tuple(axes), keepdims=bool(keep))
            self.node(operator, [t[0], self.integers(axes)], np.asarray(y), keepdims=keep)

    def add_pad(self):
        if t := self.pick(lambda x: x.ndim > 0):
            begin, end = ([self.random.choice([0, 0, 1, 2]) for _ in t[1].shape] for _ in range(2))
            mode = self.random.choice(["constant", "edge"])
            self.node("Pad", [t[0], self.integers(begin + end)], np.pad(t[1], list(zip(begin, end)), mode), mode=mode)

    def add_gather(self):
        if t := self.pick(lambda x: x.ndim > 0):
            axis = self.random.randrange(t[1].ndim)
            places = [self.random.randrange(t[1].shape[axis]) for _ in range(self.random.choice([1, 2, 4]))]
            index = np.array(places if self.random.random() < 0.7 else places[0], np.int64)
            self.node("Gather", [t[0], self.constant(index)], np.take(t[1], index, axis), axis=axis)

    def add_layer_normalization(self):
        if t := self.pick(lambda x: x.ndim > 1):
            (scale, s), (bias, b) = self.weights(t[1].shape[-1]), self.weights(t[1].shape[-1])
            self.node("LayerNormalization", [t[0], scale, bias], normalized(t[1], -1) * s + b, axis=-1)

    def per_channel(self, t):
        name, w = self.weights(t[1].shape[1])
        return name, w.reshape(-1, *[1] * (t[1].ndim - 2))

    def add_batch_normalization(self):
        if t := self.pick(lambda x: x.ndim > 2):
            (scale, s), (bias, b), (mean, m) = (self.per_channel(t) for _ in range(3))
            variance = (self.numbers.random(t[1].shape[1]) + 0.5).astype(np.float32)
            v = variance.astype(np.float64).reshape(s.shape)
            self.node("BatchNormalization", [t[0], scale, bias, mean, self.constant(variance)],
                      (t[1] - m) / np.sqrt(v + 1e-5) * s + b)

    def add_instance_normalization(self):
        if t := self.pick(lambda x: x.ndim > 2 and np.prod(x.shape[2:]) > 3):
            (scale, s), (bias, b) = self.per_channel(t), self.per_channel(t)
            self.node("InstanceNormalization", [t[0], scale, bias], normalized(t[1], tuple(range(2, t[1].ndim))) * s + b)

    def add_resize(self):
        if t := self.pick(lambda x: x.ndim == 4 and x.shape[2] * x.shape[3] < 300):
            scales = [self.constant(np.zeros(0, np.float32)), self.constant(np.array([1, 1, 2, 2], np.float32))]
            self.node("Resize", [t[0], *scales], t[1].repeat(2, 2).repeat(2, 3), mode="nearest",
                      coordinate_transformation_mode="asymmetric", nearest_mode="floor")

    def add_tile(self):
        if t := self.pick(lambda x: 0 < x.ndim and x.size < 2000):
            repeats = [self.random.choice([1, 1, 2]) for _ in t[1].shape]
            self.node("Tile", [t[0], self.integers(repeats)], np.tile(t[1], repeats))

    def add_depth_to_space(self):
        if t := self.pick(lambda x: x.ndim == 4 and x.shape[1] % 4 == 0):
            n, c, h, w = t[1].shape
            y = t[1].reshape(n, 2, 2, c // 4, h, w).transpose(0, 3, 4, 1, 5, 2).reshape(n, c // 4, 2 * h, 2 * w)
            self.node("DepthToSpace", [t[0]], y, blocksize=2, mode="DCR")

    def add_cumulative_sum(self):
        if t := self.pick(lambda x: x.ndim > 0):
            axis = self.random.randrange(t[1].ndim)
            self.node("CumSum", [t[0], self.constant(np.int64(axis))], t[1].cumsum(axis))

    # --- the model

    def write(self, folder):
        """FOLDER/model.onnx and its data; gives the tolerances of the outputs, which are all tensors that no operator
        reads, and some others."""
        tolerances = []
        for name, value in list(self.tensors):
            if not name.startswith("t") or name in self.read and not (self.outputs_inside and self.random.random() < 0.3):
                continue
            said = [f"{name}_{axis}" for axis in range(value.ndim)] if self.is_open else None
            self.graph.add_output("y" + name, value.astype(np.float32), said)
            self.graph.add_node("Identity", [name], ["y" + name], "y" + name)
            tolerances.append(5e-4 * max(float(np.abs(value).max()), 1e-3))
        self.graph.write(folder)
        return tolerances
