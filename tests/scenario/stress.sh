#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The stress of blame (lib_stress.py): calls of every kind, planted files, servers, signals, shared memory and
# shell state, at 1, 4 and 16 calls in flight. STRESS_CALLS (60) each; STRESS_SEED repeats a series.
. "$(dirname "$0")/tap.sh"
need jq cc python3 root cgroup2 bpf

calls=${STRESS_CALLS:-60}
seed=${STRESS_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
echo "# STRESS_SEED=$seed"
for flight in ${STRESS_FLIGHTS:-1 4 16}; do
	rm -rf "$T/s"
	mkdir -p "$T/s/work"
	chmod 777 "$T/s" "$T/s/work"
	cc -O1 -pthread -o "$T/s/work/mark" "$TOP/tests/scenario/mark.c" || exit 1
	python3 "$TOP/tests/scenario/lib_stress.py" make "$calls" "$flight" "$seed" "$T/s"
	printf 'version: 1\nfiles:\n  workspace: %s\n  read: [/usr, /lib, /lib64, /bin, /etc]\n' "$T/s/work" >"$T/policy.yaml"
	cd "$T/s/work" || exit 1
	run timeout 900 "$WEIR" replay -p "$T/policy.yaml" -n "stress-$flight" "$T/s/trajectory.json"
	cd "$TOP" || exit 1
	is "$status" 0 "$flight in flight: $calls calls are replayed" "$err"
	"$WEIR" events "stress-$flight" -f json >"$T/events" 2>"$T/err"
	"$WEIR" report "stress-$flight" -f json >"$T/report" 2>>"$T/err"
	python3 "$TOP/tests/scenario/lib_stress.py" judge "$T/s" "$T/events" "$T/report" >"$T/verdict"
	ok $? "$flight in flight: each effect on its call, each cause an edge, no other edge" "$(cat "$T/verdict")"
	sed -n "s/^/# $flight in flight: /p" "$T/verdict" | head -n 2
	is "$(jq '[.calls[].events.lost] | add' "$T/report")" 0 "$flight in flight: nothing was lost"
done
finish
