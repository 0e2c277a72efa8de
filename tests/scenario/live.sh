#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Calls and findings are seen as they happen: a line each, while the run goes on; colours on a terminal only; the
# terminal's width is respected, what the agent wrote does nothing to it, and a program that has taken the terminal
# is not disturbed. The witness is a terminal of our own (lib_pty.py), which says when each byte came.
. "$(dirname "$0")/tap.sh"
need jq python3 userns

mkdir "$T/work"
cd "$T/work" || exit 1
TERM=xterm-256color
export TERM
unset NO_COLOR
screen() { columns=$1 && shift && python3 "$TOP/tests/scenario/lib_pty.py" "$columns" "$@" </dev/null >"$T/screen"; }
shown() { jq -rs 'map(.[1]) | add // ""' "$T/screen"; }
# When the text was first complete on the screen, in seconds.
when() { jq -rn --arg text "$1" '[inputs] as $all | ["", null] | reduce $all[] as $piece (.;
	(.[0] + $piece[1]) as $seen | [$seen, .[1] // (if $seen | contains($text) then $piece[0] else null end)]) | .[1]' "$T/screen"; }
before() { jq -en --argjson a "${1:-null}" --argjson b "${2:-null}" '$a != null and $b != null and $a < $b' >/dev/null; }
escape=$(printf '\033')

hostile=$(printf 'sleep 0.1; : \033]0;owned\007 \033[2J \302\233 \342\200\256 %0200d' 7)
jq -n --arg hostile "$hostile" 'def call($id; $command): {tool_call_id: $id, function_name: "bash", arguments: {command: $command}};
	{schema_version: "ATIF-v1.6", session_id: "live", agent: {name: "live", version: "1"}, steps: [
	{step_id: 1, source: "agent", message: "", tool_calls: [call("a"; "sleep 0.7; exit 3")]},
	{step_id: 2, source: "agent", message: "", tool_calls: [call("b"; "sleep 1.2"), call("c"; "sleep 0.3")]},
	{step_id: 3, source: "agent", message: "", tool_calls: [call("d"; $hostile)]}]}' >"$T/t.json"

screen 90 "$WEIR" replay "$T/t.json"
is $? 0 "a replay on a terminal"
ok "$(before "$(when 'sleep 0.7; exit 3')" "$(when '  0.7')"; echo $?)" "a call is shown before it has ended"
is "$(shown | grep -c '^ *1  bash')" 1 "a call on its own is one line"
is "$(shown | grep -c '^ *2  bash')" 2 "one that is interrupted is said again when it ends"
like "$(shown)" "^ *1 .*${escape}\[31m3${escape}\[0m  0\.[0-9]+ s" "a bad status is red on a terminal"
is "$(shown | tr -d '\r' | sed "s/${escape}\[[0-9]*m//g" | grep '^ ' | LC_ALL=C.UTF-8 awk 'length($0) > 90')" "" "no line is wider than the terminal"
unlike "$(shown | sed "s/${escape}\[[0-9]*m//g")" "$escape|$(printf '\007')|$(printf '\302\233')|$(printf '\342\200\256')" \
	"hostile text is escaped"
like "$(shown)" 'xe.0;owned|e.0;owned' "and shown"

for quiet in NO_COLOR=1 TERM=dumb; do
	screen 90 env $quiet "$WEIR" replay "$T/t.json"
	unlike "$(shown)" "$escape" "no colours with $quiet"
done
run "$WEIR" replay -v "$T/t.json"
unlike "$out$err" "$escape" "no colours in a pipe"
is "$(echo "$out" | grep -c '^ *[1-4]  bash')" 4 "a line a call there"

# Followed from beside, while the run lives.
"$WEIR" replay -n beside "$T/t.json" >/dev/null 2>&1 &
replay=$!
eventually 10 "$WEIR" events beside
"$WEIR" events beside --follow >"$T/piped" &
follower=$!
screen 90 "$WEIR" events beside --follow
is $? 0 "events --follow ends with its run"
wait $follower
wait $replay
ok "$(before "$(when '  2  bash')" "$(when '  1.2')"; echo $?)" "events --follow shows a call before it has ended"
like "$(shown)" "^ *4  bash .*127.*  0\.[0-9]+ s" "and how each ended"
unlike "$(cat "$T/piped")" "$escape" "no colours in its pipe"
is "$(grep -c '  begins$' "$T/piped")" 4 "a line for each beginning in its pipe"
is "$(grep -vc '  begins$' "$T/piped")" 4 "and one for each end"
is "$("$WEIR" events beside --follow --all | wc -l)" "$("$WEIR" events beside | wc -l)" "--follow --all has every event"
is "$("$WEIR" events beside --follow --kind exec | wc -l)" "$("$WEIR" events beside --kind exec | wc -l)" \
	"so has --follow for a kind of event"
is "$("$WEIR" events beside --follow --call 4 | wc -l)" 2 "--call: only its lines"

# weir run: lines where the program leaves the terminal alone.
screen 90 "$WEIR" run -- sh -c 'sleep 0.5; echo pro""gram; sleep 0.3; exit 5'
is $? 5 "a run on a terminal"
ok "$(before "$(when 'weir:    1  run')" "$(when program)"; echo $?)" "its call is shown as it begins"
like "$(shown)" "^weir:    1  run .*5${escape}\[0m  0\.[0-9]+ s" "and how it ended"
screen 90 "$WEIR" run -- python3 -c 'import sys, time, tty
tty.setraw(0)
time.sleep(0.4)
print("\x1b[?1049htaken", flush=True)
time.sleep(0.8)
print("given\x1b[?1049l", flush=True)'
unlike "$(shown | sed -n '/taken/,/given/p')" 'weir: ' "a program that has taken the terminal is not disturbed"
like "$(shown | sed -n '/given/,$p')" 'weir:    1  run' "what was not shown comes when it has gone"
if has root && has cgroup2 && has bpf; then
	cat >agent.py <<-'AGENT'
		import subprocess, sys, tty
		if sys.argv[1] == "screen":
		    tty.setraw(0)
		for i in range(3):
		    subprocess.run(["sh", "-c", f"sleep 0.5; echo did-$(({i} + 40)); exit {i}"])
		print("agent-ends", flush=True)
	AGENT
	screen 110 "$WEIR" run --agent -- python3 agent.py lines
	is $? 0 "an agent on a terminal"
	is "$(shown | grep -c '^weir: .*begins')" 3 "each call that it starts is shown as it begins"
	ok "$(before "$(when 'weir:    2  ')" "$(when did-41)"; echo $?)" "and while it lives"
	like "$(shown)" "^weir:    3  .*2${escape}\[0m  0\.[0-9]+ s" "and how it ended"
	screen 110 "$WEIR" run --agent -- python3 agent.py screen
	unlike "$(shown | sed '/agent-ends/,$d')" 'weir: +[1-3]  .*did-' "an agent with a screen of its own is not disturbed" || shown
	is "$(shown | sed -n '/agent-ends/,$p' | grep -c '^weir: .*  0\.[0-9]* s')" 3 "its calls are told when it has gone"
else
	skip "calls of an agent" "this host lacks root, cgroups or BPF"
fi

run "$WEIR" run -- sh -c 'echo program; sleep 0.3'
is "$out$err" program "nothing of this where standard error is no terminal"
finish
