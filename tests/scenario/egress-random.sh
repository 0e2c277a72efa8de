#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Random policies and random traffic against a reference model of what should pass (lib_egress_model.py), as root
# and as an ordinary user: both families, names and addresses, TCP and UDP, right and wrong protocols and names. The
# witness is the test world: what reached it. EGRESS_POLICIES=N (15 each); script/prove egress-random runs 500.
. "$(dirname "$0")/tap.sh"
. "$TOP/tests/scenario/lib_world.sh"
need python3 setpriv root cgroup2 bpf userns

world_up

as_root() { world env WEIR_STORE="$T/store" "$WEIR" "$@"; }
as_user() { world setpriv --reuid 65534 --regid 65534 --clear-groups env HOME="$T/home" WEIR_STORE="$T/home/store" "$WEIR" "$@"; }
for who in root user; do
	mkdir "$T/$who"
	cp "$TOP/tests/scenario/lib_egress_model.py" "$TOP/tests/scenario/lib_egress_random.py" "$T/$who"
done
install -d -o 65534 -g 65534 "$T/home"
chown -R 65534:65534 "$T/user"

# One policy: prints the figures, and what is wrong where it is. What came too late for an impatient client gets a
# second try; what was let through by mistake does not.
try() { # seed as
	once "$@" 0.5 >first && cat first && return
	grep -q 'LET THROUGH' first && cat first && return 1
	once "$@" 4
}
once() { # seed as patience
	python3 lib_egress_random.py make "$1" . || return 1
	at=$(stat -c %s "$WORLD/accept.log")
	"as_$2" run -p policy.yaml -- env PATIENCE="$3" python3 lib_egress_random.py try attempts.json </dev/null >clients 2>errors || {
		echo "0 attempts, 0 to pass, 0 seen"
		cat policy.yaml errors
		return 1
	}
	sleep 0.15 # a server writes a moment after the client has its answer, and its end
	python3 lib_egress_random.py judge . "$WORLD/accept.log" "$at" || {
		cat policy.yaml clients
		return 1
	}
}

series() { # as
	cd "$T/$1" || return
	first=${EGRESS_SEED:-1} count=${EGRESS_POLICIES:-15}
	seed=$first wrong=0 attempts=0 passed=0 seen=0
	while [ "$seed" -lt $((first + count)) ]; do
		try "$seed" "$1" >judged || {
			wrong=$((wrong + 1))
			ok 1 "seed $seed as $1" "$(cat judged)"
		}
		read -r a _ p _ _ s _ <judged
		attempts=$((attempts + a)) passed=$((passed + p)) seen=$((seen + s))
		seed=$((seed + 1))
	done
	is "$wrong" 0 "as $1: $count policies, $attempts attempts, $passed of them to pass: the world saw what the model says, no more and no less ($seen seen)"
	# the traffic is worth something only where much of it passes and much does not
	[ "$passed" -gt $((attempts / 10)) ] && [ "$passed" -lt $((attempts * 9 / 10)) ]
	ok $? "as $1: some of it was to pass, and some was not"
}

series root
series user
finish
