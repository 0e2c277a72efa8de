#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The record under faults: the disk fills up at a random moment of a run, or the recorder is killed under load;
# RECORD_FAULT_ROUNDS (4) times each. What was shown as recorded is there afterwards, unchanged; what was lost is
# said, per call. The witness of what happened is the calls' ledger (mark.c).
if [ "${1-}" != inside ]; then
	. "$(dirname "$0")/tap.sh"
	need root jq cc cgroup2 bpf
	unshare -m true 2>/dev/null || skip_all "this host lets nobody make a mount namespace"
	unshare -m --propagation private sh "$0" inside
	status=$?
	trap - EXIT
	rm -rf "$T"
	exit $status
fi
. "$(dirname "$0")/tap.sh"
rounds=${RECORD_FAULT_ROUNDS:-4}
seed=${FAULT_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
echo "# FAULT_SEED=$seed"
random() { # MAXIMUM: sets $random
	draw=$((draw + 1))
	random=$(($(printf '%s %s' "$seed" "$draw" | cksum | cut -d ' ' -f 1) % ($1 + 1)))
}
draw=0
mkdir -p "$T/store" "$T/work"
chmod 777 "$T/work"
mount -t tmpfs -o size=256m,mode=755 weir-test "$T/store" || skip_all "cannot mount a tmpfs"
cc -O1 -pthread -o "$T/mark" "$TOP/tests/scenario/mark.c" && cc -O1 -o "$T/flood" "$TOP/tests/scenario/flood.c" || exit 1
# Three calls with twenty effects each, beside one another, and one that floods.
jq -n '{schema_version: "ATIF-v1.6", session_id: "f", agent: {name: "f", version: "1"}, steps: [{step_id: 1, source: "agent", message: "",
	tool_calls: ([range(1; 4) as $n | {tool_call_id: "c\($n)", function_name: "bash",
		arguments: {command: "for i in $(seq 20); do ./mark \($n) plain; sleep 0.02; done"}}]
		+ [{tool_call_id: "c4", function_name: "bash", arguments: {command: "mkdir d; ./flood d 0.5 >/dev/null"}}])}]}' >"$T/t.json"
printf 'version: 1\nfiles:\n  workspace: %s\n' "$T/work" >"$T/policy.yaml"

recorder() {
	for pid in $(store_pids); do
		case $(readlink "/proc/$pid/exe") in */weir-recorder) echo "$pid" ;; esac
	done
}
fill() { dd if=/dev/zero of="$T/store/ballast" bs=64k >/dev/null 2>&1; dd if=/dev/zero of="$T/store/ballast" bs=4k oflag=append conv=notrunc >/dev/null 2>&1; }

fault() { # KIND ROUND
	name="$1 $2"
	rm -rf "$T/work"
	mkdir "$T/work"
	chmod 777 "$T/work"
	cp "$T/mark" "$T/flood" "$T/work"
	cd "$T/work" || exit 1
	timeout 120 "$WEIR" replay -p "$T/policy.yaml" -n "r-$1-$2" "$T/t.json" </dev/null >"$T/out" 2>"$T/err" &
	client=$!
	random 900
	sleep "$(printf '0.%03d' "$random")"
	# What is in the record by now is promised.
	"$WEIR" events "r-$1-$2" -f json >"$T/promised" 2>/dev/null
	case $1 in
	disk) fill ;;
	recorder) victim=$(recorder | head -n 1) && [ -n "$victim" ] && kill -9 "$victim" ;;
	esac
	random 500
	sleep "$(printf '0.%03d' "$random")"
	[ "$1" = recorder ] || [ "$2" -gt $((rounds / 2)) ] || rm -f "$T/store/ballast" # half of them stay full to the end
	wait $client
	is "$?" 0 "$name: the run ends well" "$(cat "$T/err")"
	rm -f "$T/store/ballast"
	cd / || exit 1
	# With room again, what waited for it is written.
	eventually 10 sh -c '"$WEIR" report "$0" -f json | jq -e .run.ended' "r-$1-$2"
	"$WEIR" events "r-$1-$2" -f json >"$T/events" 2>"$T/err.events"
	# A reader of a living run may see the last line half made; whole lines only.
	jq -c . "$T/promised" 2>/dev/null | sort >"$T/before"
	jq -c . "$T/events" | sort >"$T/after"
	is "$(comm -23 "$T/before" "$T/after" | wc -l)" 0 "$name: all $(wc -l <"$T/before") events shown before the fault are there" \
		"$(comm -23 "$T/before" "$T/after" | head -n 3)"
	"$WEIR" report "r-$1-$2" -f json >"$T/report" 2>"$T/err.report"
	[ -s "$T/report" ] || {
		# Where the disk was full before the run had its first byte, nothing is claimed of it.
		is "$(wc -l <"$T/before")" 0 "$name: without a record nothing was shown of it" "$(cat "$T/err.report" "$T/err")"
		like "$(cat "$T/err")" 'space|full|record' "$name: that nothing is recorded is said"
		return
	}
	is "$(jq -c '[.calls[] | select(.events.produced != .events.recorded + .events.lost) | .n]' "$T/report")" "[]" \
		"$name: of every call, each event is recorded or counted as lost" "$(jq -c '[.calls[] | [.n, .events]]' "$T/report")"
	for n in 1 2 3; do
		did=$(wc -c <"$T/work/ledger-$n")
		told=$(jq -r --argjson n $n 'select(.kind == "connect" and .call == $n and .port == 20000 + $n) | 1' "$T/events" | wc -l)
		said=$(jq --argjson n $n '[.calls[] | select(.n == $n) | .events.lost] | add // 0' "$T/report")
		ok "$([ $((told + said)) -ge "$did" ] && [ "$told" -le "$did" ]; echo $?)" \
			"$name: call $n did $did effects: $told are recorded, a loss of $said events is said"
	done
	"$WEIR" verify "r-$1-$2" >"$T/verify" 2>&1
	ok $? "$name: the record verifies" "$(cat "$T/verify")"
	"$WEIR" rm "r-$1-$2" >/dev/null 2>&1
}
for kind in disk recorder; do
	round=0
	while [ $round -lt "$rounds" ]; do
		round=$((round + 1))
		fault $kind $round
	done
done
store_stop
umount "$T/store"
finish
