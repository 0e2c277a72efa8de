#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""judge.py EVENTS REPORT [TOLD] [parallel]: holds a run of task.py's work against the marks that its shell calls left:
each in a call of its own, known by its command line and, where the agent told its hooks (TOLD, what another hook
was given), by the agent's id and function name. Prints what is wrong, one thing a line; nothing where all is right."""
import json
import sys

MARKS = ["1", "2", "3", "4", "5"]


def told_of_marks(path):
    """What the agent said of each mark's call, from JSON objects one after another."""
    with open(path) as f:
        text, at, told = f.read().strip(), 0, {}
    while at < len(text):
        said, at = json.JSONDecoder().raw_decode(text, at)
        at += len(text[at:]) - len(text[at:].lstrip())
        command = said.get("tool_input", {}).get("command", "")
        for mark in MARKS:
            if f"tools/mark {mark}" in command:
                told[mark] = (said["tool_use_id"], said["tool_name"])
    return told


def main():
    with open(sys.argv[1]) as f:
        events = [json.loads(line) for line in f]
    with open(sys.argv[2]) as f:
        calls = {c["n"]: c for c in json.load(f)["calls"]}
    words = sys.argv[3:]
    told = {mark: None for mark in MARKS}
    if words and words[0] != "parallel":
        told |= told_of_marks(words[0])
        if None in told.values():
            print(f"the agent did not tell of every call: {told}")
    of_mark = {}
    for mark in MARKS:
        seen = {
            e["call"] for e in events if e["kind"] == "exec" and e["argv"] and e["argv"][-2:] == ["tools/mark", mark]
        }
        if len(seen) != 1 or 0 in seen:
            print(f"mark {mark} was executed in calls {sorted(seen)}")
            continue
        call = of_mark[mark] = seen.pop()
        wrote = {e["call"] for e in events if e["kind"] == "file" and (e["path"] or "").endswith(f"/marks/{mark}")}
        if wrote != {call}:
            print(f"mark {mark} was executed in call {call} and written in {sorted(wrote)}")
        inexact = {e["basis"] for e in events if e["call"] == call} - {"exact"}
        if inexact:
            print(f"call {call} has events with basis {sorted(inexact)}")
        about = calls[call]
        if f"tools/mark {mark}" not in json.dumps(about["arguments"]):
            print(f"call {call} does not have the command of mark {mark}: {about['arguments']}")
        if told[mark] and told[mark] != (about["tool_call_id"], about["function_name"]):
            print(f"call {call} is {about['tool_call_id']!r} {about['function_name']!r}, the agent said {told[mark]}")
    if len(set(of_mark.values())) != len(of_mark):
        print(f"marks share calls: {of_mark}")
    if "2" in of_mark and "3" in of_mark:
        a, b = calls[of_mark["2"]], calls[of_mark["3"]]
        if max(a["started"], b["started"]) > min(a["ended"], b["ended"]) and "parallel" in words:
            print(f"calls {a['n']} and {b['n']} were not side by side")
    edits = {e["call"] for e in events if e["kind"] == "file" and e["op"] == "write" and e["path"].endswith("/add.c")}
    if edits & set(of_mark.values()):
        print(f"the agent's own edit is in a shell call: {sorted(edits)}")


if __name__ == "__main__":
    main()
