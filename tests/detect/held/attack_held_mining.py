# SPDX-License-Identifier: Apache-2.0
"""Held out: miners in other dialects of the three families, over other carriers."""

import base64
import hashlib
import json
import os
import struct
import time

import lib_far as far
import lib_held as held
import lib_net as net
import lib_pool as pool
from lib_case import case


def mine(c, p, port, dialect, shares=4, seconds=25, command="perl build.pl", **options):
    held.tool(c, "miner.pl", "build.pl")
    c.file("worker.json", json.dumps({"host": c.far, "port": port, "dialect": dialect, **options}))
    held.start(c, command)
    c.wait_for(lambda: p.shares, 30, "a share")
    c.wait_for(lambda: len(p.shares) >= shares, seconds, "%d shares" % shares)
    c.prove(True, "the pool was given %d shares" % len(p.shares))
    with open(c.dir + "/burnt") as file:
        burnt = float(file.read() or 0)
    if c.about.burns and burnt < 0.85:
        c.starved = "the machine was busy: the miner had only %.0f %% of a processor" % (100 * burnt)


class Nicehash(pool.Stratum):
    """Version rolling, and extranonces that change."""

    def answer(self, method, asked):
        if method == "mining.configure":
            yield {"id": asked["id"], "result": {"version-rolling": True, "version-rolling.mask": "1fffe000"}, "error": None}
        elif method == "mining.extranonce.subscribe":
            yield {"id": asked["id"], "result": True, "error": None}
            yield {"id": None, "method": "mining.set_extranonce", "params": ["%08x" % int(time.time()), 4]}
        else:
            yield from super().answer(method, asked)


@case("mining", seconds=7)
def stratum_nicehash(c):
    """stratum v1 with version rolling and extranonce.subscribe, a job every two seconds"""
    mine(c, Nicehash(c, 3353, every=2), 3353, "nicehash")


class Ethereum2(pool.Pool):
    """EthereumStratum/2.0.0, EIP-1571."""

    begins = "mining.authorize"

    def job(self):
        return [self.job_id(), "6526d5", os.urandom(32).hex(), "0"]

    def push(self, job):
        return {"method": "mining.notify", "params": job}

    def answer(self, method, asked):
        result = {
            "mining.hello": {"proto": "EthereumStratum/2.0.0", "encoding": "plain", "resume": "0", "timeout": "b4", "maxerrors": "5", "node": "Geth/v1.8"},
            "mining.subscribe": "s-12345",
            "mining.authorize": "w-1",
        }.get(method, True)
        if method == "mining.submit":
            self.shares.append(asked["params"])
        yield {"id": asked["id"], "result": result}
        if method == self.begins:
            yield {"method": "mining.set", "params": {"epoch": "dc", "target": "0112e0be826d694b2e62d01511f12a6061fbaec8bc", "algo": "ethash", "extranonce": "af4c"}}
            yield self.push(self.job())


@case("mining", seconds=7)
def ethereum_stratum2(c):
    """EthereumStratum 2: hello, subscribe, authorize, set, notify"""
    mine(c, Ethereum2(c, 8008, every=1.5), 8008, "ethereum2")


class Equihash(pool.Pool):
    """Zcash's: a target of its own, solutions of a kilobyte."""

    begins = "mining.authorize"

    def job(self):
        return [self.job_id(), "04000000", os.urandom(32).hex(), os.urandom(32).hex(), "0" * 64, "%08x" % int(time.time()), "1d00ffff", True]

    def push(self, job):
        return {"id": None, "method": "mining.notify", "params": job}

    def answer(self, method, asked):
        if method == "mining.submit":
            self.shares.append(asked["params"])
        yield {"id": asked["id"], "result": ["s1", "80000001"] if method == "mining.subscribe" else True, "error": None}
        if method == self.begins:
            yield {"id": None, "method": "mining.set_target", "params": ["00" * 2 + "ff" * 30]}
            yield self.push(self.job())


@case("mining", seconds=7)
def equihash(c):
    """Zcash's dialect: set_target, shares of a kilobyte and more"""
    mine(c, Equihash(c, 443), 443, "equihash")


class Coinhive(pool.Monero):
    """What miners in web pages spoke: messages with a type, in WebSocket text."""

    def lines(self, s):
        stream = s.makefile("rb")
        key = ""
        while line := stream.readline().strip():
            if line.lower().startswith(b"sec-websocket-key:"):
                key = line.split()[1].decode()
        accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
        s.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n" % accept.encode())
        while head := stream.read(2):
            size = head[1] & 127
            size = struct.unpack(">H", stream.read(2))[0] if size == 126 else size
            mask = stream.read(4)
            message = json.loads(bytes(b ^ mask[i % 4] for i, b in enumerate(stream.read(size))))
            yield json.dumps({"method": message["type"], **message})

    begins = "auth"

    def job(self):
        return {"job_id": self.job_id(), "blob": "0707" + os.urandom(74).hex(), "target": "ffffff00", "algo": "cn", "variant": 1}

    def push(self, job):
        return {"type": "job", "params": job}

    def answer(self, method, asked):
        if method == "submit":
            self.shares.append(asked["params"])
            yield {"type": "hash_accepted", "params": {"hashes": 256 * len(self.shares)}}
        elif method == "auth":
            yield {"type": "authed", "params": {"token": "", "hashes": 0}}
            yield self.push(self.job())


@case("mining", seconds=7)
def monero_web(c):
    """the dialect of miners in web pages: auth, job and submit as types, in WebSocket messages"""
    mine(c, Coinhive(c, 80, every=2, ws=True), 80, "coinhive")


class Kept(pool.Monero):
    def answer(self, method, asked):
        if method == "keepalived":
            yield {"id": asked["id"], "jsonrpc": "2.0", "error": None, "result": {"status": "KEEPALIVED"}}
        else:
            yield from super().answer(method, asked)


@case("mining", seconds=9)
def monero_socks(c):
    """the Monero family through a SOCKS proxy, with keep-alives"""
    p = Kept(c, 14433, every=3)
    asked = held.socks_server(c, 1080)
    mine(c, p, 14433, "monero", socks=[c.far, 1080])
    c.prove(asked, "the proxy was asked for the pool")


class Template(pool.Pool):
    """A node that is asked for a block's template, and given the block."""

    def handle(self, s):
        head, _, body = net.read_until(s, b"\r\n\r\n").partition(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length:")[2].split()[0])
        asked = json.loads(body + held.read_exactly(s, size - len(body)))
        result = None
        if asked["method"] == "submitblock":
            self.shares.append(asked["params"])
        else:
            transactions = [{"data": os.urandom(120).hex(), "txid": os.urandom(32).hex(), "hash": os.urandom(32).hex(), "fee": 900, "sigops": 4, "weight": 561}
                            for _ in range(40)]
            result = {"capabilities": ["proposal"], "version": 536870912, "rules": ["csv", "segwit"], "previousblockhash": os.urandom(32).hex(),
                      "transactions": transactions, "coinbaseaux": {}, "coinbasevalue": 312500000, "longpollid": os.urandom(32).hex() + "1",
                      "target": "00" * 10 + "ff" * 22, "mintime": int(time.time()), "mutable": ["time", "transactions", "prevblock"],
                      "noncerange": "00000000ffffffff", "curtime": int(time.time()), "bits": "1703a30c", "height": 840000}
        held.respond(s, json.dumps({"result": result, "error": None, "id": asked["id"]}).encode())


@case("mining", seconds=10)
def block_template(c):
    """no pool: a node is asked for templates over HTTP every two seconds, and given blocks"""
    mine(c, Template(c, 8332), 8332, "template", pace=1.5)


@case("mining", seconds=45, burns=True)
def stratum_local_tls(c):
    """the miner speaks plainly to a wrapper on the sandbox's loopback, which carries it in TLS"""
    c.tool("socat")
    p = Nicehash(c, 443, every=3, tls=net.tls())
    mine(c, p, 3333, "nicehash", shares=9, seconds=60, pace=4, host="127.0.0.1",
         command="./worker TCP-LISTEN:3333,bind=127.0.0.1,reuseaddr,fork OPENSSL:%s:443,verify=0 & perl build.pl" % c.far)
