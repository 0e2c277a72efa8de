#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A person at a terminal: runs CMD on a terminal of its own, waits until the model server has played a turn
and the screen is quiet, types KEYS (with \\r, \\x03 and the like), and waits for the end.

drive.py LOG MODEL TURN KEYS SCREEN -- CMD: the screen's bytes go to SCREEN; exits as CMD did, 124 after two minutes.
"""
import fcntl
import json
import os
import pty
import select
import struct
import sys
import termios
import time

ROWS, COLUMNS = 40, 120
LIMIT_S = 120
QUIET_S = 0.7


def played(log, model, turn):
    try:
        with open(log) as f:
            entries = [json.loads(line) for line in f if line.endswith("\n")]
    except FileNotFoundError:
        return False
    return any(e.get("model") == model and e.get("turn") == turn for e in entries)


def main():
    log, model, turn, keys, screen, _, *command = sys.argv[1:]
    keys = keys.encode().decode("unicode_escape").encode("latin-1")
    # Keys that come too fast are taken for something pasted, in which Enter ends nothing: Enter is pressed again.
    pressed = [(key, 1.0 if key in b"\r" else 0.1) for key in keys] + [(keys[-1], 4.0)] * 5
    typing = 0.0  # when the next key is due; 0: not yet
    pid, master = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm-256color"
        os.execvp(command[0], command)
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    start = last = time.time()
    with open(screen, "wb") as out:
        while time.time() - start < LIMIT_S:
            if select.select([master], [], [], 0.1)[0]:
                try:
                    data = os.read(master, 65536)
                except OSError:  # the last process has closed it
                    break
                out.write(data)
                out.flush()
                last = time.time()
                if b"\x1b[6n" in data:  # where is the cursor?
                    os.write(master, b"\x1b[1;1R")
                if b"\x1b[c" in data:  # what are you?
                    os.write(master, b"\x1b[?62;c")
            if not typing and time.time() - last > QUIET_S and played(log, model, int(turn)):
                typing = time.time()
            if typing and pressed and time.time() > typing + pressed[0][1]:
                os.write(master, bytes([pressed.pop(0)[0]]))
                typing = time.time()
        else:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
            sys.exit(124)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 255)


if __name__ == "__main__":
    main()
