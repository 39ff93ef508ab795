#!/usr/bin/env python3
"""Writes a small file of every kind that samples and labels come in: where fuzzing starts from.

usage: data_seeds.py FOLDER"""
import base64
import gzip
import io
import os
import struct
import sys
import zipfile
import zlib

# 8 by 8 pixels, grey, in one scan and in several.
JPEGS = ["/9j/2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1tdhbWGkJ6jq62rZ4C8ybqmx5moq6T/wAALCAAIAAgBAREA"
         "/8QAFAABAAAAAAAAAAAAAAAAAAAABf/EABgQAAIDAAAAAAAAAAAAAAAAAAQRABQh/9oACAEBAAA/ACAQrCxuf//Z",
         "/9j/2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1tdhbWGkJ6jq62rZ4C8ybqmx5moq6T/wgALCAAIAAgBAREA"
         "/8QAFAABAAAAAAAAAAAAAAAAAAAABP/aAAgBAQAAAAEf/8QAFhABAQEAAAAAAAAAAAAAAAAAAgAS/9oACAEBAAEFAgNX/8QAFBABAAAAAAAAAAAA"
         "AAAAAAAAAP/aAAgBAQAGPwJ//8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPyFP/9oACAEBAAAAEP8A/8QAFhABAQEAAAAAAAAAAAAAAAAA"
         "ESEA/9oACAEBAAE/EIou/9k="]


def npy(descr, shape, values, fortran=False, version=1):
    text = f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': ({''.join(f'{d},' for d in shape)}), }}"
    text = text.encode().ljust(117) + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(text)) + text + values


def npz(members, compression):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name + ".npy", content)
    return file.getvalue()


class Unseekable(io.BytesIO):
    def seek(self, *_):
        raise OSError

    def seekable(self):
        return False

    def tell(self):
        raise OSError


def npz_of_pipe(members):
    file = Unseekable()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name + ".npy", content)
    return file.getvalue()


def png(colour, channels):
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
    rows = b"".join(b"\0" + bytes(range(4 * channels)) for _ in range(4))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 8, colour, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def seeds():
    floats = struct.pack("<48f", *range(48))
    arrays = {"x": npy("<f4", (2,), floats[:8]), "y": npy("<i4", (3, 2), struct.pack("<6i", *range(6)))}
    yield "image.npy", npy("<f4", (1, 3, 4, 4), floats)
    yield "rows.npy", npy("<f8", (4, 2), struct.pack("<8d", *range(8)))
    yield "fortran.npy", npy("<i8", (4, 3), struct.pack("<12q", *range(12)), fortran=True)
    yield "scalar.npy", npy("<f2", (), b"\0\x3c", version=2)
    yield "labels.npy", npy("|u1", (5,), bytes(range(5)))
    yield "stored.npz", npz(arrays, zipfile.ZIP_STORED)
    yield "deflated.npz", npz(arrays, zipfile.ZIP_DEFLATED)
    yield "piped.npz", npz_of_pipe(arrays)
    yield "two.npy", arrays["x"] + arrays["y"]
    yield "bytes.idx", b"\0\0\x08\x03" + struct.pack(">3I", 3, 4, 4) + bytes(range(48))
    yield "floats.idx", b"\0\0\x0d\x02" + struct.pack(">2I", 4, 2) + struct.pack(">8f", *range(8))
    yield "bytes.idx.gz", gzip.compress(b"\0\0\x08\x01" + struct.pack(">I", 6) + bytes(range(6)), mtime=0)
    yield "floats.pb", b"\x08\x04\x08\x02\x10\x01\x4a\x20" + floats[:32] + b"\x42\x01x"
    yield "integers.pb", b"\x08\x02\x08\x03\x10\x07\x3a\x06" + bytes(range(6)) + b"\x42\x01x"
    yield "nibbles.pb", b"\x08\x05\x10\x16\x4a\x03\x21\x43\x05"
    yield "labels.csv", b"name,label\na,3\nb,0\n"
    yield "names.json", b'["cat", "dog"]'
    yield "grey.png", png(0, 1)
    yield "colour.png", png(2, 3)
    yield "transparent.png", png(6, 4)
    for k, text in enumerate(JPEGS):
        yield f"grey{k}.jpg", base64.b64decode(text)


def main():
    for name, content in seeds():
        with open(os.path.join(sys.argv[1], name), "wb") as file:
            file.write(content)


if __name__ == "__main__":
    main()
