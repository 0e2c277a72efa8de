#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Barriers are not lost in silence: what this host cannot enforce stops the run by its name, unless the policy
# says by name that it may be missing; what is refused starts nothing.
. "$(dirname "$0")/tap.sh"

mkdir "$T/work"
as=
if [ "$(id -u)" = 0 ]; then
	# An ordinary user cannot have identity root: a barrier that this host surely lacks for them.
	chown 54321:54321 "$T/work"
	mkdir "$T/store"
	chown 54321:54321 "$T/store"
	as="setpriv --reuid 54321 --regid 54321 --clear-groups"
fi
cd "$T/work" || exit 1
printf 'identity: root\n' >"$T/root.yaml"
printf 'identity: root\ndegrade: [identity]\n' >"$T/degraded.yaml"
printf 'identity: root\ndegrade: [identify]\n' >"$T/typo.yaml"
printf 'compute: {gpu: all}\n' >"$T/gpu.yaml"
export HOME=/nonexistent

run $as unshare -U true
[ "$status" = 0 ] || skip_all "no user namespaces for an ordinary user"

run $as "$WEIR" run -p "$T/root.yaml" -- touch began
is "$status" 125 "an unavailable barrier: the run does not start"
like "$err" 'barrier identity is unavailable' "an unavailable barrier is named"
run $as "$WEIR" run -p "$T/degraded.yaml" --report "$T/work/r.json" -- id -u
is "$status" 0 "named under degrade, it may be missing"
unlike "$out" '^0$' "and the run says what it is: not root"
is "$(jq -r '.barriers[] | select(.name == "identity") | .state' r.json)" unavailable "the report says that it is missing"
run $as "$WEIR" report
if [ "$(jq '[.sensors[] | select(.state == "unavailable")] | length' r.json)" -gt 0 ]; then
	like "$out" '^PARTLY BLIND: [0-9]+ events recorded, none lost; [0-9]+ sensors? w' "its text does not call complete what was not sensed"
	unlike "$out" '^complete' "nor in any other line"
else
	like "$out" '^complete: ' "with every sensor the record is complete"
fi
run "$WEIR" policy check "$T/typo.yaml"
is "$status" 2 "a name that no barrier has is a mistake"
run $as "$WEIR" run -p "$T/gpu.yaml" -- touch began
is "$status" 2 "what this version cannot enforce does not start"
like "$err" 'compute.gpu: all' "and is named"
ok "$([ ! -e began ]; echo $?)" "nothing of what was refused has run"
finish
