#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What a policy's `on: block` does to each kind of thing that a finding can name: datagrams, who comes in by a published
# port, both legs of a relay, names, and what passes by an interface. action.sh has the order of things. The
# witnesses are at the other ends: who is outside, the servers' logs, the server inside that a relay led to.
# shellcheck disable=SC2086 # $as: words
. "$(dirname "$0")/../replay/lib_trajectory.sh"
need root python3
. "$TOP/tests/scenario/lib_world.sh"
world_up
far=198.51.100.66

policy() { # LINE... below network:
	printf 'version: 1\nbackground: allow\non: {medium: block, high: block, critical: block}\n'
	printf 'files: {sensitive: ["*.secret"]}\nnotify: {medium: {command: "%s"}, high: {command: "%s"}, critical: {command: "%s"}}\n' \
		"$T/page" "$T/page" "$T/page"
	printf 'network:\n  resolver: ["%s"]\n' "$WORLD_RESOLVER"
	printf '  %s\n' "$@"
}
prepare() {
	begin
	cp "$TOP/tests/scenario/lib_action.py" "$T/work/action.py"
	echo key >"$T/work/deploy.secret"
	rm -f "$T/told"
	chmod -R a+rwX "$T/work"
	[ -z "$as" ] || chown -R 54321:54321 "$T/work"
}
play() {
	cd "$T/work" || exit 1
	run world $as timeout 60 "$WEIR" replay -p "$T/policy.yaml" --report "$T/report.json" --write-trajectory "$T/out.json" "$T/t.json"
	cd "$TOP" || exit 1
	world $as "$WEIR" events -f json >"$T/events"
}
blocked() { jq -r ".findings[] | select(.verdict == \"blocked\" and .done) | $1" "$T/report.json"; }
# The person who is called has heard what was done: once for each finding that is bad enough.
told() {
	eventually 10 test -s "$T/told"
	is "$(jq -s -r "map(select(.detector == \"$1\")) | .[0] | \"\\(.verdict) \\(.done)\"" "$T/told")" \
		"$(blocked "select(.detector == \"$1\") | \"\\(.verdict) \\(.done)\"" | head -n 1)" "$name: the person who is called hears what was done"
}
cat >"$T/page" <<END
#!/bin/sh
exec cat >>"$T/told"
END
chmod 755 "$T/page"

datagrams() {
	policy 'allow:' '  - {host: 198.51.100.10, ports: [7], transport: udp}' >"$T/policy.yaml"
	prepare
	sh_call "python3 action.py packets 198.51.100.10 7 6"
	sh_call "python3 action.py hello 198.51.100.10 7"
	came=$(log_count accept.log ' udp .* 198\.51\.100\.10:7$')
	play
	like "$(output 1)" "datagrams $1" "$name: datagrams: no more of them pass" "$err"
	like "$(output 2)" "^answered b'hello'" "$name: another call's do"
	like "$(blocked '"\(.detector) \(.done)"')" "^tunnel 1 flow cut, 1 destination refused from then on" "$name: it is said"
	ok "$([ $(($(log_count accept.log ' udp .* 198\.51\.100\.10:7$') - came)) -lt 60 ]; echo $?)" "$name: the far server saw them end"
	told tunnel
}

# Work for who comes to a published port: who came is cut off, and comes no more; others do.
published() { # DEED DETECTOR
	policy 'publish: ["0.0.0.0:18001=8001"]' >"$T/policy.yaml"
	prepare
	sh_call "setsid python3 action.py $1 8001 >waiting 2>&1 & while ! test -s waiting; do sleep 0.1; done"
	sh_call "for i in \$(seq 200); do test -e done && break; sleep 0.1; done"
	{
		eventually 20 test -s "$T/work/waiting"
		outside python3 "$T/work/action.py" come 192.0.2.2:18001 15
		outside python3 "$T/work/action.py" come 192.0.2.2:18001 2
		world python3 "$T/work/action.py" come 127.0.0.1:18001 2
		touch "$T/work/done"
	} >"$T/came" 2>&1 &
	came=$!
	play
	wait $came
	is "$(sed -n 1p "$T/came" | sed 's/^ended$/ConnectionResetError/')" "ConnectionResetError" "$name: published: who came is cut off" "$err $(cat "$T/came")"
	like "$(sed -n 2p "$T/came")" "ConnectionResetError|ended" "$name: and does not come again"
	is "$(sed -n 3p "$T/came")" "went on" "$name: somebody else does"
	like "$(blocked .done)" "1 flow cut, 1 destination refused" "$name: it is said"
	told "$2"
}

# A tunnel: what it is about is the leg that leads out; the other one ends with it.
both_legs() {
	policy 'allow:' "  - {host: $far}" >"$T/policy.yaml"
	prepare
	sh_call "setsid python3 action.py echo 8080 how >waiting 2>&1 & while ! test -s waiting; do sleep 0.1; done"
	sh_call "setsid python3 action.py relay $far:9001 127.0.0.1:8080 >relayed 2>&1 &"
	sh_call "for i in \$(seq 250); do test -s how && break; sleep 0.1; done; cat how relayed"
	outside python3 "$T/work/action.py" await 9001 20 >"$T/awaited" 2>&1 &
	awaited=$!
	eventually 10 grep -q waiting "$T/awaited"
	play
	eventually 10 grep -qvx waiting "$T/awaited"
	kill $awaited 2>/dev/null
	wait $awaited
	like "$(sed -n 2p "$T/awaited")" "ConnectionResetError|ended" "$name: a relay: the far end is cut off" "$err"
	like "$(output 3)" "ConnectionResetError" "$name: so is the server inside that it led to"
	like "$(blocked '"\(.detector) \(.done)"')" "^tunnel 1 flow cut, 1 destination refused" "$name: it is said"
	told tunnel
}

# What passes by an interface no gate carries: the kernel ends the socket inside, and refuses the way.
by_interface() {
	world sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
	policy 'veth: true' 'allow:' '  - {host: 198.51.100.67}' '  - {host: files.test}' >"$T/policy.yaml"
	prepare
	sh_call "python3 action.py mine 198.51.100.67:3333 8 198.51.100.67:3333 files.test:7"
	sh_call "python3 action.py reached 198.51.100.67:3333"
	play
	like "$(output 1)" "flow Connection(Reset|Aborted)Error" "$name: an interface: the socket is ended" "$err"
	like "$(output 1)" "^198\.51\.100\.67:3333 PermissionError" "$name: the call does not reach it again"
	like "$(output 1)" "^files.test:7 answered" "$name: but what it may reach else"
	like "$(output 2)" "^198\.51\.100\.67:3333 answered" "$name: another call is not refused"
	like "$(blocked '"\(.detector) \(.done)"')" "^mining 1 flow cut, 1 destination refused" "$name: it is said"
	told mining
}

# Data in names: there is no flow to cut, and no name is answered any more to that call.
names() {
	policy 'allow:' '  - {host: "*.far.test", ports: [80]}' '  - {host: files.test}' >"$T/policy.yaml"
	prepare
	sh_call "python3 action.py labels deploy.secret n0.far.test 150"
	sh_call "python3 action.py known files.test; python3 action.py known a.n0.far.test"
	asked=$(log_count dns.log 'n0\.far\.test$')
	play
	is "$(output 1)" "data unknown name unknown" "$name: names: none is answered any more" "$err"
	like "$(output 2 | paste -sd ' ')" "^198\.1[89][0-9.]* 198\.1[89]" "$name: another call's are"
	ok "$([ $(($(log_count dns.log 'n0\.far\.test$') - asked)) -lt 140 ]; echo $?)" "$name: the name server outside heard no more of it"
	like "$(blocked '"\(.detector) \(.done)"')" "^exfiltration no name answered from then on" "$name: it is said"
	is "$(jq -s -r 'map(select(.kind == "dns" and .call == 1 and .query == "files.test")) | .[-1] | "\(.verdict) \(.reason)"' "$T/events")" \
		"refused finding $(blocked .id | tail -n 1)" "$name: and the refused question names the finding"
	told exfiltration
}


as='' name=root
if has cgroup2 && has bpf; then
	datagrams PermissionError
	published shell reverse_shell
	published serve_miner mining
	both_legs
	by_interface
	names
else
	skip "what a block does to each kind, in root's runs" "this host lacks cgroups or BPF"
fi
if has userns; then
	as="env HOME=$T/user WEIR_STORE=$T/user/store setpriv --reuid 54321 --regid 54321 --clear-groups" name=user
	mkdir "$T/user"
	chown 54321:54321 "$T/user"
	chmod 777 "$T"
	: >"$T/told" && chmod 666 "$T/told"
	datagrams TimeoutError # what is dropped is not answered
	published serve_miner mining
	names
else
	skip "what a block does to each kind, in an ordinary user's runs" "this host lacks user namespaces"
fi
finish
