#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# weir pcap over captures of the test world's traffic, held against tshark, which reads the same files: over several
# link types, as pcap and pcapng, cut, in parts, from the middle, broken. And its memory over captures that are made
# to fill it.
# shellcheck disable=SC2086 # $host: words
. "$(dirname "$0")/tap.sh"
. "$TOP/tests/scenario/lib_world.sh"
need root tcpdump tshark editcap curl python3 dig
world_up
lib="python3 $TOP/tests/scenario/lib_pcap.py"
make="$(dirname "$WEIR")/tests/unit/make_capture"
host="ip netns exec $WORLD_HOST"
cd "$T" || exit 1

listen() { # file, options of tcpdump
	file=$1
	shift
	$host tcpdump -nn -U --immediate-mode -B 16384 "$@" -w "$T/$file" 2>"$T/$file.err" &
	listening="$listening $!"
	eventually 5 grep -q listening "$T/$file.err"
}
listening=
listen wire -i wan
listen cooked -i any -y LINUX_SLL2 host 192.0.2.2 or host 2001:db8:1::2
listen short -i wan -s 120
fetch="$host curl -s -o /dev/null --max-time 10 --cacert $WORLD_CA"
for at in 198.51.100.10 2001:db8:2::10; do
	case $at in *:*) bracketed="[$at]" ;; *) bracketed=$at ;; esac
	$fetch -H 'Host: files.test' "http://$bracketed/some/path"
	$fetch --connect-to "files.test:443:$bracketed:443" https://files.test/
	$fetch "http://$bracketed:81/" # nobody listens
	$host python3 "$TOP/tests/scenario/lib_pcap.py" talk "$at" 123
done
$host dig +short +tries=1 @$WORLD_RESOLVER www.test A >/dev/null
$host dig +short +tries=1 @$WORLD_RESOLVER www.test AAAA >/dev/null
$fetch --resolve "www.test:80:$($host dig +short @$WORLD_RESOLVER www.test A)" http://www.test/
sleep 0.5
kill $listening
for pid in $listening; do wait "$pid" 2>/dev/null; done

compare() { # capture, name, the capture for tshark where that is another
	run "$WEIR" pcap -f json "$1"
	is "$status" 0 "$2: it is read" "$err"
	cp "$T/out" "$T/said.json"
	run $lib compare "${3:-$1}" "$T/said.json"
	ok $status "$2: ends, packets, bytes and names of all flows are tshark's ($(printf '%s' "$out" | head -n 1))" "$out"
}
compare wire "Ethernet"
python3 "$TOP/script/check-schema" "$TOP/doc/schema/pcap.schema.json" "$T/said.json" >"$T/schema" 2>&1
ok $? "the output is as doc/schema/pcap.schema.json says" "$(cat "$T/schema")"
is "$(jq -c '[.counts | .malformed, .fragments_lost, .unknown_link]' said.json)" '[0,0,0]' "nothing was left out"
is "$(jq -r '.flows[] | select(.protocol == "http" and .name == "www.test") | .port' said.json)" 80 \
	"a name server's answer in the capture names the flow"
is "$(jq -r '[.flows[] | select(.error == "ECONNREFUSED" and .port == 81)] | length' said.json)" 2 "what was refused is said to be"
compare cooked "Linux cooked"
compare short "with packets cut short" wire # tshark puts no cut fragments together
[ "$(jq .counts.cut said.json)" -gt 10 ]
ok $? "and they are counted"
editcap -F nsecpcap wire nano && compare nano "nanoseconds"
editcap -F pcapng wire ng && compare ng "pcapng"

# The same flows, however they come.
flows() { jq -c '[.flows[] | [.src, .sport, .dst, .port, .protocol, .bytes_up, .bytes_down, .error]] | sort' "$1"; }
"$WEIR" pcap -f json wire >whole.json
count=$(jq .counts.packets whole.json)
editcap -r wire first 1-$((count / 2))
editcap -r wire second $((count / 2 + 1))-$count
"$WEIR" pcap -f json first second >parts.json
is "$(flows parts.json)" "$(flows whole.json)" "two files are one capture"
"$WEIR" pcap -f json - <ng >piped.json
is "$(flows piped.json)" "$(flows whole.json)" "standard input"
editcap -t 60 second later
"$WEIR" pcap -f json later first >backwards.json
[ "$(jq .counts.backwards backwards.json)" -gt 0 ]
ok $? "files in the wrong order are told"
tls=$(tshark -r wire -Y 'tls.handshake.type == 2' -T fields -e frame.number | head -n 1)
editcap -r wire middle "$tls-$count"
"$WEIR" pcap -f json middle >middle.json
is "$(jq -r '.flows[0] | "\(.port) \(.traits)"' middle.json | grep -o '443.*midstream')" '443 ["midstream' "from the middle of a connection"

# Broken files: what came before counts, other files go on, and the status tells.
head -c $(($(stat -c %s wire) - 5)) wire >cut
run "$WEIR" pcap cut
is "$status" 1 "a cut file"
like "$out" "'cut' ends at byte [0-9]+, in the middle of a packet that begins at byte [0-9]+" "it is said where"
cp wire broken
printf '\377\377\377\177' | dd of=broken bs=1 seek=32 conv=notrunc status=none
run "$WEIR" pcap -f json broken wire
is "$status $(flows out | md5sum)" "1 $(flows whole.json | md5sum)" "after a broken file the next one is read"
like "$(jq -r '.files[0].problem' out)" "malformed at byte 24: a packet of 2147483647 bytes" "and what is broken is said"
run "$WEIR" pcap broken
is "$status" 125 "a file of which nothing can be read"
run "$WEIR" pcap /etc/passwd
is "$status" 125 "what is no capture"
like "$err" "neither pcap nor pcapng" "is said to be none"
run "$WEIR" pcap "$T/nothing"
is "$status" 125 "a file that is not there"
run "$WEIR" pcap
is "$status" 2 "no file"
run "$WEIR" pcap --flows 0 wire
is "$status" 2 "no flows to show"
run "$WEIR" pcap --flows 2 wire
like "$out" "and [0-9]+ more flows" "fewer flows than there are"

# Memory: ways to fill it. 256 MB is what weir-pcap(1) says; a sanitizer keeps what was freed.
most=256
has unsanitized || most=1024
for kind in syns:500000 udp:500000 flows:100000 fragments:100000 early:200000; do
	count=$((${kind#*:} * ${PCAP_SCALE:-1}))
	"$make" "${kind%:*}" $count | $lib limit $most "$WEIR" pcap -f json - >limit 2>&1
	ok $? "$count ${kind%:*}: $(tail -n 1 limit)" "$(cat limit)"
done
finish
