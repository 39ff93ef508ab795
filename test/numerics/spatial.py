"""Convolutions on one to three spatial axes, transposed ones too, against sums of products in float64."""
import itertools

import numpy as np

from family import EPSILON, Family, to_bf16

# channels, sizes, filters, kernel, strides, pads (begin, end), output padding, group
TRANSPOSED = [
    (5, (7, ), 6, (16, ), (8, ), (4, 4), (0, ), 1),  # a vocoder's
    (33, (9, ), 17, (4, ), (2, ), (1, 1), (0, ), 1),
    (20, (50, ), 1, (16, ), (8, ), (0, 0), (0, ), 1),  # phases side by side in a vector
    (6, (11, ), 3, (7, ), (3, ), (1, 2), (1, ), 1),  # so, with windows of different sizes
    (16, (6, ), 16, (5, ), (1, ), (2, 2), (0, ), 1),
    (4, (5, ), 40, (4, ), (2, ), (3, 0), (0, ), 1),  # the first inputs reach the padding only
    (4, (1, ), 20, (3, ), (2, ), (1, 1), (0, ), 1),  # a phase without outputs
    (8, (6, 5), 20, (3, 3), (2, 2), (1, 1, 1, 1), (1, 1), 1),
    (17, (5, 7), 33, (4, 4), (2, 2), (1, 1, 1, 1), (0, 0), 1),
    (3, (4, 6), 5, (2, 2), (2, 2), (0, 0, 0, 0), (0, 0), 1),
    (3, (4, 6), 3, (5, 4), (3, 2), (1, 0, 2, 1), (0, 1), 1),
    (12, (5, 6), 12, (4, 4), (2, 2), (1, 1, 1, 1), (0, 0), 12),
    (12, (5, 6), 18, (3, 3), (2, 1), (1, 1, 1, 1), (1, 0), 3),
    (4, (3, 4), 6, (2, 3), (3, 3), (0, 0, 0, 0), (0, 0), 1),  # outputs without products: loops
]
# channels, sizes, filters, kernel, strides, pads, dilations, group
VOLUMES = [
    (3, (8, 14, 15), 20, (3, 3, 3), (1, 1, 1), (1, 1, 1, 1, 1, 1), (1, 1, 1), 1),
    (16, (5, 7, 9), 33, (3, 3, 3), (2, 2, 2), (1, 1, 1, 1, 1, 1), (1, 1, 1), 1),
    (17, (6, 5, 4), 19, (3, 1, 1), (1, 1, 1), (1, 0, 0, 1, 0, 0), (1, 1, 1), 1),  # along the depth
    (17, (9, 5, 4), 19, (5, 1, 1), (2, 1, 1), (2, 0, 0, 1, 0, 0), (1, 1, 1), 1),
    (8, (6, 5, 4), 24, (3, 1, 1), (1, 1, 1), (0, 1, 0, 0, 0, 1), (2, 1, 1), 1),
    (16, (3, 9, 11), 16, (1, 3, 3), (1, 1, 1), (0, 1, 1, 0, 1, 1), (1, 1, 1), 1),
    (16, (4, 6, 6), 24, (3, 3, 2), (1, 2, 1), (1, 0, 1, 1, 1, 0), (1, 2, 1), 4),
    (12, (4, 6, 6), 12, (3, 3, 3), (1, 1, 1), (1, 1, 1, 1, 1, 1), (1, 1, 1), 12),
    (64, (2, 4, 4), 32, (1, 1, 1), (1, 1, 1), (0, 0, 0, 0, 0, 0), (1, 1, 1), 1),
]


def transpose_convolve(x, w, strides, pads, output_padding, group):
    """Every input adds its multiple of the filter to the outputs."""
    rank = x.ndim - 2
    full = [(n - 1) * s + k + o for n, s, k, o in zip(x.shape[2:], strides, w.shape[2:], output_padding)]
    outputs, per = w.shape[1], x.shape[1] // group
    y = np.zeros((x.shape[0], outputs * group, *full), x.dtype)
    for g, tap in itertools.product(range(group), np.ndindex(*w.shape[2:])):
        part = np.einsum("nc...,cf->nf...", x[:, g * per:(g + 1) * per], w[(slice(g * per, (g + 1) * per), slice(None), *tap)])
        places = tuple(slice(t, t + (n - 1) * s + 1, s) for t, n, s in zip(tap, x.shape[2:], strides))
        y[(slice(None), slice(g * outputs, (g + 1) * outputs), *places)] += part
    crop = tuple(slice(pads[axis], full[axis] - pads[axis + rank]) for axis in range(rank))
    return y[(slice(None), slice(None), *crop)]


def convolve_volume(x, w, strides, pads, dilations, group):
    rank = x.ndim - 2
    x = np.pad(x, [(0, 0), (0, 0)] + [(pads[axis], pads[axis + rank]) for axis in range(rank)])
    sizes = [(n - d * (k - 1) - 1) // s + 1 for n, s, d, k in zip(x.shape[2:], strides, dilations, w.shape[2:])]
    outputs, per = w.shape[0] // group, w.shape[1]
    y = np.zeros((x.shape[0], w.shape[0], *sizes), x.dtype)
    for g, tap in itertools.product(range(group), np.ndindex(*w.shape[2:])):
        places = tuple(slice(t * d, t * d + (n - 1) * s + 1, s) for t, d, n, s in zip(tap, dilations, sizes, strides))
        y[:, g * outputs:(g + 1) * outputs] += np.einsum("nc...,fc->nf...",
                                                         x[(slice(None), slice(g * per, (g + 1) * per), *places)],
                                                         w[(slice(g * outputs, (g + 1) * outputs), slice(None), *tap)])
    return y


def sweep(name, operator, precision, cases, reference, last):
    """A family of one layer a case, each with a filter that is known when compiling and with one that comes with the input;
    `last` names the attribute before the group. In float64, `reference` computes what a layer has to be near."""
    family = Family(f"{name}-{precision}", ["--layer=.*=" + precision] if precision != "f32" else [])
    g, rounded = family.graph, to_bf16 if precision == "bf16" else lambda x: x
    for number, (channels, sizes, filters, kernel, *geometry, group) in enumerate(cases):
        transposed = operator == "ConvTranspose"
        shape = (channels, filters // group, *kernel) if transposed else (filters, channels // group, *kernel)
        attributes = dict(zip(("strides", "pads", last), map(list, geometry)), kernel_shape=list(kernel), group=group)
        depth = channels // group * int(np.prod(kernel))
        for suffix, add_filter in ("w", g.add_constant), ("i", g.add_input):
            label = f"{number}{suffix}"
            x, w, b = family.floats((2, channels, *sizes)), family.floats(shape), family.floats((filters, ))
            wide, along = [rounded(v).astype(np.float64) for v in (x, w)], (slice(None), *[None] * len(sizes))
            expected = reference(*wide, *geometry, group) + b.astype(np.float64)[along]
            bound = 2 * (depth + 3) * EPSILON * float((reference(*map(abs, wide), *geometry, group) + abs(b)[along]).max())
            inputs = [g.add_input("x" + label, x), add_filter("w" + label, w), g.add_constant("b" + label, b)]
            g.add_node(operator, inputs, [family.output("y" + label, expected.astype(np.float32), bound)], label, **attributes)
    return family


def transposed_convolutions(precision):
    # Strides beyond the filter stay in f32.
    cases = [case for case in TRANSPOSED if precision == "f32" or all(s <= k for k, s in zip(case[3], case[4]))]
    return sweep("convtranspose", "ConvTranspose", precision, cases, transpose_convolve, "output_padding")


def quantized_transposed_convolutions():
    """Bytes times bytes, one step being worth 1: sums that f32 holds exactly."""
    family = Family("convtranspose-u8s8")
    g = family.graph
    for number, (channels, sizes, filters, kernel, strides, pads, output_padding, group) in enumerate(TRANSPOSED):
        name, one = str(number), np.float32(1)
        x, w = family.integers(np.uint8, (2, channels, *sizes)), family.integers(np.int8, (channels, filters // group, *kernel))
        zero, bias = np.uint8(number * 7), family.random.integers(-9999, 9999, (filters, )).astype(np.float32)
        scales = np.ones(filters // group, np.float32)
        expected = transpose_convolve(x.astype(np.int64) - int(zero), w.astype(np.int64), strides, pads, output_padding, group)
        expected = expected + bias.astype(np.int64)[(slice(None), *[None] * len(sizes))]
        g.add_node("DequantizeLinear", [g.add_input("x" + name, x), g.add_constant("xs" + name, one),
                                        g.add_constant("xz" + name, zero)], ["dx" + name], "dx" + name)
        g.add_node("DequantizeLinear", [g.add_constant("w" + name, w), g.add_constant("ws" + name, scales)], ["dw" + name],
                   "dw" + name, axis=1)
        g.add_node("ConvTranspose", ["dx" + name, "dw" + name, g.add_constant("b" + name, bias)],
                   [family.output("y" + name, expected.astype(np.float32))], name, kernel_shape=list(kernel),
                   strides=list(strides), pads=list(pads), output_padding=list(output_padding), group=group)
    return family


def volume_convolutions(precision):
    return sweep("conv3d", "Conv", precision, VOLUMES, convolve_volume, "dilations")
