#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# In the place of weir-gate, for hostile-gate.sh: says to its keeper what the file HOSTILE_ORDER names, and writes
# each start, each answer and how the connection ended to HOSTILE_LOG.
import os
import re
import socket
import struct
import time

TOP = os.environ["HOSTILE_TOP"]


def rows(table, word):
    return re.findall(r"^%s\((\w+)," % word, open(f"{TOP}/tables/{table}.tbl").read(), re.M)


MESSAGES, EVENTS, EDGES = rows("messages", "MESSAGE"), rows("events", "EVENT"), rows("edges", "EDGE")
SOCKETS = re.findall(r"GATE_SOCKET_(\w+),", open(f"{TOP}/src/policy/gate_socket.h").read())
log = open(os.environ["HOSTILE_LOG"], "a", buffering=1)
keeper = socket.socket(fileno=3)
keeper.settimeout(3)
u32 = lambda *n: struct.pack("<%dI" % len(n), *n)
text = lambda b: u32(len(b)) + b


def send(name, data):
    keeper.send(struct.pack("<IIQ", MESSAGES.index(name), len(data), 0) + data)


def receive():
    """(name, payload) of the next message; what came as a file is left alone."""
    data, _, _, _ = keeper.recvmsg(65536, 4096)
    if not data:
        raise EOFError
    kind, size, _ = struct.unpack("<IIQ", data[:16])
    return MESSAGES[kind], data[16:]


def await_(name):
    while True:
        got, data = receive()
        if got == name:
            return data


key = struct.unpack("<Q", await_("GATE_OPEN")[20:28])[0]


def event(kind=EVENTS.index("DNS"), run=key, call=1, label=0, edges=(), size=None, name=b"forged.test"):
    fixed = struct.pack("<QIHHHHHH", 1, 0, 1, 1, 0xFFFF, 17, len(name), 0)
    whole = size or 72 + len(fixed) + len(name)
    head = struct.pack("<HBBIQQQQQIIIIII", whole, kind, 0, call, run, 1, 7, 0, 0, 1, 1, 1, 1, 0, label)
    return u32(len(edges)) + b"".join(u32(c, EDGES.index(e)) for c, e in edges) + text(head + fixed + name)


def name(index, what):
    send("GATE_NAME", u32(index) + text(what))
    return "error %d" % struct.unpack("<Ii", await_("GATE_NAMED"))[1]


def many_names():
    for i in range(3000):
        send("GATE_NAME", u32(7) + text(b"x"))


def many_events():
    for i in range(20000):
        send("GATE_EVENT", event(name=b"flood.test"))


ORDERS = {
    "none": lambda: None,
    "name-next": lambda: name(1, b"files.test"),
    "name-far": lambda: name(5, b"files.test"),
    "name-resolver": lambda: name(0, b"files.test"),
    "name-refused": lambda: name(1, b"forged.test"),
    "name-dirty": lambda: name(1, b"FILES.test"),
    "name-long": lambda: send("GATE_NAME", u32(1) + text(b"x" * 300)),
    "event-good": lambda: send("GATE_EVENT", event(name=b"good.test")),
    "event-other-run": lambda: send("GATE_EVENT", event(run=key + 1)),
    "event-no-call": lambda: send("GATE_EVENT", event(call=2)),
    "event-kind": lambda: send("GATE_EVENT", event(kind=EVENTS.index("EXEC"))),
    "event-label": lambda: send("GATE_EVENT", event(label=0x80000001)),
    "event-edge": lambda: send("GATE_EVENT", event(edges=[(1, "READ")])),
    "event-edge-call": lambda: send("GATE_EVENT", event(edges=[(9, "NAME")])),
    "event-size": lambda: send("GATE_EVENT", event(size=4000)),
    "make-diag": lambda: send("GATE_MAKE", u32(SOCKETS.index("DIAG"), 0, 1)),
    "make-rules": lambda: send("GATE_MAKE", u32(SOCKETS.index("RULES"), 0, 1)),
    "make-tcp": lambda: send("GATE_MAKE", u32(SOCKETS.index("TCP"), 2, 1)),
    "make-many": lambda: send("GATE_MAKE", u32(SOCKETS.index("UDP"), 2, 17)),
    "applied-early": lambda: send("GATE_APPLIED", u32(99, 0, 0)),
    "summary": lambda: send("RUN_SUMMARY", b""),
    "events": many_events,
    "names": many_names,
}

order = open(os.environ["HOSTILE_ORDER"]).read().strip()
log.write("start %s\n" % order)
try:
    got = ORDERS[order]()
    log.write("%s: %s\n" % (order, got or "said"))
    keeper.settimeout(None)
    while True:
        receive()
        time.sleep(0 if order != "names" else 60)
except (EOFError, OSError) as e:
    log.write("%s: over %s\n" % (order, type(e).__name__))
