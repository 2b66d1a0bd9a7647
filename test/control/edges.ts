/** Both control planes, on real packets: who joins is reached from everywhere, who moves is followed, who leaves is forgotten. */
import test, {type ExecutionContext} from 'ava';
import type {Lab} from '../../lib/index.ts';
import type {ControlKind} from '../../lib/topology/specs.ts';
import {PingStream} from '../../lib/probes/ping-stream.ts';
import {parsePrefix} from '../../lib/util/address.ts';
import {bgpRoutes, mesh, until} from '../helpers/edges.ts';
import {type Declare, needing} from '../helpers/needing.ts';
import {patience} from '../helpers/patience.ts';
import {connects, isBlocked, labOf} from '../helpers/scenario.ts';
import {sketch} from '../helpers/sketch.ts';

/** Milliseconds in which all edge routers know of what happened. */
const limit = 2000 * patience;

const declare: Readonly<Record<ControlKind, Declare>> = {bgp: await needing('gobgpd'), controller: test.serial};

for (const kind of ['bgp', 'controller'] as const) {
	declare[kind](`${kind}: hosts join, move and leave`, async t => {
		const lab = await labOf(t, mesh({control: kind, edges: 5, hosts: 7, joined: 5, ipv6: true}));
		await joining(t, lab);
		await ofIpv6(t, lab);
		await moving(t, lab);
		await leaving(t, lab);
		await refusing(t, lab);
		await comingAndGoing(t, lab, kind);
	});
}

async function joining(t: ExecutionContext, lab: Lab): Promise<void> {
	const events: string[] = [];
	lab.once('join', ({host, router}) => events.push(`${host} ${router}`));
	const [line] = await lab.run('h6 join edge2');
	t.regex(line?.text ?? '', /^h6 joined edge2: 10\.0\.0\.6, fd10::6 \(\d+ ms\)$/);
	const {time, unaware} = line?.result as {time: number; unaware: string[]};
	t.deepEqual(unaware, []);
	t.true(time < limit, `${time} ms`);
	t.deepEqual(events, ['h6 edge2']);
	for (const host of ['h1', 'h2', 'h3', 'h4', 'h5']) {
		t.true(await connects(lab, host, 'h6'), `${host} > h6`);
		t.true(await connects(lab, 'h6', host), `h6 > ${host}`);
	}
}

/** IPv6 takes the same way: edge routers answer neighbor solicitations for each other's hosts. */
async function ofIpv6(t: ExecutionContext, lab: Lab): Promise<void> {
	t.deepEqual((await bgpRoutes(lab, 'edge5')).filter(route => /^(?:10\.0\.0\.|fd10::)6 /.test(route)), ['10.0.0.6 172.16.20.1', 'fd10::6 fd16:20::1']);
	const {exitCode, stdout} = await lab.node('h5').execute(['ping', '-6', '-c', '1', '-W', '5', 'fd10::6']);
	t.is(exitCode, 0, stdout);
}

async function moving(t: ExecutionContext, lab: Lab): Promise<void> {
	const [line] = await lab.run('h6 join edge1');
	const {time, unaware, from} = line?.result as {time: number; unaware: string[]; from: string};
	t.deepEqual([from, unaware], ['edge2', []]);
	t.true(time < limit, `${time} ms`);
	for (const host of ['h1', 'h2', 'h3']) {
		t.true(await connects(lab, host, 'h6'), `${host} > h6`);
	}

	t.deepEqual((await bgpRoutes(lab, 'edge1')).filter(route => route.startsWith('10.0.0.6 ')), []);
	t.deepEqual((await bgpRoutes(lab, 'edge2')).filter(route => route.startsWith('10.0.0.6 ')), ['10.0.0.6 172.16.1.1']);
}

async function leaving(t: ExecutionContext, lab: Lab): Promise<void> {
	const [line] = await lab.run('h6 leave');
	t.deepEqual((line?.result as {unaware: string[]}).unaware, []);
	t.true(await isBlocked(lab, 'h1', 'h6'));
	for (const router of ['edge1', 'edge2', 'edge3', 'edge4', 'edge5']) {
		t.deepEqual((await bgpRoutes(lab, router)).filter(route => route.startsWith('10.0.0.6 ')), [], router);
	}

	t.is((await lab.run('h6 join edge1'))[0]?.ok, true);
	t.true(await connects(lab, 'h2', 'h6'));
}

async function refusing(t: ExecutionContext, lab: Lab): Promise<void> {
	await t.throwsAsync(lab.run('h6 join edge1'), {code: 'already-joined', message: 'h6 is at edge1 already.'});
	await t.throwsAsync(lab.run('h7 leave'), {code: 'not-joined'});
	await t.throwsAsync(lab.join({host: 'h7', router: 'h1'}), {code: 'unknown-edge-router'});
	await t.throwsAsync(lab.run('del edge1'), {code: 'router-in-use', message: /^edge1 cannot be removed: h1, h6 are there\./});
}

/** A new edge router learns of all and is reached by all; one that is removed by force takes its hosts along. */
async function comingAndGoing(t: ExecutionContext, lab: Lab, kind: ControlKind): Promise<void> {
	const links = ['1', '2', '3', '4', '5'].map(number => ({ends: [{node: 'edge6', options: {ip: [`172.17.${number}.1/30`, `fd17:${number}::1/126`]}}, {node: `edge${number}`, options: {ip: [`172.17.${number}.2/30`, `fd17:${number}::2/126`]}}] as const, options: {}}));
	await lab.add({nodes: [{kind: 'router', name: 'edge6', options: {proxyArp: true, bgp: {as: 65_000}}}], links});
	t.deepEqual((await bgpRoutes(lab, 'edge6')).map(route => route.split(' ')[0]), ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6', 'fd10::1', 'fd10::2', 'fd10::3', 'fd10::4', 'fd10::5', 'fd10::6']);
	const joined = await lab.join({host: 'h7', router: 'edge6'});
	t.deepEqual(joined.unaware, [], kind);
	for (const host of ['h1', 'h5', 'h6']) {
		t.true(await connects(lab, host, 'h7'), `${host} > h7`);
		t.true(await connects(lab, 'h7', host), `h7 > ${host}`);
	}

	await lab.run('del edge1 --force');
	t.deepEqual((await bgpRoutes(lab, 'edge6')).filter(route => /^10\.0\.0\.[16] /.test(route)), []);
	if (kind === 'bgp') {
		const lists = (await lab.run('bgp neighbors'))[0]?.result as ReadonlyArray<{router: string; neighbors: ReadonlyArray<{node: string}>}>;
		t.deepEqual(lists.map(({router, neighbors}) => [router, neighbors.filter(({node}) => !lists.some(each => each.router === node))]), ['edge2', 'edge3', 'edge4', 'edge5', 'edge6'].map(router => [router, []]));
	}

	t.true(await connects(lab, 'h7', 'h5'));
	t.deepEqual((await lab.join({host: 'h6', router: 'edge5'}, {host: 'h1', router: 'edge5'})).joins.map(({host}) => host), ['h6', 'h1']);
	t.true(await connects(lab, 'h7', 'h6'));
}

for (const kind of ['bgp', 'controller'] as const) {
	declare[kind](`${kind}: the packets of a host's peer follow it`, async t => {
		const lab = await labOf(t, mesh({control: kind, hosts: 3, joined: 3}));
		using stream = await PingStream.open(lab.network, {from: 'h1', to: 'h3', interval: 10});
		await stream.more(10);
		const {time} = (await lab.run('h3 join edge2'))[0]?.result as {time: number};

		t.true(time < limit, `${time} ms`);
		await stream.more(20);
		const {sent, answered} = await stream.stop();
		// Before it moved and after: in between some were lost.
		t.true(answered >= 28, `${answered} of ${sent} answered`);
		// Whose neighbor it has become: nothing of the old way is left in anybody's mind.
		await lab.run('h3 join edge1');
		t.true(await connects(lab, 'h1', 'h3'));
		t.true(await connects(lab, 'h2', 'h3'));
	});
}

for (const kind of ['bgp', 'controller'] as const) {
	declare[kind](`${kind}: who moves by another address is forgotten by the old one`, async t => {
		const lab = await labOf(t, mesh({control: kind, hosts: 1, joined: 1, more: topology => topology.addHost('two', {gateway: 'none'})}));
		const {agents} = lab.control.edges;
		for (const number of [1, 2]) {
			await lab.addLink({node: 'two', options: {ip: `10.0.${number}.5/24`}}, {node: `edge${number}`, options: {ip: []}});
		}

		await lab.join({host: 'two', router: 'edge1'});
		t.deepEqual(await bgpRoutes(lab, 'edge3'), ['10.0.0.1 172.16.2.1', '10.0.1.5 172.16.2.1']);
		const {joins: [join]} = await lab.join({host: 'two', router: 'edge2'});
		t.like(join, {router: 'edge2', from: 'edge1', before: {host: 'two', router: 'edge1'}});
		await until(t, lab, () => [...agents.values()].every(agent => agent.hasForgotten(parsePrefix('10.0.1.5/32'))), 'withdrawal');
		t.deepEqual([await bgpRoutes(lab, 'edge1'), await bgpRoutes(lab, 'edge3')], [['10.0.2.5 172.16.1.2'], ['10.0.0.1 172.16.2.1', '10.0.2.5 172.16.18.1']]);
	});
}

test.serial('on a LAN who remembers the MAC of a host that moves hears the router\'s, and its own again when it is back', async t => {
	const lab = await labOf(t, sketch(topology => {
		const [a, b] = ['edge1', 'edge2'].map(name => topology.addRouter(name, {proxyArp: true, bgp: {as: 65_000}})) as [ReturnType<typeof topology.addRouter>, ReturnType<typeof topology.addRouter>];
		topology.addLink(a.interface({ip: '172.16.0.1/30'}), b.interface({ip: '172.16.0.2/30'}));
		for (const [name, edge] of [['lan1', a], ['lan2', b]] as const) {
			topology.addLink(edge.interface({ip: []}), topology.addBridge(name));
		}

		for (const number of [1, 2, 3]) {
			topology.addHost(`h${number}`, {ip: `10.0.0.${number}/24`, gateway: 'none', joins: number === 3 ? 'edge2' : 'edge1'});
		}
	}, {control: 'controller'}));
	t.deepEqual(lab.network.linksBetween('h1', 'lan1').length, 1);
	const macOfH2 = lab.node('h2').interfaces[0]?.mac ?? '';
	const remembered = async (host: string) => (await lab.node(host).execute(['ip', 'neighbor', 'show', '10.0.0.2'])).stdout;
	const everybody = async (what: string) => {
		t.true(await connects(lab, 'h1', 'h2'), `h1 ${what}`);
		t.true(await connects(lab, 'h3', 'h2'), `h3 ${what}`);
	};

	await everybody('at first');
	t.true((await remembered('h1')).includes(macOfH2));
	await lab.run('h2 join edge2');
	t.false((await remembered('h1')).includes(macOfH2));
	t.true((await remembered('h3')).includes(macOfH2));
	await everybody('after the move');
	await lab.run('h2 join edge1');
	t.true((await remembered('h1')).includes(macOfH2));
	t.false((await remembered('h3')).includes(macOfH2));
	await everybody('after the return');
});

test.serial('a host that has left keeps its addresses for the next link, and says so', async t => {
	const lab = await labOf(t, mesh({control: 'controller', edges: 2, hosts: 2, joined: 2, ipv6: true}));
	await lab.run('h2 leave');
	const nodes = (await lab.run('nodes'))[0]?.result as ReadonlyArray<{name: string; addresses: readonly string[]}>;
	t.deepEqual(nodes.find(({name}) => name === 'h2')?.addresses, ['10.0.0.2/16', 'fd10::2/64']);
	for (const line of ['path h1 h2', 'path h2 h1', 'explain h1 h2', 'explain h2 10.0.0.1']) {
		await t.throwsAsync(lab.run(line), {code: 'no-way', message: /^h2 has no link: .* add link h2 NODE\.$/}, line);
	}
});

test.serial('hosts that left a router by force are back when it cannot go', async t => {
	const lab = await labOf(t, mesh({control: 'controller', edges: 2, hosts: 3, joined: 3, router: {perimeter: true}}));
	await lab.run('secrule add allow any to any');
	await t.throwsAsync(lab.run('del edge1 --force'), {code: 'not-live'});
	t.deepEqual([...lab.control.edges.places.values()].map(({host, router}) => `${host} ${router}`).sort(), ['h1 edge1', 'h2 edge2', 'h3 edge1']);
	t.true(await connects(lab, 'h2', 'h1'));
	t.true(await connects(lab, 'h3', 'h2'));
});
