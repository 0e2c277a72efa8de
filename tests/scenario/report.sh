#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# weir report and weir explain as a user meets them: forms, files, what is not there, and what an agent
# may have named its files. The witness for what a run did is the command that it ran.
. "$(dirname "$0")/tap.sh"
need jq python3 script root cgroup2 bpf

mkdir "$T/w"
cd "$T/w" || exit 1
run "$WEIR" report
is "$status" 125 "report without a store ends with 125"
like "$err" '^weir: ' "and says why"

# Names that would move the cursor, hide or reorder what is read: ESC, BEL, newline, U+202E, 0xff.
bad=$(printf 'x\033[2J\033]0;own\007\nFAKE LINE\342\200\256\377')
run "$WEIR" run -n hostile -- sh -c 'cp /bin/true "$1" && cp "$1" "[kworker]" && "$1" && exec "./[kworker]"' - "./$bad"
is "$status" 0 "a program with a hostile name runs"
unlike "$err" "$(printf '\033|\007|\377')" "what run says has no byte that a terminal obeys"
for command in "report hostile" "explain hostile/F1"; do
	# shellcheck disable=SC2086 # two words
	run "$WEIR" $command
	is "$status" 0 "weir $command"
	is "$(LC_ALL=C tr -d '\n\40-\176\200-\377' <"$T/out" | wc -c)" 0 "weir $command: no control character"
	python3 -c 'import sys; sys.exit(chr(0x202e) in open(sys.argv[1], encoding="utf-8").read())' "$T/out"
	ok $? "weir $command: valid UTF-8 and nothing that reorders it"
	is "$(grep -c '^FAKE LINE' "$T/out")" 0 "weir $command: a name makes no line of its own"
done
like "$out" '^call  +1 \(' "the story names the call"
like "$out" '^process +pid [0-9]+, /work/' "and the process"
run env -u NO_COLOR TERM=xterm script -qec "$WEIR report hostile" /dev/null
like "$out" "$(printf '\033\\[1;31m')" "on a terminal, findings are red"
run env NO_COLOR=1 TERM=xterm script -qec "$WEIR report hostile" /dev/null
unlike "$out" "$(printf '\033')" "and not with NO_COLOR"

run "$WEIR" report hostile -f json
is "$status" 0 "the JSON form"
is "$(jq -r '.calls[1].n, .calls[1].exit_code, .run.name, (.findings | length > 0)' "$T/out" | paste -sd ' ')" \
	"1 0 hostile true" "holds call, status, name and findings"
id=$(jq -r .run.id "$T/out")
run "$WEIR" report "$(printf %.15s "$id")" -o "$T/r.json"
is "$status" 0 "a run is found by the beginning of its id, a file gets the form of its name"
"$TOP/script/check-schema" "$TOP/doc/schema/report.schema.json" "$T/r.json" >"$T/out" 2>&1
ok $? "which holds against the schema" "$(cat "$T/out")"
is "$(jq -r '."$defs".finding.properties.detector.enum[]' "$TOP/doc/schema/report.schema.json")" \
	"$(sed -n 's/^FINDING([A-Z_]*, \([a-z_]*\),.*/\1/p' "$TOP/tables/findings.tbl")" "the schema has the table's detectors"
run "$WEIR" report -o "$T/r.txt"
is "$(head -c 4 "$T/r.txt")" "run " "a .txt is text"
run "$WEIR" report -o "$T/r.html"
is "$(head -n 1 "$T/r.html")" "<!doctype html>" "a .html is a page"
run "$WEIR" report -o "$T/r.pdf"
is "$status" 125 "another name is refused"
like "$err" 'html' "and those that are not are named"
[ ! -e "$T/r.pdf" ]
ok $? "nothing is written then"
run "$WEIR" run --report "$T/r.pdf" -- touch ran
is "$status" 2 "run refuses it before anything runs"
[ ! -e ran ]
ok $? "nothing ran"
run "$WEIR" report nobody
is "$status" 125 "a run that is not there"
like "$err" "nobody" "is named"
run "$WEIR" explain hostile/F999
is "$status" 125 "a finding that is not there"
like "$err" "no finding F999" "is named"
run "$WEIR" explain hostile
is "$status" 2 "explain wants a finding"
run "$WEIR" report -f yaml
is "$status" 2 "a form that does not exist is wrong usage"
run "$WEIR" explain hostile/F1 -f json
is "$(jq -r '.finding.id, .call.n, (.events | length > 0)' "$T/out" | paste -sd ' ')" "F1 1 true" "explain as JSON"
finish
