# SPDX-License-Identifier: Apache-2.0
"""Servers and clients of published.sh.

serve ADDRESS:PORT...   inside: each connection is told ADDRESS:PORT, its own peer, then echoed
get ADDRESS PORT        outside: what a server says first, and the echo of one line
many ADDRESS PORT N     outside: N connections at once; how many were told something"""

import socket
import socketserver
import sys
import threading


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(("%s from %s\n" % (self.server.label, self.client_address[0])).encode())
        while data := self.request.recv(65536):
            self.request.sendall(data)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    request_queue_size = 2000


class Server6(Server):
    address_family = socket.AF_INET6


def serve(places):
    for place in places:
        address, port = place.rsplit(":", 1)
        server = (Server6 if ":" in address else Server)((address, int(port)), Handler)
        server.label = place
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print("serving", flush=True)
    sys.stdin.read()


def get(address, port):
    try:
        with socket.create_connection((address, int(port)), timeout=3) as s:
            s.settimeout(12)
            lines = s.makefile("rw")
            first = lines.readline().strip()
            lines.write("over and back\n")
            lines.flush()
            s.shutdown(socket.SHUT_WR)
            print(first or "closed", "|", lines.read().strip())
    except OSError as e:
        print((e.strerror or str(e)).lower())


def many(address, port, count):
    held, told = [], 0
    for _ in range(int(count)):
        try:
            s = socket.create_connection((address, int(port)), timeout=3)
            s.settimeout(10)
            held.append(s)
        except OSError:
            pass
    for s in held:
        try:
            told += bool(s.recv(100))
        except OSError:
            pass
    print(told)


if sys.argv[1] == "serve":
    serve(sys.argv[2:])
else:
    globals()[sys.argv[1]](*sys.argv[2:])
