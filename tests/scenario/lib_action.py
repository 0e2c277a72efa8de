# SPDX-License-Identifier: Apache-2.0
"""What the scenario action.sh runs inside: python3 action.py DEED ARGUMENT..."""

import json
import select
import socket
import sys
import time


def reach(where):
    host, port = where.rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=5)


def say(s, method, *params):
    s.sendall(json.dumps({"id": 1, "method": method, "params": params}).encode() + b"\n")


def ask(where):
    """Whether it can be reached by now."""
    try:
        with reach(where) as s:
            say(s, "ping")
            return "answered" if s.recv(100) else "ended"
    except OSError as e:
        return type(e).__name__


def work(where, seconds):
    """A miner's talk, which a detector knows by its structure, whatever the port and the program."""
    s = reach(where)
    say(s, "mining.subscribe", "m/1")
    say(s, "mining.authorize", "w", "x")
    end = time.time() + seconds
    while time.time() < end:
        say(s, "mining.submit", "w", "1", "00000000", "5f5e1000", "%08x" % int(time.time()))
        if select.select([s], [], [], 0.05)[0] and not s.recv(65536):
            return "ended"
    return "went on"


def mine(where, seconds, *others):
    try:
        print("flow", work(where, float(seconds)), flush=True)
    except OSError as e:
        print("flow", type(e).__name__, flush=True)
    for other in others:
        print(other, ask(other), flush=True)


def beat(where, seconds, path):
    """An innocent connection: one dot in the file for each answer."""
    end = time.time() + float(seconds)
    with reach(where) as s, open(path, "w") as f:
        while time.time() < end:
            s.sendall(b".")
            f.write(s.recv(1).decode())
            f.flush()
            time.sleep(0.05)


def reached(*others):
    for other in others:
        print(other, ask(other), flush=True)


{"mine": mine, "beat": beat, "reached": reached}[sys.argv[1]](*sys.argv[2:])
