/** How a perimeter router changes: an element, a set, or everything under new names, and never anything in between. */
import test from 'ava';
import {diffPerimeter, plainRouter, renderPerimeter, restoreText, undoLines, unsupportedByPerimeter} from '../../lib/drivers/iptables-render.ts';
import type {PerimeterState, PerimeterSteps} from '../../lib/drivers/iptables-render.ts';
import {elementLimit, ipsetName} from '../../lib/drivers/perimeter-sets.ts';
import {perimeterPlan} from '../helpers/plans.ts';
import type {Sketch} from '../helpers/plans.ts';

const base = {
	sets: {'sg:db': '10.0.2.1 fd02::1', 'sg:web': '10.0.1.1 fd01::1'},
	bound: '10.0.1.1 10.0.2.1 fd01::1 fd02::1',
	domains: ['10.0.1.0/24 fd01::/64', '10.0.2.0/24 fd02::/64'],
	rules: ['1: allow sg:web to sg:db', '2: deny any to 10.0.2.9'],
} satisfies Sketch;

const installed = renderPerimeter(perimeterPlan(base), plainRouter);
const none: PerimeterSteps = {create: [], change: [], replace: [], destroy: []};

/** How `base` becomes the sketch; hashes and generations of set names are left out. */
const changes = test.macro({
	exec(t, after: Sketch, expected: Partial<PerimeterSteps>) {
		t.deepEqual(plain(diffPerimeter(installed, renderPerimeter(perimeterPlan(after), installed))), {...none, ...expected});
	},
	title: name => `change: ${name ?? ''}`,
});

test('the same again is nothing', changes, base, {});
test('one element of one set is one line', changes, {...base, sets: {...base.sets, 'sg:web': '10.0.1.1 10.0.1.2 fd01::1'}}, {change: ['add sg:web.4 10.0.1.2']});
test('one element less is one line', changes, {...base, sets: {...base.sets, 'sg:web': 'fd01::1'}}, {change: ['del sg:web.4 10.0.1.1']});
test('one element in each family is one line each', changes, {...base, sets: {...base.sets, 'sg:web': '10.0.1.1 10.0.1.2 fd01::1 fd01::2'}}, {change: ['add sg:web.4 10.0.1.2', 'add sg:web.6 fd01::2']});
test('several elements of one set are swapped in', changes, {...base, sets: {...base.sets, 'sg:web': '10.0.1.7 10.0.1.8 fd01::1'}}, {
	change: ['create -exist sg:web._.4 hash:net family inet maxelem 1048576', 'flush sg:web._.4', 'add sg:web._.4 10.0.1.7', 'add sg:web._.4 10.0.1.8', 'swap sg:web._.4 sg:web.4', 'destroy sg:web._.4'],
});
test('a newly bound host: first the rules may match it, then its default is deny', changes,
	{...base, sets: {...base.sets, 'sg:web': '10.0.1.1 10.0.1.2 fd01::1'}, bound: `10.0.1.2 ${base.bound}`},
	{change: ['add sg:web.4 10.0.1.2', 'add bound.4 10.0.1.2']});
test('a host that leaves its last group: the same backwards', changes,
	{...base, sets: {...base.sets, 'sg:web': 'fd01::1'}, bound: '10.0.2.1 fd01::1 fd02::1'},
	{change: ['del bound.4 10.0.1.1', 'del sg:web.4 10.0.1.1']});
test('a host that moves from one group to another: both sets under new names, in one transaction', changes, {...base, sets: {'sg:db': '10.0.1.1 10.0.2.1 fd02::1', 'sg:web': 'fd01::1'}}, {
	create: ['create -exist sg:db.4 hash:net family inet maxelem 1048576', 'flush sg:db.4', 'add sg:db.4 10.0.1.1', 'add sg:db.4 10.0.2.1', 'create -exist sg:db.6 hash:net family inet6 maxelem 1048576', 'flush sg:db.6', 'add sg:db.6 fd02::1',
		'create -exist sg:web.4 hash:net family inet maxelem 1048576', 'flush sg:web.4', 'create -exist sg:web.6 hash:net family inet6 maxelem 1048576', 'flush sg:web.6', 'add sg:web.6 fd01::1'],
	replace: [4, 6],
	destroy: ['destroy sg:db.4', 'destroy sg:db.6', 'destroy sg:web.4', 'destroy sg:web.6'],
});
const negated = {...base, rules: ['1: deny any to !sg:web', '2: allow any to sg:db']} satisfies Sketch;
const bothWays = {...base, rules: ['1: deny any to !sg:web', '2: allow sg:web to any']} satisfies Sketch;

/** What has to happen when a host joins `sg:web` with its first `bind`, and when it leaves it. */
const bindings = test.macro({
	exec(t, policy: Sketch, join: string[] | 'new names', leave: string[] | 'new names') {
		const outside = renderPerimeter(perimeterPlan(policy), plainRouter);
		const inside = renderPerimeter(perimeterPlan({...policy, sets: {...base.sets, 'sg:web': '10.0.1.1 10.0.1.2 fd01::1'}, bound: `10.0.1.2 ${base.bound}`}), outside);
		const back = renderPerimeter(perimeterPlan(policy), inside);
		for (const [before, after, expected] of [[outside, inside, join], [inside, back, leave]] as const) {
			const {change, replace} = plain(diffPerimeter(before, after));
			t.deepEqual(replace.length > 0 ? 'new names' : change, expected);
		}
	},
	title: name => `a set and the bound hosts: ${name ?? ''}`,
});

test('rules that say not match fewer packets when it grows: the bound hosts first', bindings, negated,
	['add bound.4 10.0.1.2', 'add sg:web.4 10.0.1.2'], ['del sg:web.4 10.0.1.2', 'del bound.4 10.0.1.2']);
test('named both ways: under new names', bindings, bothWays, 'new names', 'new names');
test('named by no rule of this router', bindings, {...base, rules: ['2: allow any to sg:db']},
	['add sg:web.4 10.0.1.2', 'add bound.4 10.0.1.2'], ['del bound.4 10.0.1.2', 'del sg:web.4 10.0.1.2']);
test('a set and the bound hosts: a group and a list that holds it: under new names', t => {
	const policy = (web: string, bound: string): Sketch => ({...base, bound, sets: {'sg:web': web, 'peers:web-or-db': `${web} 10.0.2.1`}, rules: ['1: allow sg:web to peers:web-or-db']});
	const before = renderPerimeter(perimeterPlan(policy('10.0.1.1', '10.0.1.1')), plainRouter);
	t.deepEqual(renamed(before, renderPerimeter(perimeterPlan(policy('10.0.1.1 10.0.1.2', '10.0.1.1')), before)), ['sg:web', 'peers:web-or-db']);
	t.deepEqual(renamed(before, renderPerimeter(perimeterPlan(policy('10.0.1.1 10.0.1.2', '10.0.1.1 10.0.1.2')), before)), ['sg:web', 'peers:web-or-db', 'bound']);
});

test('no generation has the name of the set that a change is prepared in', t => {
	for (let generation = 1; generation < 40; generation++) {
		const before = renderPerimeter(perimeterPlan(base), {...plainRouter, generation: generation - 1});
		const {change} = diffPerimeter(before, renderPerimeter(perimeterPlan({...base, sets: {...base.sets, 'sg:web': '10.0.1.7 10.0.1.8'}}), before));
		const [, a, b] = /^swap (\S+) (\S+)$/m.exec(change.join('\n')) ?? [];
		t.truthy(a);
		t.not(a, b);
	}
});

test('the way back of a change in place fills every set that it names with what was there', t => {
	const next = renderPerimeter(perimeterPlan({...base, sets: {...base.sets, 'sg:web': '10.0.1.1 10.0.1.2 fd01::1'}}), installed);
	t.deepEqual(strip(undoLines(installed, next)), [
		'create -exist sg:web._.4 hash:net family inet maxelem 1048576', 'flush sg:web._.4', 'add sg:web._.4 10.0.1.1', 'swap sg:web._.4 sg:web.4', 'destroy sg:web._.4',
		'create -exist sg:web._.6 hash:net family inet6 maxelem 1048576', 'flush sg:web._.6', 'add sg:web._.6 fd01::1', 'swap sg:web._.6 sg:web.6', 'destroy sg:web._.6',
	]);
	t.deepEqual(undoLines(installed, installed), []);
});

test('a rule of one family leaves the other alone', changes, {...base, rules: base.rules.slice(0, 1)}, {replace: [4]});
test('a rule more needs no new sets', changes, {...base, rules: [...base.rules, '3: allow any to any']}, {replace: [4, 6]});

test('a change of set and rule gives the set a new name and leaves the others theirs', t => {
	const next = renderPerimeter(perimeterPlan({...base, sets: {...base.sets, 'sg:web': '10.0.1.2'}, rules: base.rules.slice(1)}), installed);
	t.deepEqual(renamed(installed, next), ['sg:web']);
	const later = renderPerimeter(perimeterPlan({...base, rules: []}), next);
	t.deepEqual(renamed(next, later), ['sg:web']);
	t.not(later.sets.get('sg:web')?.generation, installed.sets.get('sg:web')?.generation);
});

test('taking the chains away leaves the router as it was', t => {
	const {replace, destroy} = diffPerimeter(installed, plainRouter);
	t.deepEqual(replace, [4, 6]);
	t.is(destroy.length, 2 * installed.sets.size);
	t.is(restoreText(installed.lines[4], []), `${['*filter', ':PFW - [0:0]', ':PFW-ISOLATION - [0:0]', ':PFW-ALLOW - [0:0]', ':PFW-REJECT - [0:0]', ':FORWARD ACCEPT [0:0]', '-D FORWARD -j PFW', '-D FORWARD -j DROP', '-X PFW', '-X PFW-ISOLATION', '-X PFW-ALLOW', '-X PFW-REJECT', 'COMMIT'].join('\n')}\n`);
});

test('names of ipsets are short enough for the kernel and differ for sets that begin alike', t => {
	const names = ['sg:a-very-long-name-of-a-group', 'sg:a-very-long-name-of-a-grouch'].map(name => ipsetName({name, generation: 60_000}, 4));
	t.true(names.every(name => name.length <= 31));
	t.is(new Set(names).size, 2);
	t.regex(ipsetName({name: 'peers:(web, 10.0.0.0/8)', generation: 1}, 4), /^[\w:.-]+$/);
});

test('says what an ipset cannot hold', t => {
	const prefix = {family: 4, value: 0n, length: 32} as const;
	const plan = perimeterPlan(base);
	const huge = {name: 'ipg:huge', prefixes: Array.from({length: elementLimit}, () => prefix)};
	t.deepEqual(unsupportedByPerimeter({...plan, shared: {...plan.shared, sets: new Map([['ipg:huge', huge]])}}), ['an ipset holds less than 1048576 elements, ipg:huge has 1048576']);
	t.deepEqual(unsupportedByPerimeter(plan), []);
});

function plain({create, change, replace, destroy}: PerimeterSteps): PerimeterSteps {
	return {create: strip(create), change: strip(change), replace, destroy: strip(destroy)};
}

function strip(lines: readonly string[]): string[] {
	return lines.map(line => line.replaceAll(/\.[\da-f]{6}(?:\.[\da-z]+)?(?=[._]*\.[46])/g, ''));
}

function renamed(previous: PerimeterState, next: PerimeterState): string[] {
	return [...next.sets.values()].filter(({name, generation}) => previous.sets.get(name)?.generation !== generation).map(({name}) => name);
}
