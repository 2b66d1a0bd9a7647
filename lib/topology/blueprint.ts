/** A topology with every name, address, MAC and port number decided: what `Network` builds and what `inventory` reads. */
import type {Address, InterfaceAddress, Mac, Prefix} from '../util/address.ts';
import type {Shaping} from './shaping.ts';
import type {Isolation, NodeSpec} from './specs.ts';

export type Blueprint = {
	/** The topology's name in lower case with dashes, such as `router-as-switch`; the default name of its lab. */
	readonly name: string;
	readonly isolation: Isolation;
	/** In the order of the file. */
	readonly nodes: ReadonlyMap<string, NodePlan>;
	readonly links: readonly LinkPlan[];
};

export type NodePlan = NodeSpec & {
	readonly interfaces: readonly InterfacePlan[];
	/** Static routes, the default ones included, those without a next hop first; hosts and routers only. */
	readonly routes: readonly RoutePlan[];
	/** Whether the node's namespace has IPv6 switched on. */
	readonly ipv6: boolean;
};

export type InterfacePlan = {
	readonly node: string;
	readonly name: string;
	/** Port number; on switches and bridges only. */
	readonly port?: number;
	readonly mac: Mac;
	/** Empty on switches and bridges. */
	readonly addresses: readonly InterfaceAddress[];
	/** Bytes. */
	readonly mtu: number;
	/** Of what it sends. */
	readonly shaping?: Shaping;
};

export type LinkPlan = {
	readonly ends: readonly [InterfacePlan, InterfacePlan];
	/** The two perimeter firewalls tell each other their connections over it. */
	readonly stateSync?: boolean;
};

export type RoutePlan = {
	readonly to: Prefix;
	readonly via?: Address;
	/** Name of the interface to leave by. */
	readonly interface?: string;
};
