# SPDX-License-Identifier: Apache-2.0
"""Reads a run's record by weir-record(5) alone, as a witness that shares no code with weir.

Usage: lib_record.py DIRECTORY. Prints the number of frames and the root of their tree; any
byte that is not as the manual says ends it with a message."""
import base64
import hashlib
import os
import struct
import sys

TABLE = []
for byte in range(256):
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    TABLE.append(byte)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def expect(holds, what):
    if not holds:
        sys.exit(f"not as weir-record(5) says: {what}")


def frames_of(data, first):
    at = 64
    while at < len(data):
        size, crc, number, _, kind, _, zero, _ = struct.unpack("<IIQQBBHI", data[at : at + 32])
        frame = data[at : at + size]
        expect(size >= 32 and len(frame) == size, f"a whole frame at {at}")
        expect(number == first and zero == 0, f"frame {first} at {at}, found {number}")
        expect(crc == crc32c(frame[:4] + bytes(4) + frame[8:]), f"checksum of frame {number}")
        expect(kind < 18 + 64, f"kind of frame {number}")
        padding = -size % 8
        expect(data[at + size : at + size + padding] == bytes(padding), f"padding of frame {number}")
        yield frame
        at += size + padding
        first += 1


def segment(path, run, number, first):
    with open(path, "rb") as f:
        data = f.read()
    magic, version, order, begin = struct.unpack("<8sIIQ", data[:24])
    expect((magic, version, order) == (b"WEIRSEG\0", 1, 0x01020304), "the segment's header")
    expect(data[24:40] == run.encode() and data[48:64] == bytes(16), "the header's run")
    expect(struct.unpack("<I", data[40:44])[0] == number and begin == first, "the header's numbers")
    expect(
        struct.unpack("<I", data[44:48])[0] == crc32c(data[:44] + bytes(4) + data[48:64]),
        "the header's checksum",
    )
    return list(frames_of(data, first))


def tree(leaves):
    """RFC 6962, section 2.1, as it is written there."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\1" + tree(leaves[:k]) + tree(leaves[k:])).digest()


def main():
    directory = sys.argv[1].rstrip("/")
    run, leaves = os.path.basename(directory), []
    names = sorted(name for name in os.listdir(directory) if name.endswith(".seg"))
    for number, name in enumerate(names, 1):
        expect(name == f"{number:06}.seg", f"segment {number}, found {name}")
        leaves += segment(os.path.join(directory, name), run, number, len(leaves) + 1)
    root = tree(leaves)
    with open(os.path.join(directory, "root"), encoding="ascii") as f:
        stated = f.read()
    expect(stated == f"weir/run/{run}\n{len(leaves)}\n{base64.b64encode(root).decode()}\n", "root")
    print(len(leaves), root.hex())


main()
