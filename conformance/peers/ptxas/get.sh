#!/bin/bash
# Fetches NVIDIA's ptxas 12.4, the second witness for our PTX, into a private folder. Nothing is
# installed on this machine, and root is not needed.
#
#   get.sh DIR      prints the path of ptxas (one package, about 90 MB down, 170 MB on disk)
#
# It is the package nvidia-cuda-toolkit of Debian 13 (non-free), taken from the mirror that this
# machine's own apt is set up with; so it needs a Debian with apt, on amd64. DIR is a cache: when
# DIR/ok is there, nothing is done.
set -euo pipefail
. "$(dirname "$0")/../apt.sh"

dir=$(realpath -m "${1:?usage: get.sh DIR}")
root=$dir/root
ptxas=$root/usr/bin/ptxas
if [ -e "$dir/ok" ] && "$ptxas" --version >/dev/null 2>&1; then
	echo "$ptxas"
	exit
fi

private_apt "$dir" trixie "main contrib non-free"
mkdir -p "$root"
(cd "$apt_dir/debs" && private_apt_get download nvidia-cuda-toolkit >&2)
dpkg-deb --fsys-tarfile "$apt_dir"/debs/nvidia-cuda-toolkit_*.deb | tar -x -C "$root" ./usr/bin/ptxas \
	./usr/lib/nvidia-cuda-toolkit/bin/ptxas 2>/dev/null ||
	dpkg-deb --fsys-tarfile "$apt_dir"/debs/nvidia-cuda-toolkit_*.deb |
	tar -x -C "$root" --wildcards '*/bin/ptxas'
rm -f "$apt_dir"/debs/*.deb
"$ptxas" --version >&2
touch "$dir/ok"
echo "$ptxas"
