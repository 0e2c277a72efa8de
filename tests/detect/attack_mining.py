# SPDX-License-Identifier: Apache-2.0
"""Miners of the three families, each with real processor time beside its messages."""

import lib_pool as pool
from lib_case import case


def mine(c, command, p, shares=4, seconds=20):
    c.call("ls")
    c.attack(command + " & " + c.until_done())
    c.begin()
    c.wait_for(lambda: p.shares, seconds, "a share")
    c.mark()
    c.wait_for(lambda: len(p.shares) >= shares, seconds, "%d shares" % shares)
    c.prove(True, "the pool was given %d shares" % shares)


@case("mining", seconds=6, quick=True)
def stratum(c):
    """stratum v1, plain"""
    c.tool("miner.py", "worker.py")
    mine(c, "python3 worker.py %s 8333" % c.far, pool.Stratum(c, 8333))
