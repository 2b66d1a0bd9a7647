/** A lab's journal: what it makes, written down before it is made, so that `securenet clean` can finish what a killed lab left. */
import {mkdirSync, readFileSync, readdirSync, renameSync, rmSync} from 'node:fs';
import {isAlive, processStartTime} from '../kernel/daemon.ts';
import {InputError, SecureNetError} from '../util/errors.ts';
import {printable, sortNames, unknownName} from '../util/names.ts';
import {labDirectory, stateDirectory} from './paths.ts';
import {onDisk, writeStateFile} from './state-files.ts';

const journalFile = 'journal.json';
/** Begins the name of a run directory that has no lab yet; the process id follows. No lab's name begins with a dot. */
const unnamedPrefix = '.new-';

export type ProcessRecord = {readonly pid: number; /** Clock ticks since boot, from /proc/PID/stat: pids are reused. */ readonly startTime: number};

export type LabRecord = {
	readonly name: string;
	/** The process that runs the lab. */
	readonly pid: number;
	readonly startTime: number;
	/** Name of the topology. */
	readonly topology: string;
	/** ISO 8601. */
	readonly started: string;
	readonly directory: string;
	/** Node name to namespace name; the fabric's node name is `-fabric`. */
	readonly namespaces: Readonly<Record<string, string>>;
	/** Daemons started in them. */
	readonly processes: readonly ProcessRecord[];
	/** Whether the process that runs the lab still does. */
	readonly alive: boolean;
};

export class Journal {
	#record: LabRecord;

	private constructor(record: LabRecord) {
		this.#record = record;
	}

	/**
	Claims a lab's name by putting its run directory in place, with the journal already in it: nobody ever sees one without the other.

	@throws InputError `lab-exists` when a lab of that name runs; the remains of one that does not are the caller's to sweep first
	*/
	static open(name: string, topology: string): Journal {
		const journal = new Journal({
			name, topology, pid: process.pid, startTime: processStartTime(process.pid) ?? 0, started: new Date().toISOString(), directory: labDirectory(name), namespaces: {}, processes: [], alive: true,
		});
		const unnamed = labDirectory(`${unnamedPrefix}${process.pid}`);
		rmSync(unnamed, {recursive: true, force: true});
		onDisk(unnamed, () => {
			mkdirSync(stateDirectory, {recursive: true, mode: 0o700});
			// Alone: with those above it Node.js takes a disk that can only be read for one where they are missing.
			mkdirSync(unnamed, {mode: 0o700});
		});
		try {
			journal.#write(unnamed);
			renameSync(unnamed, labDirectory(name));
		} catch (error) {
			rmSync(unnamed, {recursive: true, force: true});
			throw ['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '') ? nameTaken(name) : error;
		}

		return journal;
	}

	/** What is written down; also when somebody has removed the file, or a full disk did not take it. */
	get record(): LabRecord {
		return this.#record;
	}

	/** Call before the namespaces are made, with each node's name and its namespace's. */
	willMakeNamespaces(namespaces: Readonly<Record<string, string>>): void {
		this.#record = {...this.#record, namespaces: {...this.#record.namespaces, ...namespaces}};
		this.#write();
	}

	/** Call when the namespaces of these nodes are gone. */
	deletedNamespaces(nodes: readonly string[]): void {
		const gone = new Set(nodes);
		this.#record = {...this.#record, namespaces: Object.fromEntries(Object.entries(this.#record.namespaces).filter(([node]) => !gone.has(node)))};
		this.#write();
	}

	/** Those that have ended are forgotten: a tunnel whose connection is lost again and again would fill the journal. */
	started(process: ProcessRecord): void {
		const running = this.#record.processes.filter(({pid, startTime}) => isAlive(pid, startTime));
		this.#record = {...this.#record, processes: [...running, process]};
		this.#write();
	}

	/** The lab is gone. */
	close(): void {
		removeLabDirectory(this.#record.name);
	}

	#write(directory = this.#record.directory): void {
		writeStateFile(`${directory}/${journalFile}`, JSON.stringify(this.#record));
	}
}

function nameTaken(name: string): SecureNetError {
	const record = readRecord(name);
	return record?.alive
		? new InputError('lab-exists', `A lab named "${name}" is running as process ${record.pid}. Leave it with "exit" there, or choose another name with --name.`)
		: new SecureNetError('lab-remains', `The remains of a lab named "${name}" are in ${labDirectory(name)}. Run "securenet clean".`);
}

export function removeLabDirectory(name: string): void {
	onDisk(labDirectory(name), () => {
		rmSync(labDirectory(name), {recursive: true, force: true});
	});
}

/** Every lab with a run directory, running or not, in natural order. */
export function labRecords(): LabRecord[] {
	return sortNames(labDirectories()).flatMap(name => readRecord(name) ?? []);
}

export function runningLabs(): LabRecord[] {
	return labRecords().filter(({alive}) => alive);
}

/** @throws InputError naming the labs that run */
export function labRecord(name: string): LabRecord {
	const running = runningLabs();
	const record = running.find(each => each.name === name);
	if (!record) {
		const known = running.map(each => each.name);
		throw known.length > 0 ? unknownName('running lab', name, known) : new InputError('unknown-running-lab', `There is no running lab "${printable(name)}": no lab is running. Start one with "securenet run".`);
	}

	return record;
}

/** Names of the run directories, a dead process's unnamed one included. */
export function labDirectories(): string[] {
	try {
		return readdirSync(stateDirectory, {withFileTypes: true})
			.filter(entry => entry.isDirectory() && !belongsToStarting(entry.name))
			.map(({name}) => name);
	} catch {
		return [];
	}
}

function belongsToStarting(directory: string): boolean {
	return directory.startsWith(unnamedPrefix) && processStartTime(Number(directory.slice(unnamedPrefix.length))) !== undefined;
}

export function readRecord(name: string): LabRecord | undefined {
	try {
		const record = JSON.parse(readFileSync(`${labDirectory(name)}/${journalFile}`, 'utf8')) as LabRecord;
		return {...record, alive: isAlive(record.pid, record.startTime)};
	} catch {
		return undefined;
	}
}
