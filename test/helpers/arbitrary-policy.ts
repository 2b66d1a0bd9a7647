/** Random small networks with random policies and the packets most likely to tell two readings of them apart, for fast-check. */
import fc from 'fast-check';
import type {Blueprint} from '../../lib/topology/blueprint.ts';
import type {Isolation} from '../../lib/topology/specs.ts';
import {type Address, lastOf, parseAddress, parsePrefix, tryParsePrefix} from '../../lib/util/address.ts';
import {splitWords} from '../../lib/util/words.ts';
import type {Packet} from '../../lib/policy/evaluate.ts';
import {parseRule} from '../../lib/policy/grammar.ts';
import {type Inventory, inventoryOf} from '../../lib/policy/inventory.ts';
import {parseMember} from '../../lib/policy/member.ts';
import {type Policy, emptyPolicy} from '../../lib/policy/model.ts';
import {namesOf} from '../../lib/policy/names.ts';
import {addGroup, addIpg, addRule, bind} from '../../lib/policy/repository.ts';
import {sketch} from './blueprints.ts';

export type Scenario = {
	/** The network as `sketch` draws it. */
	readonly network: string;
	readonly blueprint: Blueprint;
	readonly inventory: Inventory;
	/** The policy as lines of the prompt, in order. */
	readonly lines: readonly string[];
	readonly policy: Policy;
	/** Source and destination are of one family. */
	readonly packets: readonly Packet[];
};

export type ScenarioOptions = {
	/** Default true. */
	readonly ipv6?: boolean;
	readonly isolations?: readonly Isolation[];
	readonly maxRules?: number;
	readonly packets?: number;
	/** Also networks whose domains have equal subnets, or one inside the other; packets would not find their way there. Default false. */
	readonly overlaps?: boolean;
};

/** 2 to 4 switches in up to three subnets, with or without a perimeter firewall between these; 3 to 8 hosts; groups, IPGs and rules at random. */
export function arbitraryScenario({ipv6 = true, isolations = ['bound', 'none', 'all'], maxRules = 8, packets = 40, overlaps = false}: ScenarioOptions = {}): fc.Arbitrary<Scenario> {
	return arbitraryNetwork(ipv6, overlaps).chain(network => {
		const blueprint = sketch(network);
		const inventory = inventoryOf(blueprint);
		return arbitraryLines(inventory, ipv6, maxRules).chain(lines => {
			const addresses = probes(inventory, lines);
			return fc.record({
				network: fc.constant(network),
				blueprint: fc.constant(blueprint),
				inventory: fc.constant(inventory),
				lines: fc.constant(lines),
				policy: fc.constantFrom(...isolations).map(isolation => policyOf(lines, blueprint, isolation)),
				packets: fc.array(arbitraryPacket(addresses, ipv6), {minLength: packets, maxLength: packets}),
			});
		});
	});
}

/**
Whether the traffic of two hosts may cross the device, the pair of one and the same host excepted, which crosses nothing.
Only for such pairs does a device owe the policy's verdict.
*/
export function crosses(inventory: Inventory, device: string, a: string, b: string): boolean {
	const partOf = inventory.devices.get(device)?.partOf;
	const [partA, partB] = [partOf?.get(a), partOf?.get(b)];
	return a !== b && partA !== undefined && partB !== undefined && (partA !== partB || partA < 0);
}

/** Reads `NODE bind GROUP …`, `sg add NAME`, `ipg add NAME MEMBER …` and `secrule add SENTENCE` lines. */
export function policyOf(lines: readonly string[], {nodes}: Pick<Blueprint, 'nodes'>, isolation: Isolation = 'bound'): Policy {
	let policy = emptyPolicy(isolation);
	for (const line of lines) {
		const words = splitWords(line);
		const [first = '', second = '', ...rest] = words.map(({text}) => text);
		if (second === 'bind') {
			policy = bind(policy, nodes, first, rest);
		} else if (first === 'sg') {
			policy = addGroup(policy, nodes, rest[0] ?? '');
		} else if (first === 'ipg') {
			policy = addIpg(policy, nodes, rest[0] ?? '', words.slice(3).map(parseMember));
		} else {
			policy = addRule(policy, parseRule(words.slice(2), namesOf(policy, nodes)));
		}
	}

	return policy;
}

function arbitraryNetwork(ipv6: boolean, overlaps: boolean): fc.Arbitrary<string> {
	return fc.record({
		sides: fc.array(fc.integer({min: 1, max: 3}), {minLength: 2, maxLength: 4}),
		perimeter: fc.boolean(),
		plan: fc.constantFrom<AddressPlan>('apart', ...overlaps ? ['equal', 'nested'] as const : []),
		hosts: fc.array(fc.record({at: fc.nat(3), families: fc.constantFrom(...ipv6 ? ['4', '46', '6'] : ['4'])}), {minLength: 3, maxLength: 8}),
	}).map(({sides, perimeter, plan, hosts}) => {
		const sideOf = (index: number): number => perimeter ? sides[index % sides.length] ?? 1 : 1;
		const links = hosts.map(({at, families}, index) => {
			const addresses = addressesOn(sideOf(at), index + 10, plan).filter(address => families.includes(address.includes(':') ? '6' : '4'));
			return `h${index + 1} ${addresses.join(',')} -- s${at % sides.length + 1}`;
		});
		for (const side of new Set(sides.map((_, index) => sideOf(index)))) {
			const switches = sides.flatMap((_, index) => sideOf(index) === side ? `s${index + 1}` : []);
			links.push(...switches.slice(1).map((name, index) => `${switches[index] ?? ''} -- ${name}`));
			links.push(...perimeter ? [`${switches[0] ?? ''} -- fw ${plan === 'apart' ? addressesOn(side, 1, plan).slice(0, ipv6 ? 2 : 1).join(',') : ''}`] : []);
		}

		return links.join('\n');
	});
}

/** How the subnets of the sides lie; when they overlap the firewall has no addresses. */
type AddressPlan = 'apart' | 'equal' | 'nested';

/** Nested: the first side has it all, and every other of its hosts an address within the second side. */
function addressesOn(side: number, host: number, plan: AddressPlan): string[] {
	const subnet = plan === 'equal' ? 1 : plan === 'nested' && side === 1 ? 1 + host % 2 : side;
	const [length4, length6] = plan === 'nested' && side === 1 ? [16, 48] : [24, 64];
	return [`10.0.${subnet}.${host}/${length4}`, `fd00:0:0:${subnet}::${host.toString(16)}/${length6}`];
}

function arbitraryLines({hosts}: Inventory, ipv6: boolean, maxRules: number): fc.Arbitrary<string[]> {
	const groups = ['blue', 'green', 'red'];
	const sets = ['inner', 'outer'];
	const names = [...hosts.keys()];
	const blocks = [...blocks4, ...ipv6 ? blocks6 : []];
	const peer = fc.oneof(
		{weight: 1, arbitrary: fc.constant('any')},
		{weight: 4, arbitrary: fc.constantFrom(...groups)},
		{weight: 2, arbitrary: fc.constantFrom(...sets)},
		{weight: 2, arbitrary: fc.constantFrom(...names)},
		{weight: 2, arbitrary: fc.constantFrom(...blocks)},
	);
	const member = fc.tuple(fc.constantFrom('', '', '!'), fc.constantFrom(...blocks, ...ranges4, ...ipv6 ? ranges6 : [])).map(([sign, block]) => sign + block);
	return fc.record({
		binds: fc.tuple(...groups.map(group => fc.subarray(names, {maxLength: Math.min(4, names.length)}).map(members => members.length > 0 ? members.map(host => `${host} bind ${group}`) : [`sg add ${group}`]))),
		members: fc.tuple(...sets.map(set => fc.array(member, {maxLength: 5}).map(list => `ipg add ${set} ${list.join(' ')}`.trim()))),
		rules: fc.array(fc.tuple(fc.constantFrom('allow', 'allow', 'deny'), peer, peer).map(([action, from, to]) => `secrule add ${action} ${from} to ${to}`), {maxLength: maxRules}),
	}).map(({binds, members, rules}) => [...binds.flat(), ...members, ...rules]);
}

const blocks4 = ['10.0.1.0/24', '10.0.2.0/24', '10.0.1.10', '10.0.1.11', '10.0.2.11', '10.0.2.12/31', '10.0.0.0/16', '0.0.0.0/0', '192.0.2.0/24', '192.0.2.7'];
const ranges4 = ['10.0.1.9-10.0.1.12', '10.0.1.255-10.0.2.13', '192.0.2.255-192.0.3.0'];
const blocks6 = ['fd00:0:0:1::/64', 'fd00:0:0:2::/64', 'fd00:0:0:1::a', 'fd00:0:0:2::c/127', 'fd00::/16', '::/0', '2001:db8::/32'];
const ranges6 = ['fd00:0:0:1::b-fd00:0:0:1::d', 'fd00:0:0:1:ffff:ffff:ffff:ffff-fd00:0:0:2::b'];

/** Addresses of hosts and routers, outside ones, and the first, the last and both neighbors of every block the policy names. */
function probes({hosts, routers}: Inventory, lines: readonly string[]): Address[] {
	const own = [...hosts.values(), ...routers.values()].flatMap(({addresses}) => addresses);
	const edges = lines.flatMap(line => line.split(' ')).flatMap(edgesOf);
	return [...own, ...own, ...edges, ...['192.0.2.1', '10.0.1.99', '2001:db8::1', 'fd00:0:0:1::99'].map(parseAddress)];
}

function edgesOf(word: string): Address[] {
	const [first = '', last = first] = word.replace('!', '').split('-');
	if (!tryParsePrefix(first) || !tryParsePrefix(last)) {
		return [];
	}

	const {family, value} = parsePrefix(first);
	const end = lastOf(parsePrefix(last));
	const highest = (1n << (family === 4 ? 32n : 128n)) - 1n;
	return [value - 1n, value, end, end + 1n].filter(edge => edge >= 0n && edge <= highest).map(edge => ({family, value: edge}));
}

function arbitraryPacket(addresses: readonly Address[], ipv6: boolean): fc.Arbitrary<Packet> {
	const of = (family: 4 | 6): Address[] => addresses.filter(address => address.family === family);
	const pair = (pool: readonly Address[]): fc.Arbitrary<Packet> => fc.record({source: fc.constantFrom(...pool), destination: fc.constantFrom(...pool)});
	return fc.oneof({weight: 3, arbitrary: pair(of(4))}, {weight: ipv6 ? 2 : 0, arbitrary: pair(of(6))});
}
