#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# However a run ends, nothing of it stays: no process, cgroup, mount, namespace or temporary file; and the
# long-lived processes hold no more descriptors after many runs than after one.
. "$(dirname "$0")/tap.sh"
need jq

mkdir "$T/work"
cd "$T/work" || exit 1

# Nothing of any run of the store lives; the supervisor, the recorder and a spare keeper may.
nothing_left() {
	for id in $(run_ids); do
		[ -z "$(run_pids "$id")" ] || return 1
		[ -z "$(run_cgroups "$id")" ] || return 1
	done
	! grep -qF " $T/" /proc/mounts
}
ends_clean() { # name
	eventually 15 nothing_left
	ok $? "$1: nothing of the run is left" "$(for id in $(run_ids); do run_pids "$id"; run_cgroups "$id"; done; leaks)"
}

run "$WEIR" run -- true
is "$status" 0 "success: exit status"
ends_clean success
run "$WEIR" run -- sh -c 'exit 7'
is "$status" 7 "failure: exit status"
ends_clean failure
run "$WEIR" run -- sh -c 'kill -9 $$'
is "$status" 137 "killed inside: exit status"
ends_clean "killed inside"
run "$WEIR" run -- sh -c 'sleep 300 & setsid sleep 300 & exit 0'
is "$status" 0 "survivors: exit status"
ends_clean survivors

# Ctrl-C and its kin, sent to the client while a call is at work.
for signal in INT TERM HUP; do
	# A shell ignores SIGINT for what it starts with &; env gives it back.
	env --default-signal=INT "$WEIR" run -- sh -c 'echo up >up; sleep 300' </dev/null >"$T/out" 2>"$T/err" &
	client=$!
	eventually 15 test -f up
	ok $? "$signal: the call is at work"
	namespaces=$(for id in $(run_ids); do run_namespaces "$id"; done | sort -u)
	rm -f up
	kill -s $signal $client
	begun=$(date +%s)
	wait $client
	status=$?
	[ "$status" -ne 0 ]
	ok $? "$signal: the client does not end with 0 ($status)"
	[ $(($(date +%s) - begun)) -le 10 ]
	ok $? "$signal: it ends within ten seconds"
	ends_clean "$signal"
	is "$(namespaces_alive "$namespaces")" "" "$signal: the run's namespaces are gone"
done

# Descriptors of each kind of process (the one that holds most) after 3 runs and after 23.
count_descriptors() {
	for pid in $(store_pids); do
		printf '%s %s\n' "$(basename "$(readlink "/proc/$pid/exe")")" "$(ls "/proc/$pid/fd" | wc -l)"
	done | sort -k 1,1 -k 2,2nr | sort -u -k 1,1
}
for _ in 1 2 3; do "$WEIR" run -- true </dev/null >/dev/null 2>&1; done
eventually 15 nothing_left
sleep 1
count_descriptors >"$T/before"
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do "$WEIR" run -- true </dev/null >/dev/null 2>&1; done
eventually 15 nothing_left
no_more_descriptors() {
	count_descriptors >"$T/after"
	[ -z "$(join "$T/before" "$T/after" | awk '$3 > $2')" ]
}
eventually 15 no_more_descriptors # what was just recorded may still be open
[ "$(wc -l <"$T/before")" -ge 3 ]
ok $? "keeper, recorder and supervisor are up" "$(cat "$T/before")"
is "$(join "$T/before" "$T/after" | awk '$3 > $2')" "" "twenty more runs cost no descriptor"
store_stop
is "$(leaks)" "" "after its processes are ended the store leaves nothing alive"
finish
