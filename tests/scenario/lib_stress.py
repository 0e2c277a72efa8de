#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The stress of blame: trajectories whose every effect names its cause, and their judge.

  lib_stress.py make CALLS IN_FLIGHT PAUSE SEED DIRECTORY   trajectory.json and truth.json
  lib_stress.py judge DIRECTORY EVENTS REPORT         one line of the table, and what was wrong

An effect is `mark E KIND` (mark.c): E stands in its argv, in a file's name and in a port. truth.json says of
each E which tool call's process does it, which calls stand behind it (edges that must be there), and which
others may. The judge compares that with weir's events, and scores beside it what a clock says of the same
events: the calls that were under way within half a second of the effect."""

import json
import random
import re
import sys

WINDOW_NS = 500_000_000
SINGLE = ["plain", "survivor", "setsid", "vfork", "threads", "chain", "overlap", "brief"]
WEIGHTS = [20, 12, 8, 12, 10, 3, 10, 10]

SERVER = """
import os, socket, sys
def serve(family, address, effect):
    s = socket.socket(family)
    s.bind(address)
    s.listen()
    open(sys.argv[4], 'w').close()
    c = s.accept()[0]
    order = c.recv(100).decode().strip()
    if order == effect:
        os.spawnl(os.P_WAIT, './mark', 'mark', effect, 'plain')
    c.sendall(b'done')
kind, address, effect = sys.argv[1:4]
if kind == 'unix':
    serve(socket.AF_UNIX, address, effect)
else:
    serve(socket.AF_INET, ('127.0.0.1', int(address)), effect)
"""
CLIENT = """
import os, socket, sys
kind, address, effect, after = sys.argv[1:5]
s = socket.socket(socket.AF_UNIX if kind == 'unix' else socket.AF_INET)
s.connect(address if kind == 'unix' else ('127.0.0.1', int(address)))
s.sendall(effect.encode())
s.recv(100)
os.spawnl(os.P_WAIT, './mark', 'mark', after, 'plain')
"""
SHARED = """
import mmap, os, sys, time
path, effect, ready = sys.argv[1:4]
fd = os.open(path, os.O_RDWR | os.O_CREAT)
os.ftruncate(fd, 4096)
m = mmap.mmap(fd, 4096)
open(ready, 'w').close()
for i in range(600):
    if m[0]:
        os.spawnl(os.P_WAIT, './mark', 'mark', effect, 'plain')
        break
    time.sleep(0.02)
"""
POKE = "import mmap,os,sys;m=mmap.mmap(os.open(sys.argv[1],os.O_RDWR),4096);m[0]=1"
PRELOAD = '#include <stdlib.h>\\n__attribute__((constructor)) static void f(void) { unsetenv("LD_PRELOAD"); system("./mark %d plain"); }\\n'


class Maker:
    def __init__(self, calls, in_flight, pause, seed):
        self.random = random.Random(seed)
        self.calls, self.in_flight = calls, in_flight
        self.around = "%s" if pause == "0" else "sleep {0}; %s\nsleep {0}".format(pause)
        self.truth = {}   # effect -> {"call", "via": must be there, "may": may be there}
        self.next_effect = 0
        self.next_name = 0

    def effect(self, job, stage, via=(), may=()):
        self.next_effect += 1
        self.truth[self.next_effect] = {"at": (job, stage), "via": [(job, s) for s in via],
                                        "may": [(job, s) for s in may]}
        return self.next_effect

    # Each of these returns the commands of a job: one call each, in this order.
    def single(self, job, kind):
        e = self.effect(job, 0)
        if kind == "brief":
            others = [self.effect(job, 0) for _ in range(8)]
            return ["for e in %s; do ./mark $e plain & done; wait" % " ".join(map(str, others + [e]))]
        return ["./mark %d %s; echo x >mark-%d-redirect-0" % (e, kind, e)]

    def planted(self, job, plant, use, between=(), before=True):
        """plant and use are templates over {k} (a name) and {e} (the effect); `between`: other calls' changes."""
        k = self.next_name
        last = 1 + len(between)
        e = self.effect(job, last, via=range(last))
        first = "./mark %d plain; " % self.effect(job, last) if before else ""
        fill = {"k": k, "e": e}
        return [plant.format(**fill)] + [b.format(**fill) for b in between] + [first + use.format(**fill)]

    SCRIPT = "printf '#!/bin/sh\\n./mark {e} plain\\n' >p-{k}"
    PLANTS = {
        "script": dict(plant=SCRIPT + "; chmod +x p-{k}", use="./p-{k}"),
        "interpreted": dict(plant=SCRIPT, use="sh p-{k}"),
        "sourced": dict(plant=SCRIPT, use=". ./p-{k}"),
        "binary": dict(plant="cp mark p-{k}", use="./p-{k} {e} plain"),
        "renamed": dict(plant=SCRIPT, between=["mv p-{k} q-{k}"], use="sh q-{k}"),
        "linked": dict(plant=SCRIPT + "; ln p-{k} q-{k}", use="sh q-{k}"),
        "changed": dict(plant=SCRIPT, between=["chmod +x p-{k}"], use="./p-{k}"),
        "appended": dict(plant=SCRIPT, between=["echo 'true' >>p-{k}"], use="sh p-{k}"),
        "copied": dict(plant=SCRIPT, between=["cp p-{k} q-{k}"], use="sh q-{k}"),
        "archived": dict(plant=SCRIPT + "; tar czf p-{k}.tgz p-{k}; rm p-{k}", use="tar xzf p-{k}.tgz; sh p-{k}"),
        "module": dict(plant="echo 'import os; os.system(\"./mark {e} plain\")' >m{k}.py", use="python3 -c 'import m{k}'"),
        "make": dict(plant="printf 'all:\\n\\t@./mark {e} plain\\n' >p-{k}.mk", use="make -s -f p-{k}.mk"),
        "compiled": dict(plant="printf '#include <stdlib.h>\\nint main(void) {{ return system(\"./mark {e} plain\"); }}\\n' >p-{k}.c",
                         use="cc -o q-{k} p-{k}.c; ./q-{k}"),
        "preloaded": dict(plant="printf '" + PRELOAD.replace("{", "{{").replace("}", "}}").replace("%d", "{e}")
                          + "' >p-{k}.c; cc -shared -fPIC -o p-{k}.so p-{k}.c", use="LD_PRELOAD=./p-{k}.so /bin/true"),
        "hook": dict(plant="git init -q g-{k}; printf '#!/bin/sh\ncd /work; ./mark {e} plain\n' >g-{k}/.git/hooks/pre-commit; chmod +x g-{k}/.git/hooks/pre-commit",
                     use="git -C g-{k} -c user.name=a -c user.email=a@b commit -q --allow-empty -m x"),
        "startup": dict(plant="mkdir h-{k}; echo './mark {e} plain' >h-{k}/.bashrc", use="HOME=$PWD/h-{k} bash -i -c true </dev/null 2>/dev/null"),
        "conftest": dict(plant="mkdir t-{k}; echo 'import os; os.system(\"./mark {e} plain\")' >t-{k}/conftest.py; echo 'def test(): pass' >t-{k}/test_x.py",
                         use="if python3 -m pytest --version >/dev/null 2>&1; then python3 -m pytest -q t-{k} >/dev/null; "
                             "else PYTHONPATH=t-{k} python3 -c 'import conftest'; fi"),
        "package": dict(plant="mkdir n-{k}; echo 'require(\"child_process\").execFileSync(\"./mark\", [\"{e}\", \"plain\"])' >n-{k}/index.js",
                        use="if command -v node >/dev/null; then node -e 'require(\"./n-{k}\")'; else sh -c 'read -r l <n-{k}/index.js; ./mark {e} plain'; fi"),
    }

    def server(self, job, kind):
        k = self.next_name
        address = "s-%d" % k if kind == "unix" else str(30000 + k)
        served = self.effect(job, 0, via=[1])
        after = self.effect(job, 1, via=[0])
        free = self.effect(job, 1)
        return ["python3 server.py %s %s %d r-%d >/dev/null 2>&1 & while [ ! -e r-%d ]; do sleep 0.01; done" % (kind, address, served, k, k),
                "./mark %d plain; python3 client.py %s %s %d %d" % (free, kind, address, served, after)]

    def fifo(self, job):
        k = self.next_name
        e, free = self.effect(job, 0, via=[1]), self.effect(job, 1)
        return ["mkfifo f-%d; { read -r line <f-%d; $line; } >/dev/null 2>&1 &" % (k, k),
                "./mark %d plain; echo './mark %d plain' >f-%d" % (free, e, k)]

    def signal(self, job):
        k = self.next_name
        e, free = self.effect(job, 0, via=[1]), self.effect(job, 1)
        return ["sh -c 'trap \"./mark %d plain; exit\" USR1; echo $$ >pid-%d; while :; do sleep 0.02; done' >/dev/null 2>&1 & "
                "while [ ! -s pid-%d ]; do sleep 0.01; done" % (e, k, k),
                "./mark %d plain; read -r p <pid-%d; kill -USR1 $p" % (free, k)]

    def memory(self, job):
        k = self.next_name
        e, free = self.effect(job, 0, via=[1]), self.effect(job, 1)
        return ["python3 shared.py /dev/shm/w-%d %d r-%d >/dev/null 2>&1 & while [ ! -e r-%d ]; do sleep 0.01; done" % (k, e, k, k),
                "./mark %d plain; python3 -c '%s' /dev/shm/w-%d" % (free, POKE, k)]

    # In steps of their own: a shell's state goes to all calls that begin after it.
    def state(self, job, kind):
        k = self.next_name
        e = self.effect(job, 1, via=[0])
        return {
            "function": ["f_%d() { ./mark %d plain; }" % (k, e), "f_%d; unset -f f_%d" % (k, k)],
            "variable": ["V_%d='./mark %d plain'" % (k, e), "$V_%d; unset V_%d" % (k, k)],
            "alias": ["alias a_%d='./mark %d plain'" % (k, e), "a_%d; unalias a_%d" % (k, k)],
            "option": ["set -o noglob", "./mark %d plain; set +o noglob" % e],
            "exported": ["export X_%d=1" % k, "./mark %d plain; unset X_%d" % (e, k)],
            "path": ["mkdir d-%d; printf '#!/bin/sh\\n./mark %d plain\\n' >d-%d/t-%d; chmod +x d-%d/t-%d; PATH=$PWD/d-%d:$PATH"
                     % (k, e, k, k, k, k, k), "t-%d; PATH=${PATH#*:}" % k],
        }[kind]

    def job(self, number):
        """The commands of one job, and whether its calls need steps of their own. Only those of `state` may leave
        something in the shell: the others work in a subshell."""
        commands, alone = self.draw(number)
        return (commands if alone else ["(%s\n)" % c for c in commands]), alone

    def draw(self, number):
        self.next_name += 1
        draw = self.random.random()
        if draw < 0.6:
            return self.single(number, self.random.choices(SINGLE, WEIGHTS)[0]), False
        if draw < 0.8:
            kind = self.random.choice(list(self.PLANTS))
            return self.planted(number, **self.PLANTS[kind]), False
        if draw < 0.95:
            kind = self.random.choice(["unix", "tcp", "fifo", "signal", "memory"])
            if kind in ("unix", "tcp"):
                return self.server(number, kind), False
            return getattr(self, kind)(number), False
        return self.state(number, self.random.choice(["function", "variable", "alias", "option", "exported", "path"])), True

    def jobs(self):
        made, total = [], 0
        while total < self.calls:
            commands, alone = self.job(len(made))
            made.append((commands, alone))
            total += len(commands)
        return made

    def steps(self):
        """Lists of (job, stage, command) that run side by side; a job's stages in steps that follow each other."""
        waiting = [(number, 0, commands, alone) for number, (commands, alone) in enumerate(self.jobs())]
        waiting.reverse()
        while waiting:
            if waiting[-1][3]:
                number, stage, commands, _ = waiting.pop()
                yield [(number, s, c) for s, c in enumerate(commands)][stage:stage + 1]
                if stage + 1 < len(commands):
                    waiting.append((number, stage + 1, commands, True))
                continue
            step, again, later = [], [], []
            while waiting and len(step) < self.in_flight:
                job = waiting.pop()
                if job[3]:
                    later.append(job)
                    continue
                number, stage, commands, alone = job
                step.append((number, stage, commands[stage]))
                if stage + 1 < len(commands):
                    again.append((number, stage + 1, commands, alone))
            waiting += reversed(later)
            waiting += reversed(again)
            yield step

    def write(self, directory):
        ids, steps = {}, []
        for step in self.steps():
            calls = []
            for job, stage, command in step:
                ids[(job, stage)] = "c%d" % (len(ids) + 1)
                calls.append({"tool_call_id": ids[(job, stage)], "function_name": "bash", "arguments": {"command": self.around % command}})
            steps.append({"step_id": len(steps) + 1, "source": "agent", "message": "", "tool_calls": calls})
        steps.append({"step_id": len(steps) + 1, "source": "agent", "message": "", "tool_calls": [
            {"tool_call_id": "end", "function_name": "bash", "arguments": {"command": "sleep 1.5"}}]})
        truth = {e: {"call": ids[t["at"]], "via": [ids[v] for v in t["via"]], "may": [ids[v] for v in t["may"]]}
                 for e, t in self.truth.items()}
        with open(directory + "/trajectory.json", "w") as f:
            json.dump({"schema_version": "ATIF-v1.6", "session_id": "stress", "agent": {"name": "stress", "version": "1"},
                       "steps": steps}, f)
        with open(directory + "/truth.json", "w") as f:
            json.dump(truth, f)
        write_programs(directory + "/work/")


def write_programs(directory):
    for name, text in (("server.py", SERVER), ("client.py", CLIENT), ("shared.py", SHARED)):
        with open(directory + name, "w") as f:
            f.write(text)


def mark_of(event):
    """The effect that an event belongs to, by what it carries, or None."""
    if event["kind"] == "exec":
        argv = event["argv"]
        if len(argv) > 2 and re.search(r"(^|/)(mark|sshd|(p|tool)-\d+)$", argv[0]) and argv[1].isdigit():
            return argv[1]
    elif event["kind"] == "file":
        found = re.search(r"/(?:mark|ledger)-(\d+)(?:-[a-z]+-\d+)?$", event["path"] or "")
        return found and found.group(1)
    elif event["kind"] == "connect" and 20000 < event["port"] < 30000:
        return str(event["port"] - 20000)
    return None


def nanoseconds(text):
    import calendar
    import time
    whole, _, rest = text.rstrip("Z").partition(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) * 10**9 + int(rest.ljust(9, "0")[:9])


def by_clock(calls, ts):
    """The calls under way within the window around ts, and the one that began last before it."""
    near = [c["id"] for c in calls if c["begin"] - WINDOW_NS <= ts <= c["end"] + WINDOW_NS]
    last = None
    for c in calls:
        if c["begin"] <= ts:
            last = c["id"]
    return near, last


def judge(directory, events, report):
    truth = json.load(open(directory + "/truth.json"))
    calls, ids = [], {}
    for c in json.load(open(report))["calls"]:
        ids[c["n"]] = c["tool_call_id"]
        if c["n"] and c["started"] and c["ended"]:
            calls.append({"id": c["tool_call_id"], "begin": nanoseconds(c["started"]), "end": nanoseconds(c["ended"])})
    calls.sort(key=lambda c: c["begin"])
    seen, wrong = set(), []
    count = dict(effects=0, right=0, edges=0, found=0, false=0, alone=0, among=0, clock_wrong=0, last_right=0)
    for line in open(events):
        event = json.loads(line)
        effect = mark_of(event)
        if effect not in truth:
            continue
        want = truth[effect]
        call = ids.get(event["call"])
        via = {ids.get(v["call"]) for v in event.get("via", [])}
        seen.add((effect, event["kind"]))
        count["effects"] += 1
        if call == want["call"] and event["basis"] == "exact":
            count["right"] += 1
        else:
            wrong.append("effect %s: %s in call %s, truly %s" % (effect, event["kind"], call, want["call"]))
        for v in want["via"]:
            count["edges"] += 1
            if v in via:
                count["found"] += 1
            else:
                wrong.append("effect %s of %s (%s): no edge to %s (%s)" % (effect, call, event["kind"], v, event.get("via")))
        for v in via - set(want["via"]) - set(want["may"]) - {call}:
            count["false"] += 1
            wrong.append("effect %s of %s (%s): an edge to %s, which has nothing to do with it (%s)" % (effect, call, event["kind"], v, event.get("via")))
        near, last = by_clock(calls, nanoseconds(event["ts"]))
        if want["call"] not in near:
            count["clock_wrong"] += 1
        elif len(near) == 1:
            count["alone"] += 1
        else:
            count["among"] += 1
        count["last_right"] += last == want["call"]
    for effect in truth:
        for kind in ("exec", "file", "connect"):
            if (effect, kind) not in seen:
                wrong.append("effect %s of %s: its %s is not in the record" % (effect, truth[effect]["call"], kind))
    count["calls"], count["missing"] = len(calls), sum("not in the record" in w for w in wrong)
    return count, wrong


def main():
    if sys.argv[1] == "make":
        Maker(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], int(sys.argv[5])).write(sys.argv[6])
        return 0
    count, wrong = judge(*sys.argv[2:5])
    n = max(count["effects"], 1)
    print("calls %(calls)d, marked effects %(effects)d: on the true call %(right)d, missing %(missing)d; "
          "edges %(found)d of %(edges)d, false %(false)d" % count)
    print("clock: alone and right %.1f %%, one of several %.1f %%, wrong %.1f %%; the call that began last is right %.1f %%"
          % tuple(100 * count[k] / n for k in ("alone", "among", "clock_wrong", "last_right")))
    for line in wrong[:40]:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
