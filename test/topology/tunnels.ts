/** Tunnels of a topology: what is decided for them, and every problem they can have with its sentence. */
import test from 'ava';
import type {TunnelPlan} from '../../lib/topology/blueprint.ts';
import {check} from '../../lib/topology/check.ts';
import {grown, linkSpec} from '../../lib/topology/grow.ts';
import {routingPlan} from '../../lib/topology/routing-plan.ts';
import {shrunk} from '../../lib/topology/shrink.ts';
import type {StationOptions, TunnelOptions} from '../../lib/topology/specs.ts';
import type {NodeHandle, Topology} from '../../lib/topology/topology.ts';
import {ProblemsError, problemText} from '../../lib/util/problems.ts';
import {formatAddress} from '../../lib/util/address.ts';
import {sketch} from '../helpers/sketch.ts';

type Ends = {readonly r1: NodeHandle<StationOptions>; readonly r2: NodeHandle<StationOptions>; readonly r3: NodeHandle<StationOptions>};

/** r1 at 1.0.0.1 and r2 at 1.0.0.2 on one wire, r1 and r3 at 2.0.0.1 and 2.0.0.3 on another one. */
function routers(build: (t: Topology, ends: Ends) => unknown, mtu = 1500): Topology {
	return sketch(t => {
		const [r1, r2, r3] = ['r1', 'r2', 'r3'].map(name => t.addRouter(name)) as [NodeHandle<StationOptions>, NodeHandle<StationOptions>, NodeHandle<StationOptions>];
		t.addLink(r1.interface({ip: '1.0.0.1/24'}), r2.interface({ip: '1.0.0.2/24'}), {mtu});
		t.addLink(r1.interface({ip: '2.0.0.1/24'}), r3.interface({ip: '2.0.0.3/24'}));
		build(t, {r1, r2, r3});
	});
}

const decides = test.macro<[options: TunnelOptions, expected: {readonly transport: object; readonly names: readonly string[]; readonly mtu: number}]>({
	exec(t, options, {transport, names, mtu}) {
		const {tunnels: [tunnel], nodes} = check(routers((topology, {r1, r2}) => topology.addTunnel(r1, r2, options)));
		const {ends, ...rest} = tunnel ?? {ends: []};
		t.deepEqual(rest, transport as never);
		t.deepEqual(ends.map(({endpoint}) => formatAddress(endpoint)), ['1.0.0.1', '1.0.0.2']);
		t.deepEqual(ends.map(end => [end.interface.name, end.interface.mtu]), names.map(name => [name, mtu]));
		// They are interfaces of their nodes, behind those of links.
		t.is(nodes.get('r1')?.interfaces.at(-1), ends[0]?.interface);
	},
	title: (_, options) => `what is decided for ${JSON.stringify(options)}`,
});

test(decides, {via: 'gre'}, {transport: {via: 'gre', mode: 'layer3', ttl: 255}, names: ['r1-tun0', 'r2-tun0'], mtu: 1476});
test(decides, {via: 'gre', key: 7, mode: 'layer2', ttl: 9}, {transport: {via: 'gre', mode: 'layer2', key: 7, ttl: 9}, names: ['r1-tun0', 'r2-tun0'], mtu: 1458});
test(decides, {via: 'vxlan'}, {transport: {via: 'vxlan', mode: 'layer2', vni: 1, ttl: 64, port: 4789}, names: ['r1-tun0', 'r2-tun0'], mtu: 1450});
test(decides, {via: 'ssh'}, {transport: {via: 'ssh', mode: 'layer3', keepAlive: {interval: 120, count: 3}}, names: ['tun0', 'tun0'], mtu: 1500});
test(decides, {via: 'ssh', mode: 'layer2', keepAlive: {interval: 1}}, {transport: {via: 'ssh', mode: 'layer2', keepAlive: {interval: 1, count: 3}}, names: ['tap0', 'tap0'], mtu: 1500});

test('each tunnel of a node has a name of its own, and passes over those that are given', t => {
	const {tunnels} = check(routers((topology, {r1, r2, r3}) => {
		topology.addTunnel(r1, r2, {via: 'gre'});
		topology.addTunnel(r1.interface({name: 'r1-tun1'}), r3, {via: 'gre'});
		topology.addTunnel(r1, r2, {via: 'gre', key: 1});
		topology.addTunnel(r1, r2, {via: 'ssh'});
		topology.addTunnel(r3, r1, {via: 'ssh'});
	}));
	t.deepEqual(tunnels.map(({ends}) => ends.map(end => end.interface.name)), [['r1-tun0', 'r2-tun0'], ['r1-tun1', 'r3-tun0'], ['r1-tun2', 'r2-tun1'], ['tun0', 'tun0'], ['tun0', 'tun1']]);
});

test('a VXLAN has as many ends as it is given, and all hear each other', t => {
	const {tunnels: [tunnel], nodes} = check(sketch(topology => {
		const lan = topology.addSwitch('s1');
		const ends = [1, 2, 3].map(n => {
			const router = topology.addRouter(`r${n}`);
			topology.addLink(router.interface({ip: `1.0.0.${n}/24`}), lan);
			return router.interface({ip: `10.9.0.${n}/24`});
		});
		topology.addVxlan(ends, {vni: 42});
	}));
	t.like(tunnel, {via: 'vxlan', vni: 42});
	t.is(tunnel?.ends.length, 3);
	t.is(nodes.get('r3')?.interfaces.length, 2);
});

test('a VXLAN without a number has the lowest that is free, whatever was removed', t => {
	const numbers = (tunnels: readonly TunnelPlan[]) => tunnels.map(tunnel => tunnel.via === 'vxlan' ? tunnel.vni : undefined);
	const plan = check(routers((topology, {r1, r2, r3}) => {
		topology.addTunnel(r1, r2, {via: 'vxlan'});
		topology.addTunnel(r1, r3, {via: 'vxlan', vni: 2});
		topology.addTunnel(r1, r2, {via: 'vxlan'});
	}));
	t.deepEqual(numbers(plan.tunnels), [1, 2, 3]);
	const less = shrunk(plan, {nodes: new Set(), links: new Set(), tunnels: new Set(plan.tunnels.slice(0, 1))});
	const coming = {ends: [{node: 'r1', options: {}}, {node: 'r2', options: {}}], options: {via: 'vxlan'}} as const;
	t.deepEqual(numbers(grown(less, {tunnels: [coming, coming]}).tunnels), [2, 3, 1, 4]);
});

const refused = test.macro<[what: string, build: (t: Topology, ends: Ends) => unknown, expected: string]>({
	exec(t, _, build, expected) {
		const error = t.throws(() => check(routers(build)), {instanceOf: ProblemsError});
		t.deepEqual(error.problems.map(problem => problemText(problem)), [expected]);
	},
	title: (_, what) => what,
});

test(refused, 'endpoints that are not clear', (t, {r2}) => t.addTunnel(t.addHost('h1'), r2, {via: 'gre'}),
	'h1: it ends a tunnel, but has no IPv4 address to which the other end could send. Link it to the network that carries the tunnel, with an address.');
test(refused, 'several addresses, none near the other end', (t, {r1}) => {
	const r4 = t.addRouter('r4');
	t.addLink(r4.interface({ip: '3.0.0.4/24'}), t.addRouter('r5').interface({ip: '3.0.0.5/24'}));
	t.addTunnel(r1, r4, {via: 'gre'});
}, 'r1: it has several addresses, and the other end of its tunnel is in the subnet of none: 1.0.0.1, 2.0.0.1. Say which one: node.interface({endpoint: \'1.0.0.1\'}).');
test(refused, 'an endpoint that is nobody\'s', (t, {r1, r2}) => t.addTunnel(r1.interface({endpoint: '1.0.0.9'}), r2, {via: 'gre'}),
	'r1: its tunnel\'s endpoint "1.0.0.9" is none of its own IPv4 addresses. Give one of 1.0.0.1, 2.0.0.1.');
test(refused, 'a way of sending that there is not', (t, {r1, r2}) => t.addTunnel(r1, r2, {via: 'ipip'} as never),
	'tunnel r1 - r2: option via is none of the ways there are. Give one of gre, vxlan, ssh.');
test(refused, 'an option of another way', (t, {r1, r2}) => t.addTunnel(r1, r2, {via: 'gre', vni: 1} as never), 'tunnel r1 - r2: there is no option "vni" here. Known are via, mode, key, ttl, mtu.');
test(refused, 'a number out of range', (t, {r1, r2}) => t.addTunnel(r1, r2, {via: 'gre', ttl: 256}), 'tunnel r1 - r2: ttl 256 is out of range. Give a whole number from 1 to 255.');
test(refused, 'keep-alives out of range', (t, {r1, r2}) => t.addTunnel(r1, r2, {via: 'ssh', keepAlive: {interval: 0}}), 'tunnel r1 - r2: interval 0 is out of range. Give a whole number from 1 to 86400.');
test(refused, 'a tunnel into a switch', (t, {r1}) => t.addTunnel(r1, t.addSwitch('s1') as never, {via: 'gre'}),
	's1: it is the end of a tunnel, and a switch has no address to which the other end could send. End the tunnel at a router, and link that to it.');
test(refused, 'a tunnel to itself', (t, {r1}) => t.addTunnel(r1, r1, {via: 'gre'}), 'r1: both ends of a tunnel are its own. Give ends on different nodes.');
test(refused, 'a name that ssh cannot make', (t, {r1, r2}) => t.addTunnel(r1.interface({name: 'vpn'}), r2, {via: 'ssh'}),
	'r1: ssh cannot make an interface called "vpn". Call it tun and a number, such as tun0, or leave out the name.');
test(refused, 'an endpoint beyond the routes', (t, {r2, r3}) => t.addTunnel(r2, r3, {via: 'gre'}),
	'tunnel r2 - r3: there is no way from r2 to the endpoint 2.0.0.3 of r3: r2 has no route to 2.0.0.3. Give the nodes between them routes to both endpoints.');
test(refused, 'a way to the other end that is the tunnel itself', (t, {r1}) => {
	const [r4, r5] = [t.addRouter('r4', {routes: [{to: '5.0.0.0/24', via: '10.9.0.2'}]}), t.addRouter('r5', {routes: [{to: '4.0.0.0/24', via: '5.0.0.1'}]})];
	t.addLink(r4.interface({ip: '4.0.0.4/24'}), r1.interface({ip: '4.0.0.1/24'}));
	t.addLink(r5.interface({ip: '5.0.0.5/24'}), r1.interface({ip: '5.0.0.1/24'}));
	t.addTunnel(r4.interface({ip: '10.9.0.1/30', endpoint: '4.0.0.4'}), r5.interface({ip: '10.9.0.2/30', endpoint: '5.0.0.5'}), {via: 'gre'});
}, 'tunnel r4 - r5: there is no way from r4 to the endpoint 5.0.0.5 of r5: the tunnel r4-tun0 (gre) of r4 leads through itself. Give the nodes between them routes to both endpoints.');
test(refused, 'an MTU that does not fit', (t, {r1, r2}) => t.addTunnel(r1, r2, {via: 'gre', mtu: 1490}),
	'tunnel r1 - r2: its packets of 1490 bytes and 24 bytes of headers do not fit r2 (r2-eth0, 1500 bytes). Give the tunnel {mtu: 1476} or less.');
test(refused, 'an endpoint of a link', (t, {r1, r2}) => t.addLink(r1.interface({ip: '4.0.0.1/24', endpoint: '1.0.0.1'}), r2.interface({ip: '4.0.0.2/24'})),
	'r1: there is no option "endpoint" here. Known are name, ip, mac, mtu, sysctls, port, rate, delay, jitter, loss, queue.');

test('two tunnels whose packets cannot be told apart', t => {
	const problemsOf = (build: (t: Topology, ends: Ends) => unknown) => t.throws(() => check(routers(build)), {instanceOf: ProblemsError}).problems.map(problem => problemText(problem));
	t.deepEqual(problemsOf((topology, {r1, r2}) => [topology.addTunnel(r1, r2, {via: 'gre'}), topology.addTunnel(r2, r1, {via: 'gre'}), topology.addTunnel(r1, r2, {via: 'gre', key: 1}), topology.addTunnel(r1, r2, {via: 'gre', mode: 'layer2'})]), [
		'r2: what arrives by r2-tun1-r1-tun1 could as well belong to r1-tun0-r2-tun0. Give them different keys.', 'r1: what arrives by r2-tun1-r1-tun1 could as well belong to r1-tun0-r2-tun0. Give them different keys.',
	]);
	t.deepEqual(problemsOf((topology, {r1, r2, r3}) => [topology.addTunnel(r1, r2, {via: 'vxlan', vni: 5}), topology.addTunnel(r1, r3, {via: 'vxlan', vni: 5})]), [
		'r1: what arrives by r1-tun1-r3-tun0 could as well belong to r1-tun0-r2-tun0. Give them different vni.',
	]);
});

test('a tunnel that has lost its way is in the way of nothing that comes, but another tunnel by that way is refused', t => {
	const plan = check(sketch(topology => {
		const routes = (...all: ReadonlyArray<readonly [to: string, via: string]>) => ({routes: all.map(([to, via]) => ({to, via}))});
		const [a, left, right, b] = [topology.addRouter('a', routes(['3.0.0.0/24', '1.0.0.9'], ['9.0.0.0/24', '10.9.0.2'])), topology.addRouter('left', routes(['3.0.0.0/24', '2.0.0.9'])), topology.addRouter('right', routes(['1.0.0.0/24', '2.0.0.8'])), topology.addRouter('b', routes(['1.0.0.0/24', '3.0.0.9']))];
		topology.addLink(a.interface({ip: '1.0.0.1/24'}), left.interface({ip: '1.0.0.9/24'}));
		topology.addLink(left.interface({ip: '2.0.0.8/24'}), right.interface({ip: '2.0.0.9/24'}));
		topology.addLink(right.interface({ip: '3.0.0.9/24'}), b.interface({ip: '3.0.0.3/24'}));
		topology.addTunnel(a.interface({ip: '10.9.0.1/30'}), b.interface({ip: '10.9.0.2/30'}), {via: 'gre'});
	}));
	const without = (...indexes: readonly number[]) => shrunk(plan, {nodes: new Set(), links: new Set(plan.links.filter((_, index) => indexes.includes(index))), tunnels: new Set()});
	const link = (a: readonly [node: string, ip: string], b: readonly [node: string, ip: string]) => ({ends: [{node: a[0], options: {ip: a[1]}}, {node: b[0], options: {ip: b[1]}}] as const, options: {}});
	const first = link(['a', '1.0.0.1/24'], ['left', '1.0.0.9/24']);
	const tunnel = (other: string) => ({ends: [{node: 'a', options: {}}, {node: other, options: {}}] as const, options: {via: 'gre', key: 1} as const});
	// It has no endpoint, then no way, then both.
	const half = grown(without(0, 1), {links: [first], tunnels: [tunnel('left')]});
	t.deepEqual(half.tunnels.map(({ends}) => ends.map(end => end.interface.name)), [['a-tun0', 'b-tun0'], ['a-tun1', 'left-tun0']]);
	t.is(half.tunnels[0], plan.tunnels[0]);
	t.notThrows(() => grown(half, {links: [link(['left', '2.0.0.8/24'], ['right', '2.0.0.9/24'])]}));
	t.notThrows(() => grown(without(0, 2), {links: [first]}), 'the other endpoint is still gone');
	const {problems} = t.throws(() => grown(without(1), {tunnels: [tunnel('b')]}), {instanceOf: ProblemsError});
	t.deepEqual(problems.map(({subject, message}) => `${subject}: ${message}`), ['tunnel a - b: there is no way from a to the endpoint 3.0.0.3 of b: left has no route to 3.0.0.3']);
});

test('of many tunnels that have lost their way, kernels are asked as of one', t => {
	const plan = check(sketch(topology => {
		const [hub, core] = [topology.addRouter('hub', {routes: [{to: '2.0.0.0/16', via: '1.0.0.2'}]}), topology.addRouter('core')];
		topology.addLink(hub.interface({ip: '1.0.0.1/24'}), core.interface({ip: '1.0.0.2/24'}));
		for (let n = 1; n <= 10; n++) {
			const spoke = topology.addRouter(`r${n}`, {routes: [{to: '1.0.0.0/24', via: `2.0.${n}.2`}]});
			topology.addLink(spoke.interface({ip: `2.0.${n}.1/24`}), core.interface({ip: `2.0.${n}.2/24`}));
			topology.addTunnel(hub, spoke, {via: 'gre'});
		}
	}));
	const cut = shrunk(plan, {nodes: new Set(), links: new Set(plan.links.slice(0, 1)), tunnels: new Set()});
	const asked: string[] = [];
	grown(cut, {nodes: [{kind: 'host', name: 'h1', options: {ip: '4.0.0.1/24'}}], links: [linkSpec('h1', {node: 'core', options: {ip: '4.0.0.2/24'}})]}, node => {
		asked.push(node.name);
		return routingPlan(node);
	});
	t.is(asked.filter(name => name === 'hub').length, 1);
	t.true(asked.filter(name => name === 'core').length <= 2, 'as it was and as it becomes');
});
