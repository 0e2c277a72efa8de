# SPDX-License-Identifier: Apache-2.0
"""Mining pools of the three families. Each writes down the shares that it was given: the witness that work was done."""

import json
import os
import threading
import time

import lib_net as net


class Pool:
    """every: seconds between jobs. say(message): as a line; a subclass may carry messages in something else."""

    def __init__(self, c, port, every=1.0, tls=None, place="far", address=None):
        self.every, self.shares, self.jobs = every, [], 0
        listener = net.serve(place, address or c.far, port, self.handle, tls)
        c.ends.callback(listener.close)

    def handle(self, s):
        s.settimeout(None)
        self.talk(s.makefile("rb"), lambda message: s.sendall(json.dumps(message).encode() + b"\n"))

    def talk(self, lines, say):
        lock, on = threading.Lock(), threading.Event()

        def safe(message):
            with lock:
                say(message)

        def push():
            try:
                while True:
                    time.sleep(self.every)
                    safe(self.job())
            except (OSError, ValueError):
                pass

        for line in lines:
            asked = json.loads(line)
            for message in self.answer(asked):
                safe(message)
            if self.asks_for_work(asked) and not on.is_set():
                on.set()
                threading.Thread(target=push, daemon=True).start()

    def next(self):
        self.jobs += 1
        return "%04x" % self.jobs


class Stratum(Pool):
    """Version 1, as of Bitcoin."""

    def asks_for_work(self, asked):
        return asked["method"] == "mining.authorize"

    def job(self):
        return {"id": None, "method": "mining.notify", "params": [
            self.next(), os.urandom(32).hex(), "01000000" + os.urandom(40).hex(), os.urandom(60).hex(),
            [os.urandom(32).hex() for _ in range(8)], "20000000", "1d00ffff", "%08x" % int(time.time()), True]}

    def answer(self, asked):
        if asked["method"] == "mining.submit":
            self.shares.append(asked["params"])
        result = [[["mining.notify", "1"]], "08000002", 4] if asked["method"] == "mining.subscribe" else True
        yield {"id": asked["id"], "result": result, "error": None}
        if self.asks_for_work(asked):
            yield {"id": None, "method": "mining.set_difficulty", "params": [1]}
            yield self.job()
