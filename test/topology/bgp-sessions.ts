/** Which routers talk BGP to each other, by which addresses; and what a file can say wrong about it. */
import test from 'ava';
import {type Session, sessionsOf} from '../../lib/topology/bgp-sessions.ts';
import {check} from '../../lib/topology/check.ts';
import {grown} from '../../lib/topology/grow.ts';
import {shrunk} from '../../lib/topology/shrink.ts';
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

test('a full mesh is all of one AS that want it', talk, onWire({as}, {as, neighbors: 'full-mesh'}, {as}, {as: 65_001}, {as: 65_001}, undefined),
	'a 10.0.0.1 - b 10.0.0.2', 'a 10.0.0.1 - c 10.0.0.3', 'b 10.0.0.2 - c 10.0.0.3', 'd 10.0.0.4 - e 10.0.0.5');
test('one naming the other is enough, also across AS', talk, onWire({as, neighbors: []}, {as: 65_001, neighbors: ['a']}, {as, neighbors: ['b']}), 'a 10.0.0.1 - b 10.0.0.2', 'b 10.0.0.2 - c 10.0.0.3');
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
test(refused, onWire({as, neighbors: ['c', 'a', 'x']}, {as}, undefined), 'bgp: a\'s neighbor "c" is no other router with bgp', 'bgp: a\'s neighbor "a" is', 'bgp: a\'s neighbor "x" is');
test(refused, onWire({as, neighbors: 'mesh' as 'full-mesh'}), 'bgp: a\'s neighbor "mesh" is no other router with bgp');
test(refused, onWire({as: '65000' as unknown as number}), 'a: option bgp has a value of the wrong kind. Give the number of an autonomous system');
test(refused, sketch(t => {
	t.addHost('h1', {joins: 'edge9'});
	t.addRouter('edge1', {bgp: {as}});
}), 'bgp: h1 joins "edge9", which is no router with bgp. Did you mean edge1?');
test(refused, sketch(t => {
	t.addLink(t.addRouter('a', {bgp: {as}}).interface({ip: []}), t.addRouter('b', {bgp: {as}}).interface({ip: '10.0.0.1/24'}));
}), 'bgp: a has no address to talk BGP to b by. Give both an address in a subnet that they share.');
test(refused, sketch(t => {
	const [a, b] = ['a', 'b'].map(name => t.addRouter(name, {bgp: {as}})) as [ReturnType<Topology['addRouter']>, ReturnType<Topology['addRouter']>];
	t.addLink(a.interface({ip: '10.1.0.1/30'}), b.interface({ip: '10.1.0.2/30'}));
	t.addHost('h1', {ip: ['10.2.0.1/24', 'fd02::1/64'], joins: 'a'});
	t.addHost('h2', {ip: ['10.2.0.2/24', 'fd02::2/64']});
}), 'h1: b cannot hear from a where its address fd02::1 is: the two talk no IPv6. Give edge routers IPv6 addresses on the links between them, or leave out fd02::1.');
test(refused, onWire({as}, {as: 65_001}), 'bgp: a has no BGP session: no other router of its AS, and none names it. Give it neighbors: [\'b\'], or the AS 65001.', 'bgp: b has no BGP session');
test(refused, onWire({as}, {as}, {as, neighbors: []}), 'bgp: c has no BGP session: it names no neighbor, and none names it. Give it neighbors: [\'a\'].');
test(refused, sketch(() => undefined, {control: 'bpg'} as unknown as Settings), 'settings: option control has a value of the wrong kind. Give one of bgp, controller');

test('an edge router alone, or one that a controller tells, needs no session', t => {
	const control = 'controller';
	const two = (settings: Settings) => sketch(topology => {
		topology.addLink(topology.addRouter('a', {bgp: {as}}).interface({ip: '10.0.0.1/24'}), topology.addRouter('b', {bgp: {as: 65_001}}).interface({ip: '10.0.0.2/24'}));
	}, settings);
	t.notThrows(() => check(two({control})));
	t.notThrows(() => check(onWire({as}, undefined)));
	t.throws(() => check(two({})));
});

test('one that comes must have a session; one that is left without any is in the way of nothing', t => {
	const line = check(onWire({as}, {as: 65_001, neighbors: ['a', 'c']}, {as: 65_002}));
	const coming = (bgp: BgpOptions) => ({nodes: [{kind: 'router', name: 'd', options: {bgp}}], links: [{ends: [{node: 'd', options: {ip: '10.0.0.4/24'}}, {node: 'wire', options: {}}], options: {}}]} as const);
	t.throws(() => grown(line, coming({as: 65_003})), {message: /d has no BGP session: no other router of its AS/});
	t.notThrows(() => grown(line, coming({as: 65_003, neighbors: ['b']})));
});

test('what a removal leaves wrong is in the way of nothing: a router without any session, a neighbor or a router to join that is gone', t => {
	const line = check(sketch(topology => {
		const wire = topology.addBridge('wire');
		for (const [index, neighbors] of [['b'], [], ['b']].entries()) {
			topology.addLink(topology.addRouter('abc'.charAt(index), {bgp: {as: as + index, neighbors}}).interface({ip: `10.0.0.${index + 1}/24`}), wire);
		}

		topology.addHost('h1', {ip: '10.1.0.1/24', joins: 'b'});
	}));
	const left = shrunk(line, {nodes: new Set(['b']), links: new Set(), tunnels: new Set()});
	t.notThrows(() => grown(left, {links: [{ends: [{node: 'h1', options: {}}, {node: 'a', options: {ip: []}}], options: {}}]}));
	t.throws(() => grown(left, {nodes: [{kind: 'host', name: 'h2', options: {joins: 'b'}}]}), {message: /h2 joins "b", which is no router with bgp/});
});
