#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# weir hook: an agent's hooks name the calls that it makes, in the words of each agent; nobody else does.
# The witness is the mark in each command (mark.c) and the id that the test gives to its announcement.
. "$(dirname "$0")/tap.sh"
need jq cc python3 root cgroup2 bpf

mkdir "$T/work"
chmod 777 "$T/work"
cd "$T/work" || exit 1
cc -O1 -pthread -o mark "$TOP/tests/scenario/mark.c" || exit 1

cat >agent.py <<'A'
import json, subprocess, threading
HOOK = ['/bin/sh', '-c', '/run/weir/hook']               # as every agent starts a command
def say(message, how=HOOK):
    p = subprocess.run(how, input=message if isinstance(message, bytes) else json.dumps(message).encode(), capture_output=True)
    if p.returncode or p.stdout or p.stderr: open('complaint', 'a').write(repr((message, p)) + '\n')
def pre(id, tool, input, **more): say(dict(hook_event_name='PreToolUse', session_id='s', tool_name=tool, tool_input=input, tool_use_id=id, **more))
def post(id, tool, input, result): say(dict(hook_event_name='PostToolUse', tool_name=tool, tool_input=input, tool_use_id=id, tool_response=result))
def bash(command, wrap='{}'): return subprocess.run(['bash', '-c', wrap.format(command)], capture_output=True, text=True).stdout

# one after another: Claude Code wraps and quotes
c = "echo 'first  one'; ./mark 1 plain"
pre('toolu_1', 'Bash', {'command': c, 'description': 'd'})
out = bash("true && eval " + "'" + c.replace("'", "'\\''") + "'" + " < /dev/null && pwd -P >/dev/null")
post('toolu_1', 'Bash', {'command': c}, {'stdout': out, 'stderr': '', 'interrupted': False})
# four announced before any begins, begun in the other order, side by side; two say the same
commands = {n: './mark %d plain; exit %d' % (n, n) for n in (2, 3, 4)}
for n in (2, 3, 4): pre('call_%d' % n, 'run_shell_command', {'command': commands[n]})
ts = [threading.Thread(target=bash, args=(commands[n],)) for n in (4, 2, 3)]
for t in ts: t.start()
for t in ts: t.join()
for n in (3, 2, 4): post('call_%d' % n, 'run_shell_command', {'command': commands[n]}, 'result of %d' % n)
# the agent's own helper between an announcement and its process keeps its command line
pre('call_5', 'Bash', {'command': 'ls'})
subprocess.run(['sh', '-c', 'echo ls-files >/dev/null; ./mark 6 plain'])
bash('ls')
# OpenHands: no id, arguments as words
say({'event_type': 'PreToolUse', 'tool_name': 'terminal', 'tool_input': {'command': './mark 7 plain'}, 'metadata': {}})
bash('./mark 7 plain')
say({'event_type': 'PostToolUse', 'tool_name': 'terminal', 'tool_input': {'command': './mark 7 plain'}, 'tool_output': 'seven'})
# a tool that names no command: the next process; one that starts none
pre('call_8', 'grep_search', {'pattern': 'x'})
subprocess.run(['./mark', '8', 'plain'])
pre('call_9', 'write_file', {'file_path': 'own-file', 'content': 'text'})
open('own-file', 'w').write('text')
post('call_9', 'write_file', {'file_path': 'own-file'}, {'llmContent': 'written'})
# a tool call forges one: from inside, by the program and by the same means
json.dump(dict(hook_event_name='PreToolUse', tool_name='Innocent', tool_use_id='forged', tool_input={'command': './mark 11 plain'}), open('forged.json', 'w'))
bash('/run/weir/hook <forged.json; echo $? >forged-status; (exec -a pre /run/weir/say forged-2 Innocent {} "./mark 11 plain" "" 0); ./mark 10 plain')
bash('./mark 11 plain')
# bad input: nothing happens, and nobody is told
for bad in (b'', b'{', b'[]', b'null', b'\xff\xfe', b'{"hook_event_name":"PreToolUse"}', b'{"hook_event_name":7}', b'[' * 100000,
            b'{"hook_event_name":"Stop"}', b'{"hook_event_name":"PreToolUse","tool_name":"' + b'x' * 3000000 + b'","tool_input":{"command":"' + b'y' * 3000000 + b'"}}'):
    say(bad)
say({'hook_event_name': 'PreToolUse', 'tool_name': 'Late', 'tool_use_id': 'late', 'tool_input': {'command': 'never run by anybody'}}, ['/run/weir/hook'])
A
run "$WEIR" run --agent -n hook -- python3 agent.py
is "$status" 0 "the agent ends as it would" "$err"
is "$(cat complaint 2>&1)" "cat: complaint: No such file or directory" "no hook says anything, or ends with anything but 0"
is "$(cat forged-status)" 0 "not even a refused one"
"$WEIR" events hook -f json >"$T/events"
"$WEIR" report hook -f json >"$T/report"
# MARK: the id, tool and source of the calls in which effects with this mark were
call_of() {
	jq -r --arg n "$1" 'select(.kind == "connect" and .port == 20000 + ($n | tonumber)) | .call' "$T/events" | sort -u | while read -r call; do
		jq -r --argjson call "$call" '.calls[] | select(.n == $call) | [.tool_call_id, .function_name, .source] | join(" ")' "$T/report"
	done
}
is "$(call_of 1)" "toolu_1 Bash hook" "a command that the agent wraps and quotes"
for n in 2 3 4; do
	is "$(call_of $n)" "call_$n run_shell_command hook" "parallel calls, begun in another order than announced: $n"
	is "$(jq -c --arg id "call_$n" '.calls[] | select(.tool_call_id == $id) | [.exit_code, .observation.bytes]' "$T/report")" "[$n,11]" \
		"its status is the process's, its result the agent's"
done
is "$(jq -c '.calls[] | select(.tool_call_id == "call_5") | [.arguments, .executed, .exit_code]' "$T/report")" '[{"command":"ls"},true,0]' "a short command"
is "$(call_of 6)" " exec exec" "what fits no announcement keeps its command line"
is "$(call_of 7)" " terminal hook" "an agent that gives no ids"
is "$(jq -r '.calls[] | select(.function_name == "terminal") | .observation.bytes' "$T/report")" 5 "and its result"
is "$(call_of 8)" "call_8 grep_search hook" "a tool that names no command"
is "$(jq -c '.calls[] | select(.tool_call_id == "call_9") | [.function_name, .executed, .arguments.file_path, .observation.bytes]' "$T/report")" \
	'["write_file",false,"own-file",7]' "a tool that starts no process is a call, and says so"
is "$(jq -r 'select(.kind == "file" and (.path | test("own-file$"))) | .call' "$T/events" | sort -u)" 0 "what the agent wrote itself is call 0"
is "$(call_of 10) / $(call_of 11)" " exec exec /  exec exec" "a call cannot name calls"
forger=$(jq -r 'select(.kind == "connect" and .port == 20010) | .call' "$T/events")
is "$(jq -c --argjson n "$forger" 'select(.kind == "denied") | [.call == $n, .barrier, .op, .target]' "$T/events" | tr '\n' ' ')" \
	'[true,"hook","announce","forged"] [true,"hook","announce","forged-2"] ' "its attempts are recorded, in its call"
is "$(jq -c '[.calls[] | select("\(.function_name) \(.tool_call_id)" | test("Innocent|forged"))] | length' "$T/report")" 0 "and made no call"
is "$(jq -c '.calls[] | select(.tool_call_id == "late") | [.executed, .reason]' "$T/report")" \
	'[false,"announced; the run ended before a process or a result came"]' "what nothing came of is there at the end"
is "$(jq '[.calls[] | select((.arguments | tostring) | test("weir/hook\"?}?$"))] | length' "$T/report")" 0 "no hook is a call"
is "$(jq -c '.completeness | [.lost, (.gaps | length)]' "$T/report")" "[0,0]" "nothing is missing in the record"

# Where no weir is: nothing happens.
echo '{"hook_event_name":"PreToolUse","tool_name":"Bash","tool_use_id":"1","tool_input":{"command":"true"}}' >"$T/message"
run sh -c '"$WEIR" hook <"$T/message"'
is "$status:$out:$err" "0::" "outside of weir the hook does nothing"
run "$WEIR" run -- sh -c "/run/weir/hook </dev/null; echo \$?"
is "$out" 0 "nor in a run without an agent"
mkfifo "$T/fifo"
exec 9<>"$T/fifo"
run timeout 10 sh -c '"$WEIR" hook <"$T/fifo"'
is "$status" 0 "an input that does not end does not hold the agent"
exec 9>&-
cd / || exit 1
finish
