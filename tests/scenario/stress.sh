#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The stress of blame (lib_stress.py): calls of every kind, planted files, servers, signals, shared memory and
# shell state, at 1, 4 and 16 calls in flight. STRESS_CALLS (60) each; STRESS_SEED repeats a series. A replay
# leaves no time between calls, which is hard on a clock: STRESS_PACED (0) calls are made once more one at a time, with
# 0.6 s before and after what each does. STRESS_PID_MAX (0: as it is) makes pids come again: for the machine that is yours alone.
. "$(dirname "$0")/tap.sh"
need jq cc python3 root cgroup2 bpf

calls=${STRESS_CALLS:-60}
seed=${STRESS_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
echo "# STRESS_SEED=$seed"
if [ "${STRESS_PID_MAX:-0}" -gt 0 ]; then
	pid_max=$(cat /proc/sys/kernel/pid_max)
	trap 'echo "$pid_max" >/proc/sys/kernel/pid_max; tap_end' EXIT
	echo "$STRESS_PID_MAX" >/proc/sys/kernel/pid_max
fi
rounds=$(for flight in ${STRESS_FLIGHTS:-1 4 16}; do echo "$flight:$calls:0"; done)
[ "${STRESS_PACED:-0}" -eq 0 ] || rounds="$rounds 1:$STRESS_PACED:0.6"
for round in $rounds; do
	IFS=: read -r flight calls pause <<-ROUND
		$round
	ROUND
	name="stress-$flight-$pause" what="$flight in flight"
	[ "$pause" = 0 ] || what="$what, with $pause s around each"
	rm -rf "$T/s"
	mkdir -p "$T/s/work"
	chmod 777 "$T/s" "$T/s/work"
	cc -O1 -pthread -o "$T/s/work/mark" "$TOP/tests/scenario/mark.c" || exit 1
	python3 "$TOP/tests/scenario/lib_stress.py" make "$calls" "$flight" "$pause" "$seed" "$T/s"
	printf 'version: 1\nfiles:\n  workspace: %s\n  read: [/usr, /lib, /lib64, /bin, /etc]\n' "$T/s/work" >"$T/policy.yaml"
	cd "$T/s/work" || exit 1
	run timeout 1500 "$WEIR" replay -p "$T/policy.yaml" -n "$name" "$T/s/trajectory.json"
	cd "$TOP" || exit 1
	is "$status" 0 "$what: $calls calls are replayed" "$err"
	"$WEIR" events "$name" -f json >"$T/events" 2>"$T/err"
	"$WEIR" report "$name" -f json >"$T/report" 2>>"$T/err"
	python3 "$TOP/tests/scenario/lib_stress.py" judge "$T/s" "$T/events" "$T/report" >"$T/verdict"
	ok $? "$what: each effect on its call, each cause an edge, no other edge" "$(cat "$T/verdict")"
	sed -n "s/^/# $what: /p" "$T/verdict" | head -n 2
	is "$(jq '[.calls[].events.lost] | add' "$T/report")" 0 "$what: nothing was lost"
done
finish
