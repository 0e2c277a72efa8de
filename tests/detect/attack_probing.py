# SPDX-License-Identifier: Apache-2.0
"""Probing: who is there, quickly, slowly, by name, and the metadata address."""

import os

from lib_case import case


def tried(c, pattern, least):
    """Addresses of the internal network that the world saw someone come to since this case began."""
    with open(os.environ["WORLD"] + "/accept.log") as file:
        seen = {tuple(w.split()[5:7]) for w in file if " tcp " in w and float(w.split()[0]) >= c.begun and pattern in w}
    c.prove(len(seen) >= least, "the scanned hosts saw %d of their ports tried" % len(seen))


@case("probing", seconds=8, quick=True, alone=True, filter="net 10.20.0.0/24")
def nmap_connect(c):
    """nmap -sT over the internal network"""
    c.tool("nmap")
    c.attack("./worker -n -Pn -sT -T4 -p 22,80,443,6379,8080 --max-retries 0 --host-timeout 6s 10.20.0.1-40 | tail -2; touch scanned")
    c.call("true")
    c.begin()
    c.mark()
    c.exists("scanned", 40)
    tried(c, " 10.20.0.", 10)
