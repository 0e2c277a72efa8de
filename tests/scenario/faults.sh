#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# kill -9 of one weir process at a random moment, FAULT_ROUNDS times (8): nothing stays behind, the store
# opens and verifies, and what the client was told is in the record. FAULT_SEED repeats a series.
. "$(dirname "$0")/tap.sh"
need jq

rounds=${FAULT_ROUNDS:-8}
seed=${FAULT_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
echo "# FAULT_SEED=$seed"
mkdir "$T/work"
cd "$T/work" || exit 1
jq -n '{schema_version: "ATIF-v1.6", session_id: "f", agent: {name: "f", version: "1"}, steps: [range(1; 7) as $n
	| {step_id: $n, source: "agent", message: "", tool_calls: [{tool_call_id: "c\($n)", function_name: "bash",
		arguments: {command: "echo \($n) >f\($n); (sleep 0.3; echo late >l\($n)) & sleep 0.12"}}]}]}' >"$T/t.json"

# Sets $random to a number from 0 to MAXIMUM, from the seed and how often it was asked.
random() {
	draw=$((draw + 1))
	random=$(($(printf '%s %s' "$seed" "$draw" | cksum | cut -d ' ' -f 1) % ($1 + 1)))
}
draw=0
nothing_left() {
	for id in $(run_ids); do
		[ -z "$(run_pids "$id")" ] && [ -z "$(run_cgroups "$id")" ] || return 1
	done
}
# weir's own processes of this store, "pid role", not what they hold
roles() {
	for pid in $(store_pids); do
		role=$(basename "$(readlink "/proc/$pid/exe" 2>/dev/null)")
		case $role in weir | weir-*) echo "$pid $role" ;; esac
	done
}

"$WEIR" run -- true </dev/null >/dev/null 2>&1 # the first start is slow; the series is about later ones
killed='' round=0
while [ $round -lt "$rounds" ]; do
	round=$((round + 1))
	"$WEIR" replay -n "round-$round" "$T/t.json" </dev/null >"$T/out" 2>"$T/err" &
	client=$!
	random 750
	sleep "$(printf '0.%03d' "$random")"
	# A role first, so that the many keepers do not hide the one recorder.
	roles >"$T/roles"
	kinds=$(awk '{ print $2 }' "$T/roles" | sort -u)
	random $(($(echo "$kinds" | wc -l) - 1))
	role=$(echo "$kinds" | sed -n "$((random + 1))p")
	random $(($(grep -c " $role\$" "$T/roles") - 1))
	victim=$(awk -v role="$role" '$2 == role { print $1 }' "$T/roles" | sed -n "$((random + 1))p")
	namespaces=$(for id in $(run_ids); do run_namespaces "$id"; done | sort -u)
	[ -n "$victim" ] && kill -9 "$victim" 2>/dev/null
	killed="$killed $role"
	begun=$(date +%s)
	wait $client 2>/dev/null
	status=$?
	name="round $round, $role"
	[ $(($(date +%s) - begun)) -le 60 ]
	ok $? "$name: the client comes to an end" "$(cat "$T/err")"
	case $role in
	*recorder | *supervisor) is "$status" 0 "$name: its death ends no run" || cat "$T/err" ;;
	esac
	eventually 20 nothing_left
	ok $? "$name: no process or cgroup of a run is left" "$(for id in $(run_ids); do run_pids "$id"; run_cgroups "$id"; done)"
	is "$(namespaces_alive "$namespaces")" "" "$name: no namespace is left"
	finished=$status
	run "$WEIR" ls
	is "$status" 0 "$name: the store opens"
	# What the client was told has ended well is in the record, and what is not there is counted as lost.
	if [ "$finished" -eq 0 ]; then
		"$WEIR" report "round-$round" -f json >"$T/report.json"
		# The death of a keeper's launcher or init kills the call at work, and replay says 0 to that too.
		case $role in
		*recorder | *supervisor) is "$(jq -c '[.calls[] | select(.n > 0) | .exit_code]' "$T/report.json")" "[0,0,0,0,0,0]" "$name: each call is in the record" ;;
		*) is "$(jq '[.calls[] | select(.n > 0 and .ended != null)] | length' "$T/report.json")" 6 "$name: each call is in the record" ;;
		esac
		is "$(jq -c '[.calls[].events | select(.produced != .recorded + .lost)]' "$T/report.json")" "[]" \
			"$name: each event that was made is recorded or counted as lost"
	fi
done
echo "# killed:$(echo "$killed" | tr ' ' '\n' | sort | uniq -c | awk 'NF == 2 { printf " %s %d,", $2, $1 }')"

run "$WEIR" run -- true
is "$status" 0 "a run starts after all this"
bad=
for id in $(run_ids); do
	"$WEIR" verify "$id" >"$T/out" 2>&1 || bad="$bad $id: $(tail -n 1 "$T/out")"
	"$WEIR" report "$id" -f json 2>"$T/err" | jq -e .run.id >/dev/null || bad="$bad $id: no report: $(tail -n 1 "$T/err")"
done
is "$bad" "" "each of $(run_ids | wc -w) records verifies and has a report"
store_stop
is "$(leaks)" "" "nothing of the store is left alive"
finish
