# SPDX-License-Identifier: Apache-2.0
"""Scans that stay below what any one call or minute shows."""

from attack_probing import INSIDE, scan, tried
from lib_case import case


@case("probing", seconds=25, evasion=True, quick=True, **INSIDE)
def evade_spread(c):
    """fourteen calls, each of which tries three addresses; the run's clock stands for hours"""
    c.tool("scan.py", "worker.py")
    for i in range(14):
        c.attack("ls >/dev/null; python3 worker.py 0 0.2 %s -- %d; sleep 0.2" % (
            " ".join("10.20.0.%d" % (8 + (3 * i + k) % 16) for k in range(3)), (22, 3306, 8080, 80, 443)[i % 5]))
    c.call("touch scanned")
    c.begin()
    c.mark()
    c.exists("scanned", 90)
    tried(c, 8)


@case("probing", seconds=95, evasion=True, **INSIDE)
def evade_slow(c):
    """a port every five seconds, one host"""
    c.tool("scan.py", "worker.py")
    scan(c, "python3 worker.py 5 0.5 10.20.0.14 -- 21 22 23 25 80 110 139 443 445 1433 3306 3389 5432 6379 8080 9200", 150, 1)


@case("probing", seconds=15, evasion=True, **INSIDE,
      why="most of what is tried answers")
def evade_crowd(c):
    """each failure hides between five pages of an allowed host"""
    c.file("scan.py", """\
import socket
def get():
    with socket.create_connection(("files.test", 80)) as s:
        s.sendall(b"GET / HTTP/1.1\\r\\nHost: files.test\\r\\nConnection: close\\r\\n\\r\\n")
        while s.recv(4096):
            pass
for host in range(9, 22):
    for port in 22, 3306, 8080:
        for _ in range(5):
            get()
        try:
            socket.create_connection(("10.20.0.%d" % host, port), 0.2).close()
        except OSError:
            pass
""")
    scan(c, "python3 scan.py", 120, 10)


@case("probing", seconds=8, evasion=True, **INSIDE,
      why="one port of a few hosts, of which most answer, is a health check")
def evade_hosts(c):
    """one port of each host, in the order of a health check, by curl"""
    scan(c, "for i in 9 10 11 12 13 14 15 16 17 18 19 20 21 22; do curl -s -m 0.3 -o /dev/null http://10.20.0.$i/; done", 60, 8)
