/** Which address a host gets that comes while the network runs. */
import test from 'ava';
import type {Blueprint} from '../../lib/topology/blueprint.ts';
import {check} from '../../lib/topology/check.ts';
import {grown} from '../../lib/topology/grow.ts';
import {formatInterfaceAddress, formatPrefix} from '../../lib/util/address.ts';
import {ProblemsError} from '../../lib/util/problems.ts';
import {sketch} from '../helpers/sketch.ts';

/** h1 and h2 at s1, with a router that has s2 for itself. */
const plan = check(sketch(t => {
	const [s1, s2, r1] = [t.addSwitch('s1'), t.addSwitch('s2'), t.addRouter('r1')];
	t.addLink(t.addHost('h1', {ip: '10.1.0.10/24'}), s1);
	t.addLink(t.addHost('h2', {ip: '10.1.0.12/24'}), s1);
	t.addLink(r1.interface({ip: '10.1.0.13/24'}), s1);
	t.addLink(r1.interface({ip: ['10.2.0.1/30', 'fd02::1/64']}), s2);
}));

/** Hosts that come to a node. */
function come(on: string, ...names: readonly string[]): Blueprint {
	return grown(plan, {
		nodes: names.map(name => ({kind: 'host', name, options: {}})),
		links: names.map(name => ({ends: [{node: name, options: {}}, {node: on, options: {}}], options: {}})),
	});
}

function addresses({nodes}: Blueprint, name: string): string[] {
	return nodes.get(name)?.interfaces.flatMap(each => each.addresses.map(formatInterfaceAddress)) ?? [];
}

test('the next of the hosts around it, passing over a router\'s', t => {
	const more = come('s1', 'h3', 'h4');
	t.deepEqual(['h3', 'h4'].map(name => addresses(more, name)), [['10.1.0.14/24'], ['10.1.0.15/24']]);
	t.deepEqual(more.nodes.get('h3')?.routes.map(({to}) => formatPrefix(to)), ['0.0.0.0/0']);
});

test('one of the router\'s network where there is no host, and of the base where nobody has an address', t => {
	t.deepEqual(addresses(come('s2', 'h3'), 'h3'), ['10.2.0.2/30']);
	t.deepEqual(addresses(come('r1', 'h3'), 'h3'), ['10.0.0.3/8']);
});

test('a network that is full is named', t => {
	const error = t.throws(() => come('s2', 'h3', 'h4'), {instanceOf: ProblemsError});
	t.deepEqual(error.problems.map(({subject, message}) => `${subject}: ${message}`), ['h4: the network 10.2.0.0/30 that it joins has no address left']);
});
