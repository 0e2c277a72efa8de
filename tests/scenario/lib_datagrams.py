# SPDX-License-Identifier: Apache-2.0
"""What datagrams.sh has done inside: one line `LABEL RESULT` for each thing that is tried."""

import socket
import struct
import sys
import time

DNS = struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0) + b"\5files\4test\0\0\1\0\1"


def told(label, function, *arguments):
    try:
        result = function(*arguments)
    except socket.timeout:
        result = "timeout"
    except OSError as e:
        result = e.strerror.replace(" ", "-")
    print(label, result, flush=True)


def made(address, wait=1.0):
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(wait)
    return s


def echo(address, port, data=b"hello", connect=False):
    """Sends, and says whether the same came back, from whom it was sent to."""
    s = made(address)
    if connect:
        s.connect((address, port))
        s.send(data)
    else:
        s.sendto(data, (address, port))
    answer, by = s.recvfrom(70000)
    return "%s by %s %d" % ("same" if answer == data else "other", by[0], by[1]) if connect or answer == data else "other"


def rule():
    told("sendto", echo, "198.51.100.10", 7)
    told("connect", echo, "198.51.100.10", 7, b"hello", True)
    told("ipv6", echo, "2001:db8:2::10", 7)
    told("name", echo, socket.gethostbyname("files.test"), 7)
    told("large", echo, "198.51.100.10", 7, b"x" * 60000)
    told("nothing", echo, "198.51.100.10", 7, b"")
    told("port", echo, "198.51.100.10", 123)
    told("host", echo, "198.51.100.66", 7)
    told("tcp-rule", echo, "198.51.100.10", 80)
    told("other-name", echo, socket.gethostbyname("tcp.wild.test"), 7)
    told("private", echo, "10.20.0.11", 7)
    told("resolver", echo, "198.18.0.1", 7)
    told("broadcast", echo, "255.255.255.255", 7)
    told("multicast", echo, "224.0.0.1", 7)


def ask(address):
    """By the name server there."""
    s = made(address)
    s.sendto(DNS, (address, 53))
    answer, by = s.recvfrom(1000)
    return "%s by %s %d" % ("answered" if answer[:2] == DNS[:2] and answer[2] & 128 else "other", by[0], by[1])


def dns():
    told("dns", ask, "198.51.100.10")
    told("not-dns", echo, "198.51.100.10", 53, b"GET / HTTP/1.0\r\n\r\n")
    s = made("198.51.100.10")
    s.connect(("198.51.100.10", 53))
    s.send(DNS)
    told("first", lambda: s.recv(1000)[:2] == DNS[:2])
    s.send(b"something else, once it is open")
    told("then", lambda: len(s.recv(1000)))
    told("ruled-dns", echo, "198.51.100.10", 123, DNS)
    told("ruled-not", echo, "198.51.100.10", 123, b"\x1b" + b"\0" * 47)


def many():
    """More flows than are kept at once; each is answered, and one that went on being used still is."""
    kept = made("198.51.100.10")
    kept.connect(("198.51.100.10", 7))
    answers = 0
    for n in range(1500):
        s = made("198.51.100.10")
        s.sendto(b"%d" % n, ("198.51.100.10", 7))
        try:
            answers += s.recv(100) == b"%d" % n
        except socket.timeout:
            pass
        s.close()
        if n % 100 == 0:
            kept.send(b"k")
            kept.recv(10)
    print("many", answers)
    kept.send(b"again")
    told("kept", lambda: kept.recv(10).decode())


def budget():
    """1000 bytes both ways: 100 each way five times, not six."""
    s = made("198.51.100.10", 0.5)
    s.connect(("198.51.100.10", 7))
    passed = 0
    for _ in range(8):
        s.send(b"x" * 100)
        try:
            passed += len(s.recv(1000))
        except socket.timeout:
            break
    print("budget", passed)


def wait():
    """Living while the policy changes: says `echo N same` for each line it is given."""
    s = made("198.51.100.10")
    s.connect(("198.51.100.10", 7))
    for line in sys.stdin:
        data = line.strip().encode()

        def once():
            s.send(data)
            return "same" if s.recv(100) == data else "other"

        told("wait", once)


globals()[sys.argv[1]]()
