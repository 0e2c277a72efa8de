#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every setting of a policy does what weir-policy(5) says: one run a setting, judged by what the program inside
# meets and by the host's clock, files and signals. tests/replay/ holds shell and call_time.
. "$(dirname "$0")/tap.sh"
need root jq python3

mkdir "$T/work" "$T/work/tests"
cd "$T/work" || exit 1
echo untouched >tests/file
echo key >deploy.secret
policies=0
# under POLICY [OPTION...] -- CMD...: runs under that policy; the report lies at $T/report.json
under() {
	policies=$((policies + 1))
	printf '%s\n' "$1" >"$T/policy-$policies.yaml"
	shift
	rm -f "$T/report.json"
	begun=$(date +%s%N)
	run timeout 60 "$WEIR" run -p "$T/policy-$policies.yaml" --report "$T/report.json" "$@"
	took=$((($(date +%s%N) - begun) / 1000000))
}
findings() { jq -r '.findings[] | "\(.detector) \(.severity) \(.verdict)"' "$T/report.json"; }

under 'identity: root' -- id -u
is "$out" 0 "identity: root is uid 0 inside"
under 'identity: user' -- sh -c 'id -u; grep CapEff /proc/self/status'
like "$out" 'CapEff:	0000000000000000' "identity: user has no capabilities"
unlike "$out" '^0$' "and is not uid 0"

mkdir elsewhere && echo there >elsewhere/file
under 'files: {workspace: elsewhere}' -- sh -c 'cat /work/file; echo new >/work/new'
is "$out $(cat elsewhere/new)" "there new" "files.workspace is what is at /work, read-write"
under 'files: {read: [/usr, /bin, /lib, /lib64, /etc/shells]}' -- sh -c 'ls /etc; ls /opt'
like "$out" '^shells$' "files.read shows what it names"
like "$err" 'opt.*No such file' "and nothing that it does not"
under 'files: {protect: [tests/]}' -- sh -c 'echo x >tests/file; mv tests gone; rm -r tests; true'
is "$(cat tests/file)" untouched "files.protect stays as it is"
like "$(findings)" '^protected_write (high|medium) blocked' "and the attempt is a finding"
under 'files: {sensitive: ["*.secret"]}' -- cat deploy.secret
is "$out" key "files.sensitive refuses nothing"
like "$(findings)" '^sensitive_read .* observed' "and the reading is a finding"

under 'environment: [GIVEN, "SET=a b"]' -- sh -c 'echo "$GIVEN/$SET/$OTHER"'
is "$out" "/a b/" "environment: a name that is not set here is not set there"
GIVEN=here OTHER=there under 'environment: [GIVEN, "SET=a b"]' -- sh -c 'echo "$GIVEN/$SET/$OTHER"'
is "$out" "here/a b/" "environment: what is named is there, what is not is not"

under 'compute: {files: 128}' -- sh -c 'ulimit -n'
is "$out" 128 "compute.files"
under 'compute: {pids: 20}' -- python3 -c '
import os, time
n = 0
try:
    while True:
        if os.fork() == 0:
            time.sleep(60)
        n += 1
except OSError as e:
    print(e.errno, n < 20)'
is "$out" "11 True" "compute.pids: EAGAIN below 20"
under 'compute: {memory: 64M}' -- python3 -c 'x = bytearray(256 << 20); print("had it")'
is "$status,$out" "137," "compute.memory: 256 MiB under 64M is the end"
under 'compute: {disk: 8M}' -- sh -c 'head -c 16M /dev/zero >/tmp/x; ls -l /tmp/x | cut -d" " -f5; head -c 16M /dev/zero >/work/x; ls -l /work/x | cut -d" " -f5'
is "$(echo "$out" | awk '$1 > 8388608')" "" "compute.disk: neither /tmp nor a file holds more than 8 MiB"
rm -f x
burn='import time
end = time.monotonic() + 2
while time.monotonic() < end: pass
print(time.process_time() < 1.4)'
under 'compute: {cpus: 0.5}' -- python3 -c "$burn"
is "$out" True "compute.cpus: half a processor for two seconds is less than 1.4 s of it"
under 'compute: {cpu_time: 1s}' -- python3 -c 'while True: pass'
ok "$([ "$status" -ne 0 ] && [ $took -lt 10000 ]; echo $?)" "compute.cpu_time ends a loop" "status $status after $took ms"
under 'time: 1s' -- sleep 30
ok "$([ "$status" -ne 0 ] && [ $took -lt 10000 ]; echo $?)" "time ends a run" "status $status after $took ms"

under 'background: deny' -- sh -c '(sleep 600 & echo $! >pid) >/dev/null 2>&1'
like "$(findings)" '^survivor high killed' "background: deny kills what is left, and it is a finding"
under 'background: allow' -- sh -c 'sleep 0.5 >/dev/null 2>&1 &'
is "$(findings)" "" "background: allow is no finding"

attempt='import socket, time
print(socket.socket().connect_ex(("10.9.8.7", 80)) != 0, flush=True)
time.sleep(30)
print("went on")'
under 'on: {high: kill}' -- python3 -c "$attempt"
unlike "$out" "went on" "on: {high: kill} ends the run at the finding"
ok "$([ "$status" -ne 0 ] && [ $took -lt 15000 ]; echo $?)" "at once" "status $status after $took ms"

cat >"$T/notify" <<END
#!/bin/sh
cat >>"$T/notified"
END
chmod +x "$T/notify"
under "notify: {high: {command: $T/notify}}" -- python3 -c "${attempt%time.sleep*}"
eventually 5 test -s "$T/notified"
is "$(jq -r .detector "$T/notified" 2>&1 | sort -u)" denied_network "notify.high.command gets the finding as JSON"
finish
