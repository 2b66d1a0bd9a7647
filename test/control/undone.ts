/** What cannot be done at the edges is not half done: who fails to join is nowhere, who loses the way has left, what the kernel refuses is not known. */
import test from 'ava';
import type {Lab} from '../../lib/index.ts';
import type {Topology} from '../../lib/topology/topology.ts';
import {formatAddress, parsePrefix} from '../../lib/util/address.ts';
import {mesh, until} from '../helpers/edges.ts';
import {connects, labOf} from '../helpers/scenario.ts';
import {sketch} from '../helpers/sketch.ts';

/** As `h1 edge1`. */
function places(lab: Lab): string[] {
	return [...lab.control.edges.places.values()].map(({host, router}) => `${host} ${router}`).sort();
}

function linksOf(lab: Lab, host: string): number {
	return lab.network.links.filter(({ends}) => ends.some(({node}) => node === host)).length;
}

async function routes(lab: Lab, router: string): Promise<string> {
	return (await lab.node(router).execute(['ip', 'route', 'show', 'root', '10.0.0.0/24'])).stdout;
}

/** Two edge routers, each with a LAN at its side. */
function withLans(joined: number): Topology {
	return sketch(topology => {
		const [a, b] = ['edge1', 'edge2'].map(name => topology.addRouter(name, {proxyArp: true, bgp: {as: 65_000}})) as [ReturnType<typeof topology.addRouter>, ReturnType<typeof topology.addRouter>];
		topology.addLink(a.interface({ip: '172.16.0.1/30'}), b.interface({ip: '172.16.0.2/30'}));
		topology.addLink(a.interface({ip: [], name: 'lan'}), topology.addBridge('s1'));
		topology.addLink(b.interface({ip: [], name: 'lan'}), topology.addBridge('s2'));
		for (const number of [1, 2, 3]) {
			topology.addHost(`h${number}`, {ip: `10.0.0.${number}/24`, gateway: 'none', ...number <= joined ? {joins: `edge${2 - (number % 2)}`} : {}});
		}
	}, {control: 'controller'});
}

test.serial('hosts that cannot join are nowhere, and who was to come with them is as before', async t => {
	const lab = await labOf(t, withLans(1));
	const events: string[] = [];
	lab.on('join', ({host, router}) => events.push(`join ${host} ${router}`));
	lab.on('leave', ({host, router}) => events.push(`leave ${host} ${router}`));
	await lab.node('edge2').execute(['ip', 'link', 'set', 'lan', 'down']);
	await t.throwsAsync(lab.join({host: 'h3', router: 'edge1'}, {host: 'h1', router: 'edge2'}), {message: /Network is down|ENETDOWN/});
	t.deepEqual(events, ['leave h1 edge1']);
	t.deepEqual(places(lab), []);
	t.deepEqual([linksOf(lab, 'h1'), linksOf(lab, 'h3')], [0, 0]);
	await lab.node('edge2').execute(['ip', 'link', 'set', 'lan', 'up']);
	await lab.run('h2 join edge2');
	t.regex(await routes(lab, 'edge1'), /^10\.0\.0\.2 .*bgp/);
	t.notRegex(`${await routes(lab, 'edge1')}${await routes(lab, 'edge2')}`, /10\.0\.0\.[13]/);
});

test.serial('a host is named once', async t => {
	const lab = await labOf(t, mesh({control: 'controller', edges: 2, hosts: 1}));
	await t.throwsAsync(lab.join({host: 'h1', router: 'edge1'}, {host: 'h1', router: 'edge2'}), {code: 'joins-twice', message: 'h1 is named twice, for edge1 and for edge2: a host is at one edge router. Name it once.'});
	t.is(linksOf(lab, 'h1'), 0);
});

test.serial('hosts behind a switch have left when their router loses its link to it', async t => {
	const lab = await labOf(t, withLans(3));
	const left: string[] = [];
	lab.on('leave', ({host, router}) => left.push(`${host} ${router}`));
	await lab.run('del link edge1 s1');
	t.deepEqual(left, ['h1 edge1', 'h3 edge1']);
	t.deepEqual(places(lab), ['h2 edge2']);
});

test.serial('who left because its router lost the switch has one link when it is back, whoever made the one to the switch', async t => {
	const lab = await labOf(t, withLans(1));
	await lab.run('add link h2 s2', 'h2 join edge2', 'h3 join edge1', 'del link edge1 s1', 'del link edge2 s2');
	t.deepEqual([places(lab), linksOf(lab, 'h1'), linksOf(lab, 'h2')], [[], 1, 1]);
	await lab.run('h1 join edge1', 'h2 join edge1', 'h3 join edge2');
	t.deepEqual(places(lab), ['h1 edge1', 'h2 edge1', 'h3 edge2']);
	t.deepEqual(['h1', 'h2', 'h3'].map(host => linksOf(lab, host)), [1, 1, 1]);
	t.true(await connects(lab, 'h1', 'h3'));
	t.true(await connects(lab, 'h3', 'h2'));
});

test.serial('who is at its router by a tunnel has left when that goes', async t => {
	const lab = await labOf(t, sketch(topology => {
		const [edge, other] = ['edge1', 'edge2'].map(name => topology.addRouter(name, {proxyArp: true, bgp: {as: 65_000}})) as [ReturnType<typeof topology.addRouter>, ReturnType<typeof topology.addRouter>];
		const [hop, host] = [topology.addRouter('hop'), topology.addHost('h1', {ip: '192.168.2.1/24', gateway: '192.168.2.254'})];
		topology.addLink(edge.interface({ip: '172.16.0.1/30'}), other.interface({ip: '172.16.0.2/30'}));
		topology.addLink(edge.interface({ip: '192.168.1.1/24'}), hop.interface({ip: '192.168.1.254/24'}));
		topology.addLink(host, hop.interface({ip: '192.168.2.254/24'}));
		topology.addTunnel(host.interface({ip: '10.0.0.1/24'}), edge.interface({ip: '10.0.0.254/24', endpoint: '192.168.1.1'}), {via: 'gre'});
	}, {control: 'controller', routing: 'static'}));
	const left: string[] = [];
	lab.on('leave', ({host, router}) => left.push(`${host} ${router}`));
	const [tunnel] = lab.network.tunnels;
	const interfaces: string[] = [];
	lab.on('link', ({interface: name, change}) => interfaces.push(`${name} ${change ?? ''}`));
	await lab.run('h1 join edge1');
	t.regex(await routes(lab, 'edge2'), /^10\.0\.0\.1 .*bgp/m);
	await lab.remove({tunnels: tunnel ? [tunnel] : []});
	t.deepEqual([left, places(lab)], [['h1 edge1'], []]);
	t.deepEqual(interfaces, ['h1-tun0 removed', 'edge1-tun0 removed']);
	await until(t, lab, () => lab.control.edges.agent('edge2').hasForgotten(parsePrefix('10.0.0.1/32')), 'withdrawal');
	t.notRegex(await routes(lab, 'edge2'), /bgp/);
});

test.serial('nobody waits for routers that cannot hear of an address, and they are named', async t => {
	const lab = await labOf(t, mesh({control: 'controller', hosts: 1, more(topology) {
		topology.addHost('dual', {ip: ['10.0.9.9/16', 'fd10::9/64'], gateway: 'none'});
	}}));
	const {unaware, time} = await lab.join({host: 'dual', router: 'edge1'}, {host: 'h1', router: 'edge2'});
	t.deepEqual(unaware, ['edge2', 'edge3']);
	t.true(time < 5000, `${time} ms`);
	t.true(await connects(lab, 'h1', 'dual'));
});

test.serial('a link of one\'s own is not taken away, although a joining once had made one', async t => {
	const lab = await labOf(t, mesh({control: 'controller', edges: 2, hosts: 1}));
	await lab.run('h1 join edge1', 'del link h1 edge1', 'add link h1 edge1', 'h1 join edge1', 'h1 leave');
	t.is(linksOf(lab, 'h1'), 1);
});

test.serial('a link of one\'s own to another router stays, whoever leaves or moves, and the addresses go along with the other one', async t => {
	const lab = await labOf(t, mesh({control: 'controller', edges: 3, hosts: 1}));
	const linked = () => lab.network.links.flatMap(({ends}) => ends.some(({node}) => node === 'h1') ? ends.flatMap(({node}) => node === 'h1' ? [] : [node]) : []).sort();
	const at = () => [...lab.control.edges.places.values()].map(({router, addresses}) => `${router} ${addresses.map(formatAddress).join(' ')}`);
	await lab.run('h1 join edge1', 'add link h1 edge2', 'h1 leave');
	t.deepEqual([linked(), at()], [['edge2'], []]);
	await lab.run('h1 join edge1');
	t.deepEqual([linked(), at()], [['edge1', 'edge2'], ['edge1 10.0.0.1']]);
	await lab.run('h1 join edge3');
	t.deepEqual([linked(), at()], [['edge2', 'edge3'], ['edge3 10.0.0.1']]);
});

test.serial('the addresses that go along are those of the link by which the host came last', async t => {
	const lab = await labOf(t, mesh({control: 'controller', edges: 3, hosts: 1, joined: 1}));
	await lab.addLink({node: 'h1', options: {ip: '10.0.2.5/24'}}, {node: 'edge2', options: {ip: []}});
	const {mac} = lab.node('h1').interfaces[1] ?? {};
	await lab.run('h1 join edge2', 'h1 join edge3');
	t.deepEqual(lab.control.edges.places.get('h1')?.addresses.map(formatAddress), ['10.0.2.5']);
	t.deepEqual(lab.node('h1').interfaces.map(each => each.mac), [mac]);
});

test.serial('an address that a host has given up is not its own when it joins', async t => {
	const lab = await labOf(t, mesh({control: 'controller', edges: 2, hosts: 1, joined: 1, more(topology) {
		topology.addHost('heir', {ip: '10.0.0.1/16', gateway: 'none'});
	}}));
	await lab.run('h1 leave', 'heir join edge1');
	await lab.addLink({node: 'h1', options: {ip: '10.0.7.1/24'}}, {node: 'edge2', options: {ip: []}});
	await lab.run('h1 join edge2');
	t.deepEqual(lab.control.edges.places.get('h1')?.addresses.map(formatAddress), ['10.0.7.1']);
});

test.serial('a link of one\'s own that was taken away for a move is back when the move fails', async t => {
	const lab = await labOf(t, withLans(0));
	await lab.addLink({node: 'h1', options: {name: 'up0'}}, 's1');
	await lab.run('h1 join edge1');
	const before = lab.network.blueprint.nodes.get('h1')?.interfaces;
	const isAsBefore = (what: string) => {
		t.deepEqual(lab.network.blueprint.nodes.get('h1')?.interfaces, before, what);
		t.deepEqual([lab.control.edges.places.has('h1'), lab.network.linksBetween('h1', 's1').length], [false, 1], what);
	};

	// The name that a link which a joining makes would get.
	await lab.node('h1').execute(['ip', 'link', 'add', 'h1-eth0', 'type', 'bridge']);
	await t.throwsAsync(lab.run('h1 join edge2'), {message: /h1-eth0/});
	isAsBefore('no link could be made');
	await lab.node('h1').execute(['ip', 'link', 'delete', 'h1-eth0']);
	await lab.run('h1 join edge1', 'h2 join edge2');
	t.true(await connects(lab, 'h1', 'h2'));
	await lab.node('edge2').execute(['ip', 'link', 'set', 'lan', 'down']);
	await t.throwsAsync(lab.run('h1 join edge2'), {message: /Network is down|ENETDOWN/});
	isAsBefore('the router took no route');
});

test.serial('routers that come or go while the lab goes down leave no agent, and are told that it has', async t => {
	for (const change of [
		async (lab: Lab) => lab.add({nodes: [{kind: 'router', name: 'edge3', options: {bgp: {as: 65_000}}}]}),
		async (lab: Lab) => lab.remove({nodes: ['edge1']}, {force: true}),
	]) {
		const lab = await labOf(t, mesh({control: 'controller', edges: 2, hosts: 1, joined: 1}));
		const {edges} = lab.control;
		const changing = t.throwsAsync(change(lab), {code: 'namespace-gone', message: new RegExp(`^Lab ${lab.name} has been taken down\\.`)});
		await Promise.all([changing, lab.down()]);
		t.is(edges.agents.size, 0);
	}
});

test.serial('a router whose kernel refuses a route does not know the way, until nothing is in it', async t => {
	const lab = await labOf(t, mesh({control: 'controller', edges: 2, hosts: 2}));
	const first = parsePrefix('10.0.0.1/32');
	const agent = lab.control.edges.agent('edge2');
	await lab.run('edge2 route add blackhole 10.0.0.1 metric 200');
	const listeners = lab.control.edges.listenerCount('routes');
	t.deepEqual((await lab.join({host: 'h1', router: 'edge1'})).unaware, ['edge2']);
	t.is(lab.control.edges.listenerCount('routes'), listeners);
	t.false(agent.knows(first));
	await lab.run('edge2 route del 10.0.0.1', 'h2 join edge1');
	t.true(agent.knows(first));
	t.regex(await routes(lab, 'edge2'), /^10\.0\.0\.1 via 172\.16\.1\.1 .*bgp/);
});

test.serial('the first edge router stands in the topology file', async t => {
	const lab = await labOf(t, mesh({edges: 0, hosts: 1}));
	await t.throwsAsync(lab.run('add router e1 h1 ip 10.0.0.250/24 bgp 65000'), {code: 'not-live', message: /^e1 cannot be added while the lab runs: it is the first edge router.*addRouter\('e1', \{bgp: \{as: 65000\}\}\)\.$/});
	t.false(lab.network.nodes.has('e1'));
});
