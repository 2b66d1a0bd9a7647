/** Bridges and ports of a private Open vSwitch, written into its database in one transaction (RFC 7047; tables in ovs-vswitchd.conf.db(5)). */
import {SecureNetError} from '../util/errors.ts';
import {JsonRpc, RpcError} from './jsonrpc.ts';

export type PortSpec = {
	/** Name of a network interface in the switch's namespace. */
	readonly name: string;
	/** OpenFlow port number, 1 to 65,279. */
	readonly ofport: number;
};

export type BridgeSpec = {
	readonly name: string;
	/** `system` is the kernel's datapath, `netdev` the userspace one. */
	readonly datapathType: 'system' | 'netdev';
	/** `standalone` learns addresses and forwards by itself; `secure` only does what flows say. */
	readonly failMode: 'standalone' | 'secure';
	readonly stp?: boolean | undefined;
	/** Number by which OpenFlow knows the switch, from 1; default: from the MAC of some port, and when that becomes another one all OpenFlow connections are closed. */
	readonly datapathId?: number | undefined;
};

/** A bridge that exists, and what it is to get. */
export type PortsSpec = {readonly name: string; readonly ports: readonly PortSpec[]};

type Operation = Readonly<Record<string, unknown>>;
type Uuid = readonly ['uuid' | 'named-uuid', string];
type Rows = {readonly rows: ReadonlyArray<Readonly<Record<string, unknown>>>};
type OperationResult = {readonly error?: string; readonly details?: string; readonly uuid?: Uuid} & Partial<Rows>;
type Waiter = {readonly configuration: number; readonly timer: NodeJS.Timeout; readonly resolve: () => void; readonly reject: (error: Error) => void};

const database = 'Open_vSwitch';
/** Milliseconds until ovs-vswitchd must have taken a change over, and for every port of it: 1,000 take 2 s on an idle machine. */
const patience = {base: 10_000, perPort: 50} as const;

export class Ovsdb {
	readonly #rpc: JsonRpc;
	/** The last configuration that ovs-vswitchd has taken over. */
	#current = 0;
	#waiters: Waiter[] = [];

	/** @param path the database server's socket @throws RpcError when nobody listens there */
	static async connect(path: string): Promise<Ovsdb> {
		const ovsdb = new Ovsdb(await JsonRpc.connect(path, 'ovsdb-server'));
		await ovsdb.#watchConfiguration();
		return ovsdb;
	}

	private constructor(rpc: JsonRpc) {
		this.#rpc = rpc;
		rpc.onNotification = (method, params) => {
			if (method === 'update') {
				this.#configured((params as readonly unknown[])[1]);
			}
		};
		rpc.onClose = error => {
			for (const {timer, reject} of this.#waiters.splice(0)) {
				clearTimeout(timer);
				reject(error);
			}
		};
	}

	/**
	Creates bridges, in one transaction, and waits until they are there.
	Equivalent to: `ovs-vsctl add-br S -- set bridge S datapath_type=… fail_mode=… -- add-br …`

	@throws RpcError with the server's words when it refuses one, such as one that exists
	*/
	async addBridges(bridges: readonly BridgeSpec[]): Promise<void> {
		const inserts = bridges.map((bridge, index) => insertBridge(bridge, `b${index}`));
		const names = bridges.map((_, index): Uuid => ['named-uuid', `b${index}`]);
		await this.#apply([...inserts.flat(), insertInto(database, [], 'bridges', names)], bridges.length);
	}

	/**
	Adds ports to bridges that exist, in one transaction, and waits until they are there.
	Equivalent to: `ovs-vsctl add-port BRIDGE NAME -- set interface NAME ofport_request=N -- add-port …`

	@throws SecureNetError `ovs-port` naming every interface that Open vSwitch could not take, with its own words, or the first bridge that is not there
	*/
	async addPorts(bridges: readonly PortsSpec[]): Promise<void> {
		const found = await this.transact(bridges.map(({name}) => ({op: 'select', table: 'Bridge', where: [['name', '==', name]], columns: ['_uuid']})));
		const missing = bridges.find((_, index) => found[index]?.rows?.length === 0);
		if (missing) {
			throw new SecureNetError('ovs-port', `Open vSwitch has no bridge ${missing.name}.`);
		}

		const operations = bridges.flatMap(({name, ports}, index) => {
			const ids = ports.map((_, position): Uuid => ['named-uuid', `b${index}p${position}`]);
			return [...ports.flatMap((port, position) => insertPort(port, `b${index}p${position}`)), insertInto('Bridge', [['name', '==', name]], 'ports', ids)];
		});
		const ports = bridges.flatMap(bridge => bridge.ports);
		const results = await this.#apply(operations, ports.length);
		await this.#checkPorts(ports, results.filter((_, index) => operations[index]?.['table'] === 'Interface').map(({uuid}) => uuid));
	}

	/**
	Takes ports from their bridges, in one transaction, and waits until they are gone. One that is not there is fine.
	Equivalent to: `ovs-vsctl --if-exists del-port BRIDGE NAME -- …`
	*/
	async deletePorts(bridges: ReadonlyArray<{readonly name: string; readonly ports: readonly string[]}>): Promise<void> {
		const found = await Promise.all(bridges.map(async ({ports}) => this.transact(ports.map(port => ({op: 'select', table: 'Port', where: [['name', '==', port]], columns: ['_uuid']})))));
		const operations = bridges.map(({name}, index): Operation => {
			const ids = (found[index] ?? []).flatMap(({rows}) => rows?.map(row => row['_uuid']) ?? []);
			return {op: 'mutate', table: 'Bridge', where: [['name', '==', name]], mutations: [['ports', 'delete', ['set', ids]]]};
		});
		await this.#apply(operations, bridges.reduce((sum, {ports}) => sum + ports.length, 0));
	}

	/**
	Runs operations in one transaction: all take effect or none. Does not wait for ovs-vswitchd.

	@returns one result for each operation
	@throws RpcError with the server's words when it refuses one
	*/
	async transact(operations: readonly Operation[]): Promise<readonly OperationResult[]> {
		const results = await this.#rpc.call('transact', [database, ...operations]) as ReadonlyArray<OperationResult | null>;
		const failed = results.find(result => typeof result?.error === 'string');
		if (failed) {
			throw new RpcError(`ovsdb-server refused a change: ${failed.error ?? ''}${failed.details === undefined ? '' : ` (${failed.details})`}`, failed);
		}

		return results.filter(result => result !== null);
	}

	close(): void {
		this.#rpc.close();
	}

	[Symbol.dispose](): void {
		this.close();
	}

	/** Runs operations and waits until ovs-vswitchd has taken them over: it copies `next_cfg` to `cur_cfg` when it is done. */
	async #apply(operations: readonly Operation[], ports: number): Promise<readonly OperationResult[]> {
		const results = await this.transact([
			...operations,
			{op: 'mutate', table: database, where: [], mutations: [['next_cfg', '+=', 1]]},
			{op: 'select', table: database, where: [], columns: ['next_cfg']},
		]);
		await this.#waitFor(Number(results.at(-1)?.rows?.[0]?.['next_cfg']), patience.base + (ports * patience.perPort));
		return results;
	}

	async #waitFor(configuration: number, timeout: number): Promise<void> {
		if (this.#current >= configuration) {
			return;
		}

		await new Promise<void>((resolve, reject) => {
			const timer = setTimeout(() => {
				reject(new RpcError(`ovs-vswitchd did not take over a change within ${timeout / 1000} s`));
			}, timeout);
			this.#waiters.push({configuration, timer, resolve, reject});
		});
	}

	async #watchConfiguration(): Promise<void> {
		this.#configured(await this.#rpc.call('monitor', [database, null, {[database]: {columns: ['cur_cfg']}}]));
	}

	#configured(update: unknown): void {
		const rows = (update as {readonly [database]?: Readonly<Record<string, {readonly new?: {readonly cur_cfg: number}}>>})[database] ?? {};
		this.#current = Math.max(this.#current, ...Object.values(rows).map(row => row.new?.cur_cfg ?? 0));
		const done = this.#waiters.filter(({configuration}) => configuration <= this.#current);
		this.#waiters = this.#waiters.filter(waiter => !done.includes(waiter));
		for (const {timer, resolve} of done) {
			clearTimeout(timer);
			resolve();
		}
	}

	/**
	An interface that does not exist is no error of the transaction; it shows in its row afterwards. The server finds a row by
	its UUID at once, by anything else it would look through the whole table.

	@param rows UUIDs of the ports' interfaces, in the order of `ports`
	*/
	async #checkPorts(ports: readonly PortSpec[], rows: ReadonlyArray<Uuid | undefined>): Promise<void> {
		const results = await this.transact(rows.map(uuid => ({op: 'select', table: 'Interface', where: [['_uuid', '==', uuid]], columns: ['ofport', 'error']})));
		const problems = ports.flatMap((port, index) => {
			const row = results[index]?.rows?.[0];
			return row?.['ofport'] === port.ofport ? [] : [portProblem(port, row?.['ofport'], row?.['error'])];
		});
		if (problems.length > 0) {
			throw new SecureNetError('ovs-port', `Open vSwitch did not take ${problems.length === 1 ? 'a port' : `${problems.length} ports`}: ${problems.join('; ')}`);
		}
	}
}

/** A column without a value reads as an empty set (RFC 7047, section 5.1). */
function portProblem({name, ofport: wanted}: PortSpec, ofport: unknown, error: unknown): string {
	if (typeof error === 'string') {
		return error.includes(name) ? error : `${name}: ${error}`;
	}

	return typeof ofport === 'number' && ofport > 0 ? `${name} got port number ${ofport} instead of ${wanted}` : `${name} has no port number`;
}

function insertBridge({name, datapathType, failMode, stp = false, datapathId}: BridgeSpec, id: string): Operation[] {
	const row = {
		name, datapath_type: datapathType, fail_mode: failMode, stp_enable: stp, ports: ['named-uuid', `${id}p`],
		...datapathId === undefined ? {} : {other_config: ['map', [['datapath-id', datapathId.toString(16).padStart(16, '0')]]]},
	};
	// Every bridge has a port of its own name, by which the switch itself is reached; Open vSwitch insists on it.
	return [...insertPort({name}, `${id}p`, 'internal'), {op: 'insert', table: 'Bridge', 'uuid-name': id, row}];
}

function insertPort({name, ofport}: {name: string; ofport?: number}, id: string, type = ''): Operation[] {
	return [
		{op: 'insert', table: 'Interface', 'uuid-name': `${id}i`, row: {name, type, ...(ofport === undefined ? {} : {ofport_request: ofport})}},
		{op: 'insert', table: 'Port', 'uuid-name': id, row: {name, interfaces: ['named-uuid', `${id}i`]}},
	];
}

/** Adds references to a column of rows that exist. */
function insertInto(table: string, where: readonly unknown[], column: string, uuids: readonly Uuid[]): Operation {
	return {op: 'mutate', table, where, mutations: [[column, 'insert', ['set', uuids]]]};
}
