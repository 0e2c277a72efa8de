#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What one call leaves running and another talks to: each channel as a pair of calls, the first of which starts a
# server that outlives it. What the server does after it was talked to has an edge to the second call, and what
# the second does after the answer an edge to the first; what either did before has none, nor have those that
# have nothing to do with each other. The witness is the argument of what each end executes (lib_channel.py).
. "$(dirname "$0")/tap.sh"
need jq root cgroup2 bpf /usr/bin/python3

work=$T/work
mkdir "$work"
cp "$TOP/tests/scenario/lib_channel.py" "$work/"
cat >"$T/policy.yaml" <<POLICY
version: 1
files:
  workspace: $work
  read: [/usr, /lib, /lib64, /bin, /etc]
POLICY

# kind, edge of the server's call to the client's, edge the other way
kinds='unix socket socket
abstract socket socket
seqpacket socket socket
thousand socket socket
tcp socket socket
tcp6 socket socket
named socket socket
alias socket socket
dgram socket socket
udp socket socket
udp6 socket socket
fifo pipe ?
splice pipe pipe
memory memory memory
mapped memory memory
segment memory memory
messages queue queue
semaphore queue queue
descriptor descriptor pipe
created watch ?
renamed watch ?
removed watch ?
signal signal ?
apart - -
nowhere - -'

# One call a line, JSON: a command.
calls() {
	echo "$kinds" | while read -r kind _; do
		rounds=1
		[ "$kind" != thousand ] || rounds=1000
		echo "/usr/bin/python3 -B lib_channel.py server $kind >$kind.log 2>&1 &"
		echo "timeout 20 /usr/bin/python3 -B lib_channel.py client $kind $rounds"
	done
}
trajectory() { # commands, one a line
	jq -R . | jq -s '{schema_version: "ATIF-v1.6", session_id: "channels", agent: {name: "test", version: "1"}, steps: [
		to_entries[] | {step_id: (.key + 1), source: "agent", message: "", tool_calls: [
			{tool_call_id: "c\(.key + 1)", function_name: "bash", arguments: {command: .value}}]}]}'
}
calls | trajectory >"$T/trajectory.json"
cd "$work" || exit 1
run "$WEIR" replay -p "$T/policy.yaml" -n channels "$T/trajectory.json"
is "$status" 0 "a server and a client for each channel: the trajectory is replayed" || printf '%s\n' "$err"
cat "$work"/*.log "$work"/*/*.log >"$T/log" 2>/dev/null
is "$(cat "$T/log")" "" "no server complains"
"$WEIR" events channels -f json >"$T/events"
echo "$kinds" | while read -r kind server client; do
	python3 "$TOP/tests/scenario/lib_channel.py" judge "$kind $server $client" <"$T/events" >"$T/wrong.$kind" 2>&1
done
for kind in $(echo "$kinds" | cut -d' ' -f1); do
	is "$(cat "$T/wrong.$kind")" "" "$kind"
done

# Ten thousand messages are one conversation.
thousand=$(jq -s '(map(select(.kind == "exec" and .argv[1] == "thousand-server-before"))[0].call) as $a |
	map(select(.kind == "handover" and (.call == $a or .call == $a + 1))) | length' "$T/events")
ok "$([ "$thousand" -ge 2 ] && [ "$thousand" -le 6 ]; echo $?)" "a thousand questions and answers are $thousand hand-overs"
is "$("$WEIR" report channels -f json | jq -c .completeness.lost)" "$("$WEIR" report channels -f json | jq -c '.completeness.lost | map_values(0)' 2>/dev/null || echo 0)" "nothing was lost"
finish
