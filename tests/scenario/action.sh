#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What a policy's `on:` makes of a finding: the flow ends first, then the call, then the run, and nothing else does.
# A call mines in plain sight (the detector is not what is tested here) beside an innocent connection of an earlier
# call. Witnesses: the pool's server counts the bytes that came, the innocent connection's answers, the processes
# that live inside, what the programs could reach afterwards.
# shellcheck disable=SC2086 # $as: words
. "$(dirname "$0")/../replay/lib_trajectory.sh"
need root python3
. "$TOP/tests/scenario/lib_world.sh"
world_up

policy() { # ACTION LINE...
	printf 'version: 1\nbackground: allow\non: {medium: %s, high: %s, critical: %s}\nfiles: {sensitive: ["*.secret"]}\n' "$1" "$1" "$1"
	shift
	printf 'network:\n  resolver: ["%s"]\n  allow:\n    - {host: pool.test}\n    - {host: files.test}\n    - {host: "2001:db8:2::67"}\n' \
		"$WORLD_RESOLVER"
	printf '%s\n' "$@"
}
prepare() {
	begin
	cp "$TOP/tests/scenario/lib_action.py" "$T/work/action.py"
	echo key >"$T/work/deploy.secret"
	chmod -R a+rwX "$T/work"
	[ -z "$as" ] || chown -R 54321:54321 "$T/work"
}
# Three calls under an action: one is innocent and stays, one mines and leaves a process behind, one looks around.
three_calls() { # POOL
	prepare
	sh_call "setsid python3 action.py beat files.test:7 9 beats >/dev/null 2>&1 & for i in 1 2 3 4 5 6 7 8 9 10; do test -s beats && break; sleep 0.2; done"
	sh_call "sleep 7173 & python3 action.py mine $1 4 $1 2001:db8:2::67:3333 files.test:7; echo over"
	sh_call "python3 action.py reached $1; pgrep -xfc 'sleep 7173'; a=\$(wc -c <beats); sleep 0.5; test \$(wc -c <beats) -gt \$a && echo beats"
	: >"$T/events"
	cd "$T/work" || exit 1
	begun=$(date +%s.%N)
	run world $as timeout 60 "$WEIR" replay -p "$T/policy.yaml" --report "$T/report.json" --write-trajectory "$T/out.json" "$T/t.json"
	cd "$TOP" || exit 1
	world $as "$WEIR" events -f json >"$T/events"
}
mining() { jq -r ".findings[] | select(.detector == \"mining\") | $1" "$T/report.json"; }
acted() { jq -s -r "map(select(.kind == \"action\")) | .[0] | $1" "$T/events"; }
# Bytes that came to the pool since this run began, of each connection that has ended, in their order.
pool_bytes() { awk -v begun="$begun" '$1 > begun && $3 == "end" && $7 == 3333 { print $8 }' "$WORLD/accept.log"; }
refused_words='PermissionError'
pass() {
	policy record >"$T/policy.yaml"
	three_calls pool.test:3333
	like "$(output 2)" "flow went on" "$name: record: the flow goes on" "$err"
	is "$(mining '"\(.verdict) \(.done)"')" "observed null" "$name: and the finding says that nothing was done"

	policy block >"$T/policy.yaml"
	three_calls pool.test:3333
	like "$(output 2)" "flow ConnectionResetError" "$name: block: the flow is reset"
	ok "$([ "$(pool_bytes | head -n 1)" -lt 2000 ]; echo $?)" "$name: the pool's server saw it end" "$(pool_bytes)"
	like "$(output 2)" "^pool.test:3333 $refused_words" "$name: the call does not reach it again"
	like "$(output 2)" "^2001:db8:2::67:3333 $refused_words" "$name: nor by the address that it led to, which the policy allows too"
	like "$(output 2)" "^files.test:7 answered" "$name: but what it may reach else"
	like "$(output 2)" "^over" "$name: and nothing of it dies"
	is "$(code 2)" 0 "$name: it ends as it would"
	like "$(output 3)" "^pool.test:3333 answered" "$name: another call is not refused"
	like "$(output 3)" "^beats" "$name: and its flow goes on"
	like "$(output 3)" "^1$" "$name: what the call left lives"
	is "$(mining '"\(.verdict) \(.flows | length > 0)"')" "blocked true" "$name: the verdict is blocked"
	like "$(mining .done)" "1 flow cut, 1 destination refused from then on" "$name: and says what was done"
	is "$(acted '"\(.for) \(.action) \(.call) \(.cut) \(.destinations) \(.ended) \(.run_ended)"')" \
		"$(mining .id) block 2 1 1 0 false" "$name: so does the event"
	is "$(jq -s -r 'map(select(.kind == "flow" and .state == "cut")) | .[0] | "\(.call) \(.error) \(.reason)"' "$T/events")" \
		"2 EPERM finding $(mining .id)" "$name: and the flow's last event names the finding"

	policy kill_call >"$T/policy.yaml"
	three_calls pool.test:3333
	unlike "$(output 2)" "over" "$name: kill_call: the call does not go on"
	is "$(code 2) $(jq -r '.calls[] | select(.n == 2) | .ending' "$T/report.json")" "137 finding" "$name: its exit says why"
	ok "$([ "$(pool_bytes | head -n 1)" -lt 2000 ]; echo $?)" "$name: the pool's server saw the flow end" "$(pool_bytes)"
	like "$(output 3)" "^beats" "$name: another call's flow goes on"
	like "$(output 3)" "^pool.test:3333 answered" "$name: and the run"
	is "$(mining .verdict)" "killed" "$name: the verdict is killed"
	is "$(jq -s -r --arg f "$(mining .id)" 'map(select(.kind == "flow" and .state == "cut" or .kind == "action" and .for == $f)) | map(.kind) | join(" ")' "$T/events")" \
		"flow action" "$name: the flow first, then the call"
	like "$(output 3)" "^0$" "$name: what the call left behind is ended too"
	like "$(acted .which)" "sleep.*python3|python3.*sleep" "$name: and named, as it was when the call was frozen"
	is "$(acted .ended)" "$(acted '.which | split(", ") | length')" "$name: each of it"

	policy kill >"$T/policy.yaml"
	three_calls pool.test:3333
	is "$(mining .verdict)" "killed" "$name: kill: the verdict is killed"
	like "$(mining .done)" "1 flow cut.*the run ended" "$name: the flow was cut first"
	like "$err" "killed: finding F1" "$name: the run ended for it"
	is "$(jq -r '[.calls[] | select(.n == 3 and .ending == "exit")] | length' "$T/report.json")" 0 "$name: the next call did not run"
}

as='' name=root
if has cgroup2 && has bpf; then
	pass
	# A finding without a flow: the call ends, and it is said that there was none.
	policy kill_call >"$T/policy.yaml"
	prepare
	sh_call "cat deploy.secret; sleep 5; echo over"
	sh_call "echo next"
	replay -p "$T/policy.yaml" --report "$T/report.json"
	is "$(code 1) $(output 2)" "137 next" "a finding without flows ends its call, and the run goes on"
	is "$(jq -r '.findings[0] | "\(.verdict): \(.done)"' "$T/report.json" | sed 's/[0-9]* process[es]* /N /')" \
		"killed: N ended; it names no flow to cut" "and says what there was not"
	policy block >"$T/policy.yaml"
	replay -p "$T/policy.yaml" --report "$T/report.json"
	is "$(code 1) $(jq -r '.findings[0] | "\(.verdict): \(.done)"' "$T/report.json")" "0 observed: it names no flow to cut" \
		"block has nothing to do then, and says so"

	# A socket that is carried in: that port, and no other on loopback.
	policy block '  carry: ["4444=198.51.100.67:3333", "4445=198.51.100.10:7"]' >"$T/policy.yaml"
	prepare
	sh_call "python3 action.py mine 127.0.0.1:4444 4 127.0.0.1:4444 127.0.0.1:4445"
	cd "$T/work" || exit 1
	run world timeout 60 "$WEIR" replay -p "$T/policy.yaml" --report "$T/report.json" --write-trajectory "$T/out.json" "$T/t.json"
	cd "$TOP" || exit 1
	like "$(output 1)" "flow ConnectionResetError" "a carried flow is cut" "$err $(mining .)"
	like "$(output 1)" "^127.0.0.1:4444 PermissionError" "its port is refused"
	like "$(output 1)" "^127.0.0.1:4445 answered" "another carried one is not"
fi

if has userns; then
	as="env HOME=$T/user WEIR_STORE=$T/user/store setpriv --reuid 54321 --regid 54321 --clear-groups" name=user
	mkdir "$T/user"
	chown 54321:54321 "$T/user"
	chmod 777 "$T"
	# the kernel's rules know no calls: what they let through the gate resets
	refused_words='(ConnectionResetError|ended)'
	pass
else
	skip "actions of an ordinary user's runs" "this host lacks user namespaces"
fi
finish
