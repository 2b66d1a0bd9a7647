/** Which firewalls on the way of an answer know nothing of its request. */
import test from 'ava';
import type {Point} from '../../lib/policy/fates.ts';
import {unawareOf} from '../../lib/policy/strays.ts';
import type {Blueprint, InterfacePlan, NodePlan} from '../../lib/topology/blueprint.ts';

function points(...names: readonly string[]): Point[] {
	return names.map(name => ({hop: {node: {name} as NodePlan, ttl: 64}, kind: name.startsWith('s') ? 'switch' : 'perimeter', fate: 'passes'}));
}

function links(...pairs: ReadonlyArray<readonly [string, string]>): Pick<Blueprint, 'links'> {
	const end = (node: string) => ({node}) as InterfacePlan;
	return {links: pairs.map(([a, b]) => ({ends: [end(a), end(b)], stateSync: true}))};
}

test('the way back over the same firewalls is known to all', t => {
	t.deepEqual(unawareOf(points('fw1', 'fw2'), points('fw2', 'fw1'), links()), []);
});

test('a firewall that only the answer comes by knows nothing', t => {
	t.deepEqual(unawareOf(points('fw1'), points('fw3', 'fw2'), links()), ['fw3', 'fw2']);
});

test('one that is told of connections by one that has seen the request knows', t => {
	t.deepEqual(unawareOf(points('fw1'), points('fw2'), links(['fw2', 'fw1'])), []);
	t.deepEqual(unawareOf(points('fw1'), points('fw2'), links(['fw2', 'fw3'])), ['fw2']);
});

test('of a link that only joins them it learns nothing', t => {
	const [link] = links(['fw1', 'fw2']).links;
	t.deepEqual(unawareOf(points('fw1'), points('fw2'), {links: link ? [{ends: link.ends}] : []}), ['fw2']);
});

test('nothing is said of switches, for a path is one of several around them', t => {
	t.deepEqual(unawareOf(points('s1'), points('s2'), links()), []);
});
