#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the record says of flows that pass no gate (network.veth), held against those who saw them: the packets on the
# wire (tcpdump), the world's servers, and the program inside. Whose they are, by name and by address; ends, resets, what
# is refused or never answered; a gate that dies, and one that cannot keep up; and `on: block`, which the kernel does.
. "$(dirname "$0")/tap.sh"
need root cgroup2 bpf python3 jq ssh tcpdump
. "$TOP/tests/scenario/lib_world.sh"
. "$TOP/tests/scenario/lib_flow_signs.sh"
. "$TOP/tests/scenario/lib_gate.sh"
world_up
world sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
world ip -6 route replace default via 2001:db8:1::1 dev wan
mkdir "$T/work"
cp "$TOP/tests/scenario/lib_flow_signs.py" "$T/work/signs.py"
cp "$TOP/tests/scenario/lib_flows.py" "$T/work/flows.py"
cp "$TOP/tests/scenario/lib_action.py" "$T/work/action.py"
cp "$WORLD_KEY" "$T/work/key"
cd "$T/work" || exit 1
policy() { # LINE...
	printf '%s\n' 'version: 1' 'background: allow' "$@" 'network:' '  veth: true' "  resolver: [\"$WORLD_RESOLVER\"]" '  allow:'
	printf '    - %s\n' '{host: files.test}' '{host: v4.test}' '{host: evil.test, ports: [22, 443]}' '{host: pool.test}' '{host: 198.51.100.0/24}' \
		'{host: 198.51.100.10, ports: [7], transport: udp}' '{host: v4.test, ports: [7], transport: udp}' '{host: "2001:db8:2::/64"}'
}
policy >../policy.yaml
inside_do() { run world timeout 60 "$WEIR" run -p ../policy.yaml -- "$@"; }
# The last word on each flow of the last run, or of $run.
flows() { world "$WEIR" events ${flows_of-} --kind flow -f json | jq -s -r "group_by(.flow)[] | max_by(.mono_ns) | $1"; }

# Numbers, as the program counts them and as the wire shows them.
world tcpdump --immediate-mode -i wan -nn -U -w ../wire 'tcp port 7' 2>../tcpdump &
tcpdump=$!
eventually 5 grep -q listening ../tcpdump
inside_do python3 flows.py talk 198.51.100.10 7 1000 t0.5 20 t1.2 3
sleep 0.5
kill $tcpdump
wait $tcpdump 2>/dev/null
# shellcheck disable=SC2086 # words
set -- $out
is "$(flows '"\(.state) \(.call) \(.pid_inside) \(.sport) \(.bytes_up) \(.bytes_down) \(.reason)"')" "ended 1 $1 $2 1023 1023 null" \
	"call, process, port and bytes are those of the program" "$err"
wire() { tcpdump -nn -r ../wire "$@" 2>/dev/null | wc -l; }
is "$(flows '"\(.packets_up) \(.packets_down)"')" "$(wire 'dst port 7') $(wire 'src port 7')" "packets are those on the wire"
is "$(flows '"\(.led["0.3"].inside) \(.led["1"].inside) \(.led["5"].inside) \(.led["0.3"].outside)"')" "2 1 0 0" \
	"the program led after gaps of 0.5 and 1.2 s, an echo leads nothing"
inside_do curl -sS -o /dev/null -w '%{size_request} %{size_header} %{size_download}' http://files.test/hello
# shellcheck disable=SC2086 # words
set -- $out
is "$(flows '"\(.name) \(.protocol) \(.bytes_up) \(.bytes_down) \(.outer.port)"')" "files.test http $1 $(($2 + $3)) 80" \
	"a request by name, as curl counts it" "$(flows .) $err"
inside_do python3 flows.py talk 2001:db8:2::10 7 5000
is "$(flows '"\(.state) \(.bytes_up) \(.bytes_down)"')" "ended 5000 5000" "IPv6" "$err"

# Whose, where two names and an address lead to one server, of two calls at once.
cat >udp.py <<-'END'
	import socket, sys
	s = socket.socket(type=socket.SOCK_DGRAM)
	to = (socket.gethostbyname(sys.argv[1]), 7)
	if len(sys.argv) > 2:
	    s.connect(to)
	for i in range(5):
	    s.sendto(b"x" * 100, to) if len(sys.argv) == 2 else s.send(b"x" * 100)
	    assert len(s.recv(200)) == 100
END
inside_do sh -c 'python3 flows.py talk files.test 7 10; python3 flows.py talk v4.test 7 20; python3 flows.py talk 198.51.100.10 7 30
	python3 udp.py v4.test; python3 udp.py 198.51.100.10 connected'
is "$(flows '"\(.name // "-") \(.proto) \(.bytes_up) \(.bytes_down) \(.call) \(.pid > 0)"' | sort)" "- tcp 30 30 1 true
- udp 500 500 1 true
files.test tcp 10 10 1 true
v4.test tcp 20 20 1 true
v4.test udp 500 500 1 true" "each by the name it was asked for by, datagrams too" "$err"

# Ends.
inside_do python3 flows.py halves files.test 7
is "$out $(flows '"\(.state) \(.bytes_up) \(.bytes_down) \(.reason)"')" "end after 300000 ended 300000 300000 null" "each direction ends by itself" "$err"
inside_do python3 flows.py slam 198.51.100.10 7
is "$(flows '"\(.state) \(.reason)"')" "ended reset inside" "a reset inside is told"
inside_do python3 flows.py talk 198.51.100.10 4444 1
is "$(flows '"\(.state) \(.reason) \(.outer.port // 0)"')" "cut Connection refused 0" "so is what was refused outside"
inside_do timeout 2 python3 -c 'import socket; s = socket.create_connection(("198.51.100.10", 7)); s.sendall(b"abc"); s.recv(3); input()' </dev/zero
is "$(flows '"\(.bytes_up) \(.state)"')" "3 ended" "and the end of a process that was killed"

# Who takes the initiative, as a capture has it.
sessions
for session in "typing 22" "tunnel 443"; do
	# shellcheck disable=SC2086 # words
	set -- $session
	flows_of=$1
	is "$(flows "select(.port == $2) | $numbers")" "$(python3 signs.py count ../wire "$2")" "$1: who took the initiative, as the capture has it" "$(cat "../$1.out")"
	is "$(flows "select(.port == $2) | \"\(.protocol) \(.name)\"")" "ssh evil.test" "$1: ssh"
done
flows_of=

# A gate that dies: what passes is not held back, and the next one goes on with it.
cat >long.py <<-'END'
	import os, socket, time
	s = socket.create_connection(("198.51.100.10", 7))
	i = 0
	while not os.path.exists("enough"):
	    s.sendall(b"y" * 1000)
	    n = 0
	    while n < 1000:
	        n += len(s.recv(1000))
	    time.sleep(0.05)
	    i += 1
	    if i == 10:
	        open("begun", "w").close()
	print(1000 * i)
END
no_gate() { [ -z "$(gates)" ]; }
one_gate() { [ "$(gates | wc -l)" = 1 ]; }
eventually 10 no_gate # those of the runs before have gone
world timeout 60 "$WEIR" run -n dies -p ../policy.yaml -- python3 long.py >../dies.out 2>&1 &
dies=$!
eventually 10 test -e begun
gate_next && eventually 10 one_gate && first=$gate && kill -9 "$gate"
gate_next "$first"
sleep 0.5
touch enough
wait $dies
is $? 0 "the program does not see that the gate died" "$(cat ../dies.out)"
flows_of=dies
is "$(flows '"\(.call) \(.pid > 0) \(.traits | index("midstream") != null)"')" "1 true false
1 true true" "the flow is told by both gates" "$(flows .)"
ok "$([ "$(flows .bytes_up | awk '{ n += $1 } END { print n }')" -le "$(grep -x '[0-9]*' ../dies.out)" ]; echo $?)" "with no more than was said" "$(flows .bytes_up)"
ok "$([ "$(flows .bytes_up | tail -n 1)" -gt 0 ]; echo $?)" "and the second goes on counting" "$(flows .bytes_up)"

# One that cannot keep up: the numbers stay true, and it is said that not all was read.
cat >flood.py <<-'END'
	import os, socket, time
	s = socket.create_connection(("198.51.100.10", 9))
	s.sendall(b"z" * 1000)
	open("stop", "w").close()
	while not os.path.exists("stopped"):
	    time.sleep(0.05)
	s.sendall(bytes(96 << 20))
	open("poured", "w").close()
	while not os.path.exists("goes"):
	    time.sleep(0.05)
	for i in range(20):
	    s.sendall(b"z" * 1000)
	    time.sleep(0.02)
END
eventually 10 no_gate
world "$WEIR" run -n late -p ../policy.yaml -- python3 flood.py >../late.out 2>../late.err &
late=$!
eventually 10 test -e stop
gate_next && kill -STOP "$gate"
touch stopped
ok "$(eventually 30 test -e poured; echo $?)" "nothing waits for a gate that was stopped"
kill -CONT "$gate"
touch goes
wait $late
flows_of=late
is "$(flows '"\(.bytes_up) \(.traits | index("unread") != null)"')" "$((1000 + (96 << 20) + 20000)) true" "bytes that were not read are counted, and marked" "$(flows .)"
like "$(cat ../late.err)" "packets passed faster than they could be read" "and the user is told"
flows_of=

# What a finding cuts is cut in the kernel.
policy 'on: {medium: block, high: block, critical: block}' >../block.yaml
run world timeout 60 "$WEIR" run -p ../block.yaml -- python3 action.py mine pool.test:3333 4 pool.test:3333 files.test:7
like "$out" '^flow Connection(Aborted|Reset)Error' "block: the flow ends" "$err"
like "$out" '^pool.test:3333 PermissionError' "and is not opened again"
like "$out" '^files.test:7 answered' "what else is reached is"
ok "$(log_has accept.log " end .* 3333 $(flows 'select(.port == 3333) | .bytes_up')\$"; echo $?)" "the pool's server saw it end, after as many bytes" \
	"$(grep 3333 "$WORLD/accept.log") $(flows .)"
is "$(world "$WEIR" events --kind action -f json | jq -r '"\(.action) \(.cut)"' | head -n 1)" "block 1" "the record says that one was cut"
finish
