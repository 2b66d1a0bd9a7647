/**
The contract of a firewall driver.

A driver turns the plan of one enforcement point into the text its device understands (`render`, pure), can tell what is
installed (`read`), and replaces what is installed by what is wanted in one transaction (`apply`). `check` asks the device
whether it would accept the change, before any device is touched.
*/
import type {DevicePlan} from '../policy/filter-rule.ts';

/** A rendered line (a flow, a chain rule) with what it stands for, for listings. */
export type InstalledLine = {
	/** Device text. */
	readonly text: string;
	/** The sentence or the built-in reason behind it; undefined for lines the policy did not make. */
	readonly sentence: string | undefined;
	/** Packets; for a stateful rule the first packets of connections. */
	readonly packets: number;
	/** Rule id, when a rule is behind it and the line is the one that counts its hits. */
	readonly rule?: number;
};

/** A tracked connection, as seen in its original direction. */
export type Connection = {
	readonly source: string;
	readonly destination: string;
	readonly protocol: string;
	/** Whether a stateful rule or default made it: only these pass without being judged. */
	readonly marked: boolean;
	/** What the device needs to name it when deleting. */
	readonly tuple: string;
};

export type FirewallDriver<State> = {
	readonly name: string;
	/** Sentences for everything in the plan that this driver cannot do; empty when it can do all. */
	supports(plan: DevicePlan): readonly string[];
	/** Pure. `previous` keeps what must stay stable between renderings (priorities, set generations). */
	render(plan: DevicePlan, previous: State | undefined): State;
	/** Whether applying would change anything. */
	differs(previous: State | undefined, next: State): boolean;
	/** Asks the device to parse the change without making it. Throws DeviceError. */
	check(device: string, previous: State | undefined, next: State): Promise<void>;
	/** One transaction. Throws DeviceError, the device then is as before. */
	apply(device: string, previous: State | undefined, next: State): Promise<void>;
	/** What is installed, each line with its sentence. */
	list(device: string, state: State | undefined): Promise<InstalledLine[]>;
	connections(device: string): Promise<Connection[]>;
	/** Deletes tracked connections in one batch. */
	cut(device: string, connections: readonly Connection[]): Promise<void>;
};
