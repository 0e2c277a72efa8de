#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A gate under faults and under changes. Its death, its being stopped, a full store, a silent resolver, each at a random
# moment of traffic, GATE_FAULT_ROUNDS (4) in all: nothing leaves that may not, whatever may not is refused at once, and
# the run goes on with the same policy and the same addresses. Then GATE_CHANGES (60) changes of policy one after
# the other under load: nothing passes after its change, nothing is refused before. As root and as an ordinary user.
# The witness of what left is the packets on the wire. FAULT_SEED=N repeats the moments.
if [ "${1-}" != inside ]; then
	. "$(dirname "$0")/tap.sh"
	need root python3 jq tcpdump
	unshare -m true 2>/dev/null || skip_all "this host lets nobody make a mount namespace"
	unshare -m --propagation private sh "$0" inside
	status=$?
	trap - EXIT
	rm -rf "$T"
	exit $status
fi
. "$(dirname "$0")/tap.sh"
. "$TOP/tests/scenario/lib_world.sh"
. "$TOP/tests/scenario/lib_gate.sh"
rounds=${GATE_FAULT_ROUNDS:-4} changes=${GATE_CHANGES:-60}
seed=${FAULT_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
echo "# FAULT_SEED=$seed"
draw=0
random() { # MAXIMUM: sets $random
	draw=$((draw + 1))
	random=$(($(printf '%s %s' "$seed" "$draw" | cksum | cut -d ' ' -f 1) % ($1 + 1)))
}
pause() { # MAXIMUM in ms
	random "$1"
	sleep "$(printf '%d.%03d' $((random / 1000)) $((random % 1000)))"
}
world_up
ip -n "$WORLD_NET" route add local 198.51.100.0/24 dev lo # its servers are at all of these
load=$TOP/tests/scenario/lib_gate_load.py
mkdir "$T/work" "$T/disk"
mount -t tmpfs -o size=256m,mode=777 weir-test "$T/disk" || skip_all "cannot mount a tmpfs"
cp "$load" "$T/work/load.py"
chmod 777 "$T" "$T/work"
cd "$T" || exit 1

# A resolver that can be made silent: it passes questions on to the world's.
cat >resolver.py <<-'END'
	import socket
	s = socket.socket(type=socket.SOCK_DGRAM)
	s.bind(("198.51.100.54", 53))
	while True:
	    data, client = s.recvfrom(4096)
	    with socket.socket(type=socket.SOCK_DGRAM) as to:
	        to.settimeout(1)
	        to.sendto(data, ("198.51.100.53", 53))
	        try:
	            s.sendto(to.recv(4096), client)
	        except OSError:
	            pass
END
outside python3 resolver.py &
resolver=$! capture=
trap 'world_status=$?; kill -CONT $resolver; kill $resolver $capture 2>/dev/null; world_down; umount "$T/disk"
	(exit $world_status); tap_end' EXIT

echo "files: {workspace: $T/work}
network: {resolver: [198.51.100.54], allow: [{host: files.test, ports: [7]}]}" >faults.yaml

begin() { # NAME POLICY ORDER: what of lib_gate_load.py runs inside
	rm -f orders
	mkfifo orders
	: >answers
	answered=0
	world $as "$WEIR" run -n "$1" -p "$2" -- python3 load.py "$3" . <orders >answers 2>"$1.err" &
	client=$!
	exec 4>orders
	gate_next
}
end() {
	exec 4>&-
	wait $client
}
answer_is_there() { [ "$(wc -l <answers)" -ge "$answered" ]; }
ask() {
	answered=$((answered + 1))
	echo "$@" >&4
	eventually 20 answer_is_there
	answer=$(sed -n "${answered}p" answers)
}

fault() { # KIND
	victim=$(gates | head -n 1)
	case $1 in
	kill) kill -KILL "$victim" ;;
	stop)
		kill -STOP "$victim"
		pause 1500
		kill -CONT "$victim"
		;;
	stop-kill)
		kill -STOP "$victim"
		pause 500
		kill -KILL "$victim"
		;;
	disk)
		dd if=/dev/zero of="$T/disk/ballast" bs=64k >/dev/null 2>&1
		pause 1500
		rm "$T/disk/ballast"
		;;
	resolver)
		kill -STOP $resolver
		pause 1500
		kill -CONT $resolver
		;;
	esac
}

faults() { # NAME ROUNDS
	seen=$(wc -l <"$WORLD/firewall.log")
	begin "$1" faults.yaml traffic
	ask recover 10
	is "$answer" recovered "$1: traffic flows"
	lost=""
	round=0
	while [ $round -lt "$2" ]; do
		round=$((round + 1))
		random 4
		kind=$(echo kill stop stop-kill disk resolver | cut -d ' ' -f $((random + 1)))
		pause 400
		fault "$kind"
		ask recover 10
		[ "$answer" = recovered ] || lost="$lost
round $round, $kind: $answer"
	done
	is "$lost" "" "$1: after each of $2 faults the run goes on"
	ask count
	end
	echo "# $1: $answer"
	is "$(echo "$answer" | jq -r '"\(.let_through) \(.slow)"')" "0 0" "$1: nothing was let through, and no refusal was slow"
	is "$(echo "$answer" | jq -r '.forbidden | keys[]' | grep -vx -e EPERM -e ECONNREFUSED)" "" "$1: every refusal was one"
	is "$(echo "$answer" | jq -r '.addresses | map(select(contains(":"))) | length <= 1')" true "$1: the name kept its address" "$answer"
	is "$(echo "$answer" | jq -r '.addresses | map(select(contains(":") | not)) | length <= 1')" true "$1: both of them" "$answer"
	is "$(tail -n +$((seen + 1)) "$WORLD/firewall.log" | awk '$2 == "out" { print $3, $6, $7 }' | sort | uniq -c | sort -n |
		grep -v -e ' tcp 198.51.100.10 7$' -e ' tcp 2001:db8:2::10 7$' -e ' [a-z]*p 198.51.100.54 53$')" "" \
		"$1: nothing left for anywhere else"
	eventually 3 no_flow
	is "$(outside ss -Htn state established '( sport = :7 )')" "" "$1: no connection is left outside"
}
no_flow() { [ -z "$(outside ss -Htn state established '( sport = :7 )')" ]; }

under_changes() { # NAME COUNT EARLY: of a thousand connections, how many may be refused too early
	rm -f changes syn
	python3 "$load" policy 0 >pairs.yaml
	echo "files: {workspace: $T/work}" >>pairs.yaml
	world tcpdump -n -tt -Q out -i wan 'tcp[13] & 18 == 2' >packets 2>tcpdump.err &
	capture=$!
	eventually 5 grep -q listening tcpdump.err
	begin "$1" pairs.yaml pairs
	eventually 10 grep -q 'echo .* same' "$T/work/attempts"
	sleep 1
	world python3 "$load" change "$2" "$T" "$1" $as "$WEIR"
	sleep 1
	end
	sleep 0.5
	kill $capture
	wait $capture 2>/dev/null
	capture=
	cp "$T/work/attempts" attempts
	# the last line may have been cut
	sed -i '$d' attempts
	sed -n 's/^\([0-9.]*\) IP .* > \([0-9.]*\)\.\([0-9]*\): Flags.*/\1 \2 \3/p' packets >syn
	run python3 "$load" judge "$T"
	is "$(echo "$out" | grep '^wrong' | head -n 20)" "" "$1: $2 changes: nothing passes after its change, nothing is cut before" "$err"
	early=$(echo "$out" | grep -c '^refused')
	opened=$(echo "$out" | sed -n 's/.*connect open: \([0-9]*\).*/\1/p')
	ok "$([ $((early * 1000)) -le $((${opened:-0} * $3)) ]; echo $?)" "$1: of what is still allowed not $(($3 + 1)) in 1000 are refused" \
		"$(echo "$out" | grep '^refused' | head -n 20)"
	echo "$out" | grep '^#' | sed "s/^#/# $1:/"
	like "$out" '[,;] connect open: [0-9]{2}' "$1: connections were made meanwhile"
	like "$out" '[,;] connect E[A-Z]*: [0-9]{2}' "$1: and refused"
	like "$out" 'echo same: [0-9]{3}' "$1: bytes went over those that were kept"
}

if has cgroup2 && has bpf; then
	as="" WEIR_STORE=$T/disk/store
	faults root $((rounds - rounds / 2))
	under_changes root-changes "$changes" 0
else
	skip "faults as root" "this host lacks cgroups or BPF"
fi
if has userns; then
	mkdir "$T/disk/user"
	chown -R 54321:54321 "$T/work" "$T/disk/user"
	as="env HOME=$T/disk/user WEIR_STORE=$T/disk/user/store setpriv --reuid 54321 --regid 54321 --clear-groups"
	faults user $((rounds / 2))
	# while the kernel replaces its sets, a lookup may miss what both of them hold
	under_changes user-changes "$changes" 1
else
	skip "faults as an ordinary user" "this host lacks user namespaces"
fi
finish
