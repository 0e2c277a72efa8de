#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the reader makes of live flows: an interactive ssh session and a reverse tunnel, by who takes the initiative;
# miners, over TCP and in WebSocket frames, by what they say. The witness of the numbers is a capture outside, counted
# by lib_flow_signs.py.
. "$(dirname "$0")/tap.sh"
need root cgroup2 bpf python3 jq ssh tcpdump
. "$TOP/tests/scenario/lib_world.sh"
. "$TOP/tests/scenario/lib_flow_signs.sh"
world_up
mkdir "$T/work"
cp "$TOP/tests/scenario/lib_flow_signs.py" "$T/work/signs.py"
cp "$WORLD_KEY" "$T/work/key"
cd "$T" || exit 1
cat >policy.yaml <<-END
	files: {workspace: $T/work}
	network:
	  resolver: ["$WORLD_RESOLVER"]
	  allow:
	    - {host: evil.test, ports: [22, 443]}
		    - {host: 198.51.100.10, ports: [8333]}
END
flow() { world "$WEIR" events "$1" --kind flow -f json | jq -s -r "map(select(.outer.port == $2)) | max_by(.mono_ns) | $3"; }

sessions
for session in "typing 22" "tunnel 443"; do
	set -- $session
	# shellcheck disable=SC2086
	witness=$(python3 work/signs.py count wire $2)
	is "$(flow "$1" "$2" "$numbers")" "$witness" "$1: who took the initiative, as the capture has it" "$(cat "$T/$1.out")"
	is "$(flow "$1" "$2" '"\(.protocol) \(.traits)"')" "ssh []" "$1: ssh, and nothing that would be another's"
done
like "$(flow typing 22 "$numbers")" "^[6-9] [34] [01] answered [6-9]; 0 0 0 answered 0" "typing: it is the inside that leads"
like "$(flow tunnel 443 "$numbers")" "^[01] [01] [01] answered 0; [67] [34] [01] answered 6" "the tunnel: it is the outside"

outside python3 "$T/work/signs.py" pool 8333 &
pool=$!
eventually 3 listens 8333
calls framed websocket 198.51.100.10 8333
wait $pool
is "$(flow framed 8333 '"\(.protocol) \(.traits) \(.inner)"')" \
	'http ["upgraded","websocket","inner","stratum_asked","stratum_pushed"] stratum' "a miner in WebSocket frames" "$(cat "$T/framed.out")"
finish
