#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every way in which one program starts another: under weir run --agent each is a call, assigned before its
# program runs. The witness is the mark that each effect carries (mark.c); what the agent does itself carries "own".
. "$(dirname "$0")/tap.sh"
need jq cc root cgroup2 bpf

work=$T/work
mkdir "$work"
chmod 777 "$work"
cc -O1 -pthread -o "$work/mark" "$TOP/tests/scenario/mark.c" &&
	cc -O1 -pthread -o "$work/starter" "$TOP/tests/scenario/starter.c" || exit 1
cd "$work" || exit 1
clean() { rm -f "$work"/mark-* "$work"/ledger-* "$work"/own-*; }

# Reads the latest run: $T/events, $T/calls (the report's), and $T/marks: kind, mark, call, basis of every
# event that carries a mark, where the mark is a file's name, an argument of mark or a port.
read_run() {
	"$WEIR" events -f json >"$T/events" 2>"$T/err"
	"$WEIR" report -f json | jq -c '.calls[]' >"$T/calls"
	jq -r 'def mark:
			if .kind == "exec" then (.argv // [] | select(.[0] | test("(^|/)mark$")) | .[1])
			elif .kind == "file" then (.path // "" | capture("/(mark|ledger)-(?<n>[0-9]+)(-[a-z]+-[0-9]+)?$") | .n)
			elif .kind == "connect" then (.port | select(. > 20000 and . < 21000) | . - 20000)
			else empty end;
		(mark | tostring) as $mark | [.kind, $mark, .call, .basis] | @tsv' "$T/events" >"$T/marks"
}
# Calls by the mark in their arguments: "MARK CALL", one a line.
calls_of_marks() {
	jq -r 'select(.n > 0) | .n as $call | .arguments.command // "" | capture("(mark|own-text)[ -](?<n>[0-9]+)") | [.n, $call] | @tsv' "$T/calls"
}
# Marked events that are in another call than the one of their mark; marks with no call or more than one.
wrong_marks() {
	calls_of_marks >"$T/map"
	awk 'NR == FNR { if ($1 in call) print "two calls for mark " $1; call[$1] = $2; next }
		!($2 in call) { print "no call for mark", $2, $0; next }
		call[$2] != $3 || $4 != "exact" { print "wrong", $0, "expected", call[$2] }' "$T/map" "$T/marks" | sort | uniq -c
}
# Calls of which something happened before they began: times are the kernel's and the keeper's, of one clock.
# (In the record the keeper's word may stand behind the first events: it comes another way.)
too_early() {
	jq -rs --slurpfile calls "$T/calls" 'map(select(.call > 0 and .kind != "call")) | group_by(.call)[]
		| .[0].call as $n | ($calls[] | select(.n == $n) | .started) as $from
		| map(select(.ts < $from))[0] // empty | "call \($n), of \($from): \(.kind) at \(.ts)"' "$T/events"
}
# Each ledger byte is an effect that happened; each is three marked events (four, with those of the file).
missing_effects() {
	for file in ledger-*; do
		n=${file#ledger-}
		did=$(wc -c <"$file")
		seen=$(awk -v n="$n" '$1 == "connect" && $2 == n' "$T/marks" | wc -l)
		[ "$did" -eq "$seen" ] || echo "mark $n: $did effects, $seen seen"
	done
}
own_elsewhere() {
	jq -r 'select(.kind == "file" and .call != 0 and (.path // "" | test("/own-"))) | [.call, .op, .path] | @tsv' "$T/events"
}
check() { # name
	read_run
	is "$(wrong_marks)" "" "$1: each of $(wc -l <"$T/marks") marked events is in the call of its mark"
	is "$(too_early)" "" "$1: no call acts before it is announced"
	is "$(missing_effects)" "" "$1: every effect was seen"
	is "$(own_elsewhere)" "" "$1: what the agent did itself is call 0"
}

# --- every way to start a program ---------------------------------------------------------------
set -- spawn:1:plain vfork:2:plain fork:3:plain thread:4:plain nonleader:5:plain setsid:6:plain \
	link:7:plain descriptor:8:plain worker:9:plain spawn:10:chain vfork:11:threads fork:12:survivor \
	spawn:13:setsid thread:14:vfork worker:15:chain
n=20
while [ $n -lt 36 ]; do
	set -- "$@" parallel:$n:overlap
	n=$((n + 1))
done
run "$WEIR" run --agent -- ./starter "$@" nothing:40:plain missing:41:plain failure:42:plain
is "$status" 5 "the run ends with the agent, and with its status" || printf '%s\n' "$err"
check "each way to start"
is "$(calls_of_marks | cut -f 1 | sort -n | tr '\n' ' ')" \
	"1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 42 " \
	"one call for each program that was started, none for a fork or a file that is not there"
is "$(grep -c '^file	42' "$T/marks")" 2 "what a process does whose exec has failed is seen, in its call" "$(grep '	42	' "$T/marks")"
is "$(jq -r 'select(.n > 0) | .source' "$T/calls" | sort -u)" exec "they say that their arguments are those of an exec"
is "$(jq -r 'select(.arguments.command == "mark 12 survivor") | .survivors' "$T/calls")" 1 "a survivor is counted"
clean

# --- interpreters as agents -----------------------------------------------------------------------
cat >agent.py <<'PY'
import os, subprocess, threading
open("own-python", "w").close()
subprocess.run(["./mark", "1", "plain"], capture_output=True)
subprocess.run("exec ./mark 2 plain", shell=True)
os.spawnl(os.P_WAIT, "./mark", "mark", "3", "chain")
threads = [threading.Thread(target=subprocess.run, args=(["./mark", str(n), "plain"],)) for n in range(4, 20)]
for t in threads: t.start()
for t in threads: t.join()
subprocess.run(["sh", "-c", "exit 7; : mark 20 "])
subprocess.run(["sh", "-c", "kill -9 $$; : mark 21 "])
for n in range(20): subprocess.run(["true"])
PY
run "$WEIR" run --agent -- python3 agent.py
is "$status" 0 "an agent in Python" || printf '%s\n' "$err"
check python
is "$(jq -r 'select(.arguments.command // "" | test("mark 2[01] ")) | [.exit_code, .ending] | @tsv' "$T/calls" | tr '\t\n' '  ')" \
	"7 exit 137 signal " "exit status and signal of a process that is not weir's child"
is "$(jq -r 'select(.arguments.command == "true") | [.exit_code, .ending] | @tsv' "$T/calls" | sort | uniq -c | tr -s ' \t' ' ')" \
	" 20 0 exit" "20 programs that end at once are 20 calls"
clean

cat >agent.js <<'JS'
const { spawn, execFileSync, execSync } = require("child_process");
require("fs").writeFileSync("own-node", "");
execFileSync("./mark", ["1", "plain"]);
execSync("exec ./mark 2 chain");
for (let n = 3; n < 19; n++) spawn("./mark", [String(n), "plain"], { stdio: "ignore", detached: n % 2 == 0 });
JS
if command -v node >/dev/null; then
	run "$WEIR" run --agent -- node agent.js
	is "$status" 0 "an agent in JavaScript" || printf '%s\n' "$err"
	check node
	is "$(calls_of_marks | wc -l)" 18 "node: 18 calls"
	clean
else
	skip "an agent in JavaScript" "there is no node"
fi

cat >agent.sh <<'SH'
: >own-shell
(: >own-subshell)
./mark 1 plain
./mark 2 plain & ./mark 3 chain &
wait
./mark 4 plain | cat
SH
run "$WEIR" run --agent -- sh agent.sh
is "$status" 0 "an agent that is a shell" || printf '%s\n' "$err"
check shell
is "$(calls_of_marks | wc -l)" 4 "shell: 4 calls"
clean

run "$WEIR" run --agent -- env sh -c 'exec ./mark 1 plain'
read_run
is "$(cut -f 3 "$T/marks" | sort -u) $(jq -r 'select(.n > 0) | .n' "$T/calls")" "0 " "what the agent itself becomes stays call 0"
clean
is "$(leaks | grep -v weir-)" "" "nothing is left"
cd / || exit 1
finish
