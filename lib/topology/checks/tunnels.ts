/** Checks of tunnels: who can end one, numbers in their ranges, tunnels that can be told apart, and a network that carries them. */
import {formatAddress} from '../../util/address.ts';
import {printable} from '../../util/names.ts';
import type {Problems} from '../../util/problems.ts';
import type {Blueprint, InterfacePlan, TunnelEndPlan, TunnelPlan} from '../blueprint.ts';
import {Paths, type RoutingOf} from '../paths.ts';
import {type Graph, type TunnelSpec, isStation} from '../specs.ts';
import {modeOf, overheadOf} from '../tunnels.ts';

/** Ranges of numbers: of the fields that carry them (RFC 2890, 7348, 791, 768), and of what can be waited for. */
const ranges: Readonly<Record<string, {readonly max: number; readonly min: number}>> = {
	key: {min: 0, max: 0xFF_FF_FF_FF}, vni: {min: 0, max: 0xFF_FF_FF}, ttl: {min: 1, max: 255}, port: {min: 1, max: 65_535}, interval: {min: 1, max: 86_400}, count: {min: 1, max: 10_000},
};

export function checkTunnelEnds({nodes, tunnels}: Graph, problems: Problems): void {
	const kinds = new Map(nodes.map(node => [node.name, node]));
	for (const {ends} of tunnels) {
		const names = ends.map(({node}) => node);
		if (names.length < 2) {
			problems.add(printable(names[0] ?? 'a tunnel'), 'its tunnel has no other end', 'Give two ends or more');
		}

		for (const [index, {node, foreign}] of ends.entries()) {
			const kind = kinds.get(node);
			if (foreign !== undefined) {
				problems.add(printable(names.find(name => name !== node) ?? node), `its tunnel leads to "${printable(node)}", a node of another topology (${foreign})`, 'Give ends that this topology added');
			} else if (kind && !isStation(kind)) {
				problems.add(printable(node), `it is the end of a tunnel, and a ${kind.kind} has no address to which the other end could send`, 'End the tunnel at a router, and link that to it');
			} else if (names.indexOf(node) !== index) {
				problems.add(printable(node), 'both ends of a tunnel are its own', 'Give ends on different nodes');
			}
		}
	}
}

export function checkTunnelNumbers({tunnels}: Graph, problems: Problems): void {
	for (const tunnel of tunnels) {
		const {options} = tunnel;
		const numbers = Object.entries({...options, ...options.via === 'ssh' ? options.keepAlive : {}});
		for (const [name, value] of numbers) {
			const range = ranges[name];
			if (range && (!Number.isInteger(value) || Number(value) < range.min || Number(value) > range.max)) {
				problems.add(subjectOf(tunnel), `${name} ${printable(String(value))} is out of range`, `Give a whole number from ${range.min} to ${range.max}`);
			}
		}
	}
}

/** `ssh -w` takes numbers: the names follow from them. */
export function checkSshNames({tunnels}: Graph, problems: Problems): void {
	for (const {ends, options} of tunnels.filter(each => each.options.via === 'ssh')) {
		const stem = modeOf(options) === 'layer2' ? 'tap' : 'tun';
		for (const {node, options: {name}} of ends) {
			if (name !== undefined && !new RegExp(String.raw`^${stem}\d{1,4}$`).test(name)) {
				problems.add(printable(node), `ssh cannot make an interface called "${printable(name)}"`, `Call it ${stem} and a number, such as ${stem}0, or leave out the name`);
			}
		}
	}
}

/** What arrives must belong to one tunnel: by its number, else by where it comes from. */
export function checkDistinctTunnels({tunnels}: Blueprint, problems: Problems): void {
	const taken = new Map<string, TunnelPlan>();
	for (const tunnel of tunnels) {
		for (const key of tunnel.ends.flatMap(end => arrivalKeys(tunnel, end))) {
			const other = taken.get(key.text);
			if (other && other !== tunnel) {
				problems.add(key.node, `what arrives by ${namesOf(tunnel)} could as well belong to ${namesOf(other)}`, tunnel.via === 'vxlan' ? 'Give them different vni' : 'Give them different keys');
			}

			taken.set(key.text, other ?? tunnel);
		}
	}
}

function arrivalKeys(tunnel: TunnelPlan, {interface: {node}, endpoint}: TunnelEndPlan): Array<{readonly node: string; readonly text: string}> {
	switch (tunnel.via) {
		case 'gre': {
			const others = tunnel.ends.filter(end => end.interface.node !== node);
			return others.map(other => ({node, text: ['gre', tunnel.mode, tunnel.key, node, formatAddress(endpoint), formatAddress(other.endpoint)].join(' ')}));
		}

		case 'vxlan': {
			return [{node, text: ['vxlan', tunnel.vni, tunnel.port, node].join(' ')}];
		}

		case 'ssh': {
			return [];
		}
	}
}

/** How a network stands that changes. */
export type Standing = {
	readonly blueprint: Blueprint;
	/** How nodes route at the moment, where that is not as they are planned. */
	readonly routing?: RoutingOf | undefined;
};

/**
Every end must reach every other endpoint, not through the tunnel itself, by a network that takes its packets whole: as it is planned, or else as it is at the moment. A tunnel that is cut already
is in the way of nothing: what comes may be a part of what mends it.
*/
export function checkUnderlays(blueprint: Blueprint, problems: Problems, standing?: Standing): void {
	if (blueprint.tunnels.length === 0) {
		return;
	}

	const faulty = new Set(problems.list.map(({subject}) => subject));
	const troubleOf = troubleFinder(blueprint, standing?.routing);
	const isCut = standing ? cutFinder(standing) : () => false;
	for (const tunnel of blueprint.tunnels.filter(({ends}) => ends.every(end => !faulty.has(end.interface.node)))) {
		const trouble = troubleOf(tunnel);
		if (trouble && !isCut(tunnel)) {
			problems.add(`tunnel ${tunnel.ends.map(end => end.interface.node).join(' - ')}`, trouble.message, trouble.hint);
		}
	}
}

/** Whether a tunnel was there before, in vain. The standing network is looked at when the first one is in trouble, and once for all of them. */
function cutFinder({blueprint, routing}: Standing): (tunnel: TunnelPlan) => boolean {
	const key = ({ends}: TunnelPlan) => ends.map(({interface: {node, name}}) => `${node} ${name}`).join(' ');
	let known: {readonly tunnels: ReadonlyMap<string, TunnelPlan>; readonly troubleOf: TroubleOf} | undefined;
	return tunnel => {
		known ??= {tunnels: new Map(blueprint.tunnels.map(each => [key(each), each])), troubleOf: troubleFinder(blueprint, routing)};
		const before = known.tunnels.get(key(tunnel));
		return before !== undefined && known.troubleOf(before) !== undefined;
	};
}

/** What is wrong as it is planned, unless nothing is as it is at the moment. */
function troubleFinder(blueprint: Blueprint, routing: RoutingOf | undefined): TroubleOf {
	const planned = new Paths(blueprint);
	const live = routing && new Paths(blueprint, routing);
	return tunnel => {
		const trouble = underlayTrouble(blueprint, planned, tunnel);
		return trouble && live && !underlayTrouble(blueprint, live, tunnel) ? undefined : trouble;
	};
}

type Trouble = {readonly message: string; readonly hint: string};
type TroubleOf = (tunnel: TunnelPlan) => Trouble | undefined;

function underlayTrouble({nodes}: Blueprint, paths: Paths, tunnel: TunnelPlan): Trouble | undefined {
	for (const end of tunnel.ends) {
		for (const other of tunnel.ends.filter(each => each !== end)) {
			const node = nodes.get(end.interface.node);
			const {hops, broken} = node ? paths.beneath(tunnel, node, end, other) : {hops: []};
			const where = `${end.interface.node} to the endpoint ${formatAddress(other.endpoint)} of ${other.interface.node}`;
			const used = hops.flatMap(({arrival}) => arrival?.by ?? []);
			if (broken !== undefined) {
				return {message: `there is no way from ${where}: ${broken}`, hint: 'Give the nodes between them routes to both endpoints'};
			}

			const narrow = narrowest(used, end, tunnel);
			if (narrow) {
				return narrow;
			}
		}
	}

	return undefined;
}

function narrowest(used: readonly InterfacePlan[], {interface: {mtu}}: TunnelEndPlan, tunnel: TunnelPlan): Trouble | undefined {
	const smallest = used.reduce<InterfacePlan | undefined>((least, each) => least && least.mtu <= each.mtu ? least : each, undefined);
	const room = smallest && smallest.mtu - overheadOf(tunnel);
	return room !== undefined && overheadOf(tunnel) > 0 && mtu > room
		? {message: `its packets of ${mtu} bytes and ${overheadOf(tunnel)} bytes of headers do not fit ${smallest?.node} (${printable(smallest?.name ?? '')}, ${smallest?.mtu} bytes)`, hint: `Give the tunnel {mtu: ${room}} or less`}
		: undefined;
}

function subjectOf({ends}: TunnelSpec): string {
	return `tunnel ${ends.map(({node}) => printable(node)).join(' - ')}`;
}

function namesOf({ends}: TunnelPlan): string {
	return ends.map(end => end.interface.name).join('-');
}
