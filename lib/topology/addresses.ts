/** Addresses of hosts and routers: those of the file are read, those it leaves out are counted from the topology's base; a host that comes later gets one of its segment. */
import {type Family, type InterfaceAddress, type Prefix, formatPrefix, tryParseAddress, tryParseInterfaceAddress, tryParsePrefix} from '../util/address.ts';
import {printable} from '../util/names.ts';
import type {Problems} from '../util/problems.ts';
import type {InterfaceDraft} from './interfaces.ts';
import {SegmentAddresses, hostRoom} from './segment-addresses.ts';
import {type Graph, type NodeSpec, type Settings, isStation} from './specs.ts';

const defaultBase4: Prefix = {family: 4, value: 10n << 24n, length: 8};
/** Unique local addresses (RFC 4193). */
const base6: Prefix = {family: 6, value: 0xFDn << 120n, length: 64};

export type Addresses = ReadonlyMap<InterfaceDraft, readonly InterfaceAddress[]>;

/**
The n-th host gets the n-th address of the base. Where the file gave that one away, if only to a host that has no link yet, it gets one after the last host's.
One that comes while the network runs gets the next address of the hosts around it, where those have other ones.
*/
export function assignAddresses({nodes, settings, links, assigned}: Graph, drafts: readonly InterfaceDraft[], problems: Problems): Addresses {
	const addresses = new Map(drafts.map(draft => [draft, draft.assigned?.addresses ?? readAddresses(draft, problems)]));
	const hosts = nodes.filter(node => node.kind === 'host');
	const first = firstDrafts(drafts);
	const waiting = hosts.filter(host => !first.has(host)).flatMap(({options}) => texts(options.ip)).flatMap(text => tryParseInterfaceAddress(text) ?? []);
	const taken = valuesOf([...[...addresses.values()].flat(), ...waiting]);
	const pools = bases(settings, problems).map(base => ({base, take: pool(base, hosts.length, taken[base.family])}));
	const needy = hosts.flatMap((host, index) => {
		const draft = first.get(host);
		return draft && !draft.assigned && draft.options.ip === undefined ? [{draft, number: index + 1}] : [];
	});
	const segments = assigned && needy.length > 0 ? new SegmentAddresses(nodes, drafts.slice(0, 2 * links.length), {addresses, taken}) : undefined;
	let unserved = 0;
	for (const {draft, number} of needy) {
		const served = pools.flatMap(({base, take}) => segments?.next(draft, base, problems) ?? take(number) ?? []);
		addresses.set(draft, served);
		unserved += served.length < pools.length ? 1 : 0;
	}

	if (unserved > 0) {
		problems.add('settings', `ipBase ${settings.ipBase ?? formatPrefix(defaultBase4)} is too small: ${unserved} of ${hosts.length} hosts get no address`, 'Give a shorter prefix, such as 10.0.0.0/8');
	}

	return addresses;
}

/** Reads an option that is one text or a list of them. */
export function texts(option: string | readonly string[] | undefined): readonly string[] {
	return option === undefined ? [] : [option].flat();
}

function readAddresses({node, name, options}: InterfaceDraft, problems: Problems): InterfaceAddress[] {
	if (!isStation(node)) {
		if (options.ip !== undefined) {
			problems.add(node.name, `port ${name} is given an address, but a ${node.kind} has none`, 'Leave out ip, or make it a router');
		}

		return [];
	}

	return texts(options.ip).flatMap(text => readAddress(node, text, problems) ?? []);
}

function readAddress(node: NodeSpec, text: string, problems: Problems): InterfaceAddress | undefined {
	const address = tryParseInterfaceAddress(text);
	if (address && text.includes('/')) {
		return address;
	}

	const alone = tryParseAddress(text);
	problems.add(
		node.name,
		alone ? `its address ${text} has no prefix length` : `its address "${printable(text)}" cannot be read`,
		alone ? `Write it like ${text}/${alone.family === 4 ? 24 : 64}` : 'Write it like 10.0.0.1/24 or fd00::1/64',
	);
	return undefined;
}

function bases({ipBase, ipv6}: Settings, problems: Problems): Prefix[] {
	const base = ipBase === undefined ? defaultBase4 : tryParsePrefix(ipBase);
	const usable = base?.family === 4 ? [base] : [];
	if (usable.length === 0) {
		problems.add('settings', `ipBase "${printable(ipBase ?? '')}" is no IPv4 prefix`, 'Write it like 10.0.0.0/8, host bits zero');
	}

	return ipv6 === true ? [...usable, base6] : usable;
}

/** Gives out the n-th address of a base, each once; undefined when the base is used up. */
function pool(base: Prefix, hosts: number, taken: ReadonlySet<bigint>): (n: number) => InterfaceAddress | undefined {
	const room = hostRoom(base);
	let substitute = hosts;
	return n => {
		let number = n;
		while (taken.has(base.value + BigInt(number))) {
			number = ++substitute;
		}

		return BigInt(number) > room ? undefined : {address: {family: base.family, value: base.value + BigInt(number)}, length: base.length};
	};
}

function valuesOf(given: readonly InterfaceAddress[]): Record<Family, Set<bigint>> {
	const of = (family: Family) => new Set(given.filter(({address}) => address.family === family).map(({address}) => address.value));
	return {4: of(4), 6: of(6)};
}

function firstDrafts(drafts: readonly InterfaceDraft[]): Map<NodeSpec, InterfaceDraft> {
	return new Map(drafts.toReversed().map(draft => [draft.node, draft]));
}
