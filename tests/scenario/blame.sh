#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every effect is blamed on the call that caused it, however its process came to be. The witness is the
# mark that each effect carries (mark.c): argument, file name, port; and the ledger that it leaves.
. "$(dirname "$0")/tap.sh"
need jq cc root cgroup2 bpf

work=$T/work
mkdir "$work"
cc -O1 -pthread -o "$work/mark" "$TOP/tests/scenario/mark.c" || exit 1

# Effects of each sort that a call of this kind makes: what its ledger must hold.
effects_of() {
	case $1 in
	plain | survivor | setsid | vfork) echo 1 ;;
	threads) echo 5 ;;
	chain) echo 50 ;;
	overlap) echo 25 ;;
	esac
}
# One line a step, one kind a call; calls of a step run side by side.
steps='plain
survivor
setsid
vfork
threads
chain
overlap overlap
survivor overlap chain
plain'

trajectory() {
	n=0 id=0
	echo "$steps" | {
		while read -r kinds; do
			id=$((id + 1)) calls=
			for kind in $kinds; do
				n=$((n + 1))
				call=$(jq -cn --arg n $n --arg kind "$kind" '{tool_call_id: "c\($n)", function_name: "bash",
					arguments: {command: "./mark \($n) \($kind); echo x > mark-\($n)-redirect-0"}}')
				calls="$calls${calls:+,}$call"
			done
			echo "{\"step_id\":$id,\"source\":\"agent\",\"message\":\"\",\"tool_calls\":[$calls]}"
		done
		# Survivors act 0.7 s after their call: the last call outlives them.
		n=$((n + 1))
		jq -cn --arg n $n --argjson id $((id + 1)) '{step_id: $id, source: "agent", message: "", tool_calls: [
			{tool_call_id: "c\($n)", function_name: "bash", arguments: {command: "sleep 1.2; ./mark \($n) plain"}}]}'
	} | jq -s '{schema_version: "ATIF-v1.6", session_id: "blame", agent: {name: "blame", version: "1"}, steps: .}'
}
trajectory >"$T/trajectory.json"
kinds="$(echo "$steps" | tr '\n' ' ')plain"

for shell in fresh session; do
	rm -f "$work"/mark-* "$work"/ledger-*
	cat >"$T/policy.yaml" <<-POLICY
		version: 1
		shell: $shell
		files:
		  workspace: $work
		  read: [/usr, /lib, /lib64, /bin, /etc]
	POLICY
	cd "$work" || exit 1
	run "$WEIR" replay -p "$T/policy.yaml" -n "blame-$shell" "$T/trajectory.json"
	is "$status" 0 "$shell: the trajectory is replayed" || printf '%s\n' "$err"
	"$WEIR" events "blame-$shell" -f json >"$T/events" 2>"$T/err"
	# A living shell is a call of its own, so numbers are one off there: a mark N means tool call "cN".
	"$WEIR" report "blame-$shell" -f json |
		jq '[.calls[] | select(.tool_call_id // "" | startswith("c")) | {key: (.n | tostring), value: .tool_call_id[1:]}] | from_entries' >"$T/ids"

	# kind, mark, call, basis of every event that carries a mark
	jq -r --slurpfile ids "$T/ids" 'def mark:
			if .kind == "exec" then (.argv // [] | select(.[0] | test("(^|/)mark$")) | .[1])
			elif .kind == "file" then (.path // "" | capture("/(mark|ledger)-(?<n>[0-9]+)(-[a-z]+-[0-9]+)?$") | .n)
			elif .kind == "connect" then (.port | select(. > 20000 and . < 21000) | . - 20000)
			else empty end;
		(mark | tostring) as $mark | [.kind, $mark, ($ids[0][.call | tostring] // "none of them"), .basis] | @tsv' "$T/events" >"$T/marks"
	wrong=$(awk '$2 != $3 || $4 != "exact"' "$T/marks" | sort | uniq -c)
	is "$wrong" "" "$shell: all $(wc -l <"$T/marks") marked events are blamed on their call, exact"

	n=0
	for kind in $kinds; do
		n=$((n + 1)) want=$(effects_of "$kind")
		is "$(wc -c <"ledger-$n")" "$want" "$shell: call $n ($kind): its ledger shows what it did"
		is "$(awk -v n=$n '$1 == "connect" && $2 == n' "$T/marks" | wc -l)" "$want" \
			"$shell: call $n ($kind): each of its connections is in the record"
	done
	# Every marked file that lies in the workspace was seen being made, by its call.
	jq -r 'select(.kind == "file") | .path | sub(".*/"; "")' "$T/events" | sort -u >"$T/seen"
	is "$(ls | grep -E '^(mark|ledger)-' | sort | comm -23 - "$T/seen")" "" "$shell: no marked file was missed"
	is "$(awk '$1 == "exec" && $2 == 6' "$T/marks" | wc -l)" 50 "$shell: all 50 executions of the chain are there"
done
finish
