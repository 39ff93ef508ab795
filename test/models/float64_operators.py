"""ONNX operators with numpy, floats being float64: what moves elements and what computes each on its own.

Each takes (node, inputs, opset) and gives the output or a list of outputs; absent inputs are None."""
import math

import numpy as np

TABLE = {}


def operator(*names):
    def register(function):
        for name in names:
            TABLE[name] = function
        return function
    return register


def elementwise(name, function):
    TABLE[name] = lambda node, x, opset: function(*x)


def divide(a, b):
    if a.dtype.kind == "f":
        with np.errstate(divide="ignore", invalid="ignore"):
            return a / b
    return np.trunc(a / b).astype(a.dtype)


def erf(x):
    return np.vectorize(math.erf, otypes=[np.float64])(x)


def sigmoid(x):
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-x))


for _name, _function in {
        "Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": divide, "Pow": np.power, "Neg": np.negative,
        "Sqrt": np.sqrt, "Exp": np.exp, "Log": np.log, "Tanh": np.tanh, "Sigmoid": sigmoid, "Erf": erf, "Abs": np.abs,
        "Relu": lambda x: np.maximum(x, 0), "Reciprocal": lambda x: 1 / x, "Equal": np.equal, "Where": np.where,
        "LessOrEqual": np.less_equal, "Less": np.less, "Greater": np.greater, "Not": np.logical_not, "And": np.logical_and,
        "Identity": lambda x: x, "Dropout": lambda x, *rest: x, "MatMul": np.matmul,
        "Max": lambda *x: np.maximum.reduce(np.broadcast_arrays(*x)),
        "Min": lambda *x: np.minimum.reduce(np.broadcast_arrays(*x)),
        "Shape": lambda x: np.array(x.shape, np.int64), "Expand": lambda x, shape: x * np.ones(shape, x.dtype),
        "Size": lambda x: np.array(x.size, np.int64), "Tile": np.tile, "Range": lambda a, b, step: np.arange(a, b, step, a.dtype),
        "Clip": lambda x, low=None, high=None: np.clip(x, low, high)}.items():
    elementwise(_name, _function)


def axes_of(node, x, index=1):
    """The axes of an operator that has them as an attribute or, later, as an input."""
    if len(x) > index and x[index] is not None:
        return tuple(int(a) for a in x[index])
    axes = node.attributes.get("axes")
    return None if axes is None else tuple(axes)


@operator("Gelu")
def gelu(node, x, opset):
    return 0.5 * x[0] * (1 + erf(x[0] / math.sqrt(2)))


@operator("LeakyRelu")
def leaky_relu(node, x, opset):
    return np.where(x[0] < 0, node.attributes.get("alpha", 0.01) * x[0], x[0])


@operator("Cast")
def cast(node, x, opset):
    kind = {1: np.float64, 10: np.float64, 11: np.float64, 2: np.uint8, 3: np.int8, 6: np.int32, 7: np.int64, 9: np.bool_}
    return x[0].astype(kind[node.attributes["to"]])


@operator("Constant")
def constant(node, x, opset):
    (name, value), = node.attributes.items()
    array = np.asarray(value)
    return array.astype(np.float64) if array.dtype.kind == "f" else array


@operator("ConstantOfShape")
def constant_of_shape(node, x, opset):
    value = np.asarray(node.attributes.get("value", np.zeros(1)))
    return np.full([int(size) for size in x[0]], value.reshape(-1)[0], np.float64 if value.dtype.kind == "f" else value.dtype)


@operator("Reshape")
def reshape(node, x, opset):
    shape = [x[0].shape[k] if size == 0 and not node.attributes.get("allowzero") else int(size)
             for k, size in enumerate(x[1])]
    return x[0].reshape(shape)


@operator("Flatten")
def flatten(node, x, opset):
    axis = node.attributes.get("axis", 1)
    return x[0].reshape(int(np.prod(x[0].shape[:axis])), -1)


@operator("Transpose")
def transpose(node, x, opset):
    return x[0].transpose(node.attributes.get("perm"))


@operator("Squeeze")
def squeeze(node, x, opset):
    return np.squeeze(x[0], axes_of(node, x))


@operator("Unsqueeze")
def unsqueeze(node, x, opset):
    return np.expand_dims(x[0], axes_of(node, x))


@operator("Concat")
def concat(node, x, opset):
    return np.concatenate(x, node.attributes["axis"])


@operator("Gather")
def gather(node, x, opset):
    return np.take(x[0], x[1], node.attributes.get("axis", 0))


@operator("Split")
def split(node, x, opset):
    axis = node.attributes.get("axis", 0)
    sizes = x[1] if len(x) > 1 and x[1] is not None else node.attributes.get("split")
    if sizes is None:
        return np.split(x[0], len(node.outputs), axis)
    return np.split(x[0], np.cumsum(sizes)[:-1], axis)


@operator("Slice")
def cut(node, x, opset):
    if opset < 10:
        starts, ends, steps = node.attributes["starts"], node.attributes["ends"], None
        axes = node.attributes.get("axes", range(len(starts)))
    else:
        starts, ends = x[1], x[2]
        axes = x[3] if len(x) > 3 and x[3] is not None else range(len(starts))
        steps = x[4] if len(x) > 4 else None
    steps = [1] * len(starts) if steps is None else steps
    where = [slice(None)] * x[0].ndim
    for axis, start, end, step in zip(axes, starts, ends, steps):
        size = x[0].shape[axis]
        end = None if step < 0 and end < -size else int(end)
        where[axis] = slice(int(start), end, int(step))
    return x[0][tuple(where)]


@operator("Pad")
def pad(node, x, opset):
    pads = x[1] if opset >= 11 else node.attributes["pads"]
    fill = x[2] if len(x) > 2 and x[2] is not None else node.attributes.get("value", 0)
    rank = x[0].ndim
    widths = [(int(pads[k]), int(pads[rank + k])) for k in range(rank)]
    mode = node.attributes.get("mode", "constant")
    return np.pad(x[0], widths, mode, **({"constant_values": fill} if mode == "constant" else {}))


def reduction(name, function):
    def reduce(node, x, opset):
        axes, keep = axes_of(node, x), bool(node.attributes.get("keepdims", 1))
        if not axes and node.attributes.get("noop_with_empty_axes"):
            return x[0]
        return np.asarray(function(x[0], axis=axes or None, keepdims=keep))
    TABLE[name] = reduce


for _name, _function in {"ReduceSum": np.sum, "ReduceMean": np.mean, "ReduceMax": np.max, "ReduceMin": np.min,
                         "ReduceProd": np.prod}.items():
    reduction(_name, _function)


@operator("Einsum")
def einsum(node, x, opset):
    return np.einsum(node.attributes["equation"], *x, optimize=True)


@operator("Gemm")
def gemm(node, x, opset):
    a = x[0].T if node.attributes.get("transA") else x[0]
    b = x[1].T if node.attributes.get("transB") else x[1]
    y = node.attributes.get("alpha", 1.0) * (a @ b)
    if len(x) > 2 and x[2] is not None:
        y = y + node.attributes.get("beta", 1.0) * x[2]
    return y


@operator("Softmax")
def softmax(node, x, opset):
    axis = node.attributes.get("axis", -1 if opset >= 13 else 1)
    axes = axis if opset >= 13 else tuple(range(axis % x[0].ndim, x[0].ndim))
    e = np.exp(x[0] - x[0].max(axes, keepdims=True))
    return e / e.sum(axes, keepdims=True)


@operator("LayerNormalization")
def layer_normalization(node, x, opset):
    axes = tuple(range(node.attributes.get("axis", -1) % x[0].ndim, x[0].ndim))
    centred = x[0] - x[0].mean(axes, keepdims=True)
    y = centred / np.sqrt((centred ** 2).mean(axes, keepdims=True) + node.attributes.get("epsilon", 1e-5)) * x[1]
    return y + x[2] if len(x) > 2 and x[2] is not None else y
