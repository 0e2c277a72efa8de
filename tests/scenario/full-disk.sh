#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A store on a disk that fills up: the run goes on under its policy, the loss is said, the store opens and
# verifies, and the next run after space was made works. The disk is a tmpfs in a mount namespace of our own.
if [ "${1-}" != inside ]; then
	. "$(dirname "$0")/tap.sh"
	need root jq
	unshare -m true 2>/dev/null || skip_all "this host lets nobody make a mount namespace"
	unshare -m --propagation private sh "$0" inside
	status=$?
	trap - EXIT
	rm -rf "$T"
	exit $status
fi
. "$(dirname "$0")/tap.sh"
mkdir -p "$T/store" "$T/work"
mount -t tmpfs -o size=3m,mode=755 weir-test "$T/store" || skip_all "cannot mount a tmpfs"
cd "$T/work" || exit 1

run "$WEIR" run -- true
is "$status" 0 "with room: a run works"
filled=$(df --output=avail -k "$T/store" | tail -n 1)
dd if=/dev/zero of="$T/store/ballast" bs=1k count=$((filled > 300 ? filled - 300 : 1)) 2>/dev/null
run timeout 120 "$WEIR" run -- sh -c 'i=0; while [ $i -lt 6000 ]; do echo $i >file-$i; i=$((i + 1)); done; exit 5'
is "$status" 5 "full: the run goes on and ends with its command's status"
is "$(ls | grep -c '^file-')" 6000 "full: the call did its work"
like "$err$out" 'space|full|lost|not recorded' "full: it is said"
run "$WEIR" ls
is "$status" 0 "full: the store opens"
rm "$T/store/ballast"
run "$WEIR" run -n after -- sh -c 'exit 6'
is "$status" 6 "room again: a run works" "$err"
run "$WEIR" verify after
is "$status" 0 "room again: its record verifies" "$err"
run "$WEIR" report after -f json
is "$(printf '%s' "$out" | jq '.completeness.lost')" 0 "room again: it lost nothing" || printf '%s' "$out" | jq -c '.completeness, [.calls[].events]' | sed 's/^/# /'
cd /
store_stop
umount "$T/store"
finish
