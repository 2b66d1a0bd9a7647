/** Random small networks with random policies and the packets most likely to tell two readings of them apart, for fast-check. */
import fc from 'fast-check';
import type {Blueprint} from '../../lib/topology/blueprint.ts';
import type {Isolation} from '../../lib/topology/specs.ts';
import {type Address, lastOf, parseAddress, parsePrefix, tryParsePrefix} from '../../lib/util/address.ts';
import {protocolNumbers} from '../../lib/policy/traffic.ts';
import type {Packet} from '../../lib/policy/evaluate.ts';
import {sentence} from '../../lib/policy/grammar.ts';
import {type Inventory, inventoryOf} from '../../lib/policy/inventory.ts';
import {type Peer, type Policy, type PortProtocol, type PortRange, defaultPrio, emptyPolicy} from '../../lib/policy/model.ts';
import {servicePortsText} from '../../lib/policy/listing.ts';
import {uniteRanges} from '../../lib/policy/ports.ts';
import {arbitraryHeader} from './arbitrary-header.ts';
import {type RandomRule, arbitraryPlainRule, arbitraryRuleOf, arbitraryService, numberRules} from './arbitrary-rule.ts';
import {sketch} from './blueprints.ts';
import {runPolicyLines} from './policy-lines.ts';

export type Scenario = {
	/** The network as `sketch` draws it. */
	readonly network: string;
	readonly blueprint: Blueprint;
	readonly inventory: Inventory;
	/** The policy as lines of the prompt, in order. */
	readonly lines: readonly string[];
	/** Its rules are data and not read from the lines; the ids are the same. */
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
	/** False: rules of peers alone, and the first packets of TCP connections from port 1024 to port 80. Default true: everything that bears on a verdict. */
	readonly clauses?: boolean;
	/** False: no rule names ports of SCTP, which not every switch can track. Default true. */
	readonly sctp?: boolean;
	/** Also networks whose domains have equal subnets, or one inside the other; packets would not find their way there. Default false. */
	readonly overlaps?: boolean;
	/** Default: in every other network. */
	readonly perimeter?: boolean;
	/** Draws policies for this network, as `sketch` does it, instead of random ones. */
	readonly network?: string;
};

/** 2 to 4 switches in up to three subnets, with or without a perimeter firewall between these; 3 to 8 hosts; groups, IPGs, services and rules at random. */
export function arbitraryScenario({ipv6 = true, isolations = ['bound', 'none', 'all'], maxRules = 8, packets = 40, clauses = true, sctp = true, overlaps = false, perimeter, network: given}: ScenarioOptions = {}): fc.Arbitrary<Scenario> {
	return (given === undefined ? arbitraryNetwork(ipv6, overlaps, perimeter) : fc.constant(given)).chain(network => {
		const blueprint = sketch(network);
		const inventory = inventoryOf(blueprint);
		const leaves = arbitraryLeaf(inventory, ipv6);
		const portProtocols: readonly PortProtocol[] = ['tcp', 'udp', ...sctp ? ['sctp' as const] : []];
		return fc.record({
			names: arbitraryNames(inventory, ipv6, portProtocols),
			rules: fc.array(clauses ? arbitraryVerdictRule(leaves, portProtocols) : arbitraryPlainRule(leaves), {maxLength: maxRules}).map(named),
			isolation: fc.constantFrom(...isolations),
		}).chain(({names, rules, isolation}) => {
			const lines = [...names, ...rules.map(rule => `secrule add ${sentence(rule)}`)];
			const policy = {...policyOf(names, blueprint, isolation), rules: numberRules(rules), nextId: rules.length + 1};
			return arbitraryPackets(inventory, lines, {ipv6, packets, clauses}, policy).map(list => ({network, blueprint, inventory, lines, policy, packets: list}));
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

/** What lines of the prompt make of an empty policy. */
export function policyOf(lines: readonly string[], {nodes}: Pick<Blueprint, 'nodes'>, isolation: Isolation = 'bound'): Policy {
	return runPolicyLines(lines, nodes, emptyPolicy(isolation));
}

function arbitraryNetwork(ipv6: boolean, overlaps: boolean, isParted?: boolean): fc.Arbitrary<string> {
	return fc.record({
		sides: fc.array(fc.integer({min: 1, max: 3}), {minLength: 2, maxLength: 4}),
		perimeter: isParted === undefined ? fc.boolean() : fc.constant(isParted),
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

const groupNames = ['blue', 'green', 'red'];
const setNames = ['inner', 'outer'];
const serviceNames = ['mail', 'web'];

/** Lines that fill every group, IPG and service; some stay empty. */
function arbitraryNames({hosts}: Inventory, ipv6: boolean, portProtocols: readonly PortProtocol[]): fc.Arbitrary<string[]> {
	const names = [...hosts.keys()];
	const blocks = [...blocks4, ...ranges4, ...ipv6 ? [...blocks6, ...ranges6] : []];
	const member = fc.tuple(fc.constantFrom('', '', '!'), fc.constantFrom(...blocks)).map(([sign, block]) => sign + block);
	return fc.record({
		binds: fc.tuple(...groupNames.map(group => fc.subarray(names, {maxLength: Math.min(4, names.length)}).map(members => members.length > 0 ? members.map(host => `${host} bind ${group}`) : [`sg add ${group}`]))),
		members: fc.tuple(...setNames.map(set => fc.array(member, {maxLength: 5}).map(list => `ipg add ${set} ${list.join(' ')}`.trim()))),
		services: fc.tuple(...serviceNames.map(service => arbitraryService(portProtocols, arbitraryRanges).map(ports => `secrule service add ${service} ${ports.map(servicePortsText).join(' ')}`))),
	}).map(({binds, members, services}) => [...binds.flat(), ...members, ...services]);
}

/** Few ports, protocols and priorities, so that rules overlap; no rate is ever reached. */
function arbitraryVerdictRule(leaves: fc.Arbitrary<Peer>, portProtocols: readonly PortProtocol[]): fc.Arbitrary<RandomRule> {
	return arbitraryRuleOf({
		leaves, portProtocols,
		services: serviceNames,
		ports: arbitraryRanges,
		protocols: fc.constantFrom(1, 6, 17, 47, 50, 58, 89, 132, 255),
		prios: fc.constantFrom(defaultPrio, defaultPrio, 0, 500, 2000),
		remarks: fc.oneof(
			{weight: 3, arbitrary: fc.constant({})},
			{weight: 1, arbitrary: fc.record({log: fc.constantFrom({text: ''}, {text: 'seen'}), rate: fc.constant({perSecond: 10_000, burst: 10_000}), name: fc.constant('named'), comment: fc.constant('why')}, {requiredKeys: []})},
		),
	});
}

/** No two rules have one name. */
function named(rules: readonly RandomRule[]): RandomRule[] {
	return rules.map((rule, index) => rule.name === undefined ? rule : {...rule, name: `${rule.name}-${index + 1}`});
}

function arbitraryLeaf({hosts}: Inventory, ipv6: boolean): fc.Arbitrary<Peer> {
	const prefixes = [...blocks4, ...ipv6 ? blocks6 : []].map(parsePrefix);
	return fc.oneof(
		{weight: 1, arbitrary: fc.constant<Peer>({kind: 'any'})},
		{weight: 4, arbitrary: fc.constantFrom(...groupNames).map((name): Peer => ({kind: 'group', name}))},
		{weight: 2, arbitrary: fc.constantFrom(...setNames).map((name): Peer => ({kind: 'ipg', name}))},
		{weight: 2, arbitrary: fc.constantFrom(...hosts.keys()).map((name): Peer => ({kind: 'node', name}))},
		{weight: 2, arbitrary: fc.constantFrom(...prefixes).map((prefix): Peer => ({kind: 'prefix', prefix}))},
	);
}

const arbitraryRanges: fc.Arbitrary<PortRange[]> = fc.subarray(
	([[0, 1], [22, 22], [80, 80], [80, 90], [91, 443], [1000, 1023], [1024, 65_535], [65_535, 65_535], [5, 60_000]] as const).map(([first, last]) => ({first, last})),
	{minLength: 1, maxLength: 4},
).map(uniteRanges);

const blocks4 = ['10.0.1.0/24', '10.0.2.0/24', '10.0.1.10', '10.0.1.11', '10.0.2.11', '10.0.2.12/31', '10.0.0.0/16', '0.0.0.0/0', '192.0.2.0/24', '192.0.2.7'];
const ranges4 = ['10.0.1.9-10.0.1.12', '10.0.1.255-10.0.2.13', '192.0.2.255-192.0.3.0'];
const blocks6 = ['fd00:0:0:1::/64', 'fd00:0:0:2::/64', 'fd00:0:0:1::a', 'fd00:0:0:2::c/127', 'fd00::/16', '::/0', '2001:db8::/32'];
const ranges6 = ['fd00:0:0:1::b-fd00:0:0:1::d', 'fd00:0:0:1:ffff:ffff:ffff:ffff-fd00:0:0:2::b'];

/** Addresses of hosts and routers, outside ones, and the first, the last and both neighbors of every block the policy names. */
function probes({hosts, routers}: Inventory, lines: readonly string[]): Address[] {
	const own = [...hosts.values(), ...routers.values()].flatMap(({addresses}) => addresses);
	const edges = lines.flatMap(line => line.split(/[ (),]+/)).flatMap(edgesOf);
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

function arbitraryPackets(inventory: Inventory, lines: readonly string[], {ipv6, packets, clauses}: Required<Pick<ScenarioOptions, 'ipv6' | 'packets' | 'clauses'>>, policy: Policy): fc.Arbitrary<Packet[]> {
	const addresses = probes(inventory, lines);
	const of = (family: 4 | 6): fc.Arbitrary<Packet> => {
		const address = fc.constantFrom(...addresses.filter(probe => probe.family === family));
		const header = clauses ? arbitraryHeader(family, policy) : fc.constant({protocol: protocolNumbers.tcp, sport: 1024, dport: 80});
		const opens = clauses ? fc.constantFrom(true, true, true, false) : fc.constant(true);
		return fc.record({source: address, destination: address, header, opens}).map(packet => ({source: packet.source, destination: packet.destination, ...packet.header, opens: packet.opens}));
	};

	return fc.array(fc.oneof({weight: 3, arbitrary: of(4)}, {weight: ipv6 ? 2 : 0, arbitrary: of(6)}), {minLength: packets, maxLength: packets});
}
