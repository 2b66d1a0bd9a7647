/** Kernel settings under /proc/sys, of the namespace this thread is in. Synchronous, because asynchronous writes would land elsewhere. */
import {readFileSync, readdirSync, writeFileSync} from 'node:fs';
import {KernelError} from '../util/errors.ts';

/** Equivalent to: `sysctl -n NAME`. @param name such as `net/ipv4/ip_forward`, with slashes */
export function getSysctl(name: string): string {
	return guarded('read', name, path => readFileSync(path, 'utf8').trim());
}

/** Equivalent to: `sysctl -w NAME=VALUE` */
export function setSysctl(name: string, value: number | string): void {
	guarded('write', name, path => {
		writeFileSync(path, String(value));
	});
}

/** The names in a directory of settings. Equivalent to: `ls /proc/sys/DIRECTORY` */
export function listSysctls(directory: string): string[] {
	return guarded('list', directory, path => readdirSync(path));
}

function guarded<Result>(operation: string, name: string, work: (path: string) => Result): Result {
	try {
		return work(`/proc/sys/${name}`);
	} catch (error) {
		throw new KernelError(operation, (error as NodeJS.ErrnoException).code ?? 'unknown', `sysctl ${name}`);
	}
}
