# SPDX-License-Identifier: Apache-2.0
"""A case of the detectors' proof: something that an agent's tool calls do in the test world, run for real inside of
weir, with what it should be blamed for.

    @case("tunnel", seconds=6, quick=True)
    def ssh_R(c):
        c.tool("ssh", "worker")                 # a program under another name, in the workspace
        c.file("config", "...")                 # a file in the workspace
        c.call("make test")                     # an innocent call: nothing above low may be said of it
        c.attack("./worker -F config x")        # the call to blame. c.partner(): may be blamed, need not
        c.begin()                               # weir replays the calls in the world
        s = net.connect("far", c.far, 8000)     # this function is the far end: c.far is its own address
        c.mark()                                # from now on the attack works: time to detection counts
        c.prove(b"inside" in net.http_get(s), "the far end read the inner page")

At the function's end the file `done` appears in the workspace: calls that end with c.until_done() end then. Family
`innocent`: no c.attack(); nothing may be above low. A case of held/ is of the split `held`; of the others, one whose name
hashes low is of `tune`, from which thresholds come, the rest of `report` (as tests/detect/split has it)."""

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import time

import lib_net as net

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WEIR = os.path.abspath(os.environ.get("WEIR", TOP + "/build/weir"))
TOOLS = TOP + "/tests/detect/tools/"
FAMILIES = ("tunnel", "reverse_shell", "mining", "probing", "exfiltration", "innocent")
DETECTORS = ("tunnel", "reverse_shell", "mining", "probing", "exfiltration")
SEVERITIES = ("info", "low", "medium", "high", "critical")
FOUND = SEVERITIES.index("medium")
POLICY = """\
version: 1
background: allow
compute: {pids: 512, files: 4096}
network:
  default: allow
  resolver: ["%s"]
  allow:
    - {host: 10.20.0.0/24}
    - {host: 169.254.169.254}
"""

# How a case's run reaches the outside (tests/detect/run --way): through the gate, by an interface of its own, or as an
# ordinary user's, who has no BPF.
WAYS = ("gate", "veth", "user")
USER = 65534
way = os.environ.get("DETECT_WAY", "gate")

CASES = {}


def as_user(words):
    """The same words, as whoever runs the cases."""
    prefix = ["setpriv", "--reuid", str(USER), "--regid", str(USER), "--clear-groups", "env", "HOME=/nonexistent"]
    return prefix + words if way == "user" else words


class Failed(Exception):
    """The case itself did not work: nothing is said of a detector."""


class Skipped(Exception):
    """What it needs is not here."""


class About:
    """What is known of a case before it runs."""

    def __init__(self, function, family, seconds, options):
        self.name, self.family, self.seconds, self.function = function.__name__, family, seconds, function
        self.doc = (function.__doc__ or "").strip()
        self.quick = options.pop("quick", False)  # part of script/test
        self.evasion = options.pop("evasion", False)  # aims at the detector: may be missed, with the reason
        self.why = options.pop("why", "")  # what an evasion that is missed gets by with
        self.refused = options.pop("refused", False)  # the sandbox makes it impossible: the record says so
        self.outside = options.pop("outside", False)  # done without weir, as a capture alone
        self.detectors = options.pop("detectors", (family,))
        # what is captured for weir pcap, as a filter in which %s is the case's address; alone: it is others' too
        # (of a tunnel, with where it leads: both its flows)
        self.filter = options.pop("filter", "host %s or net 10.20.0.0/24" if family == "tunnel" else "host %s")
        self.alone = options.pop("alone", False)
        self.burns = options.pop("burns", False)  # needs a processor for itself: such cases run one by one, last
        assert not options, options
        held = os.path.basename(os.path.dirname(os.path.abspath(function.__code__.co_filename))) == "held"
        self.split = "held" if held else "tune" if hashlib.sha256(self.name.encode()).hexdigest()[0] < "8" else "report"


def case(family, seconds, **options):
    def enter(function):
        assert function.__name__ not in CASES, function.__name__
        CASES[function.__name__] = About(function, family, seconds, options)
        return function

    return enter


class Case:
    """One case in one run; the function's argument."""

    def __init__(self, about, number, base, capture):
        self.about, self.number = about, number
        self.far, self.far_name = "203.0.113.%d" % number, "n%d.far.test" % number
        self.base = base + "/" + about.name
        self.dir = self.base + "/work"
        os.makedirs(self.dir)
        os.chmod(self.dir, 0o777)
        if way == "user":
            os.chown(self.base, USER, USER)
            os.chown(self.dir, USER, USER)
        self.capture = capture or (self.base + "/capture.pcap" if about.outside else None)
        self.steps, self.guilty, self.partners = [], set(), set()
        self.policy = POLICY % os.environ["WORLD_RESOLVER"] + ("  veth: true\n" if way == "veth" else "")
        self.replay, self.marked, self.begun = None, None, None
        self.starved = ""  # why it may be missed by no fault of a detector
        self.proofs, self.ends = [], contextlib.ExitStack()

    # --- before it begins

    def file(self, name, text, mode=0o644):
        path = os.path.join(self.dir, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        os.chmod(path, mode)
        return path

    def tool(self, program, name="worker"):
        """A program of the host, or of tests/detect/tools, in the workspace under a name that says nothing."""
        path = TOOLS + program if os.path.exists(TOOLS + program) else shutil.which(program)
        if not path:
            raise Skipped("%s is not installed" % program)
        shutil.copy(path, os.path.join(self.dir, name))
        os.chmod(os.path.join(self.dir, name), 0o755)

    def call(self, command):
        """An innocent call; returns its number."""
        self.steps.append([command])
        return len(self.steps)

    def attack(self, command):
        self.guilty.add(self.call(command))
        return len(self.steps)

    def partner(self, command):
        self.partners.add(self.call(command))
        return len(self.steps)

    @staticmethod
    def until(name):
        return "until [ -e %s ]; do sleep 0.1; done" % name

    def until_done(self):
        return self.until("done")

    # --- while it runs

    def begin(self):
        calls = [
            {"step_id": i, "source": "agent", "message": "", "tool_calls": [
                {"tool_call_id": "c%d" % i, "function_name": "bash", "arguments": {"command": command}}]}
            for i, (command,) in enumerate(self.steps, 1)
        ]
        trajectory = {"schema_version": "ATIF-v1.7", "agent": {"name": "case", "version": "1"}, "steps": calls}
        paths = {}
        for name, text in ("trajectory.json", json.dumps(trajectory)), ("policy.yaml", self.policy):
            paths[name] = os.path.join(self.base, name)
            with open(paths[name], "w") as file:
                file.write(text)
        self.report = os.path.join(self.base, "report.json")
        if self.capture:
            self.start_capture()
        out = self.ends.enter_context(open(os.path.join(self.base, "out"), "w"))
        self.replay = net.popen(
            "host",
            as_user([WEIR, "replay", "-n", self.about.name, "-p", paths["policy.yaml"], "--report", self.report,
                     "--write-trajectory", os.path.join(self.base, "said.json"), paths["trajectory.json"]]),
            cwd=self.dir, stdout=out, stderr=out,
        )
        self.begun = time.time()

    def start_capture(self, place="host", interface="any"):
        """What passes on the wire of the world's host, of this case alone."""
        what = self.about.filter % self.far if "%s" in self.about.filter else self.about.filter
        log = os.path.join(self.base, "tcpdump")
        with open(log, "w") as file:
            process = net.popen(
                place, ["tcpdump", "-i", interface, "-n", "-U", "-s", "0", "-B", "32768", "-w", self.capture, what], stderr=file)
        self.ends.callback(net.stop, process, signal.SIGINT)
        self.wait_for(lambda: "listening" in open(log).read(), 5, "tcpdump listens")

    def wait_for(self, condition, seconds, what):
        end = time.monotonic() + seconds
        while True:
            if found := condition():
                return found
            if self.replay and self.replay.poll() not in (None, 0, 1):
                raise Failed("weir ended: " + open(os.path.join(self.base, "out")).read()[-400:])
            if time.monotonic() > end:
                raise Failed("did not come in %s s: %s" % (seconds, what))
            time.sleep(0.05)

    def exists(self, name, seconds=10):
        """Waits until a call has made this file."""
        self.wait_for(lambda: os.path.exists(os.path.join(self.dir, name)), seconds, name)

    def touch(self, name):
        self.file(name, "")

    def mark(self):
        """The attack works from here on."""
        self.marked = self.marked or time.time()

    def prove(self, condition, text):
        if not condition:
            raise Failed("not so: " + text)
        self.proofs.append(text)

    def end(self):
        """Lets the calls end, and waits for the run."""
        try:
            if self.replay:
                self.touch("done")
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.replay.wait(30)
                net.stop(self.replay)
        finally:
            time.sleep(1.3 if self.capture else 0)  # tcpdump reads once a second
            self.ends.close()

    # --- afterwards

    def weir(self, *words):
        return subprocess.run(as_user([WEIR, *words]), stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL).stdout

    def events(self, *words):
        return [json.loads(line) for line in self.weir("events", self.about.name, "-f", "json", *words).splitlines()]

    def output(self, number):
        """What a call printed."""
        with open(os.path.join(self.base, "said.json")) as file:
            steps = json.load(file)["steps"]
        return "".join(r.get("content") or "" for s in steps for r in s.get("observation", {}).get("results", ())
                       if r["source_call_id"] == "c%d" % number)

    def findings(self):
        if not self.replay:
            return []
        if not os.path.exists(self.report) or not os.path.getsize(self.report):
            raise Failed("no report: " + open(os.path.join(self.base, "out")).read()[-400:])
        with open(self.report) as file:
            return json.load(file)["findings"]
