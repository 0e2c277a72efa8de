# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# The test world (tests/world/world) in a scenario: after `. lib_world.sh` and world_up, `world CMD...` runs on its
# host, and the world's own logs are the witnesses. It goes when the scenario ends. For what a log says, wait:
# a server writes after the client has its answer.
need root ip openssl ssh-keygen
sbin_path=/usr/sbin:/sbin
PATH=$PATH:$sbin_path

world_up() {
	world_vars=$("$TOP/tests/world/world" up) || {
		ok 1 "the test world is up" "$world_vars"
		finish
	}
	eval "$world_vars"
	trap 'world_status=$?; world_down; (exit $world_status); tap_end' EXIT
}
world_down() {
	# the store's processes first: a gate holds a namespace of the world
	store_stop
	"$TOP/tests/world/world" down "$WORLD" 2>/dev/null
}
# Not by ip netns exec: its bare /sys has no cgroups.
world() { nsenter --net="/run/netns/$WORLD_HOST" "$@"; }
outside() { ip netns exec "$WORLD_NET" "$@"; }
inside() { ip netns exec "$WORLD_INSIDE" "$@"; }

# log_has FILE REGEX: the line has come, within two seconds. log_count FILE REGEX: how many have so far.
log_has() { eventually 2 grep -Eq -- "$2" "$WORLD/$1"; }
log_count() { grep -Ec -- "$2" "$WORLD/$1"; }
