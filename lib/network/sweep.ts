/** Takes away what labs left that were killed: what their journals name, and nothing else. */
import {readdirSync, readlinkSync, statSync} from 'node:fs';
import {deleteNamespace, home, namespacePath} from '../kernel/namespace.ts';
import {endProcesses} from '../kernel/signal.ts';
import {type LabRecord, labDirectories, readRecord, removeLabDirectory} from './journal.ts';
import {raiseSettings, rcuExpedited, releaseSettings, settingHolders} from './host-settings.ts';

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

/** Sweeps every lab that no longer runs. A lab that runs is left alone. Doing it twice is fine. */
export async function clean(): Promise<CleanReport> {
	const report: CleanReport = {labs: [], processes: 0, namespaces: 0, settings: []};
	let {processes, namespaces} = report;
	for (const name of new Set([...labDirectories(), ...settingHolders()])) {
		const record = readRecord(name);
		if (!record?.alive) {
			const swept = await sweepLab(name, record);
			report.labs.push(name);
			report.settings.push(...swept.settings);
			processes += swept.processes;
			namespaces += swept.namespaces;
		}
	}

	return {...report, processes, namespaces};
}

/** A lab that was killed before it wrote its journal has made nothing but its directory. */
export async function sweepLab(name: string, record: LabRecord | undefined): Promise<{processes: number; namespaces: number; settings: string[]}> {
	const namespaces = Object.values(record?.namespaces ?? {}).filter(namespace => exists(namespacePath(namespace)));
	const processes = await endProcessesInside(namespaces, name);
	for (const namespace of namespaces) {
		deleteNamespace(namespace);
	}

	const settings = releaseSettings(name);
	removeLabDirectory(name);
	return {processes, namespaces: namespaces.length, settings: settings.filter(path => path !== rcuExpedited)};
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
		raiseSettings(lab, [rcuExpedited], 1);
		await endProcesses(pids, isInside);
		releaseSettings(lab, [rcuExpedited]);
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
