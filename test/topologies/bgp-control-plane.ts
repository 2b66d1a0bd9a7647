/** The story of bgp-control-plane: whoever tells the routers, each host is reached from everywhere as long as it is somewhere. */
import test from 'ava';
import type {BgpNeighborsResult, JoinResult} from '../../lib/index.ts';
import {pingAll} from '../../lib/network/reachability.ts';
import BgpControlPlane from '../../topologies/bgp-control-plane.ts';
import {patience, pingPatience} from '../helpers/patience.ts';
import {labOf} from '../helpers/scenario.ts';

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

test.serial('with a route reflector only edge1 has several sessions', async t => {
	const lab = await labOf(t, new BgpControlPlane({peers: 'route-reflector', hosts: 0}));
	const [answer] = await lab.run('bgp neighbors');
	t.deepEqual((answer?.result as BgpNeighborsResult).map(({router, neighbors}) => [router, neighbors.map(({node}) => node)]), [['edge1', ['edge2', 'edge3']], ['edge2', ['edge1']], ['edge3', ['edge1']]]);
});
