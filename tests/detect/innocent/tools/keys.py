# SPDX-License-Identifier: Apache-2.0
"""Somebody at a terminal: keys.py SCRIPT COMMAND... runs COMMAND on a terminal of its own and types SCRIPT, a line each: TEXT is
typed key by key, "wait SECONDS" waits, "expect TEXT" waits until it is shown. \\n \\e and \\r stand for keys."""
import codecs
import os
import pty
import select
import sys
import time

pid, terminal = pty.fork()
if pid == 0:
    os.environ["TERM"] = "xterm"
    os.execvp(sys.argv[2], sys.argv[2:])
seen = b""


def look(seconds):
    global seen
    until = time.time() + seconds
    while (left := until - time.time()) > 0:
        if select.select([terminal], [], [], left)[0]:
            try:
                data = os.read(terminal, 65536)
            except OSError:
                return False
            if not data:
                return False
            seen += data
    return True


for line in open(sys.argv[1], encoding="utf-8").read().splitlines():
    if line.startswith("wait "):
        look(float(line[5:]))
    elif line.startswith("expect "):
        for _ in range(100):
            if line[7:].encode() in seen:
                break
            look(0.1)
        else:
            sys.exit("never saw %r in %r" % (line[7:], seen[-500:]))
        seen = b""
    else:
        for key in codecs.decode(line.replace("\\e", "\\x1b"), "unicode_escape"):
            os.write(terminal, key.encode())
            look(0.05)
while look(1):
    pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
