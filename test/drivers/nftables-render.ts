/** How a table changes: an element, or all rules at once, and never what is the same. */
import test from 'ava';
import {nftCommands, plainTable, renderNftables} from '../../lib/drivers/nftables-render.ts';
import {perimeterPlan} from '../helpers/plans.ts';
import type {Sketch} from '../helpers/plans.ts';

const base = {
	sets: {'sg:db': '10.0.2.1 fd02::1', 'sg:web': '10.0.1.1 fd01::1'},
	bound: '10.0.1.1 10.0.2.1 fd01::1 fd02::1',
	domains: ['10.0.1.0/24 fd01::/64', '10.0.2.0/24 fd02::/64'],
	rules: ['1: allow sg:web to sg:db', '2: deny any to 10.0.2.9'],
} satisfies Sketch;

const installed = renderNftables(perimeterPlan(base));

/** How `base` becomes the sketch; hashes of set names are left out. Rules are told apart from the rest by the end of this list. */
const changes = test.macro<[after: Sketch, expected: readonly string[]]>({
	exec(t, after, expected) {
		t.deepEqual(plain(nftCommands(installed, renderNftables(perimeterPlan(after), installed))), expected);
	},
	title: name => `change: ${name ?? ''}`,
});

test('the same again is nothing', changes, base, []);
test('one element of one set is one line', changes, {...base, sets: {...base.sets, 'sg:web': '10.0.1.1 10.0.1.2 fd01::1'}}, ['add element sg-web.4 { 10.0.1.2 }']);
test('one element less', changes, {...base, sets: {...base.sets, 'sg:web': 'fd01::1'}}, ['delete element sg-web.4 { 10.0.1.1 }']);
test('several sets get new names, and the chains that name them name the new ones: a packet under way sees the old ones whole', t => {
	const after = {...base, sets: {'sg:db': '10.0.2.0/24 fd02::1', 'sg:web': '10.0.1.7 10.0.1.8'}, bound: '10.0.1.1'};
	const next = renderNftables(perimeterPlan(after), installed);
	const commands = plain(nftCommands(installed, next));
	t.deepEqual(commands.filter(line => /^(add|delete) element /.test(line)), [
		'add element sg-db.4.2 { 10.0.2.0/24 }', 'add element sg-db.6.2 { fd02::1 }', 'add element sg-web.4.2 { 10.0.1.7, 10.0.1.8 }', 'add element bound.4.2 { 10.0.1.1 }',
	]);
	t.deepEqual(commands.filter(line => line.startsWith('delete set ')), ['sg-db.4', 'sg-db.6', 'sg-web.4', 'sg-web.6', 'bound.4', 'bound.6'].map(name => `delete set ${name}`));
	t.true(commands.some(line => line.includes('ip saddr @sg-web.4.2 ip daddr @sg-db.4.2 ')));
	t.false(commands.some(line => /@(sg-web|sg-db|bound)\.[46] /.test(line)));
	t.deepEqual(nftCommands(next, renderNftables(perimeterPlan(after), next)), []);
});

test('one set in which some come for others gets a new name too', t => {
	const next = renderNftables(perimeterPlan({...base, sets: {...base.sets, 'sg:web': '10.0.1.2 fd01::1'}}), installed);
	t.true(plain(nftCommands(installed, next)).includes('add element sg-web.4.2 { 10.0.1.2 }'));
});

test('another set of rules: objects that are new, sets, all chains anew, objects that are gone', t => {
	const next = renderNftables(perimeterPlan({...base, sets: {'sg:db': '10.0.2.1 fd02::1'}, rules: ['2: deny any to 10.0.2.9', '3: allow any to sg:db log rate 5 9']}));
	const commands = plain(nftCommands(installed, next));
	t.deepEqual(commands.filter(line => !/^(add rule|add chain|flush chain) /.test(line)), [
		'add counter secrule-3-match', 'add counter secrule-3-within-rate', 'add limit secrule-3.5.9 { rate 5/second burst 9 packets ; }',
		'add counter secrule-3-over-rate', 'add counter secrule-3-log', 'add counter secrule-3',
		'delete counter secrule-1', 'delete set sg-web.4', 'delete set sg-web.6',
	]);
	const order = commands.map(line => line.split(' ').slice(0, 2).join(' ')).filter((verb, index, all) => verb !== all[index - 1]);
	t.deepEqual(order, ['add counter', 'add limit', 'add counter', 'add chain', 'flush chain', 'add rule', 'delete counter', 'delete set']);
	const back = plain(nftCommands(next, installed));
	t.true(back.indexOf('delete chain PFW-RATE-3.4') > back.findLastIndex(line => line.startsWith('add rule')));
	t.true(back.includes('delete limit secrule-3.5.9'));
});

test('a rate with other numbers is another limit', t => {
	const rate = (numbers: string) => renderNftables(perimeterPlan({...base, rules: [`1: allow any to any rate ${numbers}`]}));
	const commands = plain(nftCommands(rate('5 9'), rate('5 10')));
	t.deepEqual(commands.filter(line => line.includes(' limit secrule')), ['add limit secrule-1.5.10 { rate 5/second burst 10 packets ; }', 'delete limit secrule-1.5.9']);
});

test('the way back deletes the table, and from nothing to nothing there is no way', t => {
	t.deepEqual(nftCommands(installed, plainTable), ['delete table inet securenet']);
	t.deepEqual(nftCommands(plainTable, plainTable), []);
});

test('prefixes that lie in each other are one list without overlaps', t => {
	const {lines} = renderNftables(perimeterPlan({rules: ['1: deny 10.0.0.0/8,10.1.0.0/16,192.0.2.1 to any', '2: deny 0.0.0.0/0,10.0.0.1 to any']}));
	t.deepEqual(lines.filter(({rule}) => rule !== undefined).map(({text}) => text.replace(/ comment.*/, '')), ['ip saddr { 10.0.0.0/8, 192.0.2.1 } counter name "secrule-1" drop', 'counter name "secrule-2" drop']);
});

function plain(commands: readonly string[]): string[] {
	return commands.map(line => line.replace('inet securenet ', '').replaceAll(/\.[\da-f]{6}(?=\.[46])/g, ''));
}
