/** The story of bgp-control-plane: whoever tells the routers, each host is reached from everywhere as long as it is somewhere. */
import test from 'ava';
import type {Addition, BgpNeighborsResult, JoinResult, Lab} from '../../lib/index.ts';
import {pingAll} from '../../lib/network/reachability.ts';
import BgpControlPlane from '../../topologies/bgp-control-plane.ts';
import {bgpRoutes} from '../helpers/edges.ts';
import {patience, pingPatience} from '../helpers/patience.ts';
import {connects, labOf} from '../helpers/scenario.ts';

type Parameters = NonNullable<ConstructorParameters<typeof BgpControlPlane>[0]>;

const hosts = ['h1', 'h2', 'h3', 'h4', 'h5', 'h6'];
/** Milliseconds until every edge router has programmed a host that joined. */
const convergence = 2000 * patience;

const works = test.macro<[parameters: Parameters]>({
	title: (_, parameters) => `${Object.values(parameters).join(', ')}: plainly all hosts reach each other, and one that moves is reached where it is`,
	async exec(t, parameters) {
		const lab = await labOf(t, new BgpControlPlane(parameters));
		const {lost} = await pingAll(lab.network, {timeout: pingPatience, pairs: hosts.flatMap(from => hosts.filter(to => to !== from).map(to => [from, to] as const))});
		t.deepEqual(lost, []);
		t.regex(await lab.node('h1').run`ping -c 1 20.0.0.2`, / ttl=62 /);
		const [moved] = await lab.run('h2 join edge1');
		t.like(moved?.result, {from: 'edge2', router: 'edge1', unaware: []});
		t.true((moved?.result as JoinResult).time < convergence);
		t.regex(await lab.node('h1').run`ping -c 1 20.0.0.2`, / ttl=63 /);
		t.regex(await lab.node('h3').run`ping -c 1 20.0.0.2`, / ttl=62 /);
	},
});

test.serial(works, {control: 'bgp', peers: 'full-mesh', transport: 'direct'});
test.serial(works, {control: 'bgp', peers: 'route-reflector', transport: 'gre'});
test.serial(works, {control: 'controller', transport: 'direct'});
test.serial(works, {control: 'controller', transport: 'gre'});

const takesSteps = test.macro<[parameters: Parameters]>({
	title: (_, {control}) => `${control}: step by step, each does what the story says`,
	async exec(t, parameters) {
		const story = new BgpControlPlane({...parameters, steps: true});
		const lab = await labOf(t, story);
		const results = await lab.run(...story.steps);
		t.true(results.filter(({mayFail}) => mayFail).every(({failure}) => failure !== undefined), 'what may fail does');
	},
});

test.serial(takesSteps, {control: 'bgp'});
test.serial(takesSteps, {control: 'controller'});

/** What an edge router that comes needs over tunnels: a link to the core with addresses at both ends, its way to the others, and a tunnel to each. */
const fourth = {
	nodes: [{kind: 'router', name: 'edge4', options: {proxyArp: true, bgp: {as: 65_000}, routes: [{to: '1.0.0.0/16', via: '1.0.4.254'}]}}],
	links: [{ends: [{node: 'edge4', options: {ip: '1.0.4.1/24'}}, {node: 'core', options: {ip: '1.0.4.254/24'}}], options: {}}],
	tunnels: [1, 2, 3].map(n => ({ends: [{node: `edge${n}`, options: {ip: `10.${n}.4.1/30`}}, {node: 'edge4', options: {ip: `10.${n}.4.2/30`}}], options: {via: 'gre'}})),
} as const satisfies Addition;

const grows = test.macro<[parameters: Parameters, add: (lab: Lab) => Promise<unknown>]>({
	title: (_, parameters) => `${Object.values(parameters).join(', ')}: an edge router that comes knows all hosts at once, and those that join it are reached`,
	async exec(t, parameters, add) {
		const lab = await labOf(t, new BgpControlPlane(parameters));
		const failures: string[] = [];
		lab.on('failure', ({message}) => failures.push(message));
		await add(lab);
		t.deepEqual((await bgpRoutes(lab, 'edge4')).map(route => route.split(' ')[0]), [1, 2, 3, 4, 5, 6].map(n => `20.0.0.${n}`));
		t.deepEqual((await lab.join({host: 'h5', router: 'edge4'})).unaware, []);
		for (const other of ['h1', 'h2', 'h3']) {
			t.true(await connects(lab, other, 'h5'), `${other} > h5`);
			t.true(await connects(lab, 'h5', other), `h5 > ${other}`);
		}

		t.deepEqual(failures, []);
	},
});

const line = async (lab: Lab) => lab.run('add router edge4 core ip 1.0.0.4/24 bgp 65000');
test.serial(grows, {control: 'bgp', peers: 'route-reflector'}, line);
test.serial(grows, {control: 'controller'}, line);
test.serial(grows, {control: 'bgp', transport: 'gre'}, async lab => lab.add(fourth));
test.serial(grows, {control: 'controller', transport: 'gre'}, async lab => lab.add(fourth));

test.serial('with a route reflector only edge1 has several sessions', async t => {
	const lab = await labOf(t, new BgpControlPlane({peers: 'route-reflector', hosts: 0}));
	const [answer] = await lab.run('bgp neighbors');
	t.deepEqual((answer?.result as BgpNeighborsResult).map(({router, neighbors}) => [router, neighbors.map(({node}) => node)]), [['edge1', ['edge2', 'edge3']], ['edge2', ['edge1']], ['edge3', ['edge1']]]);
});
