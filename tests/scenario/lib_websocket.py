# SPDX-License-Identifier: Apache-2.0
"""lib_websocket.py HOST PORT [HOST-HEADER]: a WebSocket over plain HTTP: says three words and prints what comes back."""

import base64
import os
import socket
import struct
import sys

host, port = sys.argv[1], int(sys.argv[2])
s = socket.create_connection((host, port), timeout=5)
key = base64.b64encode(os.urandom(16)).decode()
s.sendall(
    (
        "GET /ws HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n" % ((sys.argv + [host])[3], key)
    ).encode()
)
stream = s.makefile("rb")
print(stream.readline().decode().strip())
while stream.readline().strip():
    pass
for word in b"one", b"two" * 100, b"three" * 10000:
    mask = os.urandom(4)
    size = len(word)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack(">H", size)
    s.sendall(b"\x81" + length + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(word)))
    head = stream.read(2)
    size = head[1] & 127
    if size == 126:
        (size,) = struct.unpack(">H", stream.read(2))
    print(stream.read(size) == word)
