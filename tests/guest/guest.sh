#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# weir on another kernel: a QEMU guest with Debian's own kernel (6.1 on Debian 12), nothing but cgroup v2,
# and this machine's files below a read-only share. tests/guest/inside.sh runs in it and writes TAP.
#   tests/guest/guest.sh [SCENARIO...]     without one, the scenarios that inside.sh names
set -eu
cd "$(dirname "$0")/../.."
top=$(pwd)
B=${B:-build}
work=$top/$B/guest
need() {
	command -v "$1" >/dev/null && return
	echo "1..0 # SKIP $1 is missing: install $2"
	exit 0
}
need qemu-system-x86_64 qemu-system-x86
need mkfs.ext4 e2fsprogs
need cpio cpio
[ -x "$B/weir" ] || { echo "there is no $B/weir: run make" >&2; exit 1; }

# The kernel and a static shell, from Debian's packages; unpacked, not installed.
fetch() {
	mkdir -p "$work/deb"
	kernel=$(apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
	[ -n "$kernel" ] || { echo "1..0 # SKIP no linux-image-amd64 among the packages"; exit 0; }
	(cd "$work/deb" && apt-get download "$kernel" busybox-static >/dev/null 2>&1)
	for deb in "$work"/deb/*.deb; do
		dpkg-deb -x "$deb" "$work/root"
	done
}
[ -d "$work/root/boot" ] || fetch
vmlinuz=$(ls "$work"/root/boot/vmlinuz-*)
version=${vmlinuz##*/vmlinuz-}
modules=$work/root/lib/modules/$version

# The modules that a host would load when they are asked for: the guest has none below /lib/modules. Each behind
# what it depends on. Those of nftables hold an ordinary user's way out, those of sock_diag tell whose a flow is.
needed() {
	[ -f "$modules/modules.dep" ] || "$work/root/bin/busybox" depmod -b "$work/root" "$version"
	for name in veth virtio_pci virtio_blk 9pnet_virtio 9p overlay ext4 crc32c_generic crc32c-intel \
		nf_tables nft_reject_inet nft_tproxy nft_ct nft_nat nft_chain_nat nft_masq tcp_diag udp_diag unix_diag; do
		line=$(grep -E "/$name\.ko:" "$modules/modules.dep" || :)
		[ -n "$line" ] || continue
		# shellcheck disable=SC2086 # paths of modules, one word each
		printf '%s\n' ${line#*:} | tac
		echo "${line%%:*}"
	done | awk '!seen[$0]++'
}

initrd=$work/initrd
rm -rf "$work/tree" && mkdir -p "$work/tree/bin" "$work/tree/mod"
cp "$work/root/bin/busybox" "$work/tree/bin/"
n=100
for module in $(needed); do
	n=$((n + 1))
	cp "$modules/$module" "$work/tree/mod/$n-${module##*/}"
done
cat >"$work/tree/init" <<'INIT'
#!/bin/busybox sh
export PATH=/bin
busybox mkdir -p /proc /sys /dev /lower /upper /new /disk
busybox mount -t proc proc /proc
busybox --install -s /bin
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for m in /mod/*; do insmod "$m" || echo "init: $m"; done
mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=262144,cache=loose root /lower || echo "init: no share"
mount -t tmpfs upper /upper
mkdir /upper/up /upper/work
mount -t overlay -o lowerdir=/lower,upperdir=/upper/up,workdir=/upper/work root /new || echo "init: no overlay"
mount -t ext4 /dev/vda /disk && mkdir -p /new/srv && mount --move /disk /new/srv
mount --move /proc /new/proc
mount --move /sys /new/sys
mount --move /dev /new/dev
mkdir -p /new/dev/pts /new/dev/shm
mount -t devpts devpts /new/dev/pts
mount -t tmpfs shm /new/dev/shm
mount -t tmpfs tmp /new/tmp
mount -t tmpfs run /new/run
mount -t cgroup2 none /new/sys/fs/cgroup
ip link set lo up
read -r line </new/proc/cmdline
for word in $line; do case $word in weir.*) export "GUEST_${word#weir.}" ;; esac; done
# Not chroot: a process in one may not create user namespaces.
export GUEST_busybox="$GUEST_top/$GUEST_build/guest/root/bin/busybox"
exec switch_root /new /bin/sh -c '
	/bin/sh "$GUEST_top/tests/guest/inside.sh" 2>&1
	echo "guest: status $?"
	"$GUEST_busybox" poweroff -f'
INIT
chmod +x "$work/tree/init"
(cd "$work/tree" && find . | cpio -o -H newc --quiet | gzip -1) >"$initrd"
rm -f "$work/disk" && truncate -s 1G "$work/disk" && mkfs.ext4 -q "$work/disk"

log=$work/log
timeout "${GUEST_TIMEOUT:-900}" qemu-system-x86_64 -M q35 -cpu max -m 3072 -smp 2 -nographic -no-reboot -monitor none \
	-kernel "$vmlinuz" -initrd "$initrd" \
	-append "console=ttyS0 quiet loglevel=3 panic=-1 weir.top=$top weir.build=$B weir.scenarios=$(echo "$*" | tr ' ' ,)" \
	-virtfs "local,path=/,mount_tag=root,security_model=passthrough,readonly=on,multidevs=remap" \
	-drive "file=$work/disk,format=raw,if=virtio" </dev/null >"$log" 2>&1 || :
echo "# guest: Linux $version, cgroup v2 alone, QEMU without acceleration"
tr -d '\r' <"$log" | grep -E '^(ok|not ok|1\.\.|#|  +|[A-Za-z])' || :
tr -d '\r' <"$log" | grep -q '^guest: status 0'
