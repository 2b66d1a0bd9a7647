/** What a blueprint decides: names, ports, addresses, MACs, gateways, IPv6; and that it takes linear time. */
import test from 'ava';
import {blueprint} from '../../lib/topology/assign.ts';
import type {NodePlan} from '../../lib/topology/blueprint.ts';
import {check} from '../../lib/topology/check.ts';
import type {Settings} from '../../lib/topology/specs.ts';
import type {Topology} from '../../lib/topology/topology.ts';
import {formatAddress, formatInterfaceAddress, formatPrefix} from '../../lib/util/address.ts';
import {spent} from '../helpers/clock.ts';
import {sketch} from '../helpers/sketch.ts';

type Case = {readonly draw: (t: Topology) => void; readonly settings?: Settings; readonly expected: Readonly<Record<string, string>>};

/** Makes a macro that checks one aspect of some nodes, told as text. */
function aspect(words: string, tell: (node: NodePlan) => string) {
	return test.macro({
		exec(t, {draw, settings = {}, expected}: Case) {
			const {nodes} = check(sketch(draw, settings));
			const told = [...nodes.values()].filter(({name}) => name in expected).map(node => [node.name, tell(node)]);
			t.deepEqual(Object.fromEntries(told), expected);
		},
		title: (title = '') => `${words}: ${title}`,
	});
}

const names = aspect('names', ({interfaces}) => interfaces.map(({name, port}) => port === undefined ? name : `${port}=${name}`).join(' '));
const addresses = aspect('addresses', ({interfaces}) => interfaces.map(each => each.addresses.map(formatInterfaceAddress).join('+')).join(' '));
const macs = aspect('MACs', ({interfaces}) => interfaces.map(({mac}) => mac).join(' '));
const routes = aspect('routes', node => node.routes.map(({to, via, interface: by}) => [formatPrefix(to), via ? formatAddress(via) : '-', by ?? ''].join(' ').trim()).join(', '));
const ipv6 = aspect('IPv6', node => String(node.ipv6));
const mtus = aspect('MTUs', ({interfaces}) => interfaces.map(({mtu}) => mtu).join(' '));

/** Hosts h1 to hN around switch s1. */
function around(count: number): (t: Topology) => void {
	return t => {
		const s1 = t.addSwitch('s1');
		for (let n = 1; n <= count; n++) {
			t.addLink(t.addHost(`h${n}`), s1);
		}
	};
}

test('interfaces count from 0, ports from 1', names, {draw: around(2), expected: {h1: 'h1-eth0', h2: 'h2-eth0', s1: '1=s1-eth1 2=s1-eth2'}});
test('given ports keep their gaps and are passed over', names, {
	draw(t) {
		const s1 = t.addSwitch('s1');
		const ports = [undefined, 7, undefined, 2, undefined];
		for (const [n, port] of ports.entries()) {
			t.addLink(t.addHost(`h${n}`), s1.interface(port === undefined ? {} : {port}));
		}
	},
	expected: {s1: '1=s1-eth1 7=s1-eth7 3=s1-eth3 2=s1-eth2 4=s1-eth4'},
});
test('given names stand, the others count on', names, {
	draw(t) {
		const [r1, s1] = [t.addRouter('r1'), t.addSwitch('s1')];
		t.addLink(r1.interface({name: 'vr_if1'}), s1.interface({name: 'trunk'}));
		t.addLink(r1, t.addHost('h1'));
	},
	expected: {r1: 'vr_if1 r1-eth1', s1: '1=trunk'},
});
test('a link between switches has a port on both', names, {
	draw: t => t.addLink(t.addSwitch('s1'), t.addBridge('b1')),
	expected: {s1: '1=s1-eth1', b1: '1=b1-eth1'},
});

test('the n-th host has the n-th', addresses, {draw: around(3), expected: {h1: '10.0.0.1/8', h3: '10.0.0.3/8', s1: '  '}});
test('from ipBase', addresses, {draw: around(2), settings: {ipBase: '192.168.7.0/24'}, expected: {h1: '192.168.7.1/24', h2: '192.168.7.2/24'}});
test('of both families', addresses, {draw: around(2), settings: {ipv6: true}, expected: {h2: '10.0.0.2/8+fd00::2/64'}});
test('a host with addresses of its own still counts', addresses, {
	draw(t) {
		const s1 = t.addSwitch('s1');
		t.addLink(t.addHost('h1', {ip: ['10.0.9.1/8', 'fd00::9/64']}), s1);
		t.addLink(t.addHost('h2'), s1);
	},
	expected: {h1: '10.0.9.1/8+fd00::9/64', h2: '10.0.0.2/8'},
});
test('a taken one is replaced by one after the last host\'s', addresses, {
	draw(t) {
		const s1 = t.addSwitch('s1');
		t.addLink(t.addHost('h1', {ip: '10.0.0.2/8'}), s1);
		t.addLink(t.addHost('h2'), s1);
		t.addLink(t.addHost('h3'), s1);
		t.addLink(t.addRouter('r1').interface({ip: '10.0.0.4/8'}), s1);
	},
	expected: {h1: '10.0.0.2/8', h2: '10.0.0.5/8', h3: '10.0.0.3/8'},
});
test('only the first interface of a host; routers none', addresses, {
	draw(t) {
		const [h1, r1] = [t.addHost('h1'), t.addRouter('r1')];
		t.addLink(h1, r1);
		t.addLink(h1, r1);
	},
	expected: {h1: '10.0.0.1/8 ', r1: ' '},
});
test('an empty list means none', addresses, {draw: t => t.addLink(t.addHost('h1', {ip: []}), t.addHost('h2')), expected: {h1: '', h2: '10.0.0.2/8'}});

test('tell the address', macs, {draw: around(1), expected: {h1: '02:00:0a:00:00:01'}});
test('without an address they are counted', macs, {draw: around(2), expected: {s1: '02:01:00:00:00:01 02:01:00:00:00:02'}});
test('a given one stands, in lower case, and is not given again', macs, {
	draw(t) {
		const s1 = t.addSwitch('s1');
		t.addLink(t.addHost('h1', {mac: '02:00:0A:00:00:02'}), s1.interface({mac: '02:01:00:00:00:01'}));
		t.addLink(t.addHost('h2'), s1);
	},
	expected: {h1: '02:00:0a:00:00:02', s1: '02:01:00:00:00:01 02:01:00:00:00:03', h2: '02:01:00:00:00:02'},
});

/** A host h1 and routers in one segment, each router with the address given. */
function behind(routers: readonly string[], options: Parameters<Topology['addHost']>[1] = {}): (t: Topology) => void {
	return t => {
		const [s1, s2] = [t.addSwitch('s1'), t.addBridge('s2')];
		t.addLink(s1, s2);
		t.addLink(t.addHost('h1', {ip: ['10.0.1.1/24', 'fd01::1/64'], ...options}), s1);
		for (const [n, ip] of routers.entries()) {
			t.addLink(t.addRouter(`r${n}`).interface({ip}), s2);
		}
	};
}

test('the only router in the subnet, by family', routes, {draw: behind(['10.0.1.254/24', 'fd01::254/64', '10.0.2.254/24']), expected: {h1: '0.0.0.0/0 10.0.1.254, ::/0 fd01::254'}});
test('none of two routers', routes, {draw: behind(['10.0.1.254/24', '10.0.1.253/24']), expected: {h1: ''}});
test('the gateway that the file names', routes, {draw: behind(['10.0.1.254/24', '10.0.1.253/24', 'fd01::2/64'], {gateway: '10.0.1.253'}), expected: {h1: '0.0.0.0/0 10.0.1.253, ::/0 fd01::2'}});
test('none', routes, {draw: behind(['10.0.1.254/24'], {gateway: 'none'}), expected: {h1: ''}});
test('a default route of the file replaces the gateway', routes, {draw: behind(['10.0.1.254/24', 'fd01::5/64', 'fd01::6/64'], {routes: [{to: 'default', via: '10.0.1.254'}, {to: 'default', via: 'fd01::5'}]}), expected: {h1: '0.0.0.0/0 10.0.1.254, ::/0 fd01::5'}});
test('those without next hop come first, so that others may rest on them', routes, {
	draw: t => t.addLink(t.addRouter('r1', {routes: [{to: '10.9.0.0/16', via: '10.0.0.1'}, {to: '10.0.0.1', interface: 'r1-eth0'}]}), t.addHost('h1')),
	expected: {r1: '10.0.0.1 - r1-eth0, 10.9.0.0/16 10.0.0.1'},
});
test('a router on another wire is no gateway', routes, {
	draw(t) {
		t.addLink(t.addHost('h1'), t.addSwitch('s1'));
		t.addLink(t.addHost('h2'), t.addRouter('r1').interface({ip: '10.0.0.254/8'}));
	},
	expected: {h1: '', h2: '0.0.0.0/0 10.0.0.254'},
});

test('off by default', ipv6, {draw: behind([], {ip: '10.0.0.1/8'}), expected: {h1: 'false'}});
test('on everywhere by the setting, except switches', ipv6, {draw: behind(['10.0.1.254/24']), settings: {ipv6: true}, expected: {h1: 'true', r0: 'true', s1: 'false', s2: 'false'}});
test('on where an address is, and on the routers around', ipv6, {
	draw(t) {
		const [s1, r1, r2] = [t.addSwitch('s1'), t.addRouter('r1'), t.addRouter('r2')];
		t.addLink(t.addHost('h1', {ip: 'fd00::1/64'}), s1);
		t.addLink(t.addHost('h2'), s1);
		t.addLink(r1, s1);
		t.addLink(r1, r2);
	},
	expected: {h1: 'true', h2: 'false', r1: 'true', r2: 'false'},
});

test('of the end, else of the link, else 1500', mtus, {
	draw(t) {
		const r1 = t.addRouter('r1');
		t.addLink(r1.interface({mtu: 9000}), t.addHost('h1'), {mtu: 1400});
		t.addLink(r1, t.addHost('h2'));
	},
	expected: {r1: '9000 1500', h1: '1400', h2: '1500'},
});

test('name, isolation, ends of links', t => {
	const plan = blueprint(sketch(around(1)));
	t.is(plan.name, 'sketch');
	t.is(plan.isolation, 'bound');
	t.is(blueprint(sketch(around(1), {isolation: 'all'})).isolation, 'all');
	t.is(plan.links[0]?.ends[0], plan.nodes.get('h1')?.interfaces[0]);
	t.is(plan.links[0]?.ends[1], plan.nodes.get('s1')?.interfaces[0]);
});

test('a blueprint of a bad file leaves out what cannot be used', t => {
	const plan = blueprint(sketch(each => {
		const h1 = each.addHost('h1', {ip: 'x', mac: 'y', gateway: 'z', routes: [{to: '?'}]});
		each.addHost('h1');
		each.addLink(h1, h1);
		each.addLink(h1, each.addSwitch('s1'));
	}, {ipBase: '?'}));
	t.deepEqual([...plan.nodes.keys()], ['h1', 's1']);
	t.is(plan.links.length, 1);
	t.deepEqual(plan.nodes.get('h1')?.routes, []);
});

/** Milliseconds of processor time for checking a topology. */
function cost(draw: (t: Topology) => void): number {
	// Each is checked once only: what a topology remembers would make the second time quicker.
	const topologies = [1, 2, 3].map(() => sketch(draw));
	return spent(() => check(topologies.pop() ?? sketch(draw)));
}

/** Ten times as much takes about ten times as long; 25 leaves room for a busy machine, and a quadratic step would take 100. */
const growsLinearly = test.macro({
	exec(t, draw: (count: number) => (t: Topology) => void, count: number) {
		cost(draw(count));
		const [few, many] = [cost(draw(count)), cost(draw(10 * count))];
		t.log(`${few.toFixed(1)} ms, ten times as many ${many.toFixed(1)} ms`);
		t.true(many < 25 * Math.max(few, 5));
	},
	title: (title = '') => `the cost grows linearly: ${title}`,
});

/** A router with N interfaces and a route via each. */
function crossroads(count: number): (t: Topology) => void {
	return t => {
		const subnet = (n: number, base: number): string => `10.${base + Math.floor(n / 256)}.${n % 256}`;
		const all = Array.from({length: count}, (_, n) => n);
		const r1 = t.addRouter('r1', {routes: all.map(n => ({to: `${subnet(n, 128)}.0/24`, via: `${subnet(n, 0)}.2`}))});
		for (const n of all) {
			t.addLink(r1.interface({ip: `${subnet(n, 0)}.1/24`}), t.addHost(`h${n}`, {ip: `${subnet(n, 0)}.2/24`}));
		}
	};
}

test.serial('500 and 5,000 hosts around a switch', growsLinearly, around, 500);
test.serial('200 and 2,000 routes over as many interfaces of a router', growsLinearly, crossroads, 200);
