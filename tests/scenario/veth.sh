#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# network.veth: a real interface, with verdicts at connect() and at the packet. The witnesses are the world's logs,
# the host's own view of its interfaces and tables, and a process of the host in the sandbox's network, which no
# hook sees.
. "$(dirname "$0")/tap.sh"
need root cgroup2 bpf python3 jq nft setpriv userns
. "$TOP/tests/scenario/lib_world.sh"
world_up
mkdir "$T/work" && cd "$T/work" || exit 1
cat >veth.yaml <<END
network:
  veth: true
  resolver: [$WORLD_RESOLVER]
  allow:
    - {host: files.test, ports: [80]}
    - {host: evil.test, ports: [81]}
    - {host: inside.test}
    - {host: 198.51.100.10, ports: [7, 9, 80]}
    - {host: "2001:db8:2::10", ports: [80]}
    - {host: 198.51.100.10, ports: [7], transport: udp}
END
sandbox() { world timeout 60 "$WEIR" run -p veth.yaml "$@"; }
forward() { world sh -c "echo $1 >/proc/sys/net/ipv4/ip_forward; echo $1 >/proc/sys/net/ipv6/conf/all/forwarding"; }
tables() { world nft list tables; }
links() { world ip -br link | grep -o '^weir-[0-9]*'; }

run sandbox -- touch began
is "$status" 125 "on a host that does not forward the run does not start"
like "$err" 'network.veth.*net.ipv4.ip_forward' "and is told why"
is "$(ls began 2>/dev/null)$(tables)" "" "nothing ran, and nothing is left"
is "$(world cat /proc/sys/net/ipv4/ip_forward)" 0 "nor was the host changed"
install -d -o 65534 -g 65534 "$T/home" "$T/own" && cp veth.yaml "$T/own"
run world sh -c "cd $T/own && setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=/ WEIR_STORE=$T/home/store '$WEIR' run -p veth.yaml -- true"
is "$status" 125 "an ordinary user has no such interface"
like "$err" 'network.veth.*needs root' "and is told so"
forward 1
world ip -6 route replace default via 2001:db8:1::1 dev wan

cat >try.py <<'END'
import errno, socket, sys, time
def said(make):
    begun = time.monotonic()
    try:
        word = make() or "ok"
    except OSError as e:
        word = errno.errorcode.get(e.errno, str(e))
    return word if time.monotonic() - begun < 1 else "late " + word
def go(address, port, kind=socket.SOCK_STREAM, protocol=0):
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind, protocol)
    s.settimeout(3)
    s.connect((address, port))
    if kind == socket.SOCK_DGRAM:
        s.send(b"x")
def raw():
    socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).sendto(b"\x08" + bytes(7), ("198.51.100.10", 0))
UDP = socket.SOCK_DGRAM
for name, make in {
    "allowed": lambda: go("198.51.100.10", 80),
    "allowed6": lambda: go("2001:db8:2::10", 80),
    "udp": lambda: go("198.51.100.10", 7, UDP),
    "refused": lambda: go("198.51.100.66", 80),
    "refused6": lambda: go("2001:db8:2::66", 80),
    "refused_udp": lambda: go("198.51.100.66", 7, UDP),
    "private": lambda: go("10.20.0.11", 80),
    "host": lambda: go("192.0.2.2", 80),
    "other_end": lambda: go("100.127.240.1", 22),
    "nameless": lambda: go("198.18.77.7", 80),
    "udplite": lambda: go("198.51.100.10", 7, UDP, 136),
    "raw": raw,
}.items():
    print(name, said(make))
END
run sandbox -- python3 try.py
is "$out" "allowed ok
allowed6 ok
udp ok
refused EPERM
refused6 EPERM
refused_udp EPERM
private EPERM
host EPERM
other_end EPERM
nameless EPERM
udplite EPROTONOSUPPORT
raw ESOCKTNOSUPPORT" "what is allowed passes, what is not is refused in the call"
ok "$(log_has firewall.log 'out tcp 192\.0\.2\.2 [0-9]+ 198\.51\.100\.10 80$'; echo $?)" "the outside sees the host's address"
ok "$(log_has firewall.log 'out tcp 2001:db8:1::2 [0-9]+ 2001:db8:2::10 80$'; echo $?)" "in IPv6 too"

run sandbox -n names -- sh -c 'curl -sS -m 5 http://files.test/hello; curl -sS -m 5 http://evil.test/; curl -sS -m 5 http://inside.test/'
is "$out" "it came over the gate" "a name leads where it leads" "$err"
is "$(log_count accept.log '198\.51\.100\.66|10\.20\.0\.')" 0 "another port of a name, and a name that leads inside, do not"

# The host's own servers, by its own public address, where everything public is allowed.
printf 'network: {veth: true, default: allow, resolver: [%s]}\n' "$WORLD_RESOLVER" >public.yaml
world python3 -c 'import socket, time
for family, at in ((socket.AF_INET, "192.0.2.2"), (socket.AF_INET6, "2001:db8:1::2")):
    s = socket.socket(family); s.bind((at, 8077)); s.listen(); globals()[at] = s
time.sleep(20)' &
server=$!
reach='import socket,sys; s=socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET); s.settimeout(2); print(s.connect_ex((sys.argv[1], int(sys.argv[2]))))'
ok "$(eventually 5 world python3 -c "$reach" 192.0.2.2 8077; echo $?)" "the host has a server"
run world "$WEIR" run -p public.yaml -- sh -c "for a in 198.51.100.10:80 192.0.2.2:8077 2001:db8:2::10:80 2001:db8:1::2:8077; do python3 -c '$reach' \${a%:*} \${a##*:}; done"
is "$out" "0
111
0
111" "what is public is reached, the host itself is not" "$err"
kill "$server"

# Packets, whoever sends them.
(sandbox -n packets -- sh -c 'python3 -m http.server 8000 >/dev/null 2>&1 & touch up; while [ ! -e done ]; do sleep 0.1; done' >/dev/null 2>&1) &
run_pid=$!
eventually 10 test -e up
inside_pid=$(run_pids "$("$WEIR" ps -f json | jq -r '.[] | select(.name == "packets") | .id')" | while read -r p; do
	grep -q '/weir/[^/]*/[1-9]' "/proc/$p/cgroup" && echo "$p"
done | head -n 1)
run nsenter "--net=/proc/$inside_pid/ns/net" python3 try.py
is "$out" "allowed ok
allowed6 ok
udp ok
refused ECONNREFUSED
refused6 ECONNREFUSED
refused_udp EPERM
private ECONNREFUSED
host ECONNREFUSED
other_end ECONNREFUSED
nameless ECONNREFUSED
udplite EPERM
raw EPERM" "past the hooks every packet is judged again"
end=$(nsenter "--net=/proc/$inside_pid/ns/net" ip -4 -br address show eth0 | grep -o '100\.127\.[0-9.]*')
like "$end" '^100\.127\.' "the sandbox has an address of its own"
is "$(nsenter "--net=/proc/$inside_pid/ns/net" python3 -c "$reach" 127.0.0.1 8000)" 0 "a server inside"
unlike "$(world python3 -c "$reach" "$end" 8000)" '^0$' "is not reached from the host"
outside ip route replace "$end" via 192.0.2.2
unlike "$(outside python3 -c "$reach" "$end" 8000)" '^0$' "nor through it"
touch done
wait "$run_pid"

# A live connection ends with the rule that let it pass.
cat >hold.py <<'END'
import socket, time
s = socket.create_connection(("198.51.100.10", 7))
s.settimeout(10)
s.sendall(b"a")
print(s.recv(1), flush=True)
open("held", "w").close()
begun = time.monotonic()
try:
    while time.monotonic() - begun < 10:
        s.sendall(b"b")
        s.recv(1)
        time.sleep(0.05)
    print("lives")
except OSError as e:
    print("cut", e.errno)
END
(sandbox -n narrow -- python3 hold.py >held.out 2>/dev/null) &
run_pid=$!
eventually 10 test -e held
sed 's/ports: \[7, 9, 80\]/ports: [80]/' veth.yaml >narrow.yaml
run world "$WEIR" policy apply narrow narrow.yaml
is "$status" 0 "the policy is narrowed" "$err"
wait "$run_pid"
like "$(cat held.out)" '^cut ' "a connection that is not allowed any more ends"

# Speed, and what the host's own counters say of it.
cat >copy.py <<'END'
import socket
s = socket.create_connection(("198.51.100.10", 9))
for _ in range(800):
    s.sendall(bytes(65536))
s.close()
END
sent=$(world ip -s -j link show wan | jq '.[0].stats64.tx.bytes')
run sandbox -n copy -- python3 copy.py
is "$status" 0 "50 MB are copied" "$err"
ok "$([ $(($(world ip -s -j link show wan | jq '.[0].stats64.tx.bytes') - sent)) -gt 52428800 ]; echo $?)" "and cross the host's interface"

run "$WEIR" report copy -f json
like "$(printf '%s\n' "$out" | jq -r '.barriers[] | select(.name == "namespaces") | "\(.state) \(.reason)"')" '^degraded .*network\.veth' "the record says that flows are not seen"
run "$WEIR" events copy -f json --kind connect
like "$(printf '%s\n' "$out" | jq -r '"\(.call) \(.dst) \(.port)"')" '^1 198\.51\.100\.10 9$' "a connection is an event of its call"

# Two at once; and a keeper that dies.
(sandbox -n one -- sleep 3 >/dev/null 2>&1) &
one=$!
run sandbox -n two -- python3 try.py
like "$out" '^allowed ok' "two sandboxes have each its own"
eventually 10 sh -c "[ -n \"\$(nsenter --net=/run/netns/$WORLD_HOST nft list tables)\" ]"
like "$(tables)" '^table inet weir-[0-9]+$' "the other one's table is there"
one_id=$("$WEIR" ps -f json | jq -r '.[] | select(.name == "one") | .id')
# of the store's keepers the one whose descendants are in the run's cgroups
keeper=$(for p in $(run_pids "$one_id"); do sed -n 's/^PPid:\t//p' "/proc/$p/status"; done | while read -r p; do
	case $(readlink "/proc/$p/exe") in */weir-keeper) echo "$p" ;; esac
done | sort -u | head -n 1)
kill -9 "$keeper"
wait $one
ok "$(eventually 5 sh -c "[ -z \"\$(nsenter --net=/run/netns/$WORLD_HOST nft list tables)\" ]"; echo $?)" "a killed keeper leaves no table" "$(tables)"
ok "$(eventually 10 sh -c "! nsenter --net=/run/netns/$WORLD_HOST ip -br link | grep -q '^weir-'"; echo $?)" "and no interface" "$(links)"
finish
