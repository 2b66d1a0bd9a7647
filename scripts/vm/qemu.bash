#!/usr/bin/env bash
# QEMU with Debian's own kernel, on the processor itself (KVM) or emulated: has every feature, wherever it boots.

# What must be in the kernel before it reads this machine's files.
early_modules='virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci netfs fscache 9pnet 9pnet_virtio 9p overlay virtio_console virtio-rng'

prepare_qemu() {
	machine=qemu
	[[ $kernel != kvm || -w /dev/kvm ]] || refuse 'This machine has no /dev/kvm: use --kernel uml or qemu.'
	fetch_qemu
	make_initrd
	has_terminal || touch "$run/out" "$run/err"
}

fetch_qemu() {
	require_programs depmod:kmod xz:xz-utils
	command -v qemu-system-x86_64 >/dev/null || [[ -d $cache/qemu ]] || unpack_qemu
	[[ -d $cache/debian ]] || unpack_packages debian "$(newest_kernel)" busybox-static
	modules=$cache/debian/lib/modules
	release=$(ls "$modules")
	[[ -e $modules/$release/modules.dep ]] || depmod --basedir "$cache/debian" "$release"
	[[ -e $cache/debian/vmlinux ]] || unpack_kernel "$cache/debian/boot/vmlinuz-$release" "$cache/debian/vmlinux"
}

unpack_qemu() {
	local names packages
	names=$(with_missing_dependencies qemu-system-x86) || refuse 'What QEMU needs cannot be found. Look with: apt-get install --simulate qemu-system-x86'
	mapfile -t packages <<<"$names"
	unpack_packages qemu "${packages[@]}"
}

newest_kernel() {
	apt-cache depends linux-image-amd64 | awk '$1 == "Depends:" { print $2; exit }'
}

# Here, and not by the emulated processor, which takes seconds for it. Where the compressed kernel begins and how long it is stand
# in its header (Documentation/arch/x86/boot.rst: setup_sects, payload_offset, payload_length).
unpack_kernel() {
	local sectors offset length work
	work=$(mktemp --directory "$cache/new.XXXXXX")
	sectors=$(number_at "$1" 0x1f1 1) offset=$(number_at "$1" 0x248 4) length=$(number_at "$1" 0x24c 4)
	dd if="$1" of="$work/payload" iflag=skip_bytes,count_bytes skip=$(((sectors + 1) * 512 + offset)) count="$length" bs=1M status=none
	# Behind the compressed kernel its length stands, which xz takes for a second stream.
	xz --decompress --stdout --single-stream "$work/payload" >"$work/vmlinux" 2>/dev/null || cp "$1" "$work/vmlinux"
	mv "$work/vmlinux" "$2"
	rm -r "$work"
}

number_at() {
	od --address-radix=n --format="u$3" --skip-bytes="$(($2))" --read-bytes="$3" "$1" | tr --delete ' '
}

make_initrd() {
	local root=$run/initrd number=100 module
	mkdir -p "$root"/{bin,early,proc,host,layer}
	cp "$cache/debian/bin/busybox" "$root/bin/busybox"
	cp "$here/guest/layer" "$root/layer.sh"
	for module in $early_modules; do
		# The order of their names is the order in which they are needed.
		number=$((number + 1))
		find "$modules" -name "$module.ko" -exec cp {} "$root/early/$number.ko" \;
	done
	{
		cat "$here/guest/init-qemu"
		printf 'exec switch_root /layer/root /bin/bash %q %q\n' "$here/guest/main" "$run"
	} >"$root/init"
	chmod +x "$root/init"
	(cd "$root" && find . | bin/busybox cpio --create --format newc 2>/dev/null) >"$run/initrd.img"
	rm -r "$root"
}

# Called with the words that go before the program. The first of the shares is the directory of the job.
start_qemu() {
	local words=() number firmware=() accelerator=(-accel 'tcg,thread=multi' -cpu 'max,la57=off')
	[[ $kernel != kvm ]] || accelerator=(-accel kvm -cpu host)
	command -v qemu-system-x86_64 >/dev/null || use_unpacked_qemu
	for number in "${!shares[@]}"; do
		words+=(-virtfs "local,path=${shares[number]//,/,,},mount_tag=share$number,security_model=none,multidevs=remap")
	done
	if has_terminal; then
		# Ctrl-C stays with the terminal until the command begins.
		words+=(-chardev 'stdio,id=out,signal=on' -device 'virtconsole,chardev=out')
	else
		words+=(-chardev "file,id=out,path=$run/out" -device 'virtserialport,chardev=out,nr=1')
		words+=(-chardev "file,id=err,path=$run/err" -device 'virtserialport,chardev=err,nr=2')
		exec </dev/null >>"$run/qemu"
	fi
	exec "$@" qemu-system-x86_64 "${firmware[@]}" "${accelerator[@]}" -smp "$(nproc)" -m "$memory" -display none -no-reboot -nodefaults \
		-serial "file:$run/console" -device virtio-rng-pci -device virtio-serial-pci -kernel "$cache/debian/vmlinux" -initrd "$run/initrd.img" \
		-append 'console=ttyS0 quiet nokaslr mitigations=off panic=-1' \
		-virtfs 'local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap' "${words[@]}" 2>>"$run/qemu"
}

# Passes on one of the two files of output. Files and no pipes: what a pipe does not take QEMU keeps for later, and forgets when the
# machine goes off. And whoever opens a pipe for reading would wait for ever for a QEMU that ends before it opens anything.
relay_qemu() {
	tail --follow --bytes=+1 --pid="$pid" "$1"
}

use_unpacked_qemu() {
	local libraries=$cache/qemu/usr/lib/x86_64-linux-gnu
	PATH=$PATH:$cache/qemu/usr/bin
	export LD_LIBRARY_PATH=$libraries:$cache/qemu/lib/x86_64-linux-gnu QEMU_MODULE_DIR=$libraries/qemu
	firmware=(-L "$cache/qemu/usr/share/qemu" -L "$cache/qemu/usr/share/seabios")
}
