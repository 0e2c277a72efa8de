#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The life of a run's gate: what it may do, a policy that is narrowed and a phase that is left while connections
# live, its death and its being stopped at any of this. What was let through is witnessed by the far side's log.
. "$(dirname "$0")/tap.sh"
need root python3 jq
. "$TOP/tests/scenario/lib_world.sh"
. "$TOP/tests/scenario/lib_gate.sh"
world_up
mkdir "$T/work"
cp "$TOP/tests/scenario/lib_gate.py" "$T/work/gate.py"
cd "$T" || exit 1

# policy FILE [HOST...]: which of them may be reached at port 7; in the phase verify none.
policy() {
	policy_file=$1
	shift
	{
		echo "files: {workspace: $T/work}"
		echo "network: {resolver: [$WORLD_RESOLVER], phases: {verify: none}, allow: ["
		for policy_host in "$@"; do echo "{host: $policy_host, ports: [7]},"; done
		echo "]}"
	} >"$policy_file"
}
policy wide.yaml files.test cdn.test 198.51.100.20
policy narrow.yaml files.test 198.51.100.20
policy narrower.yaml 198.51.100.20

# Begins a run, as whoever $as becomes, whose orders come through a pipe; sets $client.
begin() { # NAME
	rm -f orders answers
	mkfifo orders
	: >answers
	answered=0
	world $as "$WEIR" run -n "$1" -p wide.yaml -- python3 gate.py <orders >answers 2>"$1.err" &
	client=$!
	exec 4>orders
	gate_next
}
end() {
	exec 4>&-
	wait $client
}
answer_is_there() { [ "$(wc -l <answers)" -ge "$answered" ]; }
# Gives an order and sets $answer.
ask() {
	answered=$((answered + 1))
	echo "$@" >&4
	eventually 10 answer_is_there
	answer=$(sed -n "${answered}p" answers)
}
asked() { # ORDER WANT NAME
	ask "$1"
	is "$answer" "$2" "$3"
}
change() { run world $as timeout 20 "$WEIR" policy "$@"; }
# Connections to HOST's port 7 that the far side has seen.
arrived() { log_count accept.log " $1 7\$"; }

life() { # NAME
	begin "$1"
	asked "open a files.test 7" open "$1: an allowed name"
	ask "look files.test"
	address=$answer
	like "$address" "198\.18\.0\." "$1: has an address of its own"
	asked "open b cdn.test 7" open "$1: another"
	asked "open c 198.51.100.20 7" open "$1: an allowed address"
	asked "echo a" same "$1: bytes go both ways"
	asked "echo b" same "$1: here too"

	change apply "$1" narrow.yaml
	is "$status" 0 "$1: a narrower policy" "$err"
	asked "echo a" same "$1: what is still allowed lives on"
	ask "echo b"
	like "$answer" "end|ECONNRESET|EPIPE" "$1: what is not is cut"
	ask "open d $(echo "$address" | tr ' ' '\n' | grep -v : | head -n 1) 7"
	is "$answer" open "$1: the allowed name's address is reached"
	ask "look cdn.test"
	is "$answer" gaierror "$1: the other name is refused"
	change apply "$1" wide.yaml
	is "$status" 2 "$1: what is wider is refused"
	like "$err" cdn.test "$1: by its name"

	first=$gate
	kill -KILL "$gate"
	ask "echo a"
	like "$answer" "end|ECONNRESET|EPIPE" "$1: its gate's death is the end of a connection"
	gate_next "$first"
	asked "open a files.test 7" open "$1: the next gate serves"
	asked "echo a" same "$1: both ways"
	asked "look files.test" "$address" "$1: a name keeps its address"
	ask "look cdn.test"
	is "$answer" gaierror "$1: the policy is still the narrower one"

	first=$gate
	kill -STOP "$gate"
	asked "open e 198.51.100.66 7" EPERM "$1: its gate is stopped: a refusal is as quick as ever"
	change apply "$1" narrower.yaml
	is "$status" 0 "$1: a policy can be changed nevertheless" "$err"
	gate_next "$first"
	ask "echo a"
	like "$answer" "end|ECONNRESET|EPIPE" "$1: and what it does not allow is cut"
	ask "open a files.test 7"
	is "$answer" gaierror "$1: a name that was allowed is not any more"
	asked "open c 198.51.100.20 7" open "$1: what it allows is reached"
	asked "echo c" same "$1: both ways again"

	change phase "$1" verify
	is "$status" 0 "$1: the next phase" "$err"
	ask "echo c"
	like "$answer" "end|ECONNRESET|EPIPE" "$1: it allows nothing"
	asked "open c 198.51.100.20 7" EPERM "$1: at once"
	change phase "$1" run
	is "$status" 2 "$1: phases do not go back"
	end
	is "$(world $as "$WEIR" events "$1" -f json | jq -r 'select(.kind == "flow") | "\(.flow) \(.state)"' |
		sort -n -k 1,1 -s | awk '{ last[$1] = $2 } END { for (f in last) print last[f] }' | sort -u)" "cut" \
		"$1: each connection has an end in the record"
	like "$(world $as "$WEIR" events "$1" -f json | jq -r 'select(.kind == "flow") | .reason')" "the gate died" "$1: and why"
	is "$(world $as "$WEIR" events "$1" -f json | jq -r 'select(.kind == "policy") | "\(.generation) \(.phase) \(.policy)"' | awk '{
		if (!seen[$3]++) policies++
		print $1, $2, policies
	}')" "1 run 1
2 run 2
3 run 3
4 verify 3" "$1: so has each change"
}

before=$(arrived 198.51.100.66)
if has cgroup2 && has bpf; then
	as=""
	begin look
	if has unsanitized; then
		is "$(awk '/^(Uid|Gid|CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp):/ { print $2 }' "/proc/$gate/status" | tr '\n' ' ')" \
			"65534 65534 0000000000000000 0000000000000000 0000000000000000 0000000000000000 0000000000000000 1 2 " \
			"a gate is nobody, without capabilities, under a filter"
		is "$(for fd in /proc/"$gate"/fd/*; do readlink "$fd"; done | grep -v -e '^socket:' -e '^anon_inode:\[eventpoll\]' -e '^anon_inode:bpf-map' -e '^/dev/null$')" \
			"" "it holds sockets, its loop, a map, and no file"
	fi
	is "$(readlink "/proc/$gate/ns/net")" "net:[$(stat -L -c %i "/run/netns/$WORLD_HOST")]" "it dials from its client's network"
	end
	life root
else
	skip "the gate of root" "this host lacks cgroups or BPF"
fi
if has userns; then
	chown 54321:54321 "$T/work"
	mkdir "$T/user"
	chown 54321:54321 "$T/user"
	chmod 777 "$T"
	as="env HOME=$T/user WEIR_STORE=$T/user/store setpriv --reuid 54321 --regid 54321 --clear-groups"
	life user
else
	skip "the gate of an ordinary user" "this host lacks user namespaces"
fi
is "$(arrived 198.51.100.66)" "$before" "nobody else was ever reached"
is "$(leaks | grep -e weir-gate -e cgroup -e mount)" "" "nothing is left"
finish
