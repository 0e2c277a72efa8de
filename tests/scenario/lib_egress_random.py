# SPDX-License-Identifier: Apache-2.0
"""Random policies and random traffic, and what came of it: lib_egress_random.py
make SEED DIR     writes DIR/policy.yaml and DIR/attempts.json
try FILE          inside a sandbox: makes every attempt of FILE, side by side; prints what each client saw
judge DIR LOG N   holds the world's accept.log, from byte N on, against the model: prints each disagreement

The witness is the world: which of its addresses were reached, at which ports."""

import json
import os
import random
import socket
import struct
import sys
import threading

import lib_egress_model as model

HOSTS = list(model.LEADS)
PATTERNS = HOSTS + ["*.wild.test", "*.a.wild.test", "*.test"]
ADDRESSES = ["198.51.100.10", "198.51.100.66", "198.51.100.30", "2001:db8:2::10", "2001:db8:2::66", "10.20.0.11", "10.20.0.12",
             "10.20.0.15", "fd20::11", "169.254.169.254", "192.0.2.1"]
NETWORKS = ["198.51.100.0/24", "198.51.100.64/26", "198.51.0.0/16", "10.20.0.0/24", "10.20.0.8/29", "10.0.0.0/8", "2001:db8:2::/64",
            "fd20::/64", "0.0.0.0/0", "::/0", "169.254.169.254"]
TCP, UDP = [80, 443, 8080, 8443, 7, 9, 3333, 53], [7, 53, 123]
SPOKEN = ["raw", "raw", "tls", "http", "ssh", "dns"]


# seconds that a client waits for an answer: what was to reach the world has reached it by then, or the whole policy
# is tried once more with a longer one
PATIENCE = float(os.environ.get("PATIENCE", "0.5"))


def some(r, pool, most):
    return r.sample(pool, r.randint(1, most))


def policy(r):
    allow = []
    for _ in range(r.choice([0, 1, 2, 3, 5, 9])):
        rule = {"host": r.choice(r.choice([PATTERNS, PATTERNS, ADDRESSES, NETWORKS]))}
        if r.random() < 0.25:
            rule["transport"] = "udp"
        udp = rule.get("transport") == "udp"
        if r.random() < 0.7:
            rule["ports"] = sorted(some(r, UDP if udp else TCP, 3))
        if not udp and r.random() < 0.4:
            rule["protocol"] = r.choice(["tls", "http", "ssh", "dns"])
        allow.append(rule)
    return {"default": "allow" if r.random() < 0.15 else "deny", "run": r.choice([None] * 8 + ["none", "public", "allowlist"]), "allow": allow}


def yaml(p):
    text = "version: 1\nnetwork:\n  default: %s\n  resolver: [198.51.100.53]\n" % p["default"]
    if p["run"]:
        text += "  phases: {run: %s}\n" % p["run"]
    if p["allow"]:
        text += "  allow:\n"
    for rule in p["allow"]:
        text += "    - {%s}\n" % ", ".join("%s: %s" % (k, json.dumps(v)) for k, v in rule.items())
    return text


def attempt(r, p):
    """Half of them aim at what a rule names."""
    host = r.choice(HOSTS + ADDRESSES)
    rule = r.choice(p["allow"]) if p["allow"] and r.random() < 0.5 else {}
    for candidate in r.sample(HOSTS + ADDRESSES, len(HOSTS + ADDRESSES)):
        if rule and model.rule_names(rule, candidate):
            host = candidate
            break
    transport = rule.get("transport", "udp" if r.random() < 0.15 else "tcp")
    port = r.choice(rule.get("ports") or (UDP if transport == "udp" else TCP))
    speak = "dns" if transport == "udp" and port == 53 and r.random() < 0.7 else r.choice(SPOKEN)
    if rule.get("protocol") and r.random() < 0.6:
        speak = rule["protocol"]
    name = host if r.random() < 0.7 else r.choice(["files.test", "evil.test"])
    return {"host": host, "port": port, "transport": transport, "speak": speak, "name": name, "family": r.choice([4, 6])}


def make(seed, directory):
    r = random.Random(int(seed))
    p = policy(r)
    attempts = []
    while len(attempts) < 14:
        t = attempt(r, p)
        if not any(u["host"] == t["host"] and u["port"] == t["port"] and u["transport"] == t["transport"] for u in attempts):
            attempts.append(t)
    with open(directory + "/policy.yaml", "w") as f:
        f.write(yaml(p))
    with open(directory + "/attempts.json", "w") as f:
        json.dump({"policy": p, "attempts": attempts}, f)


def opening(t):
    if t["speak"] == "tls":
        name = t["name"].encode() if not model.address(t["name"]) else b"files.test"
        sni = struct.pack(">HHHBH", 0, len(name) + 5, len(name) + 3, 0, len(name)) + name
        body = b"\x03\x03" + b"r" * 32 + b"\0" + b"\0\x02\x13\x01" + b"\x01\0" + struct.pack(">H", len(sni)) + sni
        hello = b"\x01" + struct.pack(">I", len(body))[1:] + body
        return b"\x16\x03\x01" + struct.pack(">H", len(hello)) + hello
    query = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x05files\x04test\0\0\x01\0\x01"
    return {
        "http": ("GET /hello HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % t["name"]).encode(),
        "ssh": b"SSH-2.0-OpenSSH_9.2\r\n",
        "dns": query if t["transport"] == "udp" else struct.pack(">H", len(query)) + query,
        "raw": b"\x01\x02 some bytes of no protocol \xff\n",
    }[t["speak"]]


def one(t, results, i):
    try:
        family = socket.AF_INET if t["family"] == 4 else socket.AF_INET6
        if model.address(t["host"]):
            family = 0
        kind = socket.SOCK_STREAM if t["transport"] == "tcp" else socket.SOCK_DGRAM
        where = socket.getaddrinfo(t["host"], t["port"], family, kind)[0]
        with socket.socket(where[0], kind) as s:
            s.settimeout(PATIENCE)
            s.connect(where[4])
            s.sendall(opening(t))
            results[i] = "got %d" % len(s.recv(4096))
    except OSError as e:
        results[i] = "%s: %s" % (type(e).__name__, e)


def attempts(file):
    todo = json.load(open(file))["attempts"]
    results = [None] * len(todo)
    threads = [threading.Thread(target=one, args=(t, results, i)) for i, t in enumerate(todo)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for t, result in zip(todo, results):
        print(t["transport"], t["host"], t["port"], t["speak"], t["name"], "->", result)


def seen(log, start):
    """(transport, address, port) of everything that reached the world since -> whether bytes did."""
    found, ends = {}, {}
    with open(log) as f:
        f.seek(int(start))
        lines = [line.split() for line in f]
    for words in lines:
        if words[2] == "end":
            ends[words[3], words[4]] = int(words[7]) > 1
    for words in lines:
        if words[2] == "tcp":
            key = "tcp", words[5], int(words[6])
            found[key] = found.get(key, False) or ends.get((words[3], words[4]), True)
        elif words[2] == "udp":
            host, _, port = words[6].rpartition(":")
            found["udp", host, int(port)] = True
    # the gate's own questions go to the resolver
    return {x: said for x, said in found.items() if x[1] not in ("198.51.100.53", "2001:db8:2::53")}


# where a datagram has a server that writes it down
UDP_HEARD = {a % h for a in (model.PUBLIC4, model.PUBLIC6) for h in (10, 66)}
TCP_HEARD = {"net": set(TCP) | {22, 25}, "inside": {80, 8080, 22}}


def heard(transport, address, port):
    inside = address.startswith(("10.20.0.", "fd20:", "169.254.", "fd00:"))
    if transport == "udp":
        return address in UDP_HEARD and port in (7, 123)
    if not inside and not address.startswith(("198.51.100.", "2001:db8:2:")):
        return False
    return port in TCP_HEARD["inside" if inside else "net"]


def judge(directory, log, start):
    case = json.load(open(directory + "/attempts.json"))
    reached = seen(log, start)
    may, touch, wrong = set(), set(), []
    for t in case["attempts"]:
        goals = {(t["transport"], a, t["port"]) for a in model.reaches(case["policy"], t)}
        may |= goals
        touch |= {(t["transport"], a, t["port"]) for a in model.touches(case["policy"], t)}
        # of several addresses a datagram goes to one, whoever listens there; a connection to the first that answers
        enough = all if t["transport"] == "udp" else any
        if goals and enough(heard(*g) for g in goals) and not goals & set(reached):
            wrong.append("was kept from: %s" % t)
    for x in sorted(set(reached) - may):
        if reached[x] or x not in touch:
            wrong.append("LET THROUGH: %s %s %d" % x)
    passed = sum(bool(model.reaches(case["policy"], t)) for t in case["attempts"])
    print("%d attempts, %d to pass, %d seen outside" % (len(case["attempts"]), passed, len(reached)))
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit({"make": make, "try": attempts, "judge": judge}[sys.argv[1]](*sys.argv[2:]))
