# SPDX-License-Identifier: Apache-2.0
"""A relay between a client and a server on loopback, in the shape named: lib_relay.py SHAPE MOVES.

The client sends 100, 101, 102 ... bytes and waits for the answer, three times as many. It says what the
kernel must have seen: the cookies of the relay's two sockets, and the bytes of 16 moves."""
import asyncio
import os
import select
import socket
import struct
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


SHAPES = {
    "select": by_select,
    "threads": by_threads,
    "processes": by_processes,
    "splice": by_splice,
    "messages": by_messages,
    "asyncio": by_asyncio,
}


def main():
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
