/** The far end of SSH tunnels: one OpenSSH server for each node and address, which gives each key one tunnel device and nothing else. */
import {existsSync, mkdirSync, renameSync, rmSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {type RunningProgram, isAlive, start} from '../kernel/daemon.ts';
import type {Namespace} from '../kernel/namespace.ts';
import {systemProgram} from '../kernel/programs.ts';
import {logTail, startUntil} from '../kernel/readiness.ts';
import {endProcesses} from '../kernel/signal.ts';
import {type Address, formatAddress} from '../util/address.ts';
import {InputError, SecureNetError} from '../util/errors.ts';
import {makeKey} from './ssh-keys.ts';
import {holdsDevice, namespaceOf, networkOf, processes} from './sshd-processes.ts';

export type SshdPlace = {
	readonly node: string;
	readonly namespace: Namespace;
	/** Where it listens, and nowhere else. */
	readonly endpoint: Address;
	/** Of the lab's SSH tunnels; the server makes one of its own in it. */
	readonly directory: string;
	/** Called with each server as soon as it runs. */
	readonly started: (program: RunningProgram) => void;
};

export const sshPort = 22;
/** Seconds between two questions to a silent client, and how many go unanswered before it is given up: 24 hours. */
const keepAlive = {interval: 120, count: 720} as const;
/** Clients that may be logging in at the same moment; with OpenSSH's default of 10 a lab with many tunnels would see refusals. */
const mostStrangers = 200;
/** Milliseconds until it must listen. */
const patience = 10_000;
/** In the server's own view; see `begin`. */
const runDirectory = '/run';
const [configFile, hostKeyFile, keysFile, logFile, pidFile] = ['sshd_config', 'host_key', 'authorized_keys', 'sshd.log', 'sshd.pid'];

type PermitTunnel = 'no' | 'point-to-point' | 'ethernet' | 'yes';

export class Sshd {
	/** By directory. */
	static readonly #known = new Map<string, Sshd>();
	readonly #place: SshdPlace;
	readonly #directory: string;
	readonly #network: string;
	/** Public keys by the device that they may have. */
	readonly #keys = new Map<string, string>();
	/** Mount namespaces of every server that was started here: the mark of its sessions, which outlive it. */
	readonly #mounts = new Set<string>();
	#program: RunningProgram | undefined;
	/** What it lets its clients open. */
	#permitted: PermitTunnel | undefined;
	#hostKey = '';
	/** Starts and ends come one after the other. */
	#turn: Promise<void> = Promise.resolve();

	private constructor(place: SshdPlace, directory: string) {
		this.#place = place;
		this.#directory = directory;
		this.#network = networkOf(place.namespace);
	}

	/**
	Lets a key have a device at that place. The first one starts the server.

	@param device such as `tun0`
	@throws InputError `tunnel-device`; SecureNetError `sshd` with the end of its log; MachineError `missing-program`
	*/
	static async admit(place: SshdPlace, device: string, publicKey: string): Promise<Sshd> {
		const directory = join(place.directory, `${place.node}-${formatAddress(place.endpoint)}`);
		const sshd = Sshd.#known.get(directory) ?? new Sshd(place, directory);
		Sshd.#known.set(directory, sshd);
		sshd.#checkUnit(device);
		sshd.#keys.set(device, publicKey);
		try {
			await sshd.run();
			sshd.#writeKeys();
			return sshd;
		} catch (error) {
			await sshd.dismiss(device);
			throw error;
		}
	}

	/** Takes the device back, ending who has it. Where it was the last of its kind, clients may no longer open that kind. With the last one the server ends, and its files go. Twice is fine. */
	async dismiss(device: string): Promise<void> {
		this.#keys.delete(device);
		await this.#inTurn(async () => {
			if (this.#keys.size > 0) {
				this.#writeKeys();
				await this.free(device);
				if (this.#permitted !== this.#permits) {
					// Whoever connects next starts one that did not, and is told why.
					await this.#restart().catch(() => undefined);
				}

				return;
			}

			await this.#end();
			rmSync(this.#directory, {recursive: true, force: true});
			if (this.#keys.size === 0) {
				Sshd.#known.delete(this.#directory);
			}
		});
	}

	/** Starts the server unless it runs and lets clients open what they may, and nothing else. @throws as `admit` */
	async run(): Promise<void> {
		await this.#inTurn(async () => {
			const {pid = 0, startTime = 0} = this.#program ?? {};
			if (!isAlive(pid, startTime) || this.#permitted !== this.#permits) {
				await this.#restart();
			}
		});
	}

	/**
	Ends the session that has a device. A client that has lost its connection comes back long before the server misses it, and
	would find the device taken: a device has room for one.
	*/
	async free(device: string): Promise<void> {
		const holders = this.#processes().filter(pid => holdsDevice(pid, device));
		await endProcesses(holders, pid => this.#owns(pid) && holdsDevice(pid, device));
	}

	/** Of the machine, as one line. */
	get hostKey(): string {
		return this.#hostKey;
	}

	/** The end of its log. */
	get log(): string {
		return logTail(join(this.#directory, logFile));
	}

	/** Both kinds only where there are tunnels of both; see sshd_config(5). */
	get #permits(): PermitTunnel {
		const [first, ...others] = new Set(Array.from(this.#keys.keys(), device => device.startsWith('tap') ? 'ethernet' : 'point-to-point'));
		return others.length > 0 ? 'yes' : first ?? 'no';
	}

	/** sshd knows the number of the device that a key may have, not its kind. */
	#checkUnit(device: string): void {
		const taken = Array.from(this.#keys.keys()).find(each => unitOf(each) === unitOf(device));
		if (taken !== undefined) {
			const {node} = this.#place;
			throw new InputError('tunnel-device', `${node} cannot have ${device} beside ${taken}: the key of one would open the other. Give each tunnel of ${node} a number of its own.`);
		}
	}

	/** Its sessions go on. */
	async #restart(): Promise<void> {
		const {pid = 0, startTime = 0} = this.#program ?? {};
		await endProcesses([pid], () => isAlive(pid, startTime));
		await this.#prepare();
		await this.#start();
	}

	async #prepare(): Promise<void> {
		// An empty directory that nobody can write to, in which sshd locks up the part of it that talks to strangers.
		mkdirSync(join(this.#directory, 'sshd'), {recursive: true, mode: 0o700});
		const hostKey = join(this.#directory, hostKeyFile);
		if (!existsSync(hostKey)) {
			this.#hostKey = await makeKey(hostKey, this.#place.node);
		}

		this.#writeKeys();
		this.#permitted = this.#permits;
		writeFileSync(join(this.#directory, configFile), configuration(this.#place, this.#permitted), {mode: 0o600});
		rmSync(join(this.#directory, pidFile), {force: true});
	}

	/** Waits for the file with its process id, which it writes when it listens. */
	async #start(): Promise<void> {
		const {program, trouble} = await startUntil(join(this.#directory, pidFile), patience, () => {
			const running = this.#program = begin(this.#place.namespace, this.#directory);
			this.#place.started(running);
			return running;
		});
		if (trouble !== undefined) {
			throw new SecureNetError('sshd', `sshd of ${this.#place.node} at ${formatAddress(this.#place.endpoint)} ${trouble}. ${this.log === '' ? 'Its log is empty.' : `The end of its log:\n${this.log}`}`);
		}

		const mount = namespaceOf(program.pid, 'mnt');
		if (mount !== undefined) {
			this.#mounts.add(mount);
		}
	}

	/** The server and its sessions. One that was accepted just before is found in the second round. */
	async #end(): Promise<void> {
		const {pid = 0, startTime = 0} = this.#program ?? {};
		await endProcesses([pid], () => isAlive(pid, startTime));
		for (let left = this.#processes(); left.length > 0; left = this.#processes()) {
			await endProcesses(left, each => this.#owns(each));
		}
	}

	#processes(): number[] {
		return processes().filter(pid => this.#owns(pid));
	}

	/** Numbers of mount namespaces are given again, but not to somebody else in this node. */
	#owns(pid: number): boolean {
		const mount = namespaceOf(pid, 'mnt');
		return mount !== undefined && this.#mounts.has(mount) && namespaceOf(pid, 'net') === this.#network;
	}

	/** Read at each login; written whole and then renamed. */
	#writeKeys(): void {
		const file = join(this.#directory, keysFile);
		const lines = Array.from(this.#keys, ([device, key]) => `restrict,command="true",tunnel="${unitOf(device)}" ${key}\n`);
		writeFileSync(`${file}.new`, lines.join(''), {mode: 0o600});
		renameSync(`${file}.new`, file);
	}

	async #inTurn(work: () => Promise<void>): Promise<void> {
		const done = this.#turn.then(work);
		this.#turn = done.catch(() => undefined);
		await done;
	}
}

/**
sshd locks the part of it that talks to strangers into /run/sshd, a name that was built in. So that the host gets no such
directory, the server has a mount namespace of its own, in which its directory stands in the place of /run. What is unmounted
on the host is unmounted there too (`slave`), so it keeps neither other labs' namespaces nor anybody's disk.
*/
function begin(namespace: Namespace, directory: string): RunningProgram {
	const enter = 'mount --bind "$0" /run && exec "$@"';
	const sshd = [systemProgram('sshd'), '-D', '-f', join(runDirectory, configFile), '-E', join(runDirectory, logFile)];
	return start(['unshare', '--mount', '--propagation', 'slave', 'sh', '-c', enter, directory, ...sshd], {namespace, log: join(directory, logFile)});
}

/**
What somebody could do with a client's key: open the one device that goes with it, of a kind that is in use there, when it is free, and run `true`. A shell, a terminal, files and other forwarding are refused, here
and once more beside the key. The device belongs to root, so the login is root's. See sshd_config(5).
*/
function configuration({endpoint}: SshdPlace, permitted: PermitTunnel): string {
	const address = formatAddress(endpoint);
	return [
		`ListenAddress ${endpoint.family === 6 ? `[${address}]` : address}:${sshPort}`,
		`HostKey ${join(runDirectory, hostKeyFile)}`,
		`PidFile ${join(runDirectory, pidFile)}`,
		`AuthorizedKeysFile ${join(runDirectory, keysFile)}`,
		'AllowUsers root',
		'PermitRootLogin forced-commands-only',
		'AuthenticationMethods publickey',
		'PasswordAuthentication no',
		'KbdInteractiveAuthentication no',
		'UsePAM no',
		`PermitTunnel ${permitted}`,
		'DisableForwarding yes',
		'PermitTTY no',
		'PermitUserRC no',
		'UseDNS no',
		`MaxStartups ${mostStrangers}`,
		`ClientAliveInterval ${keepAlive.interval}`,
		`ClientAliveCountMax ${keepAlive.count}`,
		'',
	].join('\n');
}

/** `0` of `tun0`. */
export function unitOf(device: string): number {
	return Number(device.slice('tun'.length));
}
