# SPDX-License-Identifier: Apache-2.0
"""Asks a name server and prints what it answered: lib_lookup.py [--tcp] SERVER NAME TYPE. One address a line, or
`rcode N`, `empty`, `truncated`, `timeout`. The type may be a number. A witness of its own: no resolver library."""

import random
import socket
import struct
import sys

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SVCB": 64, "HTTPS": 65, "ANY": 255, "NULL": 10}


def skip_name(data, at):
    while data[at]:
        if data[at] >= 192:
            return at + 2
        at += data[at] + 1
    return at + 1


def ask(server, name, kind, tcp):
    number = random.randrange(65536)
    labels = name.rstrip(".").encode("utf-8", "surrogateescape").split(b".")
    query = struct.pack(">HHHHHH", number, 0x100, 1, 0, 0, 0)
    query += b"".join(bytes([len(p)]) + p for p in labels) + b"\0" + struct.pack(">HH", kind, 1)
    s = socket.socket(socket.AF_INET6 if ":" in server else socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
    s.settimeout(3)
    s.connect((server, 53))
    if tcp:
        s.sendall(struct.pack(">H", len(query)) + query)
        room = s.makefile("rb")
        size = room.read(2)
        return room.read(struct.unpack(">H", size)[0]) if len(size) == 2 else b""
    s.send(query)
    return s.recv(65535)


def main(server, name, kind, tcp):
    try:
        data = ask(server, name, int(TYPES.get(kind, kind)), tcp)
    except socket.timeout:
        return ["timeout"]
    except OSError as e:
        return [e.strerror.lower()]
    if len(data) < 12:
        return ["closed"]
    flags, questions, answers = struct.unpack(">HHH", data[2:8])
    if flags & 0x200:
        return ["truncated"]
    if flags & 15:
        return ["rcode %d" % (flags & 15)]
    at, lines = 12, []
    for _ in range(questions):
        at = skip_name(data, at) + 4
    for _ in range(answers):
        at = skip_name(data, at)
        found, _, ttl, size = struct.unpack(">HHIH", data[at : at + 10])
        at += 10
        if found in (1, 28):
            lines.append(socket.inet_ntop(socket.AF_INET if found == 1 else socket.AF_INET6, data[at : at + size]))
        at += size
    return lines or ["empty"]


if __name__ == "__main__":
    words = [w for w in sys.argv[1:] if w != "--tcp"]
    print("\n".join(main(*words, "--tcp" in sys.argv)))
