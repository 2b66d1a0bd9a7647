/** The ends of links and tunnels become interfaces: their names, port numbers, MTUs and shaping. */
import type {InterfacePlan} from './blueprint.ts';
import {type Shaping, isShaped, mergeShaping, readShaping} from './shaping.ts';
import {type EndSpec, type Graph, type InterfaceOptions, type LinkSpec, type NodeSpec, type TunnelMode, type TunnelOptions, type TunnelSpec, isStation} from './specs.ts';
import {modeOf} from './tunnels.ts';

/** Payload of an Ethernet frame in bytes (RFC 894). */
const ethernetMtu = 1500;

/** An interface whose addresses are still text. */
export type InterfaceDraft = {
	readonly node: NodeSpec;
	readonly name: string;
	readonly port?: number;
	readonly mtu: number;
	readonly shaping?: Shaping;
	readonly tunnel?: TunnelMode;
	/** On the first interface of a host completed by the host's own `ip` and `mac`. */
	readonly options: InterfaceOptions;
	/** What it is already. */
	readonly assigned?: InterfacePlan;
};

/**
@param graph no node name twice, every end names a node
@returns two a link, in the order of the file
*/
export function draftInterfaces({nodes, links}: Graph): InterfaceDraft[] {
	const byName = new Map(nodes.map(node => [node.name, node]));
	const nextNumber = numbering(links);
	return links.flatMap(link => link.ends.flatMap(end => {
		const node = byName.get(end.node);
		return node ? [draft(node, end, link, nextNumber)] : [];
	}));
}

/**
@param graph as in `draftInterfaces`
@returns one for each end of each tunnel, in the order of the file; their MTUs follow from their endpoints
*/
export function draftTunnelEnds({nodes, tunnels}: Graph): InterfaceDraft[] {
	const byName = new Map(nodes.map(node => [node.name, node]));
	const nextName = tunnelNaming(tunnels);
	return tunnels.flatMap(({ends, options}) => ends.flatMap(end => {
		const node = byName.get(end.node);
		return node ? [{
			node, name: end.options.name ?? nextName(node.name, options), mtu: ethernetMtu, tunnel: modeOf(options), options: end.options, ...(end.assigned ? {assigned: end.assigned} : {}),
		}] : [];
	}));
}

/** `ssh -w` takes numbers and makes the names itself; the other ones are counted for each node. */
function tunnelNaming(tunnels: readonly TunnelSpec[]): (node: string, options: TunnelOptions) => string {
	const taken = new Set(tunnels.flatMap(({ends}) => ends.map(({node, options}) => `${node} ${options.name ?? ''}`)));
	return (node, options) => {
		const stem = options.via === 'ssh' ? modeOf(options) === 'layer2' ? 'tap' : 'tun' : `${node}-tun`;
		// A server lets a key have a number, not a name.
		const others = options.via === 'ssh' ? ['tun', 'tap'] : [stem];
		let number = 0;
		while (others.some(other => taken.has(`${node} ${other}${number}`))) {
			number++;
		}

		taken.add(`${node} ${stem}${number}`);
		return `${stem}${number}`;
	};
}

function draft(node: NodeSpec, end: EndSpec, link: LinkSpec, nextNumber: (node: NodeSpec, from: number) => number): InterfaceDraft {
	const station = isStation(node);
	const number = station ? nextNumber(node, 0) : end.options.port ?? nextNumber(node, 1);
	if (end.assigned) {
		const {name, port, mtu} = end.assigned;
		return {node, name, ...(port === undefined ? {} : {port}), mtu, options: end.options, assigned: end.assigned};
	}

	return {
		node,
		name: end.options.name ?? `${node.name}-eth${number}`,
		...(station ? {} : {port: number}),
		mtu: end.options.mtu ?? link.options.mtu ?? ethernetMtu,
		...shapingOf(end, link),
		options: node.kind === 'host' && number === 0 ? withHostOptions(node.options, end.options) : end.options,
	};
}

/** `check` tells what cannot be read. */
function shapingOf(end: EndSpec, link: LinkSpec): Pick<InterfaceDraft, 'shaping'> {
	const {shaping} = readShaping(mergeShaping(link.options, end.options));
	return isShaped(shaping) ? {shaping} : {};
}

/** Counts each node's interfaces, passing over the port numbers that the file gives to any of them. */
function numbering(links: readonly LinkSpec[]): (node: NodeSpec, from: number) => number {
	const given = givenPorts(links);
	const last = new Map<string, number>();
	return ({name}, from) => {
		let number = (last.get(name) ?? from - 1) + 1;
		while (given.get(name)?.has(number)) {
			number++;
		}

		last.set(name, number);
		return number;
	};
}

function givenPorts(links: readonly LinkSpec[]): Map<string, Set<number>> {
	const given = new Map<string, Set<number>>();
	for (const {node, options: {port}} of links.flatMap(link => link.ends)) {
		if (port !== undefined) {
			given.set(node, (given.get(node) ?? new Set()).add(port));
		}
	}

	return given;
}

function withHostOptions({ip, mac}: InterfaceOptions, own: InterfaceOptions): InterfaceOptions {
	return {...(ip === undefined ? {} : {ip}), ...(mac === undefined ? {} : {mac}), ...own};
}
