# SPDX-License-Identifier: Apache-2.0
"""What the held-out cases share: programs compiled for a case, and the far end of what was written for them."""

import os
import queue
import shutil
import socket
import struct
import subprocess
import time

import lib_far as far
import lib_net as net
from lib_case import Failed, Skipped

TOOLS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools")
PAGE = b"inside 10.20.0.11"


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            raise Skipped("%s is not installed" % program)


def need_module(name):
    """A module of the python3 that calls see."""
    if subprocess.run(["/usr/bin/python3", "-c", "import " + name], stderr=subprocess.DEVNULL).returncode:
        raise Skipped("python3 has no module %s" % name)


def tool(c, name, to):
    shutil.copy(os.path.join(TOOLS, name), os.path.join(c.dir, to))


def compiled(c, source, to, *libraries):
    """A program of tools/, built outside, in the workspace under a name that says nothing."""
    made = subprocess.run(["cc", "-O1", "-o", os.path.join(c.dir, to), os.path.join(TOOLS, source), *libraries], stderr=subprocess.PIPE, text=True)
    if made.returncode:
        raise Failed("it does not compile: " + made.stderr[-300:])


def start(c, command):
    """The attack in the background, between two innocent calls."""
    c.call("ls")
    c.attack(command + " & " + c.until_done())
    c.call("true")
    c.begin()


def read_exactly(s, size):
    data = b""
    while len(data) < size:
        more = s.recv(size - len(data))
        if not more:
            raise EOFError(data)
        data += more
    return data


def socks(s, host, port):
    """This connection ends at a SOCKS5 server: through it to the host (RFC 1928)."""
    s.sendall(b"\5\1\0")
    if read_exactly(s, 2) != b"\5\0":
        raise Failed("no SOCKS server")
    s.sendall(b"\5\1\0\1" + socket.inet_aton(host) + struct.pack(">H", port))
    if read_exactly(s, 10)[1]:
        raise Failed("SOCKS refused")
    return s


def socks_server(c, port):
    """A SOCKS5 server at the far end that goes wherever it is told. Returns whom it was asked for."""
    asked = []

    def handle(s):
        read_exactly(s, read_exactly(s, 2)[1])
        s.sendall(b"\5\0")
        head = read_exactly(s, 4)
        host = socket.inet_ntoa(read_exactly(s, 4)) if head[3] == 1 else read_exactly(s, read_exactly(s, 1)[0]).decode()
        to = struct.unpack(">H", read_exactly(s, 2))[0]
        asked.append((host, to))
        with net.connect("far", c.far if host == c.far_name else host, to) as other:
            s.sendall(b"\5\0\0\1" + bytes(6))
            s.settimeout(None)
            other.settimeout(None)
            net.relay(s, other)

    far.serve(c, port, handle)
    return asked


def listener(c, port):
    """accept() of a port of the far end, for connections that come from inside."""
    s = net.listen("far", c.far, port)
    c.ends.callback(s.close)

    def accept(tls=None, seconds=20):
        s.settimeout(seconds)
        connection = s.accept()[0]
        connection.settimeout(20)
        connection = tls.wrap_socket(connection, server_side=True) if tls else connection
        c.ends.callback(connection.close)
        return connection

    return accept


def browse(c, opened, pages=6, pause=0.6):
    """Pages of the inner web server, each over a connection of its own, as opened() gives them."""
    for _ in range(pages):
        with opened() as s:
            c.mark()
            body = net.http_get(s)
        c.prove(PAGE in body, "the far end read a page of the internal network")
        time.sleep(pause)


def inner_shell(c):
    """A machine of the internal network where whoever comes gets a shell; returns (address, port)."""
    port = 2300 + c.number
    far.shell_server(c, port)
    return far.INNER_SHELL, port


def log_in(c, s, commands=("id", "hostname", "ls /", "uptime")):
    """Someone works at the inner machine through this connection, by keys."""
    c.mark()
    seen = far.type_commands(s, commands[:2], slow=False) + far.type_commands(s, commands[2:])
    c.prove(b"uid=" in seen, "the far end ran commands on an inner machine")


def respond(s, body):
    s.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(body), body))


class Polled:
    """A web server that holds a GET until there is something to say, and takes answers by POST."""

    def __init__(self, c, port):
        self.asked, self.answers = queue.Queue(), queue.Queue()
        far.serve(c, port, self.handle)

    def handle(self, s):
        head, _, body = net.read_until(s, b"\r\n\r\n").partition(b"\r\n\r\n")
        if head.startswith(b"GET"):
            try:
                respond(s, self.asked.get(timeout=8))
            except queue.Empty:
                respond(s, b"")
            return
        size = int(head.lower().partition(b"content-length:")[2].split()[0])
        self.answers.put(body + read_exactly(s, size - len(body)))
        respond(s, b"ok")

    def get(self, path="/"):
        self.asked.put(b"GET %s HTTP/1.1\r\nHost: 10.20.0.11\r\nConnection: close\r\n\r\n" % path.encode())
        return self.answers.get(timeout=20)
