#!/usr/bin/env python3
"""Writes data files that are wrong in one way each, for an input float32[1,1,28,28], into the folder given."""
import os
import struct
import sys
import zipfile


def npy(descr, shape, data, version=1, order="False"):
    header = f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H", len(header)) + header + data


def main():
    os.makedirs(sys.argv[1], exist_ok=True)
    shape, bytes_needed = "(1, 1, 28, 28)", 28 * 28 * 4
    good = npy("<f4", shape, bytes(bytes_needed))
    files = {
        "good.npy": good,
        "no-magic.npy": b"hello",
        "cut.npy": good[:200],
        "long.npy": good + b"xx",
        "version.npy": npy("<f4", shape, bytes(bytes_needed), version=9),
        "header.npy": npy("<f4", "(1, 1,-28, 28)", bytes(bytes_needed)),
        "huge.npy": npy("<f4", "(99999999999, 99)", bytes(64)),
        "overflow.npy": npy("<f4", "(9223372036854775807, 9)", bytes(64)),
        "big-endian.npy": npy(">f4", shape, bytes(bytes_needed)),
        "objects.npy": npy("|O", "(1,)", bytes(8)),
        "double.npy": npy("<f8", shape, bytes(2 * bytes_needed)),
        "rank.npy": npy("<f4", "(1, 28, 28)", bytes(bytes_needed)),
        "size.npy": npy("<f4", "(1, 1, 28, 29)", bytes(28 * 29 * 4)),
        "not-a-zip.npz": b"hello",
        "no-tensor.pb": b"hello",
        "short.bin": bytes(100),
        "unknown.txt": b"1 2 3",
    }
    for name, content in files.items():
        with open(os.path.join(sys.argv[1], name), "wb") as f:
            f.write(content)
    with zipfile.ZipFile(os.path.join(sys.argv[1], "stranger.npz"), "w") as archive:
        archive.writestr("stranger.npy", good)
    damaged = bytearray(open(os.path.join(sys.argv[1], "stranger.npz"), "rb").read())
    damaged[300] ^= 1
    with open(os.path.join(sys.argv[1], "damaged.npz"), "wb") as f:
        f.write(damaged)


if __name__ == "__main__":
    main()
