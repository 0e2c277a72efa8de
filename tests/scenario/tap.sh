# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# TAP for scenario tests in POSIX sh. A scenario begins with `. "$(dirname "$0")/tap.sh"` and ends
# with `finish`. It gets its own directory $T and its own store, $WEIR the program, $TOP the tree;
# at its end every process of that store is ended by its pid and $T is removed.
#   ok STATUS NAME          is GOT WANT NAME [MORE] like TEXT REGEX NAME    unlike TEXT REGEX NAME
#   skip NAME REASON        need CAPABILITY...      (skips the whole scenario where one is missing)
#   run CMD...              sets $out, $err (text) and $status; standard input is empty
#   leaks                   lists what this store has alive now; empty means nothing is left

TOP=$(cd "$(dirname "$0")/../.." && pwd)
: "${WEIR:=$TOP/build/weir}"
case $WEIR in /*) ;; *) WEIR=$(cd "$(dirname "$WEIR")" && pwd)/${WEIR##*/} ;; esac
[ -x "$WEIR" ] || {
	echo "1..0 # SKIP there is no program $WEIR"
	exit 0
}
T=$(mktemp -d "${TMPDIR:-/tmp}/weir-test-XXXXXX")
chmod 755 "$T"
WEIR_STORE=$T/store
# What a sanitizer has to say, wherever its process writes to, is found by finish().
ASAN_OPTIONS="log_path=$T/sanitizer:detect_leaks=${DETECT_LEAKS:-0}"
UBSAN_OPTIONS="log_path=$T/sanitizer:print_stacktrace=1"
export TOP WEIR T WEIR_STORE LC_ALL=C ASAN_OPTIONS UBSAN_OPTIONS
tap_count=0 tap_failed=0

tap_result() { # status name detail
	tap_count=$((tap_count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tap_count - $2"
	else
		tap_failed=$((tap_failed + 1))
		echo "not ok $tap_count - $2"
		[ -z "${3-}" ] || printf '%s\n' "$3" | head -n 40 | sed 's/^/#   /'
		return 1
	fi
}
ok() { tap_result "$1" "$2" "${3-}"; }
is() {
	[ "$1" = "$2" ]
	tap_result $? "$3" "got:  $1
want: $2${4:+
$4}"
}
like() {
	printf '%s\n' "$1" | grep -Eq -- "$2"
	tap_result $? "$3" "no match for /$2/ in:
$1"
}
unlike() {
	! printf '%s\n' "$1" | grep -Eq -- "$2"
	tap_result $? "$3" "matches /$2/:
$1"
}
skip() {
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1 # SKIP $2"
}
skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}
finish() {
	if ls "$T"/sanitizer.* >/dev/null 2>&1; then
		tap_result 1 "no sanitizer complains" "$(cat "$T"/sanitizer.*)"
	fi
	echo "1..$tap_count"
	[ "$tap_failed" -eq 0 ]
	exit $?
}
run() {
	status=0
	"$@" </dev/null >"$T/out" 2>"$T/err" || status=$?
	out=$(cat "$T/out") err=$(cat "$T/err")
}

. "$TOP/tests/scenario/lib_has.sh"
need() {
	for tap_need in "$@"; do has "$tap_need" || skip_all "this host lacks: $tap_need"; done
}

# Runs of this store, and what of one of them lives. A run's processes are those in its cgroups, in
# every hierarchy; where there are no cgroups, those that the store's keepers hold.
run_ids() { (cd "$WEIR_STORE/runs" 2>/dev/null && echo *) | grep -v '^\*$'; }
# The dead whom process 1 has not buried yet are not weir's to bury.
buried_late() { grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null && grep -q '^PPid:.1$' "/proc/$1/status"; }
run_pids() {
	grep -l "/weir/$1\(/\|$\)" /proc/[0-9]*/cgroup 2>/dev/null | sed 's|/proc/||; s|/cgroup||' |
		while read -r tap_pid; do buried_late "$tap_pid" || echo "$tap_pid"; done
}
run_cgroups() { find /sys/fs/cgroup -maxdepth 6 -type d -path "*/weir/$1" 2>/dev/null; }
run_namespaces() {
	for tap_pid in $(run_pids "$1"); do
		readlink "/proc/$tap_pid/ns/mnt" "/proc/$tap_pid/ns/net" "/proc/$tap_pid/ns/pid" 2>/dev/null
	done | grep -vxF "$(readlink /proc/self/ns/mnt /proc/self/ns/net /proc/self/ns/pid)"
}
# Who still is in one of these namespaces, after up to three seconds. The kernel gives the numbers of dead
# namespaces to new ones, and weir's long-lived processes have some of their own: those are not counted, as a
# process of the run itself is found by its cgroup.
namespaces_alive() {
	[ -n "$1" ] || return 0
	for tap_try in 1 2 3 4 5 6; do
		tap_alive=$(for tap_dir in /proc/[0-9]*; do
			tap_ns=$(readlink "$tap_dir/ns/mnt" "$tap_dir/ns/net" "$tap_dir/ns/pid" 2>/dev/null | grep -xF "$1") || continue
			case $(readlink "$tap_dir/exe") in */weir-*) continue ;; esac
			echo "$tap_ns ${tap_dir#/proc/} $(tr '\0' ' ' <"$tap_dir/cmdline" 2>/dev/null)"
		done)
		[ -n "$tap_alive" ] || return 0
		sleep 0.5
	done
	echo "$tap_alive"
}

# The store's processes: weir's own that were started with our directory in their environment or arguments,
# and those in a cgroup of one of its runs.
store_pids() {
	{
		for tap_dir in /proc/[0-9]*; do
			case $(readlink "$tap_dir/exe" 2>/dev/null) in
			*/weir | */weir-*) ;;
			*) continue ;;
			esac
			cat "$tap_dir/environ" "$tap_dir/cmdline" 2>/dev/null | grep -qF "$T" && echo "${tap_dir#/proc/}"
		done
		for tap_run in $(run_ids); do run_pids "$tap_run"; done
	} | sort -u
}
leaks() {
	for tap_pid in $(store_pids); do
		echo "process $tap_pid $(tr '\0' ' ' <"/proc/$tap_pid/cmdline" 2>/dev/null)"
	done
	for tap_run in $(run_ids); do run_cgroups "$tap_run" | sed 's/^/cgroup /'; done
	grep -F " $T/" /proc/mounts | sed 's/^/mount /'
}
# Ends the store's processes, by pid, and waits until they are gone.
store_stop() {
	for tap_signal in TERM TERM KILL KILL; do
		tap_left=$(store_pids)
		[ -z "$tap_left" ] && return 0
		# shellcheck disable=SC2086
		kill -s $tap_signal $tap_left 2>/dev/null
		sleep 0.2
	done
}
# Waits up to $1 seconds until the rest of the arguments succeed as a command.
eventually() {
	tap_tries=$(($1 * 10))
	shift
	while ! "$@" >/dev/null 2>&1; do
		tap_tries=$((tap_tries - 1))
		[ "$tap_tries" -gt 0 ] || return 1
		sleep 0.1
	done
}
# What the runs of this scenario recorded is kept for the schema check of script/test; of long runs, a part.
keep_record() {
	[ -d "${WEIR_KEEP-}" ] || return 0
	for tap_run in $(run_ids); do
		"$WEIR" events "$tap_run" -f json 2>/dev/null | awk 'NR <= 2000 || NR % 199 == 0'
	done >"$WEIR_KEEP/$(basename "$0" .sh).events.jsonl"
	for tap_run in $(run_ids); do
		"$WEIR" report "$tap_run" -f json 2>/dev/null | jq -c . 2>/dev/null
	done >"$WEIR_KEEP/$(basename "$0" .sh).report.jsonl"
}
tap_end() {
	tap_status=$?
	trap - EXIT
	cd / || :
	keep_record
	store_stop
	rm -rf "$T"
	exit $tap_status
}
trap tap_end EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
