# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Trajectories for the replay tests, on top of tests/scenario/tap.sh.
#   begin                       an empty trajectory in $T/t.json, an empty workspace in $T/work
#   call [FUNCTION] ARGUMENTS   a step with one call (JSON); the n-th has the id cN
#   sh_call COMMAND             the same for bash
#   beside ARGUMENTS            one more call of bash in the last step
#   replay [OPTION...]          runs it: $out, $err, $status, and the result in $T/out.json
#   left                        processes and cgroups of any run of this store; empty: none
#   output N, code N, extra N FIELD   of the N-th call, from $T/out.json
. "$(dirname "$0")/../scenario/tap.sh"
need jq

begin() {
	rm -rf "$T/work"
	mkdir -p "$T/work"
	chmod 777 "$T/work"
	calls=0
	echo '{"schema_version":"ATIF-v1.7","agent":{"name":"test","version":"1"},"steps":[]}' >"$T/t.json"
}
edit() {
	jq "$@" "$T/t.json" >"$T/t.json.new" && mv "$T/t.json.new" "$T/t.json"
}
call() {
	calls=$((calls + 1))
	edit --arg f "$1" --arg id "c$calls" --argjson a "$2" '.steps += [{step_id: (.steps | length + 1), source: "agent",
		message: "", tool_calls: [{tool_call_id: $id, function_name: $f, arguments: $a}]}]'
}
sh_call() { call bash "$(jq -n --arg c "$1" '{command: $c}')"; }
beside() {
	calls=$((calls + 1))
	edit --arg id "c$calls" --arg c "$1" '.steps[-1].tool_calls += [{tool_call_id: $id, function_name: "bash",
		arguments: {command: $c}}]'
}
replay() {
	rm -f "$T/out.json"
	cd "$T/work" || exit 1
	run timeout 120 "$WEIR" replay --write-trajectory "$T/out.json" "$@" "$T/t.json"
	cd "$TOP" || exit 1
}
result() { jq -r --arg id "c$1" ".steps[].observation.results[] | select(.source_call_id == \$id) | $2" "$T/out.json"; }
output() { result "$1" '.content // ""'; }
extra() { result "$1" ".extra.weir.$2"; }
code() { extra "$1" exit_code; }
left() { for left_run in $(run_ids); do run_pids "$left_run" && run_cgroups "$left_run"; done; }
