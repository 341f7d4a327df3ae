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

dir=$(realpath -m "${1:?usage: get.sh DIR}")
root=$dir/root
ptxas=$root/usr/bin/ptxas
if [ -e "$dir/ok" ] && "$ptxas" --version >/dev/null 2>&1; then
	echo "$ptxas"
	exit
fi

# The first mirror in either of apt's formats.
mirror=$(cat /etc/apt/sources.list.d/*.sources 2>/dev/null |
	awk '/^URIs:/ {print $2; exit}') || true
if [ -z "$mirror" ] && [ -r /etc/apt/sources.list ]; then
	mirror=$(awk '/^deb / {for (i = 2; i <= NF; i++) if ($i ~ /^http/) {print $i; exit}}' \
		/etc/apt/sources.list)
fi
[ -n "$mirror" ] || { echo "get.sh: apt has no mirror on this machine" >&2; exit 1; }

# A root of apt's own, so that neither its lists nor its locks touch the machine's.
apt=$dir/apt
mkdir -p "$apt"/{lists/partial,archives/partial,debs,etc/sources.list.d,etc/preferences.d} \
	"$apt/etc/apt.conf.d" "$root"
: >"$apt/status"
key=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [signed-by=$key] $mirror trixie main contrib non-free" >"$apt/etc/sources.list"
cat >"$apt/apt.conf" <<C
Dir::Etc "$apt/etc";
Dir::Etc::sourcelist "$apt/etc/sources.list";
Dir::Etc::sourceparts "$apt/etc/sources.list.d";
Dir::Etc::parts "$apt/etc/apt.conf.d";
Dir::Etc::preferencesparts "$apt/etc/preferences.d";
Dir::State::Lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt";
Dir::Cache::archives "$apt/archives";
APT::Architecture "amd64";
APT::Architectures "amd64";
APT::Sandbox::User "root";
Acquire::Languages "none";
C

apt-get -qq -c "$apt/apt.conf" update >&2
(cd "$apt/debs" && apt-get -qq -c "$apt/apt.conf" download nvidia-cuda-toolkit >&2)
dpkg-deb --fsys-tarfile "$apt"/debs/nvidia-cuda-toolkit_*.deb | tar -x -C "$root" ./usr/bin/ptxas \
	./usr/lib/nvidia-cuda-toolkit/bin/ptxas 2>/dev/null ||
	dpkg-deb --fsys-tarfile "$apt"/debs/nvidia-cuda-toolkit_*.deb |
	tar -x -C "$root" --wildcards '*/bin/ptxas'
rm -f "$apt"/debs/*.deb
"$ptxas" --version >&2
touch "$dir/ok"
echo "$ptxas"
