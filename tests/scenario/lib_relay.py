# SPDX-License-Identifier: Apache-2.0
"""A relay between a client and a server on loopback, in the shape named: lib_relay.py SHAPE MOVES.

The client sends 100, 101, 102 ... bytes and waits for the answer, three times as many. It says what the
kernel must have seen: the cookies of the relay's two sockets, and the bytes of 16 moves."""
import asyncio
import os
import select
import socket
import struct
import subprocess
import sys
import threading

SO_COOKIE = 57


def cookie(s):
    return struct.unpack("Q", s.getsockopt(socket.SOL_SOCKET, SO_COOKIE, 8))[0]


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def listener():
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen()
    return s


def child(act):
    pid = os.fork()
    if pid == 0:
        act()
        os._exit(0)
    return pid


def server(listening):
    c, _ = listening.accept()
    while data := c.recv(65536):
        c.sendall(data * 3)


def client(address, moves):
    c = socket.create_connection(address)
    for i in range(moves):
        c.sendall(b"x" * (100 + i))
        got = 0
        while got < 3 * (100 + i):
            got += len(c.recv(65536))


def copy(a, b):
    while data := a.recv(65536):
        b.sendall(data)
    b.shutdown(socket.SHUT_WR)


def by_select(a, b):
    while True:
        for s in select.select([a, b], [], [])[0]:
            data = s.recv(65536)
            if not data:
                return
            (b if s is a else a).sendall(data)


def by_threads(a, b):
    threading.Thread(target=copy, args=(b, a), daemon=True).start()
    copy(a, b)


def by_processes(a, b):
    child(lambda: copy(b, a))
    copy(a, b)


def by_splice(a, b):
    ends = {a: os.pipe(), b: os.pipe()}
    while True:
        for s in select.select([a, b], [], [])[0]:
            out, into = ends[s]
            n = os.splice(s.fileno(), into, 65536)
            if not n:
                return
            os.splice(out, (b if s is a else a).fileno(), n)


def by_messages(a, b):
    while True:
        for s in select.select([a, b], [], [])[0]:
            data = s.recvmsg(65536)[0]
            if not data:
                return
            (b if s is a else a).sendmsg([data[:50], data[50:]])


def by_asyncio(a, b):
    async def pump(reader, writer):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def both():
        ar, aw = await asyncio.open_connection(sock=a)
        br, bw = await asyncio.open_connection(sock=b)
        await asyncio.gather(pump(ar, bw), pump(br, aw))

    asyncio.run(both())


def by_socat(a, b):
    ends = [f"FD:{s.fileno()}" for s in (a, b)]
    subprocess.run(["socat", *ends], pass_fds=(a.fileno(), b.fileno()), check=True)


def by_acknowledging(a, b):
    """Answers each piece with a byte before it passes it on, to look like a server."""
    while data := a.recv(65536):
        a.send(b"k")
        b.sendall(data)
        a.sendall(b.recv(65536))


def by_self_pipe(a, b):
    """Wakes itself by a pipe before each move, and holds both ends of it."""
    out, into = os.pipe()
    os.write(into, b"w")
    os.read(out, 1)
    while True:
        for s in select.select([a, b], [], [])[0]:
            data = s.recv(65536)
            if not data:
                return
            os.write(into, b"w" * len(data))
            os.read(out, len(data))
            (b if s is a else a).sendall(data)


async def answer(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


async def ask(address, size):
    reader, writer = await asyncio.open_connection(*address)
    for _ in range(50):
        writer.write(b"z" * size)
        await writer.drain()
        await reader.readexactly(size)
    writer.close()


async def echo():
    """No relay: a server that answers twelve clients at once, all in one process."""
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    await asyncio.gather(*[ask(address, 50 * k) for k in range(1, 13)])


SHAPES = {
    "select": by_select,
    "threads": by_threads,
    "processes": by_processes,
    "splice": by_splice,
    "messages": by_messages,
    "asyncio": by_asyncio,
    "socat": by_socat,
    "acknowledging": by_acknowledging,
    "self_pipe": by_self_pipe,
}


def main():
    if sys.argv[1] == "echo":
        return asyncio.run(echo())
    shape, moves = sys.argv[1], int(sys.argv[2])
    behind, before = listener(), listener()
    children = [
        child(lambda: server(behind)),
        child(lambda: client(before.getsockname(), moves)),
    ]
    a, _ = before.accept()
    b = socket.create_connection(behind.getsockname())
    say("a", cookie(a))
    say("b", cookie(b))
    for direction, times in ("up", 1), ("down", 3):
        # splice's first move ends in its own pipe, which is not yet known to be that
        moved = times * sum(100 + i + (shape == "splice") for i in range(16))
        say(direction, moved, moved)
    SHAPES[shape](a, b)
    a.close()
    b.close()
    for pid in children:
        os.waitpid(pid, 0)


main()
