# SPDX-License-Identifier: Apache-2.0
"""The far end of the tunnels that were written for the tests (tools/relay.py, relay.mjs, courier.py): it opens streams
through the connection that came from inside, as an attacker who browses the internal network."""

import json
import sys
import threading
import time

import lib_far as far
import lib_net as net
from lib_case import TOOLS

sys.path.insert(0, TOOLS)
import carrier  # noqa: E402


class Browser:
    """One connection from inside, many streams through it."""

    def __init__(self, s, o):
        s.settimeout(None)
        self.frames, self.streams, self.next = carrier.Frames(s, o, False), {}, 1
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        try:
            for number, data in self.frames.frames():
                if number in self.streams:
                    said, over = self.streams[number]
                    said.extend(data)
                    if not data:
                        over.set()
        except (OSError, EOFError):
            for _, over in self.streams.values():
                over.set()

    def get(self, path="/", seconds=40):
        """A page of the inner web server, through a stream of its own."""
        number, self.next = self.next, self.next + 1
        said, over = self.streams[number] = bytearray(), threading.Event()
        self.frames.send(number, b"")
        self.frames.send(number, b"GET %s HTTP/1.1\r\nHost: 10.20.0.11\r\nConnection: close\r\n\r\n" % path.encode())
        over.wait(seconds)
        return bytes(said).partition(b"\r\n\r\n")[2]


def wait(c, port, **options):
    """The connection that comes from inside. Called before c.begin(); the result is called after it."""
    listener = net.listen("far", c.far, port)
    c.ends.callback(listener.close)

    def accept():
        listener.settimeout(15)
        s = listener.accept()[0]
        s.settimeout(15)
        s = net.tls().wrap_socket(s, server_side=True) if options.get("tls") else s
        c.ends.callback(s.close)
        return Browser(s, options)

    return accept


def courier(c, port, **options):
    """Lays out a tunnel with these disguises; returns the command that starts it, and what to call for its far end."""
    c.tool("carrier.py", "carrier.py")
    c.tool("courier.py", "worker.py")
    inner = options.pop("inner", [far.INNER, 80])
    c.file("worker.json", json.dumps({"host": c.far, "port": port, "inner": inner, **options}))
    if options.get("proxy"):
        far.proxy(c, options["proxy"][1])
    return "python3 worker.py", wait(c, port, **{k: v for k, v in options.items() if k != "proxy"})


def browse(c, browser, pages=6, pause=0.6):
    for _ in range(pages):
        c.mark()
        c.prove(b"inside 10.20.0.11" in browser.get(), "the far end read a page of the internal network")
        time.sleep(pause)
