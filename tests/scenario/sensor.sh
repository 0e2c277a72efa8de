#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The sensors alone, before any keeper: what sensor_drive prints of a run's cgroups against strace, file
# sizes, and programs that count what they did.
. "$(dirname "$0")/tap.sh"
need root cgroup2 bpf cc strace
DRIVE=$(dirname "$WEIR")/tests/unit/sensor_drive
[ -x "$DRIVE" ] || skip_all "there is no $DRIVE"
work=$T/work
mkdir "$work" && cd "$work" || exit 1
cc -O1 -pthread -o mark "$TOP/tests/scenario/mark.c" && cc -O1 -o flood "$TOP/tests/scenario/flood.c" || exit 1

# The class' numbers in the last line of call N: produced/lost/recorded
counted() { sed -n "s|^count call=$1 .* $2=\([0-9/]*\).*|\1|p" "$T/out"; }
part() { echo "$1" | cut -d/ -f"$2"; }

# Blame: seven calls side by side, each effect marked with its call's number.
run "$DRIVE" './mark 1 plain' './mark 2 survivor' './mark 3 setsid' './mark 4 vfork' './mark 5 threads' \
	'./mark 6 chain' './mark 7 overlap'
is "$status" 0 "the bench runs"
like "$out" '^# sensor calls: 0 $' "the sensors load here"
sed -n 's/.* call=\([0-9]*\) .*\t\(\.\/\)*mark\\x00\([0-9]*\)\\x00.*/exec \1 \3/p; s/.* call=\([0-9]*\) .*\(mark\|ledger\)-\([0-9]*\)[^\t]*$/file \1 \3/p
	s/^connect call=\([0-9]*\) .* port=200\([0-9]*\) .*/connect \1 \2/p' "$T/out" |
	awk '{ print $1, $2, $3 + 0 }' >"$T/marks"
is "$(awk '$2 != $3' "$T/marks" | sort | uniq -c)" "" "all $(wc -l <"$T/marks") marked events name their call"
for n in 1 2 3 4 5 6 7; do
	is "$(grep -c "^connect $n " "$T/marks")" "$(wc -c <"ledger-$n")" "call $n: a connection for each byte of its ledger"
done
is "$(grep -c '^exec 6 ' "$T/marks")" 50 "a chain of 50 executions is 50 events"

# The same work under strace and under the sensors.
cat >work.sh <<'WORK'
mkdir -p made/deep
for i in 1 2 3 4 5; do
	head -c $((i * 1000)) /dev/zero >made/$i
	cat made/$i made/$i >made/deep/$i
	mv made/$i made/deep/../moved-$i
done
chmod 600 made/moved-1
ln made/moved-2 made/linked
ln -s moved-3 made/symbolic
rm made/moved-4
rm -r made/deep/5
/bin/true; /nowhere/true; ls / >/dev/null
WORK
strace -f -q -o "$T/strace" sh work.sh 2>/dev/null
seen() { grep -cE " (<\.\.\. )?(${1})(\(| resumed>).* = (0|[0-9]+)\$" "$T/strace"; }
told() { grep -cE "^file .* op=$1 .*result=0" "$T/out"; }
# The build for kernels with bpf_rdonly_cast, and the one without.
for build in "" -H; do
	rm -rf made
	# shellcheck disable=SC2086
	run "$DRIVE" $build 'sh work.sh 2>/dev/null'
	# The bench's own shell is one execution more.
	is "$(grep -c '^exec' "$T/out")" "$(($(seen 'execve') + 1))" "${build:-plain}: as many executions as strace saw"
	is "$(told rename)" "$(seen 'rename|renameat|renameat2')" "${build:-plain}: as many renames"
	is "$(told unlink)" "$(seen 'unlink|unlinkat')" "${build:-plain}: as many removals"
	is "$(told mkdir)" "$(seen 'mkdir|mkdirat')" "${build:-plain}: as many directories"
	is "$(told chmod)" "$(seen 'chmod|fchmodat')" "${build:-plain}: as many changes of mode"
	is "$(told link)-$(told symlink)" "$(seen 'link|linkat')-$(seen 'symlink|symlinkat')" "${build:-plain}: as many links"
	is "$(grep -c '^exit' "$T/out")" "$(grep -c 'exited with\|killed by' "$T/strace" | awk '{ print $1 + 1 }')" "${build:-plain}: as many ends"
	bytes=$(sed -n 's/^file .*op=write .* bytes=\([0-9]*\).*/\1/p' "$T/out" | awk '{ n += $1 } END { print n + 0 }')
	is "$bytes" "$((15000 + 30000))" "${build:-plain}: the bytes of all writes add up to what was written"
	paths=$(sed -n 's/^file .*op=rename .*\t\([^\t]*\)\t.*/\1/p' "$T/out" | head -n 1)
	is "$paths" "$work/made/1" "${build:-plain}: paths are as seen inside"
	like "$out" "^exec .*	/usr/bin/.*true	/bin/true	$work	/bin/true" "${build:-plain}: an execution has program, name, directory, arguments"
done

# Writers: who wrote what is executed, also by another name.
run "$DRIVE" 'cp /bin/true planted; sleep 0.3; mv planted renamed' 'sleep 1; ./renamed'
like "$out" '^exec call=2 .* writer=1 .*/renamed' "a program that call 1 wrote is known when call 2 executes it"

run "$DRIVE" "printf '#!/bin/sh\nexec true by-script\n' >script; chmod +x script" 'sleep 0.5; ./script'
like "$out" '^exec call=2 .*flags=4 writer=1 .*	./script' "and so is the script, although its interpreter is executed"
like "$out" '^exec call=2 .*flags=0 writer=-1 .*by-script' "while the system's programs have no writer"

# Under an overlay the file is the one that holds the data: what stat says of the upper directory.
over=$(mktemp -d /dev/shm/weir-test-XXXXXX)
mkdir "$over/lower" "$over/upper" "$over/work" "$over/merged"
cp /bin/true "$over/lower/changed"
cat >overlay.sh <<-OVERLAY
	mount -t overlay overlay -o lowerdir=$over/lower,upperdir=$over/upper,workdir=$over/work $over/merged
	echo >>$over/merged/changed; $over/merged/changed
OVERLAY
run "$DRIVE" 'unshare -m sh overlay.sh'
like "$out" "^exec .* writer=1 .* inode=$(stat -c %i "$over/upper/changed")	.*merged/changed	" \
	"a file copied up is known by its upper inode, and so is its writer"
like "$out" '^privilege .*op=namespace result=0' "a new mount namespace is told"
rm -rf "$over"

# A store into a shared mapping is a write, though no call says so.
cat >map.c <<-'MAP'
	#include <fcntl.h>
	#include <sys/mman.h>
	#include <unistd.h>
	int main(void)
	{
		int fd = open("mapped", O_RDWR);
		char *p = mmap(0, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		*p = '#';
		return 0;
	}
MAP
cc -o map map.c
printf '?!/bin/sh\n' >mapped && chmod +x mapped
run "$DRIVE" './map' 'sleep 0.5; ./mapped'
like "$out" '^file call=1 .*op=write .*bytes=0 .*/mapped' "a writable mapping is told as a write"
like "$out" '^exec call=2 .*flags=4 writer=1 .*	./mapped' "and its call is the file's writer"

# Sensitive names, and none else.
echo secret >.env && echo plain >plain && mkdir -p ssl/private && echo key >ssl/private/k
run "$DRIVE" -S .env -S '*.pem' -S '*/ssl/private/*' 'cat .env plain ssl/private/k /etc/hostname >/dev/null'
is "$(sed -n 's/^file .*op=read .*\t\(.*\)\t$/\1/p' "$T/out" | sed "s|$work/||" | sort | tr '\n' ' ')" ".env ssl/private/k " \
	"sensitive names are seen read, others are not"

run "$DRIVE" -S shadow 'cat /nowhere/shadow /nowhere/other 2>/dev/null'
like "$out" '^file .*claimed op=read result=-2 .*/nowhere/shadow' "a sensitive name that is not there is an attempt"
unlike "$out" '/nowhere/other	$' "any other is not"

# Outside is not seen.
(sleep 0.5; /bin/true outside-mark; ./mark 99 plain) &
run "$DRIVE" 'sleep 1.5'
wait
unlike "$out" 'outside-mark|mark-99|port=20099' "what runs outside every call leaves no event"

# A flood beside a quiet call, with a reader that rests so long that the ring overflows: the flood loses
# its own file events, counted; nobody loses anything else.
flooded=$(mktemp -d /dev/shm/weir-test-XXXXXX)
run "$DRIVE" -q -r 400 "./flood $flooded 3 >flood.out" \
	'for i in 1 2 3 4 5 6 7 8 9 10; do ./mark 2 plain; sleep 0.2; echo $i >quiet-$i; done'
rmdir "$flooded"
rate=$(cut -d' ' -f2 flood.out)
# A quiet machine makes 200,000; one that is busy with other tests must still make a flood of it.
ok "$([ "${rate:-0}" -ge 20000 ]; echo $?)" "the flood makes $rate file operations a second"
for class in process network privilege; do
	is "$(part "$(counted 1 $class)" 2)-$(part "$(counted 2 $class)" 2)" "0-0" "no $class event is lost"
done
is "$(part "$(counted 2 file)" 2)" 0 "the quiet call loses no file event"
flooded=$(counted 1 file)
is "$(part "$flooded" 1)" "$(($(part "$flooded" 2) + $(part "$flooded" 3)))" \
	"of $(part "$flooded" 1) file events of the flood $(part "$flooded" 2) were lost, and all are accounted for"
# Every byte is an event of its own or summed into one: made, removed, and at most one write each.
ok "$([ "$(part "$flooded" 1)" -ge $(($(cut -d' ' -f1 flood.out) * 2 / 3)) ]; echo $?)" "no operation went unseen"

# Another supervisor takes over.
run "$DRIVE" -A '/bin/true taken-over; echo x >after'
like "$out" '^exec .*taken-over' "sensors that were taken over go on"
like "$out" '^file .*op=create .*/after' "with all their parts"
is "$(echo "$out" | grep -c '^# sensor .*: 0 $')" 10 "and say so"
finish
