/** Takes away what labs left that were killed: what their journals name, and nothing else. */
import {closeSync, openSync, readdirSync, readlinkSync, statSync} from 'node:fs';
import {setTimeout} from 'node:timers/promises';
import {deleteNamespace, home, namespacePath} from '../kernel/namespace.ts';
import {endProcesses} from '../kernel/signal.ts';
import {tryLockExclusive} from '../kernel/syscall.ts';
import {SecureNetError} from '../util/errors.ts';
import {type LabRecord, labDirectories, readRecord, removeLabDirectory} from './journal.ts';
import {expedited} from './expedited.ts';
import {rcuExpedited, releaseSettings, settingHolders} from './host-settings.ts';
import {labDirectory, stateDirectory} from './paths.ts';
import {isDiskError, onDisk} from './state-files.ts';

export type CleanReport = {
	/** Labs whose remains were taken away. */
	readonly labs: string[];
	/** Processes ended, by number. */
	readonly processes: number;
	/** Namespaces deleted, by number. */
	readonly namespaces: number;
	/** Settings of the host that went back to what they were. */
	readonly settings: string[];
};

type Swept = {readonly processes: number; readonly namespaces: number; readonly settings: string[]};

/** Sweeps every lab that no longer runs. A lab that runs is left alone. Doing it twice is fine. */
export async function clean(): Promise<CleanReport> {
	const names = [...new Set([...labDirectories(), ...settingHolders()])];
	const swept: Array<Swept & {name: string}> = [];
	for (const name of names) {
		const result = await sweepRemains(name);
		if (result) {
			swept.push({...result, name});
		}
	}

	return {
		labs: swept.map(({name}) => name),
		processes: swept.reduce((sum, {processes}) => sum + processes, 0),
		namespaces: swept.reduce((sum, {namespaces}) => sum + namespaces, 0),
		settings: [...new Set(swept.flatMap(({settings}) => settings))],
	};
}

/**
Takes away what is left of a lab, unless it runs, or nothing is left. One sweeper at a time: whoever waited looks again, because the
name may be a new lab's by then.

@throws SecureNetError `sweep` when another process sweeps for longer than half a minute
*/
export async function sweepRemains(name: string): Promise<Swept | undefined> {
	if (!isLeft(name)) {
		return undefined;
	}

	const path = `${stateDirectory}/sweep.lock`;
	const lock = onDisk(path, () => openSync(path, 'w', 0o600));
	try {
		await waitForTurn(lock);
		return isLeft(name) ? await sweepLab(name, readRecord(name)) : undefined;
	} finally {
		closeSync(lock);
	}
}

/** Whether there is something of a lab that does not run. */
function isLeft(name: string): boolean {
	return readRecord(name)?.alive !== true && (exists(labDirectory(name)) || settingHolders().includes(name));
}

/** Milliseconds. The kernel tells nobody when a lock is free without stopping a thread, so it is asked now and then. */
const turn = {patience: 30_000, pause: 50} as const;

async function waitForTurn(lock: number): Promise<void> {
	const deadline = performance.now() + turn.patience;
	while (!tryLockExclusive(lock)) {
		if (performance.now() > deadline) {
			throw new SecureNetError('sweep', `Another process has been cleaning up for ${turn.patience / 1000} s; look for it with: fuser -v ${stateDirectory}/sweep.lock`);
		}

		await setTimeout(turn.pause);
	}
}

/** The caller's own lab, or one that is known to be dead. A lab that was killed before it wrote its journal has made nothing but its directory. */
export async function sweepLab(name: string, record: LabRecord | undefined): Promise<Swept> {
	const namespaces = Object.values(record?.namespaces ?? {}).filter(namespace => exists(namespacePath(namespace)));
	const processes = await endProcessesInside(namespaces, name);
	for (const namespace of namespaces) {
		deleteNamespace(namespace);
	}

	const settings = letGo(name);
	return {processes, namespaces: namespaces.length, settings: settings.filter(path => path !== rcuExpedited)};
}

/** Takes back what a lab needed of the host, and its directory: first that, when it is what fills the disk. Returns the settings that went back. */
function letGo(name: string): string[] {
	try {
		return releaseSettings(name);
	} catch (error) {
		if (!isDiskError(error)) {
			throw error;
		}

		removeLabDirectory(name);
		return releaseSettings(name);
	} finally {
		removeLabDirectory(name);
	}
}

/**
Ends every process in the namespaces, however it came there: a namespace the lab made belongs to the lab. Returns their number.

@throws SecureNetError `process` when one does not end
*/
export async function endProcessesInside(namespaces: readonly string[], lab: string): Promise<number> {
	const ids = new Set(namespaces.map(name => namespaceId(namespacePath(name))).filter(id => id !== undefined));
	const isInside = (pid: number) => ids.has(processNamespace(pid) ?? '');
	const pids = readdirSync('/proc').filter(entry => /^\d+$/.test(entry)).map(Number).filter(pid => pid !== process.pid && isInside(pid));
	if (pids.length > 0) {
		await expedited(lab, async () => endProcesses(pids, isInside));
	}

	return pids.length;
}

/** `net:[4026532008]`, as /proc/PID/ns/net reads; undefined for a file on which no namespace is mounted. */
function namespaceId(path: string): string | undefined {
	const {dev, ino} = statSync(path);
	return dev === statSync(home.path).dev ? `net:[${ino}]` : undefined;
}

function processNamespace(pid: number): string | undefined {
	try {
		return readlinkSync(`/proc/${pid}/ns/net`);
	} catch {
		return undefined;
	}
}

function exists(path: string): boolean {
	return statSync(path, {throwIfNoEntry: false}) !== undefined;
}
