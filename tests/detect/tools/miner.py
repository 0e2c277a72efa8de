# SPDX-License-Identifier: Apache-2.0
# Stratum v1 as a miner speaks it: asks for work, burns processor time without end, and submits the best that it found
# every PACE seconds.   miner.py HOST PORT [PACE]
import hashlib
import json
import os
import select
import socket
import sys
import time


def main(host, port, pace="0.8"):
    s = socket.create_connection((host, int(port)))
    count = 2

    def say(number, method, *params):
        s.sendall(json.dumps({"id": number, "method": method, "params": params}).encode() + b"\n")

    say(1, "mining.subscribe", "worker/1.0")
    say(2, "mining.authorize", "user.1", "x")
    rest, job, best, told = b"", None, None, time.time()
    while True:
        if select.select([s], [], [], 0 if job else None)[0]:
            data = s.recv(65536)
            if not data:
                return
            *lines, rest = (rest + data).split(b"\n")
            for message in map(json.loads, lines):
                if message.get("method") == "mining.notify":
                    job, best = message["params"][0], None
        if not job:
            continue
        for _ in range(20000):
            nonce = os.urandom(4)
            found = hashlib.sha256(hashlib.sha256(job.encode() + nonce).digest()).digest(), nonce
            best = min(best or found, found)
        if time.time() - told > float(pace):
            count, told = count + 1, time.time()
            say(count, "mining.submit", "user.1", job, "00000000", "5f5e1000", best[1].hex())


main(*sys.argv[1:])
