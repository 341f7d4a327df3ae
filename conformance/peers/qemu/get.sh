#!/bin/bash
# Fetches QEMU 11, whose vfio-user-pci device and qtest protocol hold our device models and drivers
# against software that nobody here wrote. Nothing is installed on this machine, and root is not
# needed.
#
#   get.sh DIR      prints the path of a script that runs qemu-system-x86_64 (40 MB down, 240 MB kept)
#
# The packages are those of Debian 13 and its backports, with their own loader and libraries, taken
# from the mirror that this machine's own apt is set up with. DIR is a cache: when DIR/ok is there,
# nothing is done.
set -euo pipefail
. "$(dirname "$0")/../apt.sh"

dir=$(realpath -m "${1:?usage: get.sh DIR}")
qemu=$dir/qemu
if [ -e "$dir/ok" ] && "$qemu" --version >/dev/null 2>&1; then
	echo "$qemu"
	exit
fi

private_apt "$dir" "trixie trixie-backports" main
root=$dir/root
mkdir -p "$root"
# The two module packages keep it from loading the modules of another QEMU on this machine.
private_apt_get install -y --download-only -t trixie-backports qemu-system-x86 \
	qemu-system-modules-opengl qemu-system-modules-spice >&2
for deb in "$apt_dir"/archives/*.deb; do
	dpkg-deb -x "$deb" "$root"
done
rm -f "$apt_dir"/archives/*.deb
cat >"$qemu" <<C
#!/bin/sh
lib=$root/usr/lib/x86_64-linux-gnu
export QEMU_MODULE_DIR=\$lib/qemu
exec $root/usr/lib64/ld-linux-x86-64.so.2 --library-path \$lib:\$lib/pulseaudio \\
	$root/usr/bin/qemu-system-x86_64 -L $root/usr/share/qemu -L $root/usr/share/seabios "\$@"
C
chmod +x "$qemu"
"$qemu" --version >&2
touch "$dir/ok"
echo "$qemu"
