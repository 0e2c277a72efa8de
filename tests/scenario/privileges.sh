#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What weir's own processes may do, as SECURITY.md says, read from /proc while a run lives: the recorder has no
# privileges and no network, and another user can neither see, end nor start a run of root's store.
. "$(dirname "$0")/tap.sh"
need root setpriv

chmod 755 "$T"
mkdir "$T/work"
cd "$T/work" || exit 1
"$WEIR" run -- sleep 20 >"$T/out.run" 2>&1 &
client=$!
eventually 10 sh -c 'ls "$WEIR_STORE"/runs/*/*.seg >/dev/null 2>&1'
eventually 5 sh -c '[ "$("$WEIR" ps | wc -l)" -gt 1 ]'

field() { sed -n "s/^$2:[ \t]*//p" "/proc/$1/status"; }
# The store's processes that run this program: for weir-recorder also its notifier, which is not confined.
pids_of() { for pid in $(store_pids); do case $(readlink "/proc/$pid/exe") in */$1) echo "$pid" ;; esac done; }
confined=0
for pid in $(pids_of weir-recorder); do
	[ "$(field "$pid" Seccomp)" = 2 ] || continue
	confined=$((confined + 1))
	is "$(field "$pid" CapEff) $(field "$pid" CapPrm)" "0000000000000000 0000000000000000" "the recorder has no capabilities"
	is "$(field "$pid" NoNewPrivs)" 1 "and can gain none"
	is "$(ls -l "/proc/$pid/fd" | grep -c 'socket:.*')" "$(ls -l "/proc/$pid/fd" | sed -n 's/.*socket:\[\([0-9]*\)\].*/\1/p' |
		while read -r inode; do grep -w "$inode" /proc/net/unix; done | wc -l)" "its sockets are unix sockets"
done
if [ "$confined" = 0 ]; then
	if ! has unsanitized; then
		skip "the recorder is confined" "a sanitizer needs system calls that the recorder's filter refuses"
	else
		ok 1 "one recorder is confined by seccomp" "$(for pid in $(pids_of weir-recorder); do field "$pid" Seccomp; done)"
	fi
fi
# Even with the directories opened wide, the supervisor answers nobody but its own user and root.
chmod -R a+rwX "$WEIR_STORE"
id=$(run_ids)
export HOME=/nonexistent
run "$WEIR" ps
like "$out" "^$id " "root sees the run that lives"
run setpriv --reuid 54321 --regid 54321 --clear-groups "$WEIR" ps -s "$WEIR_STORE"
unlike "$out" "$id" "another user sees no run"
run setpriv --reuid 54321 --regid 54321 --clear-groups "$WEIR" kill -s "$WEIR_STORE" "$id"
[ "$status" -ne 0 ] && kill -0 $client
ok $? "another user cannot end it" "status $status: $out$err"
run setpriv --reuid 54321 --regid 54321 --clear-groups sh -c 'cd / && "$1" run -s "$2" -- true' - "$WEIR" "$WEIR_STORE"
[ "$status" -ne 0 ]
ok $? "nor start one in root's store" "$out$err"
run "$WEIR" kill "$id"
is "$status" 0 "root can end it"
wait $client
finish
