#!/bin/bash
# Fetches NVIDIA's nvcc 12.4, which compiles conformance/cuda, into a private folder. Nothing is
# installed on this machine, and root is not needed.
#
#   get.sh DIR      prints the path of nvcc; ptxas, nvdisasm and cuobjdump lie beside it
#                   (about 1.1 GB down, 500 MB kept)
#
# The packages are those of Debian 13 (non-free), taken from the mirror that this machine's own apt
# is set up with; so it needs a Debian with apt, on amd64, and g++ up to 13 for the preprocessor.
# DIR is a cache: when DIR/ok is there, nothing is done.
set -euo pipefail
. "$(dirname "$0")/../apt.sh"

dir=$(realpath -m "${1:?usage: get.sh DIR}")
root=$dir/root
bin=$dir/bin
if [ -e "$dir/ok" ] && "$bin/nvcc" --version >/dev/null 2>&1; then
	echo "$bin/nvcc"
	exit
fi

# unpack PACKAGE [TAR ARGUMENTS]   downloads a package, takes from it what is asked for, drops it
unpack() {
	local package=$1
	shift
	(cd "$apt_dir/debs" && private_apt_get download "$package" >&2)
	dpkg-deb --fsys-tarfile "$apt_dir/debs/${package}"_*.deb | tar -x -C "$root" "$@"
	rm -f "$apt_dir/debs/${package}"_*.deb
}

private_apt "$dir" trixie "main contrib non-free"
mkdir -p "$root" "$bin"
unpack nvidia-cuda-toolkit
unpack libnvvm4
unpack libcudart12
unpack libcu++-dev
unpack nvidia-cuda-dev --wildcards './usr/include/*' './usr/lib/x86_64-linux-gnu/libcudadevrt.a' \
	'./usr/lib/x86_64-linux-gnu/libcudart_static.a'

# The package's profile names places below /; ours names those below $root.
home=$root/usr/lib/nvidia-cuda-toolkit
rm -f "$home/bin/nvcc.profile"
cat >"$home/bin/nvcc.profile" <<PROFILE
NVVMIR_LIBRARY_DIR = $home/libdevice
PATH            += $home/bin:$root/usr/bin:
LD_LIBRARY_PATH += $root/usr/lib/x86_64-linux-gnu:
INCLUDES        += "-I$root/usr/include" \$(_SPACE_)
LIBRARIES       =+ \$(_SPACE_) "-L$root/usr/lib/x86_64-linux-gnu"
PROFILE
cat >"$bin/nvcc" <<WRAPPER
#!/bin/sh
PATH="$home/bin:$root/usr/bin:\$PATH" LD_LIBRARY_PATH="$root/usr/lib/x86_64-linux-gnu" \\
	exec "$home/bin/nvcc" "\$@"
WRAPPER
chmod +x "$bin/nvcc"
for tool in ptxas nvdisasm cuobjdump; do
	ln -sf "$root/usr/bin/$tool" "$bin/$tool"
done
"$bin/nvcc" --version >&2
touch "$dir/ok"
echo "$bin/nvcc"
