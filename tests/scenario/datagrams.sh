#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Datagrams pass by a rule that says udp, and only so: to whom the rule names, with answers from whom was asked,
# nothing but DNS where that is the rule. Witnesses: the far side's log and the firewall's.
# shellcheck disable=SC2086 # $as: words
. "$(dirname "$0")/tap.sh"
need root python3 jq
. "$TOP/tests/scenario/lib_world.sh"
world_up
mkdir "$T/work"
cp "$TOP/tests/scenario/lib_datagrams.py" "$T/work/datagrams.py"
cd "$T" || exit 1

policy() { # FILE RULE...
	policy_file=$1
	shift
	{
		echo "files: {workspace: $T/work}"
		printf 'network:\n  resolver: ["%s"]\n  allow:\n' "$WORLD_RESOLVER"
		printf '    - %s\n' "$@"
	} >"$policy_file"
}
policy rule.yaml '{host: 198.51.100.10, ports: [7], transport: udp}' '{host: 198.51.100.10, ports: [80]}' \
	'{host: "2001:db8:2::10", ports: [7], transport: udp}' '{host: files.test, ports: [7], transport: udp}' \
	'{host: tcp.wild.test, ports: [7]}'
policy dns.yaml '{host: 198.51.100.10, ports: [53], transport: udp}' \
	'{host: 198.51.100.10, ports: [123], transport: udp, protocol: dns}'
policy budget.yaml '{host: 198.51.100.10, ports: [7], transport: udp, bytes: 1000B}'
policy none.yaml '{host: 198.51.100.10, ports: [80]}'

inside_do() { # POLICY PART
	inside_name=$as_name-$2
	world $as timeout 100 "$WEIR" run -n "$inside_name" -p "$1" -- python3 datagrams.py "$2" >got 2>err </dev/null
}
got() { sed -n "s/^$1 //p" got; }
says() { is "$(got "$1")" "$2" "$as_name: $3" "$(cat err)"; }
refuses() { like "$(got "$1")" "not-permitted|refused|unreachable|ermission" "$as_name: $2"; }
flows() { world $as "$WEIR" events "$inside_name" --kind flow -f json | jq -s -r "group_by(.flow)[] | max_by(.mono_ns) | $1"; }

pass() {
	inside_do rule.yaml rule
	says sendto "same by 198.51.100.10 7" "by address"
	says connect "same by 198.51.100.10 7" "by a connected socket"
	says ipv6 "same by 2001:db8:2::10 7" "IPv6"
	says name "same by $(world $as "$WEIR" events "$inside_name" --kind dns -f json |
		jq -r 'select(.query == "files.test") | .answer' | head -n 1) 7" "by name"
	says large "same by 198.51.100.10 7" "60,000 bytes in one"
	says nothing "same by 198.51.100.10 7" "none at all in one"
	for label in port host tcp-rule other-name private resolver broadcast multicast; do refuses $label "refused: $label"; done
	is "$(flows 'select(.proto == "udp" and .outer.port == 7) | "\(.bytes_up) \(.bytes_down)"' | sort -u | tr '\n' ,)" \
		"0 0,5 5,60000 60000," "$as_name: the record counts what passed"
	firewall=$(tail -n 200 "$WORLD/firewall.log")
	ok "$(flows 'select(.outer.port != 0) | "out udp \(.outer.src) \(.outer.sport) \(.outer.dst) \(.outer.port)"' |
		while read -r line; do echo "$firewall" | grep -qF "$line" || echo "$line"; done | grep -c . | sed 's/^0$/0/')" \
		"$as_name: with the ends that the firewall saw" "$(flows .outer)"
}

protocol() {
	inside_do dns.yaml dns
	says dns "answered by 198.51.100.10 53" "DNS passes to port 53"
	says not-dns timeout "anything else does not"
	says first True "a flow that began as DNS"
	says then timeout "is cut where it goes on as something else"
	says ruled-dns "same by 198.51.100.10 123" "the rule's protocol passes"
	says ruled-not timeout "no other does"
	like "$(flows 'select(.state == "cut") | .reason')" "only DNS" "$as_name: the record says why"
}

limits() {
	inside_do rule.yaml many
	says many 1500 "more flows than are kept at once are all answered"
	says kept again "and who goes on speaking is kept"
	inside_do budget.yaml budget
	says budget 500 "a budget of bytes counts both ways"
	like "$(flows .reason)" "spent" "$as_name: it is said"
}

narrow() {
	mkfifo orders
	world $as timeout 60 "$WEIR" run -n "$as_name-narrow" -p rule.yaml -- python3 datagrams.py wait <orders >got 2>err &
	client=$!
	exec 4>orders
	echo one >&4
	eventually 10 grep -q "wait same" got
	ok $? "$as_name: a flow while the policy allows it" "$(cat got err)"
	run world $as timeout 20 "$WEIR" policy apply "$as_name-narrow" none.yaml
	is "$status" 0 "$as_name: a narrower policy" "$err"
	echo two >&4
	eventually 10 test "$(wc -l <got)" -ge 1
	sleep 1.5
	exec 4>&-
	wait $client
	like "$(tail -n 1 got)" "timeout|not-permitted|refused" "$as_name: cuts it"
	rm orders
}

all() {
	pass
	protocol
	limits
	narrow
}
if has cgroup2 && has bpf; then
	as="" as_name=root
	all
else
	skip "datagrams of root's runs" "this host lacks cgroups or BPF"
fi
if has userns; then
	chown 54321:54321 "$T/work"
	mkdir "$T/user"
	chown 54321:54321 "$T/user"
	chmod 777 "$T"
	as="env HOME=$T/user WEIR_STORE=$T/user/store setpriv --reuid 54321 --regid 54321 --clear-groups" as_name=user
	all
else
	skip "datagrams of an ordinary user's runs" "this host lacks user namespaces"
fi
sleep 0.3
is "$(grep -Ec 'udp.* (198\.51\.100\.66|10\.20\.0\.11) ' "$WORLD/firewall.log")" 0 "nothing was sent to anybody else"
finish
