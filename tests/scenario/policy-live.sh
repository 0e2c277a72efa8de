#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A living run's network is narrowed by `weir policy apply` and goes forward by `weir policy phase`: what is still
# allowed goes on, what is not is cut and refused from the moment the command returns; wider, backward and
# mistaken orders change nothing. Witnesses: the program inside, the world's own logs.
. "$(dirname "$0")/tap.sh"
. "$TOP/tests/scenario/lib_world.sh"
need python3 jq userns
world_up
mkdir "$T/work" "$T/user"
chmod 777 "$T" "$T/work"
chown 54321:54321 "$T/user" "$T/work"
cp "$TOP/tests/scenario/lib_gate.py" "$T/work/talk.py"
cd "$T/work" || exit 1

# begin POLICY [OPTION...]: a run that does what asked() says.
begin() {
	printf '%s\n' "$1" >"$T/policy.yaml"
	shift
	rm -f "$T/orders"
	mkfifo "$T/orders"
	: >"$T/answers"
	answered=0
	world $as "$WEIR" run -p "$T/policy.yaml" -n live "$@" -- python3 talk.py <"$T/orders" >"$T/answers" 2>"$T/said" &
	runner=$!
	exec 4>"$T/orders"
}
end() {
	exec 4>&-
	wait $runner
}
answer_is_there() { [ "$(wc -l <"$T/answers")" -ge "$answered" ]; }
# asked ORDER REGEX NAME
asked() {
	answered=$((answered + 1))
	echo "$1" >&4
	eventually 10 answer_is_there
	like "$(sed -n "${answered}p" "$T/answers")" "^($2)$" "$3"
}
apply() {
	printf '%s\n' "$1" >"$T/next.yaml"
	run world $as "$WEIR" policy apply live "$T/next.yaml"
}
base="resolver: [$WORLD_RESOLVER]"

live() { # NAME
	begin "network: {$base, allow: [{host: files.test, ports: [7, 9]}, {host: '*.wild.test'}, {host: 198.51.100.20/30},
	  {host: files.test, ports: [7], transport: udp}]}"
	asked "open a files.test 7" open "$1: a name is reached"
	asked "echo a" same "$1: and speaks"
	asked "open b x.wild.test 7" open "$1: a name below another"
	asked "open d files.test 7 udp" open "$1: datagrams by rule"
	asked "echo d" same "$1: and come back"

	apply "network: {allow: [{host: files.test, ports: [7]}]}"
	is "$status" 0 "$1: a narrower policy is taken, without repeating the resolver"
	like "$err" 'run [0-9a-z]+: the network is that of .*next.yaml; connections cut: [1-9]' "$1: and the command says how many connections it cut"
	asked "echo a" same "$1: what is still allowed goes on, on the same connection"
	asked "echo b" "end|ECONNRESET|EPIPE" "$1: what is not is cut"
	asked "open c x.wild.test 7" "gaierror|EPERM" "$1: and is not opened again"
	asked "look y.wild.test" gaierror "$1: its name is not answered"
	asked "open c files.test 9" EPERM "$1: a port that fell away is refused at once"
	asked "open c 198.51.100.20 80" EPERM "$1: and an address"
	asked "echo d" "EPERM|TimeoutError|ECONNREFUSED" "$1: and datagrams that flowed"
	asked "open c files.test 7" open "$1: what is allowed opens anew"
	before=$(log_count accept.log '198.51.100.10 7')

	apply "network: {allow: [{host: files.test, ports: [7, 80]}]}"
	is "$status" 2 "$1: a wider policy is refused"
	like "$err" 'entry 1 of network.allow \(files.test\) is wider than what the run has: in phase setup, to files.test, TCP port 80: now it does not pass there' "$1: by the entry that is wider"
	apply "network: {default: allow}"
	is "$status" 2 "$1: and so is public"
	apply "network: {allow: [{host: files.test, ports: [7]}], resolver: [192.0.2.99]}"
	is "$status" 2 "$1: and another resolver"
	like "$err" 'network.resolver cannot change while the run lives' "$1: by its name"
	apply "network: {alow: []}"
	is "$status" 2 "$1: and a mistake"
	run world $as "$WEIR" policy apply live "$T/none.yaml"
	unlike "$status" '^0$' "$1: and a file that is not there"
	run world $as "$WEIR" policy apply nobody "$T/next.yaml"
	is "$status" 125 "$1: and a run that does not live"
	asked "open e files.test 80" EPERM "$1: none of them changed anything"
	asked "echo a" same "$1: nor cut anything"
	is "$(log_count accept.log '198.51.100.10 7')" "$before" "$1: nothing reached the outside that was refused"

	apply "network: {default: deny}"
	is "$status" 0 "$1: nothing at all is narrower still"
	asked "echo a" "end|ECONNRESET|EPIPE" "$1: and cuts the last"
	asked "look files.test" gaierror "$1: no name is left"
	apply "network: {allow: [{host: files.test, ports: [7]}]}"
	is "$status" 2 "$1: there is no way back"
	end

	begin "network: {$base, allow: [{host: files.test, ports: [7]}], phases: {setup: public, run: none, verify: allowlist}}" --phase setup
	asked "open a files.test 7" open "$1: in setup a rule's host"
	asked "open b 198.51.100.10 7" open "$1: and, as it is public, an address"
	asked "open c 10.20.0.11 80" EPERM "$1: but no private one"
	run world $as "$WEIR" policy phase live run
	is "$status" 0 "$1: the phase goes on"
	like "$err" 'the phase is run; connections cut: 2' "$1: and the command says what it cut"
	asked "echo a" "end|ECONNRESET|EPIPE" "$1: in run nothing passes"
	asked "open c 198.51.100.10 7" "EPERM" "$1: nor opens"
	asked "look files.test" gaierror "$1: nor resolves"
	run world $as "$WEIR" policy phase live setup
	is "$status" 2 "$1: no phase comes back"
	run world $as "$WEIR" policy phase live later
	is "$status" 2 "$1: a phase is one of three"
	like "$err" "setup, run or verify, not 'later'" "$1: and they are named"
	asked "look files.test" gaierror "$1: neither changed anything"
	run world $as "$WEIR" policy phase live verify
	is "$status" 0 "$1: the last phase"
	asked "open a files.test 7" open "$1: has the rule's host"
	asked "open b 198.51.100.10 7" EPERM "$1: and not the rest"
	end

	run world $as "$WEIR" events live -f json
	like "$(printf '%s\n' "$out" | jq -r 'select(.kind == "policy") | .network')" '{host: files.test, ports: \[7\]}' \
		"$1: the record has the network that the rules' numbers mean"

	begin "files: {protect: []}"
	asked "look files.test" gaierror "$1: a run without a way out"
	apply "network: {default: deny}"
	unlike "$status" '^0$' "$1: has none to change"
	end
}

if has cgroup2 && has bpf; then
	as=""
	live root
else
	skip "root's runs" "this host lacks cgroups or BPF"
fi
as="env HOME=$T/user WEIR_STORE=$T/user/store setpriv --reuid 54321 --regid 54321 --clear-groups"
live user
is "$(leaks | grep -e weir-gate -e cgroup -e mount)" "" "nothing is left"
finish
