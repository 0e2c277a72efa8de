# SPDX-License-Identifier: Apache-2.0
# A miner: asks a pool for work, burns processor time without end, and submits the best that it found every `pace`
# seconds. What it speaks, and in what, stands in the file worker.json: host, port, and
#   family  stratum (v1), monero, ethereum (getWork by lines), getwork (HTTP, polled)
#   tls     true: inside of TLS         proxy   [host, port]: through CONNECT
#   ws      true: as WebSocket text     xor     n: each byte of a line xor n      rename  {method: other name}
#   pace, delay (before each submit), duty (share of time that is burnt), junk (bytes of padding in each message)
import hashlib
import json
import os
import select
import socket
import ssl
import struct
import sys
import time

with open(sys.argv[1] if sys.argv[1:] else "worker.json") as file:
    o = json.load(file)


class Lines:
    def __init__(self):
        self.s = socket.create_connection(o.get("proxy") or [o["host"], o["port"]])
        self.rest = b""
        if o.get("proxy"):
            self.s.sendall(b"CONNECT %s:%d HTTP/1.1\r\nHost: x\r\n\r\n" % (o["host"].encode(), o["port"]))
            while not self.rest.endswith(b"\r\n\r\n"):
                self.rest += self.s.recv(1)
            self.rest = b""
        if o.get("tls"):
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self.s = context.wrap_socket(self.s, server_hostname=o["host"])
        if o.get("ws"):
            self.s.sendall(b"GET /feed HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                           b"Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n" % (o["host"].encode(), b"A" * 22 + b"=="))
            while b"\r\n\r\n" not in self.rest:
                self.rest += self.s.recv(4096)
            self.rest = self.rest.partition(b"\r\n\r\n")[2]

    def scramble(self, data):
        return bytes(b ^ o["xor"] for b in data) if o.get("xor") else data

    def say(self, message):
        if o.get("junk"):
            message["note"] = os.urandom(int.from_bytes(os.urandom(2)) % o["junk"]).hex()
        line = self.scramble(json.dumps(message).encode()) + b"\n"
        if o.get("ws"):
            size = struct.pack(">B", 128 | len(line)) if len(line) < 126 else struct.pack(">BH", 254, len(line))
            line = b"\x81" + size + b"\0\0\0\0" + line
        self.s.sendall(line)

    def pending(self, wait):
        return isinstance(self.s, ssl.SSLSocket) and self.s.pending() or select.select([self.s], [], [], wait)[0]

    def heard(self, wait):
        while self.pending(wait):
            data = self.s.recv(65536)
            if not data:
                sys.exit()
            self.rest += data
            wait = 0
        while line := self.cut():
            yield json.loads(self.scramble(line))

    def cut(self):
        if not o.get("ws"):
            line, end, rest = self.rest.partition(b"\n")
            if end:
                self.rest = rest
                return line
        elif len(self.rest) >= 4:
            size, at = (self.rest[1], 2) if self.rest[1] < 126 else (struct.unpack(">H", self.rest[2:4])[0], 4)
            if len(self.rest) >= at + size:
                line, self.rest = self.rest[at : at + size].rstrip(b"\n"), self.rest[at + size :]
                return line
        return None


class Polled:
    """getwork over HTTP: a question a second, an answer each."""

    def __init__(self):
        self.asked = None

    def dial(self):
        s = socket.create_connection([o["host"], o["port"]])
        if not o.get("tls"):
            return s
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context.wrap_socket(s, server_hostname=o["host"])

    def say(self, message):
        with self.dial() as s:
            body = json.dumps(message).encode()
            s.sendall(b"POST / HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
                      % (o["host"].encode(), len(body), body))
            data = b""
            while more := s.recv(65536):
                data += more
        self.asked = json.loads(data.partition(b"\r\n\r\n")[2])

    def heard(self, wait):
        self.say({"id": 1, "method": "getwork", "params": []})
        yield self.asked


def name(method):
    return o.get("rename", {}).get(method, method)


def begin(link):
    family = o["family"]
    if family == "stratum":
        link.say({"id": 1, "method": name("mining.subscribe"), "params": ["worker/1.0"]})
        link.say({"id": 2, "method": name("mining.authorize"), "params": ["user.1", "x"]})
    elif family == "monero":
        link.say({"id": 1, "method": name("login"), "params": {"login": "4" + "A" * 94, "pass": "x", "agent": "worker/6.0", "algo": ["rx/0"]}})
    elif family == "ethereum":
        link.say({"id": 1, "method": name("eth_submitLogin"), "params": ["0x" + "ab" * 20], "worker": "1"})
        link.say({"id": 2, "method": name("eth_getWork"), "params": []})


def job_of(message):
    if o["family"] == "stratum" and message.get("method") == name("mining.notify"):
        return message["params"][0]
    if o["family"] == "monero":
        return (message.get("params") or (message.get("result") or {}).get("job") or {}).get("job_id")
    if o["family"] == "ethereum" and isinstance(message.get("result"), list):
        return message["result"][0]
    if o["family"] == "getwork" and isinstance(message.get("result"), dict):
        return message["result"]["data"]
    return None


def submit(link, count, job, best):
    nonce, digest = best[1].hex(), best[0].hex()
    link.say({"id": count, **{
        "stratum": {"method": name("mining.submit"), "params": ["user.1", job, "00000000", "5f5e1000", nonce]},
        "monero": {"method": name("submit"), "params": {"id": "1", "job_id": job, "nonce": nonce, "result": digest}},
        "ethereum": {"method": name("eth_submitWork"), "params": ["0x" + nonce, job, "0x" + digest]},
        "getwork": {"method": "getwork", "params": [job[:152] + nonce + job[160:]]},
    }[o["family"]]})


def main():
    link = Polled() if o["family"] == "getwork" else Lines()
    begin(link)
    job, best, count, told, polled, born = None, None, 10, time.time(), 0, time.time()
    while True:
        if not isinstance(link, Polled) or time.time() - polled > 1:
            polled = time.time()
            for message in link.heard(0 if job else 30):
                new = job_of(message)
                job, best = (new, None) if new else (job, best)
        if not job:
            continue
        began = time.time()
        for _ in range(20000):
            nonce = os.urandom(4)
            found = hashlib.sha256(hashlib.sha256(job.encode() + nonce).digest()).digest(), nonce
            best = min(best or found, found)
        if o.get("duty"):
            time.sleep((time.time() - began) * (1 / o["duty"] - 1))
        if time.time() - told > o.get("pace", 0.8):
            time.sleep(o.get("delay", 0))
            count, told = count + 1, time.time()
            submit(link, count, job, best)
            with open("burnt", "w") as file:  # how much of a processor it had
                file.write("%.3f" % (time.process_time() / (time.time() - born)))


main()
