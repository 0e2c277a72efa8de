#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A record that was changed is caught: one byte flipped anywhere, a tail cut off, a segment gone. A corrupt
# or locked index is a clear error, and the run's verdicts hold.
. "$(dirname "$0")/tap.sh"
need jq python3

mkdir "$T/work"
cd "$T/work" || exit 1
run "$WEIR" run -n whole -- sh -c 'for i in 1 2 3 4 5 6 7 8; do echo $i >f$i; /bin/true; done'
is "$status" 0 "a run"
run "$WEIR" verify whole
is "$status" 0 "its record verifies"
root=$("$WEIR" report whole -f json | jq -r .root)
like "$root" '^[0-9a-f]{64}$' "the report ends with a root"
like "$out" "$root" "verify names the same root"
id=$(run_ids)
store_stop

# flip FILE OFFSET: one byte of a copy of the store
flip() { python3 -c 'import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(int(sys.argv[2])); b = f.read(1); f.seek(int(sys.argv[2])); f.write(bytes([b[0] ^ 0x40]))' "$1" "$2"; }
segment=$(ls "$WEIR_STORE/runs/$id"/*.seg | head -n 1)
size=$(wc -c <"$segment")
cp "$segment" "$T/whole.seg"
missed=
for step in $(seq 0 39); do
	offset=$((step * (size - 1) / 39))
	flip "$segment" $offset
	"$WEIR" verify whole >"$T/out" 2>&1 && missed="$missed $offset"
	cp "$T/whole.seg" "$segment"
done
is "$missed" "" "each of 40 flipped bytes over $size bytes is caught"
for cut in 1 20 $((size / 2)); do
	truncate -s $((size - cut)) "$segment"
	run "$WEIR" verify whole
	[ "$status" -ne 0 ]
	ok $? "a tail of $cut bytes cut off is caught" "$out$err"
	cp "$T/whole.seg" "$segment"
done
run "$WEIR" verify whole
is "$status" 0 "the original verifies again"

printf 'this is no database, and longer than a header of one hundred bytes would have to be, so it is judged by its content alone' >"$WEIR_STORE/index.db"
rm -f "$WEIR_STORE"/index.db-*
run "$WEIR" run -- sh -c 'exit 4'
case $status in
4) ok 0 "a corrupt index: a run ends with its command's status" ;;
*) like "$status $err" '^125 .*index.*rebuild' "a corrupt index: a clear error says what to do" ;;
esac
store_stop
run "$WEIR" store rebuild
is "$status" 0 "the index is made anew from the segments" "$err"
run "$WEIR" report whole -f json
is "$(printf '%s' "$out" | jq -r .root)" "$root" "and tells the same run"
run "$WEIR" run -- sh -c 'exit 4'
is "$status" 4 "and a run starts again"
finish
