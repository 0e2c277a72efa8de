#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A scripted model that speaks the OpenAI protocol, for tests with real agents.

model_server.py DIRECTORY: the model NAME plays DIRECTORY/NAME.json:
  {"turns": [{"text": "...", "calls": [{"name": "bash", "arguments": {...}, "expect": "REGEX"}]}, ...]}
A turn says its text and makes its calls, all at once; `expect` is held against the result that the agent
sends back. Which turn is due follows from the conversation alone: one for each answer of ours that it holds.
A request that offers no tools (a title, a summary) is answered with a word and belongs to no turn.

Writes DIRECTORY/port when it listens on 127.0.0.1, and each request as a JSON line to DIRECTORY/log. Where a
result is missing, unexpected or wrong, the line has "error" and the agent gets status 400.
"""
import http.server
import json
import os
import re
import sys
import threading
import time

BODY_MAX = 64 * 1024 * 1024


class Wrong(Exception):
    pass


def text_of(content):
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content)
    return content or ""


def call_id(turn, number):
    return f"call_{turn}_{number}"


def answers(turns, messages):
    """Where our answers stand: an agent may put words of its own into the model's mouth."""
    texts = {t.get("text", "") for t in turns}
    return [
        i
        for i, m in enumerate(messages)
        if m["role"] == "assistant" and (m.get("tool_calls") or text_of(m.get("content")) in texts)
    ]


def check_results(turns, messages, due):
    """The results after the latest answer are those of its calls, each once."""
    results = {}
    for m in messages[answers(turns, messages)[-1] + 1 :]:
        if m["role"] != "tool":
            continue
        if m["tool_call_id"] in results:
            raise Wrong(f"two results for {m['tool_call_id']}")
        results[m["tool_call_id"]] = text_of(m["content"])
    calls = turns[due - 1].get("calls", [])
    wanted = {call_id(due - 1, i): c for i, c in enumerate(calls)}
    if set(results) != set(wanted):
        raise Wrong(f"turn {due - 1}: results for {sorted(results)}, calls were {sorted(wanted)}")
    for name, call in wanted.items():
        if not re.search(call.get("expect", ""), results[name]):
            raise Wrong(f"turn {due - 1}: {name}: no match for /{call['expect']}/ in: {results[name][:2000]}")
    return results


def play(script, request, entry):
    messages, turns = request["messages"], script["turns"]
    if not request.get("tools"):
        return {"text": "ok"}, None
    due = len(answers(turns, messages))
    entry["turn"] = due
    if due:
        entry["results"] = check_results(turns, messages, due)
    if due >= len(turns):
        raise Wrong(f"turn {due} of {len(turns)}: the agent asks for more than the script has")
    return turns[due], due


def tool_calls(turn, due):
    return [
        {
            "index": i,
            "id": call_id(due, i),
            "type": "function",
            "function": {"name": c["name"], "arguments": json.dumps(c["arguments"])},
        }
        for i, c in enumerate(turn.get("calls", []))
    ]


def chunks(turn, due):
    """Deltas as servers send them: text in words, arguments in pieces."""
    yield {"role": "assistant", "content": ""}
    for word in re.findall(r"\S+\s*", turn.get("text", "")):
        yield {"content": word}
    for call in tool_calls(turn, due):
        arguments = call["function"]["arguments"]
        half = len(arguments) // 2
        yield {"tool_calls": [call | {"function": {"name": call["function"]["name"], "arguments": ""}}]}
        for piece in (arguments[:half], arguments[half:]):
            yield {"tool_calls": [{"index": call["index"], "function": {"arguments": piece}}]}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def send_json(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        if self.path.split("?")[0] != "/v1/models":
            self.send_json(404, {"error": {"message": "no such path"}})
            return
        names = [f[:-5] for f in os.listdir(self.server.directory) if f.endswith(".json")]
        self.send_json(200, {"object": "list", "data": [{"id": n, "object": "model", "owned_by": "tests"} for n in names]})

    def do_POST(self):
        body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), BODY_MAX))
        entry = {"time": time.time(), "path": self.path}
        try:
            if self.path != "/v1/chat/completions":
                raise Wrong(f"no such path {self.path}")
            request = json.loads(body)
            entry["model"] = request["model"]
            entry["tools"] = [t["function"]["name"] for t in request.get("tools", [])]
            entry["roles"] = [m["role"] for m in request["messages"]]
            name = re.sub(r"[^A-Za-z0-9_-]", "", request["model"])
            with open(f"{self.server.directory}/{name}.json") as f:
                turn, due = play(json.load(f), request, entry)
        except (Wrong, ValueError, KeyError, OSError) as e:
            entry["error"] = f"{type(e).__name__}: {e}"
            self.server.write(entry)
            self.send_json(400, {"error": {"message": entry["error"], "type": "invalid_request_error"}})
            return
        self.server.write(entry)
        if request.get("stream"):
            self.stream(request["model"], turn, due)
        else:
            self.whole(request["model"], turn, due)

    def head(self, model, kind):
        return {"id": "chatcmpl-tests", "object": kind, "created": int(time.time()), "model": model}

    usage = {"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20}

    def whole(self, model, turn, due):
        message = {"role": "assistant", "content": turn.get("text", "")}
        if turn.get("calls"):
            message["tool_calls"] = tool_calls(turn, due)
        reason = "tool_calls" if turn.get("calls") else "stop"
        choice = {"index": 0, "message": message, "finish_reason": reason}
        self.send_json(200, self.head(model, "chat.completion") | {"choices": [choice], "usage": self.usage})

    def stream(self, model, turn, due):
        head = self.head(model, "chat.completion.chunk")
        reason = "tool_calls" if turn.get("calls") else "stop"
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        events = [{"choices": [{"index": 0, "delta": d, "finish_reason": None}]} for d in chunks(turn, due)]
        events.append({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
        events.append({"choices": [], "usage": self.usage})
        for event in events:
            self.wfile.write(b"data: " + json.dumps(head | event).encode() + b"\n\n")
            self.wfile.flush()
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def write(self, entry):
        with self.lock:
            self.log.write(json.dumps(entry) + "\n")
            self.log.flush()


def main():
    server = Server(("127.0.0.1", 0), Handler)
    server.directory = sys.argv[1]
    server.lock = threading.Lock()
    server.log = open(f"{server.directory}/log", "a")
    with open(f"{server.directory}/port.new", "w") as f:
        f.write(str(server.server_address[1]))
    os.rename(f"{server.directory}/port.new", f"{server.directory}/port")
    server.serve_forever()


if __name__ == "__main__":
    main()
