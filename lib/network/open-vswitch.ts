/** The private Open vSwitch of a lab: its own database server and switch daemon, inside the fabric namespace, with all their files in one directory. */
import {createHash, randomUUID} from 'node:crypto';
import {readFileSync, symlinkSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {datapath} from '../kernel/capabilities.ts';
import {type RunningProgram, isAlive, start} from '../kernel/daemon.ts';
import type {Namespace} from '../kernel/namespace.ts';
import {installHint} from '../kernel/programs.ts';
import {howItEnded, logTail, startUntil} from '../kernel/readiness.ts';
import {endProcesses} from '../kernel/signal.ts';
import {checkSocketPath} from '../kernel/unix-socket.ts';
import {MachineError, SecureNetError} from '../util/errors.ts';

export type OpenVswitch = {
	/** Path of the database server's socket, for `Ovsdb.connect`. */
	readonly database: string;
	/** The kernel's datapath where the kernel has one and tracks by zone, else the userspace one. */
	readonly datapathType: 'system' | 'netdev';
	/** Resolves, with the end of its log, when a daemon ended without `stop` having been called. */
	readonly died: Promise<SecureNetError>;
	/** Ends both daemons and waits until they are gone. Twice is fine. */
	readonly stop: () => Promise<void>;
};

type Place = {readonly namespace: Namespace; readonly directory: string; readonly onStart: (program: RunningProgram) => void};
type Daemon = 'ovsdb-server' | 'ovs-vswitchd';

/** Where the Debian package, and a build from source, put the database's schema. */
const schemaPaths = ['/usr/share/openvswitch/vswitch.ovsschema', '/usr/local/share/openvswitch/vswitch.ovsschema'];
/** Milliseconds between two looks at the datapath's packet counts; with the usual 500 a listing of hits would have to wait that long. */
const revalidation = 100;
/** Milliseconds for a daemon to open its sockets; 20 on an idle machine, more than 5000 were seen in a virtual one on a busy machine. */
const patience = 30_000;

/**
Starts the two daemons and waits until both listen. Nothing ties them to this process but `onStart`, which must write them down.
Equivalent to: `ip netns exec FABRIC ovs-ctl start`, with all paths of `directory`

@throws MachineError when Open vSwitch is not installed; SecureNetError `open-vswitch` with the end of the log when a daemon does not start
*/
export async function startOpenVswitch(place: Place): Promise<OpenVswitch> {
	const {directory} = place;
	const database = join(directory, 'db.sock');
	checkSocketPath(controlSocket(directory, 'ovs-vswitchd'));
	writeFileSync(join(directory, 'conf.db'), emptyDatabase(), {mode: 0o600});
	const daemons: RunningProgram[] = [];
	const life = {stopping: false};
	try {
		const server = await startDaemon('ovsdb-server', [join(directory, 'conf.db'), `--remote=punix:${database}`], place, daemons);
		const vswitch = await startDaemon('ovs-vswitchd', [`unix:${database}`], place, daemons);
		return {
			database,
			datapathType: datapath(),
			died: Promise.race([death('ovsdb-server', server, directory, life), death('ovs-vswitchd', vswitch, directory, life)]),
			async stop() {
				life.stopping = true;
				await end(daemons);
			},
		};
	} catch (error) {
		life.stopping = true;
		await end(daemons);
		throw error;
	}
}

/** Control sockets have fixed names, so that nobody needs to know a process id to find them. */
function controlSocket(directory: string, daemon: Daemon): string {
	return join(directory, `${daemon}.ctl`);
}

function logFile(directory: string, daemon: Daemon): string {
	return join(directory, `${daemon}.log`);
}

/** Starts one daemon and waits for its control socket, which both daemons open after everything else. */
async function startDaemon(daemon: Daemon, args: readonly string[], {namespace, directory, onStart}: Place, started: RunningProgram[]): Promise<RunningProgram> {
	const control = controlSocket(directory, daemon);
	const {program, trouble} = await startUntil(control, patience, () => {
		const running = start([daemon, ...args, `--unixctl=${control}`, `--pidfile=${join(directory, `${daemon}.pid`)}`, `--log-file=${logFile(directory, daemon)}`, '-vconsole:off', '-vsyslog:off'], {
			namespace,
			env: {OVS_RUNDIR: directory, OVS_LOGDIR: directory, OVS_DBDIR: directory},
		});
		started.push(running);
		onStart(running);
		// Where ovs-appctl looks once it has read the pid file.
		symlinkSync(control, join(directory, `${daemon}.${running.pid}.ctl`));
		return running;
	});
	if (trouble !== undefined) {
		throw daemonError(daemon, directory, trouble);
	}

	return program;
}

async function death(daemon: Daemon, program: RunningProgram, directory: string, life: {readonly stopping: boolean}): Promise<SecureNetError> {
	const outcome = await program.exited;
	// After stop() nobody wants to know: the promise stays open and is forgotten with the lab.
	return life.stopping ? new Promise<never>(() => undefined) : daemonError(daemon, directory, `ended unexpectedly (${howItEnded(outcome)})`);
}

function daemonError(daemon: Daemon, directory: string, what: string): SecureNetError {
	const file = logFile(directory, daemon);
	const tail = logTail(file);
	return new SecureNetError('open-vswitch', `${daemon} ${what}. ${tail === '' ? `Its log ${file} is empty.` : `The end of its log ${file}:\n${tail}`}`);
}

/** There is nothing to save, so nobody is asked to end. */
async function end(daemons: readonly RunningProgram[]): Promise<void> {
	const startTimes = new Map(daemons.map(({pid, startTime}) => [pid, startTime]));
	await endProcesses([...startTimes.keys()], pid => isAlive(pid, startTimes.get(pid) ?? 0));
}

/**
A new database as ovsdb-tool(1) would create it and `ovs-vsctl init` would fill it, without starting either. Its file is a
log (ovsdb(5)): the schema, then the transactions, each under a line with its length and SHA-1.
*/
function emptyDatabase(): string {
	const row = {Open_vSwitch: {[randomUUID()]: {other_config: ['map', [['max-revalidator', String(revalidation)]]]}}, _comment: 'securenet'};
	return [readSchema(), row].map(record => {
		const text = `${JSON.stringify(record)}\n`;
		return `OVSDB JSON ${Buffer.byteLength(text)} ${createHash('sha1').update(text).digest('hex')}\n${text}`;
	}).join('');
}

/** @throws MachineError */
function readSchema(): unknown {
	for (const path of schemaPaths) {
		try {
			return JSON.parse(readFileSync(path, 'utf8'));
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
				throw error;
			}
		}
	}

	throw new MachineError('missing-program', `Open vSwitch is not installed: there is no ${schemaPaths.join(' and no ')}. ${installHint('ovs-vswitchd')}`);
}
