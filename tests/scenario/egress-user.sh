#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# egress.sh as an ordinary user: nftables in the sandbox's own network in place of BPF; and what only there is worth
# a try: what a listener was told of changes before it is done.
export EGRESS_AS=user
. "$(dirname "$0")/egress.sh"
