#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The processor time of calls, told while they live. The witness is what the processes themselves are told by
# getrusage(2) and /proc/self/schedstat, and the cgroup's own figure.
. "$(dirname "$0")/tap.sh"
need root cgroup2 bpf python3 jq taskset
mkdir "$T/work"
cd "$T/work" || exit 1
cat >burn.py <<'PY'
import resource, sys, time
def used():
    r = resource.getrusage(resource.RUSAGE_SELF)
    return r.ru_utime + r.ru_stime
def burn(seconds):
    end = used() + seconds
    while used() < end:
        pass
for word in sys.argv[1:]:
    burn(float(word[4:])) if word.startswith("burn") else time.sleep(float(word[5:]))
print(int(used() * 1e6))
PY
cat >policy.yaml <<END
files: {workspace: $T/work}
background: allow
END
usage() { "$WEIR" events "$1" --kind usage -f json | jq -s "[.[] | select(.call == ${2:-1})]"; }

# Burns, rests, burns a little, ends.
used=$("$WEIR" run -n burning -p policy.yaml -- python3 burn.py burn1.5 sleep3.5 burn0.2)
usage burning >told
is "$(jq '(map(.used_usec) | add) == .[-1].cpu_usec' <told)" true "the intervals add up to the call's figure" "$(cat told)"
ok "$(jq -e --argjson used "$used" '.[-1].cpu_usec >= 1400000 and .[-1].cpu_usec <= $used + 100000' <told >/dev/null; echo $?)" \
	"which is what the process was told itself, the last bit left out" "$used $(cat told)"
ok "$(jq -e 'length <= 4' <told >/dev/null; echo $?)" "in few events" "$(jq length <told)"
is "$(jq -c '[.[] | .pid, .basis] | unique' <told)" '[0,"exact"]' "of the call, and no process"
is "$("$WEIR" events burning --kind usage -f json | jq -s 'map(select(.call != 1)) | length')" 0 "and of no other call"

# Ends in the middle of it.
"$WEIR" run -n short -p policy.yaml -- python3 burn.py burn0.8 >used
usage short >told
is "$(jq length <told)" 1 "a call that burns and ends before the second look is told once" "$(cat told)"
ok "$(jq -e --argjson used "$(cat used)" '.[0].cpu_usec - $used | fabs < 150000' <told >/dev/null; echo $?)" "with all of it" "$(cat used told)"

"$WEIR" run -n idle -p policy.yaml -- sleep 2.5
is "$(usage idle | jq length)" 0 "a call that sleeps is not told"

"$WEIR" run -n several -p policy.yaml -- sh -c 'python3 burn.py burn1.2 >used & python3 burn.py sleep4 >/dev/null'
usage several >told
ok "$(jq -e --argjson used "$(cat used)" 'any(.processes >= 2) and .[-1].cpu_usec >= $used' <told >/dev/null; echo $?)" \
	"all processes of the call count" "$(cat used told)"

# On a processor that two others want too: it is given a third, and would take all.
for i in 1 2; do
	taskset -c 0 sh -c 'while :; do :; done' &
	others="${others:-} $!"
done
cat >wait.py <<'PY'
import time
while time.process_time() < 1.5:
    pass
print(int(open("/proc/self/schedstat").read().split()[1]) // 1000000)
PY
waited=$("$WEIR" run -n waiting -p policy.yaml -- taskset -c 0 python3 wait.py)
# shellcheck disable=SC2086 # numbers
kill $others
usage waiting >told
ok "$(jq -e --argjson waited "$waited" '(map(.waited_msec) | add) as $told | $waited > 500 and $told <= $waited and $told >= $waited / 3' <told >/dev/null; echo $?)" \
	"what it waited for a processor is told, the last bit left out" "$waited $(cat told)"
like "$("$WEIR" doctor)" '^  usage  *enforced' "doctor knows of it"
finish
