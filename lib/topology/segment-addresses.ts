/** Addresses for hosts that come to a network that runs: the next ones of the segment that they join. Pure. */
import {type Family, type InterfaceAddress, type Prefix, contains, formatPrefix, networkOf, width} from '../util/address.ts';
import type {Problems} from '../util/problems.ts';
import type {InterfaceDraft} from './interfaces.ts';
import {segmentsOf} from './segments.ts';
import type {NodeKind, NodeSpec} from './specs.ts';

/** What has been given out; what is given here is added. */
type Given = {readonly addresses: ReadonlyMap<InterfaceDraft, readonly InterfaceAddress[]>; readonly taken: Readonly<Record<Family, Set<bigint>>>};
type Member = {readonly node: string; readonly draft: InterfaceDraft};

export class SegmentAddresses {
	readonly #given: Given;
	readonly #around: ReadonlyMap<InterfaceDraft, readonly Member[]>;

	/** @param drafts of links, two each */
	constructor(nodes: readonly NodeSpec[], drafts: readonly InterfaceDraft[], given: Given) {
		this.#given = given;
		const members = drafts.map((draft): Member => ({node: draft.node.name, draft}));
		const links = members.flatMap((end, index) => {
			const other = members[index + 1];
			return index % 2 === 0 && other ? [{ends: [end, other] as const}] : [];
		});
		const segments = segmentsOf({nodes: new Map(nodes.map(node => [node.name, node])), links, tunnels: []});
		this.#around = new Map(members.map(member => [member.draft, segments.get(member) ?? []]));
	}

	/** The next address after the last host's, else the first that nobody has; undefined where nobody has another prefix than the base, and where there is none left, which is told. */
	next(draft: InterfaceDraft, base: Prefix, problems: Problems): InterfaceAddress | undefined {
		const prefix = this.#prefixAround(draft, base.family);
		if (!prefix || formatPrefix(prefix) === formatPrefix(base)) {
			return undefined;
		}

		const taken = this.#given.taken[base.family];
		const last = this.#lastHost(prefix);
		const free = freeNumber(prefix, taken, last + 1n, hostRoom(prefix)) ?? freeNumber(prefix, taken, 1n, last);
		if (free === undefined) {
			problems.add(draft.node.name, `the network ${formatPrefix(prefix)} that it joins has no address left`, 'Give it one of another network: ip');
			return undefined;
		}

		taken.add(prefix.value + free);
		return {address: {family: prefix.family, value: prefix.value + free}, length: prefix.length};
	}

	/** That of most hosts, or of most routers where there is no host. */
	#prefixAround(of: InterfaceDraft, family: Family): Prefix | undefined {
		const prefixesOf = (kind: NodeKind) => (this.#around.get(of) ?? [])
			.filter(({draft}) => draft.node.kind === kind)
			.flatMap(({draft}) => this.#given.addresses.get(draft) ?? [])
			.filter(({address, length}) => address.family === family && hostRoom({family, length}) > 0n)
			.map(networkOf);
		return mostCommon(prefixesOf('host')) ?? mostCommon(prefixesOf('router'));
	}

	/** Its number in the prefix. */
	#lastHost(prefix: Prefix): bigint {
		const hosts = [...this.#given.addresses].filter(([{node}]) => node.kind === 'host').flatMap(([, addresses]) => addresses);
		return hosts.filter(({address}) => contains(prefix, address)).map(({address}) => address.value - prefix.value).reduce((most, number) => number > most ? number : most, 0n);
	}
}

/** Addresses for hosts in a prefix: all but the first and the last. */
export function hostRoom({family, length}: Pick<Prefix, 'family' | 'length'>): bigint {
	return (1n << BigInt(width(family) - length)) - 2n;
}

function mostCommon(prefixes: readonly Prefix[]): Prefix | undefined {
	const counts = new Map<string, number>();
	for (const key of prefixes.map(formatPrefix)) {
		counts.set(key, (counts.get(key) ?? 0) + 1);
	}

	const most = Math.max(...counts.values());
	return prefixes.find(prefix => counts.get(formatPrefix(prefix)) === most);
}

function freeNumber({value}: Prefix, taken: ReadonlySet<bigint>, from: bigint, to: bigint): bigint | undefined {
	for (let number = from; number <= to; number++) {
		if (!taken.has(value + number)) {
			return number;
		}
	}

	return undefined;
}
