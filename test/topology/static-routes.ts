/** `routing: 'static'`: every node reaches every address over any network of routers, without a loop; given routes win. */
import test from 'ava';
import fc from 'fast-check';
import {blueprint} from '../../lib/topology/assign.ts';
import type {Blueprint, NodePlan} from '../../lib/topology/blueprint.ts';
import {check} from '../../lib/topology/check.ts';
import {DisjointSets} from '../../lib/topology/disjoint-sets.ts';
import {Paths} from '../../lib/topology/paths.ts';
import {routeOptions} from '../../lib/topology/route-text.ts';
import {segmentsOf} from '../../lib/topology/segments.ts';
import {isStation, type RouterOptions, type StationOptions} from '../../lib/topology/specs.ts';
import {staticRoutes} from '../../lib/topology/static-routes.ts';
import {type End, type NodeHandle, Topology} from '../../lib/topology/topology.ts';
import {formatAddress, isLinkLocal} from '../../lib/util/address.ts';
import {patience} from '../helpers/patience.ts';

const routing = 'static' as const;
type Router = NodeHandle<StationOptions>;

class Drawn extends Topology {
	override readonly name = 'drawn';
	override readonly settings = {routing};
	readonly #draw: (topology: Drawn) => void;

	constructor(draw: (topology: Drawn) => void) {
		super();
		this.#draw = draw;
	}

	override build(): void {
		this.#draw(this);
	}
}

type Wiring = {
	readonly routers: number;
	readonly dual: boolean;
	/** Between routers: by a link or a tunnel, with addresses or without. */
	readonly wires: ReadonlyArray<{readonly a: number; readonly b: number; readonly kind: 'link' | 'bare' | 'gre' | 'gretap'}>;
	/** LANs that several routers share, each with a host. */
	readonly lans: ReadonlyArray<readonly number[]>;
};

const wiring: fc.Arbitrary<Wiring> = fc.integer({min: 2, max: 9}).chain(routers => {
	const router = fc.nat(routers - 1);
	return fc.record({
		routers: fc.constant(routers),
		dual: fc.boolean(),
		wires: fc.array(fc.record({a: router, b: router, kind: fc.constantFrom('link', 'link', 'bare', 'gre', 'gretap')}).filter(({a, b}) => a !== b), {maxLength: 14}),
		lans: fc.array(fc.uniqueArray(router, {minLength: 2, maxLength: 4}), {maxLength: 2}),
	});
});

function islandsOf({wires, lans}: Wiring): DisjointSets {
	const islands = new DisjointSets();
	for (const [a, b] of [...wires.filter(({kind}) => kind === 'link' || kind === 'bare').map(({a, b}) => [a, b]), ...lans.flatMap(([first, ...others]) => others.map(other => [first, other]))]) {
		islands.join(`r${a}`, `r${b}`);
	}

	return islands;
}

function draw(wired: Wiring): Blueprint {
	const {routers, dual, wires, lans} = wired;
	const islands = islandsOf(wired);
	const ip = (v4: string, v6: string) => ({ip: dual ? [v4, v6] : [v4]});
	return check(new Drawn(topology => {
		const made = Array.from({length: routers}, (_, index) => topology.addRouter(`r${index}`));
		for (const [index, router] of made.entries()) {
			topology.addLink(router.interface(ip(`10.1.${index}.254/24`, `fd01:${index}::fe/64`)), topology.addHost(`h${index}`, ip(`10.1.${index}.1/24`, `fd01:${index}::1/64`)));
		}

		for (const [index, {a, b, kind}] of wires.entries()) {
			const ends = [a, b].map((at, side) => (made[at] as Router).interface(kind === 'bare' ? {ip: []} : ip(`10.2.${index}.${side + 1}/30`, `fd02:${index}::${side + 1}/64`))) as [End, End];
			if (kind === 'link' || kind === 'bare') {
				topology.addLink(...ends);
			} else if (islands.find(`r${a}`) === islands.find(`r${b}`)) {
				const [from, to] = [a, b].map((at, side) => (made[at] as Router).interface({...ip(`10.2.${index}.${side + 1}/30`, `fd02:${index}::${side + 1}/64`), endpoint: `10.1.${at}.254`})) as [End, End];
				topology.addTunnel(from, to, {via: 'gre', mode: kind === 'gre' ? 'layer3' : 'layer2', key: index});
			}
		}

		for (const [index, sharers] of lans.entries()) {
			const lan = topology.addSwitch(`s${index}`);
			for (const [place, at] of sharers.entries()) {
				topology.addLink(lan, (made[at] as Router).interface(ip(`10.3.${index}.${place + 1}/24`, `fd03:${index}::${place + 1}/64`)));
			}

			topology.addLink(lan, topology.addHost(`g${index}`, ip(`10.3.${index}.200/24`, `fd03:${index}::200/64`)));
		}
	}));
}

function misses(plan: Blueprint, isJoined: (a: string, b: string) => boolean): string[] {
	const paths = new Paths(plan);
	const stations = [...plan.nodes.values()].filter(isStation);
	return stations.flatMap(from => stations.filter(to => to !== from).flatMap(to => addressesOf(to).flatMap(address => {
		const {hops, broken} = paths.from(from, address);
		const names = hops.filter(({node}) => isStation(node)).map(({node}) => node.name);
		const isWrong = isJoined(from.name, to.name) ? broken !== undefined : broken === undefined || !/has no route to/.test(broken);
		return isWrong || new Set(names).size < names.length ? [`${from.name} to ${formatAddress(address)}: ${names.join(' > ')} ${broken ?? ''}`] : [];
	})));
}

function addressesOf({interfaces}: NodePlan) {
	return interfaces.flatMap(each => each.addresses.map(({address}) => address)).filter(address => !isLinkLocal(address));
}

test('every pair of nodes reaches each other, without loops, where there is any way; else there is no route', t => {
	fc.assert(fc.property(wiring, wired => {
		const islands = islandsOf(wired);
		const home = (name: string) => islands.find(name.startsWith('g') ? `r${wired.lans[Number(name.slice(1))]?.[0] ?? ''}` : `r${name.slice(1)}`);
		t.deepEqual(misses(draw(wired), (a, b) => home(a) === home(b)), []);
	}), {numRuns: 60});
	t.pass();
});

function routesOf(draw: (topology: Drawn) => void, node: string): string[] {
	return (blueprint(new Drawn(draw)).nodes.get(node)?.routes ?? []).map(route => {
		const {to, via, interface: name, onlink} = routeOptions(route);
		return [to, ...via === undefined ? [] : ['via', via], ...name === undefined ? [] : ['dev', name], ...onlink === true ? ['onlink'] : []].join(' ');
	});
}

/** r1 - r2 - r3 in a row, each with a LAN, and r1 - r3 when it is a ring. */
function row(topology: Drawn, {ring = false, bare = false, r1 = {}}: {readonly ring?: boolean; readonly bare?: boolean; readonly r1?: RouterOptions} = {}): void {
	const routers = [1, 2, 3].map(number => topology.addRouter(`r${number}`, number === 1 ? r1 : {}));
	for (const [index, router] of routers.entries()) {
		topology.addLink(topology.addHost(`h${index + 1}`, {ip: `10.0.${index + 1}.1/24`}), router.interface({ip: `10.0.${index + 1}.254/24`}));
	}

	const [a, b, c] = routers as [Router, Router, Router];
	const at = (router: Router, ip: string) => router.interface({ip: bare ? [] : ip});
	topology.addLink(at(a, '10.9.0.1/30'), at(b, '10.9.0.2/30'));
	topology.addLink(at(b, '10.9.1.1/30'), at(c, '10.9.1.2/30'));
	if (ring) {
		topology.addLink(at(a, '10.9.2.1/30'), at(c, '10.9.2.2/30'));
	}
}

const gives = test.macro((t, node: string, drawn: (topology: Drawn) => void, expected: readonly string[]) => {
	t.deepEqual(routesOf(drawn, node), [...expected]);
});

test('by the next router', gives, 'r1', row, ['10.0.2.0/24 via 10.9.0.2 dev r1-eth1', '10.0.3.0/24 via 10.9.0.2 dev r1-eth1', '10.9.1.0/30 via 10.9.0.2 dev r1-eth1']);
test('by the fewest routers; of equal ways by the first interface', gives, 'r1', topology => {
	row(topology, {ring: true});
}, ['10.0.2.0/24 via 10.9.0.2 dev r1-eth1', '10.0.3.0/24 via 10.9.2.2 dev r1-eth2', '10.9.1.0/30 via 10.9.0.2 dev r1-eth1']);
/** From r to d by y and p, or by x and q; x comes first in the file. With `lan`, x and y are on one LAN with r. */
function twoWays(topology: Drawn, lan: boolean): void {
	const [r, x, y, p, q, d] = ['r', 'x', 'y', 'p', 'q', 'd'].map(name => topology.addRouter(name)) as [Router, Router, Router, Router, Router, Router];
	if (lan) {
		const s1 = topology.addSwitch('s1');
		topology.addLink(s1, r.interface({ip: '10.8.0.1/24'}));
		topology.addLink(s1, y.interface({ip: '10.8.0.3/24'}));
		topology.addLink(s1, x.interface({ip: '10.8.0.2/24'}));
	} else {
		topology.addLink(r.interface({ip: '10.9.0.1/30'}), y.interface({ip: '10.9.0.2/30'}));
		topology.addLink(r.interface({ip: '10.9.1.1/30'}), x.interface({ip: '10.9.1.2/30'}));
	}

	for (const [a, b] of [[d, p], [d, q], [p, y], [q, x]] as const) {
		topology.addLink(a.interface({ip: []}), b.interface({ip: []}));
	}

	topology.addLink(d.interface({ip: '10.0.0.254/24'}), topology.addHost('h1', {ip: '10.0.0.1/24'}));
	topology.addLink(p.interface({ip: '10.0.1.254/24'}), topology.addHost('h2', {ip: '10.0.1.1/24'}));
	topology.addLink(q.interface({ip: '10.0.2.254/24'}), topology.addHost('h3', {ip: '10.0.2.1/24'}));
}

test('of equal ways the one by the first interface', t => {
	const ways = routesOf(topology => {
		twoWays(topology, false);
	}, 'r');
	t.true(ways.includes('10.0.0.0/24 via 10.9.0.2 dev r-eth0'), ways.join(', '));
});
test('then the one to the router that comes first', t => {
	const ways = routesOf(topology => {
		twoWays(topology, true);
	}, 'r');
	t.true(ways.includes('10.0.0.0/24 via 10.8.0.2 dev r-eth0'), ways.join(', '));
});
test('links without addresses: by another address of the neighbor', gives, 'r1', topology => {
	row(topology, {bare: true});
}, ['10.0.2.0/24 via 10.0.2.254 dev r1-eth1 onlink', '10.0.3.0/24 via 10.0.2.254 dev r1-eth1 onlink']);
test('given routes win, and those they cover are left out', gives, 'r1', topology => {
	row(topology, {ring: true, r1: {routes: [{to: '10.0.0.0/16', via: '10.9.2.2'}, {to: 'default', via: '10.9.0.2'}]}});
}, ['10.0.0.0/16 via 10.9.2.2', 'default via 10.9.0.2', '10.9.1.0/30 via 10.9.0.2 dev r1-eth1']);
test('no way leads through a router that forwards nothing', gives, 'r3', topology => {
	row(topology, {r1: {forwarding: false}});
}, ['10.0.2.0/24 via 10.9.1.1 dev r3-eth1', '10.9.0.0/30 via 10.9.1.1 dev r3-eth1']);
test('a host with one router has its gateway', gives, 'h1', row, ['default via 10.0.1.254']);

test('a host between two routers chooses by subnet, unless it is told not to', t => {
	const between = (gateway?: string) => (topology: Drawn) => {
		const lan = topology.addSwitch('s1');
		topology.addLink(lan, topology.addHost('h0', {ip: '10.0.0.1/24', ...gateway === undefined ? {} : {gateway}}));
		for (const number of [1, 2]) {
			const router = topology.addRouter(`r${number}`);
			topology.addLink(lan, router.interface({ip: `10.0.0.25${number}/24`}));
			topology.addLink(router.interface({ip: `10.0.${number}.254/24`}), topology.addHost(`h${number}`, {ip: `10.0.${number}.1/24`}));
		}
	};

	t.deepEqual(routesOf(between(), 'h0'), ['10.0.1.0/24 via 10.0.0.251 dev h0-eth0', '10.0.2.0/24 via 10.0.0.252 dev h0-eth0']);
	t.deepEqual(routesOf(between('none'), 'h0'), []);
	t.deepEqual(routesOf(between('10.0.0.252'), 'h0'), ['default via 10.0.0.252']);
});

test('a subnet behind two routers gets routes for single addresses', t => {
	const split = (topology: Drawn) => {
		const [r1, r2] = [1, 2].map(number => topology.addRouter(`r${number}`, {proxyArp: true})) as [Router, Router];
		topology.addLink(topology.addHost('h1', {ip: '20.0.0.1/24'}), r1.interface({ip: []}));
		topology.addLink(topology.addHost('h2', {ip: '20.0.0.2/24'}), r2.interface({ip: []}));
		topology.addLink(r1.interface({ip: '1.0.0.1/24'}), r2.interface({ip: '1.0.0.2/24'}));
	};

	t.deepEqual(routesOf(split, 'r1'), ['20.0.0.1 dev r1-eth0', '20.0.0.2 via 1.0.0.2 dev r1-eth1']);
	t.deepEqual(misses(check(new Drawn(split)), () => true).filter(text => text.includes(' to 20.0.0.')), []);
});

test('the way to a tunnel\'s endpoint does not lead through the tunnel', gives, 'r1', topology => {
	const [r1, r3, r2] = ['r1', 'r3', 'r2'].map(name => topology.addRouter(name)) as [Router, Router, Router];
	topology.addLink(r1.interface({ip: '1.0.1.1/24'}), r2.interface({ip: '1.0.1.2/24'}));
	topology.addLink(r2.interface({ip: '1.0.3.2/24'}), r3.interface({ip: '1.0.3.3/24'}));
	topology.addLink(r3.interface({ip: '10.0.3.254/24'}), topology.addHost('h3', {ip: '10.0.3.1/24'}));
	topology.addTunnel(r1.interface({ip: '10.9.0.1/30'}), r3.interface({ip: '10.9.0.2/30', endpoint: '1.0.3.3'}), {via: 'gre'});
}, ['1.0.3.0/24 via 1.0.1.2 dev r1-eth0', '10.0.3.0/24 via 10.9.0.2 dev r1-tun0']);

test('200 routers take less than 300 ms', t => {
	const grid = new Drawn(topology => {
		const routers = Array.from({length: 200}, (_, index) => topology.addRouter(`r${index}`));
		for (const [index, router] of routers.entries()) {
			topology.addLink(topology.addHost(`h${index}`, {ip: `10.1.${index}.1/24`}), router.interface({ip: `10.1.${index}.254/24`}));
			for (const [side, next] of [index % 20 === 19 ? -1 : index + 1, index + 20].entries()) {
				const other = routers[next];
				if (other) {
					topology.addLink(router.interface({ip: `10.${2 + side}.${index}.1/30`}), other.interface({ip: `10.${2 + side}.${index}.2/30`}));
				}
			}
		}
	});
	const plan = blueprint(grid);
	t.is(plan.nodes.get('r0')?.routes.length, 200 + 370 - 3);
	const bare = {...plan, nodes: new Map([...plan.nodes].map(([name, node]) => [name, {...node, routes: []}])), segments: segmentsOf(plan)};
	const times = Array.from({length: 5}, () => {
		const before = process.cpuUsage();
		staticRoutes(bare);
		const {user, system} = process.cpuUsage(before);
		return (user + system) / 1000;
	}).sort((a, b) => a - b);
	t.true((times[2] ?? Infinity) < 300 * patience, `${times.join(', ')} ms`);
	t.log(`${times.join(', ')} ms`);
});
