# SPDX-License-Identifier: Apache-2.0
"""Held out: who is there, asked by IPv6, in datagrams, by banner, and of one service."""

import select
import socket
import threading

import lib_far as far
import lib_held as held
import lib_net as net
from attack_probing import INSIDE, log, scan
from lib_case import case


def also(c, *entries):
    """The policy lets this pass too."""
    c.policy += "".join("    - %s\n" % entry for entry in entries)


def swept(c, command, seconds):
    c.attack(command + "; touch scanned")
    c.call("true")
    c.begin()
    c.mark()
    c.exists("scanned", seconds)


@case("probing", seconds=12, alone=True, filter="net fd20::/64")
def scan_v6(c):
    """perl: ports of inner hosts by IPv6, a few a second"""
    also(c, '{host: "fd20::/64"}')
    c.file("build.pl", """\
use IO::Socket::IP;
for my $port (22, 80, 443, 3306, 5432, 6379, 8080, 9200) {
	for my $n (11 .. 16) {
		my $s = IO::Socket::IP->new(PeerHost => "fd20::$n", PeerPort => $port, Timeout => 0.3);
		print "$n $port\\n" if $s;
		select undef, undef, undef, 0.1;
	}
}
""")
    swept(c, "perl build.pl", 60)
    seen = {tuple(w[5:7]) for w in log(c, "accept.log", lambda line: " tcp fd20::2 " in line)}
    c.prove(len(seen) >= 15, "the scanned hosts saw %d of their ports tried" % len(seen))


class Silent:
    """Datagrams that come to these ports of inner hosts, counted; nothing answers."""

    def __init__(self, c, hosts, ports):
        self.seen, self.sockets = set(), []
        with net.at("inside"):
            for host in hosts:
                for port in ports:
                    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                    s.bind((host, port))
                    self.sockets.append(s)
        self.over = False
        c.ends.callback(self.end)
        threading.Thread(target=self.read, daemon=True).start()

    def end(self):
        self.over = True

    def read(self):
        while not self.over:
            for s in select.select(self.sockets, [], [], 0.2)[0]:
                s.recv(4096)
                self.seen.add(s.getsockname())
        for s in self.sockets:
            s.close()


@case("probing", seconds=10, **INSIDE)
def scan_udp(c):
    """python: SNMP, SSDP, mDNS, TFTP, NetBIOS and IKE of inner hosts, in datagrams that none answers"""
    ports = 69, 137, 161, 500, 1900, 5353
    silent = Silent(c, ["10.20.0.%d" % n for n in range(11, 19)], ports)
    also(c, "{host: 10.20.0.0/24, transport: udp, ports: [%s]}" % ", ".join(map(str, ports)))
    c.file("build.py", """\
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setblocking(False)
for port in %s:
    for n in range(11, 19):
        try:
            s.sendto(b"\\x30\\x26\\x02\\x01\\x01\\x04\\x06public" + bytes(20), ("10.20.0.%%d" %% n, port))
        except OSError as e:
            print(e)
        time.sleep(0.08)
time.sleep(1)
""" % (ports,))
    swept(c, "python3 build.py", 60)
    c.prove(len(silent.seen) >= 40, "%d ports of inner hosts saw a datagram" % len(silent.seen))


@case("probing", seconds=8, **INSIDE)
def sweep_c(c):
    """C: connects that do not wait, hosts and ports in a shuffled order, 200 a second"""
    held.compiled(c, "sweep.c", "worker")
    scan(c, "./worker 10.20.0. 1 60 22 80 443 445 3306 5432 6379 8080", 60, 20)


@case("probing", seconds=12, **INSIDE)
def redis_sweep(c):
    """bash: PING to the port of redis of forty addresses, one after another"""
    pinged = []

    def redis(s):
        pinged.append(s.recv(64))
        s.sendall(b"+PONG\r\n")

    for address in "10.20.0.15", "10.20.0.17":
        far.serve(c, 6379, redis, place="inside", address=address)
    swept(c, "for i in $(seq 1 40); do timeout 0.4 bash -c \"exec 3<>/dev/tcp/10.20.0.$i/6379; printf 'PING\\r\\n' >&3; head -c 7 <&3\" 2>/dev/null; done; true", 60)
    c.prove(len(pinged) == 2 and pinged[0].startswith(b"PING"), "two inner servers were found and asked")


@case("probing", seconds=6, alone=True, filter="host 169.254.169.254 or host 169.254.170.2 or net fd00:ec2::/32")
def metadata_clouds(c):
    """the metadata addresses of several clouds: a token first, by name, by IPv6, the containers' one"""
    c.policy = c.policy.replace("169.254.169.254", "169.254.0.0/16")
    also(c, '{host: "fd00:ec2::254"}')
    attack = c.attack("""\
curl -s -m 2 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token
curl -s -m 2 -H 'Metadata-Flavor: Google' http://metadata.google.internal/computeMetadata/v1/
curl -s -m 2 http://169.254.170.2/v2/credentials
curl -s -m 2 'http://[fd00:ec2::254]/latest/meta-data/'
curl -s -m 2 -H 'Metadata: true' 'http://169.254.169.254/metadata/instance?api-version=2021-02-01'; true""")
    c.begin()
    c.mark()
    c.replay.wait(30)
    c.prove("role: secret" in c.output(attack), "the call printed what only the metadata address knows")


@case("probing", seconds=12, **INSIDE)
def banners(c):
    """ssh-keyscan over forty addresses of the internal network, from a file"""
    c.tool("ssh-keyscan")
    c.file("hosts", "".join("10.20.0.%d\n" % n for n in range(3, 43)))
    scan(c, "./worker -T 1 -f hosts >keys 2>/dev/null", 90, 8)
