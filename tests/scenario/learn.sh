#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `weir policy learn` against real clients in the test world: what it prints is no more than what the client did
# (known to us, who chose the client and its arguments), lets the same command pass, and refuses another host.
. "$(dirname "$0")/tap.sh"
. "$TOP/tests/scenario/lib_world.sh"
need python3 curl git userns
world_up
mkdir "$T/work" "$T/user"
cp "$WORLD_CA" "$T/work"
chmod 777 "$T"
chown -R 54321:54321 "$T/user" "$T/work"
cd "$T/work" || exit 1
ca=/work/$(basename "$WORLD_CA")
printf 'network: {resolver: [%s]}\ncompute: {pids: 300}\n' "$WORLD_RESOLVER" >"$T/base.yaml"

# learn CMD...: $out is the policy.
learn() {
	run world $as "$WEIR" policy learn -p "$T/base.yaml" -- "$@"
	printf '%s\n' "$out" >"$T/learned.yaml"
	learned=$(printf '%s\n' "$out" | sed -n 's/^    - {/{/p')
}
again() { run world $as "$WEIR" run -p "$T/learned.yaml" -- "$@"; }
fetch() { echo "curl -sS -m 5 --cacert $ca $*"; }

cat >talk.py <<'END'
import socket
for family, host in ((socket.AF_INET, "files.test"), (socket.AF_INET6, "2001:db8:2::10")):
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.settimeout(3)
    s.sendto(b"word", (host, 7))
    assert s.recv(10) == b"word"
END

clients() { # NAME
	visits=$(log_count http.log www.test)
	# shellcheck disable=SC2046 # words
	learn $(fetch https://files.test/hello)
	is "$status" 0 "$1: curl, while it is watched"
	is "$learned" "{host: files.test, ports: [443], protocol: tls}" "$1: one entry: the host by its name, the port, the protocol"
	like "$out" 'pids: 300' "$1: what the given policy said besides stays"
	unlike "$out" 'phases|default|memory' "$1: what needs no saying is not said"
	like "$err" 'it came over the gate' "$1: what the command prints goes to standard error"
	unlike "$out" 'it came over' "$1: and not into the policy"
	# shellcheck disable=SC2046
	again $(fetch https://files.test/hello)
	is "$status $out" "0 it came over the gate" "$1: under the learned policy the same command passes"
	# shellcheck disable=SC2046
	again $(fetch https://www.test/hello)
	unlike "$status" '^0$' "$1: and another host is refused, though it has the same address"
	# shellcheck disable=SC2046
	again $(fetch http://files.test/hello)
	unlike "$status" '^0$' "$1: and another port"
	is "$(log_count http.log www.test)" "$visits" "$1: nothing of it reached the servers"

	learn sh -c "$(fetch https://files.test/hello) && $(fetch http://files.test:8080/hello) && $(fetch http://198.51.100.11/hello) &&
	$(fetch 'http://[2001:db8:2::10]:8080/hello') && $(fetch https://www.test:8443/hello) && $(fetch https://files.test:8443/hello)"
	is "$status" 0 "$1: several hosts, ports and protocols"
	is "$learned" '{host: 198.51.100.11, ports: [80], protocol: http}
{host: "2001:db8:2::10", ports: [8080], protocol: http}
{host: files.test, ports: [8080], protocol: http}
{host: files.test, ports: [443, 8443], protocol: tls}
{host: www.test, ports: [8443], protocol: tls}' "$1: an entry for each host and protocol; addresses where no name was used"

	learn python3 talk.py
	is "$status" 0 "$1: datagrams"
	is "$learned" '{host: "2001:db8:2::10", ports: [7], transport: udp}
{host: files.test, ports: [7], transport: udp}' "$1: by name and by address"
	again python3 talk.py
	is "$status" 0 "$1: pass by what was learned"

	learn sh -c "$(fetch http://10.20.0.11/); $(fetch http://169.254.169.254/latest/meta-data/); $(fetch https://inside.test/); $(fetch http://files.test/hello)"
	is "$learned" "{host: files.test, ports: [80], protocol: http}
{host: inside.test, ports: [1]}" "$1: what may not be reached is not learned"
	like "$out" '^#   10.20.0.11 port 80: private$' "$1: but told: a private address"
	like "$out" '^#   169.254.169.254 port 80: metadata$' "$1: the metadata service"
	like "$out" '^#   inside.test port 443' "$1: and a name that leads inside"
	run world $as "$WEIR" policy check "$T/learned.yaml"
	is "$status" 0 "$1: these lines are comments"

	learn getent hosts evil.test
	is "$learned" "{host: evil.test, ports: [1]}" "$1: a name that is only asked for"
	again getent hosts evil.test
	is "$status" 0 "$1: is answered again"
	again getent hosts pool.test
	is "$status" 2 "$1: and no other"

	learn git -c http.sslCAInfo="$ca" clone -q https://git.test/git/project.git clone
	is "$status $learned" "0 {host: git.test, ports: [443], protocol: tls}" "$1: git over https"
	rm -rf clone
	again git -c http.sslCAInfo="$ca" clone -q https://git.test/git/project.git clone
	is "$status $(cat clone/README)" "0 it came over the gate" "$1: clones again"
	rm -rf clone

	learn sh -c 'exit 7'
	is "$status $out" "7 network:
  resolver:
    - $WORLD_RESOLVER
compute:
  pids: 300" "$1: nothing at all; the command's status is ours"
	learn /work/no-such-command
	is "$status" 127 "$1: a command that is not there"
	run world $as "$WEIR" policy learn -p "$T/none.yaml" -- true
	unlike "$status" '^0$' "$1: a policy that is not there"
	run world $as "$WEIR" policy learn
	is "$status" 2 "$1: no command"
}

if has cgroup2 && has bpf; then
	as=""
	clients root
else
	skip "root's runs" "this host lacks cgroups or BPF"
fi
as="env HOME=$T/user WEIR_STORE=$T/user/store setpriv --reuid 54321 --regid 54321 --clear-groups"
clients user
finish
