#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What each function of a tool set does to files, judged on the host's side of the workspace; what cannot be
# executed; what the trajectory recorded against what happened.
. "$(dirname "$0")/lib_trajectory.sh"

begin
call write_file '{"path":"src/a.c","content":"one\ntwo\nthree\n"}'
call read_file '{"path":"/work/src/a.c"}'
call str_replace '{"path":"src/a.c","old_str":"two\n","new_str":"2\n"}'
call str_replace_based_edit_tool '{"command":"insert","path":"src/a.c","insert_line":0,"insert_text":"zero"}'
call str_replace_editor '{"command":"view","path":"src/a.c","view_range":[2,3]}'
call edit '{"file_path":"src/a.c","old_string":"e","new_string":"E"}'
call edit '{"file_path":"src/a.c","old_string":"e","new_string":"E","replace_all":true}'
call multi_edit '{"path":"src/a.c","edits":[{"old_str":"onE","new_str":"1"},{"old_str":"absent","new_str":""}]}'
call read_file '{"path":"src/none"}'
call write_file '{"path":"/etc/passwd","content":"x"}'
call str_replace_based_edit_tool '{"command":"create","path":"b","file_text":"caf\u00e9 \u0001\n"}'
call python '{"code":"import os, sys\nprint(6 * 7, os.getcwd(), sys.stdin.read() == \"\")\nsys.exit(5)"}'
call shell '{"command":["printf","%s|","a b","$HOME"],"workdir":"/usr"}'
call read_file '{"path":"/dev/zero"}'
replay
is "$status" 0 "every call could be executed"
is "$(cat "$T/work/src/a.c")" "zEro
onE
2
thrEE" "the edits, as the host sees them"
is "$(output 2)" "one
two
three" "read_file"
is "$(output 5)" "     2	one
     3	2" "view with a range"
is "$(code 6)" 1 "an ambiguous edit is refused"
like "$(output 6)" '3 times|4 times' "and says how often the text is there"
is "$(code 8)" 1 "several edits happen together or not at all"
is "$(code 9)" 1 "a file that is not there"
is "$(code 10)" 1 "the system is read-only for the file functions, too"
is "$(od -An -tx1 "$T/work/b" | tr -d ' \n')" 636166c3a920010a "create writes the bytes that were meant"
is "$(output 12)" "42 /work True" "python"
is "$(code 12)" 5 "python's exit status"
is "$(output 13)" 'a b|$HOME|' "a list of words goes to no shell"
is "$(code 14)" 1 "what is no regular file is not read"

begin
call warp_drive '{"to":"mars"}'
call bash '{"command":7}'
call think '{"thought":"hm"}'
call bash '{"command":"echo done"}'
replay
is "$status" 1 "a function that weir does not know: exit status 1"
like "$err" 'call 1 .c1. was not executed: weir has no executor' "and which call and why"
like "$err" 'call 2 .c2. was not executed: .*not a string' "arguments of the wrong shape"
unlike "$err" 'call 3' "what does nothing outside the agent is no failure"
is "$(output 4)" "done" "the rest is executed"
is "$(extra 1 executed) $(extra 3 executed) $(extra 4 executed)" "false false true" "the record says which"

begin
sh_call 'echo 2 failed; exit 1'
sh_call 'date; echo "pid $$"; echo took 0.31s'
edit '.steps[0].observation = {results: [{source_call_id: "c1", content: "3 passed", extra: {exit_code: 0}}]}
	| .steps[1].observation = {results: [{source_call_id: "c2", content: "Mon Jan  5 10:11:12 UTC 2026\npid 17\ntook 1.90s"}]}'
replay
is "$(extra 1 difference)" "exit status 1, recorded 0" "a status that contradicts the record is shown"
like "$err" ', 1 differs from what was recorded' "and counted; a date, a pid and a duration are none"
run "$TOP/script/check-schema" "$TOP/doc/schema/trajectory.schema.json" "$T/out.json" "$TOP/examples/functions.json"
is "$status" 0 "what is written holds against the schema" "$out"
mv "$T/out.json" "$T/t.json"
edit 'del(.steps[0,1].observation.results[].extra.exit_code)'
replay
is "$status" 0 "and can be replayed"
like "$err" ', 0 differ' "and does the same again"

begin
cp "$TOP/examples/functions.json" "$T/t.json"
replay
is "$status" 1 "the example of functions: one cannot be executed"
like "$err" '10 of 11 calls executed, 0 differ' "and the others do what is recorded"

begin
sh_call 'printf "a\377b\000c\033[31m"'
replay
is "$(output 1 | od -An -tx1 | tr -d ' \n')" 61efbfbd6200631b5b33316d0a "output that is not UTF-8 is written as U+FFFD"
is "$(left)" "" "nothing is left of any run"
finish
