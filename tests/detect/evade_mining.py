# SPDX-License-Identifier: Apache-2.0
"""Miners that disguise what they say, when they say it, or who does the work."""

import json

import lib_net as net
import lib_pool as pool
from attack_mining import mine
from lib_case import case

NAMES = {"mining.subscribe": "chat.open", "mining.authorize": "chat.hello", "mining.notify": "chat.message", "mining.submit": "chat.reply",
         "mining.set_difficulty": "chat.typing"}


@case("mining", seconds=30, evasion=True, burns=True,
      why="no message is read, and jobs of one size by the clock that are answered at once are keep-alives to look at")
def evade_xor(c):
    """stratum with every byte scrambled, a share with each job"""
    mine(c, pool.Stratum(c, 9100, every=2, xor=0x80), 9100, family="stratum", xor=0x80, pace=2, shares=10, seconds=60)


@case("mining", seconds=30, evasion=True)
def evade_websocket(c):
    """in WebSocket frames, every method renamed"""
    mine(c, pool.Stratum(c, 80, every=2, ws=True, rename=NAMES), 80, family="stratum", ws=True, rename=NAMES, pace=2, shares=10, seconds=60)


@case("mining", seconds=6, evasion=True)
def evade_renamed(c):
    """lines over TCP, every method renamed"""
    mine(c, pool.Stratum(c, 9200, rename=NAMES), 9200, family="stratum", rename=NAMES, shares=5)


@case("mining", seconds=45, evasion=True, burns=True,
      why="a fifth of a processor is what ordinary work takes, and padding hides the small messages")
def evade_idle_cpu(c):
    """TLS, padded messages, a fifth of one processor"""
    mine(c, pool.Monero(c, 443, every=3, tls=net.tls()), 443, family="monero", tls=True, duty=0.2, junk=600, pace=4, shares=9, seconds=90)


@case("mining", seconds=45, evasion=True, burns=True,
      why="a call that leaves files as it goes is taken to have other work")
def evade_busywork(c):
    """TLS, and a new file every two seconds as if there was something to show"""
    mine(c, pool.Stratum(c, 443, every=2, tls=net.tls()), 443, by="(while sleep 2; do date >made.$RANDOM; done) & ", family="stratum",
         tls=True, pace=3, shares=12, seconds=60)


@case("mining", seconds=45, evasion=True, burns=True,
      why="the processor time is one call's and the flow another's, with files between")
def evade_split_miner(c):
    """the work is one call's, the TLS connection another's; files lie between"""
    p = pool.Stratum(c, 443, every=3, tls=net.tls())
    c.tool("miner.py", "miner.py")
    c.file("worker.json", json.dumps({"host": c.far, "port": 443, "family": "stratum", "tls": True}))
    # the same protocol, but each job goes into a file, and each share comes from one
    c.file("messenger.py", """\
import os, sys, time
source = open("miner.py").read().rpartition("main()")[0]
exec(source)
link = Lines()
begin(link)
count = 10
while True:
    for message in link.heard(1):
        if job_of(message):
            open("job.new", "w").write(job_of(message))
            os.rename("job.new", "job")
    if os.path.exists("share"):
        job, nonce = open("share").read().split()
        os.unlink("share")
        count += 1
        submit(link, count, job, (bytes(32), bytes.fromhex(nonce)))
""")
    c.file("burner.py", """\
import hashlib, os, time
while True:
    try:
        job = open("job").read()
    except OSError:
        time.sleep(0.2)
        continue
    best, end = None, time.time() + 3
    while time.time() < end:
        nonce = os.urandom(4)
        found = hashlib.sha256(job.encode() + nonce).digest(), nonce
        best = min(best or found, found)
    open("share.new", "w").write(job + " " + best[1].hex())
    os.rename("share.new", "share")
""")
    c.attack("(python3 burner.py >/dev/null 2>&1 &)")
    c.attack("python3 messenger.py & " + c.until_done())
    c.begin()
    c.wait_for(lambda: p.shares, 30, "a share")
    c.wait_for(lambda: len(p.shares) >= 9, 90, "nine shares")
    c.prove(True, "the pool was given %d shares" % len(p.shares))


@case("mining", seconds=30, evasion=True, burns=True,
      why="this end asks and the pool only answers: a REST client beside a busy processor")
def evade_polling(c):
    """getwork inside of TLS: this end asks, the pool only answers"""
    p = pool.GetWork(c, 443, tls=net.tls())
    mine(c, p, 443, family="getwork", tls=True, pace=2, shares=10, seconds=60)
