/** An SSH tunnel between two nodes: OpenSSH's `-w`, from the first one to the second one, made again whenever it is lost. */
import {EventEmitter, on} from 'node:events';
import {setTimeout as sleep} from 'node:timers/promises';
import {type Carrier, carrierOf} from '../kernel/carrier.ts';
import {type RunningProgram, isAlive} from '../kernel/daemon.ts';
import {type LinkWatch, watchLinks} from '../kernel/monitor.ts';
import type {Namespace} from '../kernel/namespace.ts';
import {howItEnded} from '../kernel/readiness.ts';
import {endProcesses} from '../kernel/signal.ts';
import {deleteTun} from '../kernel/tun.ts';
import {type Address, formatAddress} from '../util/address.ts';
import {InputError, SecureNetError, messageOf} from '../util/errors.ts';
import {printable} from '../util/names.ts';
import {type KeepAlive, SshClient} from './ssh-client.ts';
import {Sshd} from './sshd.ts';

export type SshTunnelEnd = {
	/** Name of the node. */
	readonly node: string;
	readonly namespace: Namespace;
	/** `tunN` (layer 3) or `tapN` (layer 2), made before by `addTun` and set up. It keeps its index, addresses and routes while there is no connection. */
	readonly device: string;
};

export type SshTunnelOptions = {
	/** Begins the connection, so it may be behind NAT. */
	readonly client: SshTunnelEnd;
	/** Has an sshd on port 22 of `endpoint` alone; tunnels to the same node and endpoint share it. */
	readonly server: SshTunnelEnd & {readonly endpoint: Address};
	readonly mode: 'layer3' | 'layer2';
	/** Run directory for the keys, configurations and logs of all SSH tunnels of the lab. */
	readonly directory: string;
	/** Default: 120 s, 3 questions. The server asks every 120 s and gives up after 720. */
	readonly keepAlive?: KeepAlive | undefined;
	/** Milliseconds until it must be up for the first time; default 30,000. */
	readonly timeout?: number | undefined;
	/** Called with each program as soon as it runs. */
	readonly started: (program: Pick<RunningProgram, 'pid' | 'startTime'>) => void;
	readonly signal?: AbortSignal | undefined;
};

export type TunnelState = {
	/** `down`: the next attempt comes after a while. */
	readonly status: 'connecting' | 'up' | 'down';
	/** Why the last connection ended or was not made, in ssh's own words where it said something. */
	readonly reason?: string;
};

/** Seconds, questions: the interval of the usual advice for tunnels through NAT, and OpenSSH's own number. */
const defaultKeepAlive: KeepAlive = {interval: 120, count: 3};
const defaultTimeout = 30_000;
/** Milliseconds before the next attempt: doubled each time, and short again after a connection. */
const pause = {first: 1000, longest: 30_000} as const;

export class SshTunnel extends EventEmitter<{state: [TunnelState]}> {
	readonly #options: SshTunnelOptions;
	readonly #client: SshClient;
	readonly #closing = new AbortController();
	#server: Sshd | undefined;
	#watches: readonly LinkWatch[] = [];
	#connection: RunningProgram | undefined;
	/** What was seen of a connection that ssh itself still took for a good one. */
	#loss: string | undefined;
	#state: TunnelState = {status: 'connecting'};
	#closed: Promise<void> | undefined;

	private constructor(options: SshTunnelOptions) {
		super();
		this.#options = options;
		const {client, server, mode, directory, keepAlive = defaultKeepAlive} = options;
		this.#client = new SshClient({...client, mode, directory, keepAlive, server});
	}

	/**
	Makes a tunnel and waits until packets can pass. The devices are the tunnel's from now on, also when this fails.

	@throws InputError `tunnel-device`; SecureNetError `ssh-tunnel` with the end of both logs when it is not up in time, `sshd`, `interrupted`; MachineError `missing-program`
	*/
	static async open(options: SshTunnelOptions): Promise<SshTunnel> {
		checkDevices(options);
		const tunnel = new SshTunnel(options);
		try {
			await tunnel.#open();
			return tunnel;
		} catch (error) {
			// What went wrong first says more than what then could not be taken away.
			await tunnel.close().catch(() => undefined);
			throw error;
		}
	}

	get state(): TunnelState {
		return this.#state;
	}

	/** Ends it, with what it started, and takes its devices and files away. Close it before its namespaces go. Twice is fine. */
	async close(): Promise<void> {
		this.#closed ??= this.#end();
		await this.#closed;
	}

	get #ends(): readonly [SshTunnelEnd, SshTunnelEnd] {
		return [this.#options.client, this.#options.server];
	}

	#isClosing(): boolean {
		return this.#closing.signal.aborted;
	}

	async #open(): Promise<void> {
		const {server, directory, started} = this.#options;
		const key = await this.#client.prepare();
		this.#server = await Sshd.admit({...server, directory, started}, server.device, key);
		this.#client.trust(this.#server.hostKey);
		this.#watches = this.#ends.map(({namespace}) => watchLinks(namespace, () => {
			this.#look();
		}));
		await this.#untilUp(this.#server);
	}

	async #untilUp(server: Sshd): Promise<void> {
		const {timeout = defaultTimeout, signal} = this.#options;
		const late = new AbortController();
		const timer = setTimeout(() => {
			late.abort();
		}, timeout);
		try {
			const states = on(this, 'state', {signal: AbortSignal.any([late.signal, ...signal ? [signal] : []])}) as AsyncIterable<[TunnelState]>;
			void this.#keepUp(server);
			for await (const [{status}] of states) {
				if (status === 'up') {
					return;
				}
			}
		} catch (error) {
			throw late.signal.aborted ? this.#lateError(timeout, server) : signal?.aborted ? new SecureNetError('interrupted', `Interrupted while making the ${this.#words}.`) : error;
		} finally {
			clearTimeout(timer);
		}
	}

	/** Never throws. Once the tunnel is closing, nothing is begun any more. */
	async #keepUp(server: Sshd): Promise<void> {
		for (let wait: number = pause.first; !this.#isClosing(); wait = Math.min(2 * wait, pause.longest)) {
			const {reason} = this.#state;
			this.#tell({status: 'connecting', ...reason === undefined ? {} : {reason}});
			const why = await this.#connect(server).catch(messageOf);
			if (this.#state.status === 'up') {
				wait = pause.first;
			}

			if (!this.#isClosing()) {
				this.#tell({status: 'down', reason: why});
				await sleep(wait, undefined, {signal: this.#closing.signal, ref: false}).catch(() => undefined);
			}
		}
	}

	/** One connection, from its beginning to its end. @returns why it ended */
	async #connect(server: Sshd): Promise<string> {
		const missing = this.#missingDevice();
		if (missing !== undefined) {
			return missing;
		}

		await server.run();
		await server.free(this.#options.server.device);
		if (this.#isClosing()) {
			return 'closed';
		}

		this.#loss = undefined;
		const connection = this.#connection = this.#client.connect();
		this.#options.started(connection);
		const outcome = await connection.exited;
		this.#connection = undefined;
		return this.#missingDevice() ?? this.#client.log.split('\n').findLast(line => line !== '') ?? this.#loss ?? `ssh ended (${howItEnded(outcome)})`;
	}

	#missingDevice(): string | undefined {
		const end = this.#ends.find(each => carrierAt(each) === 'gone');
		return end && `${end.node} has no device ${end.device}`;
	}

	/**
	A device has a carrier while a program has it open. The server's comes last, once the key is accepted, so with both the
	tunnel is there; ssh itself says nothing. And ssh goes on without a device that somebody has deleted.
	*/
	#look(): void {
		if (!this.#connection) {
			return;
		}

		const carriers = this.#ends.map(carrierAt);
		const lost = this.#ends[carriers.findIndex(carrier => carrier === 'no carrier' || carrier === 'gone')];
		if (this.#state.status === 'connecting' && carriers.every(carrier => carrier === 'up')) {
			this.#tell({status: 'up'});
		} else if (this.#state.status === 'up' && lost) {
			this.#loss = `${lost.node} no longer has ${lost.device} open`;
			this.#endConnection().catch(() => undefined);
		}
	}

	async #endConnection(): Promise<void> {
		const {pid = 0, startTime = 0} = this.#connection ?? {};
		await endProcesses([pid], () => isAlive(pid, startTime));
	}

	#tell(state: TunnelState): void {
		this.#state = state;
		this.emit('state', state);
	}

	async #end(): Promise<void> {
		this.#closing.abort();
		for (const watch of this.#watches) {
			watch.close();
		}

		await this.#endConnection();
		await this.#server?.dismiss(this.#options.server.device);
		for (const {namespace, device} of this.#ends) {
			deleteTun(namespace, {name: device, mode: this.#options.mode});
		}

		this.#client.forget();
		this.#state = {status: 'down', reason: 'closed'};
	}

	get #words(): string {
		const {client, server} = this.#options;
		return `SSH tunnel from ${client.node} (${client.device}) to ${server.node} (${server.device}) at ${formatAddress(server.endpoint)}`;
	}

	#lateError(timeout: number, server: Sshd): SecureNetError {
		const {reason} = this.#state;
		const logs = Object.entries({ssh: this.#client.log, sshd: server.log}).map(([program, log]) => log === '' ? `The log of ${program} is empty.` : `The end of the log of ${program}:\n${log}`);
		return new SecureNetError('ssh-tunnel', [`The ${this.#words} was not up within ${timeout / 1000} s${reason === undefined ? '' : `: ${reason}`}.`, ...logs].join('\n'));
	}
}

/** A namespace that was taken away has no devices. Who listens to its links has nobody to tell of that: what it throws ends the program. */
function carrierAt({namespace, device}: SshTunnelEnd): Carrier {
	try {
		return carrierOf(namespace, device);
	} catch {
		return 'gone';
	}
}

/** ssh makes up the devices' names itself. @throws InputError `tunnel-device` */
function checkDevices({client, server, mode}: SshTunnelOptions): void {
	const [pattern, example] = mode === 'layer3' ? [/^tun\d+$/, 'tun0'] : [/^tap\d+$/, 'tap0'];
	for (const {node, device} of [client, server]) {
		if (!pattern.test(device)) {
			throw new InputError('tunnel-device', `An SSH tunnel of ${mode === 'layer3' ? 'layer 3' : 'layer 2'} cannot use the device ${printable(device)} of ${node}. Name it like ${example}.`, {expected: [example]});
		}
	}
}
