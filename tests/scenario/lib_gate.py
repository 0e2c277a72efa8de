# SPDX-License-Identifier: Apache-2.0
# What gate.sh has done inside, one order a line on standard input, one answer a line on standard output:
#   open KEY HOST PORT [udp]   a connection: open, or the error's name, and whether that took long
#   echo KEY             sends and receives over it: same, end, or the error's name
#   look HOST            its addresses, or the error's name
import os
import socket
import sys
import time

connections = {}


def error(e):
    return errno_name(e) or type(e).__name__


def errno_name(e):
    import errno

    return errno.errorcode.get(e.errno) if isinstance(e.errno, int) and not isinstance(e, socket.gaierror) else None


def connect_datagrams(host, port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(2)
    s.connect((host, int(port)))
    return s


def open_one(key, host, port, kind="tcp"):
    begun = time.monotonic()
    try:
        if kind == "udp":
            connections[key] = connect_datagrams(host, port)
        else:
            connections[key] = socket.create_connection((host, int(port)), timeout=2)
        answer = "open"
    except OSError as e:
        answer = error(e)
    return answer if time.monotonic() - begun < 1 else answer + " late"


def echo(key):
    text = os.urandom(16).hex().encode()
    try:
        connections[key].sendall(text)
        got = b""
        while len(got) < len(text):
            block = connections[key].recv(len(text) - len(got))
            if not block:
                return "end"
            got += block
        return "same" if got == text else "other"
    except OSError as e:
        return error(e)


def look(host):
    try:
        return " ".join(sorted({a[4][0] for a in socket.getaddrinfo(host, 1)}))
    except OSError as e:
        return error(e)


for line in sys.stdin:
    word, *rest = line.split()
    print({"open": open_one, "echo": echo, "look": look}[word](*rest), flush=True)
