/** The few settings of the whole host that a lab may need changed: raised together with who needs them, put back by the last one. */
import {closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {lockExclusive} from '../kernel/syscall.ts';
import {stateDirectory} from './paths.ts';
import {onDisk, writeStateFile} from './state-files.ts';

/** Limits of the neighbour tables, which all namespaces of the kernel share, so the needs of labs add up; see arp(7). */
export const neighborLimits = [4, 6].flatMap(family => ['gc_thresh1', 'gc_thresh2', 'gc_thresh3'].map(name => `/proc/sys/net/ipv${family}/neigh/default/${name}`));
/** While this is above 0, the kernel does not wait 12 ms for each port that a userspace switch closes. */
export const rcuExpedited = '/sys/kernel/rcu_expedited';

type Held = {
	/** What the host had before the first lab came. */
	readonly original: number;
	/** Lab name to what it needs on top of that. */
	readonly holders: Readonly<Record<string, number>>;
};
type State = Readonly<Record<string, Held>>;

const statePath = `${stateDirectory}/settings.json`;
const lockPath = `${stateDirectory}/settings.lock`;

/**
Raises settings by what a lab needs beside what the host and other labs need. A setting this kernel has not is passed over.
Written down before it is done.

@throws MachineError `disk` when it cannot be written down; nothing is raised then
*/
export function raiseSettings(lab: string, settings: readonly string[], need: number): void {
	locked(state => {
		const next = {...state};
		for (const path of settings) {
			const original = state[path]?.original ?? read(path);
			if (original !== undefined) {
				next[path] = {original, holders: {...state[path]?.holders, [lab]: need}};
			}
		}

		writeState(next);
		apply(next);
	});
}

/**
Takes a lab's needs back. Returns the settings that went back to what the host had. Written down after it is done: to do it
twice is no harm, and the last lab needs no room for it on a full disk.

@throws MachineError `disk` when it is done but cannot be written down, for other labs hold settings still
*/
export function releaseSettings(lab: string, settings?: readonly string[]): string[] {
	if (!settingHolders().includes(lab)) {
		return [];
	}

	const restored: string[] = [];
	locked(state => {
		const next: Record<string, Held> = {};
		for (const [path, held] of Object.entries(state)) {
			const leaves = settings?.includes(path) ?? true;
			const holders = Object.fromEntries(Object.entries(held.holders).filter(([holder]) => !(leaves && holder === lab)));
			next[path] = {...held, holders};
			if (Object.keys(holders).length === 0) {
				restored.push(path);
			}
		}

		apply(next);
		writeState(Object.fromEntries(Object.entries(next).filter(([, {holders}]) => Object.keys(holders).length > 0)));
	});
	return restored;
}

/** Labs that hold a setting. */
export function settingHolders(): string[] {
	return [...new Set(Object.values(readState()).flatMap(({holders}) => Object.keys(holders)))];
}

/** Settings that labs have changed: what the host had and what it has now. */
export function changedSettings(): Array<{path: string; original: number; current: number | undefined; labs: string[]}> {
	return Object.entries(readState()).map(([path, {original, holders}]) => ({path, original, current: read(path), labs: Object.keys(holders)}));
}

/** One process at a time works on the state. */
function locked(work: (state: State) => void): void {
	onDisk(stateDirectory, () => mkdirSync(stateDirectory, {recursive: true, mode: 0o700}));
	const lock = onDisk(lockPath, () => openSync(lockPath, 'w', 0o600));
	try {
		lockExclusive(lock);
		work(readState());
	} finally {
		closeSync(lock);
	}
}

/** Makes the host agree with the state. */
function apply(state: State): void {
	for (const [path, {original, holders}] of Object.entries(state)) {
		write(path, Object.values(holders).reduce((sum, need) => sum + need, original));
	}
}

function readState(): State {
	try {
		return JSON.parse(readFileSync(statePath, 'utf8')) as State;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
			return {};
		}

		throw error;
	}
}

function writeState(state: State): void {
	if (Object.keys(state).length === 0) {
		rmSync(statePath, {force: true});
	} else {
		writeStateFile(statePath, JSON.stringify(state));
	}
}

/** Undefined where this kernel has no such setting. */
function read(path: string): number | undefined {
	try {
		return Number(readFileSync(path, 'utf8'));
	} catch {
		return undefined;
	}
}

function write(path: string, value: number): void {
	if (read(path) !== undefined && read(path) !== value) {
		writeFileSync(path, String(value));
	}
}
