# Files of samples for perceptron.textproto, in the folder given.
import struct
import sys

folder = sys.argv[1]


def write(name, rows):
    header = "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, 2), }" % len(rows)
    header += " " * (117 - len(header)) + "\n"
    with open(folder + "/" + name, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
        for row in rows:
            file.write(struct.pack("<2f", *row))


rows = [((i * 37 % 101) / 50 - 1, (i * 53 % 97) / 40 - 1) for i in range(60)]
write("all.npy", rows)
write("first.npy", rows[:25])
write("rest.npy", rows[25:])
write("other.npy", [(5, 5)] * 60)
write("bad.npy", rows[:3] + [(float("nan"), 0)])
write("huge.npy", rows[:3] + [(3e38, 3e38)])
write("none.npy", [])
header = "{'descr': '<i8', 'fortran_order': False, 'shape': (59,), }"
header += " " * (117 - len(header)) + "\n"
with open(folder + "/labels.npy", "wb") as file:
    file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + bytes(8 * 59))
