/** Links between edge routers that come and go while the lab runs: sessions and ways come and go with them, and no good session is broken. */
import test, {type ExecutionContext} from 'ava';
import type {Lab} from '../../lib/index.ts';
import type {ControlKind} from '../../lib/topology/specs.ts';
import type {Topology} from '../../lib/topology/topology.ts';
import {formatAddress} from '../../lib/util/address.ts';
import {until} from '../helpers/edges.ts';
import {needing} from '../helpers/needing.ts';
import {connects, isBlocked, labOf} from '../helpers/scenario.ts';
import {sketch} from '../helpers/sketch.ts';

const withGobgp = await needing('gobgpd');

/** edge1 and edge2 with h1 and h2, and a router between them that knows no BGP. */
function apart(control: ControlKind): Topology {
	return sketch(topology => {
		const core = topology.addRouter('core', {routes: [1, 2].map(number => ({to: `10.0.0.${number}`, via: `172.16.${number}.1`}))});
		for (const number of [1, 2]) {
			const edge = topology.addRouter(`edge${number}`, {proxyArp: true, bgp: {as: 65_000}, routes: [{to: `172.16.${3 - number}.0/30`, via: `172.16.${number}.2`}]});
			topology.addLink(core.interface({ip: `172.16.${number}.2/30`}), edge.interface({ip: `172.16.${number}.1/30`}));
			topology.addHost(`h${number}`, {ip: `10.0.0.${number}/24`, gateway: 'none', joins: `edge${number}`});
		}
	}, {control});
}

async function addDirect(lab: Lab): Promise<void> {
	await lab.addLink({node: 'edge1', options: {ip: '172.20.0.1/30'}}, {node: 'edge2', options: {ip: '172.20.0.2/30'}});
}

/** Of edge1, as `172.16.2.1 established`. */
async function sessions(lab: Lab): Promise<string[]> {
	return (await lab.control.plane.neighbors('edge1')).map(({address, state}) => `${formatAddress(address)} ${state}`);
}

async function reached(t: ExecutionContext, lab: Lab, what: string): Promise<void> {
	t.true(await connects(lab, 'h1', 'h2'), what);
	t.true(await connects(lab, 'h2', 'h1'), what);
}

withGobgp('bgp: a session comes with a link and goes with it, and one that is established stays', async t => {
	const lab = await labOf(t, apart('bgp'));
	t.deepEqual(await sessions(lab), ['172.16.2.1 established']);
	await addDirect(lab);
	t.deepEqual(await sessions(lab), ['172.16.2.1 established']);
	await lab.remove({links: lab.network.linksBetween('edge1', 'core')});
	await until(t, lab, () => lab.control.edges.agent('edge1').learned.some(({nextHop}) => formatAddress(nextHop) === '172.20.0.2'), 'session');
	t.deepEqual(await sessions(lab), ['172.20.0.2 established']);
	await reached(t, lab, 'by the link that came');
	await lab.remove({links: lab.network.linksBetween('edge1', 'edge2')});
	await lab.control.plane.settled();
	t.deepEqual(await sessions(lab), []);
	t.true(await isBlocked(lab, 'h1', 'h2'));
	await addDirect(lab);
	t.deepEqual(await sessions(lab), ['172.20.0.2 established']);
	await reached(t, lab, 'by the link that came again');
});

test.serial('controller: ways follow the links', async t => {
	const lab = await labOf(t, apart('controller'));
	await reached(t, lab, 'at first');
	await addDirect(lab);
	await lab.remove({links: lab.network.linksBetween('edge1', 'core')});
	await reached(t, lab, 'by the link that came');
	await lab.remove({links: lab.network.linksBetween('edge1', 'edge2')});
	t.true(await isBlocked(lab, 'h1', 'h2'));
	await addDirect(lab);
	await reached(t, lab, 'by the link that came again');
});
