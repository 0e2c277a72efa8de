#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# weir attach: what comes into a container or a cgroup that others made, and what a watched process starts, is a
# call of its own; nothing of theirs changes; nothing of weir stays. The witness is the mark that each effect
# carries (mark.c), its ledger, and what the cgroups and the container's runtime say themselves.
. "$(dirname "$0")/tap.sh"
need jq cc root cgroup2 bpf bpftool

mount=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
ours=weir-test-attach-$$
top=$mount/$ours
root=$T/bundle/rootfs
mkdir -p "$root/work" "$root/tmp" "$root/proc" "$root/dev" "$root/sys"
cc -static -O1 -pthread -o "$root/mark" "$TOP/tests/scenario/mark.c" || exit 1
cc -static -O1 -x c -o "$root/hold" - <<'C' || exit 1
#include <unistd.h>
int main(void)
{
	for (;;)
		pause();
}
C
mkdir "$top" || exit 1
cd "$root/work" || exit 1

# What was started here goes, whatever happens: by pid, and cgroups only where they are ours.
held=
end() {
	for pid in $held; do kill -s KILL "$pid" 2>/dev/null; done
	runc --root "$T/runc" delete -f "$ours" 2>/dev/null
	for pid in $(cat "$top"/cgroup.procs "$top"/*/cgroup.procs 2>/dev/null); do kill -s KILL "$pid" 2>/dev/null; done
	eventually 3 rmdir_all
	rmdir /sys/fs/cgroup/*/"$ours" 2>/dev/null # a runtime makes them in v1 hierarchies too
	[ -z "$(ls -d "$top" 2>/dev/null)" ]
}
rmdir_all() {
	find "$top" -depth -type d -exec rmdir {} \; 2>/dev/null
	[ ! -d "$top" ]
}
# shellcheck disable=SC2154
trap 'code=$?; end; (exit $code); tap_end' EXIT

# enter CGROUP COMMAND...: moves itself in and executes it; start does so in the background, as $!.
enter='echo $$ >"$1/cgroup.procs" && shift && exec "$@"'
enter() { sh -c "$enter" sh "$@"; }
start() { sh -c "$enter" sh "$@" & }
hold() {
	start "$1" "$root/hold"
	held="$held $!"
	eventually 3 grep -qx $! "$1/cgroup.procs"
}
# attach NAME OPTION...: watches in the background, and returns when it does; $attached is its pid.
attach() {
	name=$1
	shift
	"$WEIR" attach -n "$name" "$@" >"$T/$name.out" 2>"$T/$name.err" </dev/null &
	attached=$!
	eventually 20 grep -q " watches " "$T/$name.err"
}
detach() { # ends the watching; $status
	kill -s INT "$attached" 2>/dev/null
	status=0
	wait "$attached" || status=$?
}
# What there is to see of a cgroup tree but for numbers that count something.
settings() {
	find "$1" -type d | sort
	find "$1" -type f | sort | grep -Ev '/(.*\.(stat|events|current|peak|pressure)|.*\.stat\..*|.*numa_stat.*|cgroup.kill|.*events.*)$' |
		while read -r file; do
			echo "$file: $(sort "$file" 2>/dev/null | tr '\n' ' ')"
		done
	find "$1" -type d | sort | while read -r dir; do bpftool cgroup show "$dir" 2>/dev/null; done
}

# marks RUN: the lines KIND MARK CALL BASIS of every event that carries a mark; CALL is the mark in the call's own
# command. Written to $T/marks.
marks() {
	"$WEIR" report "$1" -f json >"$T/report.json"
	jq '[.calls[] | {key: (.n | tostring), value: (.arguments.command // "" | capture("mark (?<n>[0-9]+) ") | .n)}] | from_entries' "$T/report.json" >"$T/ids"
	"$WEIR" events "$1" -f json >"$T/events"
	jq -r --slurpfile ids "$T/ids" 'def mark:
			if .kind == "exec" then (.argv // [] | select(.[0] | test("(^|/)mark$")) | .[1])
			elif .kind == "file" then (.path // "" | capture("/(mark|ledger)-(?<n>[0-9]+)(-[a-z]+-[0-9]+)?$") | .n)
			elif .kind == "connect" then (.port | select(. > 20000 and . < 21000) | . - 20000)
			else empty end;
		(mark | tostring) as $mark | [.kind, $mark, ($ids[0][.call | tostring] // "none of them"), .basis] | @tsv' "$T/events" >"$T/marks"
}
# Effects of each sort that a call of this kind makes.
effects_of() {
	case $1 in
	plain | survivor | setsid | vfork) echo 1 ;;
	threads) echo 5 ;;
	chain) echo 50 ;;
	overlap) echo 25 ;;
	esac
}
# blamed RUN KIND...: mark 1 is of the first kind, and so on.
blamed() {
	run=$1
	shift
	marks "$run"
	is "$(awk '$2 != $3 || $4 != "exact"' "$T/marks" | sort | uniq -c)" "" \
		"$run: all $(wc -l <"$T/marks") marked events are blamed on their call, exact"
	is "$(jq -c '[.calls[].n | select(. > 0)] | sort' "$T/report.json")" "$(seq $# | jq -sc .)" "$run: so many calls as came in"
	is "$(jq -c '[.calls[] | select(.n > 0) | select(.ended == null or .gone == null or .exit_code != 0)] | length' "$T/report.json")" 0 \
		"$run: each of them ended, and is gone"
	n=0
	for kind in "$@"; do
		n=$((n + 1)) want=$(effects_of "$kind")
		is "$(wc -c <"$root/work/ledger-$n")" "$want" "$run: call $n ($kind): its ledger shows what it did"
		is "$(awk -v n=$n '$1 == "connect" && $2 == n' "$T/marks" | wc -l)" "$want" \
			"$run: call $n ($kind): each of its connections is in the record"
	done
	jq -r 'select(.kind == "file") | .path // "" | sub(".*/"; "")' "$T/events" | sort -u >"$T/seen"
	is "$(cd "$root/work" && ls | grep -E '^(mark|ledger)-' | sort | comm -23 - "$T/seen")" "" "$run: no marked file was missed"
	is "$(jq -c '[.barriers[].state] | unique' "$T/report.json")" '["not ours"]' "$run: no barrier is ours"
	is "$(jq -c '.completeness.lost' "$T/report.json")" 0 "$run: nothing was lost"
	rm -f "$root"/work/mark-* "$root"/work/ledger-*
}
kinds='plain survivor setsid vfork threads chain overlap overlap'

# A cgroup that somebody made by hand, with one process in it.
mkdir "$top/hand" "$top/hand/below" "$top/else"
hold "$top/hand"
before=$(settings "$top/hand")
attach hand --cgroup "$top/hand"
is "$(settings "$top/hand")" "$before" "hand: watching changes nothing of the cgroup"
n=0
for kind in $kinds; do
	n=$((n + 1)) into=$top/hand
	[ $((n % 2)) -eq 0 ] && into=$top/hand/below
	start "$into" "$root/mark" $n $kind
done
sleep 2
is "$(settings "$top/hand")" "$before" "hand: nor do calls"
detach
is "$status" 0 "hand: Ctrl-C ends the watching"
blamed hand $kinds
is "$(settings "$top/hand")" "$before" "hand: nor does the end"
kill -s 0 $held
ok $? "hand: what was there lives on"

# What came in keeps its call wherever it goes.
attach away --cgroup "$top/hand"
enter "$top/hand" sh -c 'echo $$ >"$1/cgroup.procs"; unshare -m sh -c "exec setsid $2 1 plain"' sh "$top/else" "$root/mark"
# One that others move in while it has threads, and that then executes from one of them.
"$root/hold" &
moved=$!
held="$held $moved"
echo $moved >"$top/hand/below/cgroup.procs"
sleep 1
detach
marks away
is "$(jq -r 'select((.kind == "file" and (.path // "" | test("/(mark|ledger)-1"))) or .port == 20001) | .kind' "$T/events" | sort -u | tr '\n' ' ')" "connect file " \
	"away: effects in another cgroup and namespace are seen"
is "$(jq -r 'select((.kind == "file" and (.path // "" | test("/(mark|ledger)-1"))) or .port == 20001) | .call' "$T/events" | sort -u)" 1 "away: of its call"
is "$(jq -r '.calls[] | select(.n == 2) | .ending, .arguments.pid, .gone' "$T/report.json" | tr '\n' ' ')" "unwatched $moved null " \
	"away: a process that others moved in is a call, and lives on"
is "$(jq -r 'select(.kind == "enter" and .call == 2) | "\(.by_pid) \(.pid)"' "$T/events")" "$$ $moved" "away: and who moved it is known"
rm -f "$root"/work/mark-* "$root"/work/ledger-*

# A process with what it starts.
cat >"$T/agent" <<-'SH'
	while [ ! -e "$1/go" ]; do sleep 0.05; done
	echo own >"$1/own"
	shift
	mark=$1 n=0
	shift
	for kind in "$@"; do
		n=$((n + 1))
		"$mark" $n "$kind" &
	done
	wait
SH
sh "$T/agent" "$T" "$root/mark" $kinds &
agent=$!
attach agent --pid $agent
touch "$T/go"
wait $agent
status=0
wait $attached || status=$?
is "$status" 0 "agent: the watching ends with the process and what it left"
like "$(cat "$T/agent.err")" "the process has ended" "agent: and says so"
# The agent's own sleep is not a call that carries a mark.
marks agent
is "$(awk '$2 != $3 || $4 != "exact"' "$T/marks" | sort | uniq -c)" "" "agent: all $(wc -l <"$T/marks") marked events are blamed on their call"
is "$(cat ledger-* | wc -c)" "$(awk '$1 == "connect"' "$T/marks" | wc -l)" "agent: each effect is there"
is "$(jq -r "select(.kind == \"file\" and .path == \"$T/own\") | .call" "$T/events" | sort -u)" 0 "agent: what it does itself is call 0"
rm -f mark-* ledger-*

# What a call leaves for another: the edge is there as in a run of weir's own. And what is sent without a hook.
attach edges --cgroup "$top/hand"
enter "$top/hand" sh -c "printf '#!/bin/sh\n: >$T/planted-ran\n' >$T/planted; chmod 755 $T/planted"
enter "$top/hand" "$T/planted"
enter "$top/hand" python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.sendto(b"12345", ("127.0.0.1", 20777))'
detach
"$WEIR" events edges -f json >"$T/events"
is "$(jq -r "select(.path == \"$T/planted-ran\" and .op == \"create\") | [.call, .basis, .via[0].call] | @tsv" "$T/events" | tr '\t' ' ')" "2 exact 1" \
	"edges: what a planted script does has the edge to who planted it"
is "$(jq -r 'select(.kind == "send" and .port == 20777) | [.call, .dst, .bytes, .claimed] | @tsv' "$T/events" | tr '\t' ' ')" "3 127.0.0.1 5 true" \
	"edges: a datagram is seen, by the address that the process claims"
rm -f "$T/planted"
printf 'network: {default: deny}\n' >"$T/deny.yaml"
reach='import socket, sys; s = socket.socket(); s.settimeout(0.2); s.connect_ex(("10.254.254.254", 9)); s.close()'
attach judged --cgroup "$top/hand" -p "$T/deny.yaml"
enter "$top/hand" python3 -c "$reach"
detach
is "$("$WEIR" report judged -f json | jq -c '[.findings[] | [.detector, .verdict, .call]] | unique')" '[["denied_network","observed",1]]' \
	"judged: what a policy would refuse is a finding that was observed, not blocked" || "$WEIR" events judged
attach unjudged --cgroup "$top/hand"
enter "$top/hand" python3 -c "$reach"
detach
is "$("$WEIR" report unjudged -f json | jq -c .findings)" "[]" "and without a policy it is none"

# What ends it.
attach timed --cgroup "$top/hand" --for 1s
status=0
wait $attached || status=$?
is "$status" 0 "--for ends the watching"
attach killed --cgroup "$top/hand"
run "$WEIR" attach --cgroup "$top/hand"
is "$status" 125 "a cgroup is watched once"
like "$err" "another run watches this cgroup" "and who asks again reads why"
start "$top/hand" "$root/hold"
held="$held $!"
inside=$!
sleep 0.5
run "$WEIR" kill killed/1
is "$status" 125 "weir kill does not end a call that is not ours"
like "$err" "not weir's to end" "and says so"
run "$WEIR" kill killed
is "$status" 0 "weir kill ends the watching"
wait $attached
kill -s 0 $inside $held
ok $? "and nothing else"
mkdir "$top/short"
attach short --cgroup "$top/short"
enter "$top/short" "$root/mark" 1 plain
rmdir "$top/short"
status=0
wait $attached || status=$?
is "$status" 0 "a cgroup that is removed ends the watching"
like "$(cat "$T/short.err")" "the cgroup has gone" "and that is said"
rm -f mark-* ledger-*

# Death of any of weir's processes.
for who in weir-keeper weir-recorder weir-supervisor weir all; do
	attach "dead-$who" --cgroup "$top/hand"
	start "$top/hand" "$root/hold"
	inside=$!
	eventually 3 sh -c "\"$WEIR\" events dead-$who | grep -q 'call 1 .*begins'"
	victims=
	for pid in $(store_pids); do
		exe=$(readlink "/proc/$pid/exe")
		case $exe in
		$T/*) ;;
		*/weir | */weir-*) [ $who = all ] || [ "${exe##*/}" = $who ] && victims="$victims $pid" ;;
		esac
	done
	# shellcheck disable=SC2086
	kill -s KILL $victims
	case $who in
	weir-recorder | weir-supervisor)
		sleep 1
		enter "$top/hand" "$root/mark" 1 plain
		kill -s KILL $inside
		wait $inside
		detach
		is "$("$WEIR" events "dead-$who" -f json | jq -r 'select(.kind == "call") | "\(.call) \(.what)"' | sort | uniq -c | awk '{ print $1, $2, $3 }' | tr '\n' ';')" \
			"1 1 announce;1 1 exit;1 1 gone;1 2 announce;1 2 exit;1 2 gone;" "dead-$who: a call over whose life it died is told once, and to its end"
		marks "dead-$who"
		is "$(awk '{ print $2, $3 }' "$T/marks" | sort -u)" "1 1" "dead-$who: the next one goes on" "$(cat "$T/marks" "$T/report.json")"
		;;
	*)
		wait $attached
		kill -s 0 $inside
		ok $? "dead-$who: so does a call's process"
		kill -s KILL $inside
		wait $inside
		;;
	esac
	kill -s 0 $held
	ok $? "dead-$who: what was watched lives on"
	is "$(settings "$top/hand" | sed 's/[0-9 ]*$//')" "$(echo "$before" | sed 's/[0-9 ]*$//')" "dead-$who: and its cgroup is as it was"
	rm -f mark-* ledger-*
done
attach again --cgroup "$top/hand"
enter "$top/hand" "$root/mark" 1 plain
detach
marks again
is "$(awk '{ print $2, $3 }' "$T/marks" | sort -u)" "1 1" "and can be watched again"
rm -f mark-* ledger-*

# What cannot be watched.
refused() { # WORDS OPTION...
	words=$1
	shift
	run "$WEIR" attach "$@"
	is "$status" 125 "weir attach $* is refused"
	like "$err" "$words" "and why is said"
}
sleep 0 &
past=$!
wait $past
refused "not a cgroup" --cgroup "$T"
refused "not a cgroup" --cgroup "$top/hand/cgroup.procs"
refused "No such file" --cgroup "$top/nothing"
refused "weir itself is in it" --cgroup "$mount"
refused "weir's own" --cgroup "$mount/weir"
refused "no such process" --pid $past
refused "weir itself descends from it" --pid 1
v1=$(awk '$3 == "cgroup" && $4 !~ /name=/ { print $2; exit }' /proc/mounts)
if [ -n "$v1" ]; then
	refused "cgroup v1.*v2 tree.*--pid" --cgroup "$v1"
else
	skip "a v1 path is refused" "there is no v1 hierarchy"
fi
python3 -c 'import threading,time,sys; threading.Thread(target=time.sleep,args=(5,)).start(); print("ready", flush=True); time.sleep(5)' >"$T/threads" 2>/dev/null &
threaded=$!
if eventually 3 grep -q ready "$T/threads"; then
	thread=$(ls "/proc/$threaded/task" | grep -vx $threaded)
	refused "it is a thread; its process is $threaded" --pid "$thread"
	kill $threaded
else
	skip "a thread is refused" "there is no python3"
fi
for words in "" "--cgroup $top/hand --pid $$" "--cgroup $top/hand something" "--cgroup $top/hand --for soon"; do
	# shellcheck disable=SC2086
	run "$WEIR" attach $words
	is "$status" 2 "weir attach $words is wrong usage"
done
printf 'on: {high: kill}\n' >"$T/kill.yaml"
run "$WEIR" attach --cgroup "$top/hand" -p "$T/kill.yaml"
like "$status $err" "2 .*weir attach ends nothing" "a policy that ends something is refused"
chmod 755 "$T"
mkdir "$T/theirs" && chown 65534 "$T/theirs"
run setpriv --reuid 65534 --regid 65534 --clear-groups "$WEIR" attach -s "$T/theirs" --cgroup "$top/hand"
like "$status $err" "125 .*(needs root|needs BPF)" "an ordinary user is told what it takes"

# Many at once.
mkdir "$top/many"
i=0
while [ $((i += 1)) -le 100 ]; do mkdir "$top/many/$i"; done
attach many --cgroup "$top/many"
i=0
while [ $((i += 1)) -le 100 ]; do enter "$top/many/$i" "$root/mark" $i plain; done
detach
marks many
is "$(awk '$2 == $3 { print $2 }' "$T/marks" | sort -un | wc -l) $(awk '$2 != $3' "$T/marks" | wc -l)" "100 0" \
	"100 cgroups in one run: each call's effects are its own"
rm -f mark-* ledger-*
i=0 pids=
while [ $((i += 1)) -le 20 ]; do
	attach "many-$i" --cgroup "$top/many/$i"
	pids="$pids $attached"
done
i=0
while [ $((i += 1)) -le 20 ]; do enter "$top/many/$i" "$root/mark" $i plain; done
sleep 0.5
# shellcheck disable=SC2086
kill -s INT $pids
# shellcheck disable=SC2086
wait $pids
i=0 wrong=
while [ $((i += 1)) -le 20 ]; do
	marks "many-$i"
	[ "$(awk '{ print $2, $3 }' "$T/marks" | sort -u)" = "$i $i" ] || wrong="$wrong $i"
done
is "$wrong" "" "20 runs side by side: each has the call of its own cgroup"
rm -f mark-* ledger-*

# A container.
if command -v runc >/dev/null; then
	cd "$T/bundle" || exit 1
	runc spec
	jq --arg path "/$ours/box" '.process.terminal = false | .process.args = ["/hold"] | .process.cwd = "/work" | .root.readonly = false |
		.linux.cgroupsPath = $path' config.json >config && mv config config.json
	box() { runc --root "$T/runc" "$@"; }
	box run -d "$ours" >"$T/runc.out" 2>&1 </dev/null
	ok $? "a container runs" "$(cat "$T/runc.out")"
	cgroup=$top/box
	before=$(settings "$cgroup")
	attach box --cgroup "$cgroup"
	n=0
	for kind in $kinds; do
		n=$((n + 1))
		box exec "$ours" /mark $n $kind &
	done
	sleep 3
	detach
	blamed box $kinds
	is "$(settings "$cgroup")" "$before" "box: the container's cgroup is as it was"
	is "$(jq -r '.findings[] | "\(.id) \(.summary)"' "$T/report.json" | grep -v outlived)" "" "box: a runtime's own work is no finding"
	is "$(jq -r 'select(.kind == "file" and (.path // "" | test("/mark-"))) | .path | sub("/[^/]*$"; "")' "$T/events" | sort -u)" /work \
		"box: paths are as the container sees them"
	is "$(box state "$ours" | jq -r .status)" running "box: the container goes on"
	inside=$(box exec "$ours" /mark 1 plain; ls "$root/work" | sed -n 's/mark-1-plain-//p' | sort -n | tail -n 1)
	attach inside --cgroup "$cgroup"
	rm -f "$root"/work/mark-*
	box exec "$ours" /mark 1 plain
	detach
	marks inside
	inside=$(ls "$root/work" | sed -n 's/mark-1-plain-//p')
	is "$(jq -r 'select(.kind == "exec" and .call == 1) | .pid_inside' "$T/events")" "$inside" "box: pid_inside is what the process itself has"
	# weir killed without warning, and the container's own end
	attach cut --cgroup "$cgroup"
	kill -s KILL "$attached"
	wait "$attached"
	is "$(box state "$ours" | jq -r .status)" running "box: the container goes on when weir is killed"
	attach last --cgroup "$cgroup"
	box kill "$ours" KILL
	eventually 5 sh -c "! [ -s '$cgroup/cgroup.procs' ]"
	box delete "$ours"
	status=0
	wait "$attached" || status=$?
	is "$status" 0 "box: the container's end is the watching's"
	cd / || exit 1
else
	skip "calls of a container" "there is no runc"
fi

end
store_stop
is "$(leaks)" "" "nothing of weir is left"
finish
