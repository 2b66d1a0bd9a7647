/** Which processes belong to an sshd, and which of them has a tunnel device open. */
import {fstatSync, readFileSync, readdirSync, readlinkSync} from 'node:fs';
import type {Namespace} from '../kernel/namespace.ts';

/** `net:[4026532008]`, as /proc/PID/ns/net reads. */
export function networkOf({fd}: Namespace): string {
	return `net:[${fstatSync(fd).ino}]`;
}

/** The same of a process and any kind of namespace; undefined when the process is gone. */
export function namespaceOf(pid: number, kind: 'net' | 'mnt'): string | undefined {
	return readIfThere(() => readlinkSync(`/proc/${pid}/ns/${kind}`));
}

/** Numbers of all processes. */
export function processes(): number[] {
	return readdirSync('/proc').filter(entry => /^\d+$/.test(entry)).map(Number);
}

/** Whether the process has the TUN or TAP device open: the kernel says so of the descriptor (`tun_chr_show_fdinfo`). */
export function holdsDevice(pid: number, device: string): boolean {
	const descriptors = readIfThere(() => readdirSync(`/proc/${pid}/fdinfo`)) ?? [];
	return descriptors.some(fd => readIfThere(() => readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8'))?.split('\n').includes(`iff:\t${device}`));
}

/** Processes and their descriptors come and go while they are looked at. */
function readIfThere<Result>(read: () => Result): Result | undefined {
	try {
		return read();
	} catch {
		return undefined;
	}
}
