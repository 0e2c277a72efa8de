#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Whose a flow is: the call whose process asked for the connection, however the first packet leaves; and who else
# used it stands behind it with an edge. The witness is the plan: which call opens, lends and borrows is written
# down here, and no borrower ends before it was answered over the borrowed connection.
. "$(dirname "$0")/tap.sh"
need jq root cgroup2 bpf /usr/bin/python3
. "$TOP/tests/scenario/lib_world.sh"
world_up
mkdir "$T/work" && cd "$T/work" || exit 1
cat >"$T/policy.yaml" <<END
files:
  workspace: $T/work
network:
  allow:
    - {host: 198.51.100.10, ports: [7]}
    - {host: 198.51.100.10, ports: [7], transport: udp}
    - {host: "2001:db8:2::10", ports: [7]}
  resolver: [$WORLD_RESOLVER]
END

# hold NAME FAMILY WAY: opens a connection and gives it to whoever comes. use NAME: takes it, sends, receives.
# plain ...: a connection of its own.
cat >"$T/work/line.py" <<'END'
import array, os, socket, sys, time
what, name = sys.argv[1:3]
FAST = 30  # TCP_FASTOPEN_CONNECT
def opened(way):
    v6 = way.endswith("6")
    to = ("2001:db8:2::10" if v6 else "198.51.100.10", 7)
    udp = way.startswith("udp")
    s = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
    if way.startswith("later"):  # the first packet leaves with the first byte
        s.setsockopt(socket.IPPROTO_TCP, FAST, 1)
    if way.startswith("from"):
        s.bind((way[4:], 5000))
    if way == "fast":
        s.sendto(name.encode() + b" opens\n", socket.MSG_FASTOPEN, to)
    else:
        s.connect(to)
    return s
def talk(s, text):
    s.sendall(text.encode())
    s.settimeout(5)
    got = b""
    while text.encode() not in got:
        got += s.recv(1000)
if what == "hold":
    s = opened(sys.argv[3])
    u = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    u.bind(name + ".new")
    u.listen()
    os.rename(name + ".new", name)
    for _ in range(int(sys.argv[4])):
        c = u.accept()[0]
        c.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [s.fileno()]))])
        c.recv(1)
    s.close()
elif what == "use":
    while not os.path.exists(name):
        time.sleep(0.02)
    u = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    u.connect(name)
    fd = socket.recv_fds(u, 1, 1)[1][0]
    s = socket.socket(fileno=fd)
    talk(s, sys.argv[3] + " uses " + name + "\n")
    s.close()
    u.send(b"y")
else:
    s = opened(sys.argv[3])
    talk(s, name + " alone\n")
END
py='/usr/bin/python3 -B line.py'
# One call a line.
cat >"$T/calls" <<END
$py hold plain tcp 2 >plain.log 2>&1 &
$py hold later later 1 >later.log 2>&1 &
$py hold later6 later6 1 >later6.log 2>&1 &
$py hold udp udp 1 >udp.log 2>&1 &
$py use plain five
$py use later six
$py use later6 seven
$py use udp eight
$py use plain nine
$py own ten tcp
$py own eleven fast
$py own twelve from127.0.0.2 & $py own twelve-too from127.0.0.3; wait
$py own thirteen from127.0.0.4
END
jq -R . "$T/calls" | jq -s '{schema_version: "ATIF-v1.6", session_id: "flows", agent: {name: "test", version: "1"}, steps: [
	to_entries[] | {step_id: (.key + 1), source: "agent", message: "", tool_calls: [
		{tool_call_id: "c\(.key + 1)", function_name: "bash", arguments: {command: .value}}]}]}' >"$T/trajectory.json"
run world "$WEIR" replay -p "$T/policy.yaml" -n flows "$T/trajectory.json"
is "$status" 0 "thirteen calls that open, lend and borrow connections" "$err"
is "$(cat "$T"/work/*.log)" "" "no holder complains"
"$WEIR" events flows -f json >"$T/events"

# The last word on each flow: its number and call, and the edges behind it.
jq -sr 'map(select(.kind == "flow")) | group_by(.flow)[] | last |
	"\(.flow) \(.call) \([.via[]? | "\(.edge // .kind)\(.call)"] | sort | join(","))"' "$T/events" >"$T/flows"
of() { awk -v call="$1" '$2 == call { print $3 }' "$T/flows" | sort | xargs; }
has_edge() { of "$1" | tr ', ' '\n\n' | grep -qx "$2"; }
is "$(wc -l <"$T/flows")" 9 "nine flows"
is "$(awk '{ print $2 }' "$T/flows" | sort -n | xargs)" "1 2 3 4 10 11 12 12 13" "each is of the call whose process asked for it"
# Without the sensor of channels, as on Linux 6.1, who uses a descriptor is not seen, and doctor says so.
channels=$("$WEIR" doctor | awk '$1 == "channel" { print $2 }')
for pair in 1:used5 1:used9 2:used6 3:used7 4:used8; do
	[ "$channels" = enforced ] || { skip "call ${pair%:*}'s connection was ${pair#*:}" "channels are not seen here"; continue; }
	ok "$(has_edge "${pair%:*}" "${pair#*:}"; echo $?)" "call ${pair%:*}'s connection was ${pair#*:}" "$(cat "$T/flows")"
done
for call in 10 11 12 13; do
	is "$(of $call | tr -d ' ')" "" "call $call's own has nobody behind it"
done
finish
