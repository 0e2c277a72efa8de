# SPDX-License-Identifier: Apache-2.0
"""An editor's half of the language server protocol: lsp.py FILE (-p PORT | COMMAND...). Opens FILE, types into it, asks for
completions, hovers and symbols, and waits for what the server tells of itself."""
import json
import socket
import subprocess
import sys
import time

path, rest = sys.argv[1], sys.argv[2:]
if rest[0] == "-p":
    for attempt in range(100):
        try:
            connection = socket.create_connection(("127.0.0.1", int(rest[1])))
            break
        except ConnectionRefusedError:
            time.sleep(0.1)
    reader, writer = connection.makefile("rb"), connection.makefile("wb")
else:
    server = subprocess.Popen(rest, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    reader, writer = server.stdout, server.stdin


def send(**message):
    data = json.dumps(dict(jsonrpc="2.0", **message)).encode()
    writer.write(b"Content-Length: %d\r\n\r\n" % len(data) + data)
    writer.flush()


def receive():
    size = 0
    while line := reader.readline().strip():
        if line.lower().startswith(b"content-length:"):
            size = int(line.split(b":")[1])
    return json.loads(reader.read(size))


number = pushed = 0


def ask(method, **params):
    global number, pushed
    number += 1
    send(id=number, method=method, params=params)
    while True:
        message = receive()
        if message.get("id") == number and "method" not in message:
            return message.get("result")
        pushed += 1
        if "id" in message:
            send(id=message["id"], result=None)


uri = "file://" + path
with open(path) as f:
    text = f.read()
assert "capabilities" in ask("initialize", processId=None, rootUri="file:///work", capabilities={})
send(method="initialized", params={})
send(method="textDocument/didOpen", params={"textDocument": {"uri": uri, "languageId": "python", "version": 1, "text": text}})
document = {"uri": uri}
for version in range(2, 14):
    text += "# typing\n"
    send(method="textDocument/didChange", params={"textDocument": {"uri": uri, "version": version}, "contentChanges": [{"text": text}]})
    time.sleep(0.15)
    ask("textDocument/hover", textDocument=document, position={"line": 1, "character": 4})
symbols = ask("textDocument/documentSymbol", textDocument=document)
ask("textDocument/completion", textDocument=document, position={"line": 2, "character": 3})
ask("shutdown")
send(method="exit", params={})
print("symbols:", len(symbols), "pushed:", pushed)
