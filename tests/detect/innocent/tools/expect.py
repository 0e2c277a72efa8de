# SPDX-License-Identifier: Apache-2.0
"""Drives a command that asks, as expect does: expect.py PROMPT COMMAND... answers each PROMPT with the next line of standard input at
once, however long the other side took to ask."""
import os
import subprocess
import sys

child = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
answers, seen, given = sys.stdin.read().splitlines(), b"", 0
while data := os.read(child.stdout.fileno(), 65536):
    seen += data
    if sys.argv[1].encode() in seen and given < len(answers):
        child.stdin.write(answers[given].encode() + b"\n")
        child.stdin.flush()
        given, seen = given + 1, b""
print("answered", given)
sys.exit(child.wait())
