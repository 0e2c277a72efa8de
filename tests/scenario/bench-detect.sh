#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The table of bench/detect, over results that were made up so that every figure can be worked out by hand. No detector
# and no nDPI take part: what ndpiReader would say is made up too.
. "$(dirname "$0")/tap.sh"
need python3 jq

mkdir "$T/bin" "$T/attacks" "$T/day" "$T/empty"
cat >"$T/bin/ndpiReader" <<-'END'
	#!/bin/sh
	printf 'Detected protocols:\n\tTLS                  packets: 10            bytes: 900           flows: 1            \n'
	case $* in
	*/two.pcap*) printf '\tWireGuard            packets: 4             bytes: 600           flows: 2            \n' ;;
	*/one.pcap*) printf '\nRisk stats [found 1 (100.0 %%) flows with risks]:\n\tKnown Protocol on Non Standard Port          1 [100.0 %%]\n' ;;
	esac
END
chmod +x "$T/bin/ndpiReader"
PATH=$T/bin:$PATH
capture() { # a file's head of an Ethernet capture, and some bytes
	printf '\324\303\262\241\002\000\004\000\000\000\000\000\000\000\000\000\377\377\000\000\001\000\000\000and some bytes' >"$1"
}
capture "$T/one.pcap"
capture "$T/two.pcap"
capture "$T/day/day.pcap"

one() { # NAME DETECTOR FOUND DELAY [MORE, in jq's words]
	jq -nc --arg name "$1" --arg detector "$2" --argjson found "$3" --argjson delay "$4" \
		"{name: \$name, family: \$detector, detectors: [\$detector], found: \$found, delay: \$delay, kind: \"attack\", split: \"held\",
			refused: false, outside: false, strangers: [], pcap: null, capture: null} + ${5:-{\}}"
}
{
	one t1 tunnel true 2.0 "{capture: \"$T/one.pcap\", pcap: [{detector: \"tunnel\", severity: \"high\"}]}"
	one t2 tunnel true 6.0 '{strangers: [{detector: "tunnel", call: 3, severity: "medium"}, {detector: "tunnel", call: 2, severity: "high"},
		{detector: "probing", call: 1, severity: "medium"}]}'
	one t3 tunnel false null
	one t4 tunnel true null
	one t5 tunnel true null "{outside: true, capture: \"$T/two.pcap\", pcap: []}"
	one t6 tunnel true null '{refused: true}'
	one t7 tunnel true null '{broken: "nobody came"} | del(.found)'
	one t8 tunnel true null '{skipped: "no such program"} | del(.found)'
	one t9 tunnel true 9.0 '{split: "report"}'
	one e1 tunnel false null '{kind: "evasion"}'
	one m1 mining true 0.5 "{capture: \"$T/one.pcap\", pcap: [{detector: \"mining\", severity: \"low\"}, {detector: \"tunnel\", severity: \"high\"}]}"
	one p1 probing false null
} | jq -s . >"$T/attacks/results.json"
printf '%s\n' '1	a	held' '2	a	held' '3	b	held' '4	c	report' >"$T/day/calls.tsv"
{
	printf '%s\n' 'high	tunnel	1	a	one' 'medium	tunnel	2	a	the same piece' 'low	probing	3	b	no alarm' 'medium	mining	3	b	two'
	printf '%s\n' 'medium	probing	0	-	of the run' 'high	tunnel	4	c	of the other split' 'high	contradiction	1	a	no detector of these'
} >"$T/day/findings.tsv"
printf '%s\n' '2	a	1' '4	c	1' >"$T/day/failed.tsv"
printf '%s\n' 'medium	tunnel	in the capture' 'low	mining	in the capture' >"$T/day/pcap-findings.tsv"

run "$TOP/bench/detect" -s held "$T/attacks" "$T/day"
is "$status" 0 "a table is made of attacks and of a day" "$err"
row() { printf '%s\n' "$out" | sed -n "s/^| $1 | //p"; }
# 3 of 4 that can be counted; accused: t2's calls 2 and 3, and piece a; 2 s and 6 s; the capture of t1, not of t5
is "$(row tunnel)" "3/4 | 0.60 | 0.75 | 4.0, 6.0 | 1/2 | 1/2 | 2/2 |" "found, precision, recall, time, captures and nDPI, by hand"
is "$(row mining)" "1/1 | 0.50 | 1.00 | 0.5, 0.5 | 0/1 | 0/1 | 0/1 |" "an innocent piece that is accused lowers the precision; low is no finding"
is "$(row probing)" "0/1 | 0.00 | 0.00 | - | - | - | - |" "what blames the run as a whole is a false alarm"
is "$(row exfiltration)" "- | - | - | - | - | - | - |" "a detector without a case has no figures"
like "$out" "2 innocent pieces of 3 calls, 1 of which failed; false alarms at medium or above: 5." "the innocent are counted, and the alarms"
like "$out" "tunnel: missed t3; false alarms t2 .call 2, 3., a" "who was missed, and who was accused"
like "$out" "probing: missed p1; false alarms t2 .call 1., the day as a whole" "an alarm belongs to the detector that gave it"
like "$out" "Refused by the sandbox, and so in no column: t6" "what was refused is named"
like "$out" "Not counted: t7 .nobody came.; t8 .no such program." "what did not work is named"
like "$out" "weir pcap 1 findings; nDPI flows by label none" "the day's capture"

run "$TOP/bench/detect" -s report "$T/attacks" "$T/day"
is "$(row tunnel)" "1/1 | 0.50 | 1.00 | 9.0, 9.0 | - | - | - |" "another split has its own cases, pieces and what is said of the run"
run "$TOP/bench/detect" -s held -k evasion "$T/attacks"
is "$(row tunnel)" "0/1 | - | 0.00 | - | - | - | - |" "evasions are a table of their own"
rm "$T/day/findings.tsv"
run "$TOP/bench/detect" -s held "$T/day"
like "$status $err" "^1 .*did not come to its end" "a day that broke off is not taken for one without alarms"
run "$TOP/bench/detect" "$T/empty"
[ "$status" -ne 0 ]
ok $? "a folder of something else is refused" "$out"
finish
