"""ONNX operators with numpy, floats being float64: convolutions, pools, recurrences, quantization."""
import numpy as np

from float64_operators import operator, sigmoid, unsqueeze  # noqa: F401


def windows(x, kernel, strides, dilations):
    """The windows of the spatial axes, behind all axes."""
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations)]
    axes = tuple(range(2, x.ndim))
    found = np.lib.stride_tricks.sliding_window_view(x, reach, axes)
    where = [slice(None)] * 2 + [slice(None, None, s) for s in strides] + [slice(None, None, d) for d in dilations]
    return found[tuple(where)]


def padded(x, node, kernel, strides, dilations, fill):
    rank = len(kernel)
    pads = node.attributes.get("pads", [0] * 2 * rank)
    auto = node.attributes.get("auto_pad", "NOTSET")
    if auto.startswith("SAME"):
        pads = [0] * 2 * rank
        for k in range(rank):
            size = x.shape[2 + k]
            total = max((-(-size // strides[k]) - 1) * strides[k] + (kernel[k] - 1) * dilations[k] + 1 - size, 0)
            first = total // 2 if auto == "SAME_UPPER" else total - total // 2
            pads[k], pads[rank + k] = first, total - first
    return np.pad(x, [(0, 0), (0, 0)] + [(pads[k], pads[rank + k]) for k in range(rank)], constant_values=fill)


def geometry(node, rank, kernel=None):
    kernel = node.attributes.get("kernel_shape", kernel)
    return kernel, node.attributes.get("strides", [1] * rank), node.attributes.get("dilations", [1] * rank)


def convolve(node, x, w, fill=0):
    rank, groups = x.ndim - 2, node.attributes.get("group", 1)
    kernel, strides, dilations = geometry(node, rank, list(w.shape[2:]))
    found = windows(padded(x, node, kernel, strides, dilations, fill), kernel, strides, dilations)
    spatial = found.shape[2:2 + rank]
    n, channels, outputs = x.shape[0], x.shape[1] // groups, w.shape[0] // groups
    y = np.empty((n, w.shape[0], *spatial), np.result_type(x, w))
    for g in range(groups):
        part = found[:, g * channels:(g + 1) * channels]
        order = (0, *range(2, 2 + rank), 1, *range(2 + rank, 2 + 2 * rank))
        rows = part.transpose(order).reshape(-1, channels * int(np.prod(kernel)))
        sums = rows @ w[g * outputs:(g + 1) * outputs].reshape(outputs, -1).T
        y[:, g * outputs:(g + 1) * outputs] = np.moveaxis(sums.reshape(n, *spatial, outputs), -1, 1)
    return y


def along_channels(values, rank):
    return values.reshape(1, -1, *[1] * (rank - 2))


@operator("Conv")
def conv(node, x, opset):
    y = convolve(node, x[0], x[1])
    return y + along_channels(x[2], y.ndim) if len(x) > 2 and x[2] is not None else y


@operator("MaxPool", "AveragePool")
def pool(node, x, opset):
    kernel, strides, dilations = geometry(node, x[0].ndim - 2)
    assert not node.attributes.get("ceil_mode"), "ceil_mode is not evaluated"
    last = tuple(range(-len(kernel), 0))
    if node.op == "MaxPool":
        low = -np.inf if x[0].dtype.kind == "f" else np.iinfo(x[0].dtype).min
        return windows(padded(x[0], node, kernel, strides, dilations, low), kernel, strides, dilations).max(last)
    sums = windows(padded(x[0], node, kernel, strides, dilations, 0), kernel, strides, dilations).sum(last)
    if node.attributes.get("count_include_pad"):
        return sums / np.prod(kernel)
    ones = padded(np.ones_like(x[0]), node, kernel, strides, dilations, 0)
    return sums / windows(ones, kernel, strides, dilations).sum(last)


@operator("GlobalAveragePool")
def global_average(node, x, opset):
    return x[0].mean(tuple(range(2, x[0].ndim)), keepdims=True)


@operator("GlobalMaxPool")
def global_max(node, x, opset):
    return x[0].max(tuple(range(2, x[0].ndim)), keepdims=True)


@operator("BatchNormalization")
def batch_normalization(node, x, opset):
    scale, shift, mean, variance = (along_channels(v, x[0].ndim) for v in x[1:5])
    return (x[0] - mean) / np.sqrt(variance + node.attributes.get("epsilon", 1e-5)) * scale + shift


@operator("Resize")
def resize(node, x, opset):
    assert node.attributes.get("mode", "nearest") == "nearest", "only the nearest element is evaluated"
    assert node.attributes.get("coordinate_transformation_mode") == "asymmetric"
    assert node.attributes.get("nearest_mode") == "floor"
    y = x[0]
    for axis, size in enumerate(y.shape):
        if len(x) > 3 and x[3] is not None:
            new = int(x[3][axis])
            scale = new / size
        else:
            scale = float(x[2][axis])
            new = int(size * scale)
        y = np.take(y, np.minimum((np.arange(new) / scale).astype(int), size - 1), axis)
    return y


@operator("LSTM")
def lstm(node, x, opset):
    assert node.attributes.get("direction", "forward") == "forward" and not node.attributes.get("layout")
    x += [None] * (8 - len(x))
    hidden = node.attributes["hidden_size"]
    w, r = x[1][0], x[2][0]
    b = x[3][0] if x[3] is not None else np.zeros(8 * hidden)
    h = x[5][0] if x[5] is not None else np.zeros((x[0].shape[1], hidden))
    c = x[6][0] if x[6] is not None else np.zeros_like(h)
    assert x[7] is None and x[4] is None
    all_of = []
    for step in x[0]:
        i, o, f, g = np.split(step @ w.T + h @ r.T + b[:4 * hidden] + b[4 * hidden:], 4, 1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        all_of.append(h)
    return [np.array(all_of)[:, None], h[None], c[None]]


def placed(values, x, axis):
    """Scales or zero points of an axis, made to lie along it."""
    if values is None or values.ndim == 0 or values.size == 1:
        return 0 if values is None else values.reshape(())
    shape = [1] * x.ndim
    shape[axis] = -1
    return values.reshape(shape)


@operator("QuantizeLinear")
def quantize(node, x, opset):
    zero = x[2] if len(x) > 2 and x[2] is not None else np.zeros((), np.uint8)
    bounds, axis = np.iinfo(zero.dtype), node.attributes.get("axis", 1)
    steps = np.rint(x[0] / placed(x[1], x[0], axis)) + placed(zero, x[0], axis).astype(np.int64)
    return np.clip(steps, bounds.min, bounds.max).astype(zero.dtype)


@operator("DequantizeLinear")
def dequantize(node, x, opset):
    axis = node.attributes.get("axis", 1)
    zero = placed(x[2] if len(x) > 2 else None, x[0], axis)
    return (x[0].astype(np.float64) - np.asarray(zero, np.float64)) * placed(x[1], x[0], axis)


@operator("DynamicQuantizeLinear")
def dynamic_quantize(node, x, opset):
    low, high = min(x[0].min(initial=0), 0), max(x[0].max(initial=0), 0)
    scale = (high - low) / 255 or 1.0
    zero = np.uint8(np.clip(np.rint(-low / scale), 0, 255))
    return [np.clip(np.rint(x[0] / scale) + int(zero), 0, 255).astype(np.uint8), np.float64(scale), np.asarray(zero)]


def less_zero(x, zero):
    return x.astype(np.float64) - (0 if zero is None else np.asarray(zero, np.float64))


@operator("MatMulInteger")
def matmul_integer(node, x, opset):
    x += [None] * (4 - len(x))
    return np.rint(less_zero(x[0], x[2]) @ less_zero(x[1], x[3])).astype(np.int32)


@operator("ConvInteger")
def conv_integer(node, x, opset):
    x += [None] * (4 - len(x))
    return np.rint(convolve(node, less_zero(x[0], x[2]), less_zero(x[1], x[3]))).astype(np.int32)


@operator("MatMulNBits")
def matmul_bits(node, x, opset):
    rows, columns, bits = (node.attributes[k] for k in ("K", "N", "bits"))
    block = node.attributes["block_size"]
    packed = x[1].reshape(columns, -1)
    if bits == 4:
        packed = np.stack([packed & 15, packed >> 4], -1).reshape(columns, -1)
    values = packed.astype(np.float64).reshape(columns, -1, block)
    assert len(x) < 4 or x[3] is None, "zero points are not evaluated"
    values = (values - 2 ** (bits - 1)) * x[2].reshape(columns, -1, 1)
    return x[0] @ values.reshape(columns, -1)[:, :rows].T
