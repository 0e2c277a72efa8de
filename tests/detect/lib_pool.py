# SPDX-License-Identifier: Apache-2.0
"""Mining pools of the three families. Each writes down the shares that it was given: the witness that work was done."""

import json
import os
import struct
import threading
import time

import lib_net as net


class Pool:
    """every: seconds between jobs. What disguises a message is as in tools/miner.py: ws, xor, rename."""

    def __init__(self, c, port, every=1.0, tls=None, ws=False, xor=0, rename=None):
        self.every, self.shares, self.jobs, self.ws, self.xor = every, [], 0, ws, xor
        self.names = rename or {}
        self.plain = {v: k for k, v in self.names.items()}

        def first(s):
            c.mark()
            self.handle(s)

        listener = net.serve("far", c.far, port, first, tls)
        c.ends.callback(listener.close)

    def name(self, method):
        return self.names.get(method, method)

    def scramble(self, data):
        return bytes(b ^ self.xor for b in data) if self.xor else data

    def frame(self, message):
        line = self.scramble(json.dumps(message).encode()) + b"\n"
        if not self.ws:
            return line
        return b"\x81" + (bytes([len(line)]) if len(line) < 126 else struct.pack(">BH", 126, len(line))) + line

    def lines(self, s):
        stream = s.makefile("rb")
        if not self.ws:
            for line in stream:
                yield self.scramble(line.rstrip(b"\n"))
            return
        while stream.readline().strip():
            pass
        s.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        while head := stream.read(2):
            size = head[1] & 127
            size = struct.unpack(">H", stream.read(2))[0] if size == 126 else size
            stream.read(4)  # a mask of zeros
            yield self.scramble(stream.read(size).rstrip(b"\n"))

    def handle(self, s):
        s.settimeout(None)
        lock, working = threading.Lock(), threading.Event()

        def say(message):
            with lock:
                s.sendall(self.frame(message))

        def push():
            try:
                while True:
                    time.sleep(self.every)
                    say(self.push(self.job()))
            except (OSError, ValueError):
                pass

        for line in self.lines(s):
            asked = json.loads(line)
            method = self.plain.get(asked["method"], asked["method"])
            for message in self.answer(method, asked):
                say(message)
            if method == self.begins and not working.is_set():
                working.set()
                threading.Thread(target=push, daemon=True).start()

    def job_id(self):
        self.jobs += 1
        return "%04x" % self.jobs


class Stratum(Pool):
    """Version 1, as of Bitcoin."""

    begins = "mining.authorize"

    def job(self):
        return [self.job_id(), os.urandom(32).hex(), "01000000" + os.urandom(40).hex(), os.urandom(60).hex(),
                [os.urandom(32).hex() for _ in range(8)], "20000000", "1d00ffff", "%08x" % int(time.time()), True]

    def push(self, job):
        return {"id": None, "method": self.name("mining.notify"), "params": job}

    def answer(self, method, asked):
        if method == "mining.submit":
            self.shares.append(asked["params"])
        result = [[["mining.notify", "1"]], "08000002", 4] if method == "mining.subscribe" else True
        yield {"id": asked["id"], "result": result, "error": None}
        if method == self.begins:
            yield {"id": None, "method": self.name("mining.set_difficulty"), "params": [1]}
            yield self.push(self.job())


class Monero(Pool):
    begins = "login"

    def job(self):
        return {"blob": "1010" + os.urandom(74).hex(), "job_id": self.job_id(), "target": "b88d0600", "algo": "rx/0",
                "height": 3000000 + self.jobs, "seed_hash": os.urandom(32).hex()}

    def push(self, job):
        return {"jsonrpc": "2.0", "method": self.name("job"), "params": job}

    def answer(self, method, asked):
        if method == "submit":
            self.shares.append(asked["params"])
        result = {"status": "OK"}
        if method == "login":
            result = {"id": "1", "job": self.job(), "status": "OK"}
        yield {"id": asked["id"], "jsonrpc": "2.0", "error": None, "result": result}


class Ethereum(Pool):
    begins = "eth_getWork"

    def job(self):
        self.jobs += 1
        return ["0x" + os.urandom(32).hex() for _ in range(3)]

    def push(self, job):
        return {"id": 0, "jsonrpc": "2.0", "result": job}

    def answer(self, method, asked):
        if method == "eth_submitWork":
            self.shares.append(asked["params"])
        yield {"id": asked["id"], "jsonrpc": "2.0", "result": self.job() if method == "eth_getWork" else True}


class GetWork(Pool):
    """The oldest: JSON-RPC over HTTP, asked again and again."""

    def handle(self, s):
        head, _, body = net.read_until(s, b"\r\n\r\n").partition(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length:")[2].split()[0])
        while len(body) < size:
            body += s.recv(65536)
        asked = json.loads(body)
        if asked["params"]:
            self.shares.append(asked["params"])
        result = True if asked["params"] else {
            "data": os.urandom(128).hex(), "target": "f" * 56 + "0" * 8, "midstate": os.urandom(32).hex(), "hash1": "0" * 128}
        answer = json.dumps({"id": asked["id"], "result": result, "error": None}).encode()
        s.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(answer), answer))
