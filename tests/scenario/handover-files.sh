#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Files that one call leaves and another executes, loads or reads: what comes of it has an edge to each call that
# the file went through, and to no other. The witness is the trajectory itself: it says who plants what, and the mark in
# an argument says which effect comes of it.
. "$(dirname "$0")/tap.sh"
need jq cc make git python3 node npm root cgroup2 bpf
DRIVE=$(dirname "$WEIR")/tests/unit/sensor_drive
work=$T/work
mkdir "$work" && chmod 777 "$work" && cd "$work" || exit 1
cc -O1 -o flood "$TOP/tests/scenario/flood.c" || exit 1
printf 'int planted(void) { return 0; }\n' >library.c
printf '#include <stdlib.h>\n#include <unistd.h>\nint planted(void);\nint main(void) { return planted() || execl("/bin/echo", "echo", getenv("M"), (char *)0); }\n' >uses.c
printf '#define _GNU_SOURCE\n#include <stdlib.h>\n#include <sys/mman.h>\n#include <unistd.h>\nint main(int n, char **a)\n{ for (int i = 0; i < atoi(a[n - 1]); i++) { int f = memfd_create("m", 0); if (write(f, "x", 1) != 1) return 1; close(f); } }\n' >many.c
cc -shared -fPIC -o liborigin.so library.c && cc -o uses uses.c -L. -lorigin && cc -O1 -o many many.c || exit 1
echo '/bin/echo $M' >host.sh
mkdir host host2 && cp host.sh host/x.sh && cp host.sh host2/x.sh && echo nothing >unrelated

# A kind a line: its name, and the commands of as many calls, by tabs. The last one's effect carries @M, and has an edge
# to each of the others. @K is the number of the kind.
kinds() {
	cat <<'KINDS'
script	printf '#!/bin/sh\n/bin/echo @M\n' >f@K; chmod 755 f@K	./f@K
interpreted	echo /bin/echo @M >f@K	sh f@K
standard input	echo /bin/echo @M >f@K	sh <f@K
sourced	echo /bin/echo @M >f@K	. ./f@K
binary	cp /bin/echo f@K	./f@K @M
LD_PRELOAD	cp liborigin.so f@K.so	LD_PRELOAD=./f@K.so sh -c '/bin/echo @M; :'
shared library	mkdir d@K; cp liborigin.so d@K/	M=@M LD_LIBRARY_PATH=d@K ./uses
Python module	printf 'import os\nos.system("/bin/echo @M")\n' >m@K.py	python3 -c 'import m@K'
conftest.py	mkdir d@K; printf 'import subprocess\nsubprocess.run(["/bin/echo", "@M"])\n' >d@K/conftest.py	python3 -c 'import runpy; runpy.run_path("d@K/conftest.py")'
Node module	echo 'require("child_process").execFileSync("/bin/echo", ["@M"])' >m@K.js	node -e 'require("./m@K.js")'
npm script	mkdir d@K; echo '{"name":"n","version":"1.0.0","scripts":{"x":"/bin/echo @M; :"}}' >d@K/package.json	(cd d@K && npm run --silent --offline --logs-max=0 --cache /tmp/npm x)
Makefile	printf 'all:\n\t/bin/echo @M\n' >f@K	make -f f@K
git hook	git init -q d@K; printf '#!/bin/sh\n/bin/echo @M\n' >d@K/.git/hooks/post-commit; chmod 755 d@K/.git/hooks/post-commit	git -C d@K -c user.name=x -c user.email=x commit -q --allow-empty -m x
.bashrc	mkdir d@K; echo /bin/echo @M >d@K/.bashrc	HOME=$PWD/d@K bash -ic : 2>/dev/null
PATH	mkdir d@K; printf '#!/bin/sh\n/bin/echo @M\n' >d@K/tool; chmod 755 d@K/tool	(PATH=$PWD/d@K:$PATH; tool)
in memory	echo /bin/echo @M >/dev/shm/f@K	sh /dev/shm/f@K
in /tmp	echo /bin/echo @M >/tmp/f@K	sh /tmp/f@K
written, then renamed	echo /bin/echo @M >f@K; mv f@K g@K	sh g@K
renamed by a third	echo /bin/echo @M >f@K	mv f@K g@K	sh g@K
linked by a third	echo /bin/echo @M >f@K	ln f@K g@K; rm f@K	sh g@K
changed in mode by a third	printf '#!/bin/sh\n/bin/echo @M\n' >f@K	chmod 755 f@K	./f@K
copied by a third	echo /bin/echo @M >f@K	cp f@K g@K	sh g@K
edited by a third	echo /bin/echo @M >f@K	sed -i s/nothing// f@K	sh f@K
appended to by a third	echo /bin/echo @M >f@K	echo : >>f@K	sh f@K
packed and unpacked	echo /bin/echo @M >f@K	tar czf f@K.tgz f@K; rm f@K	tar xzf f@K.tgz	sh f@K
compiled and linked	printf '#include <unistd.h>\nint main(void) { return execl("/bin/echo", "echo", "@M", (char *)0); }\n' >f@K.c	cc -c f@K.c	cc -o f@K f@K.o	./f@K
a link to what nobody wrote	ln -s host.sh l@K	M=@M sh l@K
a link in a path	ln -s host d@K	M=@M sh d@K/x.sh
a renamed directory	mv host2 d@K	M=@M sh d@K/x.sh
written, its directory renamed	mkdir d@K; echo /bin/echo @M >d@K/f	mv d@K e@K	sh e@K/f
read after it was opened	: >f@K; (exec 3<f@K; while [ ! -e done@K ]; do sleep 0.1; done; sh <&3) >/dev/null 2>&1 &	echo /bin/echo survivor@M >f@K; touch done@K; sleep 1
KINDS
}

# After each kind comes a call that has nothing to do with it.
kinds | jq -R -n '[inputs | split("\t")] as $kinds
	| [range($kinds | length) as $k | ($kinds[$k][1:], ["cat unrelated; /bin/echo unrelated-\($k)"])
		| .[] | gsub("@K"; "\($k)") | gsub("@M"; "mark-\($k)-")]
	| to_entries | {schema_version: "ATIF-v1.6", session_id: "h", agent: {name: "h", version: "1"}, steps: map({step_id: (.key + 1),
		source: "agent", message: "", tool_calls: [{tool_call_id: "c\(.key)", function_name: "bash", arguments: {command: .value}}]})}' \
	>"$T/trajectory.json"
printf 'version: 1\nfiles:\n  workspace: %s\n' "$work" >"$T/policy.yaml"

run timeout 200 "$WEIR" replay -p "$T/policy.yaml" -n files "$T/trajectory.json"
is "$status" 0 "the trajectory is replayed" "$err"
"$WEIR" events files -f json >"$T/events"
# the argument that is a mark, the call, and the calls behind it
jq -r 'select(.kind == "exec") | . as $e | .argv[]? | select(test("^(survivor)?(mark|unrelated)-[0-9]+-?$"))
	| [., $e.call, ([$e.via[]? | .call // "unknown"] | unique | join(" "))] | @tsv' "$T/events" >"$T/marks"
n=0 k=0
while IFS='	' read -r name commands; do
	calls=$(printf '%s' "$commands" | tr -cd '\t' | wc -c)
	want=$(seq -s ' ' $((n + 1)) $((n + calls)))
	use=$((n + calls + 1))
	case $commands in *survivor@M*) want=$((n + 2)) use=$((n + 1)) ;; esac
	is "$(grep -E "^(survivor)?mark-$k-	" "$T/marks" | cut -f 2,3 | sort -u)" "$use	$want" "$name: an edge to $want" \
		"$(jq -c "select(.kind == \"handover\" and .call > $n and .call <= $use) | [.call, .from, .edge, .path]" "$T/events")"
	is "$(grep "^unrelated-$k	" "$T/marks" | cut -f 2,3)" "$((n + calls + 2))	" "$name: none in a call that uses nothing of it"
	n=$((n + calls + 2)) k=$((k + 1))
done <<-KINDS
	$(kinds)
KINDS
kind_of() { jq -r --arg c "$1" --arg p "$2" 'select(.kind == "handover" and .path == $p and (.from | tostring) == $c) | .edge' "$T/events" | sort -u | tr '\n' ' '; }
is "$(kind_of 1 /work/f0)" "executed read " "a script is executed, and read by its interpreter"
is "$(kind_of "$(awk -F '\t' '/^mark-5-/ { print $2 - 1 }' "$T/marks" | head -n 1)" /work/f5.so)" "loaded read " "a library is read, and mapped as code"

# The plant within a flood that loses its events; a plant by a call that has written more files than are remembered;
# and one by a process outside.
step() { jq -cn --arg c "$1" --argjson n "$2" '{step_id: $n, source: "agent", message: "", tool_calls: [{tool_call_id: "c\($n)", function_name: "bash", arguments: {command: $c}}]}'; }
{
	step 'touch flooding; while [ ! -e stopped ]; do sleep 0.1; done; ./flood /dev/shm 2 2 >flood.out & wait; echo /bin/echo mark-flood >flooded; touch over' 1
	step 'sh flooded' 2
	step './many 262200; echo /bin/echo mark-evicted >evicted' 3
	step 'sh evicted' 4
	step 'touch wait; while [ ! -e outside ]; do sleep 0.1; done; sh outside' 5
	step 'cat unrelated host.sh library.c /etc/passwd; /bin/echo mark-unrelated' 6
	step 'python3 -c "import os, tempfile; f = tempfile.TemporaryFile(); f.write(b\"x\"); f.seek(0); f.read(); os.execv(\"/bin/echo\", [\"echo\", \"mark-own\"])"' 7
} | jq -s '{schema_version: "ATIF-v1.6", session_id: "f", agent: {name: "f", version: "1"}, steps: .}' >"$T/trajectory.json"
recorder() { for pid in $(store_pids); do grep -qs weir-recorder "/proc/$pid/comm" && echo "$pid"; done; }
# The recorder stands still during the flood, so that the ring of the files overflows.
{
	eventually 60 test -e flooding
	stopped=$(recorder)
	kill -STOP $stopped
	touch stopped
	eventually 60 test -e over
	kill -CONT $stopped
	eventually 100 test -e wait
	echo /bin/echo mark-outside >"$T/outside" && mv "$T/outside" outside
} &
run timeout 200 "$WEIR" replay -p "$T/policy.yaml" -n broken "$T/trajectory.json"
wait
is "$status" 0 "the flood, the many files and the rest are replayed" "$err"
"$WEIR" events broken -f json >"$T/events"
"$WEIR" report broken -f json >"$T/report"
behind() { jq -r --arg mark "$1" 'select(.kind == "exec" and .argv[1] == $mark) | [.via[]? | "\(.call) \(.kind)"] | unique | join(", ")' "$T/events"; }
like "$(jq '.calls[] | select(.n == 1) | .events.lost' "$T/report")" '^[1-9]' "the flood loses events"
is "$(behind mark-flood)" "1 read" "the file planted within it keeps its edge"
like "$(jq '.calls[] | select(.n == 3) | .events.lost' "$T/report")" '^[1-9]' "writing more files than are remembered counts as loss"
is "$(behind mark-evicted)" "null unknown" "and one of them has an edge to an unknown call"
is "$(behind mark-outside)" "null unknown" "so has a file that a process outside made"
is "$(behind mark-own)" "" "a temporary file without a name, which its maker reads again, has none"
is "$(behind mark-unrelated)" "" "while files that are older than the run have none"
"$WEIR" rm broken >/dev/null # a quarter of a million events, which the schema's check need not read

# The build for older kernels knows the same.
cd "$T" && mkdir drive && cd drive || exit 1
cp /bin/true renamed
for build in "" -H; do
	rm -f planted done
	# shellcheck disable=SC2086 # an option or none
	run "$DRIVE" $build 'printf "#!/bin/sh\n" >planted; chmod 755 planted; mv renamed r && mv r renamed; touch done' \
		'while [ ! -e done ]; do sleep 0.05; done; ./planted; ./renamed'
	like "$out" '^handover call=2 .* from=1 edge=executed .*/planted' "${build:-plain}: executed"
	like "$out" '^handover call=2 .* from=1 edge=executed .*/renamed' "${build:-plain}: executed what was renamed"
done
finish
