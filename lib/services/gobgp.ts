/** One gobgpd(8), the BGP daemon of a router: started in its namespace, told what to do over its unix socket, watched. */
import {mkdirSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import {type RunningProgram, isAlive, start} from '../kernel/daemon.ts';
import type {Namespace} from '../kernel/namespace.ts';
import {endProcesses} from '../kernel/signal.ts';
import {checkSocketPath} from '../kernel/unix-socket.ts';
import {howItEnded, logTail, startUntil} from '../kernel/readiness.ts';
import {type Address, type Family, formatAddress} from '../util/address.ts';
import {SecureNetError} from '../util/errors.ts';
import {GobgpClient, type Watch} from './gobgp-client.ts';
import {type ApiPeer, type BgpNeighbor, type NeighborState, type SessionState, apiPeer, tryReadNeighbor} from './gobgp-neighbor.ts';
import {type Announcement, type ApiPath, type BestPathChange, type BgpPath, apiFamily, apiPath, readPath} from './gobgp-path.ts';

export type GobgpOptions = {
	/** Router it runs in. */
	readonly node: string;
	readonly namespace: Namespace;
	/** Where it keeps its socket and its log. */
	readonly directory: string;
	readonly as: number;
	/** Written like an IPv4 address, and of no other router. */
	readonly routerId: string;
	/** Milliseconds until a call must be answered; default 30,000. */
	readonly callLimit?: number | undefined;
	/** Is told of the process before anything else can fail. */
	readonly onStart?: ((program: RunningProgram) => void) | undefined;
};

export type GobgpListener = {
	/** Changes of best paths, this router's own ones included. */
	readonly best: (changes: readonly BestPathChange[]) => void;
	readonly session: (neighbor: Address, state: SessionState) => void;
	/** Nothing more will be told. */
	readonly lost: (error: SecureNetError) => void;
};

/** Milliseconds until it must listen; 30 on an idle machine. */
const patience = 10_000;
/** Values of GoBGP's API. */
const globalTable = 0;
const adjacentIn = 2;
const bestFilter = 0;

type Files = Readonly<Record<'socket' | 'log', string>>;
type WatchAnswer = {readonly table?: {readonly paths?: readonly ApiPath[]} | null; readonly peer?: {readonly peer?: ApiPeer | null} | null};

export class Gobgp {
	readonly node: string;
	readonly as: number;
	/** Resolves with what to say when it ends, unless by `stop`. */
	readonly died: Promise<SecureNetError>;
	readonly #program: RunningProgram;
	readonly #client: GobgpClient;
	#stopping = false;

	private constructor({node, as}: GobgpOptions, program: RunningProgram, client: GobgpClient, log: string) {
		this.node = node;
		this.as = as;
		this.#program = program;
		this.#client = client;
		this.died = new Promise(resolve => {
			void program.exited.then(outcome => {
				if (!this.#stopping) {
					client.close();
					resolve(gobgpError(node, log, `ended unexpectedly (${howItEnded(outcome)})`));
				}
			});
		});
	}

	/**
	Starts one and waits until it speaks BGP. It is never told on which other routers to rely: it begins with no neighbor.
	Equivalent to: `ip netns exec NODE gobgpd --api-hosts unix://SOCKET`, then `gobgp global as AS router-id ID`

	@throws SecureNetError `gobgp` with the end of its log; MachineError `missing-program`
	*/
	static async start(options: GobgpOptions): Promise<Gobgp> {
		const files = filesOf(options);
		// Nothing that can fail stands between the start and the try: nobody else knows of the daemon.
		const client = await GobgpClient.open(options.node, files.socket, options.callLimit);
		const program = await startProgram(options, files).catch((error: unknown) => {
			client.close();
			throw error;
		});
		const gobgp = new Gobgp(options, program, client, files.log);
		try {
			// TCP port 179 of all its addresses.
			await gobgp.#answer(client.call('StartBgp', {global: {asn: options.as, router_id: options.routerId}}, {untilReady: true}));
		} catch (error) {
			await gobgp.stop();
			throw error;
		}

		return gobgp;
	}

	/** Equivalent to: `gobgp neighbor add ADDRESS as AS` @throws SecureNetError `gobgp`, also when there is one of that address */
	async addNeighbor(neighbor: BgpNeighbor): Promise<void> {
		await this.#answer(this.#client.call('AddPeer', {peer: apiPeer(neighbor, this.as)}));
	}

	async updateNeighbor(neighbor: BgpNeighbor): Promise<void> {
		await this.#answer(this.#client.call('UpdatePeer', {peer: apiPeer(neighbor, this.as), do_soft_reset_in: true}));
	}

	/** What it told is forgotten. Equivalent to: `gobgp neighbor del ADDRESS` */
	async removeNeighbor(address: Address): Promise<void> {
		await this.#answer(this.#client.call('DeletePeer', {address: formatAddress(address)}));
	}

	/** Equivalent to: `gobgp neighbor` */
	async neighbors(): Promise<NeighborState[]> {
		const answers = await this.#answer(this.#client.list<{peer: ApiPeer}>('ListPeer', {enableAdvertised: true}));
		return answers.flatMap(({peer}) => tryReadNeighbor(peer, Date.now()) ?? []);
	}

	/** Announces all of them in one go. Equivalent to: `gobgp global rib add PREFIX`, once each */
	async announce(announcements: readonly Announcement[]): Promise<void> {
		if (announcements.length > 0) {
			await this.#answer(this.#client.send('AddPathStream', [{table_type: globalTable, paths: announcements.map(apiPath)}]));
		}
	}

	/** What is not announced need not be withdrawn: that is fine. Equivalent to: `gobgp global rib del PREFIX`, once each */
	async withdraw(announcements: readonly Announcement[]): Promise<void> {
		await this.#answer(Promise.all(announcements.map(async each => this.#client.call('DeletePath', {table_type: globalTable, family: apiFamily(each.to.family), path: apiPath(each)}))));
	}

	/**
	All paths that it knows, of both families, or only those that a neighbor told, before any choice among them.
	Equivalent to: `gobgp global rib`, `gobgp neighbor ADDRESS adj-in`
	*/
	async paths(neighbor?: Address): Promise<BgpPath[]> {
		const of = neighbor ? {table_type: adjacentIn, name: formatAddress(neighbor)} : {table_type: globalTable};
		const families: readonly Family[] = neighbor ? [neighbor.family] : [4, 6];
		const lists = await this.#answer(Promise.all(families.map(async family => this.#client.list<{destination?: {paths: readonly ApiPath[]} | null}>('ListPath', {...of, family: apiFamily(family)}))));
		return lists.flat().flatMap(({destination}) => destination?.paths ?? []).flatMap(path => readPath(path) ?? []);
	}

	/** Tells of changes from now on. What was before, `paths` tells. */
	watch({best, session, lost}: GobgpListener): Watch {
		return this.#client.watch('WatchEvent', {peer: {}, table: {filters: [{type: bestFilter}]}}, answer => {
			const {table, peer} = answer as WatchAnswer;
			const changes = (table?.paths ?? []).flatMap(api => {
				const path = readPath(api);
				return path ? [{path, withdrawn: api.is_withdraw === true}] : [];
			});
			if (changes.length > 0) {
				best(changes);
			}

			// Some events are of no neighbor: that all are told now.
			const of = peer?.peer && tryReadNeighbor(peer.peer, Date.now());
			if (of) {
				session(of.address, of.state);
			}
		}, lost);
	}

	/** Ends it: its sessions break at once, so its neighbors withdraw what it told. Twice is fine. */
	async stop(): Promise<void> {
		if (this.#stopping) {
			return;
		}

		this.#stopping = true;
		this.#client.close();
		const {pid, startTime} = this.#program;
		await endProcesses([pid], () => isAlive(pid, startTime));
	}

	/** A call to a daemon that ended meanwhile fails with the word of its end, which may come a moment later than that of the connection. */
	async #answer<Answer>(call: Promise<Answer>): Promise<Answer> {
		try {
			return await call;
		} catch (error) {
			throw isAlive(this.#program.pid, this.#program.startTime) || this.#stopping ? error : await this.died;
		}
	}
}

async function startProgram({node, namespace, directory, onStart}: GobgpOptions, {socket, log}: Files): Promise<RunningProgram> {
	checkSocketPath(socket);
	mkdirSync(directory, {recursive: true, mode: 0o700});
	rmSync(socket, {force: true});
	const {program, trouble} = await startUntil(socket, patience, () => {
		const begun = start(['gobgpd', '--api-hosts', `unix://${socket}`, '--pprof-disable', '--log-plain', '--log-level', 'warn', '--cpus', '1'], {namespace, log});
		onStart?.(begun);
		return begun;
	});
	if (trouble !== undefined) {
		// It may be late only.
		await endProcesses([program.pid], () => isAlive(program.pid, program.startTime));
		throw gobgpError(node, log, trouble);
	}

	return program;
}

function filesOf({node, directory}: GobgpOptions): Files {
	const file = (ending: string) => join(directory, `${node}.${ending}`);
	return {socket: file('sock'), log: file('log')};
}

function gobgpError(node: string, log: string, what: string): SecureNetError {
	const tail = logTail(log);
	return new SecureNetError('gobgp', `gobgpd of ${node} ${what}. ${tail === '' ? `Its log ${log} is empty.` : `The end of its log ${log}:\n${tail}`}`);
}
