#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A wrong trajectory: exit status 2, one message with file, line and path, nothing begun. And how a replay is
# stopped.
. "$(dirname "$0")/lib_trajectory.sh"

refused() { # NAME REGEX; the trajectory is $T/t.json
	replay
	is "$status" 2 "$1: exit status"
	like "$err" "$2" "$1: what and where"
	is "$(printf '%s\n' "$err" | wc -l)" 1 "$1: one message"
	[ ! -e "$WEIR_STORE/runs" ]
	ok $? "$1: nothing was begun"
}
begin
sh_call true
edit '.steps[0].tool_calls[0].arguments = "true"'
refused "wrong type" 't\.json:[0-9]+: steps\[0\]\.tool_calls\[0\]\.arguments: is a string'
begin
sh_call true
edit '.steps[0].tool_calls += .steps[0].tool_calls'
refused "an id twice" 'tool_calls\[1\]\.tool_call_id: "c1"'
begin
sh_call true
edit '.steps[0].note = 1'
refused "unknown member" 'steps\[0\]\.note: a step has no such member'
printf '{"a":"\377"}' >"$T/t.json"
refused "not UTF-8" 't\.json:1: byte 0xff'
head -c 5000 /dev/zero | tr '\0' '[' >"$T/t.json"
refused "nested" 'nested deeper than 64'
{ printf '{"a":"'; head -c 100000000 /dev/zero | tr '\0' a; } >"$T/t.json"
refused "100 MB" 'more than 67108864 bytes'
rm "$T/t.json"
refused "not there" 'cannot open the trajectory .*No such file'
run sh -c '{ printf "{\"a\":\""; yes aaaaaaaa | tr -d "\n"; } | timeout 60 "$WEIR" replay -'
is "$status" 2 "an endless string on standard input: exit status"
like "$err" 'a string of more than 8388608 bytes' "an endless string: refused while reading"

# Told to stop in the middle: the run ends, and nothing of it is left.
begin
sh_call 'echo begun >mark; sleep 100 & sleep 100'
sh_call 'touch never'
cd "$T/work" || exit 1
"$WEIR" replay "$T/t.json" </dev/null >"$T/out" 2>"$T/err" &
pid=$!
cd "$TOP" || exit 1
eventually 10 [ -s "$T/work/mark" ]
ok $? "the replay is in its first call"
kill -INT $pid
wait $pid
is $? 130 "stopped by SIGINT: exit status"
[ ! -e "$T/work/never" ]
ok $? "no further call began"
is "$(left)" "" "nothing of the run is left"
finish
