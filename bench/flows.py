# SPDX-License-Identifier: Apache-2.0
"""Both ends of bench/flows: an echo server on one thread, and who opens connections to it."""

import resource
import select
import socket
import sys
import time

hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def serve(address, port, ready):
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (1 << 18, 1 << 18))
    except (ValueError, OSError):
        pass
    listener = socket.create_server((address, int(port)), backlog=4096)
    listener.setblocking(False)
    wait = select.epoll()
    wait.register(listener, select.EPOLLIN)
    ends = {}
    open(ready, "w").close()
    while True:
        for fd, _ in wait.poll():
            if fd == listener.fileno():
                s = listener.accept()[0]
                ends[s.fileno()] = s
                wait.register(s, select.EPOLLIN)
                continue
            try:
                data = ends[fd].recv(1 << 20)
                # one byte is echoed, more is only taken
                if len(data) == 1:
                    ends[fd].send(data)
            except OSError:
                data = b""
            if not data:
                wait.unregister(fd)
                ends.pop(fd).close()


def speed(address, port, rounds=3000, size=1 << 30):
    s = socket.create_connection((address, int(port)))
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    times = []
    for _ in range(rounds):
        begun = time.monotonic_ns()
        s.send(b"x")
        s.recv(1)
        times.append(time.monotonic_ns() - begun)
    block = b"\0" * (1 << 18)
    begun = time.monotonic()
    for _ in range(size // len(block)):
        s.sendall(block)
    s.shutdown(socket.SHUT_WR)
    s.recv(1)
    took = time.monotonic() - begun
    times.sort()
    print("%.1f us there and back (median of %d), %.2f GB/s" % (times[rounds // 2] / 1e3, rounds, size / took / 1e9))


def many(address, port, count):
    begun = time.monotonic()
    held, refused = [], 0
    for _ in range(int(count)):
        try:
            s = socket.create_connection((address, int(port)), timeout=30)
            s.send(b"x")
            if s.recv(1) != b"x":
                refused += 1
            held.append(s)
        except OSError:
            refused += 1
    print("%d open, %d refused, in %.1f s" % (len(held), refused, time.monotonic() - begun), flush=True)
    time.sleep(2)


globals()[sys.argv[1]](*sys.argv[2:])
