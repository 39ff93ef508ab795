#!/usr/bin/env python3
"""Contractions of awkward shapes and every element type against a plain reference in numpy.

usage: contractions.py --ashlar=PROGRAM --scratch=FOLDER [--cpu=LIST] [--kind=REGEX] [--without=REGEX] [--kernels=LIB]

Each family (operator and element type) is one model with a sweep of shapes: 1 and primes, tails in every dimension,
strides, dilations, padding, groups. int8 must be exact; f32 and bf16 keep within the bound of a sum of that length.
"""
import argparse
import os
import re
import subprocess
import sys

import numpy as np

import spatial
from family import EPSILON, Family, to_bf16

# M, K, N
PRODUCTS = [(1, 1, 1), (1, 64, 16), (2, 3, 5), (7, 4, 16), (13, 17, 31), (16, 64, 16), (17, 65, 33), (32, 64, 32),
            (33, 128, 48), (31, 129, 47), (64, 256, 64), (100, 60, 70), (5, 512, 97), (1, 300, 200), (3, 256, 512),
            (45, 1613, 90)]
# channels, height, width, filters, kernel h, w, stride, pad, dilation, group
CONVOLUTIONS = [(1, 5, 5, 1, 3, 3, 1, 0, 1, 1), (3, 11, 13, 8, 3, 3, 1, 1, 1, 1), (3, 23, 23, 16, 7, 7, 2, 3, 1, 1),
                (16, 14, 14, 16, 3, 3, 1, 1, 1, 1), (64, 7, 7, 32, 1, 1, 1, 0, 1, 1), (65, 9, 7, 33, 1, 1, 1, 0, 1, 1),
                (32, 14, 14, 48, 1, 1, 2, 0, 1, 1), (64, 14, 14, 64, 3, 3, 1, 1, 1, 1), (17, 9, 10, 19, 3, 3, 2, 1, 1, 1),
                (8, 12, 12, 8, 3, 3, 1, 2, 2, 1), (16, 8, 8, 32, 3, 3, 1, 1, 1, 2), (64, 56, 12, 64, 1, 1, 1, 0, 1, 1),
                (16, 10, 10, 16, 3, 3, 1, 1, 1, 16), (33, 9, 9, 33, 3, 3, 2, 1, 1, 33), (24, 7, 7, 24, 5, 5, 1, 2, 1, 24),
                (20, 11, 9, 20, 3, 3, 1, 1, 1, 20), (16, 12, 12, 16, 3, 3, 1, 2, 2, 16),
                (211, 9, 8, 40, 3, 3, 1, 1, 1, 1), (150, 12, 9, 70, 3, 3, 1, 2, 2, 1), (169, 10, 15, 169, 3, 3, 1, 1, 1, 169),
                (256, 7, 5, 260, 3, 3, 1, 1, 1, 1), (256, 3, 18, 260, 3, 3, 1, 1, 1, 1)]
# Images of the last two, whose weights are too large to stay near from one image to the next.
IMAGES = {CONVOLUTIONS[-2]: 3, CONVOLUTIONS[-1]: 2}
# To bytes: vectors of bytes of channels, filters of more than four columns, rows of few channels side by side.
TO_BYTES = [(64, 9, 9, 64, 3, 3, 1, 1, 1, 64), (112, 8, 11, 112, 3, 3, 2, 1, 1, 112), (176, 7, 10, 176, 5, 5, 1, 2, 1, 176),
            (96, 9, 10, 96, 3, 3, 1, 2, 2, 96), (48, 9, 17, 48, 7, 7, 1, 3, 1, 48), (64, 6, 6, 64, 2, 5, 2, 1, 1, 64),
            (8, 9, 10, 6, 3, 3, 1, 1, 1, 1), (20, 5, 7, 12, 1, 1, 1, 0, 1, 1), (40, 6, 6, 64, 1, 1, 1, 0, 1, 1),
            (1, 28, 28, 6, 5, 5, 1, 2, 1, 1), (1, 11, 41, 8, 3, 7, 2, 1, 1, 1), (3, 9, 20, 3, 3, 3, 1, 1, 1, 1),
            (1, 9, 23, 1, 3, 3, 1, 0, 1, 1), (2, 7, 19, 5, 1, 4, 1, 0, 1, 1)]
def convolve(x, w, stride, pad, dilation, group):
    """Of images whose axes are treated alike."""
    return spatial.convolve_volume(x, w, [stride] * 2, [pad] * 4, [dilation] * 2, group)


def integer_products(lhs, rhs=np.int8):
    """Without zero points, with one for each side, with one for each column of the right side."""
    family = Family("matmul-" + "".join("u8" if dtype == np.uint8 else "s8" for dtype in (lhs, rhs)))
    g = family.graph
    for m, k, n in PRODUCTS:
        for suffix, shape in ("", None), ("z", ()), ("zn", (n,)):
            name = f"{m}x{k}x{n}{suffix}"
            a, b = family.integers(lhs, (m, k)), family.integers(rhs, (k, n))
            inputs = [g.add_input("a" + name, a), g.add_constant("b" + name, b)]
            za, zb = lhs(0), rhs(0)
            if shape is not None:
                za, zb = family.integers(lhs, ()), family.integers(rhs, shape)
                inputs += [g.add_constant("za" + name, za), g.add_constant("zb" + name, zb)]
            expected = (a.astype(np.int64) - int(za)) @ (b.astype(np.int64) - zb.astype(np.int64))
            g.add_node("MatMulInteger", inputs, [family.output("y" + name, expected.astype(np.int32))], name)
    return family


def integer_extremes(lhs):
    """Sums of the largest products there are: nothing may saturate or wrap on the way."""
    family = Family(f"matmul-extremes-{'u8' if lhs == np.uint8 else 's8'}s8")
    g = family.graph
    ends = [np.array([info.min, info.max]) for info in (np.iinfo(lhs), np.iinfo(np.int8))]
    for m, k, n in PRODUCTS:
        name = f"{m}x{k}x{n}"
        a, b = (family.random.choice(end, shape) for end, shape in zip(ends, [(m, k), (k, n)]))
        # A row and columns of one sign throughout.
        a[0], b[:, 0], b[:, -1] = ends[0][1], ends[1][1], ends[1][0]
        expected = (a @ b).astype(np.int32)
        g.add_node("MatMulInteger", [g.add_input("a" + name, a.astype(lhs)), g.add_constant("b" + name, b.astype(np.int8))],
                   [family.output("y" + name, expected)], name)
    return family


def integer_products_of_inputs(lhs):
    """Nothing is known beforehand: both factors are inputs."""
    family = Family(f"matmul-inputs-{'u8' if lhs == np.uint8 else 's8'}s8")
    g = family.graph
    for m, k, n in PRODUCTS[3:11]:
        name = f"{m}x{k}x{n}"
        a, b = family.integers(lhs, (2, m, k)), family.integers(np.int8, (2, k, n))
        expected = (a.astype(np.int64) @ b.astype(np.int64)).astype(np.int32)
        g.add_node("MatMulInteger", [g.add_input("a" + name, a), g.add_input("b" + name, b)],
                   [family.output("y" + name, expected)], name)
    return family


def label(c, h, w, f, kh, kw, stride, pad, dilation, group):
    return f"{c}x{h}x{w}f{f}k{kh}x{kw}s{stride}p{pad}d{dilation}g{group}"


def integer_convolutions(lhs, rhs=np.int8):
    """Weights that are unsigned have a zero point, as dynamic quantization of ONNX Runtime makes them by default; the input's
    is then known only when the model runs."""
    family = Family("conv-" + "".join("u8" if dtype == np.uint8 else "s8" for dtype in (lhs, rhs)))
    g = family.graph
    for case in CONVOLUTIONS:
        c, h, w, f, kh, kw, stride, pad, dilation, group = case
        name = label(*case)
        x = family.integers(lhs, (IMAGES.get(case, 1), c, h, w))
        k = family.integers(rhs, (f, c // group, kh, kw))
        # One zero point of the weights in turn with one a channel.
        zero, shape = family.integers(lhs, ()), (f,) if len(family.tolerances) % 2 else (1,)
        weight_zeros = family.integers(rhs, shape) if rhs == np.uint8 else np.zeros(1, rhs)
        centred = k.astype(np.int64) - weight_zeros.astype(np.int64)[:, None, None, None]
        expected = convolve(x.astype(np.int64) - int(zero), centred, stride, pad, dilation, group)
        inputs = [g.add_input("x" + name, x), g.add_constant("w" + name, k)]
        if rhs == np.uint8:
            inputs += [g.add_input("z" + name, zero), g.add_constant("wz" + name, weight_zeros)]
        else:
            inputs.append(g.add_constant("z" + name, zero))
        g.add_node("ConvInteger", inputs, [family.output("y" + name, expected.astype(np.int32))], name, kernel_shape=[kh, kw],
                   strides=[stride] * 2, pads=[pad] * 4, dilations=[dilation] * 2, group=group)
    return family


def float_products(precision):
    family = Family(f"matmul-{precision}", ["--layer=.*=" + precision] if precision != "f32" else [])
    g, rounded = family.graph, to_bf16 if precision == "bf16" else lambda x: x
    for m, k, n in PRODUCTS:
        name = f"{m}x{k}x{n}"
        a, b = family.floats((m, k)), family.floats((k, n))
        x, y = rounded(a).astype(np.float64), rounded(b).astype(np.float64)
        bound = 2 * (k + 2) * EPSILON * float((abs(x) @ abs(y)).max())
        g.add_node("MatMul", [g.add_input("a" + name, a), g.add_constant("b" + name, b)],
                   [family.output("y" + name, (x @ y).astype(np.float32), bound)], name)
    return family


def float_convolutions(precision):
    family = Family(f"conv-{precision}", ["--layer=.*=" + precision] if precision != "f32" else [])
    g, rounded = family.graph, to_bf16 if precision == "bf16" else lambda x: x
    for case in CONVOLUTIONS:
        c, h, w, f, kh, kw, stride, pad, dilation, group = case
        name = label(*case)
        x, k = family.floats((IMAGES.get(case, 1), c, h, w)), family.floats((f, c // group, kh, kw))
        b = family.floats((f,))
        wide = [rounded(x).astype(np.float64), rounded(k).astype(np.float64)]
        geometry = (stride, pad, dilation, group)
        expected = convolve(*wide, *geometry) + b.astype(np.float64)[:, None, None]
        depth = c // group * kh * kw
        bound = 2 * (depth + 3) * EPSILON * float((convolve(*map(abs, wide), *geometry) + abs(b)[:, None, None]).max())
        inputs = [g.add_input("x" + name, x), g.add_constant("w" + name, k), g.add_constant("b" + name, b)]
        g.add_node("Conv", inputs, [family.output("y" + name, expected.astype(np.float32), bound)], name,
                   kernel_shape=[kh, kw], strides=[stride] * 2, pads=[pad] * 4, dilations=[dilation] * 2, group=group)
    return family


def masked_products():
    """Truth values, given and computed, choose between a product and something else; they are outputs themselves, too."""
    family = Family("matmul-masked-f32")
    g = family.graph
    for m, k, n in PRODUCTS:
        for suffix, shape in ("n", (n,)), ("m", (m, 1)), ("mn", (m, n)):
            name = f"{m}x{k}x{n}{suffix}"
            a, b, level = family.floats((m, k)), family.floats((k, n)), family.floats(shape)
            mask = family.random.integers(0, 2, shape).astype(bool)
            product = a.astype(np.float64) @ b.astype(np.float64)
            bound = 2 * (k + 2) * EPSILON * float((abs(a) @ abs(b)).max())
            inputs = [g.add_input("a" + name, a), g.add_constant("b" + name, b)]
            # Each product has one use, so that the choice may become its epilogue.
            g.add_node("MatMul", inputs, ["p" + name], "product " + name)
            g.add_node("MatMul", [inputs[0], g.add_constant("c" + name, -b)], ["q" + name], "negative " + name)
            g.add_node("Where", [g.add_input("mask" + name, mask), g.add_constant("low" + name, np.float32(-99)), "p" + name],
                       [family.output("y" + name, np.where(mask, -99, product).astype(np.float32), bound)], "given " + name)
            g.add_node("Greater", [g.add_input("level" + name, level), g.add_constant("zero" + name, np.float32(0))],
                       [family.output("above" + name, level > 0)], "compare " + name)
            g.add_node("Where", ["above" + name, g.add_constant("high" + name, np.float32(99)), "q" + name],
                       [family.output("z" + name, np.where(level > 0, 99, -product).astype(np.float32), bound)], "own " + name)
            g.add_node("And", ["above" + name, "mask" + name],
                       [family.output("both" + name, (level > 0) & mask)], "both " + name)
    return family


def quantize(values, scale, zero, dtype):
    info = np.iinfo(dtype)
    return np.clip(np.rint(values / scale) + zero, info.min, info.max).astype(dtype)


def quantized_convolutions():
    """A whole layer: u8 to u8, weights per channel, bias, clipped at zero as ReLU does. Within one step."""
    family = Family("qlinearconv-u8s8")
    g = family.graph
    for case in CONVOLUTIONS + TO_BYTES:
        c, h, w, f, kh, kw, stride, pad, dilation, group = case
        name = label(*case)
        x = family.integers(np.uint8, (IMAGES.get(case, 1), c, h, w))
        k = family.integers(np.int8, (f, c // group, kh, kw))
        bias = family.random.integers(-9999, 9999, f).astype(np.int32)
        xs, ws = np.float32(0.02), (family.random.random(f) * 0.01 + 0.001).astype(np.float32)
        xz, yz = np.uint8(121), np.uint8(7)
        sums = convolve(x.astype(np.int64) - int(xz), k.astype(np.int64), stride, pad, dilation, group)
        real = (sums + bias[:, None, None]) * (np.float64(xs) * ws)[:, None, None]
        ys = np.float32(abs(real).max() / 150)
        constants = dict(xs=xs, xz=xz, w=k, ws=ws, wz=np.zeros(f, np.int8), ys=ys, yz=yz, b=bias)
        inputs = [g.add_input("x" + name, x)] + [g.add_constant(key + name, value) for key, value in constants.items()]
        g.add_node("QLinearConv", inputs, [family.output("y" + name, quantize(real, ys, int(yz), np.uint8), 1.0)], name,
                   kernel_shape=[kh, kw], strides=[stride] * 2, pads=[pad] * 4, dilations=[dilation] * 2, group=group)
    return family


def padded_pixels(dtype):
    """What convolutions get where their images need more channels: pixels with some behind, before, or on both sides."""
    family = Family("pad-" + np.dtype(dtype).name)
    g = family.graph
    for shape, pads in [((1, 20, 37, 3), (0, 3, 3, 0, 0, 3, 3, 1)), ((2, 5, 33, 2), (0, 0, 0, 0, 0, 0, 0, 2)),
                        ((1, 7, 64, 1), (0, 0, 0, 2, 0, 1, 0, 1)), ((1, 4, 9, 3), (0, 0, 0, 0, 0, 0, 0, 1))]:
        name = "x".join(map(str, shape + pads))
        x, fill = (family.random.random(shape) * 200).astype(dtype), np.array(7, dtype)
        y = np.pad(x, list(zip(pads[:4], pads[4:])), constant_values=fill)
        g.add_node("Pad", [g.add_input("x" + name, x), g.add_constant("p" + name, np.array(pads, np.int64)),
                           g.add_constant("c" + name, fill)], [family.output("y" + name, y)], name)
    return family


def families():
    for dtype in (np.float32, np.float16, np.uint8):
        yield padded_pixels(dtype)
    for lhs in (np.uint8, np.int8):
        yield integer_products(lhs)
        yield integer_products(lhs, np.uint8)
        yield integer_extremes(lhs)
        yield integer_products_of_inputs(lhs)
        yield integer_convolutions(lhs)
        yield integer_convolutions(lhs, np.uint8)
    yield quantized_convolutions()
    yield spatial.quantized_transposed_convolutions()
    yield masked_products()
    for precision in ("f32", "bf16"):
        yield float_products(precision)
        yield float_convolutions(precision)
        yield spatial.transposed_convolutions(precision)
        yield spatial.volume_convolutions(precision)


def check(arguments, family, cpu):
    """Number of outputs that agree, that do not, and that this machine cannot run."""
    folder = os.path.join(arguments.scratch, family.name)
    family.graph.write(folder)
    command = [arguments.ashlar, "run", os.path.join(folder, "model.onnx"), "--data", os.path.join(folder, "test_data_set_0"),
               "--rtol=0", "--atol=" + ",".join(repr(t) for t in family.tolerances), "--cpu=" + cpu, *family.options]
    if arguments.kernels:
        command.append("--kernels=" + arguments.kernels)
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode == 5:
        print(f"skipped: {family.name} for {cpu}: this machine lacks a feature")
        return 0, 0, 1
    lines = result.stdout.splitlines()
    good = sum(line.endswith(", agrees") for line in lines)
    bad = len(family.tolerances) - good
    tiles = re.findall(r"^amx-emulation: (.*)", result.stderr, re.M)
    print(f"{family.name} for {cpu}: {good} agree, {bad} do not" + "".join(f" ({t})" for t in tiles), flush=True)
    if bad or result.returncode:
        wrong = [line for line in lines if not line.endswith(", agrees")]
        print("failed: " + " ".join(command[:3]) + "\n" + "\n".join(wrong[:20]) + result.stderr[-2000:], flush=True)
        bad = max(bad, 1)
    return good, bad, 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ashlar", required=True)
    parser.add_argument("--scratch", required=True)
    parser.add_argument("--cpu", default="native", help="one or several, separated by commas; each is run by itself")
    parser.add_argument("--kind", default=".", type=re.compile, help="only families whose name matches")
    parser.add_argument("--without", type=re.compile, help="no families whose name matches")
    parser.add_argument("--kernels", help="the library that computes what it can")
    arguments = parser.parse_args()
    passed = failed = skipped = 0
    for family in families():
        if not arguments.kind.search(family.name) or (arguments.without and arguments.without.search(family.name)):
            continue
        for cpu in arguments.cpu.split(","):
            good, bad, lacking = check(arguments, family, cpu)
            passed, failed, skipped = passed + good, failed + bad, skipped + lacking
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
