/** A network interface that exists: one end of a link, inside its node's namespace or the lab's fabric. */
import type {Namespace} from '../kernel/namespace.ts';
import type {Shaping} from '../topology/shaping.ts';
import type {InterfaceAddress, Mac} from '../util/address.ts';

export type Interface = {
	/** Name of the node it belongs to. */
	readonly node: string;
	readonly name: string;
	readonly namespace: Namespace;
	/** Interface index in its namespace. */
	readonly index: number;
	/** Port number, on switches and bridges. */
	readonly port?: number;
	readonly mac: Mac;
	readonly addresses: readonly InterfaceAddress[];
	/** Bytes. */
	readonly mtu: number;
	/** Of what it sends, as the topology says; the link knows what has become of it. */
	readonly shaping?: Shaping;
	/** Index of the Linux bridge it is a port of. */
	readonly master?: number | undefined;
};
