#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the record says of a flow, held against those who saw it: the outside's packets (tcpdump), the world's
# firewall and servers, and the program inside. Ends as ends and resets as resets; budgets at their limits; who
# opened a flow, who used it, and by whose question its name was known.
# shellcheck disable=SC2086 # $host: words
. "$(dirname "$0")/../replay/lib_trajectory.sh"
. "$TOP/tests/scenario/lib_world.sh"
need root cgroup2 bpf python3 tcpdump
world_up

setup() {
	begin
	cp "$TOP/tests/scenario/lib_flows.py" "$T/work/flows.py"
	chmod -R a+rX "$T/work"
}
setup
cd "$T/work" || exit 1
host="nsenter --net=/run/netns/$WORLD_HOST"
policy() { # rules, one a line
	{
		printf 'version: 1\nbackground: allow\nnetwork:\n  resolver: ["%s"]\n  allow:\n' "$WORLD_RESOLVER"
		printf '    - %s\n' "$@"
	} >"$T/policy.yaml"
}
inside_do() { run timeout 60 $host "$WEIR" run -p "$T/policy.yaml" -- python3 flows.py "$@"; }
# The last word on each flow of the last run.
flows() { "$WEIR" events --kind flow -f json | jq -s -r "group_by(.flow)[] | max_by(.mono_ns) | $1"; }

policy '{host: files.test, ports: [7, 9, 80]}' '{host: 198.51.100.10, ports: [7]}' '{host: nx.test}'

# Numbers: bytes as the program counts them, packets and ports as the wire shows them.
$host tcpdump --immediate-mode -i wan -nn -U -w "$T/wire" 'tcp port 7' 2>"$T/tcpdump" &
tcpdump=$!
eventually 5 grep -q listening "$T/tcpdump"
inside_do talk 198.51.100.10 7 1000 t0.5 20 t1.2 3
sleep 0.5
kill $tcpdump
wait $tcpdump 2>/dev/null
set -- $out
is "$(flows '"\(.state) \(.pid_inside) \(.sport) \(.bytes_up) \(.bytes_down) \(.reason)"')" "ended $1 $2 1023 1023 null" \
	"process, port and bytes are those of the program" "$err"
wire() { tcpdump -nn -r "$T/wire" "$@" 2>/dev/null; }
out_port=$(flows .outer.sport)
is "$(wire 'tcp[13] & 18 == 2' | sed 's/.*IP \(.*\) > \(.*\): .*/\1 \2/')" "192.0.2.2.$out_port 198.51.100.10.7" \
	"the outside saw the addresses and ports that the record says"
log_has firewall.log "out tcp 192.0.2.2 $out_port 198.51.100.10 7"
ok $? "so does the firewall's log"
up=$(wire 'dst port 7' | wc -l) down=$(wire 'src port 7' | wc -l)
# what is sent once the gate has let go of its socket (the last acknowledgements) is on the wire alone
ok "$(flows "if (.packets_up - $up | fabs) <= 2 and (.packets_down - $down | fabs) <= 2 then 0 else 1 end")" \
	"packets are those on the wire" "$(flows '"\(.packets_up) \(.packets_down)"') wire: $up $down"
is "$(flows '"\(.led["0.3"].inside) \(.led["1"].inside) \(.led["5"].inside) \(.led["0.3"].outside)"')" "2 1 0 0" \
	"the program led after gaps of 0.5 and 1.2 s, an echo leads nothing"
life=$(flows .duration_ns)
ok "$([ "$life" -gt 1700000000 ] && [ "$life" -lt 6000000000 ]; echo $?)" "its life is as long as the pauses in it" "$life"
run timeout 60 $host "$WEIR" run -p "$T/policy.yaml" -- curl -sS http://files.test/slow/3
is "$(flows '"\(.name) \(.protocol) \(.led["0.3"].outside) \(.led["0.3"].inside) \(.led_by)"')" "files.test http 2 0 outside" \
	"a server that speaks after pauses leads" "$err"

# Ends.
inside_do halves files.test 7
is "$out $(flows '"\(.state) \(.bytes_up) \(.bytes_down) \(.reason)"')" "end after 300000 ended 300000 300000 null" \
	"each direction ends by itself" "$err"
inside_do slam 198.51.100.10 7
is "$(flows '"\(.state) \(.reason)"')" "ended reset inside" "a reset inside is told"
inside_do talk 198.51.100.10 8 1
like "$err" "PermissionError" "a port that no rule names is refused by the kernel"
is "$(flows .state)" "" "and is no flow"
inside_do talk files.test 81 1
like "$err" "PermissionError" "also by name"

# A port that nothing listens on, a name that does not exist outside.
policy '{host: files.test}' '{host: nx.test}'
inside_do talk files.test 4444 1
is "$(flows '"\(.state) \(.reason) \(.outer.port)"')" "cut Connection refused 4444" "what cannot be reached is reset, and told"
like "$err" "ConnectionResetError" "the program sees a reset"
inside_do talk nx.test 7 1
like "$err" "ConnectionResetError|gaierror" "a name that does not exist outside leads nowhere"
ok "$(flows 'if .outer == null or .outer.port == 0 then "0" else "1" end' | sort -u | grep -c 1)" "and nothing was dialled" "$(flows .)"

# Budgets: a rule's bytes both ways together, over its flows; then its connections.
policy '{host: files.test, ports: [7], bytes: 1000B}' '{host: 198.51.100.10, ports: [9], connections: 2}'
inside_do talk files.test 7 500
is "$status $(flows '"\(.state) \(.bytes_up + .bytes_down)"')" "0 ended 1000" "exactly the budget passes" "$err"
inside_do pour files.test 7 501
is "$(flows '"\(.state) \(.bytes_up + .bytes_down) \(.reason)"')" "cut 1000 the rule's bytes are spent" "one byte more is cut at it" "$err"
run timeout 60 $host "$WEIR" run -p "$T/policy.yaml" -- sh -c '
	for i in 1 2 3; do python3 flows.py pour files.test 7 200; done; for i in 1 2 3; do python3 flows.py pour 198.51.100.10 9 10; done'
is "$(printf '%s\n' "$out" | sed 's/.*Error$\|all, reset after.*/cut/')" "all, end after 200
all, end after 200
cut
all, end after 0
all, end after 0
cut" "a budget is that of all flows of its rule"
is "$(flows 'select(.name == "files.test") | .bytes_up + .bytes_down' | awk '{ n += $1 } END { print n }')" 1000 "together they had the budget"

# Who opened it, who used it, who asked for its name. Each program leaves when its call does.
policy '{host: files.test, ports: [7]}' '{host: 198.51.100.10, ports: [7]}'
behind() { flows '"\(.call): \([.via[]? | "\(.call) \(.kind)"] | sort | unique | join(", "))"'; }
cd "$TOP" || exit 1
setup
cd "$T/work" || exit 1
sh_call 'true'
sh_call 'python3 flows.py ask files.test /tmp/address'
sh_call 'true'
sh_call 'python3 flows.py hold 198.51.100.10 7 /tmp/held >/dev/null 2>&1 & for i in 1 2 3 4 5 6 7 8 9 10; do [ -S /tmp/held ] && break; sleep 0.2; done'
sh_call 'python3 flows.py use /tmp/address 7'
sh_call 'python3 flows.py talk 198.51.100.10 7 3'
sh_call 'true'
sh_call 'true'
sh_call 'python3 flows.py borrow /tmp/held yours'
run timeout 120 $host "$WEIR" replay -p "$T/policy.yaml" --write-trajectory "$T/out.json" "$T/t.json"
is "$(output 9)" yours "the connection of call 4 carried the words of call 9" "$err"
behind >"$T/behind"
like "$(cat "$T/behind")" '^4: .*9 used' "a flow is its opener's, with an edge to the call that used it"
like "$(cat "$T/behind")" '^5: .*2 name' "a name that another call had asked for is an edge to it"
is "$(grep '^6' "$T/behind")" "6: " "a flow that only its opener used has none"
is "$(flows 'select(.call == 4) | "\(.bytes_up) \(.bytes_down)"')" "9 9" "both calls' words are counted"

# A budget is the run's, not the gate's.
. "$TOP/tests/scenario/lib_gate.sh"
policy '{host: 198.51.100.10, ports: [7], bytes: 1000B}'
cd "$T/work" || exit 1
$host "$WEIR" run -p "$T/policy.yaml" -- sh -c \
	'python3 flows.py talk 198.51.100.10 7 300; touch spent; sleep 3; python3 flows.py pour 198.51.100.10 7 500' >"$T/spent" 2>&1 &
weir=$!
eventually 20 test -e spent
sleep 0.5 # what is spent is told five times a second
gate_next
kill -9 "$gate"
wait $weir
is "$(flows '.bytes_up + .bytes_down' | tr '\n' ' ')" "600 400 " "the next gate goes on with what was spent" "$(cat "$T/spent")"

# Many at once: what was allowed lives, the gate stays small and goes on.
policy '{host: 198.51.100.10, ports: [7]}'
printf 'compute: {files: 4096}\n' >>"$T/policy.yaml"
cd "$T/work" || exit 1
$host "$WEIR" run -p "$T/policy.yaml" -- sh -c \
	'python3 flows.py storm 198.51.100.10 7 3000; python3 flows.py many 198.51.100.10 7 1000 3' >"$T/many" 2>&1 &
weir=$!
eventually 30 grep -q '^1000' "$T/many"
ok $? "a thousand flows live after a storm of three thousand that were let go at once" "$(cat "$T/many")"
gate_next
most=16384 # kB; a sanitizer keeps what was freed
has unsanitized || most=32768
ok "$([ "$(awk '/^VmRSS/ { print $2 }' "/proc/$gate/status")" -lt $most ]; echo $?)" "the gate stays small" "$(grep VmRSS "/proc/$gate/status")"
wait $weir
is "$(flows .state | grep -vc '^ended$\|^cut$')" 0 "each of them has an end in the record"
finish
