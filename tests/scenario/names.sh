#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The sandbox's resolver against those who would misuse it and those who only use it. What was asked outside is
# witnessed by the name server's own log, what was reached by the servers' and the firewall's.
# shellcheck disable=SC2086 # $as: words
. "$(dirname "$0")/tap.sh"
need root python3 jq
. "$TOP/tests/scenario/lib_world.sh"
world_up
mkdir "$T/work"
cp "$TOP/tests/scenario/lib_names.py" "$TOP/tests/scenario/lib_lookup.py" "$T/work"
if command -v musl-gcc >/dev/null; then
	cat >"$T/musl.c" <<'END'
#include <netdb.h>
#include <stdio.h>
int main(int count, char **words)
{
	struct addrinfo *list;
	int error = getaddrinfo(words[count - 1], "80", 0, &list);

	puts(error ? gai_strerror(error) : "found");
	return error != 0;
}
END
	musl-gcc -static -o "$T/work/musl" "$T/musl.c"
fi
chmod 755 "$T/work"
cd "$T" || exit 1

{
	echo "files: {workspace: $T/work}"
	echo "network:"
	echo "  resolver: [$WORLD_RESOLVER]"
	echo "  allow:"
	for host in files slow silent nx v4 v6 many big liar chain mapped nat64 local meta zero self inside mixed; do
		echo "    - {host: $host.test, ports: [80]}"
	done
	echo "    - {host: '*.wild.test'}"
	echo "    - {host: '*.rebind.test', ports: [80]}"
} >policy.yaml

inside_do() { # PART
	world $as timeout 100 "$WEIR" run -n "$as_name-$1" -p policy.yaml -- python3 lib_names.py "$1" $as_name >got 2>err </dev/null
}
got() { sed -n "s/^$1 \(.*\) [0-9]*\$/\1/p" got; }
took() { sed -n "s/^$1 .* \([0-9]*\)\$/\1/p" got; }
says() { # LABEL WANT NAME
	is "$(got "$1")" "$2" "$as_name: $3" "$(cat err)"
}
at_once() { # LABEL NAME: within a second, programs' start included
	ok "$([ "$(took "$1")" -lt 1000 ]; echo $?)" "$as_name: $2, at once" "$(grep "^$1 " got)"
}
events() { world $as "$WEIR" events "$1" --kind dns -f json; }

ask_all() {
	dns_before=$(wc -l <"$WORLD/dns.log")
	inside_do questions
	says allowed 198.18.0.2 "an allowed name has an address"
	says allowed6 fd77:6569:72::2 "and the same one in IPv6"
	says case 198.18.0.2 "whatever its case"
	says dot 198.18.0.2 "and with its final dot"
	says tcp 198.18.0.2 "over TCP too"
	says by6 198.18.0.2 "and over IPv6"
	says tcp-by6 198.18.0.2 "over both"
	for kind in TXT NULL ANY HTTPS SVCB MX CNAME NS; do
		says type-$kind empty "$kind of it: nothing"
	done
	for label in refused refused6 refused-tcp refused-TXT refused-NULL refused-ANY refused-HTTPS refused-MX twin wild-itself \
		suffix utf8 nul nul-inside dot-inside newline empty; do
		says $label rcode-3 "no such name: $label"
	done
	at_once refused "a refusal"
	for label in too-long pointer two answer-in-it; do
		says $label rcode-1 "no question: $label"
	done
	for label in wild punycode longest slow big lie-mixed lie-many lie-liar; do
		like "$(got $label)" "^198\.18\.0\." "$as_name: an address: $label"
	done
	says nx rcode-3 "what does not exist"
	like "$(got v4)" "^fd77:6569:72::" "$as_name: a name with IPv4 alone has both inside"
	like "$(got v6)" "^198\.18\.0\." "$as_name: a name with IPv6 alone too"
	for name in chain mapped nat64 local meta zero inside; do
		says lie-$name rcode-3 "leads where it must not: $name.test"
	done
	like "$(got reverse)" "^0:198\.18\.0\.2-+files\.test" "$as_name: an address inside has its name"
	like "$(got reverse-other)" "^2:" "$as_name: another has none"
	sleep 0.3
	is "$(tail -n +$((dns_before + 1)) "$WORLD/dns.log" | grep -c evil)" 0 "$as_name: nothing of a refused name was asked outside"
	unlike "$(tail -n +$((dns_before + 1)) "$WORLD/dns.log" | awk '{ print $5 }')" "TXT|ANY|HTTPS|MX|^10$|^64$|PTR" \
		"$as_name: nothing but addresses was asked outside"
	is "$(tail -n +$((dns_before + 1)) "$WORLD/dns.log" | grep -c ' files\.test$')" 2 "$as_name: equal questions were asked outside once"
	is "$(events "$as_name-questions" | jq -r 'select(.query == "evil.test" and .type == "A") | "\(.verdict) \(.count)"' | tail -n 1)" \
		"refused 2" "$as_name: the record counts equal questions"
	is "$(events "$as_name-questions" | jq -r 'select(.query // "" | endswith("evil.test")) | .query' | grep -Ec '^[0-9a-f]{32}\.')" 20 \
		"$as_name: and has each label that was to carry something out"
}

reach_all() {
	inside_do connections
	for label in get get-mixed get-liar get-rebind; do says $label 200-OK "served: $label"; done
	unlike "$(got get-rebind-again)" "200" "$as_name: a name that leads inside now"
	unlike "$(got get-self)" "200" "$as_name: a name of the host's own address"
	inside_do others
	for label in mdns llmnr mdns6 udp53 tcp53 dot853 doh443 resolver443 no-name; do
		like "$(got $label)" "not-permitted|refused|unreachable" "$as_name: refused: $label"
		at_once $label "refused: $label"
	done
	sleep 0.3
	is "$(grep -Ec ' (10\.20\.|fd20:)' "$WORLD/accept.log")" 0 "$as_name: nothing inside the internal network was reached"
	is "$(grep -Ec ' (53|853|5353|5355)$' "$WORLD/firewall.log")" "$(grep -Ec ' 198\.51\.100\.53 53$' "$WORLD/firewall.log")" \
		"$as_name: nobody spoke DNS with the outside but to its resolver"
}

use_all() {
	inside_do programs
	for label in $(sed -n 's/^\(.*\)-yes .*/\1/p' got); do
		like "$(got $label-yes)" "^0:" "$as_name: $label finds an allowed name" || cat got err
		at_once $label-yes "found by $label"
		case $label in
		node | node-resolver) like "$(got $label-no)" "ENOTFOUND" "$as_name: $label knows no other" ;;
		dig) like "$(got $label-no)" "NXDOMAIN" "$as_name: $label knows no other" ;;
		*) unlike "$(got $label-no)" "^0:" "$as_name: $label knows no other" ;;
		esac
		at_once $label-no "not found by $label"
	done
	inside_do silent
	says silent-answer rcode-2 "a silent server outside"
	ok "$([ "$(took silent-answer)" -lt 4990 ]; echo $?)" "$as_name: has a bound" "$(cat got)"
	says silent gaierror "an ordinary program fails there"
	ok "$([ "$(took silent)" -lt 6000 ]; echo $?)" "$as_name: after a bounded time" "$(cat got)"
	at_once meanwhile "others are served meanwhile"
	inside_do flood
	for label in after-flood after-flood-tcp; do
		like "$(got $label)" "^198\.18\.0\." "$as_name: an answer $label"
	done
}

if has cgroup2 && has bpf; then
	as="" as_name=root
	ask_all
	reach_all
	use_all
else
	skip "the resolver of root's runs" "this host lacks cgroups or BPF"
fi
if has userns; then
	chown 54321:54321 "$T/work"
	mkdir "$T/user"
	chown 54321:54321 "$T/user"
	chmod 777 "$T"
	as="env HOME=$T/user WEIR_STORE=$T/user/store setpriv --reuid 54321 --regid 54321 --clear-groups" as_name=user
	ask_all
	reach_all
else
	skip "the resolver of an ordinary user's runs" "this host lacks user namespaces"
fi
finish
