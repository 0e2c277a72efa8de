#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The innocent day (tests/detect/innocent): ordinary work, lived in the test world under a policy that allows what it
# uses. No detector may hold more than `low` against any of it. DAY: quick (the default; in lanes side by side), all (one run),
# or names of pieces.
. "$(dirname "$0")/tap.sh"
. "$TOP/tests/scenario/lib_world.sh"
need cgroup2 bpf userns jq git make cc python3 curl ssh tcpdump

[ -n "${LANES:-}" ] || [ "${DAY:-quick}" != quick ] || LANES=4
export LANES="${LANES:-1}"
# shellcheck disable=SC2086 # names, one word each
run "$TOP/tests/detect/innocent/run" "$T/day" ${DAY:-quick}
WEIR_STORE=$T/day/store
is "$status" 0 "the day is lived" "$out
$err
$(tail -n 20 "$T"/day/*/out)"
while read -r line; do skip "a piece" "$line"; done <"$T/day/left-out"
calls=$(wc -l <"$T/day/calls.tsv")
is "$(cat "$T/day/failed.tsv")" "" "each of its $calls calls did what it should" "$(tail -n 40 "$T"/day/*/out)"
[ "${DAY:-quick}" != all ] || {
	[ "$calls" -ge 300 ]
	ok $? "it has 300 calls at least" "$calls"
}
is "$(grep -Ev '^(info|low)	' "$T/day/findings.tsv")" "" "nothing above low is held against it"
is "$(grep -Ev '^(info|low)	' "$T/day/pcap-findings.tsv")" "" "nor against its capture" "$(cat "$T/day/pcap.err")"
is "$(cat "$T"/day/*/report.json | jq -s 'map(.completeness.lost) | add')" 0 "nothing was lost"
sed 's/^/# from the capture: /' "$T/day/pcap-findings.tsv" | cut -c1-200
echo "# calls: $calls in $(wc -l <"$T/day/cases.tsv") pieces"
for half in tune report; do
	echo "# $half: $(awk -F'\t' -v half=$half '$3 == half' "$T/day/calls.tsv" | wc -l) calls, findings above low:" \
		"$(awk -F'\t' -v half=$half 'NR == FNR { of[$2] = $3; next } of[$4] == half && $1 !~ /^(info|low)$/' \
			"$T/day/calls.tsv" "$T/day/findings.tsv" | wc -l)"
done
echo "# findings by severity and detector:"
cut -f1,2 "$T/day/findings.tsv" | sort | uniq -c | sed 's/^/#/'
cut -f1,2,4,5 "$T/day/findings.tsv" | cut -c1-200 | sed 's/^/# /'
[ "${DAY:-quick}" != all ] || {
	run "$TOP/tests/detect/innocent/run" "$T/hard" hard
	is "$status" 0 "what lies beyond the day is lived too"
	cut -f1,2,4,5 "$T/hard/findings.tsv" | cut -c1-200 | sed 's/^/# beyond the day: /'
}
finish
