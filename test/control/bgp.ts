/** Shapes of BGP on real packets: a route reflector whose clients have no session with each other, two AS; and many hosts at once, by a controller too. */
import test from 'ava';
import type {Lab} from '../../lib/index.ts';
import type {ControlKind} from '../../lib/topology/specs.ts';
import {bgpRoutes, mesh} from '../helpers/edges.ts';
import {type Declare, needing} from '../helpers/needing.ts';
import {patience} from '../helpers/patience.ts';
import {connects, labOf} from '../helpers/scenario.ts';
import {sketch} from '../helpers/sketch.ts';

const withGobgp = await needing('gobgpd');
const declare: Readonly<Record<ControlKind, Declare>> = {bgp: withGobgp, controller: test.serial};

/** Router names and states of sessions, as `edge1 edge2 established`. */
async function sessions(lab: Lab): Promise<string[]> {
	const [line] = await lab.run('bgp neighbors');
	const lists = line?.result as ReadonlyArray<{router: string; neighbors: ReadonlyArray<{node: string; state: string}>}>;
	return lists.flatMap(({router, neighbors}) => neighbors.map(({node, state}) => `${router} ${node} ${state}`)).sort();
}

withGobgp('a route reflector tells its clients of each other; their routes go where the next hop is', async t => {
	const as = 65_000;
	const lab = await labOf(t, sketch(topology => {
		const reflector = topology.addRouter('rr', {bgp: {as, neighbors: 'route-reflector'}});
		for (const number of [1, 2]) {
			// The other client is behind the reflector: a static route leads there, and BGP's next hop is resolved by it.
			const edge = topology.addRouter(`edge${number}`, {proxyArp: true, bgp: {as, neighbors: []}, routes: [{to: `172.16.${3 - number}.0/30`, via: `172.16.${number}.1`}]});
			topology.addLink(reflector.interface({ip: `172.16.${number}.1/30`}), edge.interface({ip: `172.16.${number}.2/30`}));
			topology.addHost(`h${number}`, {ip: `10.0.0.${number}/24`, gateway: 'none', joins: `edge${number}`});
		}
	}));
	t.deepEqual(await sessions(lab), ['edge1 rr established', 'edge2 rr established', 'rr edge1 established', 'rr edge2 established']);
	t.deepEqual(await bgpRoutes(lab, 'edge1'), ['10.0.0.2 172.16.1.1']);
	t.deepEqual(await bgpRoutes(lab, 'rr'), ['10.0.0.1 172.16.1.2', '10.0.0.2 172.16.2.2']);
	const [rib] = await lab.run('bgp rib edge1 --json');
	t.like(rib?.result, [{router: 'edge1', paths: [{to: '10.0.0.1', asPath: [], best: true}, {to: '10.0.0.2', via: '172.16.2.2', from: '172.16.1.1', originator: '172.16.2.2', localPreference: 100, best: true}]}]);
	t.true(await connects(lab, 'h1', 'h2'));
});

withGobgp('two AS: the way is told with the numbers of those it passes', async t => {
	const lab = await labOf(t, sketch(topology => {
		const [a, b, c] = [65_001, 65_002, 65_003].map((as, index) => topology.addRouter('abc'.charAt(index), {proxyArp: true, bgp: {as, neighbors: index === 1 ? ['a', 'c'] : []}})) as [ReturnType<typeof topology.addRouter>, ReturnType<typeof topology.addRouter>, ReturnType<typeof topology.addRouter>];
		topology.addLink(a.interface({ip: '172.16.1.1/30'}), b.interface({ip: '172.16.1.2/30'}));
		topology.addLink(b.interface({ip: '172.16.2.1/30'}), c.interface({ip: '172.16.2.2/30'}));
		topology.addHost('h1', {ip: '10.0.0.1/24', gateway: 'none', joins: 'a'});
		topology.addHost('h3', {ip: '10.0.0.3/24', gateway: 'none', joins: 'c'});
	}));
	const [rib] = await lab.run('bgp rib a');
	t.is(rib?.text, 'a:\n  * 10.0.0.1  here\n  * 10.0.0.3  via 172.16.1.2  from 172.16.1.2  as 65002 65003');
	t.true(await connects(lab, 'h1', 'h3'));
	t.true(await connects(lab, 'h3', 'h1'));
});

for (const control of ['bgp', 'controller'] as const) {
	declare[control](`${control}: 200 hosts that join at once are known everywhere`, async t => {
		const lab = await labOf(t, mesh({control, edges: 5, hosts: 200}));
		const {unaware, time} = await lab.join(...Array.from({length: 200}, (_, index) => ({host: `h${index + 1}`, router: `edge${(index % 5) + 1}`})));
		t.deepEqual(unaware, []);
		t.true(time < 5000 * patience, `${time} ms`);
		for (const router of ['edge1', 'edge2', 'edge3', 'edge4', 'edge5']) {
			t.is((await bgpRoutes(lab, router)).length, 160, router);
		}

		t.true(await connects(lab, 'h1', 'h200'));
		const {unaware: unforgotten} = await lab.leave(...Array.from({length: 200}, (_, index) => `h${index + 1}`));
		t.deepEqual(unforgotten, []);
		t.deepEqual(await bgpRoutes(lab, 'edge3'), []);
	});
}
