#!/usr/bin/env bash
# Debian packages, downloaded once and unpacked into a cache of the user's own: nothing is installed, and later runs need no network.

cache=${XDG_CACHE_HOME:-$HOME/.cache}/securenet-vm
# The User Mode Linux of scripts/vm/build-uml.
built=$cache/linux-uml

# "$1" is the directory in the cache, the rest are packages; those that the machine has installed may be among them. Unpacked
# aside and renamed, so that another run finds all of it or nothing.
unpack_packages() {
	local directory=$cache/$1 new
	shift
	[[ ! -d $directory ]] || return 0
	say "downloading $* into $directory (once)"
	mkdir -p "$cache"
	new=$(mktemp --directory "$cache/new.XXXXXX")
	# apt's user for downloads may not write there, and a list of packages that is too old names files that are gone.
	(cd "$new" && quietly download "$@" || { quietly apt-get update && quietly download "$@"; }) || { rm -r "$new"; refuse "These packages cannot be downloaded: $*. Look with: apt-get download $*"; }
	local package
	for package in "$new"/*.deb; do
		dpkg-deb --extract "$package" "$new"
		rm "$package"
	done
	mv --no-target-directory "$new" "$directory" 2>/dev/null || rm -r "$new"
}

download() {
	apt-get --option APT::Sandbox::User=root download "$@"
}

# The package and all that it needs and this machine lacks.
with_missing_dependencies() {
	apt-get install --simulate --no-install-recommends "$1" | awk '$1 == "Inst" { print $2 }'
}

# Programs, each with its package behind a colon where that has another name.
require_programs() {
	local each missing=()
	for each; do
		command -v "${each%:*}" >/dev/null || missing+=("${each#*:}")
	done
	((${#missing[@]} == 0)) || refuse "Programs are missing: apt-get install ${missing[*]}"
}

# Shows a command's output only when it fails.
quietly() {
	local output
	output=$("$@" 2>&1) || {
		printf '%s\n' "$output" | tail -n 15 >&2
		return 1
	}
}

# Of a script that is asked for it, the comment that it begins with.
help_when_asked() {
	[[ ${1-} != -h && ${1-} != --help ]] || {
		sed --quiet '2,/^[^#]/s/^# \{0,1\}//p' "$0"
		exit 0
	}
}

say() {
	echo "vm: $*" >&2
}

refuse() {
	say "$*"
	exit 125
}
