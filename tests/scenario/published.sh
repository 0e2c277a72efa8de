#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What listens in a sandbox is reached from outside where the policy publishes its port, at the address that the
# policy says, and nowhere else; not by another sandbox either.
# shellcheck disable=SC2086 # $as: words
. "$(dirname "$0")/tap.sh"
need root python3 jq ss
. "$TOP/tests/scenario/lib_world.sh"
. "$TOP/tests/scenario/lib_gate.sh"
world_up
mkdir "$T/work"
cp "$TOP/tests/scenario/lib_published.py" "$T/work/published.py"
cp "$TOP/tests/scenario/lib_published.py" "$T/published.py"
cd "$T" || exit 1
ulimit -n 4096

cat >policy.yaml <<END
files: {workspace: $T/work}
background: allow
compute: {pids: 4096}
network:
  publish: ["18001=8001", "192.0.2.2:18002=8002", "[::1]:18003=8003", "18004=8004", "18005=9", "8006"]
END
cat >other.yaml <<END
files: {workspace: $T/work}
network: {allow: [{host: files.test}, {host: 127.0.0.0/8}, {host: 192.0.2.2}], resolver: ["$WORLD_RESOLVER"]}
END

begin() { # POLICY PLACE...
	begin_policy=$1
	shift
	rm -f orders
	mkfifo orders
	: >said
	world $as "$WEIR" run -n $as_name -p "$begin_policy" -- python3 published.py serve "$@" <orders >said 2>err &
	client=$!
	exec 4>orders
	eventually 60 grep -q serving said
}
end() {
	exec 4>&-
	wait $client
}
from_host() { world python3 "$T/published.py" "$@"; }
is_served() { [ "$(from_host get 127.0.0.1 18001)" = "127.0.0.1:8001 from 127.0.0.1 | over and back" ]; }
from_outside() { outside python3 "$T/published.py" "$@"; }
flows() { world $as "$WEIR" events $as_name --kind flow -f json | jq -s -r "group_by(.flow)[] | max_by(.mono_ns) | $1"; }

reach() {
	begin policy.yaml 127.0.0.1:8001 0.0.0.0:8002 127.0.0.1:8003 ::1:8004 127.0.0.1:8006 0.0.0.0:8007
	is "$(from_host get 127.0.0.1 18001)" "127.0.0.1:8001 from 127.0.0.1 | over and back" "$as_name: a published port, both ways"
	is "$(from_host get 192.0.2.2 18001)" "connection refused" "$as_name: at 127.0.0.1 where no address is given"
	is "$(from_outside get 192.0.2.2 18001)" "connection refused" "$as_name: and for the host alone"
	is "$(from_outside get 192.0.2.2 18002)" "0.0.0.0:8002 from 127.0.0.1 | over and back" "$as_name: at an address of the policy, for everybody"
	is "$(from_host get ::1 18003)" "127.0.0.1:8003 from 127.0.0.1 | over and back" "$as_name: at an IPv6 address"
	is "$(from_host get 127.0.0.1 18004)" "::1:8004 from ::1 | over and back" "$as_name: a server that listens on IPv6 alone"
	is "$(from_host get 127.0.0.1 8006)" "127.0.0.1:8006 from 127.0.0.1 | over and back" "$as_name: the same port outside"
	like "$(from_host get 127.0.0.1 18005)" "reset|closed" "$as_name: a port at which nothing listens"
	for port in 8001 8007; do
		for place in "from_host get 127.0.0.1" "from_host get 192.0.2.2" "from_outside get 192.0.2.2"; do
			is "$($place $port)" "connection refused" "$as_name: not published: $port, $place"
		done
	done
	is "$(world ss -tlnH | awk '{ print $4 }' | grep -E ':(1?800[0-9])$' | sort | tr '\n' ' ')" \
		"127.0.0.1:18001 127.0.0.1:18004 127.0.0.1:18005 127.0.0.1:8006 192.0.2.2:18002 [::1]:18003 " \
		"$as_name: nothing else listens outside" || world ss -tlnp
	is "$(world $as "$WEIR" run -p other.yaml -- python3 published.py get 127.0.0.1 8002 2>/dev/null)" \
		"connection refused" "$as_name: another sandbox does not reach it"
	unlike "$(world $as "$WEIR" run -p other.yaml -- python3 published.py get 192.0.2.2 8002 2>/dev/null)" \
		"over and back" "$as_name: nor by an address of the host"
	is "$(from_host many 127.0.0.1 18001 1100)" 1024 "$as_name: as many as may be at once, and no more"
	eventually 20 is_served
	ok $? "$as_name: then there is room again"
	gate_next && kill -KILL "$gate"
	gate_next "$gate"
	eventually 20 is_served
	ok $? "$as_name: the next gate has the ports again"
	world python3 -c "
import socket
s = socket.create_connection(('127.0.0.1', 18001))
print(s.getsockname()[1])
s.recv(100)
s.close()" >port
	end
	is "$(flows "select(.outer.port == 18002) | .outer.dst" | sort -u)" 192.0.2.2 "$as_name: with the address that was asked for" || flows .
	is "$(flows "select(.outer.sport == $(cat port)) | \"\(.direction) \(.call) \(.outer.dst) \(.outer.port) \(.exe | split(\"/\") | last | .[:6])\"")" \
		"in 1 127.0.0.1 18001 python" "$as_name: the record has who listened, and who came" || flows .
	is "$(world ss -tlnH | grep -c ':1800')" 0 "$as_name: with the run its ports go"
	nsenter --net="/run/netns/$WORLD_HOST" python3 -c "
import socket, time
s = socket.create_server(('127.0.0.1', 18001))
print('taken', flush=True)
time.sleep(30)" >taken &
	taken=$!
	eventually 5 grep -q taken taken
	ok $? "$as_name: the port is another's now"
	begin policy.yaml 127.0.0.1:8001 127.0.0.1:8003
	is "$(from_host get ::1 18003)" "127.0.0.1:8003 from 127.0.0.1 | over and back" "$as_name: where one port is taken the others serve"
	end
	like "$(cat err)" "published port 127\.0\.0\.1:18001: Address already in use" "$as_name: and it is said"
	kill $taken
	wait $taken 2>/dev/null
}

if has cgroup2 && has bpf; then
	as="" as_name=root
	reach
else
	skip "published ports of root's runs" "this host lacks cgroups or BPF"
fi
if has userns; then
	chown 54321:54321 "$T/work"
	mkdir "$T/user"
	chown 54321:54321 "$T/user"
	chmod 777 "$T"
	as="env HOME=$T/user WEIR_STORE=$T/user/store setpriv --reuid 54321 --regid 54321 --clear-groups" as_name=user
	reach
else
	skip "published ports of an ordinary user's runs" "this host lacks user namespaces"
fi
finish
