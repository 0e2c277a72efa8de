#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Reverse shells of an ordinary user's runs, where no BPF tells what a program's streams are or what it passes on. The
# witnesses are the far ends of tests/detect, which read a secret by the shell.
export ATTACKS="--way user shell_bash shell_nc shell_python shell_pty shell_perl ethereum"
. "$(dirname "$0")/detect-attacks.sh"
