#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # GUEST_* come from the command line of the kernel
# Runs in the guest that tests/guest/guest.sh starts, as its only program: the same scenarios as on the
# host, here on Debian's own kernel, with the store and the workspaces on ext4.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TMPDIR=/srv
export PATH HOME TMPDIR
cd "$GUEST_top" || exit 1
WEIR=$GUEST_top/$GUEST_build/weir
export WEIR
failed=0
uname -srm
"$WEIR" doctor
scenarios=$(echo "${GUEST_scenarios:-}" | tr , ' ')
for name in ${scenarios:-reach blame escape}; do
	if [ "$name" = escape ]; then
		echo "# escape suite"
		e=$GUEST_build/tests/escape
		"$e/escape" "$e/sandbox_run" "$e/probe" </dev/null || failed=1
	fi
	[ -f "tests/scenario/$name.sh" ] || continue
	echo "# scenario $name"
	timeout 400 sh "tests/scenario/$name.sh" </dev/null || failed=1
done
exit $failed
