import {isDeepStrictEqual} from 'node:util';
import test from 'ava';
import fc from 'fast-check';
import {compile} from '../../lib/policy/compile.ts';
import {type Packet, evaluator} from '../../lib/policy/evaluate.ts';
import type {Compiled, DevicePlan, Match} from '../../lib/policy/filter-rule.ts';
import {type Inventory, inventoryOf} from '../../lib/policy/inventory.ts';
import type {Action, Policy} from '../../lib/policy/model.ts';
import {parseMember} from '../../lib/policy/member.ts';
import {addIpg, addRule, bind, deleteRules, unbind} from '../../lib/policy/repository.ts';
import {type Address, contains, formatAddress, formatPrefix, sameAddress} from '../../lib/util/address.ts';
import {arbitraryScenario, crosses, policyOf} from '../helpers/arbitrary-policy.ts';
import {type SketchOptions, secureNet, sketch} from '../helpers/blueprints.ts';
import {spent} from '../helpers/clock.ts';

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

test('what did not change is the same object in the next result', t => {
	const blueprint = sketch(secureNet);
	const inventory = inventoryOf(blueprint);
	const before = policyOf(['h10 bind a', 'h20 bind b', 'ipg add lan 10.0.0.0/16', 'secrule add allow a to b', 'secrule add deny h10 to lan'], blueprint);
	const after = addRule(bind(before, blueprint.nodes, 'h11', ['a']), {action: 'allow', from: {kind: 'any'}, to: {kind: 'group', name: 'a'}});
	const [old, next] = [compile(before, inventory), compile(after, inventory)];
	t.is(next.shared.sets.get('sg:b'), old.shared.sets.get('sg:b'));
	t.is(next.shared.sets.get('ipg:lan'), old.shared.sets.get('ipg:lan'));
	t.not(next.shared.sets.get('sg:a'), old.shared.sets.get('sg:a'));
	const rules = (plan: Compiled): DevicePlan['rules'] => plan.devices.get('fw')?.rules ?? [];
	t.is(rules(next)[0], rules(old)[0]);
	t.is(rules(next).length, 3);
	const guarded = (plan: Compiled): DevicePlan['guarded'] => plan.devices.get('s1')?.guarded ?? [];
	t.is(guarded(next)[0], guarded(old)[0]);
	t.not(guarded(next)[1], guarded(old)[1]);
	t.is(compile(addRule(before, {action: 'allow', from: {kind: 'any'}, to: {kind: 'any'}}), inventory).shared.bound, old.shared.bound);
	t.deepEqual(compile(before, inventory), old);
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

test('what was remembered of earlier policies never shows in a result', t => {
	fc.assert(fc.property(arbitraryScenario(), fc.array(fc.nat(), {minLength: 1, maxLength: 6}), ({policy, inventory, blueprint}, moves) => {
		let current = policy;
		for (const move of moves) {
			current = edit(current, blueprint.nodes, move);
			t.true(isDeepStrictEqual(compile(current, inventory), compile(current, {...inventory})));
		}
	}), {numRuns: 100});
});

test('on every device that a pair can cross, the plan has the verdict of the model', t => {
	fc.assert(fc.property(arbitraryScenario(), ({policy, inventory, packets, network, lines}) => {
		const {devices} = compile(policy, inventory);
		const evaluate = evaluator(policy, inventory);
		for (const packet of packets) {
			const verdict = evaluate(packet).action;
			for (const plan of [...devices.values()].filter(({device}) => mayCross(inventory, device, packet))) {
				if (planVerdict(plan, packet) !== verdict) {
					t.fail(`${plan.device}: ${formatAddress(packet.source)} > ${formatAddress(packet.destination)}\n${network}\n${lines.join('\n')}`);
				}
			}
		}
	}), {numRuns: 200});
	t.pass();
});

test('1,000 rules, 100 groups, 1,000 hosts, 20 switches; then one change of 200 rules and 500 members', t => {
	const switches = Array.from({length: 20}, (_, index) => `s${index + 1}`);
	const blueprint = sketch([
		...Array.from({length: 1000}, (_, index) => `h${index + 1} -- s${index % 20 + 1}`),
		...switches.slice(1).map(name => `s1 -- ${name}`),
	].join('\n'));
	const inventory = inventoryOf(blueprint);
	const policyWith = (members: number, groups: number, rules: number): Policy => policyOf([
		...Array.from({length: members}, (_, index) => `h${index + 1} bind g${index % groups}`),
		...Array.from({length: rules}, (_, index) => `secrule add ${index % 5 === 0 ? 'deny' : 'allow'} g${index % groups} to g${index * 7 % groups}`),
	], blueprint);
	const large = policyWith(1000, 100, 1000);
	t.true(spent(() => compile(large, {...inventory})) < 5 * 150);
	const small = policyWith(500, 20, 200);
	compile(small, inventory);
	let next = 501;
	t.true(spent(() => compile(bind(small, blueprint.nodes, `h${next++}`, ['g0']), inventory)) < 5 * 10);
});

function text(match: Match): string {
	return match.kind === 'any' ? 'any' : match.kind === 'set' ? match.set : match.prefixes.map(formatPrefix).join(' ');
}

function edit(policy: Policy, nodes: Parameters<typeof bind>[1], move: number): Policy {
	const hosts = [...nodes].filter(([, {kind}]) => kind === 'host').map(([name]) => name);
	const host = hosts[move % hosts.length] ?? '';
	switch (move % 4) {
		case 0:
			return bind(policy, nodes, host, ['blue']);
		case 1:
			return policy.groups.get('blue')?.has(host) ? unbind(policy, nodes, host, ['blue']) : policy;
		case 2:
			return addIpg(policy, nodes, 'inner', [parseMember({text: `!10.0.1.${move % 256}`, column: 1, quoted: false})]);
		default:
			return policy.rules[0] ? deleteRules(policy, [policy.rules[0].id]) : policy;
	}
}

/** Addresses that no host has can be met anywhere. */
function mayCross(inventory: Inventory, device: string, {source, destination}: Packet): boolean {
	const ownerOf = (address: Address): string | undefined => [...inventory.hosts.values()].find(({addresses}) => addresses.some(own => sameAddress(own, address)))?.name;
	const [from, to] = [ownerOf(source), ownerOf(destination)];
	return from === undefined || to === undefined || crosses(inventory, device, from, to);
}

/** What a device that renders its plan to the letter decides. */
function planVerdict({rules, shared}: DevicePlan, {source, destination}: Packet): Action {
	const isIn = (match: Match, address: Address): boolean => {
		const prefixes = match.kind === 'set' ? shared.sets.get(match.set)?.prefixes : match.kind === 'prefixes' ? match.prefixes : undefined;
		return match.kind === 'any' || (prefixes?.some(prefix => contains(prefix, address)) ?? false);
	};

	if (shared.routers.prefixes.some(prefix => contains(prefix, destination))) {
		return 'allow';
	}

	const rule = rules.find(({from, to}) => isIn(from, source) && isIn(to, destination));
	if (rule) {
		return rule.action;
	}

	const [a, b] = [source, destination].map(address => shared.domains.find(({subnets}) => subnets.some(subnet => contains(subnet, address))));
	if (a?.id !== b?.id && ((a !== undefined && b !== undefined) || [a, b].some(domain => domain?.perimeter))) {
		return 'deny';
	}

	const isBound = shared.bound.prefixes.some(prefix => contains(prefix, destination));
	return shared.isolation === 'all' || (shared.isolation === 'bound' && isBound) ? 'deny' : 'allow';
}
