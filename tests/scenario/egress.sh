#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What leaves a sandbox: every way to reach an address that policy does not name ends at once with an error, and
# not one packet of it is seen outside. The witnesses are the errors as a program inside gets them, a tcpdump on
# the interfaces of the host that weir runs on, and the logs of the world's servers and firewall.
# egress-user.sh is the same as an ordinary user.
. "$(dirname "$0")/tap.sh"
need root cc tcpdump
case ${EGRESS_AS:=root} in
root) need cgroup2 bpf ;;
user) need userns setpriv python3 ;;
esac
. "$TOP/tests/scenario/lib_world.sh"
world_up
as=
[ "$EGRESS_AS" = root ] || as="setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=/nonexistent"
own() { [ "$EGRESS_AS" = root ] || chown 65534:65534 "$@"; }
mkdir "$T/work" "$T/other" "$T/other-store" "$WEIR_STORE" && own "$T/work" "$T/other" "$T/other-store" "$WEIR_STORE" && cd "$T/work" || exit 1
cc -O1 -o egress "$TOP/tests/scenario/egress.c" || exit 1

cat >"$T/policy.yaml" <<END
network:
  allow:
    - {host: files.test, ports: [80]}
    - {host: 198.51.100.10, ports: [80]}
    - {host: "2001:db8:2::10", ports: [80]}
    - {host: 198.51.100.10, ports: [7], transport: udp}
    - {host: "2001:db8:2::10", ports: [7], transport: udp}
  resolver: [$WORLD_RESOLVER]
END
# shellcheck disable=SC2086 # $as is words
sandbox() { world $as "$WEIR" run -p "$T/policy.yaml" "$@"; }

# What crosses the host's interfaces, but for what is the world's own: neighbours and their groups, and the gate's
# own way to what policy allows.
watch_wire() {
	world tcpdump -i any -n -l -Q out "not arp and not icmp6 and not (ip6 and ip6[6] = 0) and not (port 53 and host $WORLD_RESOLVER) \
		and not (port 80 and (host 198.51.100.10 or host 2001:db8:2::10)) \
		and not (udp port 7 and (host 198.51.100.10 or host 2001:db8:2::10))" >"$T/wire" 2>"$T/tcpdump" &
	tcpdump_pid=$!
	eventually 5 grep -q 'listening on' "$T/tcpdump"
}
watch_end() {
	sleep 0.3
	kill "$tcpdump_pid"
	wait "$tcpdump_pid" 2>/dev/null
}

# Nobody lets these pass: other hosts of the internet, private and shared ones, metadata, the host itself, the
# special ones, IPv4 in all the clothes of IPv6, addresses that could stand for names and do not, and what is
# allowed on other ports.
far='198.51.100.11 80
8.8.8.8 53
10.20.0.11 80
172.16.0.1 80
192.168.0.1 80
100.64.0.1 80
169.254.169.254 80
169.254.170.2 80
100.100.100.200 80
192.0.2.2 80
10.20.0.2 22
0.1.2.3 80
240.0.0.1 80
255.255.255.255 80
224.0.0.1 80
198.18.0.1 80
198.18.0.1 54
198.18.77.7 80
198.19.255.255 80
198.51.100.10 22
198.51.100.10 8443
198.51.100.10 53
2001:db8:2::11 80
2001:db8:2::10 22
fd00:ec2::254 80
fd20::11 80
fd20::2 22
fe80::1%1 80
ff02::1%1 80
fd77:6569:72::77 80
::ffff:10.20.0.11 80
::ffff:169.254.169.254 80
::ffff:198.51.100.11 80
::ffff:198.51.100.10 22
::10.20.0.11 80
::198.51.100.10 80
64:ff9b::10.20.0.11 80
64:ff9b::198.51.100.10 80
64:ff9b:1::10.20.0.11 80
2002:0a14:000b::1 80
2002:c633:640a::1 80
2001:0:c633:640a::1 80
::ffff:0:10.20.0.11 80'
ways='tcp tcp_later fastopen fastopen_connect reconnect bound udp udp_unspec udp_connect udp_reconnect udp_elsewhere sendmmsg'
# What is allowed by the one transport is not by the other.
other='tcp 198.51.100.10 7
tcp 2001:db8:2::10 7
udp 198.51.100.10 80
udp_connect 198.51.100.10 80
udp_connect 2001:db8:2::10 80
sendmmsg 2001:db8:2::10 80
udp_connect ::ffff:198.51.100.10 80
multicast 224.0.0.251 5353
multicast 239.255.255.250 1900
broadcast 255.255.255.255 67
udp ff02::fb%1 5353'
{
	echo "$far" | while read -r address port; do
		for way in $ways; do echo "$way $address $port"; done
	done
	echo "$other"
} >"$T/work/far"

# refused FILE: the lines of results that are neither an error of refusal nor in time. On an IPv6 socket an
# address without a family is no address.
refused() {
	awk '{ ok = $4 == "EPERM" || $4 == "EACCES" || $4 == "ECONNREFUSED"
		if ($1 == "udp_unspec" && $2 ~ /:/) ok = ok || $4 == "EINVAL" || $4 == "EDESTADDRREQ" || $4 == "EAFNOSUPPORT"
		if (!ok || $5 > 100) print }' "$1"
}
watch_wire
run sandbox -n matrix -- sh -c './egress <far'
printf '%s\n' "$out" >"$T/matrix"
is "$(wc -l <"$T/matrix")" "$(wc -l <"$T/work/far")" "every way to every address has an end"
is "$(refused "$T/matrix")" "" "$(wc -l <"$T/work/far") ways to what is not allowed are refused within 100 ms"
is "$(grep -cE ' EPERM |^[a-z_]+ 255\.255\.255\.255 .* EACCES ' "$T/matrix")" "$(grep -vc '^udp_unspec.*:' "$T/work/far")" "each with EPERM"
watch_end
is "$(cat "$T/wire")" "" "and no packet of them is on any interface of the host"
is "$(log_count firewall.log ' out ')" 0 "nor did the firewall see one"

# Kinds of sockets, and ways to be somebody else.
sockets='udplite mptcp sctp sctp_packets dccp raw raw_header icmp ping'
foreign='packet packet_datagram xdp route diag nflog audit uevent alg key vsock vsock_datagram tipc smc rds bluetooth can qrtr phonet kcm mctp io_uring repair'
{
	for way in $sockets transparent; do printf '%s 198.51.100.10 80\n%s 2001:db8:2::10 80\n' "$way" "$way"; done
	for way in $foreign; do echo "$way 198.51.100.10 80"; done
	for address in 198.51.100.10 10.20.0.2 198.18.0.1 224.0.0.1 0.0.0.1 2001:db8:2::10 fd77:6569:72::1 ::ffff:198.51.100.10 ff02::1; do
		for way in bind bind_udp; do echo "$way $address 5353"; done
	done
	for address in 198.18.0.1 198.51.100.10 fd77:6569:72::1 2001:db8:2::10; do echo "udp_from $address 53"; done
} >"$T/work/kinds"
run sandbox -- sh -c './egress <kinds'
printf '%s\n' "$out" >"$T/kinds"
is "$(awk '$4 != "EPERM" && $4 != "EACCES" && $4 != "ENOSYS" && $4 != "EAFNOSUPPORT" && $4 != "EPROTONOSUPPORT" && $4 != "ESOCKTNOSUPPORT"' "$T/kinds")" "" \
	"$(wc -l <"$T/work/kinds") kinds of sockets and foreign addresses are refused"
is "$(wc -l <"$T/kinds")" "$(wc -l <"$T/work/kinds")" "every one of them"

# What is allowed passes, by every way that leads there.
cat >"$T/work/near" <<END
tcp 198.51.100.10 80
tcp_later 198.51.100.10 80
fastopen 198.51.100.10 80
fastopen_connect 198.51.100.10 80
reconnect 198.51.100.10 80
bound 198.51.100.10 80
tcp ::ffff:198.51.100.10 80
tcp 2001:db8:2::10 80
fastopen 2001:db8:2::10 80
bound 2001:db8:2::10 80
udp 198.51.100.10 7
udp_connect 198.51.100.10 7
udp_reconnect 198.51.100.10 7
udp_elsewhere 198.51.100.10 7
udp 2001:db8:2::10 7
sendmmsg 198.51.100.10 7
udp ::ffff:198.51.100.10 7
tcp 198.18.0.1 53
udp 198.18.0.1 53
udp fd77:6569:72::1 53
bind 127.0.0.1 5353
bind 0.0.0.0 5354
bind 127.1.2.3 5353
bind ::1 5353
bind :: 5355
bind_udp ::ffff:127.0.0.1 5353
udp_from 127.0.0.9 53
END
run sandbox -- sh -c './egress <near'
is "$(printf '%s\n' "$out" | awk '$4 != "passed" || $5 > 1000')" "" "$(wc -l <"$T/work/near") ways to what is allowed pass"
is "$(printf '%s\n' "$out" | wc -l)" "$(wc -l <"$T/work/near")" "every one of them"

# Where everything public is allowed: the edges of what is not (RFC 6890, RFC 4291; metadata addresses of the
# clouds), and their neighbours. Never a datagram.
special='0.0.0.1 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 100.100.100.200 168.63.129.16
169.254.0.0 169.254.255.255 172.16.0.0 172.31.255.255 192.0.0.0 192.0.0.255 192.168.0.0 192.168.255.255 198.18.0.2
198.19.255.255 224.0.0.0 239.255.255.255 240.0.0.0 255.255.255.254 255.255.255.255
::2 ::10.0.0.1 ::ffff:10.255.255.255 ::ffff:169.254.169.254 ::ffff:0:10.0.0.1 64:ff9b::10.0.0.1
64:ff9b::169.254.169.254 64:ff9b:1::1 100::1 1fff::1 2001::1 2001:0:7f00:1::1 2002:0a00:0001::1 2002:a9fe:a9fe::1
4000::1 fc00:: fdff:ffff::1 fd00:ec2::254 fe80::1%1 febf::1%1 fec0::1 ff00::1%1 ff0e::1%1'
public='1.0.0.0 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255 169.255.0.0
172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0
223.255.255.255 ::ffff:9.255.255.255 2001:200::1 2003::1 2600::1 3ffe::1'
for address in $special; do echo "ask $address 9"; done >"$T/work/special"
for address in $public; do echo "ask $address 9"; done >"$T/work/public"
for address in 8.8.8.8 198.51.100.10 2600::1; do printf 'udp %s 53\nudp_connect %s 443\n' "$address" "$address"; done >>"$T/work/special"
printf 'network:\n  default: allow\n  resolver: [%s]\n' "$WORLD_RESOLVER" >"$T/public.yaml"
run world "$WEIR" run -p "$T/public.yaml" -- sh -c './egress <special; echo; ./egress <public'
is "$(printf '%s\n' "$out" | sed '/^$/,$d' | awk '$4 != "EPERM"')" "" "what is not public is refused where all that is public is allowed"
is "$(printf '%s\n' "$out" | sed '1,/^$/d' | awk '$4 != "passed"')" "" "its neighbours are public"
is "$(printf '%s\n' "$out" | wc -l)" "$(($(wc -l <"$T/work/special") + $(wc -l <"$T/work/public") + 1))" "all were asked for"

# A server on all addresses inside is reached by loopback alone; what is allowed is the one outside.
cat >"$T/work/server.py" <<'END'
import socket, subprocess, sys, threading
for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
    s = socket.socket(family, socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    s.bind((address, 80))
    s.listen()
    def serve(s=s):
        while True:
            c, _ = s.accept()
            c.recv(1000)
            c.sendall(b"HTTP/1.0 200 OK\r\n\r\nliar inside\n")
            c.close()
    threading.Thread(target=serve, daemon=True).start()
for to in sys.argv[1:]:
    print(to, subprocess.run(["curl", "-s", "-m", "5", to], capture_output=True, text=True).stdout.split("\n")[0], flush=True)
END
run sandbox -- python3 server.py http://198.51.100.10/ 'http://[2001:db8:2::10]/' http://files.test/ http://127.0.0.1/ 'http://[::1]/' http://0.0.0.0/
is "$(printf '%s\n' "$out" | grep -c 'liar inside')" 3 "a server on 0.0.0.0 and :: inside answers for loopback" "$out"
is "$(printf '%s\n' "$out" | grep -v 'liar inside' | grep -c 'net ')" 3 "what policy names is what is outside" "$out"

# Two sandboxes, of two stores, and the host, each on its own.
cat >"$T/work/listen.py" <<'END'
import socket, sys, time
for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::1")):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        s = socket.socket(family, kind)
        s.bind((address, 9000))
        if kind == socket.SOCK_STREAM:
            s.listen()
        s.setblocking(False)
        globals()[f"s{family}{kind}"] = s
open("listening", "w").close()
end = time.time() + 60
import os
while time.time() < end and not os.path.exists("tried"):
    time.sleep(0.05)
for name, s in list(globals().items()):
    if isinstance(s, socket.socket):
        try:
            s.recvfrom(10) if s.type == socket.SOCK_DGRAM else s.accept()
            print("reached", s)
        except BlockingIOError:
            pass
print("nobody came")
END
cp egress "$T/other"
(WEIR_STORE=$T/other-store sandbox -- python3 listen.py >"$T/listener" 2>&1) &
listener=$!
ok "$(eventually 10 test -e "$T/work/listening"; echo $?)" "a sandbox listens"
for address in 127.0.0.1 ::1 192.0.2.2 10.20.0.2 198.18.0.1 198.51.100.10; do
	for way in tcp_later udp_connect; do echo "$way $address 9000"; done
done >"$T/other/ports"
(cd "$T/other" && sandbox -- sh -c './egress <ports') >"$T/second" 2>/dev/null
head -n 8 "$T/other/ports" | world ./egress >/dev/null 2>&1
outside ./egress >"$T/net" 2>/dev/null <<END
tcp_later 192.0.2.2 9000
tcp_later 2001:db8:1::2 9000
END
cp "$T/work/near" "$T/work/far" "$T/other"
(cd "$T/other" && sandbox -- sh -c './egress <near') >"$T/beside" 2>/dev/null
touch "$T/work/tried"
wait "$listener"
is "$(cat "$T/listener")" "nobody came" "neither another sandbox, nor the host, nor the internet reaches it"
is "$(grep -c passed "$T/net")" 0 "and the internet is told so" "$(cat "$T/net")"
is "$(awk '$1 == "tcp_later" { print $4 }' "$T/second" | sort | uniq -c | xargs)" "2 ECONNREFUSED 4 EPERM" "the other one has its own loopback and no more"
is "$(awk '$4 == "passed"' "$T/beside" | wc -l)" "$(wc -l <"$T/work/near")" "what its policy allows passes while another store's lives" "$(cat "$T/beside")"

# One sandbox opens connections as fast as it can; another one's pass as if it were not there, and the first one's
# refusals are as quick as ever.
(WEIR_STORE=$T/other-store sandbox -- sh -c 'yes "ask 198.51.100.10 80" | timeout 5 ./egress' >"$T/flood" 2>/dev/null) &
flood=$!
eventually 10 test -s "$T/flood"
(cd "$T/other" && sandbox -- sh -c './egress <near; head -n 60 far | ./egress') >"$T/beside" 2>/dev/null
before=$(wc -l <"$T/flood")
is "$(head -n 27 "$T/beside" | awk '$4 != "passed" || $5 > 1000')" "" "beside a flood of $before connections of another sandbox all passes that may"
is "$(tail -n +28 "$T/beside" >"$T/beside.far"; refused "$T/beside.far")" "" "and what may not is refused at once"
wait "$flood"

# A socket of the host in place of standard input or output is not handed on.
cat >"$T/work/give.py" <<'END'
import socket, subprocess, sys
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
r = subprocess.run(sys.argv[1:], stdin=u, stdout=subprocess.PIPE, text=True)
print(r.stdout, end="")
END
cat >"$T/work/take.py" <<'END'
import os, socket, stat
print("socket" if stat.S_ISSOCK(os.fstat(0).st_mode) else "no socket")
END
# shellcheck disable=SC2086
run world $as python3 give.py "$WEIR" run -p "$T/policy.yaml" -- python3 take.py
is "$out" "no socket" "a socket of the host is no standard input"

# The same while the gate is stopped, and when it is dead: refusals are the kernel's. What is allowed waits, and
# is served by the next gate.
gate_pid() {
	for gate_try in $(store_pids); do
		[ "$(readlink "/proc/$gate_try/exe")" = "$(dirname "$WEIR")/libexec/weir-gate" ] && echo "$gate_try"
	done
}
cat >"$T/work/wait.sh" <<'END'
touch ready
while [ ! -e stopped ]; do sleep 0.05; done
./egress <far
END
rm -f "$T/work/ready" "$T/work/stopped"
(sandbox -- sh wait.sh >"$T/stopped" 2>/dev/null) &
run_pid=$!
eventually 10 test -e "$T/work/ready"
gate=$(gate_pid)
ok "$([ "$(echo "$gate" | wc -w)" = 1 ]; echo $?)" "the run has a gate" "$gate"
kill -STOP "$gate"
touch "$T/work/stopped"
eventually 60 sh -c "[ \$(wc -l <'$T/stopped') = $(wc -l <"$T/work/far") ]"
is "$(refused "$T/stopped")$(wc -l <"$T/stopped")" "$(wc -l <"$T/work/far")" "with the gate stopped all of it is refused within 100 ms"
kill -CONT "$gate"
wait "$run_pid"

# The report of the matrix: who it was, and where to.
run "$WEIR" events matrix -f json
is "$(printf '%s\n' "$out" | jq -r 'select((.kind == "connect" or .kind == "send") and .error == "EPERM") | .call' | sort -u)" 1 \
	"each refusal is an event of its call"


# Without hooks, what was read from memory may change before the kernel reads it.
cat >"$T/work/flip.py" <<'END'
import ctypes, socket, struct, threading, time
good, evil = (struct.pack("=HH4s8x", socket.AF_INET, socket.htons(80), socket.inet_aton(a)) for a in ("198.51.100.10", "198.51.100.66"))
place, libc, over, count = ctypes.create_string_buffer(good, 16), ctypes.CDLL(None), [], 0
def flip():
    while not over:
        ctypes.memmove(place, evil, 16)
        ctypes.memmove(place, good, 16)
thread = threading.Thread(target=flip)
thread.start()
end = time.monotonic() + 2
while time.monotonic() < end:
    with socket.socket() as s:
        count += libc.connect(s.fileno(), place, 16) == 0
over.append(1)
thread.join()
print("got through" if count > 10 else count)
END
run sandbox -- python3 flip.py
is "$out" "got through" "an address changes between allowed and refused while connect() is on its way"
is "$(log_count accept.log '198\.51\.100\.66')" 0 "what arrives is what is allowed"
finish
