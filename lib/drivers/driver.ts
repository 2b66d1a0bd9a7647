/**
The contract of a firewall driver.

A driver turns the plan of one enforcement point into what its device understands. `supports` says what of a plan it cannot do, and `render` makes a state of the plan: a value, from the plan and the state before alone. `texts`
shows a state line by line, and `differs` says whether two are the same on the device. `apply` takes a device from one state to the next in one transaction, and `list` reads what the device has. That is all a driver must do: the
caller keeps the state that is installed, begins with `plain`, and puts an old state back by applying it. Counts of a rule begin at 0 when it comes to a device, and go on as long as it stays. What else a device can do it may
leave out: to look at a change before any device makes it (`check`, and `discard` when another has refused), to tell quickly what rules have counted (`counted`), to forget decisions it remembers (`settle`), to tell and end the connections that pass without being judged
(`connections` and `cut`: a driver that lets any pass needs both), to report what rules with `log` decide (`watchLog`), and to let go of what it keeps open (`close`).
*/
import type {TrackedConnection} from '../kernel/conntrack.ts';
import type {DevicePlan} from '../policy/filter-rule.ts';
import {SecureNetError, messageOf} from '../util/errors.ts';

/** A rendered line (a flow, a chain rule) with what it stands for, for listings. */
export type InstalledLine = {
	/** Device text. */
	readonly text: string;
	/** The sentence or the built-in reason behind it; undefined for lines the policy did not make. */
	readonly sentence: string | undefined;
	/** Packets; for a stateful rule the first packets of connections. */
	readonly packets: number;
	/** Rule id, when a rule is behind it and the line is one that counts its hits. */
	readonly rule?: number;
};

/** What a rule with `log` decided on a device: the packet from its IP header on, as much of it as is kept. */
export type LogReport = {readonly rule: number; readonly packet: Buffer};

/** A step of a device from one state to the next. */
export type Step<State> = {
	readonly device: string;
	readonly previous: State;
	readonly next: State;
	/** What another driver has on the device is still there, and goes right after. */
	readonly beside?: boolean;
	/** What the device may have instead of `previous`, because it did not say what became of an earlier step: `next` has to come about from each of them. */
	readonly perhaps?: readonly State[];
};

export type FirewallDriver<State> = {
	/** A device that no policy has touched yet. */
	readonly plain: State;
	/** Sentences for everything in the plan that this driver cannot do; empty when it can do all. */
	supports(plan: DevicePlan): readonly string[];
	/** Pure. `previous` keeps what must stay stable between renderings (priorities, names of sets). */
	render(plan: DevicePlan, previous: State): State;
	/** Pure. Everything that a state has on the device, one line each. */
	texts(state: State): readonly string[];
	/** Whether applying would change anything. */
	differs(previous: State, next: State): boolean;
	/** Makes a change in one transaction. @throws DeviceError; after any other error nobody knows what the device has */
	apply(step: Step<State>): Promise<void>;
	/** What is installed on each of the devices, by device, each line with its sentence. */
	list(devices: ReadonlyMap<string, State>): Promise<ReadonlyMap<string, InstalledLine[]>>;
} & Partial<DriverExtras<State>>;

/** What a driver may leave out. */
export type DriverExtras<State> = {
	/**
	Asks the device to parse the change, and prepares what nothing uses yet; `apply` or `discard` follows.

	@throws DeviceError, the device then is as before
	*/
	check(step: Step<State>): Promise<void>;
	/** Takes back what `check` prepared. What cannot be taken back is in nobody's way. */
	discard(step: Step<State>): Promise<void>;
	/** What some rules have counted on each of the devices, by device and rule: sooner than `list` would tell, which is asked otherwise. A step may begin before it has told: it tells of before. */
	counted(devices: ReadonlyMap<string, {readonly state: State; readonly rules: ReadonlySet<number>}>): Promise<ReadonlyMap<string, ReadonlyMap<number, number>>>;
	/** Returns when no packet can be treated by a state that was replaced before. */
	settle(): Promise<void>;
	/** Settles, and tells the connections that then pass each of the devices without being judged, by device. */
	connections(devices: ReadonlyMap<string, State>): Promise<ReadonlyMap<string, readonly TrackedConnection[]>>;
	/** Ends connections in one batch: their next packets are judged. */
	cut(device: string, state: State, connections: readonly TrackedConnection[]): Promise<void>;
	/** Tells, from now on, what rules with `log` decide on a device, to one listener, until the returned function is called. Without it nobody hears of them. */
	watchLog(device: string, listener: (report: LogReport) => void): Promise<() => void>;
	/** Lets go of what it keeps open for a device, such as a connection. Whatever comes later opens it again. */
	close(device: string): void;
};

/** A driver that leaves out nothing but `close`, for which it need not keep anything open, and `counted`. */
export type CompleteDriver<State> = FirewallDriver<State> & Omit<DriverExtras<State>, 'close' | 'counted'>;

/** Bit of a connection's mark that says: a stateful rule or a default made it. Only such connections pass without being judged. */
export const madeByPolicy = 0x1;
/** Bit that says: made by a packet that ran against the direction in which the kernel had seen the first one. */
export const madeBackwards = 0x2;
/** Group of nfnetlink_log in which perimeter routers report what rules with `log` decide; the prefix of a report is `secrule:ID`. */
export const logGroup = 115;

export function isMadeByPolicy({mark}: TrackedConnection): boolean {
	return (mark & madeByPolicy) !== 0;
}

/** What became of a device that refused: undefined parts say that it is as before. */
export type Refusal = {
	/** Why what was begun could not be taken back. */
	readonly stuck?: unknown;
	/** It was told to make the change, and has not answered. */
	readonly unanswered?: boolean;
};

/** A device refused its part of a policy. Names the device, the rule when it is known, and the device's own words. */
export class DeviceError extends SecureNetError {
	override name = 'DeviceError';
	readonly device: string;
	/** Sentence of the rule, or the built-in reason, behind the refused line. */
	readonly sentence: string | undefined;
	/** Whether the device surely has what it had. */
	readonly isAsBefore: boolean;

	constructor(device: string, sentence: string | undefined, cause: unknown, {stuck, unanswered = false}: Refusal = {}) {
		const refused = `${device} refuses ${sentence === undefined ? 'the policy' : `"${sentence}"`}`;
		const outcome = stuck === undefined ? `${refused}; nothing has changed.` : `${refused}; what was begun could not be taken back: ${messageOf(stuck)} Refused:`;
		super('device', `${unanswered ? `${device} does not say whether it has changed.` : outcome} ${messageOf(cause)}`, {}, {cause});
		this.device = device;
		this.sentence = sentence;
		this.isAsBefore = stuck === undefined && !unanswered;
	}
}
