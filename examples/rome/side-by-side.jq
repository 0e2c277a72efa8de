# SPDX-License-Identifier: Apache-2.0
# Two runs of the same trajectory beside each other, for each guilty call: what reached the outside and what was
# refused. Input: {observe: {report, events}, stop: {report, events}}; events are dns, connect and flow.

def wide($n): . + (" " * ([$n - length, 1] | max));

# what a call's network events come to, in words
def outcome($n):
	.events | map(select(.call == $n)) as $e
	| ($e | map(select(.kind == "flow")) | group_by(.flow) | map(last)) as $flows
	| ($flows | map(select(.outer != null and .error == null or .bytes_down > 0))) as $out
	| ($e | map(select(.kind == "connect" and .proto != "unix" and .result < 0 and .result != -115)) | length) as $refused
	| [ if ($out | length) > 0 then
			"\($out | length) reached the outside (\($out | map(.protocol) | unique | join(", ")); \($out | map(.bytes_up) | add) bytes up, \($out | map(.bytes_down) | add) down)"
		else empty end,
		if $refused > 0 then "\($refused) refused" else empty end,
		if ($flows | length) > ($out | length) then "\(($flows | length) - ($out | length)) led nowhere" else empty end ]
	| if length == 0 then "nothing" else join(", ") end;

def guilty: [.report.findings[] | select(.severity != "info") | .call];

. as $runs
| ($runs.observe | guilty) + ($runs.stop | guilty) | unique | .[]
| . as $n
| ($runs.observe.report.calls[] | select(.n == $n)) as $call
| "  call \($n) (\($call.tool_call_id))",
  "      " + ("observe:" | wide(9)) + ($runs.observe | outcome($n)),
  "      " + ("stop:" | wide(9)) + ($runs.stop | outcome($n))
