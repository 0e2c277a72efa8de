# SPDX-License-Identifier: Apache-2.0
# sshuttle's transport without its firewall: its own server on the far end, started over ssh, its own multiplexer, and
# a listener in place of redirected packets.   shuttle.py PORT HOST HOSTPORT
import socket
import sys

from sshuttle import ssh, ssnet

port, host, to = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
listener = socket.create_server(("127.0.0.1", port))
server, link = ssh.connect("./worker -F config", "x", "/usr/bin/python3", None, {
    "latency_control": True, "latency_buffer_size": 32768, "auto_hosts": False, "to_nameserver": None, "auto_nets": False})
mux = ssnet.Mux(link.makefile("rb"), link.makefile("wb"))
while link.recv(1) != b"\0":
    pass
while link.recv(1) != b"\0":
    pass
assert link.recv(12) == b"SSHUTTLE0001"
link.setblocking(False)
mux.got_routes = lambda _: None
handlers = [mux]


def accept(_):
    s = listener.accept()[0]
    channel = mux.next_channel()
    mux.send(channel, ssnet.CMD_TCP_CONNECT, b"%d,%s,%d" % (s.family, host.encode(), to))
    handlers.append(ssnet.Proxy(ssnet.SockWrapper(s, s), ssnet.MuxWrapper(mux, channel)))


handlers.append(ssnet.Handler([listener], accept))
while server.poll() is None:
    ssnet.runonce(handlers, mux)
    mux.check_fullness()
