# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# The gates of this scenario's runs, as /proc shows them.
#   gates    their pids       gate_next [PID]    waits for one that serves, and is not PID; sets $gate
gates() {
	for gate_pid in $(store_pids); do
		case $(readlink "/proc/$gate_pid/exe") in */weir-gate) echo "$gate_pid" ;; esac
	done
}
# A gate that serves has taken its filter, or where a sanitizer needs more than that lets it, has given up its rights.
if has unsanitized; then gate_sign='^Seccomp:.2'; else gate_sign='^NoNewPrivs:.1'; fi
gate_serves() { grep -q "$gate_sign" "/proc/$1/status" 2>/dev/null; }
gate_next() {
	gate_tries=100
	while [ $gate_tries -gt 0 ]; do
		gate=$(gates | grep -vx "${1:-0}" | head -n 1)
		[ -n "$gate" ] && gate_serves "$gate" && return 0
		gate_tries=$((gate_tries - 1))
		sleep 0.05
	done
	return 1
}
