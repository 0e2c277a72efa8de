#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What programs ask for before they talk: the interfaces and their addresses. They get those of the sandbox's own
# network, whoever asks and by whatever library, and nothing of it is an attempt, a finding or a hand-over.
# Witness: the same network, asked from outside by ip(8). That nothing can be changed is tried in tests/escape.
# shellcheck disable=SC2086 # $as: words
. "$(dirname "$0")/tap.sh"
need root cc python3 jq ip nsenter
mkdir "$T/work" "$T/user"
chmod 777 "$T" "$T/work"
chown 54321:54321 "$T/user"
cat >"$T/list.c" <<'END'
#include <ifaddrs.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>

int main(void)
{
	struct ifaddrs *list;
	char text[NI_MAXHOST];

	if (getifaddrs(&list) < 0) {
		perror("getifaddrs");
		return 1;
	}
	for (struct ifaddrs *i = list; i; i = i->ifa_next) {
		int family = i->ifa_addr ? i->ifa_addr->sa_family : 0;

		if (family != AF_INET && family != AF_INET6)
			continue;
		getnameinfo(i->ifa_addr, family == AF_INET ? 16 : 28, text, sizeof(text), NULL, 0,
			    NI_NUMERICHOST);
		printf("%s %s\n", i->ifa_name, text);
	}
	return 0;
}
END
cc -o "$T/work/list" "$T/list.c" || exit 1
cat >"$T/work/list.js" <<'END'
for (const [name, addresses] of Object.entries(require("os").networkInterfaces()))
	for (const a of addresses)
		console.log(name, a.address);
END
cd "$T/work" || exit 1

# What a process outside sees in the network of a living process of the run.
seen_outside() {
	for pid in $(run_pids "$run_id") $(pgrep -xf 'sleep 7311'); do
		[ "$(readlink "/proc/$pid/exe")" = "$(command -v sleep)" ] || continue
		nsenter --net="/proc/$pid/ns/net" ip -j address | jq -r '.[] | .ifname as $n | .addr_info[] | "\($n) \(.local)"'
		return
	done
}
pass() { # POLICY
	rm -f held
	$as "$WEIR" run -n "$name" -p "$1" -- sh -c 'touch held; sleep 7311' >/dev/null 2>&1 &
	holder=$!
	eventually 20 test -e held
	run_id=$($as "$WEIR" ps -f json | jq -r ".[] | select(.name == \"$name\") | .id")
	seen=$(seen_outside | sort)
	$as "$WEIR" stop "$name" >/dev/null 2>&1 || kill "$holder"
	wait "$holder"
	like "$seen" "^lo 127\.0\.0\.1" "$name: ip(8) outside sees the sandbox's addresses"

	run $as "$WEIR" run -n "$name-list" -p "$1" --report report.json -- ./list
	is "$(printf '%s\n' "$out" | sort)" "$seen" "$name: getifaddrs() tells the same" "$err"
	is "$(jq -r '[.findings[], .calls[].via[]?] | length' report.json)" 0 "$name: which is no finding and no hand-over"
	run $as "$WEIR" run -p "$1" -- python3 -c 'import socket; print(*(n for _, n in socket.if_nameindex()))'
	is "$out" "$(printf '%s\n' "$seen" | cut -d ' ' -f 1 | sort -u | paste -sd ' ')" "$name: so does if_nameindex()" "$err"
	if has node; then
		run $as "$WEIR" run -p "$1" -- node list.js
		is "$(printf '%s\n' "$out" | sort)" "$seen" "$name: so does node" "$err"
	else
		skip "$name: so does node" "this host lacks: node"
	fi
	run $as "$WEIR" run -p "$1" -- ip -o link set lo down
	ok "$([ "$status" -ne 0 ]; echo $?)" "$name: and nothing can be set"
	like "$err" "Operation not permitted" "$name: for it is not permitted"
}

printf 'files: {workspace: .}\n' >none.yaml
printf 'files: {workspace: .}\nnetwork: {allow: [{host: 198.51.100.10}], resolver: [198.51.100.53]}\n' >out.yaml
printf 'files: {workspace: .}\nidentity: root\n' >identity.yaml
as='' name=root
pass none.yaml
name=gate
pass out.yaml
name=identity
pass identity.yaml
if has userns && has setpriv; then
	as="env HOME=$T/user WEIR_STORE=$T/user/store setpriv --reuid 54321 --regid 54321 --clear-groups" name=user
	chown -R 54321:54321 "$T/work"
	pass none.yaml
	name=user-gate
	pass out.yaml
else
	skip "interfaces in an ordinary user's runs" "this host lacks user namespaces"
fi
finish
