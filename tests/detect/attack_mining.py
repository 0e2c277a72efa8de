# SPDX-License-Identifier: Apache-2.0
"""Miners of the three families, each with real processor time beside its messages."""

import json
import subprocess

import lib_far as far
import lib_net as net
import lib_pool as pool
from lib_case import case


GIVEN = 0.04  # of a processor: who has less than that is not known by its use of one


def mine(c, p, port, shares=4, seconds=20, by="", **options):
    c.tool("miner.py", "worker.py")
    c.file("worker.json", json.dumps({"host": c.far, "port": port, **options}))
    c.call("ls")
    c.attack(by + "python3 worker.py & " + c.until_done())
    c.begin()
    c.wait_for(lambda: p.shares, 20 + options.get("pace", 0), "a share")
    c.wait_for(lambda: len(p.shares) >= shares, seconds, "%d shares" % shares)
    c.prove(True, "the pool was given %d shares" % len(p.shares))
    with open(c.dir + "/burnt") as file:
        burnt = float(file.read() or 0)
    if c.about.burns and burnt < GIVEN:
        c.starved = "the machine was busy: the miner had only %.0f %% of a processor" % (100 * burnt)


@case("mining", seconds=6, quick=True)
def stratum(c):
    """stratum v1, plain, on a port of no trade"""
    mine(c, pool.Stratum(c, 8080), 8080, family="stratum")


@case("mining", seconds=6, quick=True)
def monero(c):
    """the Monero family: login, job, submit"""
    mine(c, pool.Monero(c, 443), 443, family="monero")


@case("mining", seconds=6)
def ethereum(c):
    """the Ethereum family: eth_submitLogin, eth_getWork, eth_submitWork"""
    mine(c, pool.Ethereum(c, 9000), 9000, family="ethereum")


@case("mining", seconds=6)
def getwork(c):
    """getwork over HTTP, a question a second"""
    mine(c, pool.GetWork(c, 80), 80, family="getwork")


@case("mining", seconds=40, burns=True)
def stratum_tls(c):
    """stratum v1 inside of TLS: only its rhythm and the processor's time tell"""
    mine(c, pool.Stratum(c, 443, every=2, tls=net.tls()), 443, family="stratum", tls=True, pace=3, shares=12, seconds=60)


@case("mining", seconds=40, burns=True)
def monero_tls(c):
    """the Monero family inside of TLS"""
    mine(c, pool.Monero(c, 443, every=3, tls=net.tls()), 443, family="monero", tls=True, pace=4, shares=10, seconds=60)


@case("mining", seconds=60, burns=True)
def monero_tls_starved(c):
    """the same on a processor of which five others, not of the run, want all too"""
    for _ in range(5):
        other = subprocess.Popen(["taskset", "-c", "0", "sh", "-c", "while :; do :; done"])
        c.ends.callback(other.wait)
        c.ends.callback(other.kill)
    mine(c, pool.Monero(c, 443, every=3, tls=net.tls()), 443, by="taskset -c 0 ", family="monero", tls=True, pace=4, shares=10, seconds=90)


@case("mining", seconds=8, quick=True)
def stratum_proxy(c):
    """stratum v1 through an allowed HTTP proxy, by CONNECT"""
    far.proxy(c, 3128)
    mine(c, pool.Stratum(c, 9443), 9443, family="stratum", proxy=[c.far, 3128])


@case("mining", seconds=200)
def stratum_minute(c):
    """a job a minute, as real pools send them, and a share now and then"""
    mine(c, pool.Stratum(c, 5000, every=60), 5000, family="stratum", pace=45, shares=4, seconds=200)


@case("mining", seconds=215, burns=True)
def monero_tls_minute(c):
    """the Monero family inside of TLS with a job a minute"""
    mine(c, pool.Monero(c, 443, every=60, tls=net.tls()), 443, family="monero", tls=True, pace=40, shares=5, seconds=280)
