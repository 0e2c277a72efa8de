#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The test world is what other scenarios take it for, shown with ordinary clients and no weir: its servers answer
# in both families, its liars lie, its logs say who came, it is up in two seconds and leaves nothing.
. "$(dirname "$0")/tap.sh"
. "$TOP/tests/scenario/lib_world.sh"
need python3 curl git nc

# the quickest of three: this machine may have other things to do
for try in 1 2 3; do
	before=$(date +%s%N)
	world_up
	took=$((($(date +%s%N) - before) / 1000000))
	[ $try -eq 3 ] || [ $took -lt 2000 ] && break
	world_down
done
ok "$([ $took -lt 2000 ]; echo $?)" "it is up in under two seconds" "$took ms"

fetch() { world curl -sS -m 5 --cacert "$WORLD_CA" "$@"; }
is "$(fetch http://198.51.100.10/hello)" "it came over the gate" "HTTP over IPv4"
is "$(fetch 'http://[2001:db8:2::10]/hello')" "it came over the gate" "HTTP over IPv6"
is "$(fetch --resolve files.test:443:198.51.100.10 https://files.test/hello)" "it came over the gate" "HTTPS by its name"
is "$(fetch http://169.254.169.254/latest/meta-data/)" "role: secret" "the metadata address"
is "$(fetch 'http://[fd00:ec2::254]/latest/meta-data/')" "role: secret" "and its IPv6 form"
for n in 11 15 20; do is "$(fetch http://10.20.0.$n/)" "inside 10.20.0.$n" "internal host $n"; done
ssh_to() { world ssh -F none -i "$WORLD_KEY" -o UserKnownHostsFile="$WORLD_KNOWN" -o BatchMode=yes "$@"; }
is "$(ssh_to root@198.51.100.30 echo shell 2>&1)" shell "an sshd with a shell"
is "$(world env GIT_SSH_COMMAND="ssh -F none -i $WORLD_KEY -o UserKnownHostsFile=$WORLD_KNOWN" git clone -q \
	"ssh://root@198.51.100.30$WORLD/git/project.git" "$T/clone" 2>&1; cat "$T/clone/README")" "it came over the gate" "git over ssh"
is "$(echo word | world nc -u -w 1 198.51.100.10 7)" word "a datagram comes back"
is "$(world sh -c '(sleep 1; echo QUIT) | nc -w 2 198.51.100.10 25' | head -n 1 | tr -d '\r')" "220 mail.test ESMTP" "a server that speaks first"
is "$(printf '{"id":1,"method":"mining.subscribe","params":[]}\n' | world nc -w 1 198.51.100.67 3333 | grep -c result)" 1 "a mining pool"

lookup() { world python3 "$TOP/tests/scenario/lib_lookup.py" 198.51.100.53 "$@"; }
is "$(lookup files.test A)" "198.51.100.10" "a name"
is "$(lookup files.test AAAA)" "2001:db8:2::10" "its IPv6 address"
is "$(lookup rebind.test A; lookup rebind.test A)" "198.51.100.10
10.20.0.11" "a name that is rebound"
is "$(lookup chain.test A)" "10.20.0.11" "an alias that leads inside"
is "$(lookup many.test A | wc -l)" 40 "a name with forty addresses"
is "$(lookup nx.test A)" "rcode 3" "no such name"
is "$(lookup silent.test A)" "timeout" "a server that says nothing"
is "$(lookup big.test A)" "truncated" "an answer that needs TCP"
is "$(lookup --tcp big.test A)" "198.51.100.10" "which has it"

ok "$(log_has firewall.log 'out tcp 192\.0\.2\.2 [0-9]+ 198\.51\.100\.10 80$'; echo $?)" "the firewall saw a connection"
ok "$(log_has firewall.log 'out tcp 2001:db8:1::2 [0-9]+ 2001:db8:2::10 80$'; echo $?)" "and one of IPv6"
ok "$(log_has firewall.log 'out udp 192\.0\.2\.2 [0-9]+ 198\.51\.100\.10 7$'; echo $?)" "and a datagram"
is "$(log_count firewall.log 10.20.0)" 0 "but nothing of the internal network"
ok "$(log_has http.log 'https .* files.test files.test GET /hello'; echo $?)" "the server wrote the TLS name and the Host"
ok "$(log_has dns.log 'A silent.test'; echo $?)" "the name server wrote what it was asked"

left=$WORLD
world_down
is "$(ls -d "$left" 2>/dev/null; ip netns list | grep -E "^w[hni]-${left##*-}")" "" "nothing of it is left"
finish
