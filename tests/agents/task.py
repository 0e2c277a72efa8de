#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""task.py DIR: the scripts of the model server for each agent and mode. The work is the same: a test fails, the
agent looks (two shell calls side by side), edits a file with its own tool, tests again and commits. Each shell call
leaves a mark (tools/mark N), which is what it is known by afterwards."""
import json
import sys

OLD, NEW = "return a - b;", "return a + b;"


def qwen_shell(command):
    return {"name": "run_shell_command", "arguments": {"command": command, "is_background": False}}


def qwen_edit(path, old, new):
    return {"name": "edit", "arguments": {"file_path": f"/work/{path}", "old_string": old, "new_string": new}}


def qwen_read(path):
    return {"name": "read_file", "arguments": {"file_path": f"/work/{path}"}}


def pi_shell(command):
    return {"name": "bash", "arguments": {"command": command}}


def pi_edit(path, old, new):
    return {"name": "edit", "arguments": {"path": path, "edits": [{"oldText": old, "newText": new}]}}


def pi_read(path):
    return {"name": "read", "arguments": {"path": path}}


AGENTS = {"qwen": (qwen_shell, qwen_edit, qwen_read), "pi": (pi_shell, pi_edit, pi_read)}


def turns(shell, edit, read):
    def expecting(call, regex):
        return call | {"expect": regex}

    commit = "git add add.c && git -c user.name=agent -c user.email=agent@localhost commit -qm 'fix add' && git log --oneline"
    return [
        {"text": "The test first.", "calls": [expecting(shell("sh tools/mark 1; make test"), "add is wrong")]},
        {
            "text": "Two looks at once.",
            "calls": [
                expecting(shell("sh tools/mark 2; sleep 0.8; cat Makefile"), "add is wrong"),
                expecting(shell("sh tools/mark 3; sleep 0.8; git status --short; echo looked"), "looked"),
                expecting(read("add.c"), "return a - b"),
            ],
        },
        {"calls": [edit("add.c", OLD, NEW)]},
        {"calls": [expecting(shell("sh tools/mark 4; make test"), "all is well")]},
        {"calls": [expecting(shell(f"sh tools/mark 5; {commit}"), "fix add")]},
        {"text": "The sum is right now, and committed."},
    ]


def main():
    for agent, tools in AGENTS.items():
        for mode in ("headless", "screen"):
            with open(f"{sys.argv[1]}/{agent}-{mode}.json", "w") as f:
                json.dump({"turns": turns(*tools)}, f)


if __name__ == "__main__":
    main()
