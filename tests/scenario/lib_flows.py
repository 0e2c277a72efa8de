# SPDX-License-Identifier: Apache-2.0
"""What the scenario flows.sh does inside a sandbox: python3 flows.py DEED [ARG...]. Each prints what it saw."""

import os
import socket
import struct
import sys
import time

NOW = struct.pack("ii", 1, 0)


def reach(host, port):
    return socket.create_connection((host, int(port)), timeout=20)


def take(s, size):
    data = b""
    while len(data) < size:
        more = s.recv(min(65536, size - len(data)))
        if not more:
            break
        data += more
    return data


def ended(s):
    """How it ends, and after how many bytes."""
    n = 0
    try:
        while more := s.recv(1 << 20):
            n += len(more)
    except ConnectionResetError:
        return "reset after %d" % n
    return "end after %d" % n


def talk(host, port, *words):
    """Sends so many bytes each, waits for as many; tN sleeps N seconds."""
    s = reach(host, port)
    for word in words:
        if word[0] == "t":
            time.sleep(float(word[1:]))
        else:
            s.sendall(b"x" * int(word))
            take(s, int(word))
    print(os.getpid(), s.getsockname()[1])


def halves(host, port):
    """An echo after our end."""
    s = reach(host, port)
    s.sendall(b"y" * 300000)
    s.shutdown(socket.SHUT_WR)
    print(ended(s))


def slam(host, port):
    s = reach(host, port)
    s.sendall(b"z")
    take(s, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NOW)
    s.close()


def pour(host, port, size):
    """As much as goes, until it is cut."""
    sent = 0
    try:
        s = reach(host, port)
        while sent < int(size):
            sent += s.send(b"p" * min(4096, int(size) - sent))
        s.shutdown(socket.SHUT_WR)
        print("all,", ended(s))
    except OSError as e:
        print(type(e).__name__)


def hold(host, port, path):
    """Keeps a connection open and gives it to whoever comes."""
    s = reach(host, port)
    s.sendall(b"mine")
    take(s, 4)
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    os.chmod(path, 0o777)
    server.listen()
    peer, _ = server.accept()
    socket.send_fds(peer, [b"x"], [s.fileno()])
    peer.recv(1)
    time.sleep(0.2)


def borrow(path, words):
    """Speaks over the connection of another."""
    peer = socket.socket(socket.AF_UNIX)
    peer.connect(path)
    _, fds, _, _ = socket.recv_fds(peer, 1, 1)
    s = socket.socket(fileno=fds[0])
    s.setblocking(True)
    s.sendall(words.encode())
    print(take(s, len(words)).decode())


def ask(host, path):
    with open(path, "w") as f:
        f.write(socket.getaddrinfo(host, 1, socket.AF_INET, socket.SOCK_STREAM)[0][4][0])


def use(path, port):
    with open(path) as f:
        talk(f.read(), port, "5")


def many(host, port, count, seconds):
    """So many at once, each with a byte back, then none of them says more."""
    import resource

    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    open_ones, refused = [], 0
    for _ in range(int(count)):
        try:
            open_ones.append(reach(host, port))
            open_ones[-1].sendall(b"m")
        except OSError:
            refused += 1
    for s in open_ones:
        try:
            if not s.recv(1):
                refused += 1
        except OSError:
            refused += 1
    print(int(count) - refused, flush=True)
    time.sleep(float(seconds))


def storm(host, port, count):
    """Connects without end and lets go at once, by a reset or in order."""
    done = 0
    for i in range(int(count)):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex((host, int(port)))
        if i % 2:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NOW)
        s.close()
        done += 1
    print(done)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
