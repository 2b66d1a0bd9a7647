/** Kernel settings of a node's namespace that a user names: read, written, and refused with what the kernel says. Each is of the namespace this thread is in. */
import {getSysctl, listSysctls, setSysctl} from '../kernel/sysctl.ts';
import {InputError, KernelError} from '../util/errors.ts';
import {nearestTo, printable} from '../util/names.ts';

export type Setting = readonly [name: string, value: string | number];

/** @throws InputError `unknown-sysctl` with the nearest ones there are, `sysctl` */
export function readSetting(name: string): string {
	return explained(name, () => getSysctl(name));
}

/**
Writes all or none: what was written before one is refused is put back.

@throws as readSetting
*/
export function writeSettings(settings: readonly Setting[]): void {
	const before: Setting[] = [];
	try {
		for (const [name, value] of settings) {
			const old = readSetting(name);
			explained(name, () => {
				setSysctl(name, value);
			}, value);
			before.unshift([name, old]);
		}
	} catch (error) {
		for (const [name, value] of before) {
			setSysctl(name, value);
		}

		throw error;
	}
}

function explained<Result>(name: string, work: () => Result, value?: string | number): Result {
	try {
		return work();
	} catch (error) {
		if (!(error instanceof KernelError)) {
			throw error;
		}

		if (error.errno === 'ENOENT') {
			const {nearest, hint} = nearestTo(name, neighborsOf(name));
			throw new InputError('unknown-sysctl', `This kernel has no setting ${printable(name)} in a network namespace.${hint}`, {expected: ['setting'], nearest}, {cause: error});
		}

		throw new InputError('sysctl', `The kernel refuses ${value === undefined ? `to tell ${name}` : `${name} = ${printable(String(value))}`}: ${error.errno}.`, {}, {cause: error});
	}
}

/** The settings that stand beside it, or beside what would be its directory. */
function neighborsOf(name: string): string[] {
	const parts = name.split('/');
	for (let depth = parts.length - 1; depth > 0; depth--) {
		const known = entriesOf(parts.slice(0, depth));
		if (known.length > 0) {
			const rest = parts.slice(depth + 1);
			return known.filter(each => rest.length === 0 || entriesOf([...parts.slice(0, depth), each, ...rest.slice(0, -1)]).includes(rest.at(-1) ?? '')).map(each => [...parts.slice(0, depth), each, ...rest].join('/'));
		}
	}

	return [];
}

/** Empty for what is no directory. */
function entriesOf(directory: readonly string[]): string[] {
	try {
		return listSysctls(directory.join('/'));
	} catch {
		return [];
	}
}
