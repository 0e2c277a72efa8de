# SPDX-License-Identifier: Apache-2.0
"""A runner of jobs, as continuous integration has them: asks for work over TLS, runs it in one living shell by pipes, and sends what it
printed as it comes. runner.py JOBS"""
import http.client
import json
import ssl
import subprocess
import sys
import time

connection = http.client.HTTPSConnection("api.test", context=ssl.create_default_context(), timeout=60)


def ask(method, path, body=None):
    connection.request(method, path, body)
    return connection.getresponse().read()


shell = subprocess.Popen(["bash", "--norc"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1)
for job in range(int(sys.argv[1])):
    while json.loads(ask("GET", "/api/jobs/run%d?seconds=1" % job))["state"] != "done":
        time.sleep(0.4)
    shell.stdin.write("for i in 1 2 3 4; do echo step $i of job %d; sleep 0.3; done; ls /work | head -3; echo --end--\n" % job)
    while (line := shell.stdout.readline()) != "--end--\n":
        ask("POST", "/api/logs/run%d" % job, line)
shell.stdin.close()
print("jobs:", sys.argv[1])
