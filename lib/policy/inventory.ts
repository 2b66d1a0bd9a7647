/** What a policy needs to know of a network: who has which address behind which port, and which devices a pair's traffic crosses. */
import type {Address, Mac, Prefix} from '../util/address.ts';

export type Inventory = {
	readonly hosts: ReadonlyMap<string, HostEntry>;
	readonly routers: ReadonlyMap<string, RouterEntry>;
	/** The enforcement points: every OVS switch, every perimeter router. Each knows its parts (see DeviceEntry). */
	readonly devices: ReadonlyMap<string, DeviceEntry>;
	/**
	What a perimeter firewall parts from each other. All subnets of the same domain reach each other without
	crossing one; a pair of different domains crosses one. An address in no listed subnet lies outside: it is in
	the domain `outside` of its own when any domain has a perimeter router, see `domainOf`.
	*/
	readonly domains: readonly Domain[];
};

export type HostEntry = {
	readonly name: string;
	/** All addresses of all interfaces, both families, link-local ones (from the MAC) included where IPv6 is on. */
	readonly addresses: readonly Address[];
	readonly allowedAddresses: readonly Prefix[];
	readonly portSecurity: boolean;
	readonly attachments: readonly Attachment[];
};

/** Where a host's interface meets a device that can guard its port. */
export type Attachment = {
	/** The neighbouring node: a switch, a bridge, a router or another host. */
	readonly node: string;
	/** Port number on a switch or bridge. */
	readonly port?: number;
	readonly mac: Mac;
	/** Addresses of this interface alone, link-local included. */
	readonly addresses: readonly Address[];
};

export type RouterEntry = {
	readonly name: string;
	readonly perimeter: boolean;
	/** Addresses of all interfaces, link-local included where IPv6 is on. */
	readonly addresses: readonly Address[];
};

export type Domain = {
	readonly id: number;
	readonly subnets: readonly Prefix[];
	/** Whether a perimeter router borders it: its traffic with the outside then crosses one. */
	readonly perimeter: boolean;
};

export type DeviceEntry = {
	readonly name: string;
	readonly kind: 'switch' | 'perimeter';
	/** Connection tracking zone, unique in the lab, from 1. */
	readonly zone: number;
	/** Host ports of a switch, by port number. Empty on a perimeter router. */
	readonly hostPorts: ReadonlyMap<number, {readonly host: string; readonly mac: Mac; readonly addresses: readonly Address[]}>;
	/** All port numbers of a switch, host ports included. */
	readonly ports: readonly number[];
	/**
	The part of the network each host is in once this device is taken out; a pair of the same part does not cross
	the device. A part that touches the device more than once (a loop) is negative: its pairs may cross it all the same.
	*/
	readonly partOf: ReadonlyMap<string, number>;
};
