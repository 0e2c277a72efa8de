# SPDX-License-Identifier: Apache-2.0
"""An agent as they are built: one TLS connection to a model, kept; each command that the model asks for goes to a shell by
pipes, and what it printed back to the model. agent.py TURNS [one-shell]: one living shell instead of one each."""
import http.client
import json
import ssl
import subprocess
import sys

turns, living = int(sys.argv[1]), "one-shell" in sys.argv
connection = http.client.HTTPSConnection("model.test", context=ssl.create_default_context(), timeout=60)
shell = subprocess.Popen(["bash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) if living else None


def execute(command):
    if not living:
        return subprocess.run(["bash", "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
    shell.stdin.write(command + "\necho --end--\n")
    shell.stdin.flush()
    out = ""
    while (line := shell.stdout.readline()) != "--end--\n":
        out += line
    return out


messages, done = [{"role": "user", "content": "Look around."}], 0
while True:
    connection.request("POST", "/v1/messages", json.dumps({"messages": messages, "turns": turns}), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    command = None
    while line := answer.readline():
        if line.startswith(b"data: "):
            said = json.loads(line[6:])
            if said["type"] == "tool":
                command = said["command"]
    if command is None:
        break
    messages.append({"role": "assistant", "content": command})
    messages.append({"role": "user", "content": execute(command)[:20000]})
    done += 1
assert done == min(turns, 7), done
print("turns:", done)
