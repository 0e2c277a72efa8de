#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Traffic for gate-faults.sh, and its judge.

  lib_gate_load.py traffic WORKDIR     inside: connects where it may and where it may not, without end; takes orders
                                       on standard input and answers each with a line
  lib_gate_load.py pairs WORKDIR       inside: connects to every pair of address and port again and again, talks over
                                       connections that it keeps, and writes down when and how each of it ended
  lib_gate_load.py policy COUNT        outside: the policy of the pairs that are left after COUNT changes
  lib_gate_load.py change COUNT DIR RUN WEIR...   outside: takes away one pair after the other; DIR/changes says when
  lib_gate_load.py judge DIR           outside: DIR/changes, DIR/attempts and DIR/syn, the packets as they left"""

import errno
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time

PORTS = [7] + list(range(2001, 2025))
ADDRESSES = ["198.51.100.%d" % (100 + i) for i in range(40)]
SLOW = 1.0  # seconds: nothing that is refused takes so long


def pairs():
    """In the order in which they are taken away."""
    every = [(a, p) for a in ADDRESSES for p in PORTS]
    random.Random(5).shuffle(every)
    return every


def outcome(e):
    if isinstance(e, socket.timeout):
        return "timeout"
    if isinstance(e, socket.gaierror):
        return "no address"
    return errno.errorcode.get(e.errno, type(e).__name__)


def connect(host, port, timeout):
    """An open socket or the name of what came instead."""
    try:
        return socket.create_connection((host, port), timeout=timeout)
    except OSError as e:
        return outcome(e)


def echo(s):
    text = os.urandom(8)
    try:
        s.sendall(text)
        got = b""
        while len(got) < len(text):
            block = s.recv(len(text) - len(got))
            if not block:
                return "end"
            got += block
        return "same" if got == text else "OTHER"
    except OSError as e:
        return outcome(e)


class Traffic:
    NAME = "files.test"
    FORBIDDEN = [
        ("tcp", "198.51.100.66", 7),
        ("tcp", "198.51.100.10", 7),  # the allowed name's true address
        ("tcp", "10.20.0.11", 80),
        ("tcp", "169.254.169.254", 80),
        ("tcp", "2001:db8:2::66", 7),
        ("tcp", "198.18.12.34", 7),  # stands for no name
        ("udp", "198.51.100.66", 53),
        ("udp", "198.51.100.54", 53),  # the gate's own resolver
    ]

    def __init__(self):
        self.lock = threading.Lock()
        self.counts = {"allowed": {}, "forbidden": {}, "addresses": [], "slow": 0, "let_through": 0, "cut": 0}

    def count(self, table, key):
        with self.lock:
            self.counts[table][key] = self.counts[table].get(key, 0) + 1

    def allowed(self):
        while True:
            s = connect(self.NAME, 7, 3)
            if isinstance(s, str):
                self.count("allowed", s)
                time.sleep(0.01)
                continue
            with self.lock:
                if s.getpeername()[0] not in self.counts["addresses"]:
                    self.counts["addresses"].append(s.getpeername()[0])
            for _ in range(random.randrange(1, 5)):
                got = echo(s)
                self.count("allowed", got)
                if got != "same":
                    break
            s.close()

    def kept(self):
        while True:
            s = connect(self.NAME, 7, 3)
            while not isinstance(s, str):
                if echo(s) != "same":
                    with self.lock:
                        self.counts["cut"] += 1
                    s.close()
                    break
                time.sleep(0.02)

    def refused(self, kind, host, port):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM) as s:
            s.settimeout(3)
            try:
                if kind == "udp":
                    s.sendto(b"out", (host, port))
                else:
                    s.connect((host, port))
            except OSError as e:
                return outcome(e)
        return "LET THROUGH"

    def forbidden(self):
        while True:
            for kind, host, port in self.FORBIDDEN:
                begun = time.monotonic()
                got = self.refused(kind, host, port)
                self.count("forbidden", got)
                with self.lock:
                    self.counts["slow"] += time.monotonic() - begun > SLOW
                    self.counts["let_through"] += got == "LET THROUGH"
            time.sleep(0.002)

    def recover(self, seconds):
        begun = time.monotonic()
        while time.monotonic() - begun < seconds:
            s = connect(self.NAME, 7, 2)
            if not isinstance(s, str):
                got = echo(s)
                s.close()
                if got == "same":
                    return "recovered"
            time.sleep(0.02)
        return "lost"

    def run(self):
        for loop in [self.allowed] * 3 + [self.kept] * 2 + [self.forbidden] * 2:
            threading.Thread(target=loop, daemon=True).start()
        for line in sys.stdin:
            word, *rest = line.split()
            if word == "recover":
                print(self.recover(float(rest[0])), flush=True)
            else:
                with self.lock:
                    print(json.dumps(self.counts), flush=True)


class Pairs:
    def __init__(self, directory):
        self.file = open(os.path.join(directory, "attempts"), "w", buffering=1)
        self.lock = threading.Lock()

    def tell(self, what, begun, pair, result):
        line = "%s %.6f %.6f %s %d %s\n" % (what, begun, time.time(), *pair, result.replace(" ", "-"))
        with self.lock:
            self.file.write(line)

    def attempt(self):
        every = pairs()
        while True:
            pair = random.choice(every)
            begun = time.time()
            s = connect(*pair, 3)
            self.tell("connect", begun, pair, s if isinstance(s, str) else "open")
            if not isinstance(s, str):
                s.close()

    def talk(self):
        kept = {(a, 7): connect(a, 7, 3) for a in ADDRESSES}
        while True:
            for pair, s in list(kept.items()):
                if isinstance(s, str):
                    continue
                begun = time.time()
                got = echo(s)
                self.tell("echo", begun, pair, got)
                if got != "same":
                    s.close()
                    kept[pair] = got

    def run(self):
        for loop in [self.talk] + [self.attempt] * 3:
            threading.Thread(target=loop, daemon=True).start()
        sys.stdin.read()


def policy(count):
    left = {}
    for address, port in pairs()[count:]:
        left.setdefault(address, []).append(port)
    rules = ", ".join("{host: %s, ports: %s}" % (a, p) for a, p in sorted(left.items()))
    return "network: {allow: [%s]}\n" % rules


def change(count, directory, run, *weir):
    with open(os.path.join(directory, "changes"), "w", buffering=1) as log:
        for i, pair in enumerate(pairs()[:count]):
            path = os.path.join(directory, "policy.yaml")
            with open(path, "w") as f:
                f.write(policy(i + 1))
            begun = time.time()
            r = subprocess.run([*weir, "policy", "apply", run, path], capture_output=True, text=True)
            log.write("%.6f %.6f %s %d %d %s\n" % (begun, time.time(), *pair, r.returncode, r.stderr.strip()))


def judge(directory):
    """What is wrong, then what was refused too early, a line each; then the counts."""
    wrong, early, counts, asked, held = [], [], {}, {}, {}
    for line in open(os.path.join(directory, "changes")):
        words = line.split()
        if words[4] != "0":
            wrong.append("a change failed: " + line.strip())
        asked[words[2], int(words[3])], held[words[2], int(words[3])] = float(words[0]), float(words[1])
    never = float("inf")
    for line in open(os.path.join(directory, "attempts")):
        what, begun, ended, address, port, got = line.split()
        # a connection that was let through may be reset at once: most of these ports are closed outside
        pair, through = (address, int(port)), got in ("open", "same") or (what, got) == ("connect", "ECONNRESET")
        counts[what, got] = counts.get((what, got), 0) + 1
        if through and float(begun) > held.get(pair, never):
            wrong.append("let through: " + line.strip())
        if not through and float(ended) < asked.get(pair, never):
            (early if what == "connect" else wrong).append(("refused: " if what == "connect" else "cut: ") + line.strip())
    packets = 0
    for line in open(os.path.join(directory, "syn")):
        when, address, port = line.split()
        packets += 1
        if float(when) > held.get((address, int(port)), never):
            wrong.append("left the host: " + line.strip())
    for line in wrong:
        print("wrong:", line)
    for line in early:
        print(line)
    took = max(held.values()) - min(asked.values())
    print("# %d changes in %.1f s; %d packets outside; %s" % (len(held), took, packets,
          ", ".join("%s %s: %d" % (*k, v) for k, v in sorted(counts.items()))))


if __name__ == "__main__":
    if sys.argv[1] == "traffic":
        Traffic().run()
    elif sys.argv[1] == "pairs":
        Pairs(sys.argv[2]).run()
    elif sys.argv[1] == "policy":
        print(policy(int(sys.argv[2])), end="")
    elif sys.argv[1] == "change":
        change(int(sys.argv[2]), *sys.argv[3:])
    else:
        judge(sys.argv[2])
