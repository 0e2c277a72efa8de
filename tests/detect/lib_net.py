# SPDX-License-Identifier: Apache-2.0
"""The networks of the test world as seen from outside of weir: sockets and processes in its namespaces.

A socket belongs to the namespace that its thread is in when it is made, so one program can stand in all of them:
`host` (where weir is started), `far` (an attacker's machines), `inside` (the internal network), `net` (the internet
between)."""

import contextlib
import ctypes
import os
import select
import signal
import socket
import ssl
import subprocess
import threading
import time

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)
PLACES = {"host": "WORLD_HOST", "far": "WORLD_FAR", "inside": "WORLD_INSIDE", "net": "WORLD_NET"}


def setns(file):
    if libc.setns(file.fileno(), CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


@contextlib.contextmanager
def at(place):
    """This thread is there; what it opens and starts stays there."""
    with open("/proc/thread-self/ns/net") as home, open("/run/netns/" + os.environ[PLACES[place]]) as there:
        setns(there)
        try:
            yield
        finally:
            setns(home)


def popen(place, argv, **more):
    """A process there, in a session of its own, so that stop() ends what it started too."""
    more = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **more}
    with at(place):
        return subprocess.Popen(argv, start_new_session=True, **more)


def stop(process, how=signal.SIGTERM):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, how)
    try:
        process.wait(3)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def connect(place, address, port, seconds=10.0):
    """A connection, tried until somebody listens."""
    end = time.monotonic() + seconds
    while True:
        with at(place):
            s = socket.socket()
        try:
            s.settimeout(max(0.1, end - time.monotonic()))
            s.connect((address, port))
            s.settimeout(20)
            return s
        except OSError:
            s.close()
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def listen(place, address, port):
    with at(place):
        s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, port))
    s.listen(64)
    return s


def serve(place, address, port, handle, tls=None):
    """handle(connection) in a thread of its own for each who comes. Returns the listening socket."""
    listener = listen(place, address, port)

    def one(s):
        with contextlib.suppress(OSError, EOFError):
            with tls.wrap_socket(s, server_side=True) if tls else s as s:
                handle(s)

    def loop():
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=loop, daemon=True).start()
    return listener


def read_until(s, what, seconds=10.0):
    """What comes, to the end of `what`; EOFError where it ends before, TimeoutError where it does not come."""
    end, data = time.monotonic() + seconds, b""
    while what not in data:
        s.settimeout(max(0.01, end - time.monotonic()))
        more = s.recv(65536)
        if not more:
            raise EOFError(data)
        data += more
    return data


def read_all(s, seconds=20.0):
    s.settimeout(seconds)
    data = bytearray()
    with contextlib.suppress(OSError):
        while more := s.recv(1 << 18):
            data += more
    return bytes(data)


def http_get(s, path="/", host="10.20.0.11"):
    """The body of an answer, over a connection that is used once."""
    s.sendall(b"GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % (path.encode(), host.encode()))
    return read_all(s).partition(b"\r\n\r\n")[2]


def relay(a, b, delay=0.0, change=lambda side, data: data):
    """Carries both ways until both have ended."""

    def one(source, target, side):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if delay:
                    time.sleep(delay)
                target.sendall(change(side, data))
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    other = threading.Thread(target=one, args=(b, a, 1), daemon=True)
    other.start()
    one(a, b, 0)
    other.join()


def readable(s, seconds):
    return bool(select.select([s], [], [], seconds)[0])


def tls():
    """The world's certificate, for servers of the far end."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.environ["WORLD"] + "/server.pem", os.environ["WORLD"] + "/server.key")
    return context
