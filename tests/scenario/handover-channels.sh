#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What one call leaves running and another talks to: each channel as a pair of calls, the first of which starts a
# server that outlives it. What the server does after it was talked to has an edge to the second call, and what
# the second does after the answer an edge to the first; what either did before has none, nor have those that
# have nothing to do with each other. The witness is the argument of what each end executes (lib_channel.py).
. "$(dirname "$0")/tap.sh"
need jq root cgroup2 bpf /usr/bin/python3

work=$T/work
mkdir "$work"
cp "$TOP/tests/scenario/lib_channel.py" "$work/"
cat >"$T/policy.yaml" <<POLICY
version: 1
files:
  workspace: $work
  read: [/usr, /lib, /lib64, /bin, /etc]
POLICY

# kind, edge of the server's call to the client's, edge the other way
kinds='unix socket socket
abstract socket socket
seqpacket socket socket
thousand socket socket
tcp socket socket
tcp6 socket socket
named socket socket
alias socket socket
dgram socket socket
udp socket socket
udp6 socket socket
fifo pipe ?
splice pipe pipe
memory memory memory
mapped memory memory
segment memory memory
messages queue queue
semaphore queue queue
descriptor descriptor pipe
created watch ?
renamed watch ?
removed watch ?
signal signal ?
apart - -
nowhere - -'

# One call a line, JSON: a command.
calls() {
	echo "$kinds" | while read -r kind _; do
		rounds=1
		[ "$kind" != thousand ] || rounds=1000
		echo "/usr/bin/python3 -B lib_channel.py server $kind >$kind.log 2>&1 &"
		echo "timeout 20 /usr/bin/python3 -B lib_channel.py client $kind $rounds"
	done
}
trajectory() { # commands, one a line
	jq -R . | jq -s '{schema_version: "ATIF-v1.6", session_id: "channels", agent: {name: "test", version: "1"}, steps: [
		to_entries[] | {step_id: (.key + 1), source: "agent", message: "", tool_calls: [
			{tool_call_id: "c\(.key + 1)", function_name: "bash", arguments: {command: .value}}]}]}'
}
calls | trajectory >"$T/trajectory.json"
cd "$work" || exit 1
run "$WEIR" replay -p "$T/policy.yaml" -n channels "$T/trajectory.json"
is "$status" 0 "a server and a client for each channel: the trajectory is replayed" || printf '%s\n' "$err"
cat "$work"/*.log "$work"/*/*.log >"$T/log" 2>/dev/null
is "$(cat "$T/log")" "" "no server complains"
"$WEIR" events channels -f json >"$T/events"
echo "$kinds" | while read -r kind server client; do
	python3 "$TOP/tests/scenario/lib_channel.py" judge "$kind $server $client" <"$T/events" >"$T/wrong.$kind" 2>&1
done
for kind in $(echo "$kinds" | cut -d' ' -f1); do
	is "$(cat "$T/wrong.$kind")" "" "$kind"
done

# Programs that agents use: what the server's side executes after the client spoke to it.
cat >"$work/after" <<'SCRIPT'
#!/bin/sh
read -r order
/bin/true "$1-server-after"
echo "$order done"
SCRIPT
cat >"$work/asyncio_server.py" <<'SCRIPT'
import asyncio, subprocess
async def served(reader, writer):
    await reader.readline()
    subprocess.run(["true", "asyncio-server-after"], executable="/bin/true")
    writer.write(b"done\n")
    await writer.drain()
    writer.close()
async def main():
    async with await asyncio.start_unix_server(served, "asyncio.sock") as server:
        await server.serve_forever()
asyncio.run(main())
SCRIPT
cat >"$work/ssh-server" <<'SCRIPT'
#!/bin/sh
ssh-keygen -q -t ed25519 -N '' -f ssh.host && ssh-keygen -q -t ed25519 -N '' -f ssh.key && cp ssh.key.pub ssh.keys || exit
cat >ssh.server <<CONFIG
ListenAddress 127.0.0.1:21035
HostKey $PWD/ssh.host
AuthorizedKeysFile $PWD/ssh.keys
PidFile none
UsePAM no
StrictModes no
CONFIG
cat >ssh.client <<CONFIG
Host there
HostName 127.0.0.1
Port 21035
BatchMode yes
StrictHostKeyChecking no
UserKnownHostsFile /dev/null
LogLevel ERROR
IdentityFile $PWD/ssh.key
ControlPath $PWD/ssh.ctl
CONFIG
/usr/sbin/sshd -r -f ssh.server -E ssh.errors
SCRIPT
chmod 755 "$work/after" "$work/ssh-server"
mkdir "$work/seen" "$work/screens"
chmod 700 "$work/screens"
# Of each three lines: the name and the edges, the server's command, the client's.
cat >"$T/tools" <<'TOOLS'
asyncio socket socket
/usr/bin/python3 asyncio_server.py &
(x=$(socat - UNIX:asyncio.sock <<<go); /bin/true asyncio-client-after)
socat socket socket
socat TCP-LISTEN:21030 EXEC:'./after socat' &
(x=$(socat -t 5 - TCP:127.0.0.1:21030 <<<go); /bin/true socat-client-after)
socatudp socket socket
socat UDP-LISTEN:21031 EXEC:'./after socatudp' &
(x=$(socat -T 2 -t 2 - UDP:127.0.0.1:21031 <<<go); /bin/true socatudp-client-after)
nc socket ?
nc -l 21032 </dev/null | ./after nc &
nc -N 127.0.0.1 21032 <<<go
ncudp socket ?
nc -u -l 21033 </dev/null | ./after ncudp &
nc -u -w 1 127.0.0.1 21033 <<<go
loop pipe ?
mkfifo loop.pipe; while read -r line <loop.pipe; do /bin/true loop-server-after; done &
echo go >loop.pipe
inotifywait watch ?
inotifywait -q -m -e close_write seen | while read -r line; do /bin/true inotifywait-server-after; done &
echo go >seen/file
trap signal ?
(trap '/bin/true trap-server-after' USR1; sh -c 'echo $PPID' >trap.pid; while :; do sleep 0.1; done) &
kill -USR1 $(cat trap.pid)
tmux socket ?
tmux -S tmux.sock -f /dev/null new-session -d sh
tmux -S tmux.sock send-keys '/bin/true tmux-server-after' Enter
screen socket ?
SCREENDIR=$PWD/screens screen -c /dev/null -dmS one sh
SCREENDIR=$PWD/screens screen -S one -p 0 -X stuff $'/bin/true screen-server-after\n'
ssh socket socket
./ssh-server && ssh -F ssh.client -M -N -f there
(x=$(ssh -F ssh.client there '/bin/true ssh-server-after; echo done'); /bin/true ssh-client-after)
TOOLS
while read -r name edges && read -r server && read -r client; do
	case $name in asyncio | socatudp) program=socat ;; ncudp) program=nc ;; loop | trap) program=mkfifo ;; *) program=$name ;; esac
	has "$program" || { skip "$name" "there is no $program" && continue; }
	echo "$name $edges" >>"$T/used"
	printf '%s\n' "/bin/true $name-server-before; $server" "/bin/true $name-client-before; $client; sleep 0.7" >>"$T/commands"
done <"$T/tools"
sed 's/^\(.*&\)$/\1 sleep 0.4/' "$T/commands" | trajectory >"$T/trajectory.json"
run "$WEIR" replay -p "$T/policy.yaml" -n tools "$T/trajectory.json"
is "$status" 0 "the tools of every day: the trajectory is replayed" || printf '%s\n' "$err"
"$WEIR" events tools -f json >"$T/events.tools"
while read -r kind edges; do
	wrong=$(python3 "$TOP/tests/scenario/lib_channel.py" judge "$kind $edges" <"$T/events.tools" 2>&1)
	is "$wrong" "" "$kind"
done <"$T/used"

# A thousand messages are one conversation.
thousand=$(jq -s '(map(select(.kind == "exec" and .argv[1] == "thousand-server-before"))[0].call) as $a |
	map(select(.kind == "handover" and (.call == $a or .call == $a + 1))) | length' "$T/events")
ok "$([ "$thousand" -ge 2 ] && [ "$thousand" -le 6 ]; echo $?)" "a thousand questions and answers are $thousand hand-overs"
for name in channels tools; do
	is "$("$WEIR" report "$name" -f json | jq '[.calls[].events.lost | numbers] | add')" 0 "$name: nothing was lost"
done
finish
