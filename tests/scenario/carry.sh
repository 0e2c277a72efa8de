#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Sockets carried into a sandbox: what connects to them inside arrives outside, byte for byte and end for end;
# nothing else does; whatever the far side does, the run lives; each connection is an event of its call. The
# witness is the far side's own log and digests (lib_carry.py).
. "$(dirname "$0")/tap.sh"
. "$TOP/tests/scenario/lib_gate.sh"
need jq python3 userns

mkdir "$T/work" "$T/far"
cp "$TOP/tests/scenario/lib_carry.py" "$T/work/carry.py"
cd "$T/work" || exit 1
python3 carry.py serve "$T/far" &
far=$!
trap 'kill $far 2>/dev/null; tap_end' EXIT
eventually 10 test -s "$T/far/port" || { ok 1 "the far side stands"; finish; }
port=$(cat "$T/far/port")
# A port that nothing listens on: taken and given back.
closed=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
ask() { run timeout 60 "$WEIR" run --carry "8080=127.0.0.1:$port" "$@"; }

run "$WEIR" run --dry-run --carry "8080=127.0.0.1:$port" --carry "8081=unix:$T/far/socket"
like "$out" "listen on 127.0.0.1:8080, carried to 127.0.0.1:$port" "a dry run shows a carried socket"
like "$out" "listen on 127.0.0.1:8081, carried to unix:$T/far/socket" "and one that leads to a unix socket"
is "$(cat "$T/far/log" 2>/dev/null)" "" "a dry run connects to nothing"

ask -- python3 carry.py ask 8080 sum 20000000
is "$status $out$err" "0 same" "20 MB and the answer after their end arrive unchanged"
ask -- python3 carry.py ask 8080 give 20000000
is "$status $out$err" "0 20000000" "20 MB come back, and their end"
ask -- python3 carry.py ask 8080 many 400
is "$status $out$err" "0 400 same" "400 connections at once, more than are carried at once"
is "$(grep -c '^sum' "$T/far/log")" 401 "the far side saw as many"
ask -- python3 carry.py ask 8080 reset
is "$status $out$err" "0 reset" "a reset outside is a reset inside"
run "$WEIR" run --carry "$port=unix:$T/far/socket" --carry "127.0.0.1:$closed" -- sh -c \
	"python3 carry.py ask $port sum 3000000; python3 carry.py ask $closed open; python3 carry.py ask 8080 open; echo lives"
is "$out" "same
ConnectionResetError
ConnectionRefusedError
lives" "a unix socket is reached; a dead far side resets; a port that is not carried is closed; the run lives"
like "$err" "carried socket $closed: 1 of 1 connections did not reach 127.0.0.1:$closed: Connection refused" \
	"the user is told what was not reached"

# A far side that reads nothing holds back the sender, not memory. The gate of the run before may still be ending.
last=$(gates | head -n 1)
"$WEIR" run --carry "8080=127.0.0.1:$port" -- python3 carry.py ask 8080 flood >"$T/flood" 2>&1 &
weir=$!
gate_next "${last:-0}"
sleep 1.5
peak=$(awk '/^VmHWM/ { print $2 }' "/proc/$gate/status" 2>/dev/null)
wait $weir
case $WEIR in *asan*) ;; *) ok "$([ "${peak:-999999}" -lt 16384 ]; echo $?)" "the gate stays small" "VmHWM ${peak-unknown} kB" ;; esac
ok "$([ "$(cat "$T/flood")" -gt 0 ]; echo $?)" "the sender was held back" "$(cat "$T/flood")"

# Its death costs connections, not the run, and the next one carries on.
"$WEIR" run --carry "8080=127.0.0.1:$port" -- sh -c \
	'python3 carry.py ask 8080 open; python3 carry.py ask 8080 sum 3000000' >"$T/dead" 2>"$T/dead.err" &
weir=$!
gate_next
sleep 1
kill -9 "$gate"
wait $weir
is "$? $(cat "$T/dead")" "0 end
same" "the gate's death ends its connections and nothing else"
like "$(cat "$T/dead.err")" 'the gate died' "the user is told"

for bad in 80 a:0 80=unix:relative 'a b:9' 0=a:9; do
	run "$WEIR" run --carry "$bad" -- touch began
	is "$status" 2 "--carry '$bad' is refused"
done
run "$WEIR" run --carry 80=127.0.0.1:9 --carry 80=127.0.0.1:10 -- touch began
like "$err" 'port 80 is carried twice' "one port cannot lead to two places"
ok "$([ ! -e began ]; echo $?)" "nothing of what was refused has run"
run "$WEIR" run --carry 80=no-such-name.invalid:9 --carry "8080=127.0.0.1:$port" -- sh -c \
	'python3 carry.py ask 80 open; python3 carry.py ask 8080 sum 100'
is "$out" "ConnectionResetError
same" "a name that does not exist leads nowhere, and keeps no other from serving" "$err"
like "$err" 'carried socket 80: no-such-name.invalid: ' "the user is told which"

if has root && has cgroup2 && has bpf; then
	printf 'network: {carry: ["8080=127.0.0.1:%s"]}\n' "$port" >"$T/policy.yaml"
	for n in 1 2 3; do
		jq -n --arg n $n '{step_id: ($n | tonumber), source: "agent", message: "", tool_calls: [{tool_call_id: "c\($n)",
			function_name: "bash", arguments: {command: "python3 carry.py ask 8080 sum 100 mark-\($n)"}}]}'
	done | jq -s '{schema_version: "ATIF-v1.6", session_id: "c", agent: {name: "c", version: "1"}, steps: .}' >"$T/t.json"
	: >"$T/far/log"
	run "$WEIR" replay -p "$T/policy.yaml" --report "$T/report.json" "$T/t.json"
	is "$status" 0 "a policy carries sockets into a replay" "$err"
	is "$(cat "$T/far/log")" "sum mark-1
sum mark-2
sum mark-3" "each call reached the far side"
	is "$("$WEIR" events -f json | jq -r 'select(.kind == "connect") | "\(.call) \(.dst) \(.port) \(.basis)"')" "1 127.0.0.1 8080 exact
2 127.0.0.1 8080 exact
3 127.0.0.1 8080 exact" "each connection is an event of its call"
	is "$(jq -c .run.carried "$T/report.json")" "[\"8080=127.0.0.1:$port\"]" "the report names the carried socket"
	like "$("$WEIR" report)" "carried socket 8080=127.0.0.1:$port" "so does its text"
	chown -R 54321:54321 "$T/work"
	mkdir "$T/user"
	chown 54321:54321 "$T/user"
	run env HOME="$T/user" WEIR_STORE="$T/user/store" setpriv --reuid 54321 --regid 54321 --clear-groups \
		"$WEIR" run --carry "80=127.0.0.1:$port" -- python3 carry.py ask 80 sum 3000000
	like "$out" same "an ordinary user's run has carried sockets too" "$err"
else
	skip "connections as events" "this host lacks root, cgroups or BPF"
fi
is "$(leaks | grep -e weir-gate -e cgroup -e mount)" "" "nothing is left"
finish
