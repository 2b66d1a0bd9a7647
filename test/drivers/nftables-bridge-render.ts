/** How the tables of a bridge change: what a packet under way looks up is of one policy. */
import test from 'ava';
import {type BridgeState, bridgeCommands, renderBridge} from '../../lib/drivers/nftables-bridge-render.ts';
import {type Sketch, switchPlan} from '../helpers/plans.ts';

const base = {
	sets: {'sg:db': '10.0.0.2 fd00::2', 'sg:web': '10.0.0.1 fd00::1', 'ipg:far': '10.9.0.0/16'},
	bound: '10.0.0.1 10.0.0.2 fd00::1 fd00::2',
	domains: ['open:10.0.0.0/24 fd00::/64'],
	rules: ['1: allow sg:web to sg:db', '2: deny ipg:far to sg:db'],
	hosts: ['10.0.0.1 fd00::1 bound', '10.0.0.2 fd00::2 bound', '10.0.0.3 fd00::3'],
	ports: [1, 2, 3],
} satisfies Sketch;
const installed = renderBridge(switchPlan(base));

/** Hashes of set names are left out. */
const plain = (commands: readonly string[]) => commands.map(line => line.replaceAll(/\.[\da-f]{6}(?=\.[46])/g, ''));
const elements = (commands: readonly string[]) => plain(commands).filter(line => / element /.test(line)).map(line => line.replace(' bridge securenet-s1', ''));

function change(after: Sketch, from: BridgeState = installed): [BridgeState, string[]] {
	const next = renderBridge(switchPlan(after), from);
	return [next, bridgeCommands(from, next)];
}

test('the same again is nothing', t => {
	t.deepEqual(change(base)[1], []);
});

test('a set that grows or shrinks keeps its name, and no rule is touched', t => {
	const [grown, commands] = change({...base, sets: {...base.sets, 'ipg:far': '10.9.0.0/16 10.8.0.0/16'}});
	t.deepEqual([elements(commands), commands.length], [['add element ipg-far.4 { 10.8.0.0/16 }'], 1]);
	t.deepEqual(elements(change(base, grown)[1]), ['delete element ipg-far.4 { 10.8.0.0/16 }']);
});

test('a set that changes for rules elsewhere changes nothing here', t => {
	const sets = {...base.sets, 'sg:app': '10.0.5.5'};
	const [next] = change({...base, sets});
	t.deepEqual(change({...base, sets: {...sets, 'sg:app': '10.0.5.6', 'ipg:far': '10.9.0.0/16 10.8.0.0/16'}}, next)[1].length, 1);
});

test('several sets get new names, by which rules name them in the same transaction', t => {
	const [next, commands] = change({...base, sets: {...base.sets, 'sg:web': 'fd00::1', 'sg:db': '10.0.0.1 10.0.0.2 fd00::2'}});
	t.deepEqual(elements(commands), [
		'add element sg-db.4.2 { 10.0.0.1, 10.0.0.2 }', 'add element to-sg-db.4.2 { "s1-eth1", "s1-eth2" }',
		'add element sg-web.6.2 { fd00::1 }', 'add element sg-db.6.2 { fd00::2 }', 'add element to-sg-db.6.2 { "s1-eth2" }',
	]);
	t.false(next.policy.some(({text}) => /@(?:to-)?sg-(?:web|db)\.[\da-f]{6}\.[46] /.test(text)));
	t.true(next.policy.some(({text}) => /ip saddr @sg-web\.[\da-f]{6}\.4\.2 ip daddr @sg-db\.[\da-f]{6}\.4\.2 /.test(text)));
	t.true(next.policy.some(({text}) => /@to-sg-db\.[\da-f]{6}\.4\.2 /.test(text)));
	t.deepEqual(bridgeCommands(next, renderBridge(switchPlan({...base, sets: {...base.sets, 'sg:web': 'fd00::1', 'sg:db': '10.0.0.1 10.0.0.2 fd00::2'}}), next)), []);
});

test('one set in which some come for others, or that changes with the rules, gets a new name too', t => {
	const other = {...base, sets: {...base.sets, 'ipg:far': '10.8.0.0/16'}};
	t.deepEqual(elements(change(other)[1]), ['add element ipg-far.4.2 { 10.8.0.0/16 }']);
	const grown = {...base, sets: {...base.sets, 'ipg:far': '10.9.0.0/16 10.8.0.0/16'}, rules: ['2: deny ipg:far to sg:db', '1: allow sg:web to sg:db']};
	t.deepEqual(elements(change(grown)[1]), ['add element ipg-far.4.2 { 10.8.0.0/16, 10.9.0.0/16 }']);
});

test('no line names a set that is not there, and none that is there is named by nobody', t => {
	const [next] = change({...base, sets: {...base.sets, 'sg:web': '10.0.0.3'}, bound: '10.0.0.2 10.0.0.3', hosts: ['10.0.0.1 fd00::1', '10.0.0.2 fd00::2 bound', '10.0.0.3 fd00::3 bound']});
	const named = new Set(next.frames.lines.flatMap(({text}) => [...text.matchAll(/@([\w.:-]+)/g)].map(([, name]) => name ?? '')).filter(name => !/^(?:th|nh|ll)\b/.test(name)));
	t.deepEqual([...named].sort(), [...next.frames.sets.keys()].sort());
});
