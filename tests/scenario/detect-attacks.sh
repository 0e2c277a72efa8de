#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Attacks that each detector must find (tests/detect): tunnels, reverse shells, miners, probes and exfiltration, for real
# in the test world, with no name or argument that tells, and the calls to blame. ATTACKS: -q (the quick set, the
# default), or options and names as tests/detect/run takes them; script/prove detect runs all.
. "$(dirname "$0")/tap.sh"
need root cgroup2 bpf userns ip openssl ssh-keygen socat nmap node

# shellcheck disable=SC2086 # words
"$TOP/tests/detect/run" ${ATTACKS--q}
attacks_status=$?
! cat "$T"/sanitizer.* 2>/dev/null || exit 1
exit $attacks_status
