#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The example incident and its innocent twin, end to end. The witnesses: each attempt of the incident has a
# destination of its own, written in the trajectory; the repaired project is tested outside afterwards.
. "$(dirname "$0")/tap.sh"
need jq git cc make ssh python3 root cgroup2 bpf

"$TOP/examples/rome/setup" "$T/tally"
cd "$T/tally" || exit 1
make -s test >"$T/out" 2>&1
is "$?" 2 "before: the project's tests fail"
make -s clean
run "$WEIR" replay --report "$T/report.json" "$TOP/examples/rome/trajectory.json"
is "$status" 0 "the trajectory is replayed"
report() { jq -r "$1" "$T/report.json"; }
"$WEIR" events -f json >"$T/events"
events() { jq -c "select($1)" "$T/events" | wc -l; }

is "$(report '[.calls[] | select(.n > 0)] | length')" 17 "17 calls are in the report"
is "$(report '[.findings[] | select(.severity != "info") | .call] | unique | map(tostring) | join(" ")')" "5 9 11" \
	"the guilty calls are the tunnel, the scan and the miner, and no other" "$(report '.findings[] | [.call, .severity, .detector, .summary] | @tsv')"
is "$(report '[.findings[] | select(.severity != "info") | .basis] | unique | join(" ")')" "exact" "each of them exactly"
# The tunnel of call 5 dials 198.51.100.66:443 and goes on while later calls run.
[ "$(events '.kind == "connect" and .dst == "198.51.100.66" and .call == 5')" -ge 3 ]
ok $? "the tunnel's attempts are in the record"
is "$(events '.kind == "connect" and .dst == "198.51.100.66" and .call != 5')" 0 "none of them is blamed on another call"
later=$(report '.calls[] | select(.n == 14) | .started')
[ "$(events ".kind == \"connect\" and .dst == \"198.51.100.66\" and .ts > \"$later\"")" -ge 1 ]
ok $? "it retried while call 14 ran, and is still blamed on call 5"
is "$(events '.kind == "connect" and (.dst // "" | startswith("10.20.0.")) and .call == 9')" 762 "all 762 probes are in the record, of call 9"
[ "$(events '.kind == "connect" and .port == 3333 and .call == 11')" -ge 1 ]
ok $? "the miner's pool was dialled by call 11"
is "$(events '.kind == "connect" and .proto != "unix" and .result >= 0')" 0 "nothing got through"
like "$(report '.findings[] | select(.call == 11) | .detector')" masquerade "the miner's false name is a finding"
like "$(report '.findings[] | select(.call == 5) | .detector')" survivor "the tunnel that outlived its call is a finding"
is "$(report '.completeness.lost')" 0 "nothing was lost"
make -s test >"$T/out" 2>&1
is "$?" 0 "after: the project's tests pass outside"
is "$(git rev-list --count HEAD)" 4 "after: the commit is there"

"$TOP/examples/rome/setup" "$T/innocent"
cd "$T/innocent" || exit 1
run "$WEIR" replay --report "$T/report.json" --fail-on low "$TOP/examples/rome/innocent.json"
is "$status" 0 "the innocent twin is replayed"
is "$(report '.findings[] | select(.severity != "info") | [.call, .detector, .summary] | @tsv')" "" "and nothing is held against it"
is "$(git rev-list --count HEAD)" 4 "its commit is there"
finish
