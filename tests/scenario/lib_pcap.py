# SPDX-License-Identifier: Apache-2.0
"""What weir pcap says of a capture, beside what tshark says of it.

  lib_pcap.py compare CAPTURE WEIR.json   every flow of TCP and UDP: ends, packets, payload bytes both ways, SNI or Host
  lib_pcap.py talk                        datagrams of many sizes to ADDRESS PORT
  lib_pcap.py limit MEGABYTES CMD...      runs CMD; fails where its peak of memory is above
"""

import collections
import json
import resource
import socket
import subprocess
import sys

FIELDS = ["ip.src", "ipv6.src", "ip.dst", "ipv6.dst", "tcp.srcport", "udp.srcport", "tcp.dstport", "udp.dstport", "tcp.len",
          "udp.length", "tcp.seq_raw", "tls.handshake.extensions_server_name", "http.host", "_ws.col.Protocol"]


def packets(path):
    ran = subprocess.run(["tshark", "-r", path, "-n", "-Y", "(tcp or udp) and not icmp and not icmpv6", "-T", "fields", "-E",
                          "separator=|"] + [a for f in FIELDS for a in ("-e", f)], stdout=subprocess.PIPE, check=True, text=True)
    for line in ran.stdout.splitlines():
        yield dict(zip(FIELDS, line.split("|")))


class Side:
    def __init__(self):
        self.packets = self.datagrams = 0
        self.covered = set()  # sequence numbers, so that what came twice counts once

    def bytes(self):
        return self.datagrams + len(self.covered)


def witness(path):
    flows = collections.defaultdict(lambda: (Side(), Side(), set()))
    for p in packets(path):
        tcp = bool(p["tcp.srcport"])
        a = (p["ip.src"] or p["ipv6.src"], int(p["tcp.srcport"] or p["udp.srcport"]))
        b = (p["ip.dst"] or p["ipv6.dst"], int(p["tcp.dstport"] or p["udp.dstport"]))
        key = ("tcp" if tcp else "udp",) + tuple(sorted([a, b]))
        inward, outward, names = flows[key]
        side = inward if (a, b) == key[1:] else outward
        side.packets += 1
        if tcp:
            first, size = int(p["tcp.seq_raw"]), int(p["tcp.len"] or 0)
            side.covered.update(range(first, first + size))
        else:
            side.datagrams += int(p["udp.length"]) - 8
        for name in (p["tls.handshake.extensions_server_name"], p["http.host"]):
            names.update(n.split(":")[0] for n in name.split(",") if n)
    return flows


def compare(path, said):
    flows = witness(path)
    wrong, seen = [], set()
    capture = json.load(open(said))
    for f in capture["flows"]:
        if f["proto"] not in ("tcp", "udp"):
            continue
        a, b = (f["src"], f["sport"]), (f["dst"], f["port"])
        key = (f["proto"],) + tuple(sorted([a, b]))
        up, down = flows[key][:2] if (a, b) == key[1:] else flows[key][1::-1]
        got = (f["packets_up"], f["bytes_up"], f["packets_down"], f["bytes_down"])
        want = (up.packets, up.bytes(), down.packets, down.bytes())
        if got != want:
            wrong.append(f"{key}: weir {got}, tshark {want}")
        if not capture["counts"]["cut"]:  # a name may be among what was cut off
            wrong += [f"{key}: no word of {n} in {f['detail']}" for n in flows[key][2] if n not in (f["detail"] or "")]
        seen.add(key)
    wrong += [f"{key}: only tshark has it" for key in flows if key not in seen]
    print(f"{len(seen)} flows", *wrong, sep="\n")
    return 1 if wrong or not seen else 0


def talk(address, port):
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    for size in (1, 1400, 1500, 3000, 9000, 65000):
        s.sendto(b"d" * size, (address, port))


def limit(megabytes, *command):
    status = subprocess.run(command, stdout=subprocess.DEVNULL).returncode
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    print(f"status {status}, {peak} MB")
    return status if status else int(peak > megabytes)


what, arguments = sys.argv[1], sys.argv[2:]
if what == "compare":
    sys.exit(compare(*arguments))
elif what == "talk":
    talk(arguments[0], int(arguments[1]))
else:
    sys.exit(limit(int(arguments[0]), *arguments[1:]))
