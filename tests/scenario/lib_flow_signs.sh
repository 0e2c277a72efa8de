# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
# Sourced by the scenarios that hold a flow's initiative against its packets, after world_up.
# calls NAME COMMAND...: lib_flow_signs.py (as signs.py in the workspace) in a run of that name, under $T/policy.yaml.
# sessions: a run "typing" by ssh (port 22) and a run "tunnel" (port 443), which the outside visits; their packets
# are in $T/wire. numbers: of an event flow, as `signs.py count` prints them.
# shellcheck disable=SC2034 # numbers is for who sources this
numbers='[.initiative.inside, .initiative.outside] | map("\(.led | map(tostring) | join(" ")) answered \(.answered)") | join("; ")'
listens() { outside ss -Hltn "sport = :$1" | grep -q .; }
calls() {
	calls_name=$1
	shift
	world "$WEIR" run -n "$calls_name" -p "$T/policy.yaml" -- python3 signs.py "$@" >"$T/$calls_name.out" 2>&1 </dev/null
}
sessions() {
	outside tcpdump --immediate-mode -i any -U -n -y LINUX_SLL -w "$T/wire" "tcp and (host 198.51.100.66 or host 2001:db8:2::66) and (port 22 or port 443)" 2>"$T/tcpdump" &
	sessions_tcpdump=$!
	eventually 5 grep -q 'listening on' "$T/tcpdump"
	calls typing shell key evil.test &
	sessions_typing=$!
	calls tunnel hold key evil.test 20443 &
	sessions_tunnel=$!
	eventually 8 listens 20443
	sleep 3.5
	outside python3 "$T/work/signs.py" visit 20443
	wait $sessions_typing $sessions_tunnel
	kill $sessions_tcpdump
	wait $sessions_tcpdump 2>/dev/null
}
