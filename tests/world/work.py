# SPDX-License-Identifier: Apache-2.0
"""What the test world's web servers have for ordinary work, below paths of their own; take() is asked by serve.py.

/v1/messages   a model: answers a conversation with the next tool call, its words streamed as they come
/events        server-sent events: ?n=10&every=0.5&size=60
/api/...       a forge: repositories, issues, and jobs that take a while (/api/jobs/ID?seconds=3)
/metrics       takes what a training run reports
/chat          a WebSocket on which others talk: ?n=10&every=0.5; what is sent is answered"""

import json
import threading
import time
import urllib.parse

COMMANDS = [
    "ls -la", "cat README 2>/dev/null || true", "grep -rn TODO . | head -5", "python3 -c 'print(6 * 7)'", "git status --short | head -3",
    "find . -name '*.py' | head -20 | xargs wc -l", "echo done",
]
started = {}


def take(web):
    """True where the request was for one of these; it is answered then."""
    path, _, query = web.path.partition("?")
    asked = dict(urllib.parse.parse_qsl(query))
    for prefix, answer in ROUTES.items():
        if path == prefix or path.startswith(prefix + "/"):
            answer(web, path, asked)
            return True
    return False


def say_json(web, what, status=200):
    web.send(json.dumps(what).encode() + b"\n", "application/json", status)


class Stream:
    """A body in chunks, each sent at once."""

    def __init__(self, web):
        self.web = web
        web.send_response(200)
        web.send_header("Content-Type", "text/event-stream")
        web.send_header("Transfer-Encoding", "chunked")
        web.end_headers()

    def say(self, what):
        data = what.encode()
        self.web.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.web.wfile.flush()

    def end(self):
        self.web.wfile.write(b"0\r\n\r\n")


def model(web, path, asked):
    conversation = json.loads(web.body() or b"{}")
    turn = sum(m.get("role") == "assistant" for m in conversation.get("messages", []))
    command = COMMANDS[turn] if turn < min(len(COMMANDS), conversation.get("turns", 99)) else None
    time.sleep(0.4)  # it thinks
    stream = Stream(web)
    for word in "I will look at what is there and then go on with it .".split():
        stream.say("data: %s\n\n" % json.dumps({"type": "text", "text": word + " "}))
        time.sleep(0.02)
    stream.say("data: %s\n\n" % json.dumps({"type": "tool", "command": command}))
    stream.end()


def events(web, path, asked):
    stream = Stream(web)
    for i in range(int(asked.get("n", 10))):
        time.sleep(float(asked.get("every", 0.5)))
        stream.say("id: %d\ndata: %s\n\n" % (i, "x" * int(asked.get("size", 60))))
    stream.end()


def forge(web, path, asked):
    if web.command == "POST":
        return say_json(web, {"number": 7, "received": len(web.body())}, 201)
    if path.startswith("/api/jobs/"):
        since = time.time() - started.setdefault(path, time.time())
        return say_json(web, {"state": "done" if since > float(asked.get("seconds", 3)) else "running", "log": "step\n" * int(since * 4)})
    issues = [{"number": i, "title": "issue %d" % i, "labels": ["bug"], "body": "It does not work. " * 20} for i in range(30)]
    return say_json(web, issues if path.endswith("/issues") else {"full_name": path[11:], "default_branch": "main"})


def metrics(web, path, asked):
    web.body()
    say_json(web, {"ok": True})


def chat(web, path, asked):
    web.accept_websocket()
    lock = threading.Lock()

    def push():
        for i in range(int(asked.get("n", 10))):
            time.sleep(float(asked.get("every", 0.5)))
            with lock:
                web.frame(1, json.dumps({"from": "robin", "text": "line %d" % i, "room": "team"}).encode())
        with lock:
            web.frame(8, b"\x03\xe8")

    threading.Thread(target=push, daemon=True).start()
    while True:
        code, data = web.read_frame()
        if code is None or code == 8:
            return
        with lock:
            web.frame(code, data)


ROUTES = {"/v1/messages": model, "/events": events, "/api": forge, "/metrics": metrics, "/chat": chat}
