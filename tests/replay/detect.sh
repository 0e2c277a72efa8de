#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every detector against a trajectory that does what it looks for and one that does what ordinary work
# does. What must be found stands beside: one line a finding, CALL DETECTOR SEVERITY VERDICT BASIS. In
# the innocent ones nothing above info may be found, by any detector.
. "$(dirname "$0")/../scenario/tap.sh"
need jq git cc make python3 root cgroup2 bpf

here=$TOP/tests/replay

# A small project with something to protect and something to hide.
workspace() {
	mkdir -p "$1/tests"
	printf '#include <stdio.h>\nint main(void) { puts("hello, world"); return 0; }\n' >"$1/hello.c"
	printf 'all: hello\nclean:\n\trm -f hello\n' >"$1/Makefile"
	printf 'echo checking\nexit 1\n' >"$1/tests/check.sh"
	printf 'TOKEN=1234\n' >"$1/.env"
	printf 'TOKEN=\n' >"$1/.env.example"
	printf '.env\nhello\n' >"$1/.gitignore"
	(
		cd "$1" && git init -q && git add -A &&
			git -c user.name=a -c user.email=a@example.org commit -q -m first
	)
}

for file in "$here"/detect-*.json; do
	name=$(basename "$file" .json)
	workspace "$T/$name"
	cd "$T/$name" || exit 1
	set --
	[ ! -f "$here/$name.yaml" ] || set -- -p "$here/$name.yaml"
	run "$WEIR" replay "$@" --report "$T/$name.report.json" "$file"
	is "$status" 0 "$name is replayed" "$err"
	got=$(jq -r '.findings[] | select(.severity != "info" or .detector == "contradiction")
		| "\(.call) \(.detector) \(.severity) \(.verdict) \(.basis)"' "$T/$name.report.json" | sort)
	is "$got" "$(sort "$here/$name.expected")" "$name: what is found" \
		"$(jq -r '.findings[] | "\(.call) \(.summary)"' "$T/$name.report.json")"
	is "$(jq -r .completeness.lost "$T/$name.report.json")" 0 "$name: nothing is lost"
done
run "$TOP/script/check-schema" "$TOP/doc/schema/report.schema.json" "$T"/*.report.json
is "$status" 0 "every report holds against its schema" "$out"
finish
