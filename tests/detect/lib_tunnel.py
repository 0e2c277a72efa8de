# SPDX-License-Identifier: Apache-2.0
"""The far end of the tunnels that were written for the tests (tools/relay.py, tools/relay.mjs): it opens streams through
the connection that came from inside, as an attacker who browses the internal network."""

import struct
import threading

import lib_net as net


class Frames:
    """One connection from inside, many streams through it. wrap, unwrap: what disguises the bytes of a frame."""

    def __init__(self, s):
        self.s, self.streams, self.next = s, {}, 1
        self.lock = threading.Lock()
        s.settimeout(None)
        threading.Thread(target=self.read, daemon=True).start()

    def exactly(self, n):
        data = b""
        while len(data) < n:
            more = self.s.recv(n - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def read(self):
        try:
            while True:
                number, size = struct.unpack(">HH", self.exactly(4))
                data = self.exactly(size)
                if number in self.streams:
                    said, over = self.streams[number]
                    said.extend(data)
                    if not size:
                        over.set()
        except (OSError, EOFError):
            for _, over in self.streams.values():
                over.set()

    def send(self, number, data):
        with self.lock:
            self.s.sendall(struct.pack(">HH", number, len(data)) + data)

    def get(self, path="/", seconds=20):
        """A page of the inner web server, through a stream of its own."""
        number, self.next = self.next, self.next + 1
        said, over = self.streams[number] = bytearray(), threading.Event()
        self.send(number, b"")
        self.send(number, b"GET %s HTTP/1.1\r\nHost: 10.20.0.11\r\nConnection: close\r\n\r\n" % path.encode())
        over.wait(seconds)
        return bytes(said).partition(b"\r\n\r\n")[2]


def wait(c, port, tls=None):
    """The connection that comes from inside. Called before c.begin(); the result is called after it."""
    listener = net.listen("far", c.far, port)
    c.ends.callback(listener.close)

    def accept():
        listener.settimeout(15)
        s = listener.accept()[0]
        s = tls.wrap_socket(s, server_side=True) if tls else s
        c.ends.callback(s.close)
        return Frames(s)

    return accept
