# SPDX-License-Identifier: Apache-2.0
"""lib_pty.py COLUMNS CMD...: runs CMD on a terminal of its own and prints what comes, each piece behind the
seconds since the start: one JSON array [seconds, text] a line. Exits as CMD did."""
import fcntl
import json
import os
import pty
import struct
import sys
import termios
import time

start = time.time()
pid, master = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, int(sys.argv[1]), 0, 0))
    os.execvp(sys.argv[2], sys.argv[2:])
while True:
    try:
        data = os.read(master, 65536)
    except OSError:
        break
    if not data:
        break
    print(json.dumps([round(time.time() - start, 2), data.decode(errors="replace")]), flush=True)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 255)
