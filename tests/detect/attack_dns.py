# SPDX-License-Identifier: Apache-2.0
"""Tunnels in names and in kinds of packets that the sandbox does not give: refused inside, with the refusal on record;
and done for real outside of weir, as captures for `weir pcap`."""

import os
import subprocess
import time

import lib_far as far
import lib_net as net
from lib_case import case


SETTINGS = "domain = t.n1.far.test\nresource = web\nlocal_port = 9000\ndebug_level = 0\n"


def far_web(c, address, port=8000, size=200000):
    asked = []

    def handle(s):
        asked.append(net.read_until(s, b"\r\n\r\n"))
        s.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % size + os.urandom(size))

    far.serve(c, port, handle, address=address)
    return asked


@case("tunnel", seconds=8, refused=True, quick=True)
def dns2tcp(c):
    """dns2tcp inside: a name server of its own is not to be reached, and the run's resolver does not carry it"""
    c.tool("dns2tcpc")
    c.file("direct", SETTINGS + "server = %s\n" % c.far)
    c.file("resolver", SETTINGS)
    use = "timeout 5 ./worker -f %s 2>&1 & sleep 1; curl -s -m 3 http://127.0.0.1:9000/; echo got $?; wait"
    direct, resolver = c.attack(use % "direct"), c.attack(use % "resolver")
    c.begin()
    c.replay.wait(60)
    c.prove("got 0" not in c.output(direct) + c.output(resolver), "nothing came through")
    events = c.events("--call", str(direct))
    c.prove([e for e in events if e["kind"] == "send" and e["result"] < 0 and e["dst"] == c.far], "the datagrams to a foreign name server were refused, on record")
    asked = [e for e in c.events("--call", str(resolver)) if e["kind"] == "dns"]
    c.prove(asked, "what the resolver was asked for is on record")


@case("tunnel", seconds=8, refused=True, quick=True)
def tunnel_devices(c):
    """iodine, WireGuard and ptunnel inside: no device, no interface, no raw socket"""
    for tool, name in ("iodine", "a"), ("wireguard-go", "b"), ("ptunnel", "c"):
        c.tool(tool, name)
    c.file("raw.py", "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)\n")
    calls = [
        c.attack("./a -f -P x -r %s t.n1.far.test 2>&1; echo $?" % c.far),
        c.attack("WG_PROCESS_FOREGROUND=1 timeout 5 ./b wg0 2>&1; echo $?"),
        c.attack("ip link add wg1 type wireguard 2>&1; echo $?"),
        c.attack("timeout 3 ./c -p %s -lp 9000 -da 10.0.0.1 -dp 22 >/dev/null 2>&1 & sleep 0.5; curl -s -m 2 http://127.0.0.1:9000/; echo $?; python3 raw.py 2>&1; echo $?" % c.far),
    ]
    c.begin()
    c.replay.wait(60)
    for call in calls:
        c.prove(not c.output(call).strip().endswith("\n0"), "none of them came up")
    refused = {e["call"] for e in c.events() if e["kind"] == "socket" and e["result"] < 0}
    c.prove({calls[2], calls[3]} <= refused, "the refused interface and the refused raw socket are in the record")
    c.prove("does not exist" in c.output(calls[1]), "there is no tun device")


def tun(c):
    """This case's network inside of a tunnel: x.1 is the far end's."""
    return "10.99.%d." % c.number


@case("tunnel", seconds=12, outside=True, filter="host %s and udp port 53")
def dns2tcp_capture(c):
    """dns2tcp between two hosts: a connection in questions and answers"""
    asked = far_web(c, c.far, size=6000)
    c.file("daemon", "listen = %s\nport = 53\nuser = nobody\nchroot = /tmp\ndomain = t.n1.far.test\nresources = web:%s:8000\n" % (c.far, c.far))
    c.file("client", SETTINGS.replace("9000", str(9000 + c.number)) + "server = %s\n" % c.far)
    c.start_capture()
    far.start(c, ["dns2tcpd", "-F", "-f", c.dir + "/daemon"])
    time.sleep(0.5)
    c.mark()
    far.start(c, ["dns2tcpc", "-f", c.dir + "/client"], place="host")
    time.sleep(1)
    ok = browse_far("host", asked, ["curl", "-s", "-m", "20", "--retry", "8", "--retry-connrefused", "--retry-delay", "1", "-o", "/dev/null", "http://127.0.0.1:%d/" % (9000 + c.number)], least=1)
    c.prove(ok, "a far web server was asked through the name server")


def browse_far(place, asked, argv, least=5):
    """Requests through a tunnel, made on the world's host; so many have come out of it."""
    for _ in range(6):
        net.popen(place, argv).wait(30)
        time.sleep(0.5)
    return len(asked) >= least


@case("tunnel", seconds=15, outside=True, filter="host %s and udp port 53")
def iodine_capture(c):
    """iodine between two hosts: IP in the labels of names"""
    far.start(c, ["iodined", "-f", "-c", "-P", "x", "-l", c.far, "-d", "dns%d" % c.number, tun(c) + "1/24", "t.n1.far.test"])
    time.sleep(1)
    c.start_capture()
    c.mark()
    far.start(c, ["iodine", "-f", "-r", "-P", "x", "-d", "dnc%d" % c.number, c.far, "t.n1.far.test"], place="host")
    time.sleep(4)
    asked = far_web(c, tun(c) + "1", size=3000)
    ok = browse_far("host", asked, ["curl", "-s", "-m", "20", "--retry", "8", "--retry-connrefused", "--retry-delay", "1", "-o", "/dev/null", "http://%s1:8000/" % tun(c)])
    c.prove(ok, "a far web server was asked through the name server")


@case("tunnel", seconds=12, outside=True, alone=True, filter="icmp and host 203.0.113.2")
def ptunnel_capture(c):
    """ptunnel between two hosts: a TCP connection in echo requests"""
    there = "203.0.113.2"  # the address from which the far end answers by itself
    asked = far_web(c, there, size=20000)
    with net.at("far"):
        subprocess.run(["sysctl", "-qw", "net.ipv4.icmp_echo_ignore_all=1"], check=True)
    far.start(c, ["ptunnel"])
    c.start_capture()
    c.mark()
    far.start(c, ["ptunnel", "-p", there, "-lp", str(9000 + c.number), "-da", there, "-dp", "8000"], place="host")
    time.sleep(1)
    ok = browse_far("host", asked, ["curl", "-s", "-m", "20", "--retry", "8", "--retry-connrefused", "--retry-delay", "1", "-o", "/dev/null", "http://127.0.0.1:%d/" % (9000 + c.number)])
    c.prove(ok, "a far web server was asked in echo requests")


@case("tunnel", seconds=12, outside=True, filter="udp port 51820 and host %s")
def wireguard_capture(c):
    """WireGuard between two hosts"""
    keys = {}
    for end in "host", "far":
        key = subprocess.run(["wg", "genkey"], stdout=subprocess.PIPE, check=True).stdout
        keys[end] = key, subprocess.run(["wg", "pubkey"], input=key, stdout=subprocess.PIPE, check=True).stdout.decode().strip()
    c.start_capture()
    c.mark()
    for end, other, own, theirs in ("far", "host", 1, 2), ("host", "far", 2, 1):
        name = "wg%s%d" % (end[0], c.number)
        key = c.base + "/" + name
        with open(key, "wb") as file:
            file.write(keys[end][0])
        far.start(c, ["wireguard-go", "-f", name], place=end)
        c.wait_for(lambda: os.path.exists("/var/run/wireguard/%s.sock" % name), 5, name)
        peer = ["peer", keys[other][1], "allowed-ips", "10.98.%d.%d/32" % (c.number, theirs)]
        peer += ["endpoint", c.far + ":51820"] if end == "host" else []
        for argv in (["wg", "set", name, "private-key", key] + (["listen-port", "51820"] if end == "far" else []) + peer,
                     ["ip", "address", "add", "10.98.%d.%d/24" % (c.number, own), "dev", name], ["ip", "link", "set", name, "up"]):
            if net.popen(end, argv).wait(5):
                raise OSError(argv)
    asked = far_web(c, "10.98.%d.1" % c.number)
    ok = browse_far("host", asked, ["curl", "-s", "-m", "20", "--retry", "8", "--retry-connrefused", "--retry-delay", "1", "-o", "/dev/null", "http://10.98.%d.1:8000/" % c.number])
    c.prove(ok, "a far web server was asked inside of WireGuard")


@case("probing", seconds=10, outside=True, alone=True, filter="net 10.20.0.0/24")
def raw_scan_capture(c):
    """nmap -sS between two hosts"""
    c.start_capture()
    c.begun = time.time()
    c.mark()
    net.popen("host", ["nmap", "-n", "-Pn", "-sS", "-T4", "-p", "1-100", "--max-retries", "0", "10.20.0.13"]).wait(30)
    net.popen("host", ["nmap", "-n", "-sS", "-T4", "-p", "22,80,443", "--max-retries", "0", "10.20.0.1-30"]).wait(30)
    c.wait_for(lambda: os.path.getsize(c.capture) > 10000, 5, "its packets on the wire")
    c.prove(True, "the wire saw it")
