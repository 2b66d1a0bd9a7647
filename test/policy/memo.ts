/** What is compiled again: only what a change touches. Everything else is the very same object. */
import {isDeepStrictEqual} from 'node:util';
import test from 'ava';
import fc from 'fast-check';
import {compile} from '../../lib/policy/compile.ts';
import type {Compiled, DevicePlan} from '../../lib/policy/filter-rule.ts';
import {inventoryOf} from '../../lib/policy/inventory.ts';
import type {Policy} from '../../lib/policy/model.ts';
import {parseMember} from '../../lib/policy/member.ts';
import {addIpg, addRule, addService, bind, deleteRules, moveRule, unbind} from '../../lib/policy/repository.ts';
import {arbitraryScenario, policyOf} from '../helpers/arbitrary-policy.ts';
import {secureNet, sketch} from '../helpers/blueprints.ts';
import {spent} from '../helpers/clock.ts';

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

test('one host comes for another: as many are bound, and others', t => {
	const blueprint = sketch('h1 10.0.0.1/24 -- s1\nh2 10.0.0.2/24 -- s1\nh3 10.0.1.3/24 -- s2\ns1 -- s2');
	const inventory = inventoryOf(blueprint);
	const before = policyOf(['h1 bind a', 'h3 bind a'], blueprint);
	const after = unbind(bind(before, blueprint.nodes, 'h2', ['a']), blueprint.nodes, 'h1', ['a']);
	const [old, next] = [compile(before, inventory), compile(after, inventory)];
	t.deepEqual(next, compile(after, {...inventory}));
	t.is(next.devices.get('s2')?.guarded, old.devices.get('s2')?.guarded);
	t.not(next.devices.get('s1')?.guarded, old.devices.get('s1')?.guarded);
});

test('a list of peers changes with its members, and only when an address comes or goes', t => {
	const blueprint = sketch('h1 10.0.0.1/24 -- s1\nh2 10.0.0.2/24 -- s1\nh3 10.0.1.3/24 -- s1');
	const inventory = inventoryOf(blueprint);
	const before = policyOf(['sg add web', 'secrule add allow (web, 10.0.1.0/24) to any', 'secrule add deny not (web, 10.0.1.0/24) to h1', 'secrule add allow any to h2'], blueprint);
	const [covered, joined] = ['h3', 'h1'].map(host => bind(before, blueprint.nodes, host, ['web']));
	const setOf = (policy = before) => compile(policy, inventory).shared.sets.get('peers:(web, 10.0.1.0/24)');
	const old = setOf();
	t.is(old?.prefixes.length, 1);
	t.is(setOf(covered), old);
	t.is(setOf(joined)?.prefixes.length, 2);
	t.is(setOf(deleteRules(joined ?? before, [1])), setOf(joined));
	t.is(setOf(deleteRules(before, [1]))?.prefixes.length, 1);
});

test('a service that changes changes the rules that name it, and no other', t => {
	const blueprint = sketch('h1 -- s1\nh2 -- s1');
	const inventory = inventoryOf(blueprint);
	const before = policyOf(['secrule service add web tcp/80', 'secrule service add dns udp/53', 'secrule add allow h1 to h2 service web', 'secrule add allow h1 to h2 service dns', 'secrule add allow h2 to h1'], blueprint);
	const after = addService(before, blueprint.nodes, 'web', [{protocol: 'tcp', dport: [{first: 443, last: 443}]}]);
	const [old, next] = [before, after].map(policy => compile(policy, inventory).devices.get('s1')?.rules ?? []);
	t.deepEqual(old?.map((rule, index) => rule === next?.[index]), [false, true, true]);
	t.deepEqual(next?.[0]?.traffic?.map(({dport}) => dport?.map(({first}) => first)), [[80, 443], [80, 443]]);
});

test('what was remembered of earlier policies never shows in a result, and what is equal is the same object', t => {
	fc.assert(fc.property(arbitraryScenario({packets: 1}), fc.array(fc.nat(), {minLength: 1, maxLength: 6}), ({policy, inventory, blueprint}, moves) => {
		let current = policy;
		let last = compile(current, inventory);
		for (const move of moves) {
			current = edit(current, blueprint.nodes, move);
			const next = compile(current, inventory);
			t.true(isDeepStrictEqual(next, compile(current, {...inventory})));
			t.deepEqual(equalButNotSame(last, next), []);
			last = next;
		}
	}), {numRuns: 100});
});

test('1,000 rules, 100 groups, 1,000 hosts, 20 switches; then a member more, and a rule more', t => {
	const switches = Array.from({length: 20}, (_, index) => `s${index + 1}`);
	const blueprint = sketch([
		...Array.from({length: 1000}, (_, index) => `h${index + 1} -- s${index % 20 + 1}`),
		...switches.slice(1).map(name => `s1 -- ${name}`),
	].join('\n'));
	const inventory = inventoryOf(blueprint);
	let policy = policyOf([
		...Array.from({length: 500}, (_, index) => `h${index + 1} bind g${index % 100}`),
		...Array.from({length: 1000}, (_, index) => `secrule add ${index % 5 === 0 ? 'deny' : 'allow'} g${index % 100} to g${index * 7 % 100}${index % 3 === 0 ? ` tcp dport ${index + 1}` : ''}`),
	], blueprint);
	t.true(spent(() => compile(policy, {...inventory})) < 5 * 150);
	let next = 501;
	const memberMore = (): void => {
		policy = bind(policy, blueprint.nodes, `h${next++}`, ['g0']);
		compile(policy, inventory);
	};

	const ruleMore = (): void => {
		policy = addRule(policy, {action: 'allow', from: {kind: 'group', name: 'g0'}, to: {kind: 'group', name: `g${policy.nextId % 100}`}, prio: 500});
		compile(policy, inventory);
	};

	// Translating the compiler itself takes longer than its work.
	for (let round = 0; round < 20; round++) {
		memberMore();
		ruleMore();
	}

	t.true(spent(memberMore) < 5 * 3);
	t.true(spent(ruleMore) < 5 * 5);
});

function edit(policy: Policy, nodes: Parameters<typeof bind>[1], move: number): Policy {
	const hosts = [...nodes].filter(([, {kind}]) => kind === 'host').map(([name]) => name);
	const host = hosts[move % hosts.length] ?? '';
	const rule = policy.rules[move % policy.rules.length];
	const other = policy.rules[(move >> 3) % policy.rules.length];
	switch (move % 8) {
		case 0:
			return bind(policy, nodes, host, ['blue']);
		case 1:
			return policy.groups.get('blue')?.has(host) ? unbind(policy, nodes, host, ['blue']) : policy;
		case 2:
			return addIpg(policy, nodes, 'inner', [parseMember({text: `!10.0.1.${move % 256}`, column: 1, quoted: false})]);
		case 3:
			return addService(policy, nodes, 'web', [{protocol: 'tcp', dport: [{first: move % 100, last: move % 1000 + 100}]}]);
		case 4:
			return rule && other && rule !== other ? moveRule(policy, rule.id, {side: 'before', rule: other.id}) : policy;
		case 5:
			return rule ? addRule(policy, {action: 'deny', from: {kind: 'not', peer: rule.to}, to: {kind: 'list', peers: [rule.from, rule.to]}}) : policy;
		case 6:
			return {...policy, groups: new Map(policy.groups)};
		default:
			return rule ? deleteRules(policy, [rule.id]) : policy;
	}
}

/** Parts of the second result that are equal to the same part of the first and not the very same object. */
function equalButNotSame(a: Compiled, b: Compiled): string[] {
	return [...partsOf(b)].filter(([name, part]) => {
		const before = partsOf(a).get(name);
		return part !== before && isDeepStrictEqual(part, before);
	}).map(([name]) => name);
}

function partsOf({shared, devices}: Compiled): Map<string, unknown> {
	const plans = [...devices.values()];
	return new Map<string, unknown>([
		['shared', shared],
		['bound', shared.bound],
		...[...shared.sets].map(([name, set]) => [`set ${name}`, set] as const),
		...plans.flatMap(plan => [[plan.device, plan], [`${plan.device} rules`, plan.rules], [`${plan.device} guarded`, plan.guarded]] as const),
		...plans.flatMap(({device, rules}) => rules.map(rule => [`${device} rule ${rule.id}`, rule] as const)),
		...plans.flatMap(({device, guarded}) => guarded.map(port => [`${device} port ${port.port}`, port] as const)),
	]);
}
