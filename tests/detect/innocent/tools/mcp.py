# SPDX-License-Identifier: Apache-2.0
"""A model context protocol server and its client, JSON-RPC 2.0 a line a message: mcp.py serve [PORT [NOTICES]], mcp.py use (-p PORT |
COMMAND...) [CALLS]. The server tells progress of its own accord, as servers do."""
import json
import socket
import subprocess
import sys
import threading
import time

TOOLS = [{"name": n, "description": "does " + n, "inputSchema": {"type": "object"}} for n in ("read_file", "search", "submit", "get_work", "notify", "login")]


def serve(reader, writer):
    lock = threading.Lock()

    def send(**message):
        with lock:
            writer.write((json.dumps(dict(jsonrpc="2.0", **message)) + "\n").encode())
            writer.flush()

    for line in reader:
        asked = json.loads(line)
        method, number = asked.get("method"), asked.get("id")
        if method == "initialize":
            send(id=number, result={"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "demo", "version": "1"}})
        elif method == "tools/list":
            send(id=number, result={"tools": TOOLS})
        elif method == "tools/call":
            for i in range(3):
                send(method="notifications/progress", params={"progressToken": number, "progress": i, "total": 3, "message": "job %d" % i})
                time.sleep(0.1)
            send(id=number, result={"content": [{"type": "text", "text": "found " + "x" * 200}], "isError": False})
        elif number is not None:
            send(id=number, result={})


def listen(port):
    server = socket.create_server(("127.0.0.1", port), reuse_port=False)
    while True:
        connection = server.accept()[0]
        threading.Thread(target=serve, args=(connection.makefile("rb"), connection.makefile("wb")), daemon=True).start()


def use(words):
    if words[0] == "-p":
        for attempt in range(100):
            try:
                connection = socket.create_connection(("127.0.0.1", int(words[1])))
                break
            except ConnectionRefusedError:
                time.sleep(0.1)
        reader, writer = connection.makefile("rb"), connection.makefile("wb")
    else:
        server = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        reader, writer = server.stdout, server.stdin
    number = notices = 0

    def ask(method, **params):
        nonlocal number, notices
        number += 1
        writer.write((json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}) + "\n").encode())
        writer.flush()
        while True:
            answer = json.loads(reader.readline())
            if answer.get("id") == number:
                return answer["result"]
            notices += 1

    ask("initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo={"name": "day", "version": "1"})
    tools = ask("tools/list")["tools"]
    for tool in tools:
        ask("tools/call", name=tool["name"], arguments={"query": "job", "worker": "a.b", "params": ["1", "00" * 32]})
        time.sleep(0.2)
    print("tools:", len(tools), "notices:", notices)
    writer.close()


if sys.argv[1] == "serve":
    listen(int(sys.argv[2])) if len(sys.argv) > 2 else serve(sys.stdin.buffer, sys.stdout.buffer)
else:
    use(sys.argv[2:])
