#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A live agent: each process tree that it starts is a call, from before its program runs, however it was started;
# what the agent does itself is call 0. The witness is the mark of each effect (mark.c): mark N is made by the child
# that the agent started as its N-th, and by no other.
. "$(dirname "$0")/tap.sh"
need jq cc python3 root cgroup2 bpf

mkdir "$T/work"
chmod 777 "$T/work"
cd "$T/work" || exit 1
cc -O1 -pthread -o mark "$TOP/tests/scenario/mark.c" || exit 1

cat >agent.py <<'A'
import os, subprocess, threading, time
def mark(n, kind='plain'): return ['./mark', str(n), kind]
os.spawnv(os.P_WAIT, './mark', mark(1))                                  # fork and exec
os.waitpid(os.posix_spawn('./mark', mark(2), os.environ), 0)             # vfork and exec
subprocess.run('./mark 3 plain; ./mark 3 plain | cat', shell=True)       # a tree
subprocess.run(mark(4, 'threads'))                                       # a thread that executes
subprocess.run(mark(5, 'chain'))                                         # fifty executions
subprocess.run(mark(6, 'setsid'))                                        # a daemon
subprocess.run('(sleep 0.3; ./mark 7 plain) &', shell=True)              # a survivor
children = [threading.Thread(target=subprocess.run, args=(mark(n),)) for n in range(20, 36)]
for c in children: c.start()
for c in children: c.join()
pid = os.fork()                                                          # a worker that executes nothing
if pid == 0:
    open('worker', 'w').close()
    os._exit(0)
os.waitpid(pid, 0)
for n in range(40, 60):                                                  # ends at once
    os.spawnv(os.P_WAIT, '/bin/true', ['true', str(n)])
try: subprocess.run(['/no/such/program'])
except FileNotFoundError: open('own', 'w').close()
os.environ['PATH'] = '/nowhere:/usr/local/nothing:' + os.environ['PATH']
subprocess.run(['sh', '-c', './mark 8 plain; exit 7'])                   # found at the end of PATH
subprocess.run(['sh', '-c', 'kill -9 $$'])
time.sleep(1)
A
run "$WEIR" run --agent -n agent -- python3 agent.py
is "$status" 0 "the agent ends as it would" "$err"
"$WEIR" events agent -f json >"$T/events"
"$WEIR" report agent -f json >"$T/report"
# MARK: the calls in which effects with this mark were, of each sort
calls_of() {
	jq -r --arg n "$1" 'select((.kind == "exec" and (.argv[0] | test("mark$")) and .argv[1] == $n)
		or (.kind == "connect" and .port == 20000 + ($n | tonumber))
		or (.kind == "file" and (.path // "" | test("/(mark|ledger)-" + $n + "(-|$)")))) | .call' "$T/events" | sort -n | uniq
}
effects() { jq -r --arg n "$1" 'select(.kind == "connect" and .port == 20000 + ($n | tonumber)) | 1' "$T/events" | wc -l; }
all=
for n in 1 2 3 4 5 6 7 8 $(seq 20 35); do
	call=$(calls_of "$n")
	all="$all $call"
	case $call in *[!0-9]* | '' | 0) got=1 ;; *) got=0 ;; esac
	ok $got "child $n: all its effects are in one call" "$call"
	is "$(effects "$n")" "$(wc -c <"ledger-$n")" "child $n: each effect of its ledger is in the record"
	like "$(jq -r --argjson n "${call:-0}" '.calls[] | select(.n == $n) | .arguments | tostring' "$T/report")" "mark $n " \
		"child $n: the call has its command line"
done
is "$(echo $all | tr ' ' '\n' | sort | uniq -d)" "" "no two children share a call"
is "$(jq -r 'select(.kind == "exec" and .argv[0] == "true") | .call' "$T/events" | sort | uniq -d)" "" "children that end at once have a call each"
is "$(jq -r 'select(.kind == "file" and (.path | test("/(own|worker)$"))) | .call' "$T/events" | sort -u)" 0 \
	"what the agent and its worker do is call 0"
is "$(jq -r '.calls[] | select(.function_name == "exec" and (.arguments.command | test("no/such"))) | .n' "$T/report")" "" \
	"what cannot be executed is no call"
is "$(jq '[.calls[] | select(.n > 0)] | length' "$T/report")" 45 "24 marked children, 20 short ones, one more: no call too many" \
	"$(jq -c '.calls[] | [.n, .arguments]' "$T/report")"
is "$(jq -c '[.calls[] | select(.arguments.command? // "" | test("exit 7|kill -9")) | [.exit_code, .ending]]' "$T/report")" \
	'[[7,"exit"],[137,"signal"]]' "how a call ended that is not our child is known"
is "$(jq -c '[.calls[] | select(.n > 0 and .source != "exec")] | length' "$T/report")" 0 "what calls are is said by their processes"
# Nothing of a call happened before it was announced.
jq -r 'select(.kind == "call" and .what == "announce") | "\(.call) \(.ts)"' "$T/events" | sort >"$T/announced"
jq -r 'select(.kind != "call" and .call > 0) | "\(.call) \(.ts)"' "$T/events" | sort | awk '!seen[$1]++' >"$T/first"
join "$T/announced" "$T/first" | awk '$2 > $3' >"$T/early"
is "$(jq -r '.calls[] | select(.n > 0) | "\(.n) \(.started)"' "$T/report" | sort | join - "$T/first" | awk '$2 > $3')" "" \
	"no effect precedes its call"

# An agent that starts itself again stays the agent; one that a call starts has calls of its own.
cat >again.py <<'A'
import os, subprocess, sys
if len(sys.argv) < 2:
    sys.exit(subprocess.run([sys.executable, '-B', sys.argv[0], 'again']).returncode)
open('again', 'w').close()
subprocess.run(['./mark', '60', 'plain'])
A
run "$WEIR" run --agent -n again -- python3 again.py
"$WEIR" events again -f json >"$T/events"
is "$(jq -r 'select(.kind == "file" and (.path | test("/again$"))) | .call' "$T/events" | sort -u)" 0 "started again, it is the agent"
is "$(calls_of 60)" 1 "and its child the first call"
cat >inner.py <<'A'
import subprocess
subprocess.run(['./mark', '62', 'plain'])
subprocess.run('./mark 63 plain', shell=True)
A
run "$WEIR" run --agent -n nested -- python3 -c 'import subprocess
subprocess.run(["sh", "-c", "./mark 61 plain; /run/weir/weir run --agent -- python3 inner.py; ./mark 64 plain"])'
"$WEIR" events nested -f json >"$T/events"
"$WEIR" report nested -f json >"$T/report"
is "$(jq -c '[.calls[] | select(.n > 0) | [.n, .parent]]' "$T/report")" '[[1,0],[2,1],[3,1]]' "a nested agent's calls have its call as parent" "$err"
is "$(calls_of 61) $(calls_of 62) $(calls_of 63) $(calls_of 64)" "1 2 3 1" "and their effects, none of the call's own"
is "$(jq -c 'select(.kind == "connect" and .port == 20062) | [.via[] | [.call, .kind]]' "$T/events")" '[[1,"started"]]' \
	"the call that started it stands behind them"

# What is done to a call is done to the calls that agents in it began.
cat >deep.py <<'A'
import subprocess, time
subprocess.Popen(['sleep', '30'])
subprocess.Popen(['sh', '-c', 'setsid /run/weir/weir run --agent -- python3 -c "import os; os.spawnlp(os.P_WAIT, \'sleep\', \'sleep\', \'31\')" & exec sleep 32'])
time.sleep(30)
A
deep='import subprocess, time
subprocess.Popen(["sh", "-c", "/run/weir/weir run --agent -- python3 deep.py & sleep $0", "PAUSE"])
while not subprocess.run(["sh", "-c", "! cat done"], capture_output=True).returncode: time.sleep(0.3)'
ends() { "$WEIR" report "$1" -f json | jq -c '[.calls[] | select(.arguments.command? // "" | test("sleep")) | .ending]'; }
printf 'version: 1\nbackground: deny\n' >"$T/deny.yaml"
printf 'version: 1\ncall_time: 2s\n' >"$T/time.yaml"
for how in deny time kill; do
	rm -f done
	pause=30
	[ $how = deny ] && pause=2
	policy=$T/$how.yaml
	[ $how = kill ] && policy=$T/kill.yaml && printf 'version: 1\n' >"$policy"
	"$WEIR" run --agent -p "$policy" -n "deep-$how" -- python3 -c "$(echo "$deep" | sed "s/PAUSE/$pause/")" </dev/null >/dev/null 2>"$T/err" &
	client=$!
	eventually 10 sh -c "\"$WEIR\" ps -f json | jq -e '.[] | select(.name == \"deep-$how\" and .calls > 3)'"
	sleep 1
	[ $how = kill ] && "$WEIR" kill "deep-kill/1" >/dev/null
	sleep 2
	: >done
	wait $client
	case $how in
	deny) want='["exit","signal","signal","signal"]' ;;
	time) want='["timeout","timeout","timeout","timeout"]' ;;
	kill) want='["signal","signal","signal","signal"]' ;;
	esac
	is "$(ends "deep-$how")" "$want" "$how: the end of a call reaches the calls that its agents began" "$(cat "$T/err")"
done

# Ends: nothing is left when the client or the keeper is killed.
for victim in client keeper; do
	"$WEIR" run --agent -n "end-$victim" -- python3 -c 'import subprocess; subprocess.run(["sh", "-c", "sleep 60 & sleep 60"])' \
		</dev/null >/dev/null 2>&1 &
	client=$!
	eventually 10 sh -c '"$WEIR" ps -f json | jq -e ".[] | select(.calls > 0)"'
	sleep 0.3
	id=$("$WEIR" ps -f json | jq -r ".[] | select(.name == \"end-$victim\") | .id")
	pid=$client
	[ $victim = client ] || pid=$("$WEIR" ps -f json | jq -r ".[] | select(.name == \"end-$victim\") | .keeper_pid // empty")
	[ -n "$pid" ] && kill -9 "$pid"
	wait $client 2>/dev/null
	nothing_left() { [ -z "$(run_pids "$id"; run_cgroups "$id")" ]; }
	eventually 10 nothing_left
	is "$(run_pids "$id"; run_cgroups "$id")" "" "the $victim is killed: nothing is left of the run"
done
cd / || exit 1
finish
