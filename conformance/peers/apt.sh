# Sourced by the get.sh of each witness that comes as a Debian package: an apt of its own, so that
# nothing is installed on this machine and neither its lists nor its locks are touched.
#
#   private_apt DIR SUITES COMPONENTS [STATUS]  sets up DIR/apt; STATUS is a dpkg status file that
#                                               says what is installed (default: nothing is)
#   apt_dir                                     then names DIR/apt
#   private_apt_get ARGS...                     apt-get on it

private_apt() {
	local dir=$1 suites=$2 components=$3 status=${4:-} mirror
	apt_dir=$dir/apt
	# The first mirror in either of apt's formats: that of this machine.
	mirror=$(cat /etc/apt/sources.list.d/*.sources 2>/dev/null |
		awk '/^URIs:/ {print $2; exit}') || true
	if [ -z "$mirror" ] && [ -r /etc/apt/sources.list ]; then
		mirror=$(awk '/^deb / {for (i = 2; i <= NF; i++) if ($i ~ /^http/) {print $i; exit}}' \
			/etc/apt/sources.list)
	fi
	[ -n "$mirror" ] || { echo "get.sh: apt has no mirror on this machine" >&2; return 1; }
	mkdir -p "$apt_dir"/{lists/partial,archives/partial,debs,etc/sources.list.d,etc/preferences.d} \
		"$apt_dir/etc/apt.conf.d"
	if [ -z "$status" ]; then
		status=$apt_dir/status
		: >"$status"
	fi
	local key=/usr/share/keyrings/debian-archive-keyring.gpg
	local suite
	for suite in $suites; do
		echo "deb [signed-by=$key] $mirror $suite $components"
	done >"$apt_dir/etc/sources.list"
	cat >"$apt_dir/apt.conf" <<C
Dir::Etc "$apt_dir/etc";
Dir::Etc::sourcelist "$apt_dir/etc/sources.list";
Dir::Etc::sourceparts "$apt_dir/etc/sources.list.d";
Dir::Etc::parts "$apt_dir/etc/apt.conf.d";
Dir::Etc::preferencesparts "$apt_dir/etc/preferences.d";
Dir::State::Lists "$apt_dir/lists";
Dir::State::status "$status";
Dir::Cache "$apt_dir";
Dir::Cache::archives "$apt_dir/archives";
APT::Architecture "amd64";
APT::Architectures "amd64";
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Debug::NoLocking "true";
Acquire::Languages "none";
C
	private_apt_get update >&2
}

private_apt_get() { apt-get -qq -c "$apt_dir/apt.conf" "$@"; }
