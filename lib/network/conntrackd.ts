/** One conntrackd(8): tells another firewall the connections of its namespace, and makes known there what it is told. */
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {type RunningProgram, start} from '../kernel/daemon.ts';
import type {Namespace} from '../kernel/namespace.ts';
import {run} from '../kernel/process.ts';
import {howItEnded, logTail, startUntil} from '../kernel/readiness.ts';
import {checkSocketPath} from '../kernel/unix-socket.ts';
import {SecureNetError} from '../util/errors.ts';

export type SyncPeer = {
	/** Node it runs in. */
	readonly node: string;
	readonly namespace: Namespace;
	/** Name of the interface that leads to the other one. */
	readonly interface: string;
	/** IPv4 addresses on that link. */
	readonly own: string;
	readonly other: string;
};

type Files = Readonly<Record<'config' | 'log' | 'lock' | 'control', string>>;

/** UDP port that conntrackd's own examples use. */
const port = 3780;
/** Milliseconds until it must serve; 20 on an idle machine. */
const patience = 10_000;

/**
Starts one and waits until it serves. Equivalent to: `ip netns exec NODE conntrackd -C FILE`, with all paths of `directory`

@param onStart is told of the process before anything else can fail
@returns a promise of what to say when it ends by itself
@throws SecureNetError `conntrackd` with the end of its log; MachineError `missing-program`
*/
export async function startConntrackd(peer: SyncPeer, directory: string, onStart: (program: RunningProgram) => void): Promise<{readonly died: Promise<SecureNetError>}> {
	const files = filesOf(peer.node, directory);
	checkSocketPath(files.control);
	writeFileSync(files.config, configuration(peer, files), {mode: 0o600});
	const {program, trouble} = await startUntil(files.control, patience, () => {
		const program = start(['conntrackd', '-C', files.config], {namespace: peer.namespace});
		onStart(program);
		return program;
	});
	if (trouble !== undefined) {
		throw conntrackdError(peer, files, trouble);
	}

	await untilServing(peer, files);
	return {died: program.exited.then(outcome => conntrackdError(peer, files, `ended unexpectedly (${howItEnded(outcome)})`))};
}

/** The socket is there before the kernel is asked for its events; an answer comes after that. */
async function untilServing(peer: SyncPeer, files: Files): Promise<void> {
	try {
		await run(['conntrackd', '-C', files.config, '-s'], {namespace: peer.namespace, timeout: patience});
	} catch (error) {
		throw conntrackdError(peer, files, 'does not answer', error);
	}
}

function filesOf(node: string, directory: string): Files {
	const file = (ending: string) => join(directory, `${node}.${ending}`);
	return {config: file('conf'), log: file('log'), lock: file('lock'), control: file('ctl')};
}

/**
What is told goes to the kernel at once: both firewalls pass packets, none waits to take over. The connections of the two with
each other are not told, for telling them would make something to tell. See conntrackd.conf(5).
*/
function configuration({interface: leaveBy, own, other}: SyncPeer, {log, lock, control}: Files): string {
	return [
		'Sync {',
		'\tMode FTFW {', '\t\tDisableExternalCache On', '\t}',
		'\tUDP {', `\t\tIPv4_address ${own}`, `\t\tIPv4_Destination_Address ${other}`, `\t\tPort ${port}`, `\t\tInterface ${leaveBy}`, '\t\tChecksum On', '\t}',
		'}',
		'General {',
		`\tLogFile ${log}`, `\tLockFile ${lock}`, '\tSyslog Off',
		'\tUNIX {', `\t\tPath ${control}`, '\t}',
		'\tFilter From Userspace {',
		'\t\tAddress Ignore {', ...[own, other, '127.0.0.1'].map(address => `\t\t\tIPv4_address ${address}`), '\t\t}',
		'\t}',
		'}', '',
	].join('\n');
}

function conntrackdError({node}: SyncPeer, {log}: Files, what: string, cause?: unknown): SecureNetError {
	const tail = logTail(log);
	return new SecureNetError('conntrackd', `conntrackd of ${node} ${what}. ${tail === '' ? `Its log ${log} is empty.` : `The end of its log ${log}:\n${tail}`}`, {}, {cause});
}
