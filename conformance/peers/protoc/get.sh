#!/bin/bash
# Finds protoc, the second witness for our Perfetto export, or fetches it into a private folder.
# Nothing is installed on this machine, and root is not needed.
#
#   get.sh DIR      prints the path of protoc (packages of this machine's own Debian, about 1 MB)
set -euo pipefail
. "$(dirname "$0")/../apt.sh"

dir=$(realpath -m "${1:?usage: get.sh DIR}")
if command -v protoc; then
	exit
fi
protoc=$dir/protoc
if [ -e "$dir/ok" ] && "$protoc" --version >/dev/null 2>&1; then
	echo "$protoc"
	exit
fi

suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
private_apt "$dir" "$suite" main /var/lib/dpkg/status
root=$dir/root
mkdir -p "$root"
private_apt_get install -y --download-only protobuf-compiler >&2
for deb in "$apt_dir"/archives/*.deb; do
	dpkg-deb -x "$deb" "$root"
done
cat >"$protoc" <<C
#!/bin/sh
LD_LIBRARY_PATH="$root/usr/lib/x86_64-linux-gnu" exec "$root/usr/bin/protoc" "\$@"
C
chmod +x "$protoc"
"$protoc" --version >&2
touch "$dir/ok"
echo "$protoc"
