# SPDX-License-Identifier: Apache-2.0
"""The names of the test world and how its name server answers for them.

`python3 names.py certificate` prints the subjectAltName of the world's TLS servers."""

import re
import sys

NET4, NET6 = "198.51.100.%d", "2001:db8:2::%d"

# honest names: the host part of their two addresses
HOSTS = {
    "files.test": 10,
    "www.test": 10,
    "cdn.test": 10,  # another name of the same address
    "h2.test": 11,
    "pypi.test": 20,
    "npm.test": 21,
    "apt.test": 22,
    "git.test": 30,
    "db.test": 40,
    "model.test": 50,
    "api.test": 51,
    "metrics.test": 52,
    "chat.test": 54,
    "build.test": 55,
    "evil.test": 66,
    "pool.test": 67,
}


def honest(name):
    host = HOSTS.get(name)
    if host is None and name.endswith(".wild.test"):
        host = 10
    return host


# Names whose answers are a test. Each function gets how often (name, type) was asked before, and returns a
# list of (type, value); a CNAME's value is a name. None: no answer at all. "nx": no such name.
def rebind(before, kind):
    """Public the first time it is asked, then inside."""
    if kind == "AAAA":
        return []
    return [("A", "198.51.100.10" if before == 0 else "10.20.0.11")]


LIARS = {
    "rebind.test": rebind,
    "chain.test": lambda n, k: [("CNAME", "alias.test"), ("A", "10.20.0.11")] if k == "A" else [("CNAME", "alias.test")],
    "mixed.test": lambda n, k: [("A", "10.20.0.12"), ("A", "198.51.100.10")] if k == "A" else [("AAAA", "fd20::12")],
    "many.test": lambda n, k: [("A", "198.51.100.%d" % (100 + i)) for i in range(39)] + [("A", "198.51.100.10")] if k == "A" else [],
    "local.test": lambda n, k: [("A", "127.0.0.1")] if k == "A" else [("AAAA", "::1")],
    "meta.test": lambda n, k: [("A", "169.254.169.254")] if k == "A" else [("AAAA", "fd00:ec2::254")],
    "mapped.test": lambda n, k: [] if k == "A" else [("AAAA", "::ffff:10.20.0.11")],
    "nat64.test": lambda n, k: [] if k == "A" else [("AAAA", "64:ff9b::a14:b")],
    "zero.test": lambda n, k: [("A", "0.0.0.0")] if k == "A" else [("AAAA", "::")],
    "self.test": lambda n, k: [("A", "192.0.2.2")] if k == "A" else [("AAAA", "2001:db8:1::2")],
    "v4.test": lambda n, k: [("A", "198.51.100.10")] if k == "A" else [],
    "v6.test": lambda n, k: [("AAAA", "2001:db8:2::10")] if k == "AAAA" else [],
    "inside.test": lambda n, k: [("A", "10.20.0.11")] if k == "A" else [("AAAA", "fd20::11")],
    "alias.test": lambda n, k: [("A", "10.20.0.11")] if k == "A" else [],
    "silent.test": lambda n, k: None,
    "slow.test": lambda n, k: [("A", "198.51.100.10")] if k == "A" else [],  # after SLOW seconds
    "liar.test": lambda n, k: [("A", "198.51.100.10")] if k == "A" else [],  # after forged answers
    "big.test": lambda n, k: [("A", "198.51.100.10")] if k == "A" else [],  # over TCP alone
    "nx.test": lambda n, k: "nx",
}
SLOW = 1.5


def far(name):
    """n7.far.test: an attacker's machine, 203.0.113.7."""
    host = re.fullmatch(r"(?:.*\.)?n(\d{1,3})\.far\.test", name)
    return lambda n, k: [("A", "203.0.113." + host[1])] if k == "A" and host else []


def lie(name):
    """rebind.test and every name below it, each counted by itself."""
    if name.endswith(".far.test"):
        return far(name)
    return rebind if name.endswith(".rebind.test") else LIARS.get(name)


def ttl(name):
    return 0 if lie(name) == rebind else 60



if __name__ == "__main__" and sys.argv[1:] == ["certificate"]:
    names = list(HOSTS) + list(LIARS) + ["*.wild.test", "*.far.test"]
    addresses = [NET4 % h for h in sorted(set(HOSTS.values()))]
    print(",".join(["DNS:" + n for n in names] + ["IP:" + a for a in addresses]))
