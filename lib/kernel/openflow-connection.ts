/** A connection to a switch that is kept: changes of its flows in one transaction, and their counts, without starting a program. */
import {SecureNetError, messageOf} from '../util/errors.ts';
import {Channel} from './openflow-channel.ts';
import {type CountsFilter, type FlowCount, countsIn, countsRequest} from './openflow-counts.ts';
import {FlowError, errorName} from './openflow-errors.ts';
import type {FlowChange} from './openflow-flow.ts';
import {type Message, headerLength, makeMessage, type, writeHeader} from './openflow-message.ts';
import {type PacketIn, readPacketIn} from './openflow-packet-in.ts';
import {shapeOf} from './openflow-shape.ts';
import type {Bridge} from './openflow.ts';

/** Changes that the switch has looked at and would make. It forgets them after ten seconds, and when the connection closes. */
export type PreparedBundle = {
	/**
	Makes the changes, in their order; a packet sees all of them or none.

	@throws FlowError when the switch cannot make them after all, or has forgotten them (`OFPBFC_BAD_ID`); nothing has changed then
	@throws SecureNetError `no-answer` or `switch-closed`, they may have been made then; `left-out` naming a line that was not, though others were
	*/
	readonly commit: () => Promise<void>;
	/** Lets the switch forget them. */
	readonly discard: () => void;
};

/** OFPBCT_…, and OFPBF_ATOMIC | OFPBF_ORDERED. */
const bundleControl = {open: 0, commit: 4, discard: 6} as const;
const atomicAndOrdered = 3;
/** OFPC_FRAG_NX_MATCH, of Open vSwitch. */
const fragmentsMatch = 3;
/** Bytes of a packet that no flow matches; a management connection that asks for some gets what flows send to controllers, too. */
const missLength = 128;
/** Bytes of a message that adds another to a bundle, without that one. */
const envelopeLength = headerLength + 8;
/** Changes that are made without being looked at before: with what stands around them, as many messages as Open vSwitch reads of a connection in one turn of its loop. */
const fewChanges = 40;
/** Milliseconds for a change and for each of its lines; and for a listing, of which nobody knows before how long it gets. */
const patience = {change: 5000, line: 1, listing: 10_000} as const;

export class SwitchConnection {
	readonly #channel: Channel;
	readonly #name: string;
	/** Of changes that the switch has been able to read. */
	readonly #readable = new Set<string>();
	/** What the switch is told in one message: how it treats fragments (undefined: as it does), and how much of a packet it sends here (0: none is sent). */
	#config: {readonly fragments?: number; readonly missLength: number} = {missLength: 0};

	/**
	An open connection keeps no program from ending.

	@throws SecureNetError `no-answer` when the switch is not there or does not greet within 5 s; `openflow-version`; `socket-path`
	*/
	static async open({runDirectory, name}: Bridge): Promise<SwitchConnection> {
		return new SwitchConnection(await Channel.open(`${runDirectory}/${name}.mgmt`, name), name);
	}

	private constructor(channel: Channel, name: string) {
		this.#channel = channel;
		this.#name = name;
	}

	/** Whether it can still be used; one that is closed never opens again. */
	get isOpen(): boolean {
		return this.#channel.isOpen;
	}

	/**
	Changes flows in one transaction: a packet sees all of the change or nothing of it.
	Equivalent to: `ovs-ofctl -O OpenFlow14 --bundle add-flows BRIDGE -`

	@throws FlowError naming the first line that the switch refuses; nothing has changed then
	@throws SecureNetError `no-answer` when the switch does not answer within 5 s and 1 ms more for each line; `switch-closed`
	*/
	async bundle(changes: readonly FlowChange[]): Promise<void> {
		const prepared = await this.prepare(changes);
		await prepared.commit();
	}

	/**
	Asks the switch to look at changes and to keep them ready. Not all in one write with `commit`: Open vSwitch 3.1 leaves a
	flow that it cannot read out of the bundle, says so, and commits the rest. A few changes of which it has read the like need not be
	looked at; that saves a turn of the daemon's loop. Whether they can be made is only told by `commit`, in either case.

	@throws as `bundle`; nothing has changed then
	*/
	async prepare(changes: readonly FlowChange[]): Promise<PreparedBundle> {
		if (changes.length === 0) {
			return {commit: async () => Promise.resolve(), discard: () => undefined};
		}

		if (changes.length <= fewChanges && changes.every(change => this.#readable.has(shapeOf(change)))) {
			return {commit: async () => this.#makeUnseen(changes), discard: () => undefined};
		}

		const first = this.#channel.reserve(changes.length + 3);
		const barrier = first + changes.length + 1;
		const control = (step: number, xid: number) => controlMessage(first, step, xid);
		const limit = limitOf(changes);
		const answers = await this.#channel.exchange(bundleOf(first, changes, makeMessage(type.barrierRequest, barrier)), [first, barrier], limit);
		const end = barrier + 1;
		const discard = () => {
			this.#channel.send(control(bundleControl.discard, end));
		};
		try {
			this.#throwRefusal(answers, changes, first);
		} catch (error) {
			discard();
			throw error;
		}

		changes.forEach(change => this.#readable.add(shapeOf(change)));
		const commit = async () => {
			this.#throwRefusal(await this.#channel.exchange(control(bundleControl.commit, end), [first, end], limit), changes, first);
		};
		return {commit, discard};
	}

	/** @throws as `commit` of what is prepared */
	async #makeUnseen(changes: readonly FlowChange[]): Promise<void> {
		const first = this.#channel.reserve(changes.length + 2);
		const end = first + changes.length + 1;
		const answers = await this.#channel.exchange(bundleOf(first, changes, controlMessage(first, bundleControl.commit, end)), [first, end], limitOf(changes));
		if (answers.at(-1)?.type === type.error) {
			this.#throwRefusal(answers, changes, first);
		}

		try {
			this.#throwRefusal(answers, changes, first);
		} catch (error) {
			this.#readable.clear();
			throw new SecureNetError('left-out', `Switch ${this.#name} has made a change without a part that it cannot read: ${messageOf(error)}`, {}, {cause: error});
		}
	}

	/**
	From the next bundle on the first fragment of a packet shows its ports to flows, and the others match `ip_frag=later`.
	Equivalent to: `ovs-ofctl set-frags BRIDGE nx-match`
	*/
	showFirstFragments(): void {
		this.#config = {...this.#config, fragments: fragmentsMatch};
		this.#configure(fragmentsMatch);
	}

	/**
	From now on tells of packets that flows send here by the action `controller`, to one listener at a time; undefined: of none any more.
	Equivalent to: `ovs-ofctl -O OpenFlow14 monitor BRIDGE 128`

	@throws SecureNetError `no-answer` when the switch does not answer within 5 s; `switch-closed`
	*/
	async onPacketIn(listener: ((packet: PacketIn) => void) | undefined): Promise<void> {
		this.#channel.listen(type.packetIn, listener && (({bytes}) => {
			listener(readPacketIn(bytes));
		}));
		this.#config = {...this.#config, missLength: listener ? missLength : 0};
		const [answer] = await this.#ask(type.getConfigRequest);
		// How the switch treats fragments is the whole switch's: what it does by itself stays, unless it was told otherwise here, before or meanwhile.
		this.#configure(this.#config.fragments ?? (answer?.type === type.getConfigReply ? answer.bytes.readUInt16BE(headerLength) : 0));
		await this.#ask(type.barrierRequest);
	}

	#configure(fragments: number): void {
		const body = Buffer.alloc(4);
		body.writeUInt16BE(fragments, 0);
		body.writeUInt16BE(this.#config.missLength, 2);
		this.#channel.send(makeMessage(type.setConfig, this.#channel.reserve(1), body));
	}

	/** Sends a request without a body. */
	async #ask(request: number): Promise<readonly Message[]> {
		const xid = this.#channel.reserve(1);
		return this.#channel.exchange(makeMessage(request, xid), [xid, xid], patience.change);
	}

	/**
	What flows have done; in no order. Packets that went by decisions that the datapath remembers are counted a little later.
	Equivalent to: `ovs-ofctl -O OpenFlow14 dump-flows BRIDGE [table=TABLE,][cookie=VALUE/MASK]`

	@throws SecureNetError `no-answer` when the switch does not answer within 10 s; `switch-closed`
	*/
	async counts(filter: CountsFilter = {}): Promise<FlowCount[]> {
		const xid = this.#channel.reserve(1);
		const answers = await this.#channel.exchange(makeMessage(type.multipartRequest, xid, countsRequest(filter)), [xid, xid], patience.listing);
		this.#throwRefusal(answers, [], xid);
		return answers.flatMap(({bytes}) => countsIn(bytes.subarray(headerLength)));
	}

	/** Tells one listener, once, when the connection has ended, whoever ended it; at once when it has. */
	onClose(listener: () => void): void {
		this.#channel.onClose(listener);
	}

	close(): void {
		this.#channel.close();
	}

	[Symbol.dispose](): void {
		this.close();
	}

	/** Each line was sent with a transaction id of its own, the first with the one behind `first`. */
	#throwRefusal(answers: readonly Message[], changes: readonly FlowChange[], first: number): void {
		const errors = answers.filter(answer => answer.type === type.error);
		const lineOf = ({xid}: Message) => changes[xid - first - 1]?.line;
		const error = errors.find(each => lineOf(each) !== undefined) ?? errors[0];
		if (error) {
			throw new FlowError(this.#name, lineOf(error), errorName(error.bytes.readUInt16BE(headerLength), error.bytes.readUInt16BE(headerLength + 2)));
		}
	}
}

function limitOf(changes: readonly FlowChange[]): number {
	return patience.change + (patience.line * changes.length);
}

/** Messages that open a bundle and put changes into it, and another one. Their transaction ids follow that of the first, which is the bundle's number too. */
function bundleOf(first: number, changes: readonly FlowChange[], last: Buffer): Buffer {
	const open = controlMessage(first, bundleControl.open, first);
	const bytes = Buffer.alloc(changes.reduce((sum, {message}) => sum + envelopeLength + message.length, open.length + last.length));
	let at = open.copy(bytes);
	for (const [index, {message}] of changes.entries()) {
		at += writeAddition(bytes, at, {bundle: first, message, xid: first + index + 1});
	}

	last.copy(bytes, at);
	return bytes;
}

/** @param bundle any number that no other open bundle of the connection has @param step OFPBCT_… */
function controlMessage(bundle: number, step: number, xid: number): Buffer {
	const body = Buffer.alloc(8);
	body.writeUInt32BE(bundle, 0);
	body.writeUInt16BE(step, 4);
	body.writeUInt16BE(atomicAndOrdered, 6);
	return makeMessage(type.bundleControl, xid, body);
}

/** Writes a message that puts another one into a bundle; both must have the same transaction id. Returns its length. */
function writeAddition(bytes: Buffer, at: number, {bundle, message, xid}: {readonly bundle: number; readonly message: Buffer; readonly xid: number}): number {
	const length = envelopeLength + message.length;
	writeHeader(bytes, type.bundleAdd, xid, at, length);
	bytes.writeUInt32BE(bundle, at + headerLength);
	bytes.writeUInt16BE(atomicAndOrdered, at + headerLength + 6);
	message.copy(bytes, at + envelopeLength);
	bytes.writeUInt32BE(xid, at + envelopeLength + 4);
	return length;
}
