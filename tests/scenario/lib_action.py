# SPDX-License-Identifier: Apache-2.0
"""What the scenarios action.sh and action-ways.sh run inside, and as who is outside: python3 action.py DEED ARGUMENT..."""

import json
import os
import select
import socket
import struct
import subprocess
import sys
import time


def reach(where):
    host, port = where.rsplit(":", 1)
    return socket.create_connection((host.strip("[]"), int(port)), timeout=5)


def waiting(port, address="127.0.0.1"):
    """The one who comes to this port."""
    with socket.create_server((address, int(port))) as s:
        print("waiting", flush=True)
        return s.accept()[0]


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


def talk(s, seconds):
    """A miner's, which a detector knows by its structure, whatever the port and the program."""
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
        print("flow", talk(reach(where), float(seconds)), flush=True)
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


def packet(data):
    """An IPv4 packet from one host that is not here to another."""
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(data), 1, 0, 64, 17, 0, bytes([10, 1, 0, 1]), bytes([10, 1, 0, 2]))
    total = sum(struct.unpack(">10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    return head[:10] + struct.pack(">H", ~total & 0xFFFF) + head[12:] + data


def hello(address, port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(5)
    s.sendto(b"hello", (address, int(port)))
    print("answered", s.recv(100), flush=True)


def packets(address, port, seconds):
    """Packets inside of datagrams; what comes of sending, and whether anything still comes back."""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(2)
    end = time.time() + float(seconds)
    try:
        while time.time() < end:
            s.sendto(packet(os.urandom(100)), (address, int(port)))
            s.recv(65536)
            time.sleep(0.05)
        print("datagrams went on", flush=True)
    except OSError as e:
        print("datagrams", type(e).__name__, flush=True)


def echo(port, path):
    """Answers who comes, and writes how it ended."""
    s = waiting(port)
    try:
        while data := s.recv(65536):
            s.sendall(data)
        end = "ended"
    except OSError as e:
        end = type(e).__name__
    with open(path, "w") as f:
        f.write(end)


def relay(outer, inner):
    """Whoever is outside talks to who is inside."""
    ends = [reach(outer), reach(inner)]
    try:
        while True:
            for s in select.select(ends, [], [])[0]:
                data = s.recv(65536)
                if not data:
                    return print("relay ended", flush=True)
                ends[1 - ends.index(s)].sendall(data)
    except OSError as e:
        print("relay", type(e).__name__, flush=True)


def shell(port):
    """A shell to whoever comes, one after the other."""
    with socket.create_server(("127.0.0.1", int(port))) as listening:
        print("waiting", flush=True)
        while True:
            s = listening.accept()[0]
            subprocess.run(["sh"], stdin=s, stdout=s, stderr=s)
            s.close()


def serve_miner(port):
    """The same talk to whoever comes."""
    with socket.create_server(("127.0.0.1", int(port))) as listening:
        print("waiting", flush=True)
        while True:
            try:
                talk(listening.accept()[0], 20)
            except OSError:
                pass


def command(s, seconds):
    """From outside: a command now and then, and its answer."""
    s.settimeout(5)
    end = time.time() + float(seconds)
    try:
        while time.time() < end:
            s.sendall(b"echo here I am\n")
            if not s.recv(65536):
                return print("ended", flush=True)
            time.sleep(0.3)
        print("went on", flush=True)
    except OSError as e:
        print(type(e).__name__, flush=True)


def come(where, seconds):
    try:
        command(reach(where), seconds)
    except OSError as e:
        print(type(e).__name__, flush=True)


def await_(port, seconds):
    command(waiting(port, "0.0.0.0"), seconds)


def known(name):
    try:
        return socket.getaddrinfo(name, 80, socket.AF_INET)[0][4][0]
    except OSError:
        return "unknown"


def labels(secret, domain, count):
    """The secret, and much else, in names; then one more question, of the same and of another kind."""
    with open(secret) as f:
        f.read()
    for n in range(int(count)):
        known("%s.%s.%s" % (os.urandom(28).hex(), os.urandom(28).hex(), domain))
        time.sleep(0.02)
    print("data", known("%s.%s" % (os.urandom(28).hex(), domain)), "name", known("files.test"), flush=True)


if __name__ == "__main__":
    {"mine": mine, "beat": beat, "reached": reached, "packets": packets, "hello": hello, "echo": echo, "relay": relay, "shell": shell, "serve_miner": serve_miner,
     "come": come, "await": await_, "labels": labels, "known": lambda name: print(known(name))}[sys.argv[1]](*sys.argv[2:])
