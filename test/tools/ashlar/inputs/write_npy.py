"""Writes arrays, right and wrong, into a folder; needs no NumPy."""
import struct
import sys

folder = sys.argv[1]


def write(name, descr, shape, values):
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(10 + len(header) + 1) % 64) + b"\n"
    with open(f"{folder}/{name}", "wb") as f:
        f.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + values)


numbers = struct.pack("<6f", 1, 2, 3, 4, 5, 6)
write("x.npy", "<f4", "(2, 3)", numbers)
write("x.txt", "<f4", "(2, 3)", numbers)
write("flat.npy", "<f4", "(6,)", numbers)
write("big.npy", ">f4", "(2, 3)", numbers)
write("cut.npy", "<f4", "(2, 3)", numbers[:10])
write("ints.npy", "<i4", "(2, 3)", struct.pack("<6i", 1, 2, 3, 4, 5, 6))
with open(f"{folder}/x.o", "wb") as f:
    f.write(b"\x7fELF\x02\x01\x01" + b"\0" * 20)
write("halves.npy", "<f4", "(2, 3)", struct.pack("<6f", 0.5, 0.5, 0.5, 0.5, 0.5, 0.5))
write("sevens.npy", "<f4", "(2, 3)", struct.pack("<6f", 7, 7, 7, 7, 7, 7))
write("sizes.npy", "<i8", "(2,)", struct.pack("<2q", 2, 3))
write("wrong_sizes.npy", "<i8", "(2,)", struct.pack("<2q", 2, 4))
