"""Protobuf's wire format, as much as the scripts here read of it."""


def read_varint(data, at):
    """The number that begins at a place, and the place behind it."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at
