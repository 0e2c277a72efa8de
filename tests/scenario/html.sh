#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The page of a run, as a browser has it: nothing in it runs that an agent wrote, it asks for nothing, it is read by
# keyboard, by ear, by touch and on paper, and a large run stays smooth. Witness: Chromium (lib_html.py).
. "$(dirname "$0")/tap.sh"
need python3 chromium

# What the browser says about a page becomes results of this test.
look() { # TITLE PAGE [big]
	title=$1
	shift
	status=0
	TMPDIR=$T python3 "$TOP/tests/scenario/lib_html.py" "$@" >"$T/look" 2>"$T/look.err" || status=$?
	while IFS= read -r line; do
		case $line in
		"ok "*) ok 0 "$title: ${line#ok }" ;;
		"not "*) ok 1 "$title: ${line#not }" ;;
		*) echo "$line" ;;
		esac
	done <"$T/look"
	is "$status" 0 "$title: all of it was looked at" "$(tail -n 3 "$T/look.err")"
}

# What an agent may say and name, for real: markup, terminal escapes, a NUL, text that reorders what is read, a line
# of a megabyte, bytes that are no UTF-8; and a process that outlives its call.
python3 - "$T" <<'END'
import json, sys
commands = [
    "printf '</script><script>hacked=1</script><img src=x onerror=hacked=1>\\n'",
    "touch '<img src=x onerror=hacked=1>.c'; printf '\\033[2J\\033]0;own\\007 \\000 \\377\\376\\n'",
    "printf 'user\u202etxt.exe \u2066\u200b\\n' # \u202e\u2069",
    "head -c 1000000 /dev/zero | tr '\\0' A",
    "sleep 30 & cp /bin/true '</title>'; ./'</title>'; true <!-- ]]> {{report}} " + "B" * 1000000,
]
calls = [("bash", {"command": c}) for c in commands]
calls += [("<b>none</b>", {"__proto__": {"hacked": 1}, "</script>": "\u0000\ud83d\ude00"})]
def trajectory(path, calls):
    json.dump({"schema_version": "ATIF-v1.7", "agent": {"name": "</script><i>", "version": "1"}, "steps": [
        {"step_id": n, "source": "agent", "message": "", "tool_calls": [
            {"tool_call_id": "<u>%d" % n, "function_name": f, "arguments": a}]}
        for n, (f, a) in enumerate(calls, 1)]}, open(path, "w"))
trajectory(sys.argv[1] + "/hostile.json", calls)
small = ("true", "false", "sleep 1 & true", "echo four")
trajectory(sys.argv[1] + "/small.json", [("bash", {"command": c}) for c in small])
END
if has root && has cgroup2 && has bpf; then
	mkdir "$T/work"
	chmod 777 "$T/work"
	cd "$T/work" || exit 1
	run "$WEIR" replay -n hostile --report "$T/hostile.html" "$T/hostile.json"
	[ -s "$T/hostile.html" ]
	ok $? "replay writes the page at its end" "$err"
	[ "$(wc -c <"$T/hostile.html")" -lt 1000000 ]
	ok $? "a megabyte of arguments and another of output do not all go into it"
	look "hostile names and output" "$T/hostile.html"
	"$WEIR" report -f html >"$T/printed.html"
	cmp "$T/hostile.html" "$T/printed.html" >"$T/out" 2>&1
	ok $? "weir report -f html prints the same" "$(cat "$T/out")"
else
	skip "hostile names and output of a run" "needs root, cgroup v2 and BPF"
fi

# Without root sensors are missing, and a page may not call such a record complete.
if has root && has userns; then
	mkdir "$T/user" "$T/user/work"
	chown -R 65534 "$T/user"
	cd "$T/user/work" || exit 1
	run setpriv --reuid 65534 --regid 65534 --clear-groups env WEIR_STORE="$T/user/store" \
		"$WEIR" replay --report "$T/user/page.html" "$T/small.json"
	is "$status" 0 "an ordinary user's run writes a page" "$err"
	look "an ordinary user's run" "$T/user/page.html"
	like "$(cat "$T/look")" "it says of the record: Partly blind" "it is told that not all could be seen"
	cd "$TOP" || exit 1
else
	skip "an ordinary user's run" "needs root, to become another user, and user namespaces"
fi

maker=${WEIR_BUILD:-$(dirname "$WEIR")}/tests/unit/make_record
"$maker" "$T/big" 1000 100000
run "$WEIR" report -s "$T/big" -o "$T/big.html"
is "$status" 0 "a page of 1,000 calls and 100,000 events" "$err"
look "1,000 calls and 100,000 events" "$T/big.html" big

# Beyond what one page holds: it says so, stays a size that a browser opens, and keeps what is guilty.
"$maker" "$T/huge" 30000 60000
run "$WEIR" report -s "$T/huge" -o "$T/huge.html"
is "$status" 0 "a page of a run of 30,000 calls" "$err"
[ "$(wc -c <"$T/huge.html")" -lt 40000000 ]
ok $? "is bounded" "$(wc -c <"$T/huge.html")"
# 1,500 calls have a finding; the first 8,500 numbers are kept, and behind them 1,076 of the guilty.
is "$(python3 - "$T/huge.html" <<'END'
import json, re, sys
blocks = [json.loads(b) for b in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', open(sys.argv[1]).read(), re.S)]
kept = [call["n"] for call in blocks[0]["calls"]]
print(len(kept), len(kept) + blocks[1]["calls_left_out"] - 1, all(n in kept for n in range(20, 30001, 20)))
END
)" "9576 30000 True" "it holds every call with a finding, and says how many others are not there"
finish
