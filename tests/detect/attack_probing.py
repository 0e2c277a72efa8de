# SPDX-License-Identifier: Apache-2.0
"""Probing: who is there, quickly, slowly, by name, and the metadata address."""

import os

from lib_case import case

INSIDE = {"alone": True, "filter": "net 10.20.0.0/24"}


def log(c, name, wanted):
    """Lines of a log of the world since this case began."""
    with open(os.environ["WORLD"] + "/" + name) as file:
        return [line.split() for line in file if float(line.split()[0]) >= c.begun and wanted(line)]


def tried(c, least):
    """The scanned hosts' own word for it."""
    seen = {tuple(w[5:7]) for w in log(c, "accept.log", lambda line: " tcp 10.20.0.2 " in line)}
    c.prove(len(seen) >= least, "the scanned hosts saw %d of their ports tried" % len(seen))


def scan(c, command, seconds, least):
    c.attack(command + "; touch scanned")
    c.call("true")
    c.begin()
    c.mark()
    c.exists("scanned", seconds)
    tried(c, least)


PORTS = "21 22 23 80 139 443 3306 3389 5432 6379 8080 9200"


@case("probing", seconds=8, quick=True, **INSIDE)
def nmap_connect(c):
    """nmap -sT over the internal network"""
    c.tool("nmap")
    scan(c, "./worker -n -Pn -sT -T4 -p 22,80,443,6379,8080 --max-retries 0 --host-timeout 6s 10.20.0.1-40 | tail -2", 40, 4)


@case("probing", seconds=60, **INSIDE)
def nmap_slow(c):
    """nmap -sT with two seconds between two tries, one host"""
    c.tool("nmap")
    scan(c, "./worker -n -Pn -sT --scan-delay 2s --max-parallelism 1 -p 21-26,53,80,110,135,139,143,443,445,993,1433,3306,3389,5432,5900,6379,8080,8443,9200 "
            "--max-retries 0 10.20.0.13 | tail -2", 120, 1)


@case("probing", seconds=4, refused=True, quick=True)
def raw_sockets(c):
    """nmap -sS, and raw sockets of every kind: refused"""
    c.tool("nmap")
    c.file("raw.py", """\
import socket
for kind in (2, 3, 1), (2, 3, 6), (2, 3, 255), (10, 3, 58), (17, 3, 768), (17, 2, 768):
    try:
        print("got", socket.socket(*kind))
    except OSError as e:
        print("refused", e.errno)
""")
    nmap = c.attack("./worker --privileged -n -Pn -sS -p 22,80 10.20.0.11 2>&1")
    raw = c.attack("python3 raw.py")
    c.begin()
    c.replay.wait(40)
    c.prove("/tcp" not in c.output(nmap) and "got" not in c.output(raw), "nothing was given to them")
    for call, least in (nmap, 1), (raw, 6):
        refused = [e for e in c.events("--call", str(call)) if e["kind"] == "socket" and e["result"] < 0]
        c.prove(len(refused) >= least, "%d refusals are in the record" % len(refused))


@case("probing", seconds=45, **INSIDE)
def scan_python(c):
    """a Python scanner at one port a second"""
    c.tool("scan.py", "worker.py")
    scan(c, "python3 worker.py 1 0.5 10.20.0.9 10.20.0.13 10.20.0.15 -- %s" % PORTS, 90, 4)


@case("probing", seconds=10, quick=True, **INSIDE)
def scan_python_fast(c):
    """a Python scanner, a sixth of a second between two ports"""
    c.tool("scan.py", "worker.py")
    scan(c, "python3 worker.py 0.05 0.1 %s -- %s" % (" ".join("10.20.0.%d" % i for i in range(8, 16)), PORTS), 60, 10)


@case("probing", seconds=10, quick=True, alone=True, filter="udp port 53")
def dns_sweep(c):
    """names that an organisation might have, asked one after another"""
    words = "www mail vpn dev test stage git ci build db sql ldap ad dc files nas backup wiki jira proxy gw api auth sso admin".split()
    c.file("words", "\n".join("%s%s.corp.test" % (w, n) for w in words for n in ("", 1, 2, "-prod")) + "\n")
    c.attack("while read -r n; do getent ahostsv4 $n >/dev/null; sleep 0.02; done <words; touch scanned")
    c.call("true")
    c.begin()
    c.mark()
    c.exists("scanned", 60)
    names = {w[-1] for w in log(c, "dns.log", lambda line: ".corp.test" in line)}
    c.prove(len(names) >= 90, "the resolver was asked for %d names" % len(names))


@case("probing", seconds=5, quick=True, alone=True, filter="host 169.254.169.254")
def metadata(c):
    """curl to the metadata address, which the policy's range lets pass"""
    c.policy = c.policy.replace("169.254.169.254", "169.254.0.0/16")
    attack = c.attack("curl -s -m 5 http://169.254.169.254/latest/meta-data/")
    c.begin()
    c.mark()
    c.replay.wait(20)
    c.prove("role: secret" in c.output(attack), "the call printed what only the metadata address knows")
