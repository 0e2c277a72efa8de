#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What detectors must find where nothing passes the gate: with network.veth, from a copy of the packets. The witnesses
# are the far ends of tests/detect.
export ATTACKS="--way veth ssh_R_interactive relay_node two_calls ethereum shell_bash upload_pieces"
. "$(dirname "$0")/detect-attacks.sh"
