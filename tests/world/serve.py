# SPDX-License-Identifier: Apache-2.0
"""The servers of the test world: `python3 serve.py net|inside DIR`, in the namespace of that network.

net:    DNS on 198.51.100.53, HTTP, HTTPS (and the sshd, for who speaks so to 443), a stratum pool (3333), TCP and UDP echo (7), a TCP sink (9), a server
        that greets first (25), a UDP clock (123), and the firewall's log. They listen on every address.
inside: HTTP on 80 and 8080 of ten hosts and of the metadata address, a greeting on 22.

Every connection is a line of accept.log, written before anything is read, and one when it ends, with the bytes that
came."""

import hashlib
import http.server
import json
import os
import socket
import socketserver
import ssl
import struct
import subprocess
import sys
import threading
import time

import names
import work

ROLE, DIR = sys.argv[1], sys.argv[2]


class Log:
    def __init__(self, name):
        self.file = open(os.path.join(DIR, name), "a", buffering=1)
        self.lock = threading.Lock()

    def __call__(self, *words):
        with self.lock:
            self.file.write("%.6f %s\n" % (time.time(), " ".join(str(w) for w in words)))


def plain(address):
    return address[7:] if address.startswith("::ffff:") else address


ACCEPTED = Log("accept.log")
HERE = threading.local()


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """Both families, all addresses."""

    address_family = socket.AF_INET6
    allow_reuse_address = daemon_threads = True
    request_queue_size = 4096

    def __init__(self, port, handler, tls=None):
        self.tls = tls
        super().__init__(("::", port), handler, bind_and_activate=False)
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self.server_bind()
        self.server_activate()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def process_request_thread(self, request, client):
        try:
            own = request.getsockname()
        except OSError:
            return
        HERE.ends = plain(client[0]), client[1], plain(own[0]), own[1]
        HERE.probe = request.dup()  # a handshake that fails takes the socket away
        ACCEPTED(ROLE, "tcp", *HERE.ends)
        try:
            if self.tls:
                request.settimeout(20)
                if own[1] == 443 and request.recv(4, socket.MSG_PEEK) == b"SSH-":
                    return tunnel(request)
                request = self.tls.wrap_socket(request, server_side=True)
                request.settimeout(None)
        except (OSError, ssl.SSLError) as e:
            HTTP("tls-failed", plain(client[0]), client[1], plain(own[0]), own[1], type(e).__name__)
            self.shutdown_request(request)
            return
        super().process_request_thread(request, client)

    def shutdown_request(self, request):
        """What the other side said, by the kernel's count (tcpi_bytes_received; a FIN counts as one)."""
        with HERE.probe as probe:
            said = struct.unpack_from("Q", probe.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 136), 128)[0]
            ACCEPTED(ROLE, "end", *HERE.ends, said)
            super().shutdown_request(request)

    def handle_error(self, request, client):
        if not isinstance(sys.exc_info()[1], (OSError, ssl.SSLError)):
            super().handle_error(request, client)


HTTP = Log("http.log")


def tunnel(request):
    """The sshd answers on 443 too, as those who mean to pass for HTTPS have it."""
    server = socket.create_connection(("127.0.0.1", 22))

    def carry(a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    other = threading.Thread(target=carry, args=(server, request), daemon=True)
    other.start()
    carry(request, server)
    other.join()
    server.close()
    request.close()


class Web(http.server.BaseHTTPRequestHandler):
    """/bytes/N sends N bytes, /sha/N their SHA-256, /slow a byte a second, /echo what was sent, /ws is a
    WebSocket that echoes, /git/ is git; what work.py has; else a file below www/HOST. Asked as a proxy is
    (GET http://HOST/…), it answers as that host would."""

    protocol_version = "HTTP/1.1"
    timeout = 120

    def parse_request(self):
        whole = super().parse_request()
        if whole and self.path.startswith("http://"):
            host, _, path = self.path[7:].partition("/")
            del self.headers["Host"]
            self.headers["Host"], self.path = host, "/" + path
        return whole

    def log_message(self, *_):
        own = self.request.getsockname()
        HTTP(
            "https" if self.server.tls else "http", plain(self.client_address[0]), self.client_address[1],
            plain(own[0]), own[1], getattr(self.request, "weir_sni", None) or "-", self.headers.get("Host", "-"), self.command, self.path,
        )

    def send(self, data, kind="application/octet-stream", status=200):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            data = b""
            while True:
                n = int(self.rfile.readline().split(b";")[0], 16)
                data += self.rfile.read(n)
                self.rfile.readline()
                if n == 0:
                    return data
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def do_GET(self):
        path = self.path.split("?")[0]
        host = (self.headers.get("Host") or "").split(":")[0]
        if path.startswith("/git/"):
            return self.git(path)
        if path == "/ws":
            return self.websocket()
        if work.take(self):
            return None
        if path.startswith("/bytes/"):
            return self.bytes(int(path[7:]))
        if path.startswith("/sha/"):
            return self.send(hashlib.sha256(b"\0" * int(path[5:])).hexdigest().encode())
        if path.startswith("/slow/"):
            return self.slow(int(path[6:]))
        if path == "/who":
            return self.send(("%s %d\n" % (plain(self.client_address[0]), self.client_address[1])).encode())
        if path == "/latest/meta-data/":
            return self.send(b"role: secret\n")
        for base in host, "files.test":
            file = os.path.join(DIR, "www", base, os.path.normpath("/" + path).lstrip("/"))
            file = os.path.join(file, "index.html") if os.path.isdir(file) else file
            if os.path.isfile(file):
                return self.send(open(file, "rb").read(), "text/html" if file.endswith("html") and "npm" not in base else "application/octet-stream")
        if path == "/":
            return self.send(b"%s %s\n" % (ROLE.encode(), host.encode()), "text/plain")
        return self.send(b"no such file\n", "text/plain", 404)

    do_HEAD = do_GET

    def do_POST(self):
        if self.path.startswith("/git/"):
            return self.git(self.path.split("?")[0])
        if work.take(self):
            return None
        data = self.body()
        return self.send(data if self.path == "/echo" else b"%d bytes\n" % len(data))

    do_PUT = do_POST

    def bytes(self, n):
        self.send_response(200)
        self.send_header("Content-Length", str(n))
        self.end_headers()
        block = b"\0" * 262144
        while n > 0 and self.command != "HEAD":
            self.wfile.write(block[: min(n, len(block))])
            n -= len(block)

    def slow(self, n):
        self.send_response(200)
        self.send_header("Content-Length", str(n))
        self.end_headers()
        for _ in range(n):
            self.wfile.write(b".")
            self.wfile.flush()
            time.sleep(1)

    def git(self, path):
        env = dict(
            os.environ, GIT_PROJECT_ROOT=DIR, GIT_HTTP_EXPORT_ALL="1", PATH_INFO=path, REQUEST_METHOD=self.command,
            QUERY_STRING=self.path.partition("?")[2], CONTENT_TYPE=self.headers.get("Content-Type", ""),
            HTTP_CONTENT_ENCODING=self.headers.get("Content-Encoding", ""), REMOTE_USER="world", REMOTE_ADDR="world",
            GIT_PROTOCOL=self.headers.get("Git-Protocol", ""), GIT_CONFIG_COUNT="1", GIT_CONFIG_KEY_0="safe.directory", GIT_CONFIG_VALUE_0="*",
        )
        data = self.body()
        env["CONTENT_LENGTH"] = str(len(data))
        out = subprocess.run(["git", "http-backend"], input=data, env=env, stdout=subprocess.PIPE).stdout
        head, _, rest = out.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        self.send(rest, fields.get("Content-Type", "text/plain"), int(fields.get("Status", "200")[:3]))

    def accept_websocket(self):
        key = self.headers.get("Sec-WebSocket-Key", "") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = __import__("base64").b64encode(hashlib.sha1(key.encode()).digest()).decode()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", accept)
        self.end_headers()
        self.close_connection = True

    def read_frame(self):
        """(operation, data), or (None, b"") where there is no more."""
        head = self.rfile.read(2)
        if len(head) < 2:
            return None, b""
        size = head[1] & 127
        if size == 126:
            (size,) = struct.unpack(">H", self.rfile.read(2))
        elif size == 127:
            (size,) = struct.unpack(">Q", self.rfile.read(8))
        mask = self.rfile.read(4) if head[1] & 128 else b"\0" * 4
        return head[0] & 15, bytes(b ^ mask[i % 4] for i, b in enumerate(self.rfile.read(size)))

    def frame(self, operation, data):
        size = len(data)
        length = bytes([size]) if size < 126 else b"\x7e" + struct.pack(">H", size)
        self.wfile.write(bytes([128 | operation]) + length + data)

    def websocket(self):
        self.accept_websocket()
        while True:
            operation, data = self.read_frame()
            if operation is None:
                return
            if operation == 8:
                self.wfile.write(b"\x88\0")
                return
            self.frame(operation, data)


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(65536):
            self.request.sendall(data)


class Sink(socketserver.BaseRequestHandler):
    def handle(self):
        room = bytearray(1 << 20)
        while self.request.recv_into(room):
            pass


class Greeting(socketserver.BaseRequestHandler):
    """Speaks first, as a mail server does; the internal hosts' 22 does as sshd."""

    def handle(self):
        self.request.sendall(b"220 mail.test ESMTP\r\n" if ROLE == "net" else b"SSH-2.0-OpenSSH_9.2\r\n")
        while data := self.request.recv(4096):
            self.request.sendall(b"221 bye\r\n" if data.upper().startswith(b"QUIT") else b"250 ok\r\n")


STRATUM = Log("stratum.log")


class Pool(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            try:
                asked = json.loads(line)
            except ValueError:
                return
            STRATUM(plain(self.client_address[0]), self.client_address[1], asked.get("method"))
            answer = {"id": asked.get("id"), "result": True, "error": None}
            if asked.get("method") == "mining.subscribe":
                answer["result"] = [[["mining.notify", "1"]], "08000002", 4]
            self.wfile.write(json.dumps(answer).encode() + b"\n")
            if asked.get("method") == "mining.authorize":
                job = {"id": None, "method": "mining.notify", "params": ["1", "00" * 32, "", "", [], "20000000", "1d00ffff", "5f5e1000", True]}
                self.wfile.write(json.dumps(job).encode() + b"\n")


# --- DNS, RFC 1035

DNS = Log("dns.log")
TYPES = {1: "A", 5: "CNAME", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA", 65: "HTTPS", 255: "ANY"}
NUMBERS = {"A": 1, "CNAME": 5, "AAAA": 28}
asked_before = {}


def encode(name):
    return b"".join(bytes([len(p)]) + p.encode() for p in name.split(".")) + b"\0"


def record(owner, kind, value):
    if kind == "CNAME":
        data = encode(value)
    else:
        data = socket.inet_pton(socket.AF_INET6 if kind == "AAAA" else socket.AF_INET, value)
    return encode(owner) + struct.pack(">HHIH", NUMBERS[kind], 1, names.ttl(owner), len(data)) + data


def zone(name, kind):
    lie = names.lie(name)
    if lie:
        n = asked_before[name, kind] = asked_before.get((name, kind), -1) + 1
        return lie(n, kind)
    host = names.honest(name)
    if host is None:
        return "nx"
    return {"A": [("A", names.NET4 % host)], "AAAA": [("AAAA", names.NET6 % host)]}.get(kind, [])


def question(data):
    at, labels = 12, []
    while data[at]:
        labels.append(data[at + 1 : at + 1 + data[at]].decode("latin-1"))
        at += 1 + data[at]
    (kind,) = struct.unpack(">H", data[at + 1 : at + 3])
    return ".".join(labels).lower(), TYPES.get(kind, str(kind)), data[12 : at + 5]


def answer(data, records, name, asked, flags=0):
    code = 3 if records == "nx" else 0
    records = [] if records == "nx" else records
    out, owner = b"", name
    for kind, value in records:
        out += record(owner, kind, value)
        owner = value if kind == "CNAME" else owner
    return data[:2] + struct.pack(">HHHHH", 0x8180 | flags | code, 1, len(records), 0, 0) + asked + out


def reply(data, client, transport, send):
    try:
        name, kind, asked = question(data)
    except (IndexError, struct.error):
        return
    DNS(transport, plain(client[0]), client[1], kind, name)
    records = zone(name, kind)
    if records is None:
        return
    if name == "slow.test":
        time.sleep(names.SLOW)
    if name == "liar.test":  # a wrong id, a wrong question: neither may be believed
        forged = answer(data, [("A", "10.20.0.11")], name, asked)
        send(bytes([data[0] ^ 255]) + forged[1:])
        send(answer(data, [("A", "10.20.0.11")], "files.test", encode("files.test") + asked[-4:]))
    if name == "big.test" and transport == "udp":
        return send(answer(data, [], name, asked, 0x200))
    send(answer(data, records, name, asked))


class DnsStream(socketserver.StreamRequestHandler):
    def handle(self):
        while len(size := self.rfile.read(2)) == 2:
            data = self.rfile.read(struct.unpack(">H", size)[0])
            reply(data, self.client_address, "tcp", lambda m: self.wfile.write(struct.pack(">H", len(m)) + m))


def datagrams(family, address, port, handle):
    """Answers come from the address that was asked."""
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.bind((address, port))

    def loop():
        while True:
            data, client = s.recvfrom(65535)
            threading.Thread(target=handle, args=(data, client, lambda m: s.sendto(m, client)), daemon=True).start()

    threading.Thread(target=loop, daemon=True).start()


def heard(kind):
    def handle(data, client, send):
        ACCEPTED(ROLE, "udp", plain(client[0]), client[1], "-", kind)
        send(data)

    return handle


# --- the firewall: what begins between the host and the internet

def tcp_syn(p, at):
    return p[at + 13] & 0x12 == 2


def ends(packet):
    """(protocol, source, port, destination, port, begins) of an Ethernet frame, or None."""
    kind = packet[12:14]
    if kind == b"\x08\x00":
        at, proto = 14 + (packet[14] & 15) * 4, packet[23]
        source, to = socket.inet_ntop(socket.AF_INET, packet[26:30]), socket.inet_ntop(socket.AF_INET, packet[30:34])
    elif kind == b"\x86\xdd":
        at, proto = 54, packet[20]
        source, to = socket.inet_ntop(socket.AF_INET6, packet[22:38]), socket.inet_ntop(socket.AF_INET6, packet[38:54])
    else:
        return None
    if proto in (0, 58) or len(packet) < at + 4:  # neighbours and multicast groups: the wire's own affairs
        return None
    ports = struct.unpack(">HH", packet[at : at + 4]) if proto in (6, 17) else (0, 0)
    if proto == 6 and not (len(packet) > at + 13 and tcp_syn(packet, at)):
        return None
    return {6: "tcp", 17: "udp"}.get(proto, str(proto)), source, ports[0], to, ports[1]


# Keeps, in the kernel, what is no TCP segment but a SYN: tcpdump -dd 'not tcp or tcp[13] & 18 == 2 or ip6'
# for IPv4; of IPv6 everything short is kept and ends() looks closer.
FILTER = [
    (0x28, 0, 0, 12), (0x15, 0, 9, 0x0800), (0x30, 0, 0, 23), (0x15, 0, 10, 6), (0x28, 0, 0, 20), (0x45, 7, 0, 0x1FFF),
    (0xB1, 0, 0, 14), (0x50, 0, 0, 27), (0x54, 0, 0, 0x12), (0x15, 4, 0, 2), (0x06, 0, 0, 0),
    (0x15, 0, 3, 0x86DD), (0x80, 0, 0, 0), (0x25, 1, 0, 200), (0x06, 0, 0, 128), (0x06, 0, 0, 0),
]


def firewall():
    import ctypes

    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    code = b"".join(struct.pack("HBBI", *row) for row in FILTER)
    held = ctypes.create_string_buffer(code)
    s.setsockopt(socket.SOL_SOCKET, 26, struct.pack("HL", len(FILTER), ctypes.addressof(held)))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 20)
    s.bind(("uplink", 0))
    log = Log("firewall.log")

    def loop():
        while True:
            packet, where = s.recvfrom(128)
            found = ends(packet)
            if found:
                log("in" if where[2] == 4 else "out", *found)

    threading.Thread(target=loop, daemon=True).start()


def context():
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(DIR + "/server.pem", DIR + "/server.key")
    tls.set_alpn_protocols(["http/1.1"])

    def sni(sock, name, _):
        sock.weir_sni = name

    tls.sni_callback = sni
    return tls


def net():
    if os.environ.get("WORLD_FIREWALL") != "no":  # a measurement does without
        firewall()
    Server(80, Web)
    Server(8080, Web)
    Server(443, Web, context())
    Server(8443, Web, context())
    Server(7, Echo)
    Server(9, Sink)
    Server(25, Greeting)
    Server(3333, Pool)
    Server(53, DnsStream)
    for family, address in (socket.AF_INET, names.NET4 % 53), (socket.AF_INET6, names.NET6 % 53):
        datagrams(family, address, 53, lambda data, client, send: reply(data, client, "udp", send))
    for host in 10, 66:
        for family, address in (socket.AF_INET, names.NET4 % host), (socket.AF_INET6, names.NET6 % host):
            datagrams(family, address, 7, heard("%s:7" % address))
            datagrams(family, address, 123, heard("%s:123" % address))
            datagrams(family, address, 53, lambda data, client, send: reply(data, client, "udp", send))


def inside():
    Server(80, Web)
    Server(8080, Web)
    Server(22, Greeting)


if __name__ == "__main__":
    net() if ROLE == "net" else inside()
    open(os.path.join(DIR, ROLE + ".ready"), "w").close()
    threading.Event().wait()
