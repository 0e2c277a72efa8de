#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Both kinds of shell inside the sandbox: what is kept between calls, what a call cannot do to the next one,
# whose output is whose, and that nothing hangs. Outputs are known beforehand; times come from the clock.
. "$(dirname "$0")/lib_trajectory.sh"

printf 'version: 1\ncall_time: 4s\n' >"$T/fresh.yaml"
printf 'version: 1\ncall_time: 4s\nshell: session\n' >"$T/session.yaml"

keeps() {
	begin
	sh_call 'mkdir -p d/e; cd d/e; x="a  b"; export Y=y; f() { echo "f $1"; }; alias q="echo q"; set -o pipefail; umask 027; (exit 7)'
	sh_call 'pwd; echo "$x"; sh -c "echo \$Y"; f 2; umask; false | true'
	sh_call 'q; touch made; stat -c %a made'
	replay -p "$T/$1.yaml"
	is "$status" 0 "$1: the replay went through"
	is "$(code 1)" 7 "$1: exit status of a subshell"
	is "$(output 2)" "/work/d/e
a  b
y
f 2
0027" "$1: directory, variables, functions and umask are kept"
	is "$(code 2)" 1 "$1: options are kept"
	is "$(output 3)" "q
640" "$1: aliases are kept"
	[ -e "$T/work/d/e/made" ]
	ok $? "$1: the file is in the workspace on the host"
}
keeps fresh
keeps session

survivors() {
	begin
	sh_call 'nohup sh -c "sleep 0.7; echo late" 2>/dev/null & echo early'
	sh_call 'sleep 1.5; echo second'
	replay -p "$T/$1.yaml"
	is "$(output 1)" "early
late" "$1: what a survivor prints later is its own call's output"
	is "$(output 2)" second "$1: and not the next call's"
}
survivors fresh
survivors session

limits() {
	begin
	sh_call 'echo begun; sleep 100'
	sh_call 'cat; read x; head -c1 /dev/tty; echo "status $?"'
	sh_call 'sleep 100 | cat & sleep 100 & exec >/dev/null; exit 5'
	sh_call 'echo after'
	start=$(date +%s)
	replay -p "$T/$1.yaml"
	[ $(($(date +%s) - start)) -lt 15 ]
	ok $? "$1: nothing hangs"
	is "$(extra 1 ending)" "time limit" "$1: a call that never ends is ended, and that is said"
	is "$(output 1)" begun "$1: what it had printed is kept"
	like "$(output 2)" 'status 1' "$1: who reads a terminal meets its end"
	is "$(code 3)" 5 "$1: background jobs do not hold a call"
	is "$(output 4)" after "$1: the next call works"
}
limits fresh
limits session

# Side by side: each waits for what only the other does.
begin
sh_call 'touch a; until [ -e b ]; do sleep 0.05; done; echo one'
beside 'touch b; until [ -e a ]; do sleep 0.05; done; echo two'
replay -p "$T/fresh.yaml"
is "$(output 1) $(output 2)" "one two" "fresh: the calls of a step run side by side"
begin
sh_call 'sleep 0.5; echo one >>order'
beside 'echo two >>order'
replay -p "$T/session.yaml"
is "$(cat "$T/work/order")" "one
two" "session: one living shell does one thing after another"

# What a call does to its shell must not keep the next from running with its own status.
# Each attack is a call; the two after it are known.
attacked() {
	begin
	sh_call "$2"
	sh_call '/bin/sh -c "exit 42"'
	sh_call '/bin/echo still here'
	replay -p "$T/$1.yaml"
	is "$status $(code 2) $(code 3)" "0 42 0" "$1: after: $2"
	like "$(output 3)" 'still here' "$1: its output, after: $2"
}
while IFS= read -r attack; do
	attacked fresh "$attack"
done <<'END'
readonly PATH IFS PWD; readonly POSIXLY_CORRECT=
declare() { echo D; }; trap() { echo T; }; exit() { echo E; }; set() { exit 9; }; readonly -f trap exit set
builtin() { echo B; exit 7; }; eval() { exit 6; }; command() { exit 5; }; readonly -f builtin
alias if=echo then=echo {=exit builtin=exit declare=exit echo=exit
set -e; set -o posix; trap 'exit 3' EXIT ERR DEBUG
enable -n trap exit eval exec set printf declare builtin
exec 1>/dev/null 2>&1 253>&-; cd /nonexistent
exec sleep 0.1
kill -9 $$
x=$(printf %3000000d 1)
export BASH_ENV=/work/evil SHELLOPTS; echo 'exit 1' >evil
sleep 30 & disown; trap '' TERM INT HUP; exit 3
END
while IFS= read -r attack; do
	attacked session "$attack"
done <<'END'
readonly PATH IFS PWD; f() { :; }; readonly -f f
exec 1>/dev/null 2>&1
exec sleep 0.1
kill -9 $$
exit 3
trap 'echo bye' EXIT; exit 3
x=$(printf %3000000d 1)
sleep 30 & disown; trap '' TERM INT HUP; exit 3
echo 00112233445566778899aabbccddeeff 0 | tee /proc/[0-9]*/fd/11 >/dev/null 2>&1; false
END

# Without its holder of descriptors a living shell cannot say anything: the call ends with it, at once.
begin
sh_call 'echo before; for p in $(cat /proc/$$/task/$$/children); do kill -9 $p; done; sleep 3; touch later'
sh_call 'echo after'
replay -v -p "$T/session.yaml"
is "$(code 1) $(output 1 | head -n 1)" "137 before" "session: a call that kills the holder is ended"
like "$out" 'nothing could state its exit status' "session: and that is said"
is "$(output 2)" after "session: the next call has a new shell"
[ ! -e "$T/work/later" ]
ok $? "session: nothing of the ended call goes on in the next"

# What an earlier call did to a living shell cannot be read: it stands beside a later call's finding.
begin
sh_call 'alias ls="cat /etc/hostname"'
sh_call 'exec 9<>/dev/tcp/10.1.2.3/80; true'
replay -p "$T/session.yaml" --report "$T/report.json"
is "$(jq -c '[.findings[] | select(.call == 2) | [.basis, (.via[] | [.call, .kind])]][0]' "$T/report.json")" '["exact",[1,"session"]]' \
	"session: a finding names the calls before it in the same shell"
replay -p "$T/fresh.yaml" --report "$T/report.json"
is "$(jq -c '[.findings[] | select(.call == 2) | .via][0]' "$T/report.json")" '[]' "fresh: there is no such edge"

# A state that was not handed over is said, and the old one stays.
begin
sh_call 'x=1'
sh_call 'x=2; exec true'
sh_call 'echo $x'
replay -v -p "$T/fresh.yaml"
is "$(output 3)" 1 "a state that was not handed over leaves the old one"
like "$out" 'without handing over its state' "and that is said"
is "$(left)" "" "nothing is left of any run"
finish
