/** What a network tells while it runs. */
import type {TunnelState} from '../link/ssh-tunnel.ts';
import type {SecureNetError} from '../util/errors.ts';

export type NodeChange = {
	readonly node: string;
	readonly change: 'added' | 'removed';
};

export type LinkChange = {
	readonly node: string;
	readonly interface: string;
	/** Whether the interface is up and has a carrier. */
	readonly up: boolean;
	/** Absent for a carrier that came or went. */
	readonly change?: 'added' | 'removed';
};

export type TunnelChange = TunnelState & {
	/** Names of the nodes; of an SSH tunnel the first one connects. */
	readonly ends: readonly string[];
};

export type NetworkEvents = {
	/** A node came or went while the network runs. */
	node: [NodeChange];
	/** An interface of a switch or bridge gained or lost its carrier, whoever did it; or a link or tunnel came or went, told for each of its ends. */
	link: [LinkChange];
	/** An SSH tunnel gained or lost its connection. */
	tunnel: [TunnelChange];
	/** A daemon of the lab ended by itself. */
	failure: [SecureNetError];
};
