/** Which routers talk BGP to each other, by which addresses; and what a file can say wrong about it. */
import test from 'ava';
import {type Session, sessionsOf} from '../../lib/topology/bgp-sessions.ts';
import {check} from '../../lib/topology/check.ts';
import type {BgpOptions, Settings} from '../../lib/topology/specs.ts';
import type {Topology} from '../../lib/topology/topology.ts';
import {formatAddress} from '../../lib/util/address.ts';
import {sketch} from '../helpers/sketch.ts';

/** Routers a, b, c … on one wire, 10.0.0.1, 10.0.0.2 … */
function onWire(...options: ReadonlyArray<BgpOptions | undefined>): Topology {
	return sketch(t => {
		const wire = t.addBridge('wire');
		for (const [index, bgp] of options.entries()) {
			t.addLink(t.addRouter('abcdef'.charAt(index), bgp ? {bgp} : {}).interface({ip: `10.0.0.${index + 1}/24`}), wire);
		}
	});
}

/** `<` and `>` point to a reflector's client. */
function words({ends: [a, b], holdTime}: Session): string {
	return `${a.router} ${formatAddress(a.address)} ${a.client ? '<' : b.client ? '>' : '-'} ${b.router} ${formatAddress(b.address)}${holdTime === 9 ? '' : ` ${holdTime} s`}`;
}

const talk = test.macro<[topology: Topology, ...sessions: string[]]>({
	exec(t, topology, ...sessions) {
		t.deepEqual(sessionsOf(check(topology)).map(words), sessions);
	},
	title: (title = '') => title,
});

const as = 65_000;

test('a full mesh is all of one AS that want it', talk, onWire({as}, {as, neighbors: 'full-mesh'}, {as}, {as: 65_001}, undefined), 'a 10.0.0.1 - b 10.0.0.2', 'a 10.0.0.1 - c 10.0.0.3', 'b 10.0.0.2 - c 10.0.0.3');
test('one naming the other is enough, also across AS', talk, onWire({as, neighbors: []}, {as: 65_001, neighbors: ['a']}, {as, neighbors: []}), 'a 10.0.0.1 - b 10.0.0.2');
test('a reflector talks to all of its AS, which are its clients; two reflectors are nobody\'s', talk, onWire({as, neighbors: 'route-reflector'}, {as, neighbors: []}, {as, neighbors: []}, {as, neighbors: 'route-reflector'}),
	'a 10.0.0.1 > b 10.0.0.2', 'a 10.0.0.1 > c 10.0.0.3', 'a 10.0.0.1 - d 10.0.0.4', 'b 10.0.0.2 < d 10.0.0.4', 'c 10.0.0.3 < d 10.0.0.4');
test('the shorter hold time counts', talk, onWire({as, holdTime: 30}, {as, holdTime: 3}), 'a 10.0.0.1 - b 10.0.0.2 3 s');

test('each family in which they share a subnet has a session; without one they talk by their first addresses', talk, sketch(t => {
	const [a, b, c] = ['a', 'b', 'c'].map(name => t.addRouter(name, {bgp: {as}})) as [ReturnType<Topology['addRouter']>, ReturnType<Topology['addRouter']>, ReturnType<Topology['addRouter']>];
	t.addLink(a.interface({ip: ['10.1.0.1/30', 'fd01::1/64']}), b.interface({ip: ['10.1.0.2/30', 'fd01::2/64']}));
	t.addLink(b.interface({ip: '10.2.0.1/30'}), c.interface({ip: '10.2.0.2/30'}));
}), 'a 10.1.0.1 - b 10.1.0.2', 'a fd01::1 - b fd01::2', 'a 10.1.0.1 - c 10.2.0.2', 'b 10.2.0.1 - c 10.2.0.2');

const refused = test.macro<[topology: Topology, problem: string, ...more: string[]]>({
	exec(t, topology, ...problems) {
		const error = t.throws(() => check(topology));
		for (const problem of problems) {
			t.true(error.message.includes(problem), error.message);
		}
	},
	title: (_, __, problem) => problem,
});

test(refused, onWire({as: 0}, {as: 2 ** 32}), 'a: its AS number is 0. Give a whole number from 1 to 4294967295', 'b: its AS number is 4294967296');
test(refused, onWire({as, holdTime: 2}), 'a: its holdTime is 2. Give whole seconds from 3 to 65535');
test(refused, onWire({as, neighbors: ['c', 'a', 'x']}, {as}, undefined), 'a: its BGP neighbor "c" is no other router with bgp', 'a: its BGP neighbor "a" is', 'a: its BGP neighbor "x" is');
test(refused, onWire({as, neighbors: 'mesh' as 'full-mesh'}), 'a: its BGP neighbor "mesh" is no other router with bgp');
test(refused, onWire({as: '65000' as unknown as number}), 'a: option bgp has a value of the wrong kind. Give the number of an autonomous system');
test(refused, sketch(t => {
	t.addHost('h1', {joins: 'edge9'});
	t.addRouter('edge1', {bgp: {as}});
}), 'h1: it joins "edge9", which is no router with bgp. Did you mean edge1?');
test(refused, sketch(t => {
	t.addLink(t.addRouter('a', {bgp: {as}}).interface({ip: []}), t.addRouter('b', {bgp: {as}}).interface({ip: '10.0.0.1/24'}));
}), 'a: it has no address to talk BGP to b by. Give both an address in a subnet that they share.');
test(refused, sketch(() => undefined, {control: 'bpg'} as unknown as Settings), 'settings: option control has a value of the wrong kind. Give one of bgp, controller');
