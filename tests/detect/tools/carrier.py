# SPDX-License-Identifier: Apache-2.0
"""Frames of many streams over one connection, and what may disguise them. Both ends of the tests' own tunnels use it;
the options are those of the file worker.json:

  tls, ws, http    inside of TLS, of WebSocket frames, of POSTs and their answers
  upgrade          after an HTTP upgrade to a protocol of this name
  proxy            [host, port]: through CONNECT
  xor, deflate     each byte xor n; compressed, so that what comes in is not what goes out
  pad              each frame is filled up with junk to n bytes
  balance          the far end sends junk, as much as it gets
  beat             this end asks every n seconds, the far end only answers
  chat             this end says something of its own every n seconds, the far end answers it
  delay, merge     seconds between in and out; what came within n seconds goes out as one

A frame: stream number (2 bytes), size (2), data. The first frame of a number opens a stream, an empty one ends it;
number 0 is junk, and in the beat's rhythm it ends a turn."""

import os
import socket
import ssl
import struct
import threading
import time
import zlib


def head_of(s):
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        more = s.recv(1)
        if not more:
            raise EOFError
        data += more
    return data


class Link:
    """Bytes both ways in whatever carries them."""

    def __init__(self, s, o, client):
        self.s, self.o, self.client, self.rest = s, o, client, b""
        if client and o.get("proxy"):
            s.sendall(b"CONNECT %s:%d HTTP/1.1\r\nHost: x\r\n\r\n" % (o["host"].encode(), o["port"]))
            head_of(s)
        if o.get("tls") and client:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self.s = context.wrap_socket(s, server_hostname=o["host"])
        if o.get("upgrade") and client:
            self.s.sendall(b"GET /live HTTP/1.1\r\nHost: %s\r\nUpgrade: %s\r\nConnection: Upgrade\r\n\r\n" % (o["host"].encode(), o["upgrade"].encode()))
            head_of(self.s)
        elif o.get("upgrade"):
            head_of(self.s)
            self.s.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: %s\r\nConnection: Upgrade\r\n\r\n" % o["upgrade"].encode())
        elif o.get("ws") and client:
            self.s.sendall(b"GET /live HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                           b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" % o["host"].encode())
            head_of(self.s)
        elif o.get("ws"):
            head_of(self.s)
            self.s.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                           b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")

    def write(self, data):
        if self.o.get("http"):
            head = b"POST /api/v1/events HTTP/1.1\r\nHost: %s\r\n" % self.o["host"].encode() if self.client else b"HTTP/1.1 200 OK\r\n"
            data = head + b"Content-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n%s" % (len(data), data)
        elif self.o.get("ws"):
            mask = os.urandom(4) if self.client else b""
            size = bytes([len(data)]) if len(data) < 126 else struct.pack(">BH" if len(data) < 65536 else ">BQ", 126 + (len(data) > 65535), len(data))
            if mask:
                size = bytes([size[0] | 128]) + size[1:]
                data = (int.from_bytes(data, "big") ^ int.from_bytes((mask * (len(data) // 4 + 1))[: len(data)], "big")).to_bytes(len(data), "big")
            data = b"\x82" + size + mask + data
        self.s.sendall(data)

    def raw(self, n):
        data = b""
        while len(data) < n:
            more = self.s.recv(n - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def message(self):
        if self.o.get("http"):
            head = head_of(self.s).lower()
            return self.raw(int(head.partition(b"content-length:")[2].split()[0]))
        head = self.raw(2)
        size = head[1] & 127
        size = struct.unpack(">H", self.raw(2))[0] if size == 126 else struct.unpack(">Q", self.raw(8))[0] if size == 127 else size
        mask = self.raw(4) if head[1] & 128 else b"\0\0\0\0"
        data = self.raw(size)
        return (int.from_bytes(data, "big") ^ int.from_bytes((mask * (size // 4 + 1))[:size], "big")).to_bytes(size, "big")

    def exactly(self, n):
        if not (self.o.get("http") or self.o.get("ws")):
            return self.raw(n)
        while len(self.rest) < n:
            self.rest += self.message()
        data, self.rest = self.rest[:n], self.rest[n:]
        return data


class Frames:
    def __init__(self, s, o, client):
        self.link, self.o, self.client = Link(s, o, client), o, client
        self.out, self.lock = [], threading.Lock()
        if client and (o.get("beat") or o.get("merge")):
            threading.Thread(target=self.rhythm, daemon=True).start()
        if client and o.get("chat"):
            threading.Thread(target=self.chat, daemon=True).start()

    def chat(self):
        while True:
            time.sleep(self.o["chat"])
            self.send(0, os.urandom(20 + os.urandom(1)[0]))

    def rhythm(self):
        while True:
            time.sleep(self.o.get("beat") or self.o["merge"])
            try:
                self.flush(turn=bool(self.o.get("beat")))
            except OSError:
                return

    def flush(self, turn=False):
        with self.lock:
            frames, self.out = self.out, []
        if frames or turn:
            self.link.write(b"".join(frames) + (struct.pack(">HH", 0, 0) if turn else b""))

    def encode(self, data):
        if not data:
            return data
        if self.o.get("deflate"):
            data = zlib.compress(data)
        if self.o.get("pad"):
            data = struct.pack(">H", len(data)) + data + os.urandom(max(0, self.o["pad"] - len(data)))
        return bytes(b ^ self.o["xor"] for b in data) if self.o.get("xor") else data

    def decode(self, data):
        if not data:
            return data
        if self.o.get("xor"):
            data = bytes(b ^ self.o["xor"] for b in data)
        if self.o.get("pad"):
            data = data[2 : 2 + struct.unpack(">H", data[:2])[0]]
        return zlib.decompress(data) if self.o.get("deflate") else data

    def send(self, number, data):
        data = self.encode(data) if number else data
        with self.lock:
            self.out.append(struct.pack(">HH", number, len(data)) + data)
        if not self.o.get("beat") and not (self.client and self.o.get("merge")):
            self.flush()

    def frames(self):
        """(number, data) of what comes, to the end."""
        while True:
            number, size = struct.unpack(">HH", self.link.exactly(4))
            data = self.link.exactly(size)
            if not number and not self.client and self.o.get("beat"):
                self.flush(turn=True)
            elif not number and not self.client and self.o.get("chat"):
                self.send(0, os.urandom(40 + os.urandom(1)[0] * 3))
            elif number:
                if self.o.get("balance") and not self.client and size:
                    self.send(0, os.urandom(size))
                yield number, self.decode(data)


def dial(o):
    return Frames(socket.create_connection(o.get("proxy") or [o["host"], o["port"]]), o, True)
