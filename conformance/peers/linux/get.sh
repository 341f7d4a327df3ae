#!/bin/bash
# Fetches what a Linux guest is made of: two Debian kernels whose nvme drivers nobody here wrote, and
# the tools that judge a drive in it. Nothing is installed on this machine, and root is not needed.
#
#   get.sh DIR      prints DIR, which then has (120 MB down, 450 MB kept)
#       6.1/  6.12/     vmlinuz, and lib/modules/VERSION
#       root/           busybox, nvme-cli, fio, mke2fs, sfdisk, lspci and their libraries
#
# The packages are those of Debian 12 (kernel 6.1) and 13 (kernel 6.12 and tools), taken from the
# mirror that this machine's own apt is set up with. DIR is a cache: when DIR/ok is there, nothing is
# done.
set -euo pipefail
. "$(dirname "$0")/../apt.sh"

dir=$(realpath -m "${1:?usage: get.sh DIR}")
if [ -e "$dir/ok" ]; then
	echo "$dir"
	exit
fi

# kernel NAME SUITE   unpacks the cloud kernel of a suite into DIR/NAME
kernel() {
	local name=$1 package
	private_apt "$dir/$name.apt" "$2" main
	package=$(apt-cache -c "$apt_dir/apt.conf" depends linux-image-cloud-amd64 |
		awk '/Depends: linux-image-/ {print $2; exit}')
	(cd "$apt_dir/debs" && private_apt_get download "$package" >&2)
	mkdir -p "$dir/$name"
	dpkg-deb --fsys-tarfile "$apt_dir"/debs/"$package"_*.deb |
		tar -x -C "$dir/$name" --wildcards './boot/vmlinuz-*' '*/kernel/drivers/nvme/*' \
			'*/kernel/drivers/vfio/*' '*/kernel/virt/lib/*' '*/kernel/lib/*' '*/kernel/crypto/*' \
			'*/kernel/block/*' '*/kernel/arch/x86/crypto/*' '*/modules.dep' '*/modules.builtin' \
			'*/kernel/fs/ext4/*' '*/kernel/fs/jbd2/*' '*/kernel/fs/mbcache.ko*' 2>/dev/null || true
	cp "$dir/$name"/boot/vmlinuz-* "$dir/$name/vmlinuz"
	rm -rf "$dir/$name.apt" "$dir/$name/boot"
}

kernel 6.1 bookworm
kernel 6.12 trixie

private_apt "$dir" trixie main
mkdir -p "$dir/root"
private_apt_get install -y --download-only busybox-static nvme-cli fio e2fsprogs fdisk pciutils \
	kmod >&2
for deb in "$apt_dir"/archives/*.deb; do
	dpkg-deb -x "$deb" "$dir/root"
done
rm -rf "$apt_dir"
touch "$dir/ok"
echo "$dir"
