#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Chains of calls, told back to the first one: weir explain, weir blame and via. What is true is what the
# trajectory says: who wrote what from what, in which order; effects carry marks in their ports.
. "$(dirname "$0")/tap.sh"
need jq python3 cc root cgroup2 bpf

mkdir "$T/work"
chmod 777 "$T/work"
cd "$T/work" || exit 1
printf 'version: 1\nfiles:\n  workspace: %s\n' "$T/work" >"$T/policy.yaml"

# NAME COMMAND...: a trajectory of one call each
trajectory() {
	name=$1
	shift
	jq -n --arg name "$name" '{schema_version: "ATIF-v1.6", session_id: $name, agent: {name: "a", version: "1"},
		steps: [$ARGS.positional | to_entries[] | {step_id: (.key + 1), source: "agent", message: "",
			tool_calls: [{tool_call_id: "c\(.key + 1)", function_name: "bash", arguments: {command: .value}}]}]}' \
		--args "$@" >"$T/$name.json"
}
replay() {
	run "$WEIR" replay -p "$T/policy.yaml" -n "$1" "$T/$1.json"
	is "$status" 0 "$1: the calls are replayed" "$err"
}
# PORT in a run: the calls behind the connection to it
via_of() { "$WEIR" events "$1" --kind connect -f json | jq -c "select(.port == $2) | [.via[]?.call]"; }
schema() { # NAME FILE
	if python3 -c 'import jsonschema' 2>/dev/null; then
		"$TOP/script/check-schema" "$TOP/doc/schema/$1.schema.json" "$2" >"$T/schema" 2>&1
		ok $? "holds against $1.schema.json" "$(cat "$T/schema")"
	else
		skip "JSON against $1.schema.json" "python3-jsonschema is not installed"
	fi
}
# FINDING's graph: whether there is a way from each of these calls to the finding, and from no other
cat >"$T/reach.py" <<'PYTHON'
import json, sys
graph = json.load(open(sys.argv[1]))["graph"]
ids = [n["id"] for n in graph["nodes"]]
assert len(ids) == len(set(ids)), "a node comes twice"
assert all(e[end] in ids for e in graph["edges"] for end in ("from", "to")), "an edge without a node"
back = {}
for e in graph["edges"]:
    back.setdefault(e["to"], set()).add(e["from"])
seen, todo = set(), [i for i in ids if i.startswith("finding:")]
while todo:
    for before in back.get(todo.pop(), ()):
        if before not in seen:
            seen.add(before)
            todo.append(before)
print(*sorted(int(i[5:]) for i in seen if i.startswith("call:")))
PYTHON

# Call 2 plants, call 4 moves it, call 6 links it, call 8 runs it: three hands before the one that acts.
connect='python3 -c "import socket; socket.socket().connect_ex((chr(49)+\"0.0.0.9\", 20008))"'
trajectory chain \
	"echo nothing >unrelated-1" \
	"printf 'all:\n\t%s\n' '$connect' >seed" \
	"echo nothing >unrelated-3; ls" \
	"cp seed moved; mv moved Makefile.in" \
	"date >>unrelated-1" \
	"ln Makefile.in Makefile" \
	"true" \
	"make -s all"
replay chain
is "$(via_of chain 20008 | jq -c 'sort')" "[2,4,6]" "the effect has each call of its chain as via, and no other"
is "$("$WEIR" events chain --via 2 --kind connect -f json | jq .port)" 20008 "--via finds it from the first call's end"
is "$("$WEIR" events chain --via 4 --kind finding -f json | jq -r .call | sort -u)" 8 "--via finds findings"
is "$("$WEIR" events chain --via 6 -f json | jq -r 'select(.kind == "handover") | [.call, .from] | @tsv' | head -n 1)" "8	6" \
	"and the handover that begins it"
is "$("$WEIR" events chain --via 3 -f json | wc -l)" 0 "behind nothing stands a call that only looked on"
run "$WEIR" report chain -f json -o "$T/report.json"
schema report "$T/report.json"
is "$(jq -c '.calls[8] | [.n, (.via | map(.call) | sort), .behind]' "$T/report.json")" "[8,[2,4,6],[]]" "the report names them too"
is "$(jq -c '.calls[2].behind | map(.call) | unique' "$T/report.json")" "[4,8]" "and behind which the first one stands"
finding=$(jq -r '[.findings[] | select(.call == 8 and .detector == "denied_network")][0].id' "$T/report.json")
run "$WEIR" explain "chain/$finding" -f json
is "$status" 0 "the finding is explained"
cp "$T/out" "$T/explain.json"
schema explain "$T/explain.json"
is "$(python3 "$T/reach.py" "$T/explain.json" 2>&1)" "2 4 6 8" "the graph leads from each call of the chain to the finding"
"$WEIR" events chain -f json | jq -r .id | sort >"$T/ids"
is "$(jq -r '.graph.edges[].evidence // empty' "$T/explain.json" | sort -u | comm -23 - "$T/ids")" "" "each edge's evidence is in the record"
run "$WEIR" explain "chain/$finding"
like "$out" '^How it came about' "and told in sentences"
flat=$(tr -s '\n ' '  ' <"$T/out")
like "$flat" 'In call 8, bash `make -s all`, [^ ]*/make .*Makefile .* which call [46], ' "from the call that acted"
like "$flat" 'read /work/seed \(event [0-9]+, [0-9:.]+\), which call 2, bash `printf ' "to the one that planted it"
like "$flat" 'Behind call 2 stands no other there\.' "where it ends"

# Two calls that write each other's file: the story ends, each step once.
rm -f -- *
trajectory loop "echo 1 >a" "cat a >b" "cat b >>a" "cat a >>b" "cat b >>a; cat a >>b" ". ./b; $connect"
replay loop
is "$(via_of loop 20008 | jq -c 'sort | unique')" "[1,2,3,4,5]" "writers in turn all stand behind it"
run timeout 20 "$WEIR" explain loop/F1
is "$status" 0 "a loop is told to its end"
is "$(grep -o 'event [0-9]*' "$T/out" | sort | uniq -c | awk '$1 > 4')" "" "and no step again and again"

# blame: every name that the file had, in order; content kept and replaced; a name that is gone.
rm -rf -- *
trajectory names \
	"mkdir d; echo one >d/f" \
	"mv d e; echo two >>e/f" \
	"ln e/f hard; echo three >>hard" \
	"sed -i s/one/1/ e/f; mv e/f last" \
	"echo four >hard; rm hard; echo other >hard" \
	"cp last copy; rm last; printf 'x' >'$(printf 'h\033[2Jx')'"
replay names
calls_of() { "$WEIR" blame names "$1" -f json | jq -c "[.changes[] | select($2) | .call] | unique"; }
is "$(calls_of last 'true')" "[1,2,3,4,6]" "blame follows a moved directory, a hard link, a replaced file and a removal"
is "$("$WEIR" blame names last -f json | jq -c '[.now, .holds]')" '["gone",[]]' "a file that was removed is answered for"
is "$("$WEIR" blame names hard -f json | jq -c '[.now, .holds]')" '["there",[5]]' "a name that was given to another file holds that one's content"
is "$(calls_of hard '.kept | not')" "[1,2,3,5]" "and what it held before is shown as replaced"
is "$(calls_of copy 'true')" "[6]" "a copy is its maker's"
is "$("$WEIR" blame names copy -f json | jq -c '[.changes[].via[].call] | unique')" "[1,2,3,4]" "behind which the former writers stand"
is "$("$WEIR" blame names "$T/work/copy" -f json | jq -r .path)" "/work/copy" "a path of the workspace on the host"
is "$("$WEIR" blame names ./e/../copy -f json | jq -r .path)" "/work/copy" "and one relative to it"
run "$WEIR" blame names "$(printf 'h\033[2Jx')"
like "$out" ' 6 .*h\\e\[2Jx' "a hostile name is answered for"
is "$(LC_ALL=C tr -d '\n\40-\176\200-\377' <"$T/out" | wc -c)" 0 "and escaped"
for path in last hard copy nothing; do "$WEIR" blame names $path -f json; done >"$T/blame.jsonl"
schema blame "$T/blame.jsonl"
run "$WEIR" blame names nothing
like "$out" 'No call of this run' "a file that nobody changed"
run "$WEIR" blame names
is "$status" 2 "blame wants a path"
run "$WEIR" blame nobody last
is "$status" 125 "a run that is not there"

# The recorder stands still while call 2 makes more file events than the ring holds, and plants a file.
rm -rf -- *
cc -O1 -pthread -o mark "$TOP/tests/scenario/mark.c" || exit 1
cat >fill.py <<'PYTHON'
import os
os.chdir("/dev/shm")  # long names: few of them fill the ring
for _ in range(4):
    os.mkdir("x" * 220)
    os.chdir("x" * 220)
for i in range(8000):
    open(str(i), "w").close()
PYTHON
trajectory lost "true" \
	"touch stop-now; until [ -e stopped ]; do sleep 0.02; done; python3 fill.py; echo './mark 3 plain' >planted; touch go-on" \
	"sh planted"
(
	until [ -e stop-now ]; do sleep 0.02; done
	recorder=$(for pid in $(store_pids); do
		case $(readlink "/proc/$pid/exe") in */weir-recorder) echo "$pid" ;; esac
	done)
	# shellcheck disable=SC2086 # it has a helper
	kill -STOP $recorder
	touch stopped
	until [ -e go-on ]; do sleep 0.02; done
	sleep 0.2
	# shellcheck disable=SC2086
	kill -CONT $recorder
) &
replay lost
wait
lost=$("$WEIR" report lost -f json | jq '.calls[2].events.lost')
unlike "$lost" '^0$' "file events of call 2 were lost: $lost"
is "$("$WEIR" events lost --kind file --call 2 | grep -c ' /work/planted ')" 0 "the one that planted the file among them"
is "$(via_of lost 20003 | jq -cs 'unique | .[]')" "[2]" "what the planted file did has its edge"
run "$WEIR" blame lost planted
like "$out" '^\? +2 +it was changed, how is not in the record' "blame names the call and the gap"
like "$out" 'INCOMPLETE: file events were lost: [0-9]+ of call 2' "and who else may have written"
finish
