# SPDX-License-Identifier: Apache-2.0
"""lib_hello.py HOW HOST PORT [NAME]: a TLS handshake whose first message is sent in an unusual way, and what came of it.

whole, bytes (one at a time), records (of 40 bytes each), large (over 16 KiB), half (and no more of it),
late (after a silence): prints the version that was agreed on, or nothing where there was no answer."""

import socket
import ssl
import sys
import time

how, host, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
context = ssl.create_default_context(cafile="ca.pem")
context.check_hostname = False
if how == "large":
    context.set_alpn_protocols(["http/1.1"] + ["protocol-%05d" % i for i in range(1400)])
incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
tls = context.wrap_bio(incoming, outgoing, server_hostname=(sys.argv + [host])[4])


def step():
    try:
        tls.do_handshake()
        return True
    except ssl.SSLWantReadError:
        return False


step()
hello = outgoing.read()
s = socket.create_connection((host, port), timeout=20)
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
if how == "bytes":
    for byte in hello:
        s.send(bytes([byte]))
        time.sleep(0.001)
elif how == "records":
    body = hello[5:]
    for at in range(0, len(body), 40):
        part = body[at : at + 40]
        s.send(hello[:3] + len(part).to_bytes(2, "big") + part)
elif how == "half":
    s.send(hello[: len(hello) // 2])
else:
    if how == "late":
        time.sleep(0.6)
    s.sendall(hello)
while not step():
    data = s.recv(65536)
    if not data:
        sys.exit(1)
    incoming.write(data)
s.sendall(outgoing.read())
print(tls.version(), len(hello))
