import test from 'ava';
import fc from 'fast-check';
import {compile} from '../../lib/policy/compile.ts';
import {type Packet, evaluator} from '../../lib/policy/evaluate.ts';
import type {Compiled, DevicePlan, Match, TrafficMatch} from '../../lib/policy/filter-rule.ts';
import {type Inventory, inventoryOf} from '../../lib/policy/inventory.ts';
import type {PortRange} from '../../lib/policy/model.ts';
import {type Address, contains, formatAddress, formatPrefix, sameAddress} from '../../lib/util/address.ts';
import {arbitraryScenario, crosses, policyOf} from '../helpers/arbitrary-policy.ts';
import {type SketchOptions, secureNet, sketch} from '../helpers/blueprints.ts';
import {packetText} from '../helpers/packets.ts';

const chain = `
	h1 10.0.0.1/24 -- s1
	h2 10.0.0.2/24 -- s1
	h3 10.0.0.3/24 -- s2
	h4 10.0.0.4/24 -- s3
	s1 -- s2
	s2 -- s3
`;

function compiled(network: string, lines: readonly string[], options?: SketchOptions): Compiled {
	const blueprint = sketch(network, options);
	return compile(policyOf(lines, blueprint), inventoryOf(blueprint));
}

/** Each device with the ids of its rules, those without rules left out. */
function spread({devices}: Compiled): string {
	return [...devices.values()].filter(({rules}) => rules.length > 0).map(({device, rules}) => `${device}: ${rules.map(({id}) => id).join(' ')}`).join(', ');
}

const lands = test.macro({
	title: (_, _network: string, lines: string, _expected: string, options?: SketchOptions) => `lands: ${lines}${options ? ` with ${JSON.stringify(options)}` : ''}`,
	exec(t, network: string, lines: string, expected: string, options?: SketchOptions) {
		t.is(spread(compiled(network, lines.split('; '), options)), expected);
	},
});

test(lands, chain, 'secrule add allow h1 to h2', 's1: 1');
test(lands, chain, 'secrule add allow h1 to h3', 's1: 1, s2: 1');
test(lands, chain, 'secrule add allow h4 to h1', 's1: 1, s2: 1, s3: 1');
test(lands, chain, 'secrule add allow h3 to h4', 's2: 1, s3: 1');
test(lands, chain, 'secrule add allow 10.0.0.1 to 10.0.0.2', 's1: 1');
test(lands, chain, 'ipg add pair 10.0.0.3 10.0.0.1; secrule add allow pair to pair', 's1: 1, s2: 1');
test(lands, chain, 'secrule add allow any to h2', 's1: 1, s2: 1, s3: 1');
test(lands, chain, 'secrule add allow 10.0.0.0/24 to h2', 's1: 1, s2: 1, s3: 1');
test(lands, chain, 'secrule add allow 192.0.2.1 to h2', 's1: 1, s2: 1, s3: 1');
test(lands, chain, 'h1 bind a; h2 bind b; secrule add allow a to b', 's1: 1');
test(lands, chain, 'h1 bind a; h2 bind b; h3 bind b; secrule add allow a to b', 's1: 1, s2: 1');
test(lands, chain, 'h1 bind a; secrule add allow a to a', '');
test(lands, chain, 'h1 bind a; h2 bind a; secrule add allow a to a', 's1: 1');
test(lands, chain, 'secrule add allow h1 to h1', '');
test(lands, chain, 'sg add a; secrule add allow a to any; secrule add allow any to h1', 's1: 2, s2: 2, s3: 2');
test(lands, chain, 'ipg add void 10.0.0.1 !10.0.0.0/8; secrule add allow any to void', '');
test(lands, chain, 'secrule add allow 10.0.0.1 to fd00::1', '');
test(lands, chain, 'secrule add allow (h1, 10.0.0.2) to h2', 's1: 1');
test(lands, chain, 'secrule add allow not h1 to h2', 's1: 1, s2: 1, s3: 1');
test(lands, chain, 'secrule add allow not not h1 to h2', 's1: 1');
test(lands, chain, 'secrule add allow not any to any', '');
test(lands, chain, 'secrule add allow not (::/0, 0.0.0.0/0) to any', '');
test(lands, chain, 'secrule add allow not (h1, not h1) to any', '');
test(lands, chain, 'secrule add allow not ::/0 to ::/0', '');
test(lands, chain, 'secrule add allow not 0.0.0.0/0 to ::/0', 's1: 1, s2: 1, s3: 1');
test(lands, chain, 'secrule add allow 10.0.0.1 to h2 icmp6', '');
test(lands, chain, 'secrule add allow h1 to h2 icmp type packet-too-big', '');
test(lands, chain, 'secrule add allow h1 to h2 icmp type fragmentation-needed', 's1: 1');
test(lands, chain, 'secrule add deny h3 to h4; secrule add allow h1 to h3; secrule add allow any to any', 's1: 2 3, s2: 1 2 3, s3: 1 3');
test(lands, secureNet, 'secrule add allow h10 to h11; secrule add allow h10 to h20; secrule add allow h20 to h30', 'fw: 2 3, s1: 1 2, s2: 2 3, s3: 3');
test(lands, secureNet, 'secrule add allow fw to h10', 'fw: 1, s1: 1, s2: 1, s3: 1');
test(lands, 'h1 -- s1\nh2 -- s1\nh3 -- s2\nh4 -- s2', 'secrule add allow h1 to h2; secrule add allow h1 to h3; secrule add allow any to h4', 's1: 1, s2: 3');
test(lands, 'h1 -- b1\nh2 -- b1\nh3 -- s1\nb1 -- s1', 'secrule add allow h1 to h2; secrule add allow h1 to h3', 's1: 2');
test(lands, 'h1 -- s1\nh2 -- s2\nh3 -- s3\nh4 -- s3\ns1 -- s2\ns2 -- s3\ns3 -- s1', 'secrule add allow h1 to h2; secrule add allow h3 to h4', 's1: 1 2, s2: 1 2, s3: 1 2');
test(lands, 'h1 -- s1\nh2 -- s2\ns1 -- s2\ns1 -- s2', 'h2 bind a; secrule add allow a to a; secrule add allow h2 to h2', '');
// h4 may send as h1, so its own switches judge what h1 may do.
test(lands, chain, 'secrule add allow h1 to h3', 's1: 1, s2: 1, s3: 1', {hosts: {h4: {allowedAddresses: ['10.0.0.0/31']}}});

test('sides are sets of single addresses, disjoint prefixes, or written out', t => {
	const {shared, devices} = compiled(`
		h1 10.0.0.2/24,fd00::1/64 -- s1
		h2 10.0.0.3/24 -- s1
		s1 -- r1 10.0.0.254/24
	`, [
		'h2 bind web', 'h1 bind web', 'sg add empty', 'ipg add lan 10.0.0.0/25 10.0.0.128/25', 'ipg add idle 10.9.0.0/16',
		'secrule add allow web to lan', 'secrule add deny h1 to 10.0.0.0/8', 'secrule add allow any to empty',
	]);
	t.deepEqual(devices.get('s1')?.rules.map(({id, sentence, action, from, to}) => [id, sentence, action, text(from), text(to)]), [
		[1, 'allow web to lan', 'allow', 'sg:web', 'ipg:lan'],
		[2, 'deny h1 to 10.0.0.0/8', 'deny', '10.0.0.2 fd00::1 fe80::aff:fe00:2', '10.0.0.0/8'],
	]);
	t.deepEqual([...shared.sets].map(([key, {name, prefixes}]) => [key, name, prefixes.map(formatPrefix).join(' ')]), [
		['sg:web', 'sg:web', '10.0.0.2 10.0.0.3 fd00::1 fe80::aff:fe00:2'],
		['ipg:lan', 'ipg:lan', '10.0.0.0/24'],
	]);
	t.is(shared.bound.prefixes.map(formatPrefix).join(' '), '10.0.0.2 10.0.0.3 fd00::1 fe80::aff:fe00:2');
	t.is(shared.routers.prefixes.map(formatPrefix).join(' '), '10.0.0.254 fe80::aff:fe00:fe');
	t.is(shared.isolation, 'bound');
});

test('lists and what a not stands before are sets, named by their text and shared', t => {
	const {shared, devices} = compiled('h1 10.0.0.1/24,fd00::1/64 -- s1\nh2 10.0.0.2/24 -- s1\nh3 10.0.0.3/24 -- s1', [
		'h1 bind web', 'h2 bind web', 'ipg add lan 10.0.0.0/25',
		'secrule add allow not web to not lan', 'secrule add allow (web, 10.0.0.2/31, h3) to not h1', 'secrule add deny not (web, 10.0.0.2/31, h3) to (h1)',
		'secrule add deny (not 0.0.0.0/0, (h3, fd00::/16)) to any',
	]);
	t.deepEqual(devices.get('s1')?.rules.map(({from, to}) => `${text(from)} > ${text(to)}`), [
		'!sg:web > !ipg:lan',
		'peers:(web, 10.0.0.2/31, h3) > !peers:h1',
		'!peers:(web, 10.0.0.2/31, h3) > 10.0.0.1 fd00::1 fe80::aff:fe00:1',
		'peers:(not 0.0.0.0/0, (h3, fd00::/16)) > any',
	]);
	t.deepEqual([...shared.sets.values()].map(({name, prefixes}) => `${name}: ${prefixes.map(formatPrefix).join(' ')}`), [
		'sg:web: 10.0.0.1 10.0.0.2 fd00::1 fe80::aff:fe00:1',
		'ipg:lan: 10.0.0.0/25',
		'peers:(web, 10.0.0.2/31, h3): 10.0.0.1 10.0.0.2/31 fd00::1 fe80::aff:fe00:1',
		'peers:h1: 10.0.0.1 fd00::1 fe80::aff:fe00:1',
		'peers:(not 0.0.0.0/0, (h3, fd00::/16)): 10.0.0.3 ::/0',
	]);
});

test('traffic is written out, at most one match for a family and a protocol', t => {
	const {devices} = compiled('h1 -- s1\nh2 -- s1', [
		'secrule service add web tcp/80 tcp/443', 'secrule service add alt tcp/81 udp/443', 'secrule service add every tcp/0-65535',
		'secrule add allow h1 to h2', 'secrule add allow h1 to h2 tcp sport 1024-65535 dport {80,443}', 'secrule add allow h1 to h2 service web,alt',
		'secrule add allow h1 to h2 service web,every', 'secrule add allow h1 to h2 icmp type port-unreachable', 'secrule add allow h1 to h2 icmp',
		'secrule add allow any to any icmp6 type echo-request', 'secrule add allow h1 to h2 proto 47',
	]);
	t.deepEqual(devices.get('s1')?.rules.map(({traffic}) => traffic?.map(trafficText).join(', ')), [
		undefined,
		'4 6 1024-65535 > 80 443, 6 6 1024-65535 > 80 443',
		'4 6 > 80-81 443, 6 6 > 80-81 443, 4 17 > 443, 6 17 > 443',
		'4 6, 6 6',
		'4 1 type 3/3, 6 58 type 1/4',
		'4 1, 6 58',
		'6 58 type 128',
		'4 47, 6 47',
	]);
});

test('state, log and rate go with the rule', t => {
	const {devices} = compiled('h1 -- s1\nh2 -- s1', ['secrule add allow h1 to h2 stateless log "web" rate 10/s burst 20', 'secrule add reject h1 to h2']);
	t.deepEqual(devices.get('s1')?.rules.map(rule => ({...rule, from: undefined, to: undefined})), [
		{id: 1, sentence: 'allow h1 to h2 stateless rate 10/s burst 20 log "web"', action: 'allow', from: undefined, to: undefined, traffic: undefined, stateful: false, log: {text: 'web'}, rate: {perSecond: 10, burst: 20}},
		{id: 2, sentence: 'reject h1 to h2', action: 'reject', from: undefined, to: undefined, traffic: undefined, stateful: true},
	]);
});

test('every host port is guarded: who is behind it, what it may send, whether it is bound', t => {
	const {devices} = compiled(`
		h3 10.0.0.3/24 -- s1
		h1 10.0.0.1/24 -- s1
		h2 10.0.0.2/24 -- s1
		s1 -- fw 10.0.0.254/24
	`, ['h1 bind web', 'h2 bind web'], {hosts: {h1: {portSecurity: false}, h2: {allowedAddresses: ['10.0.9.0/24']}}});
	t.deepEqual(devices.get('s1')?.guarded.map(({port, host, mac, addresses, allowed, bound, secured}) =>
		[port, host, mac, addresses.map(formatAddress).join(' '), allowed.map(formatPrefix).join(' '), bound, secured]), [
		[1, 'h3', '02:00:0a:00:00:03', '10.0.0.3', '', false, false],
		[2, 'h1', '02:00:0a:00:00:01', '10.0.0.1', '', true, false],
		[3, 'h2', '02:00:0a:00:00:02', '10.0.0.2', '10.0.9.0/24', true, true],
	]);
	t.deepEqual(devices.get('s1')?.ports, [1, 2, 3, 4]);
	t.deepEqual(devices.get('fw')?.guarded, []);
	t.like(devices.get('fw'), {kind: 'perimeter', zone: 1, ports: []});
	t.like(devices.get('s1'), {kind: 'switch', zone: 2});
});

test('an address that two hosts have is one entry', t => {
	const {shared} = compiled('h1 10.0.0.1/24 -- s1\nh2 10.0.0.1/24 -- s2', ['h1 bind a', 'h2 bind a', 'secrule add allow any to a']);
	t.deepEqual([shared.bound, shared.sets.get('sg:a')].map(set => set?.prefixes.map(formatPrefix)), [['10.0.0.1'], ['10.0.0.1']]);
});

test('two groups of one membership object have each their own set', t => {
	const blueprint = sketch(chain);
	const members = new Set(['h1', 'h3']);
	const policy = policyOf(['h1 bind a', 'h1 bind b', 'secrule add allow a to b'], blueprint);
	const {shared} = compile({...policy, groups: new Map([['a', members], ['b', members]])}, inventoryOf(blueprint));
	t.deepEqual([...shared.sets.values()].map(({name}) => name), ['sg:a', 'sg:b']);
});

test('on every device that a pair can cross, the plan has the verdict of the model', t => {
	fc.assert(fc.property(arbitraryScenario(), ({policy, inventory, packets, network, lines}) => {
		const {devices} = compile(policy, inventory);
		const evaluate = evaluator(policy, inventory);
		for (const packet of packets) {
			const {action, stateful} = evaluate(packet);
			for (const plan of [...devices.values()].filter(({device}) => mayCross(inventory, device, packet))) {
				if (planVerdict(plan, packet) !== `${action}${stateful ? ' stateful' : ''}`) {
					t.fail(`${plan.device}: ${packetText(packet)}\n${network}\n${lines.join('\n')}\n${policy.isolation}`);
				}
			}
		}
	}), {numRuns: 200});
	t.pass();
});

function text(match: Match): string {
	return match.kind === 'any' ? 'any' : match.kind === 'set' ? `${match.negated ? '!' : ''}${match.set}` : match.prefixes.map(formatPrefix).join(' ');
}

/** Such as `4 6 1024-65535 > 80 443` and `6 58 type 1/4`. */
function trafficText({family, protocol, sport, dport, icmpType, icmpCode}: TrafficMatch): string {
	const portsText = (ranges: readonly PortRange[]): string => ranges.map(({first, last}) => first === last ? first : `${first}-${last}`).join(' ');
	return [family, protocol, ...sport ? [portsText(sport)] : [], ...dport ? ['>', portsText(dport)] : [], ...icmpType === undefined ? [] : ['type', [icmpType, icmpCode].filter(part => part !== undefined).join('/')]].join(' ');
}

/** Addresses that no host has can be met anywhere. */
function mayCross(inventory: Inventory, device: string, {source, destination}: Packet): boolean {
	const ownerOf = (address: Address): string | undefined => [...inventory.hosts.values()].find(({addresses}) => addresses.some(own => sameAddress(own, address)))?.name;
	const [from, to] = [ownerOf(source), ownerOf(destination)];
	return from === undefined || to === undefined || crosses(inventory, device, from, to);
}

/** What a device that renders its plan to the letter decides. */
function planVerdict({rules, shared}: DevicePlan, packet: Packet): string {
	const {source, destination, opens = true} = packet;
	const isIn = (match: Match, address: Address): boolean => {
		const prefixes = match.kind === 'set' ? shared.sets.get(match.set)?.prefixes : match.kind === 'prefixes' ? match.prefixes : undefined;
		return match.kind === 'any' || (prefixes?.some(prefix => contains(prefix, address)) ?? false) !== (match.kind === 'set' && match.negated);
	};

	const allowed = opens ? 'allow stateful' : 'allow';
	if (shared.routers.prefixes.some(prefix => contains(prefix, destination))) {
		return allowed;
	}

	const rule = rules.find(({action, stateful, from, to, traffic}) =>
		isIn(from, source) && isIn(to, destination) && (traffic?.some(match => isTraffic(match, packet)) ?? true) && (opens || action !== 'allow' || !stateful));
	if (rule) {
		return `${rule.action}${rule.action === 'allow' && rule.stateful ? ' stateful' : ''}`;
	}

	const [a, b] = [source, destination].map(address => shared.domains.find(({subnets}) => subnets.some(subnet => contains(subnet, address))));
	if (a?.id !== b?.id && ((a !== undefined && b !== undefined) || [a, b].some(domain => domain?.perimeter))) {
		return 'deny';
	}

	const isBound = shared.bound.prefixes.some(prefix => contains(prefix, destination));
	return shared.isolation === 'all' || (shared.isolation === 'bound' && isBound) ? 'deny' : allowed;
}

function isTraffic(match: TrafficMatch, packet: Packet): boolean {
	const isPort = (ranges: readonly PortRange[] | undefined, port = -1): boolean => ranges?.some(({first, last}) => first <= port && port <= last) ?? true;
	return match.family === packet.source.family && match.protocol === packet.protocol && isPort(match.sport, packet.sport) && isPort(match.dport, packet.dport)
		&& [packet.icmpType, undefined].includes(match.icmpType) && [packet.icmpCode, undefined].includes(match.icmpCode);
}
