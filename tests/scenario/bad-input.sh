#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What is wrong is refused with one clear message and the right exit status, and leaves nothing begun.
. "$(dirname "$0")/tap.sh"
need jq

mkdir "$T/work" "$T/home"
cd "$T/work" || exit 1
good='{"schema_version":"ATIF-v1.6","session_id":"s","agent":{"name":"a","version":"1"},"steps":[
	{"step_id":1,"source":"agent","message":"","tool_calls":[
		{"tool_call_id":"c1","function_name":"bash","arguments":{"command":"true"}}]}]}'

# STATUS REGEX NAME CMD...: CMD ends with STATUS, one message of at most 3 lines that matches, and no run.
refused() {
	want=$1 regex=$2 name=$3
	shift 3
	run timeout 60 "$@"
	is "$status" "$want" "$name: exit status"
	like "$err" "$regex" "$name: the message says what is wrong"
	[ "$(printf '%s\n' "$err" | wc -l)" -le 3 ] && [ "$(printf %s "$err" | wc -c)" -le 2048 ]
	ok $? "$name: one clear message" "$err"
	is "$(ls "$WEIR_STORE/runs" 2>/dev/null)" "" "$name: nothing was begun"
}
trajectory() { # STATUS REGEX NAME: the trajectory is $T/t.json
	refused "$1" "$2" "trajectory: $3" "$WEIR" replay "$T/t.json"
}
policy() {
	printf '%b' "$4" >"$T/p.yaml"
	refused "$1" "$2" "policy: $3" "$WEIR" run -p "$T/p.yaml" -- true
}

echo "$good" | jq 'del(.steps)' >"$T/t.json"
trajectory 2 'steps' "no steps"
echo "$good" | jq 'del(.steps[0].tool_calls[0].function_name)' >"$T/t.json"
trajectory 2 'function_name' "a call without a function"
echo "$good" | jq 'del(.steps[0].tool_calls[0].tool_call_id)' >"$T/t.json"
trajectory 2 'tool_call_id' "a call without an id"
echo "$good" | jq '.steps = "none"' >"$T/t.json"
trajectory 2 'steps' "steps of the wrong type"
echo "$good" | jq '.steps[0].tool_calls[0].arguments = 7' >"$T/t.json"
trajectory 2 'arguments' "arguments of the wrong type"
echo "$good" | jq '.steps[0].tool_calls += .steps[0].tool_calls' >"$T/t.json"
trajectory 2 'c1' "a call id given twice"
echo "$good" | jq '.schema_version = "ATIF-v9.0"' >"$T/t.json"
trajectory 2 'schema_version|ATIF-v9' "a version that is not ours"
echo '{"schema_version":' >"$T/t.json"
trajectory 2 't\.json' "cut off"
: >"$T/t.json"
trajectory 2 't\.json' "empty"
printf '%s' "$good" | sed 's/"a"/"\xff\xfe"/' >"$T/t.json"
trajectory 2 'UTF-8|utf-8' "invalid UTF-8"
{ printf '{"steps":'; head -c 100000 /dev/zero | tr '\0' '['; } >"$T/t.json"
trajectory 2 'deep|nest|depth' "nested 100,000 deep"
{
	printf '{"schema_version":"ATIF-v1.6","session_id":"s","agent":{"name":"a","version":"1"},"steps":[{"step_id":1,"source":"agent","message":"","tool_calls":[{"tool_call_id":"c1","function_name":"bash","arguments":{"command":"'
	head -c 100000000 /dev/zero | tr '\0' a
	printf '"}}]}]}'
} >"$T/t.json"
trajectory 2 'large|long|big|bytes|MiB|limit' "a string of 100 MB"
refused 2 'nowhere\.json' "trajectory: not there" "$WEIR" replay "$T/nowhere.json"

policy 2 'p\.yaml:2:.*networks' "unknown key" 'version: 1\nnetworks: {}\n'
policy 2 'p\.yaml:3:.*identity' "duplicate key" 'version: 1\nidentity: user\nidentity: root\n'
policy 2 'p\.yaml:2:' "wrong type" 'version: 1\nfiles: 7\n'
policy 2 'p\.yaml:2:.*(unit|10)' "a size without a unit" 'version: 1\ncompute: {memory: 10}\n'
policy 2 'p\.yaml:2:.*(unit|30)' "a duration without a unit" 'version: 1\ntime: 30\n'
policy 2 'p\.yaml:2.*(alias|anchor)' "aliases that explode" 'version: 1\nfiles: {read: [&a [x,x], &b [*a,*a], [*b,*b]]}\n'
policy 2 'p\.yaml' "no YAML at all" 'version: [1\n'
refused 2 'nowhere\.yaml' "policy: not there" "$WEIR" run -p "$T/nowhere.yaml" -- true

policy 2 "$T/nowhere" "workspace that does not exist" "version: 1\nfiles: {workspace: $T/nowhere}\n"
: >"$T/file"
policy 2 "$T/file.*(not a directory|Not a directory)" "workspace that is a file" "version: 1\nfiles: {workspace: $T/file}\n"
policy 2 '(workspace|/).*' "workspace that is /" 'version: 1\nfiles: {workspace: /}\n'
cd "$T/home" || exit 1
refused 2 'home' "workspace that is the home directory" env HOME="$T/home" "$WEIR" run -- true
cd "$T/work" || exit 1
if has root && has userns; then
	mkdir -m 700 "$T/theirs"
	mkdir -m 777 "$T/state"
	printf 'version: 1\nfiles: {workspace: %s}\n' "$T/theirs" >"$T/p.yaml"
	chmod 644 "$T/p.yaml"
	refused 2 "$T/theirs" "workspace that is not yours" \
		setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=/nonexistent WEIR_STORE="$T/state" "$WEIR" run -p "$T/p.yaml" -- true
else
	skip "workspace that is not yours" "needs root to become another user"
fi

refused 2 'sing|--frob' "usage: unknown option" "$WEIR" run --frob -- true
refused 2 'frobnicate' "usage: unknown command" "$WEIR" frobnicate
refused 2 '.' "usage: replay without a trajectory" "$WEIR" replay
refused 2 'severity|urgent' "usage: unknown severity" "$WEIR" run --fail-on urgent -- true
run "$WEIR" run -- /nowhere/program
is "$status" 127 "a program that is not there: 127"
run "$WEIR" run -- /etc/passwd
is "$status" 126 "a file that is no program: 126"
finish
