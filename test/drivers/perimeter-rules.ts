/** What every clause of a rule means on a perimeter router: random rules and packets, judged by the chains and by a reading of the rules. */
import assert from 'node:assert/strict';
import test from 'ava';
import fc from 'fast-check';
import {logGroup, madeBackwards, madeByPolicy} from '../../lib/drivers/driver.ts';
import {diffPerimeter, plainRouter, renderPerimeter, restoreText} from '../../lib/drivers/iptables-render.ts';
import type {DevicePlan, FilterRule, Match, TrafficMatch} from '../../lib/policy/filter-rule.ts';
import type {PortRange} from '../../lib/policy/model.ts';
import {contains, formatAddress, parseAddress} from '../../lib/util/address.ts';
import type {Address} from '../../lib/util/address.ts';
import {arbitrarySentence, sets} from '../helpers/arbitrary-sentence.ts';
import {judge} from '../helpers/iptables-interpreter.ts';
import type {ForwardedPacket} from '../helpers/iptables-interpreter.ts';
import {perimeterPlan} from '../helpers/plans.ts';

const setup = {sets, bound: '10.0.1.1 10.0.2.1', domains: ['open:10.0.1.0/24 10.0.2.0/24 fd01::/64 fd02::/64']};
const addresses = ['10.0.1.1', '10.0.1.2', '10.0.2.1', '10.0.2.9', '192.0.2.1', 'fd01::1', 'fd02::1', 'fd02::9', '2001:db8::1'].map(parseAddress);

test('chains and rules give one verdict, one mark and the same reports', t => {
	const kinds = new Map<string, number>();
	fc.assert(fc.property(fc.array(arbitrarySentence(), {maxLength: 6}), fc.constantFrom('bound', 'none', 'all'), fc.array(arbitraryPacket(), {minLength: 30, maxLength: 30}), (sentences, isolation, packets) => {
		const plan = perimeterPlan({...setup, isolation, rules: sentences});
		const state = renderPerimeter(plan, plainRouter);
		const ipsets = diffPerimeter(plainRouter, state).create;
		const texts = {4: restoreText([], state.lines[4]), 6: restoreText([], state.lines[6])};
		for (const packet of packets) {
			const {verdict, mark, logged, by} = judge(texts[packet.source.family], ipsets, packet);
			const expected = read(plan, packet);
			assert.deepEqual({verdict, mark, logged}, expected, `${describe(packet)}\n${sentences.join('\n')}\n${by.join(' → ')}`);
			const kind = `${verdict}${mark}${logged.length > 0 ? ' logged' : ''}`;
			kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
		}
	}), {numRuns: 400});
	t.true(['allow0', 'allow1', 'allow3', 'deny0', 'allow0 logged', 'allow1 logged', 'deny0 logged'].every(kind => kinds.has(kind)), JSON.stringify([...kinds]));
});

const one = {source: parseAddress('10.0.1.1'), destination: parseAddress('10.0.2.1')};

const rendered = test.macro<[rules: readonly string[], expected: readonly string[]]>({
	exec(t, rules, expected) {
		const {lines} = renderPerimeter(perimeterPlan({sets, rules}), plainRouter);
		const texts = lines[4].filter(({label}) => label.startsWith('secrule:')).map(({text, rule}) => text.replaceAll(/\.[\da-f]{6}\.1\.4/g, '').replace('-m comment --comment ', '') + (rule === undefined ? '' : ' #'));
		t.deepEqual(texts, expected);
	},
	title: (_, rules) => `lines of: ${rules.join('; ')}`,
});

test(rendered, ['deny sg:web to sg:db tcp dport 80'], ['-A PFW -m set --match-set sg:web src -m set --match-set sg:db dst -p tcp -m tcp --dport 80 "secrule:1" -j DROP #']);
test(rendered, ['deny any to !sg:db udp sport 5-7 dport 1,3-4'], ['-A PFW -m set ! --match-set sg:db dst -p udp -m udp --sport 5:7 -m multiport --dports 1,3:4 "secrule:1" -j DROP #']);
test(rendered, ['deny any to any sctp dport 1,3,5,7,9,11,13,15,17,19,21,23,25,27-28,30'], [
	'-A PFW -p sctp -m multiport --dports 1,3,5,7,9,11,13,15,17,19,21,23,25,27:28 "secrule:1" -j DROP #',
	'-A PFW -p sctp -m multiport --dports 30 "secrule:1" -j DROP #',
]);
test(rendered, ['reject any to any icmp 3/4'], ['-A PFW -p icmp -m icmp --icmp-type 3/4 "secrule:1" -j PFW-REJECT #']);
test(rendered, ['deny any to any icmp |128'], []);
test(rendered, ['allow any to any proto 47 stateless', 'allow any to any proto 0'], [
	'-A PFW -p 47 "secrule:1" -j ACCEPT #',
	'-A PFW -m u32 --u32 "6&0xFF=0x0" -m mark ! --mark 0x10000000/0x10000000 "secrule:2" -j PFW-ALLOW #',
]);
test(rendered, ['deny sg:web to any log'], [
	'-A PFW -m set --match-set sg:web src "secrule:1 match" -j PFW-LOG-1',
	`-A PFW-LOG-1 "secrule:1 log" -j NFLOG --nflog-group ${logGroup} --nflog-prefix "secrule:1" --nflog-threshold 1`,
	'-A PFW-LOG-1 "secrule:1" -j DROP #',
]);
test(rendered, ['allow 10.0.1.1,10.0.1.2 to any stateless rate 5 7'], [
	'-A PFW -s 10.0.1.1 "secrule:1 match" -j PFW-RATE-1',
	'-A PFW -s 10.0.1.2 "secrule:1 match" -j PFW-RATE-1',
	'-A PFW-RATE-1 -m limit --limit 5/second --limit-burst 7 "secrule:1" -j ACCEPT #',
	'-A PFW-RATE-1 "secrule:1 over rate" -j DROP',
]);
test(rendered, ['allow any to any stateless rate 5 7 log'], [
	'-A PFW "secrule:1 match" -j PFW-RATE-1',
	'-A PFW-RATE-1 -m limit --limit 5/second --limit-burst 7 "secrule:1 within rate" -j PFW-LOG-1',
	'-A PFW-RATE-1 "secrule:1 over rate" -j DROP',
	`-A PFW-LOG-1 "secrule:1 log" -j NFLOG --nflog-group ${logGroup} --nflog-prefix "secrule:1" --nflog-threshold 1`,
	'-A PFW-LOG-1 "secrule:1" -j ACCEPT #',
]);

test('no packet of IPv6 has protocol 0, which there is the header before the others', t => {
	const {lines} = renderPerimeter(perimeterPlan({rules: ['deny any to any proto 0', 'deny any to any proto 47']}), plainRouter);
	t.deepEqual(([4, 6] as const).map(family => lines[family].flatMap(({rule}) => rule ?? [])), [[1, 2], [2]]);
});

const answers = test.macro<[packet: Partial<ForwardedPacket>, answer: string | undefined, rule?: string]>({
	exec(t, packet, answer, rule = 'reject any to any') {
		const state = renderPerimeter(perimeterPlan({sets, rules: [rule]}), plainRouter);
		const whole = {...one, ...packet};
		t.is(judge(restoreText([], state.lines[whole.source.family]), diffPerimeter(plainRouter, state).create, whole).answer, answer);
	},
	title: (name, {protocol}) => `what is rejected is answered: ${name ?? ''}, protocol ${protocol ?? 6}`,
});

const six = {source: parseAddress('fd01::1'), destination: parseAddress('fd02::1')};
test('IPv4', answers, {}, 'tcp-reset');
test('IPv4', answers, {protocol: 17}, 'icmp-admin-prohibited');
test('IPv6', answers, {...six}, 'tcp-reset');
test('IPv6', answers, {...six, protocol: 58}, 'icmp6-adm-prohibited');
test('TCP amid a connection', answers, {opens: false}, 'tcp-reset');
test('not of what is denied', answers, {protocol: 17}, undefined, 'deny any to any');

type JudgedPacket = ForwardedPacket & {readonly protocol: number};

function arbitraryPacket(): fc.Arbitrary<JudgedPacket> {
	const port = fc.constantFrom(1, 28, 79, 80, 82, 90, 91, 443);
	return fc.record({
		pair: fc.tuple(fc.constantFrom(...addresses), fc.constantFrom(...addresses)).filter(([source, destination]) => source.family === destination.family),
		protocol: fc.constantFrom(6, 6, 17, 132, 47, 0, 1, 58), sport: port, dport: port,
		icmp: fc.constantFrom<Array<[number, number]>>([8, 0], [128, 0], [3, 1], [3, 0], [1, 4]), opens: fc.constantFrom(true, true, false),
		state: fc.constantFrom('NEW', 'ESTABLISHED', 'RELATED'), direction: fc.constantFrom('ORIGINAL', 'REPLY'), mark: fc.constantFrom(0, 0, 0, 0, madeByPolicy, madeBackwards | madeByPolicy), overRate: fc.constantFrom(false, false, true),
	}).map(({pair: [source, destination], icmp: [icmpType, icmpCode], protocol, sport, dport, ...rest}) => ({
		source, destination, protocol, ...rest,
		...[6, 17, 132].includes(protocol) ? {sport, dport} : {}, ...[1, 58].includes(protocol) ? {icmpType, icmpCode} : {},
	})).filter(({source, protocol}) => source.family === 4 || protocol !== 0);
}

type Reading = {readonly verdict: 'allow' | 'deny'; readonly mark: number; readonly logged: readonly string[]};

/** The rules read one after the other, as POLICY.md says it. */
function read(plan: DevicePlan, packet: JudgedPacket): Reading {
	const {mark = 0, direction, overRate} = packet;
	if ((mark & madeByPolicy) !== 0) {
		return {verdict: 'allow', mark, logged: []};
	}

	const opens = mayOpen(packet);
	const made = {verdict: 'allow', mark: direction === 'REPLY' ? madeByPolicy | madeBackwards : madeByPolicy, logged: []} as const;
	const rule = plan.rules.find(each => matches(plan, each, packet) && (opens || each.action !== 'allow' || !each.stateful));
	if (rule) {
		const logged = rule.log ? [`secrule:${rule.id}`] : [];
		return rule.action !== 'allow' ? {verdict: 'deny', mark, logged} : rule.rate && overRate ? {verdict: 'deny', mark, logged: []} : {...rule.stateful ? made : {verdict: 'allow', mark}, logged};
	}

	const {isolation, bound} = plan.shared;
	const isDenied = isolation === 'all' || (isolation === 'bound' && bound.prefixes.some(prefix => contains(prefix, packet.destination)));
	return isDenied ? {verdict: 'deny', mark, logged: []} : opens ? made : {verdict: 'allow', mark, logged: []};
}

function mayOpen({protocol, opens, state, direction, source}: JudgedPacket): boolean {
	const isIcmp = protocol === (source.family === 4 ? 1 : 58);
	return opens !== false && !(isIcmp && (state === 'RELATED' || direction === 'REPLY'));
}

function matches({shared}: DevicePlan, {from, to, traffic}: FilterRule, packet: JudgedPacket): boolean {
	const holds = (side: Match, address: Address): boolean => {
		switch (side.kind) {
			case 'any':
				return true;
			case 'prefixes':
				return side.prefixes.some(prefix => contains(prefix, address));
			case 'set':
				return (shared.sets.get(side.set)?.prefixes ?? []).some(prefix => contains(prefix, address)) !== side.negated;
		}
	};

	return holds(from, packet.source) && holds(to, packet.destination) && (traffic?.some(one => fits(one, packet)) ?? true);
}

function fits({family, protocol, sport, dport, icmpType, icmpCode}: TrafficMatch, packet: JudgedPacket): boolean {
	const within = (ranges: readonly PortRange[] | undefined, port = -1) => ranges?.some(({first, last}) => first <= port && port <= last) ?? true;
	return packet.source.family === family && packet.protocol === protocol && within(sport, packet.sport) && within(dport, packet.dport)
		&& (icmpType ?? packet.icmpType) === packet.icmpType && (icmpCode ?? packet.icmpCode) === packet.icmpCode;
}

function describe({source, destination, ...rest}: ForwardedPacket): string {
	return `${formatAddress(source)} to ${formatAddress(destination)} ${JSON.stringify(rest)}`;
}
