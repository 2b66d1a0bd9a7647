/** Which rule a packet falls under, of those too that only other programs make. */
import test from 'ava';
import {RouteLookup} from '../../lib/topology/route-lookup.ts';
import type {LookupRule, RoutingPlan} from '../../lib/topology/routing-plan.ts';
import {parseAddress, parsePrefix} from '../../lib/util/address.ts';

const plan: Omit<RoutingPlan, 'rules'> = {
	addresses: [],
	interfaces: [],
	routes: [
		{to: parsePrefix('0.0.0.0/0'), interface: 'main0'},
		{to: parsePrefix('10.2.0.0/16'), interface: 'near0'},
		{to: parsePrefix('0.0.0.0/0'), interface: 'other0', table: 100},
	],
	neighbors: [],
	ttl: {4: 64, 6: 64},
	stateOf: () => 'up',
};

const leaves = test.macro<[rule: Omit<LookupRule, 'family'>, to: string, expected: string]>({
	exec(t, rule, to, expected) {
		const lookup = new RouteLookup({...plan, rules: [{family: 4, ...rule}, {family: 4, table: 254}]});
		t.like(lookup.decide({to: parseAddress(to), from: parseAddress('10.1.0.1'), arrival: 'eth0'}), {interface: expected});
	},
	title: (provided = '') => provided,
});

const [from, elsewhere] = [parsePrefix('10.1.0.0/16'), parsePrefix('10.9.0.0/16')];
test('of a prefix', leaves, {from, table: 100}, '10.3.0.1', 'other0');
test('not of its prefix', leaves, {from, isInverted: true, table: 100}, '10.3.0.1', 'main0');
test('not of another prefix', leaves, {from: elsewhere, isInverted: true, table: 100}, '10.3.0.1', 'other0');
test('of a service', leaves, {from, others: ['ipproto tcp'], table: 100}, '10.3.0.1', 'main0');
test('not of a service', leaves, {from, others: ['ipproto tcp'], isInverted: true, table: 100}, '10.3.0.1', 'other0');
test('without its default route', leaves, {table: 254, suppress: 0}, '10.3.0.1', 'main0');
test('the main table without its default route, then another one', t => {
	const lookup = new RouteLookup({...plan, rules: [{family: 4, table: 254, suppress: 0}, {family: 4, table: 100}]});
	const leavesTo = (to: string) => lookup.decide({to: parseAddress(to), arrival: 'lo'});
	t.like(leavesTo('10.2.0.1'), {interface: 'near0'});
	t.like(leavesTo('10.3.0.1'), {interface: 'other0'});
});
