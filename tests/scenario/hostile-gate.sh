#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A gate that is the agent's: whatever it says to its keeper, it gets no name, no socket and no line in the record that
# it may not have; it is ended, the next one is started, and the run goes on.
. "$(dirname "$0")/tap.sh"
need root python3 jq cgroup2 bpf
. "$TOP/tests/scenario/lib_gate.sh"
mkdir "$T/bin" "$T/work"
cp "$WEIR" "$T/bin/weir"
cp -r "$(dirname "$WEIR")/libexec" "$T/bin/libexec"
cp "$TOP/tests/scenario/lib_hostile_gate.py" "$T/bin/libexec/weir-gate"
chmod 755 "$T/bin/libexec/weir-gate"
WEIR=$T/bin/weir
export HOSTILE_TOP="$TOP" HOSTILE_ORDER="$T/order" HOSTILE_LOG="$T/log"
cd "$T" || exit 1
echo "files: {workspace: $T/work}
network: {resolver: [192.0.2.1], allow: [{host: files.test, ports: [7]}]}" >policy.yaml

# Runs a program beside a gate that says $1, until $2 stands in the gate's log ($3 times); sets $status and $log.
says() {
	echo "$1" >order
	: >log
	timeout 60 "$WEIR" run -n "$1" -p policy.yaml -- sleep 50 >out 2>err &
	client=$!
	tries=200
	while [ $tries -gt 0 ] && [ "$(grep -c -- "$2" log)" -lt "${3-1}" ]; do
		sleep 0.05
		tries=$((tries - 1))
	done
	log=$(cat log)
	lives=$(kill -0 $client 2>/dev/null && echo lives)
	kill -INT $client
	begun=$(date +%s)
	wait $client
	took=$(($(date +%s) - begun))
}
answered() { # ORDER ANSWER NAME
	says "$1" "^$1: "
	is "$lives $(echo "$log" | grep "^$1: " | head -n 1)" "lives $1: $2" "$3"
	is "$(echo "$log" | grep -c '^start')" 1 "$1: and the gate goes on"
}
ended() { # ORDER NAME
	says "$1" '^start' 2
	is "$lives $(echo "$log" | grep -c '^start')" "lives 2" "$2 ends it, and the next one is started" "$log"
}

answered name-next 'error 0' "a name that is allowed has the next address"
answered name-far 'error 11' "it has no other"
answered name-resolver 'error 11' "nor the resolver's"
answered name-refused 'error 13' "a name that is not allowed has none"
answered name-dirty 'error 22' "nor has one that is not clean"
ended name-long "a name that is too long"
answered event-good said "a question of a call is told"
is "$("$WEIR" events event-good -f json | jq -r 'select(.kind == "dns") | .call' | sort -u)" 1 "and recorded"
ended event-other-run "an event of another run"
ended event-no-call "one of a call that there was not"
ended event-kind "one that is not a gate's"
ended event-label "one with a label that nobody gave"
ended event-edge "one with an edge that is not a gate's"
ended event-edge-call "one with an edge to a call that there was not"
ended event-size "one that is larger than it is"
ended make-diag "a socket by which others' connections can be ended"
ended make-rules "one by which rules can be changed"
ended make-tcp "one that listens"
ended make-many "more sockets than may be asked for at once"
ended applied-early "a policy that nobody made"
ended summary "a message that is not a gate's"
says names '^names: said'
ok "$([ "$lives" = lives ] && [ $took -lt 10 ]; echo $?)" "answers that nobody reads hold up neither the run nor its end" "$log $took"
says events '^events: said'
ok "$([ "$lives" = lives ] && [ $took -lt 10 ]; echo $?)" "nor do events without end" "$log $took"
count=$("$WEIR" events events -f json | grep -c flood.test)
ok "$([ "$count" -gt 100 ]; echo $?)" "which are recorded" "$count"
is "$(for n in event-other-run event-no-call event-kind event-label event-edge event-edge-call event-size; do
	"$WEIR" events "$n" -f json | grep forged
done)" "" "nothing of what was forged stands in a record"
finish
