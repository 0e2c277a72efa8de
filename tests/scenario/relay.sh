#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Relays, as the kernel's events tell them: who takes from one stream and puts into another, in every shape
# that such a program can have, and what is none. The witnesses are the programs' own counts and cookies
# (lib_relay.py).
. "$(dirname "$0")/tap.sh"
need root cgroup2 bpf python3 socat make
DRIVE=$(dirname "$WEIR")/tests/unit/sensor_drive
[ -x "$DRIVE" ] || skip_all "there is no $DRIVE"
RELAY="python3 $TOP/tests/scenario/lib_relay.py"
cd "$T" || exit 1

# The last event of each pair, as FROM-KIND:OBJECT>TO-KIND:OBJECT COUNT IN OUT, by the process of most events.
pairs() {
	sed -nE 's/^relay call='"${1:-1}"' pid=([0-9]+) .* count=([0-9]+) in=([0-9]+) out=([0-9]+) from=([a-z]+:[0-9]+):[^ ]* to=([a-z]+:[0-9]+):.*/\1 \5>\6 \2 \3 \4/p' "$T/out" |
		awk '{ last[$1 " " $2] = $3 " " $4 " " $5 } END { for (p in last) print p, last[p] }' | sort
}
said() { sed -n "s/^$1 //p" "$T/err"; }

# The build for kernels with bpf_rdonly_cast, and the one without.
for build in "" -H; do
	for shape in select threads processes splice messages asyncio socat self_pipe; do
		# shellcheck disable=SC2086
		run "$DRIVE" $build "$RELAY $shape 20"
		a=$(said a) b=$(said b)
		pairs >pairs
		like "$(cat pairs)" " inet:$a>inet:$b 16 $(said up)" "${build:-plain}: $shape: the 16th move of 20 is told, with the bytes that the client sent"
		like "$(cat pairs)" " inet:$b>inet:$a 16 $(said down)" "${build:-plain}: $shape: and that back, with those that the server sent"
		is "$(awk '$3 >= 4' pairs | wc -l)" 2 "${build:-plain}: $shape: and no other pair moves again and again" "$(cat pairs)"
	done
	# shellcheck disable=SC2086
	run "$DRIVE" $build "$RELAY processes 1"
	pairs >pairs
	like "$(cat pairs)" " inet:$(said a)>inet:$(said b) 1 " "${build:-plain}: of connections, a single move is told"
	like "$(cat pairs)" " inet:$(said b)>inet:$(said a) 1 " "${build:-plain}: and the one back"
done

# The byte in between comes to the client as well: it is in no pair.
run "$DRIVE" "$RELAY acknowledging 20"
a=$(said a) b=$(said b)
pairs >pairs
like "$(cat pairs)" " inet:$a>inet:$b 16 $(said up)" "an acknowledgement before each move hides nothing"
like "$(cat pairs)" " inet:$b>inet:$a 16 " "in neither direction"

# What is no relay, and what is told seldom.
run "$DRIVE" "$RELAY echo"
is "$(grep -c '^relay' "$T/out")" 0 "a server that answers twelve clients of its own process relays nothing" "$(pairs)"
printf 'all: %s\n%%:\n\t@sleep 0.01\n' "$(seq -s ' ' 30)" >Makefile
run "$DRIVE" 'make -s -j4 all'
is "$(grep -c '^relay' "$T/out")" 0 "nor does make with its job server" "$(pairs)"
run "$DRIVE" 'seq 100000 | cat | sort >/dev/null'
is "$(pairs | wc -l)" 1 "of a pipeline, only what copies" "$(pairs)"
ok "$([ "$(grep -c '^relay' "$T/out")" -le 8 ]; echo $?)" "in few events" "$(grep '^relay' "$T/out")"
finish
