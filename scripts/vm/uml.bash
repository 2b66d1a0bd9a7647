#!/usr/bin/env bash
# User Mode Linux, a kernel that is a program: ours where scripts/vm/build-uml has been, else Debian's with modules of our own. Needs
# neither KVM nor emulation.

fetch_uml() {
	modules=''
	[[ -x $built ]] || modules=$("$here/build-modules") || exit 125
}

prepare_uml() {
	machine=uml
	fetch_uml
	{
		echo '#!/bin/bash'
		printf '%q ' exec bash "$here/guest/init-uml" "$here" "$run" "$modules"
		echo '<>/dev/console >&0 2>&1'
	} >"$run/init"
	chmod +x "$run/init"
	has_terminal || mkfifo "$run/out" "$run/err"
}

# Called with the words that go before the program. Its root is this machine's, read-only; consoles 1 and 2 are the command's output.
start_uml() {
	local program=("$cache/uml/usr/bin/linux.uml") consoles=('con=null' 'con0=null,fd:7')
	[[ ! -x $built ]] || program=("$built" 'seccomp=auto' ncpus="$(nproc)")
	exec 7>"$run/console"
	if has_terminal; then
		consoles+=('con1=fd:0,fd:1')
	else
		exec 4>"$run/out" 5>"$run/err" </dev/null
		consoles+=('con1=null,fd:4' 'con2=null,fd:5')
	fi
	exec "$@" "${program[@]}" mem="${memory}M" uml_dir="$run" "${consoles[@]}" quiet \
		root=/dev/root rootfstype=hostfs rootflags=/ ro init="$run/init" 2>&7
}

# A program of the guest's is a process of this machine, and each piece of its memory that is not beside the one before is a mapping
# of that. Without another one to be had, User Mode Linux meets the same page fault again and again, and says nothing.
warn_of_mappings() {
	local most
	most=$(</proc/sys/vm/max_map_count)
	# Pages of 4 KiB, should none be beside another.
	((most / 256 >= memory)) || say "If a program of more than $((most / 256)) MB stood still there: sysctl vm.max_map_count=$((memory * 256)) on this machine, and try again."
}

# Passes on one of the two pipes of output.
relay_uml() {
	cat "$1"
}
