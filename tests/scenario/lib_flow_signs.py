# SPDX-License-Identifier: Apache-2.0
"""lib_flow_signs.py: sessions whose initiative is known, and who counts it from the packets.
shell KEY HOST: an interactive ssh session in which a person types, at no period.
hold KEY HOST PORT: ssh to its 443, -N -R PORT:127.0.0.1:PORT and the server that it leads to, until it is ended.
visit PORT: from the far side, asks through such a tunnel, at no period.
websocket HOST PORT: stratum in WebSocket frames, as a client.
pool PORT: the far side of that.
count PCAP PORT: of the capture's one flow to PORT: who spoke first after 0.3, 1 and 5 s of silence, behind the first
three seconds, and how often the other side answered within a second, for inside and outside."""

import base64
import os
import pty
import socket
import struct
import subprocess
import sys
import threading
import time

SSH = ["ssh", "-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "IdentitiesOnly=yes"]
PAUSES = (1.3, 0.55, 2.2, 0.8, 0.45, 1.6)


def shell(key, host):
    pid, fd = pty.fork()
    if pid == 0:
        os.execvp("ssh", SSH + ["-i", key, "-tt", "root@" + host, "cat"])
    threading.Thread(target=lambda: [None for _ in iter(lambda: os.read(fd, 4096), b"")], daemon=True).start()
    time.sleep(4)
    for i, pause in enumerate(PAUSES):
        time.sleep(pause)
        os.write(fd, b"x" * (1 + 40 * i))
    time.sleep(0.6)
    os.kill(pid, 15)


def hold(key, host, port):
    server = socket.create_server(("127.0.0.1", int(port)))
    with subprocess.Popen(SSH + ["-i", key, "-p", "443", "-N", "-R", "%s:127.0.0.1:%s" % (port, port), "root@" + host]) as child:
        threading.Timer(16, child.terminate).start()
        while child.poll() is None:
            server.settimeout(0.5)
            try:
                with server.accept()[0] as c:
                    c.sendall(b"a" * (100 + len(c.recv(4096))))
            except socket.timeout:
                pass


def visit(port):
    for i, pause in enumerate(PAUSES):
        time.sleep(pause)
        with socket.create_connection(("127.0.0.1", int(port))) as s:
            s.sendall(b"b" * (10 + 100 * i))
            s.recv(4096)


def frame(text, masked):
    mask = os.urandom(4) if masked else b""
    size = bytes([129, 128 * masked | len(text)]) if len(text) < 126 else struct.pack(">BBH", 129, 128 * masked | 126, len(text))
    return size + mask + (bytes(c ^ mask[i % 4] for i, c in enumerate(text)) if masked else text)


def websocket(host, port):
    with socket.create_connection((host, int(port))) as s:
        key = base64.b64encode(os.urandom(16)).decode()
        s.sendall(b"GET / HTTP/1.1\r\nHost: %b\r\nUpgrade: websocket\r\nSec-WebSocket-Key: %b\r\n\r\n" % (host.encode(), key.encode()))
        s.recv(4096)
        s.sendall(frame(b'{"id":1,"method":"mining.subscribe","params":[]}', True))
        s.recv(4096)


def pool(port):
    with socket.create_server(("", int(port))).accept()[0] as c:
        c.recv(4096)
        c.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n")
        c.recv(4096)
        zeros = b"0" * 64
        c.sendall(frame(b'{"id":null,"method":"m","params":["1","%b","ab","cd",[],"00000001","1d00ffff","504e86b9",true]}' % zeros, False))
        time.sleep(0.5)


def payloads(path, port):
    """(time, side, bytes) of the packets with payload: side 0 says it to the port. Linux cooked, IP, TCP."""
    with open(path, "rb") as f:
        data = f.read()
    order = "<" if data[:4] == b"\xd4\xc3\xb2\xa1" else ">"
    at = 24
    while at + 16 <= len(data):
        seconds, micros, size, _ = struct.unpack(order + "IIII", data[at : at + 16])
        ip = data[at + 16 + 16 : at + 16 + size]
        at += 16 + size
        four = ip[0] >> 4 == 4
        head = (ip[0] & 15) * 4 if four else 40
        tcp = ip[head:]
        length = struct.unpack(">H", ip[2:4] if four else ip[4:6])[0] - (head if four else 0) - (tcp[12] >> 4) * 4
        ports = struct.unpack(">HH", tcp[:4])
        if length > 0 and port in ports:
            yield seconds + micros / 1e6, ports.index(port) ^ 1, length


def count(path, port):
    led, answered, first, last, leader = [[0] * 3, [0] * 3], [0, 0], None, None, None
    for when, side, _ in payloads(path, int(port)):
        first = first or when
        idle = when - (last or when)
        if idle >= 0.3:
            leader = side if when - first >= 3 else None
            for i, gap in enumerate((0.3, 1, 5)):
                led[side][i] += leader is not None and idle >= gap
            said = when
        if leader is not None and side == leader:
            said = when
        elif leader is not None and when - said <= 1:
            answered[leader] += 1
            leader = None
        last = when
    print(*["%s answered %d" % (" ".join(map(str, led[i])), answered[i]) for i in (0, 1)], sep="; ")


globals()[sys.argv[1]](*sys.argv[2:])
