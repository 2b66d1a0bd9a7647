/** A blueprint that grows and shrinks: what is assigned stays, what comes is assigned and checked as at the start, what is refused changes nothing. */
import test from 'ava';
import type {Blueprint, NodePlan} from '../../lib/topology/blueprint.ts';
import {check} from '../../lib/topology/check.ts';
import {type Addition, grown} from '../../lib/topology/grow.ts';
import {shrunk} from '../../lib/topology/shrink.ts';
import type {EndSpec, HostOptions, InterfaceOptions, LinkSpec, NodeSpec, RouterOptions} from '../../lib/topology/specs.ts';
import type {Topology} from '../../lib/topology/topology.ts';
import {formatAddress, formatInterfaceAddress, formatPrefix} from '../../lib/util/address.ts';
import {InputError} from '../../lib/util/errors.ts';
import {ProblemsError} from '../../lib/util/problems.ts';
import {sketch} from '../helpers/sketch.ts';

function host(name: string, options: HostOptions = {}): NodeSpec {
	return {kind: 'host', name, options};
}

function router(name: string, options: RouterOptions = {}): NodeSpec {
	return {kind: 'router', name, options};
}

/** `h1` or `r1 10.0.0.254/24`. */
function end(text: string, options: InterfaceOptions = {}): EndSpec {
	const [node = '', ip] = text.split(' ');
	return {node, options: {...options, ...ip === undefined ? {} : {ip}}};
}

function link(a: string, b: string): LinkSpec {
	return {ends: [end(a), end(b)], options: {}};
}

function around(count: number): (t: Topology) => void {
	return t => {
		const s1 = t.addSwitch('s1');
		for (let n = 1; n <= count; n++) {
			t.addLink(t.addHost(`h${n}`), s1);
		}
	};
}

function planOf(draw: (t: Topology) => void): Blueprint {
	return check(sketch(draw, {}));
}

function remove(plan: Blueprint, ...names: readonly string[]): Blueprint {
	const links = plan.links.filter(({ends: [a, b]}) => names.includes(`${a.node}-${b.node}`));
	return shrunk(plan, {nodes: new Set(names.filter(name => plan.nodes.has(name))), links: new Set(links), tunnels: new Set()});
}

function node({nodes}: Blueprint, name: string): NodePlan {
	const found = nodes.get(name);
	if (!found) {
		throw new TypeError(name);
	}

	return found;
}

function interfacesOf(plan: Blueprint, name: string): string {
	return node(plan, name).interfaces.map(({name: own, port, addresses}) => [port === undefined ? own : `${port}=${own}`, ...addresses.map(formatInterfaceAddress)].join(' ')).join(', ');
}

function routesOf(plan: Blueprint, name: string): string {
	return node(plan, name).routes.map(({to, via}) => `${formatPrefix(to)}${via ? ` ${formatAddress(via)}` : ''}`).join(', ');
}

function problemsOf(plan: Blueprint, addition: Addition): string[] {
	try {
		grown(plan, addition);
		return [];
	} catch (error) {
		return error instanceof ProblemsError ? error.problems.map(({subject, message}) => `${subject}: ${message}`) : [String(error)];
	}
}

test('a host gets the next address, port and name; all that was there is the very same', t => {
	const before = planOf(around(3));
	const after = grown(before, {nodes: [host('h9')], links: [link('h9', 's1')]});
	t.is(interfacesOf(after, 'h9'), 'h9-eth0 10.0.0.4/8');
	t.is(interfacesOf(after, 's1'), '1=s1-eth1, 2=s1-eth2, 3=s1-eth3, 4=s1-eth4');
	t.deepEqual([...after.nodes.keys()], [...before.nodes.keys(), 'h9']);
	for (const name of ['h1', 'h2', 'h3']) {
		t.is(after.nodes.get(name), before.nodes.get(name));
	}

	t.deepEqual(after.links.slice(0, 3).map((each, index) => each === before.links[index]), [true, true, true]);
	t.true(node(before, 's1').interfaces.every((each, index) => each === node(after, 's1').interfaces[index]));
	t.is(before.nodes.size, 4);
});

test('it is what the topology file would have made of it', t => {
	const atOnce = planOf(around(5));
	const inSteps = [4, 5].reduce((plan, n) => grown(plan, {nodes: [host(`h${n}`)], links: [link(`h${n}`, 's1')]}), planOf(around(3)));
	t.deepEqual(inSteps, atOnce);
});

test('the port and the address of what has gone are given again, names of interfaces too, and those that stay keep theirs', t => {
	const less = remove(planOf(around(4)), 'h2');
	t.is(interfacesOf(less, 's1'), '1=s1-eth1, 3=s1-eth3, 4=s1-eth4');
	t.is(interfacesOf(less, 'h4'), 'h4-eth0 10.0.0.4/8');
	const more = grown(less, {nodes: [host('h9'), host('h10')], links: [link('h9', 's1'), link('h10', 's1')]});
	t.is(interfacesOf(more, 's1'), '1=s1-eth1, 3=s1-eth3, 4=s1-eth4, 2=s1-eth2, 5=s1-eth5');
	t.deepEqual(['h9', 'h10', 'h4'].map(name => interfacesOf(more, name)), ['h9-eth0 10.0.0.6/8', 'h10-eth0 10.0.0.5/8', 'h4-eth0 10.0.0.4/8']);
});

test('a new interface of a host that lost its first one gets the free name', t => {
	const two = planOf(t => {
		const [s1, s2, h1] = [t.addSwitch('s1'), t.addSwitch('s2'), t.addHost('h1')];
		t.addLink(h1, s1);
		t.addLink(h1.interface({ip: '10.2.0.1/24'}), s2);
	});
	const less = remove(two, 'h1-s1');
	t.is(interfacesOf(less, 'h1'), 'h1-eth1 10.2.0.1/24');
	const more = grown(less, {links: [link('h1 10.3.0.1/24', 's1'), link('h1 10.4.0.1/24', 's1')]});
	t.is(interfacesOf(more, 'h1'), 'h1-eth1 10.2.0.1/24, h1-eth0 10.3.0.1/24, h1-eth2 10.4.0.1/24');
});

test('a host without a link keeps its addresses and its MAC for the next one, unless that says otherwise', t => {
	const less = remove(planOf(around(3)), 'h2-s1');
	t.is(interfacesOf(less, 'h2'), '');
	const again = grown(grown(less, {nodes: [host('h9')], links: [link('h9', 's1')]}), {links: [link('h2', 's1')]});
	t.is(interfacesOf(again, 'h2'), 'h2-eth0 10.0.0.2/8');
	t.is(node(again, 'h2').interfaces[0]?.mac, '02:00:0a:00:00:02');
	t.is(interfacesOf(again, 'h9'), 'h9-eth0 10.0.0.4/8');
	t.is(interfacesOf(grown(less, {links: [link('h2 10.7.0.2/24', 's1')]}), 'h2'), 'h2-eth0 10.7.0.2/24');
});

test('a host whose next link says another address or MAC has given up the one that it kept', t => {
	const less = remove(planOf(around(3)), 'h2-s1');
	const kept = node(less, 'h2').options;
	t.deepEqual(node(grown(less, {links: [link('h2', 's1')]}), 'h2').options, kept);
	t.deepEqual(node(grown(less, {links: [link('h2 10.7.0.2/24', 's1')]}), 'h2').options, {...kept, ip: ['10.7.0.2/24']});
	const mac = '02:00:00:00:07:02';
	t.deepEqual(node(grown(less, {links: [{ends: [end('h2', {mac}), end('s1')], options: {}}]}), 'h2').options, {...kept, mac});
});

test('the address that a host without a link keeps is nobody else\'s', t => {
	const less = remove(planOf(around(3)), 'h1', 'h2', 'h3-s1');
	const more = grown(less, {nodes: [host('h8'), host('h9')], links: [link('h8', 's1'), link('h9', 's1')]});
	t.deepEqual(['h8', 'h9'].map(name => interfacesOf(more, name)), ['h8-eth0 10.0.0.2/8', 'h9-eth0 10.0.0.4/8']);
	t.is(interfacesOf(grown(more, {links: [link('h3', 's1')]}), 'h3'), 'h3-eth0 10.0.0.3/8');
});

function lan(t: Topology): void {
	const s1 = t.addSwitch('s1');
	t.addLink(t.addHost('h1', {ip: '10.1.0.1/24'}), s1);
	t.addLink(t.addHost('h2', {ip: '10.1.0.2/24', gateway: '10.1.0.254'}), s1);
	t.addLink(t.addRouter('r1').interface({ip: '10.1.0.254/24'}), s1);
}

test('a gateway that was found goes with its router, one that was given stays, and neither is in the way of others', t => {
	const less = remove(planOf(lan), 'r1');
	t.deepEqual(['h1', 'h2'].map(name => routesOf(less, name)), ['', '0.0.0.0/0 10.1.0.254']);
	const more = grown(less, {nodes: [host('h3', {ip: '10.1.0.3/24'})], links: [link('h3', 's1')]});
	t.is(routesOf(more, 'h3'), '');
	const back = grown(more, {nodes: [router('r2')], links: [link('r2 10.1.0.253/24', 's1')]});
	t.deepEqual(['h1', 'h2', 'h3'].map(name => routesOf(back, name)), ['0.0.0.0/0 10.1.0.253', '0.0.0.0/0 10.1.0.254', '0.0.0.0/0 10.1.0.253']);
});

test('a second router takes no host\'s gateway away', t => {
	const more = grown(planOf(lan), {nodes: [router('r2'), host('h3', {ip: '10.1.0.3/24'})], links: [link('r2 10.1.0.253/24', 's1'), link('h3', 's1')]});
	t.deepEqual(['h1', 'h3'].map(name => routesOf(more, name)), ['0.0.0.0/0 10.1.0.254', '']);
});

test('routes go with the interface they leave by', t => {
	const two = planOf(t => {
		const [h1, r1, r2] = [t.addHost('h1', {ip: '10.1.0.1/24', gateway: '10.1.0.254', routes: [{to: '10.9.0.0/16', via: '10.2.0.254'}]}), t.addRouter('r1'), t.addRouter('r2')];
		t.addLink(h1, r1.interface({ip: '10.1.0.254/24'}));
		t.addLink(h1.interface({ip: '10.2.0.1/24'}), r2.interface({ip: '10.2.0.254/24'}));
	});
	t.is(routesOf(remove(two, 'h1-r2'), 'h1'), '0.0.0.0/0 10.1.0.254');
	t.is(routesOf(grown(remove(two, 'h1-r2'), {links: [link('h1 10.2.0.1/24', 'r2 10.2.0.254/24')]}), 'h1'), '0.0.0.0/0 10.1.0.254, 10.9.0.0/16 10.2.0.254');
});

/** Routers r1 to r4 in a ring, with a host behind each: hN at 10.N.0.1; r1 has a route of its own. */
function ring(t: Topology): void {
	const routers = [1, 2, 3, 4].map(n => t.addRouter(`r${n}`, n === 1 ? {routes: [{to: '10.9.0.0/16', via: '10.1.0.1'}]} : {}));
	for (const [index, each] of routers.entries()) {
		t.addLink(t.addHost(`h${index + 1}`, {ip: `10.${index + 1}.0.1/24`}), each.interface({ip: `10.${index + 1}.0.254/24`}));
	}

	for (const [index, each] of routers.entries()) {
		t.addLink(each.interface({ip: `172.16.${index + 1}.1/30`}), (routers[(index + 1) % 4] ?? each).interface({ip: `172.16.${index + 1}.2/30`}));
	}
}

test('static routes are worked out anew when something has left, those of routers far away too', t => {
	const plan = check(sketch(ring, {routing: 'static'}));
	const ways = (of: Blueprint, to: string) => ['r1', 'r2', 'r3', 'r4'].map(name => /\d+ (\S+)/.exec(routesOf(of, name).split(', ').find(route => route.startsWith(to)) ?? '')?.[1]);
	t.deepEqual(ways(plan, '10.3.'), ['172.16.1.2', '172.16.2.2', undefined, '172.16.3.1']);
	const less = remove(plan, 'r2-r3');
	t.deepEqual(ways(less, '10.3.'), ['172.16.4.1', '172.16.1.1', undefined, '172.16.3.1']);
	t.regex(routesOf(less, 'r1'), /10\.9\.0\.0\/16 10\.1\.0\.1/);
	t.is(node(less, 'h1'), node(plan, 'h1'));
	const apart = remove(less, 'r4-r1');
	t.deepEqual(ways(apart, '10.3.'), [undefined, undefined, undefined, '172.16.3.1']);
	t.deepEqual(ways(remove(plan, 'h3'), '10.3.'), [undefined, undefined, undefined, undefined]);
});

test('a given route whose interface is gone is in the way of nothing that comes elsewhere, and comes back with its link', t => {
	const less = remove(check(sketch(ring, {routing: 'static'})), 'h1');
	t.notRegex(routesOf(less, 'r1'), /10\.9\./);
	const more = grown(less, {nodes: [host('h9', {ip: '10.3.0.9/24'})], links: [link('h9', 'r3 10.30.0.254/24')]});
	t.notRegex(routesOf(more, 'r1'), /10\.9\./);
	t.regex(routesOf(grown(more, {nodes: [host('h1', {ip: '10.1.0.1/24'})], links: [link('h1', 'r1 10.1.0.254/24')]}), 'r1'), /10\.9\.0\.0\/16 10\.1\.0\.1/);
});

test('a node whose given route has lost its link gets others, and the route with the one by which it leads', t => {
	const plan = planOf(t => {
		const [r1, r2, r3] = [t.addRouter('r1', {routes: [{to: '10.9.0.0/16', via: '10.2.0.2'}, {to: '10.8.0.0/16', via: '10.3.0.3', source: '10.2.0.1'}]}), t.addRouter('r2'), t.addRouter('r3')];
		t.addLink(r1.interface({ip: '10.2.0.1/24'}), r2.interface({ip: '10.2.0.2/24'}));
		t.addLink(r1.interface({ip: '10.3.0.1/24'}), r3.interface({ip: '10.3.0.3/24'}));
	});
	const less = remove(plan, 'r1-r2');
	t.is(routesOf(less, 'r1'), '');
	const more = grown(less, {links: [link('r1 10.4.0.1/24', 'r3 10.4.0.3/24')]});
	t.is(routesOf(more, 'r1'), '');
	t.is(routesOf(grown(more, {links: [link('r1 10.2.0.1/24', 'r2 10.2.0.2/24')]}), 'r1'), '10.9.0.0/16 10.2.0.2, 10.8.0.0/16 10.3.0.3');
	t.deepEqual(problemsOf(less, {nodes: [router('r4', {routes: [{to: '10.9.0.0/16', via: '10.5.0.2'}]})], links: [link('r4 10.4.0.4/24', 'r3 10.4.0.3/24')]}), ['r4: the next hop 10.5.0.2 of its route to 10.9.0.0/16 lies in none of its subnets (10.4.0.0/24)']);
});

test('a host between routers that is left with one gets it as its gateway; where nothing is missing nothing changes', t => {
	const plan = check(sketch(each => {
		const s1 = each.addSwitch('s1');
		each.addLink(each.addHost('h1', {ip: '10.1.0.1/24'}), s1);
		for (const n of [1, 2]) {
			const r = each.addRouter(`r${n}`);
			each.addLink(r.interface({ip: `10.1.0.25${n}/24`}), s1);
			each.addLink(each.addHost(`k${n}`, {ip: `10.2.${n}.1/24`}), r.interface({ip: `10.2.${n}.254/24`}));
		}
	}, {routing: 'static'}));
	t.is(routesOf(plan, 'h1'), '10.2.1.0/24 10.1.0.251, 10.2.2.0/24 10.1.0.252');
	t.is(routesOf(remove(plan, 'r2'), 'h1'), '0.0.0.0/0 10.1.0.251');
	const more = grown(plan, {nodes: [host('h9', {ip: '10.1.0.9/24'})], links: [link('h9', 's1')]});
	const again = remove(more, 'h9');
	t.deepEqual(['h1', 'r1', 'r2', 'k1'].filter(name => again.nodes.get(name) !== more.nodes.get(name)), []);
});

test('IPv6 comes with the first link that has it', t => {
	const more = grown(planOf(lan), {nodes: [host('h3', {ip: ['10.1.0.3/24', 'fd00::3/64']})], links: [link('h3', 's1')]});
	t.deepEqual(['h1', 'h3', 'r1'].map(name => node(more, name).ipv6), [false, true, true]);
	t.true(node(remove(more, 'h3'), 'r1').ipv6);
});

test('tunnels stay, with their interfaces', t => {
	const plan = planOf(t => {
		const [r1, r2] = [t.addRouter('r1'), t.addRouter('r2')];
		t.addLink(r1.interface({ip: '10.1.0.1/24'}), r2.interface({ip: '10.1.0.2/24'}));
		t.addTunnel(r1.interface({ip: '10.8.0.1/30'}), r2.interface({ip: '10.8.0.2/30'}), {via: 'gre', key: 7});
		t.addVxlan([r1.interface({ip: '10.8.1.1/30'}), r2.interface({ip: '10.8.1.2/30'})]);
	});
	const more = grown(plan, {nodes: [host('h1', {ip: '10.5.0.1/24'})], links: [link('h1', 'r1 10.5.0.254/24')]});
	t.true(plan.tunnels.every((tunnel, index) => tunnel === more.tunnels[index]));
	t.is(interfacesOf(more, 'r1'), `${interfacesOf(plan, 'r1')}, r1-eth1 10.5.0.254/24`);
	t.is(node(more, 'r2'), node(plan, 'r2'));
});

const refuses = test.macro({
	title: (_, words: string) => `refuses ${words}`,
	exec(t, _words: string, addition: Addition, ...expected: readonly string[]) {
		t.deepEqual(problemsOf(planOf(lan), addition), [...expected]);
	},
});

test(refuses, 'a name that is taken', {nodes: [host('h1')]}, 'h1: another host has that name already');
test(refuses, 'an address that is taken', {nodes: [host('h3', {ip: '10.1.0.1/24'})], links: [link('h3', 's1')]}, 'h3: 10.1.0.1 is already the address of h1 (h1-eth0)');
test(refuses, 'a port that is taken', {nodes: [host('h3')], links: [{ends: [end('h3'), end('s1', {port: 2})], options: {}}]}, 's1: port 2 is used twice');
test(refuses, 'a name of an interface that is taken', {links: [{ends: [end('h1', {name: 'h1-eth0', ip: '10.3.0.1/24'}), end('h2 10.3.0.2/24')], options: {}}]}, 'h1: its interface name h1-eth0 is already taken by h1');
test(refuses, 'a subnet in another one', {links: [link('r1 10.1.0.129/25', 'h1 10.1.0.130/25')]}, 'r1: 10.1.0.128/25 of r1-eth1 lies in 10.1.0.0/24 of r1-eth0');
test(refuses, 'a gateway that is nobody', {nodes: [host('h3', {ip: '10.1.0.3/24', gateway: '10.1.0.77'})], links: [link('h3', 's1')]}, 'h3: no node in its segment has its gateway 10.1.0.77');
test(refuses, 'several at once', {nodes: [host('h1'), host('all')]}, 'all: "all" is a word of the prompt or of the rule language', 'h1: another host has that name already');

test('refuses a link to nowhere, with the names that are near', t => {
	const error = t.throws(() => grown(planOf(lan), {nodes: [host('h3')], links: [link('h3', 's2')]}), {instanceOf: InputError, code: 'unknown-node'});
	t.deepEqual(error.details.nearest, ['h2', 's1']);
});

test('many additions, one after the other, cost what one costs, times so many', t => {
	const add = (plan: Blueprint, n: number) => grown(plan, {nodes: [host(`k${n}`)], links: [link(`k${n}`, 's1')]});
	let plan = planOf(around(200));
	const cost = (from: number): number => {
		const before = process.cpuUsage();
		for (let n = from; n < from + 40; n++) {
			plan = add(plan, n);
		}

		const {user, system} = process.cpuUsage(before);
		return (user + system) / 40_000;
	};

	cost(0);
	const ms = cost(40);
	t.true(ms < 25, `${ms} ms each`);
	t.is(plan.nodes.size, 281);
});
