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
run python3 -c 'import jsonschema'
if [ "$status" = 0 ]; then
	run "$TOP/script/check-schema" "$TOP/doc/schema/report.schema.json" "$T/report.json"
	is "$status" 0 "the report holds against its schema" "$out"
else
	skip "the report holds against its schema" "python3-jsonschema is not installed"
fi
finish
