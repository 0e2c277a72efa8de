# SPDX-License-Identifier: Apache-2.0
"""A training run: every processor busy, a checkpoint now and then, and its figures over one TLS connection to a metrics server.
train.py SECONDS EVERY [no-checkpoint] [stream]: stream keeps a server-push stream open beside it, as dashboards do."""
import http.client
import json
import multiprocessing
import ssl
import sys
import threading
import time

seconds, every = float(sys.argv[1]), float(sys.argv[2])
end = time.time() + seconds


def work(n):
    weights, loss = [0.1 * i for i in range(64)], 0.0
    while time.time() < end:
        for step in range(2000):
            loss = sum(w * (step % 7 - w) for w in weights)
            weights = [w - 0.0001 * loss / (1 + abs(loss)) for w in weights]
    return loss


def listen():
    connection = http.client.HTTPSConnection("metrics.test", context=ssl.create_default_context(), timeout=300)
    connection.request("GET", "/events?n=%d&every=%s&size=90" % (seconds / every, every))
    answer = connection.getresponse()
    while answer.readline():
        pass


if "stream" in sys.argv:
    threading.Thread(target=listen, daemon=True).start()
with multiprocessing.Pool() as pool:
    training = pool.map_async(work, range(multiprocessing.cpu_count()))
    connection = http.client.HTTPSConnection("metrics.test", context=ssl.create_default_context(), timeout=60)
    step = 0
    while time.time() < end:
        time.sleep(every)
        step += 1
        figures = {"step": step, "loss": 1 / step, "rate": 0.001, "memory": 123456, "host": "worker"}
        connection.request("POST", "/metrics", json.dumps(figures), {"Content-Type": "application/json"})
        connection.getresponse().read()
        if "no-checkpoint" not in sys.argv and step % 5 == 0:
            with open("/tmp/checkpoint-%d" % step, "wb") as f:
                f.write(b"\0" * 3000000)
    training.get()
print("steps:", step)
