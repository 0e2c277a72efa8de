#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The record is what weir-record(5) says: a reader that shares no code with weir finds every frame, every
# checksum and the same root; and what the program prints as JSON holds against the schemas of doc/.
. "$(dirname "$0")/tap.sh"
need jq python3

mkdir "$T/work"
cd "$T/work" || exit 1
echo "TOKEN=1" >.env
run "$WEIR" run -n whole --report "$T/report.json" -- sh -c '
	for i in 1 2 3; do echo $i >f$i; mv f$i g$i; done; cat .env; (sleep 0.3 &)
	python3 -c "import socket; socket.socket().connect_ex((\"10.0.0.1\", 80))"; kill -0 1; unshare -r true; exit 5'
is "$status" 5 "a run that does a little of everything"
id=$(jq -r .run.id "$T/report.json")
run python3 "$TOP/tests/scenario/lib_record.py" "$WEIR_STORE/runs/$id"
is "$status$err" 0 "the record is as weir-record(5) says"
is "${out#* }" "$(jq -r .root "$T/report.json")" "the root computed from the manual is the report's"
is "${out%% *}" "$(jq .completeness.recorded "$T/report.json")" "so many frames, so many events recorded"

# Every form of JSON that the program prints, against its schema.
"$WEIR" run -- sleep 5 >/dev/null 2>&1 &
sleeper=$!
for attempt in 1 2 3 4 5 6 7 8 9 10; do
	"$WEIR" ps -f json >"$T/ps.json"
	[ "$(cat "$T/ps.json")" = "[]" ] || break
	sleep 0.2
done
unlike "$(cat "$T/ps.json")" '^\[\]$' "weir ps shows a run that lives"
"$WEIR" ls -f json >"$T/ls.json"
"$WEIR" doctor -f json >"$T/doctor.json"
"$WEIR" verify whole -f json >"$T/verify.json"
"$WEIR" events whole -f json >"$T/event.jsonl"
jq -r '.findings[].id' "$T/report.json" | while read -r finding; do
	"$WEIR" explain "whole/$finding" -f json >"$T/explain-$finding.json"
done
run python3 -c 'import jsonschema'
if [ "$status" = 0 ]; then
	for name in report ps ls doctor verify event explain; do
		run "$TOP/script/check-schema" "$TOP/doc/schema/$name.schema.json" "$T/$name"[-.]*
		is "$status" 0 "what weir prints as JSON holds against $name.schema.json" "$out"
	done
else
	skip "JSON against the schemas" "python3-jsonschema is not installed"
fi
is "$(wc -l <"$T/event.jsonl")" "$(jq .completeness.recorded "$T/report.json")" "weir events shows every event"
kill -INT $sleeper
wait $sleeper
finish
