#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Much at once. A flood of file events in one call beside a quiet call: the quiet one loses nothing, not even the
# edge to a file planted before; the flood's loss is counted to the event; memory stays bounded. And VOLUME_RUNS
# (8) runs side by side with ten living calls each.
. "$(dirname "$0")/tap.sh"
need jq cc python3 root cgroup2 bpf

mkdir -p "$T/work"
chmod 777 "$T/work"
cd "$T/work" || exit 1
cc -O1 -pthread -o mark "$TOP/tests/scenario/mark.c" && cc -O2 -o flood "$TOP/tests/scenario/flood.c" || exit 1
seconds=${VOLUME_SECONDS:-3} processes=${VOLUME_PROCESSES:-2}
printf 'version: 1\nfiles:\n  workspace: %s\n' "$T/work" >"$T/policy.yaml"

# bash CALL...: a step of these calls side by side
step() { jq -cn '[$ARGS.positional[] | {tool_call_id: ., function_name: "bash", arguments: {command: .}}]' --args "$@"; }
trajectory() {
	jq -s '{schema_version: "ATIF-v1.6", session_id: "volume", agent: {name: "v", version: "1"}, steps: [to_entries[]
		| {step_id: (.key + 1), source: "agent", message: "", tool_calls: [.value | to_entries[] | .value]}]}' |
		jq '[.steps[].tool_calls[]] as $all | .steps[].tool_calls[] |= (. as $c | .tool_call_id = "c\([$all | to_entries[] | select(.value == $c) | .key + 1][0])")'
}
{
	step "printf './mark 2 plain\n' >planted"
	step "./flood /dev/shm $seconds $processes >flood.out" \
		"for i in \$(seq $((seconds * 10))); do ./mark 1 plain; sleep 0.08; done; sh planted; ./mark 1 plain"
} | trajectory >"$T/t.json"

# The most that weir's processes of this store held at any moment, in KiB
watch_memory() {
	most=0
	while [ -e "$T/watching" ]; do
		now=$(for pid in $(store_pids); do
			case $(readlink "/proc/$pid/exe") in */weir-*) awk '/^VmRSS/ { print $2 }' "/proc/$pid/status" ;; esac
		done 2>/dev/null | awk '{ s += $1 } END { print s + 0 }')
		[ "$now" -gt "$most" ] && most=$now && echo "$most" >"$T/memory"
		sleep 0.5
	done
}
touch "$T/watching"
watch_memory &
run timeout 300 "$WEIR" replay -p "$T/policy.yaml" -n flood "$T/t.json"
rm "$T/watching"
wait
is "$status" 0 "the flood and the quiet call are replayed" "$err"
"$WEIR" report flood -f json >"$T/report" && "$WEIR" events flood --call 3 -f json >"$T/quiet"
events() { jq -r --argjson n "$1" ".calls[] | select(.n == \$n) | .events.$2" "$T/report"; }
made=$(cut -d ' ' -f 1 flood.out)
echo "# the flood made $(cut -d ' ' -f 2 flood.out) file operations a second"
is "$(events 3 lost)" 0 "the quiet call lost nothing of $(events 3 produced) events"
is "$(jq -r 'select(.kind == "connect" and .port == 20001) | .port' "$T/quiet" | wc -l)" "$(wc -c <ledger-1)" \
	"each of its connections is in the record, as its ledger says"
is "$(jq -c 'select(.kind == "exec" and .argv[1] == "2") | [.via[].call]' "$T/quiet")" "[1]" \
	"what the planted file did has its edge"
is "$(events 2 produced)" "$(($(events 2 recorded) + $(events 2 lost)))" \
	"of $(events 2 produced) events of the flood $(events 2 lost) were lost, and all are accounted for"
# Beside the operations: the shell's, and a process's file is told when it is made and when it ends.
ok "$([ "$(events 2 produced)" -ge "$made" ] && [ "$(events 2 produced)" -le $((made + 200)) ]; echo $?)" \
	"$made operations were made, $(events 2 produced) events produced"
ok "$([ "$(cat "$T/memory")" -lt $((600 * 1024)) ]; echo $?)" "weir's processes held at most $(cat "$T/memory") KiB, recorder and keepers together"

runs=${VOLUME_RUNS:-8}
mkdir "$T/many"
for n in 1 2 3 4 5 6 7 8 9 10; do step "./mark $n plain; sleep $((runs / 5 + 4)); ./mark $n plain"; done |
	jq -s add | trajectory >"$T/many.json"
clients=
for i in $(seq "$runs"); do
	mkdir -p "$T/many/$i"
	chmod 777 "$T/many/$i"
	cp mark "$T/many/$i"
	printf 'version: 1\nfiles:\n  workspace: %s\n' "$T/many/$i" >"$T/many/$i.yaml"
	(cd "$T/many/$i" && exec "$WEIR" replay -p "$T/many/$i.yaml" -n "many-$i" "$T/many.json" </dev/null >"$T/many/$i.out" 2>&1) &
	clients="$clients $!"
done
# Living calls, as the cgroup tree shows them
living() {
	for id in $(run_ids); do
		for dir in $(run_cgroups "$id"); do find "$dir" -mindepth 1 -maxdepth 1 -type d -name '[1-9]*'; done
	done | sort -u | sed 's|.*/weir/||' | sort -u | wc -l
}
most=0
while kill -0 $clients 2>/dev/null; do
	now=$(living)
	[ "$now" -gt "$most" ] && most=$now
	[ "$most" -ge $((runs * 10)) ] && break
	sleep 0.3
done
failed=0
for client in $clients; do wait "$client" || failed=$((failed + 1)); done
is "$failed" 0 "$runs runs at once end well" "$(cat "$T"/many/*.out | grep -v '^ok' | head -n 20)"
is "$most" $((runs * 10)) "$most calls lived at the same moment"
wrong=0 lost=0
for i in $(seq "$runs"); do
	"$WEIR" events "many-$i" -f json >"$T/e"
	wrong=$((wrong + $(jq -r 'select(.kind == "connect" and .port > 20000 and .port < 20011) | select(.port - 20000 != .call) | 1' "$T/e" | wc -l)))
	[ "$(jq -r 'select(.kind == "connect" and .port > 20000 and .port < 20011) | .port' "$T/e" | wc -l)" -eq 20 ] || wrong=$((wrong + 1))
	lost=$((lost + $("$WEIR" report "many-$i" -f json | jq '[.calls[].events.lost] | add')))
done
is "$wrong" 0 "every effect of every run is on its call"
is "$lost" 0 "none of them lost an event"
eventually 15 sh -c '[ -z "$(ls /sys/fs/cgroup/unified/weir /sys/fs/cgroup/weir 2>/dev/null | grep -xF "$(ls "$0/runs")")" ]' "$WEIR_STORE"
ok $? "no cgroup of them is left"
finish
