/** Ways of packets through drawn networks, and what becomes of them there. */
import test from 'ava';
import {evaluator} from '../../lib/policy/evaluate.ts';
import {pointsOf} from '../../lib/policy/fates.ts';
import {inventoryOf} from '../../lib/policy/inventory.ts';
import {blueprint} from '../../lib/topology/assign.ts';
import {Paths} from '../../lib/topology/paths.ts';
import {type RoutingPlan, routingPlan} from '../../lib/topology/routing-plan.ts';
import type {HostOptions, RouterOptions, TunnelOptions} from '../../lib/topology/specs.ts';
import {Topology} from '../../lib/topology/topology.ts';
import type {Blueprint, NodePlan} from '../../lib/topology/blueprint.ts';
import {formatAddress, parseAddress, parsePrefix} from '../../lib/util/address.ts';
import {policyOf} from '../helpers/arbitrary-policy.ts';
import {secureNet, sketch} from '../helpers/blueprints.ts';

function nodeOf({nodes}: Blueprint, name: string): NodePlan {
	const node = nodes.get(name);
	if (!node) {
		throw new TypeError(`No node ${name}.`);
	}

	return node;
}

/** `h1 > s1:2 > fw`: the nodes, with the ports that frames come in by. */
const leads = test.macro<[network: string, from: string, to: string, expected: string]>({
	exec(t, network, from, to, expected) {
		const blueprint = sketch(network);
		const {hops, broken} = new Paths(blueprint).from(nodeOf(blueprint, from), parseAddress(to));
		const nodes = hops.map(({node, arrival}) => node.name + (arrival?.by.port === undefined ? '' : `:${arrival.by.port}`)).join(' > ');
		t.is(nodes + (broken === undefined ? '' : ` | ${broken}`), expected);
	},
	title: (_, __, from, to, expected) => `${from} to ${to}: ${expected}`,
});

const tree = `
	h1 10.0.0.1/24 -- s2
	h2 10.0.0.2/24 -- b3
	s2 -- s1
	b3 -- s1
	r1 10.0.0.254/24 -- s1
	r1 10.0.1.254/24,fd01::fe/64 -- s4
	h3 10.0.1.3/24,fd01::3/64 -- s4
	h4 fd01::4/64 -- s4
`;

test(leads, tree, 'h1', '10.0.0.2', 'h1 > s2:1 > s1:1 > b3:2 > h2');
test(leads, tree, 'h1', '10.0.1.3', 'h1 > s2:1 > s1:1 > r1 > s4:1 > h3');
test(leads, tree, 'h3', '10.0.0.254', 'h3 > s4:2 > r1');
test(leads, tree, 'h3', 'fd01::4', 'h3 > s4:2 > h4');
test(leads, tree, 'h1', '10.0.0.9', 'h1 | h1 asks for 10.0.0.9 on h1-eth0 from 10.0.0.1, and nobody answers');
test(leads, tree, 'h1', '10.9.0.9', 'h1 > s2:1 > s1:1 > r1 | r1 has no route to 10.9.0.9');
test(leads, tree, 'h1', 'fd01::4', 'h1 | h1 has no route to fd01::4');
test(leads, tree, 's1', '10.0.0.1', 's1 | s1 is a switch and sends nothing of its own');
test(leads, 'h1 10.0.0.1/24 -- h2 10.0.0.2/24\nh2 10.0.1.2/24 -- h3 10.0.1.3/24', 'h1', '10.0.0.2', 'h1 > h2');

test('a frame bears the MAC of the next station', t => {
	const blueprint = sketch(tree);
	const {hops} = new Paths(blueprint).from(nodeOf(blueprint, 'h1'), parseAddress('10.0.1.3'));
	const [h1, h3] = [nodeOf(blueprint, 'h1'), nodeOf(blueprint, 'h3')].map(({interfaces: [first]}) => first?.mac);
	const [near, far] = nodeOf(blueprint, 'r1').interfaces.map(({mac}) => mac);
	t.deepEqual(hops.slice(1).map(({arrival}) => [arrival?.source, arrival?.destination]), [[h1, near], [h1, near], [h1, near], [far, h3], [far, h3]]);
});

test('a pair without a way has no ends; IPv4 goes first', t => {
	const blueprint = sketch(tree);
	const paths = new Paths(blueprint);
	const ends = (a: string, b: string) => {
		const found = paths.endsOf(nodeOf(blueprint, a), nodeOf(blueprint, b));
		return found && `${formatAddress(found.source)} ${formatAddress(found.destination)}`;
	};

	t.is(ends('h1', 'h3'), '10.0.0.1 10.0.1.3');
	t.is(ends('h3', 'h4'), 'fd01::3 fd01::4');
	t.is(ends('h1', 'h4'), undefined);
	const withoutWay = new Paths(blueprint, each => ({...routingPlan(each), routes: routingPlan(each).routes.filter(({to}) => to.family === 6)}));
	t.is(withoutWay.endsOf(nodeOf(blueprint, 'h3'), nodeOf(blueprint, 'r1')), undefined);
});

/** h1 - r1 - r2 - h2, with options of each. */
class Row extends Topology {
	override readonly name = 'row';
	readonly #options: RowOptions;

	constructor(options: RowOptions) {
		super();
		this.#options = options;
	}

	override build(): void {
		const {h1 = {}, r1 = {}, r2 = {}, h2 = {}, bare = false, tunnel} = this.#options;
		const [near, far] = [this.addRouter('r1', {routes: [{to: '10.0.2.0/24', via: '10.9.0.2'}], ...r1}), this.addRouter('r2', {routes: [{to: '10.0.1.0/24', via: '10.9.0.1'}], ...r2})];
		this.addLink(this.addHost('h1', {ip: '10.0.1.1/24', ...h1}), near.interface({ip: '10.0.1.254/24'}));
		this.addLink(near.interface({ip: '10.9.0.1/24'}), far.interface({ip: '10.9.0.2/24'}));
		this.addLink(far.interface({ip: bare ? [] : '10.0.2.254/24'}), this.addHost('h2', {ip: '10.0.2.1/24', ...h2}));
		if (tunnel) {
			this.addTunnel(near.interface({ip: '10.8.0.1/30', endpoint: '10.9.0.1'}), far.interface({ip: '10.8.0.2/30', endpoint: '10.9.0.2'}), tunnel);
		}
	}
}

type RowOptions = {readonly h1?: HostOptions; readonly r1?: RouterOptions; readonly r2?: RouterOptions; readonly h2?: HostOptions; readonly bare?: boolean; readonly tunnel?: TunnelOptions};

const dies = test.macro<[options: RowOptions, expected: string]>({
	exec(t, options, expected) {
		const plan = blueprint(new Row(options));
		const {hops, broken, reason} = new Paths(plan).from(nodeOf(plan, 'h1'), parseAddress('10.0.2.1'));
		const text = hops.map(({node, ttl, arrival, departure}) => [arrival?.by.name, arrival?.tunnel?.via, node.name, ttl, departure && `${departure.by.name} to ${formatAddress(departure.next)}`].filter(word => word !== undefined).join(' ')).slice(1).join(', ');
		t.is(text + (broken === undefined ? '' : ` | ${reason ?? ''}: ${broken}`), expected);
	},
	title: (_, options, expected) => `${JSON.stringify(options)}: ${expected}`,
});

const [atR1, atR2] = ['r1-eth0 r1 64 r1-eth1 to 10.9.0.2', 'r2-eth0 r2 63 r2-eth1 to 10.0.2.1'];
test(dies, {}, `${atR1}, ${atR2}, h2-eth0 h2 62`);
test(dies, {h1: {gateway: 'none'}}, ' | no-route: h1 has no route to 10.0.2.1');
test(dies, {r1: {routes: []}}, 'r1-eth0 r1 64 | no-route: r1 has no route to 10.0.2.1');
test(dies, {r1: {forwarding: false}}, 'r1-eth0 r1 64 | forwarding-off: r1 forwards nothing');
test(dies, {r1: {sysctls: {'net/ipv4/conf/r1-eth0/forwarding': 0}}}, 'r1-eth0 r1 64 | forwarding-off: r1 forwards nothing');
for (const type of ['blackhole', 'unreachable', 'prohibit'] as const) {
	test(dies, {r2: {routes: [{to: '10.0.2.1/32', type}]}}, `${atR1}, r2-eth0 r2 63 | refused: r2 refuses what goes to 10.0.2.1, by a route of type ${type}`);
}

test(dies, {r1: {routes: [{to: '10.0.2.0/24', via: '10.9.0.9'}]}}, 'r1-eth0 r1 64 r1-eth1 to 10.9.0.9 | no-answer: r1 asks for 10.9.0.9 on r1-eth1 from 10.9.0.1, and nobody answers');
test(dies, {r2: {routes: [], rpFilter: 'strict'}}, `${atR1}, r2-eth0 r2 63 | reverse-path-filter: r2 drops what comes in by r2-eth0 from 10.0.1.1: its reverse path filter (strict) knows no way back there`);
test(dies, {r2: {routes: [{to: '10.0.1.0/24', via: '10.0.2.1'}], rpFilter: 'strict'}}, `${atR1}, r2-eth0 r2 63 | reverse-path-filter: r2 drops what comes in by r2-eth0 from 10.0.1.1: its reverse path filter (strict) knows no way back there`);
test(dies, {r2: {routes: [{to: '10.0.1.0/24', via: '10.0.2.1'}], rpFilter: 'loose'}}, `${atR1}, ${atR2}, h2-eth0 h2 62`);
test(dies, {h2: {rpFilter: 'strict', gateway: 'none'}}, `${atR1}, ${atR2}, h2-eth0 h2 62 | reverse-path-filter: h2 drops what comes in by h2-eth0 from 10.0.1.1: its reverse path filter (strict) knows no way back there`);
test(dies, {r1: {routes: [{to: '10.0.2.0/24', via: '10.9.0.2'}]}, r2: {routes: [{to: '10.0.0.0/16', via: '10.9.0.1'}]}, bare: true}, `${atR1}, r2-eth0 r2 63 r2-eth0 to 10.9.0.1, r1-eth1 r1 62 r1-eth1 to 10.9.0.2, r2-eth0 r2 61 | ttl: r2, r1 pass it on in a circle until its TTL runs out`);
const bareHost = {routes: [{to: '10.0.2.1/32', interface: 'r2-eth1'}]};
test(dies, {r2: bareHost, bare: true}, `${atR1}, ${atR2}, h2-eth0 h2 62`);
test(dies, {r2: bareHost, bare: true, h2: {rpFilter: 'loose', gateway: 'none'}}, `${atR1}, ${atR2} | no-answer: r2 asks for 10.0.2.1 on r2-eth1 from 10.9.0.2, and h2 ignores it: its reverse path filter (loose) on h2-eth0 knows no way back`);
test(dies, {r2: {...bareHost, neighbors: [{address: '10.0.2.1', mac: 'h2', interface: 'r2-eth1'}]}, bare: true, h2: {gateway: 'none'}}, `${atR1}, ${atR2}, h2-eth0 h2 62`);
test(dies, {r2: {...bareHost, neighbors: [{address: '10.0.2.1', mac: '02:00:00:00:00:77', interface: 'r2-eth1'}]}, bare: true}, `${atR1}, ${atR2} | no-answer: r2 takes 02:00:00:00:00:77 for the MAC of 10.0.2.1, and nobody around r2-eth1 has it`);
test(dies, {r1: {routes: [{to: '10.0.2.0/24', via: '10.8.0.2'}]}, tunnel: {via: 'gre'}}, 'r1-eth0 r1 64 r1-tun0 to 10.8.0.2, r2-tun0 gre r2 63 r2-eth1 to 10.0.2.1, h2-eth0 h2 62');
test(dies, {r1: {routes: [{to: '10.0.2.0/24', type: 'blackhole'}, {to: '10.0.2.0/24', via: '10.9.0.2', table: 100}], rules: [{from: '10.0.1.1/32', table: 100}]}}, `${atR1}, ${atR2}, h2-eth0 h2 62`);
test(dies, {r1: {routes: [{to: '10.0.2.0/24', type: 'prohibit'}, {to: '10.0.2.0/24', via: '10.9.0.2', table: 100}], rules: [{from: '10.0.1.1/32', interface: 'r1-eth1', table: 100}]}}, 'r1-eth0 r1 64 | refused: r1 refuses what goes to 10.0.2.1, by a route of type prohibit');

test('of proxied addresses the router answers, when it forwards and routes them out of another interface', t => {
	const plan = blueprint(new Row({h1: {gateway: 'none', routes: [{to: '10.0.2.0/24', interface: 'h1-eth0'}]}, r1: {routes: [{to: '10.0.2.0/24', via: '10.9.0.2'}], proxyArp: true}}));
	const way = (each: Blueprint) => {
		const {hops, broken} = new Paths(each).from(nodeOf(each, 'h1'), parseAddress('10.0.2.1'));
		return broken ?? hops.map(({node}) => node.name).join(' ');
	};

	t.is(way(plan), 'h1 r1 r2 h2');
	const silent = 'h1 asks for 10.0.2.1 on h1-eth0 from 10.0.1.1, and nobody answers';
	t.is(way(blueprint(new Row({h1: {gateway: 'none', routes: [{to: '10.0.2.0/24', interface: 'h1-eth0'}]}}))), `${silent}; r1 would, but its proxyArp is off on r1-eth0`);
	t.is(way(blueprint(new Row({h1: {gateway: 'none', routes: [{to: '10.0.2.0/24', interface: 'h1-eth0'}]}, r1: {routes: [], proxyArp: true}}))), `${silent}; r1 would, but it has no route to 10.0.2.1`);
	t.is(way(blueprint(new Row({h1: {gateway: 'none', routes: [{to: '10.0.2.0/24', interface: 'h1-eth0'}]}, r1: {routes: [{to: '10.0.2.0/24', via: '10.9.0.2'}], proxyArp: true, forwarding: false}}))), `${silent}; r1 would, but it forwards nothing`);
	t.is(way(blueprint(new Row({h1: {gateway: 'none', routes: [{to: '10.0.2.0/24', interface: 'h1-eth0'}]}, r1: {routes: [], forwarding: false}}))), silent);
	for (const [route, reason] of [[{type: 'blackhole'}, 'its route to 10.0.2.1 is of type blackhole'], [{via: '10.0.1.77'}, 'its route to 10.0.2.1 leads back out of r1-eth0']] as const) {
		t.is(way(blueprint(new Row({h1: {gateway: 'none', routes: [{to: '10.0.2.0/24', interface: 'h1-eth0'}]}, r1: {routes: [{to: '10.0.2.0/24', ...route}], proxyArp: true}}))), `${silent}; r1 would, but ${reason}`);
	}
});

test('a learned neighbor is not asked for, unless nobody has its MAC', t => {
	const plan = blueprint(new Row({h2: {rpFilter: 'strict', gateway: 'none'}, r2: bareHost, bare: true}));
	const way = (mac: string) => {
		const learned = {address: parseAddress('10.0.2.1'), mac, interface: 'r2-eth1', isLearned: true};
		return new Paths(plan, each => ({...routingPlan(each), ...each.name === 'r2' ? {neighbors: [learned]} : {}})).from(nodeOf(plan, 'h1'), parseAddress('10.0.2.1')).broken;
	};

	t.is(way(nodeOf(plan, 'h2').interfaces[0]?.mac ?? ''), 'h2 drops what comes in by h2-eth0 from 10.0.1.1: its reverse path filter (strict) knows no way back there');
	t.is(way('02:00:00:00:00:77'), 'r2 asks for 10.0.2.1 on r2-eth1 from 10.9.0.2, and h2 ignores it: its reverse path filter (strict) on h2-eth0 knows no way back');
});

test('an interface that is down or has no carrier, a TTL that is too short', t => {
	const plan = blueprint(new Row({}));
	const dead = (node: string, change: Partial<RoutingPlan>) => new Paths(plan, each => ({...routingPlan(each), ...each.name === node ? change : {}})).from(nodeOf(plan, 'h1'), parseAddress('10.0.2.1')).broken;
	t.is(dead('r1', {stateOf: name => name === 'r1-eth1' ? 'no carrier' : 'up'}), 'r1-eth1 of r1 has no carrier');
	t.is(dead('r1', {stateOf: name => name === 'r1-eth1' ? 'down' : 'up'}), 'r1-eth1 of r1 is down');
	t.is(dead('h2', {stateOf: () => 'down'}), 'r2 asks for 10.0.2.1 on r2-eth1 from 10.0.2.254, and nobody answers');
	t.is(dead('h1', {ttl: {4: 1, 6: 1}}), 'its TTL runs out at r1');
	t.is(dead('r1', {routes: [{to: parsePrefix('10.0.2.0/24'), interface: 'made-by-hand'}]}), 'r1 sends it out of made-by-hand, which is no part of the lab');
});

test('a way over a tunnel ends where that begins when what carries it does not get to its other end', t => {
	const plan = blueprint(new Row({r1: {routes: [{to: '10.0.2.0/24', via: '10.8.0.2'}]}, tunnel: {via: 'gre'}}));
	const way = (change: Partial<RoutingPlan>) => {
		const {hops, broken, reason} = new Paths(plan, each => ({...routingPlan(each), ...each.name === 'r1' ? change : {}})).from(nodeOf(plan, 'h1'), parseAddress('10.0.2.1'));
		return [hops.map(({node}) => node.name).join(' '), reason, broken];
	};

	t.deepEqual(way({}), ['h1 r1 r2 h2', undefined, undefined]);
	const cut = 'the tunnel r1-tun0 (gre) of r1 does not get to 10.9.0.2: r1-eth1 of r1 is down';
	t.deepEqual(way({stateOf: name => name === 'r1-eth1' ? 'down' : 'up'}), ['h1 r1', 'tunnel', cut]);
	const [via] = routingPlan(nodeOf(plan, 'r1')).routes.filter(({via: next}) => next !== undefined && formatAddress(next) === '10.8.0.2');
	t.deepEqual(way({routes: [...routingPlan(nodeOf(plan, 'r1')).routes, {...via, to: parsePrefix('10.9.0.2/32')}]}), ['h1 r1', 'tunnel', 'the tunnel r1-tun0 (gre) of r1 does not get to 10.9.0.2: the tunnel r1-tun0 (gre) of r1 leads through itself']);
});

test('a loose reverse path filter is strict on an interface without any address', t => {
	const plan = blueprint(new Row({r2: {routes: [{to: '10.0.1.0/24', via: '10.0.2.1'}], rpFilter: 'loose'}}));
	const without = (each: NodePlan): RoutingPlan => {
		const routing = routingPlan(each);
		return each.name === 'r2' ? {...routing, interfaces: routing.interfaces.map(own => own.name === 'r2-eth0' ? {...own, addresses: []} : own)} : routing;
	};

	t.is(new Paths(plan).from(nodeOf(plan, 'h1'), parseAddress('10.0.2.1')).broken, undefined);
	t.is(new Paths(plan, without).from(nodeOf(plan, 'h1'), parseAddress('10.0.2.1')).reason, 'reverse-path-filter');
});

test('of several next hops a kernel says which one a flow takes', t => {
	const plan = blueprint(new Row({r1: {routes: [{to: '10.0.2.0/24', nextHops: [{via: '10.9.0.7'}, {via: '10.9.0.2'}]}]}}));
	const reach = (choice: number) => new Paths(plan, each => ({...routingPlan(each), chosenHop: () => choice})).from(nodeOf(plan, 'h1'), parseAddress('10.0.2.1')).broken;
	t.is(reach(1), undefined);
	t.regex(reach(0) ?? '', /asks for 10\.9\.0\.7/);
});

const meets = test.macro<[lines: readonly string[], from: string, to: string, expected: string]>({
	exec(t, lines, from, to, expected) {
		const blueprint = sketch(secureNet);
		const inventory = inventoryOf(blueprint);
		const [source, destination] = [parseAddress(from), parseAddress(to)];
		const paths = new Paths(blueprint);
		const packet = {source, destination, protocol: 6, sport: 1024, dport: 80};
		const verdict = evaluator(policyOf(lines, blueprint), inventory)(packet);
		const path = paths.from(paths.ownerOf(source) as NodePlan, destination);
		t.is(pointsOf(path, packet, verdict, inventory).map(({hop, fate}) => `${hop.node.name} ${fate}`).join(', '), expected);
	},
	title: (_, lines, from, to, expected) => `${lines.join('; ')}: ${from} > ${to}: ${expected}`,
});

test(meets, [], '10.0.10.10', '10.0.20.20', 's1 drops, fw beyond, s2 beyond');
test(meets, [], '10.0.10.10', '10.0.10.11', 's1 passes');
test(meets, ['secrule add allow any to any'], '10.0.10.10', '10.0.20.20', 's1 passes, fw passes, s2 passes');
test(meets, ['secrule add reject any to any'], '10.0.10.10', '10.0.20.20', 's1 passes, fw rejects, s2 beyond');
test(meets, ['secrule add reject any to any'], '10.0.10.10', '10.0.10.11', 's1 drops');
test(meets, [], '10.0.10.10', '10.0.20.1', 's1 passes');
