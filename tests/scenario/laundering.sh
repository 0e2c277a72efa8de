#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Attempts to put the blame on another call, or on nobody: lib_laundering.py holds the list. Each ends `exact`,
# `via` or refused, as it must.
. "$(dirname "$0")/tap.sh"
need jq cc python3 make git tmux root cgroup2 bpf

for shell in fresh session; do
	rm -rf "$T/s"
	mkdir -p "$T/s/work"
	chmod 777 "$T/s" "$T/s/work"
	cc -O1 -pthread -o "$T/s/work/mark" "$TOP/tests/scenario/mark.c" || exit 1
	python3 "$TOP/tests/scenario/lib_laundering.py" make $shell "$T/s"
	printf 'version: 1\nshell: %s\nfiles:\n  workspace: %s\n' $shell "$T/s/work" >"$T/policy.yaml"
	cd "$T/s/work" || exit 1
	run timeout 250 "$WEIR" replay -p "$T/policy.yaml" -n "laundering-$shell" "$T/s/trajectory.json"
	cd "$TOP" || exit 1
	is "$status" 0 "$shell: the attempts are made" "$err"
	"$WEIR" events "laundering-$shell" -f json >"$T/events" 2>"$T/err"
	"$WEIR" report "laundering-$shell" -f json >"$T/report" 2>>"$T/err"
	python3 "$TOP/tests/scenario/lib_laundering.py" judge "$T/s" "$T/events" "$T/report" >"$T/verdict"
	while IFS='	' read -r verdict name want got; do
		[ "$verdict" = ok ]
		ok $? "$name: $want" "$got"
	done <"$T/verdict"
	sed 's/^[^\t]*\t/# /; s/\t/ | /g' "$T/verdict"
done
finish
