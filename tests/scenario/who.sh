#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# weir who answers a foreign firewall's log: the world's own, line by line, while the run lives and after it. Which
# call a line belongs to is said by the far side: each call fetches paths that hold its number, and the servers' log
# has them with the client's port.
. "$(dirname "$0")/../replay/lib_trajectory.sh"
. "$TOP/tests/scenario/lib_world.sh"
need root cgroup2 bpf curl python3
world_up

begin
cat >"$T/policy.yaml" <<END
version: 1
background: allow
network:
  resolver: [$WORLD_RESOLVER]
  allow:
    - {host: files.test, ports: [80, 81]}
    - {host: www.test, ports: [80]}
    - {host: 198.51.100.10, ports: [9, 80, 81]}
    - {host: 198.51.100.10, ports: [123], transport: udp}
END
fetch='curl -s -o /dev/null --max-time 10'
sh_call "$fetch -4 http://files.test/call-1-a; $fetch -6 http://files.test/call-1-b"
sh_call "$fetch http://198.51.100.10/call-2-a & $fetch http://www.test/call-2-b & wait"
sh_call "(sleep 2; exec $fetch http://files.test/call-3-late) >/dev/null 2>&1 &"
sh_call "for i in 1 2 3 4 5 6 7 8 9; do $fetch http://files.test/call-4-\$i & done; wait"
sh_call "$fetch http://198.51.100.10:81/; true" # nobody listens there: what left is a line all the same
sh_call "python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
s.sendto(b\"six\", (\"198.51.100.10\", 123))
s.recv(9)'"
sh_call "sleep 3"
cd "$T/work" || exit 1
run timeout 60 nsenter --net="/run/netns/$WORLD_HOST" "$WEIR" replay -n named -p "$T/policy.yaml" "$T/t.json"
is "$status" 0 "calls go out" "$err"
id=$("$WEIR" ls -f json | jq -r '.[-1].id')
log_has http.log '/call-3-late'
ok $? "also after their call is over"

bracket() { case $1 in *:*) echo "[$1]:$2" ;; *) echo "$1:$2" ;; esac; }
ask() { run "$WEIR" who "$@" -f json; }
answer() { jq -c "$1" "$T/out"; }

# Who it was, by the servers' log: the call's number is in the path, which is also in the process's arguments.
path_of() { awk -v s="$1" -v p="$2" '$3 == s && $4 == p { print $NF }' "$WORLD/http.log"; }
lines=0
cp "$WORLD/firewall.log" "$T/firewall.log"
while read -r at way proto src sport dst dport; do
	lines=$((lines + 1))
	what="$way $proto $dst $dport"
	ask "$(bracket "$dst" "$dport")" --sport "$sport" --src "$src" --proto "$proto" --at "$at"
	path=$(path_of "$src" "$sport")
	case $way$proto$dport$sport in
	outtcp80*)
		call=${path#/call-}
		is "$status $(answer '[.answer, .flows[0].run.name, .flows[0].call.n, .more]')" \
			"0 [\"exact\",\"named\",${call%%-*},0]" "$what: $path" "$out"
		is "$(answer ".flows[0].process.argv[-1] | endswith(\"$path\")")" true "and its process fetched that"
		;;
	outtcp81*) is "$(answer '[.answer, .flows[0].call.n]')" '["exact",5]' "$what: refused outside, and known" "$out" ;;
	outudp123*) is "$(answer '[.answer, .flows[0].call.n]')" '["exact",6]' "$what: a datagram" "$out" ;;
	inudp*123) is "$(answer '[.answer, .reversed, .flows[0].call.n]')" '["exact",true,6]' "$what: what came back" "$out" ;;
	outudp53* | inudp*53)
		is "$status $(answer '[.answer, (.flows | length > 0)]')" '0 ["window",true]' "$what: the gate's own question" "$out"
		;;
	*) ok 1 "$what: a line that nobody explained" "$out" ;;
	esac
done <"$T/firewall.log"
[ "$lines" -ge 16 ]
ok $? "the firewall had $lines lines"
cp "$T/out" "$T/who.json"
python3 "$TOP/script/check-schema" "$TOP/doc/schema/who.schema.json" "$T/who.json" >"$T/schema" 2>&1
ok $? "the answer is as doc/schema/who.schema.json says" "$(cat "$T/schema")"

# One line, asked in other ways. Of call 1's first fetch:
line=$(awk '$9 ~ /call-1-a/ || $NF ~ /call-1-a/ { print $1, $3, $4, $5, $6 }' "$WORLD/http.log")
set -- $line
seconds=${1%.*} src=$2 sport=$3 dst=$(bracket "$4" "$5")
plain="$dst --sport $sport"
first() { answer '[.answer, .flows[0].call.n]'; }
ask $plain --at "$(date -u -d "@$seconds" '+%Y-%m-%d %H:%M:%S')"
is "$(first)" '["exact",1]' "a time to the second, UTC"
ask $plain --at "$(TZ=Etc/GMT-5 date -d "@$seconds" '+%Y-%m-%dT%H:%M:%S%:z')"
is "$(first)" '["exact",1]' "a time of another zone"
ask "$dst" --at "$1"
is "$(answer '[.answer, any(.flows[]; .call.n == 1)]')" '["window",true]' "without the port, the candidates"
ask "$dst" --sport 9 --at "$1"
is "$(answer '[.answer, any(.flows[]; .call.n == 1)]')" '["window",true]' "a translated port: the candidates"
like "$out" "translated on the way" "and why it is no more"
ask $plain --src 203.0.113.1 --at "$1"
is "$(first)" '["window",1]' "a translated address: no more than likely"
ask $plain --at $((seconds + 300))
is "$(first)" '["window",1]' "a clock that is wrong: no more than likely"
like "$out" "clock is wrong" "and why"
ask $plain --at $((seconds + 300)) --within 600
is "$(first)" '["exact",1]' "unless that is allowed for"
for other in "$dst --at $((seconds - 9999))" "198.51.100.77:80 --at $1" "$dst --proto udp --sport $sport --at $1"; do
	ask $other
	is "$status $(answer '[.answer, .flows]')" '1 ["none",[]]' "not ours: $other"
done
run "$WEIR" who "$dst" --sport "$sport" --at "$1"
like "$out" "^exact: call 1 of run $id \(named\)" "in words"
like "$out" "process .*curl" "with the process"
for wrong in "nowhere:80 --at $1" "$dst" "$dst --at yesterday" "1.2.3.4:70000 --at $1" "$dst --at $1 --src x"; do
	run "$WEIR" who $wrong
	is "$status$out" 2 "wrong usage: $wrong"
done

# A run that lives: known as soon as it is out.
mkfifo "$T/go"
: >"$T/living"
nsenter --net="/run/netns/$WORLD_HOST" "$WEIR" run -n living -p "$T/policy.yaml" -- bash -c '
	exec 3<>/dev/tcp/198.51.100.10/9; echo out; read -r; echo bye >&3' <"$T/go" >"$T/living" 2>&1 &
client=$!
exec 4>"$T/go"
eventually 10 grep -q out "$T/living"
line=$(grep ' out tcp .* 198.51.100.10 9$' "$WORLD/firewall.log" | tail -n 1)
set -- $line
lives() { ask 198.51.100.10:9 --sport "$5" --at "$(date +%s)" && [ "$(answer '[.answer, .flows[0].run.name]')" = '["exact","living"]' ]; }
eventually 3 lives "$@"
is "$(answer '[.answer, .flows[0].run.over, .flows[0].ended]')" '["exact",false,null]' "a flow that lives" "$out"
echo >&4
exec 4>&-
wait $client
ask 198.51.100.10:9 --sport "$5" --at "$1"
is "$(answer '[.answer, .flows[0].run.over, .flows[0].event.state]')" '["exact",true,"ended"]' "and that is over"

# The index is made of the segments alone; what is removed is gone, and the rest is as it was.
all() { while read -r at _ proto _ sport dst dport; do "$WEIR" who "$(bracket "$dst" "$dport")" --sport "$sport" --at "$at" -f json; done <"$T/firewall.log"; }
all >"$T/before"
store_stop
run "$WEIR" store rebuild
all | cmp - "$T/before" >"$T/cmp" 2>&1
ok $? "rebuilt from the segments, the index answers the same" "$(cat "$T/cmp")"
run "$WEIR" verify named
is "$status" 0 "the record is the one that was written" "$out$err"
run "$WEIR" rm named
ask $plain --at "$seconds"
is "$status" 1 "a run that was removed is no run of this store" "$out"
ask 198.51.100.10:9 --sport "$5" --at "$1"
is "$(answer '[.answer, .flows[0].run.name]')" '["exact","living"]' "another's flows are"
finish
