/** Links between edge routers that come and go while the lab runs: sessions and ways come and go with them, and no good session is broken. */
import {once} from 'node:events';
import test, {type ExecutionContext} from 'ava';
import type {Lab} from '../../lib/index.ts';
import {Gobgp} from '../../lib/services/gobgp.ts';
import type {ControlKind} from '../../lib/topology/specs.ts';
import type {Topology} from '../../lib/topology/topology.ts';
import {formatAddress} from '../../lib/util/address.ts';
import {SecureNetError} from '../../lib/util/errors.ts';
import {until} from '../helpers/edges.ts';
import {needing} from '../helpers/needing.ts';
import {longPatience} from '../helpers/patience.ts';
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

type Site = {readonly edge: ReturnType<Topology['addRouter']>; readonly lan: ReturnType<Topology['addSwitch']>};

/** edge1 and edge2 with a link, and each at a switch; the two switches have one only if they are `joined`. */
function twoLans(control: ControlKind, {joined = false} = {}): Topology {
	return sketch(topology => {
		const sites = [1, 2].map(number => {
			const edge = topology.addRouter(`edge${number}`, {proxyArp: true, bgp: {as: 65_000}});
			const lan = topology.addSwitch(`s${number}`);
			topology.addLink(edge.interface({ip: `172.16.9.${number}/24`}), lan);
			topology.addHost(`h${number}`, {ip: `10.0.0.${number}/24`, gateway: 'none'});
			return {edge, lan};
		}) as [Site, Site];
		topology.addLink(sites[0].edge.interface({ip: '172.20.0.1/30'}), sites[1].edge.interface({ip: '172.20.0.2/30'}));
		if (joined) {
			topology.addLink(sites[0].lan, sites[1].lan);
		}
	}, {control});
}

withGobgp('bgp: a session whose wire is cut goes another way at once', async t => {
	const lab = await labOf(t, twoLans('bgp', {joined: true}));
	t.deepEqual(await sessions(lab), ['172.16.9.2 established']);
	await lab.remove({links: lab.network.linksBetween('s1', 's2')});
	await lab.control.plane.settled();
	t.regex((await sessions(lab)).join(', '), /^172\.20\.0\.2 [\w-]+$/);
	await lab.join({host: 'h1', router: 'edge1'}, {host: 'h2', router: 'edge2'});
	await until(t, lab, () => lab.control.edges.agent('edge1').learned.some(({nextHop}) => formatAddress(nextHop) === '172.20.0.2'), 'session');
});

withGobgp('bgp: a link by which a session comes about that took the place of another is waited for', async t => {
	const lab = await labOf(t, twoLans('bgp'));
	t.deepEqual(await sessions(lab), ['172.20.0.2 established']);
	await lab.remove({links: lab.network.linksBetween('edge1', 'edge2')});
	t.regex((await sessions(lab)).join(', '), /^172\.16\.9\.2 (?!established)[\w-]+$/);
	await lab.addLink('s1', 's2');
	t.deepEqual(await sessions(lab), ['172.16.9.2 established']);
});

withGobgp('bgp: what fails when a link goes is told, and is in the way of no later line', async t => {
	const lab = await labOf(t, twoLans('bgp'));
	const usual = Object.getOwnPropertyDescriptor(Gobgp.prototype, 'removeNeighbor') as PropertyDescriptor;
	t.teardown(() => Object.defineProperty(Gobgp.prototype, 'removeNeighbor', usual));
	Gobgp.prototype.removeNeighbor = async () => Promise.reject(new Error('not today'));
	const failed = once(lab, 'failure', {signal: AbortSignal.timeout(longPatience)});
	await lab.remove({links: lab.network.linksBetween('edge1', 'edge2')});
	t.like(await failed, [{message: 'not today'}]);
	t.regex((await sessions(lab)).join(', '), /172\.16\.9\.2 /, 'the new neighbor');
	await lab.join({host: 'h1', router: 'edge1'});
	t.is(lab.control.edges.places.get('h1')?.router, 'edge1');
});

withGobgp('bgp: that no kernel says whether there is a way is told, and is in the way of no later line', async t => {
	const lab = await labOf(t, twoLans('bgp'));
	await lab.remove({links: lab.network.linksBetween('edge1', 'edge2')});
	await lab.control.plane.settled();
	const failures: string[] = [];
	lab.on('failure', ({message}) => failures.push(message));
	const usual = lab.network.node.bind(lab.network);
	lab.network.node = () => {
		throw new SecureNetError('kernel', 'not today');
	};
	lab.control.edges.emit('wires', 'added');
	await t.notThrowsAsync(lab.control.plane.settled());
	lab.network.node = usual;
	t.deepEqual(failures, ['not today']);
	await lab.join({host: 'h1', router: 'edge1'});
	t.is(lab.control.edges.places.get('h1')?.router, 'edge1');
});

test.serial('controller: a way that is missing from the start is told to the first who listens', async t => {
	const lab = await labOf(t, sketch(topology => {
		for (const number of [1, 2]) {
			topology.addLink(topology.addRouter(`edge${number}`, {proxyArp: true, bgp: {as: 65_000}}).interface({ip: `172.16.${number}.1/24`}), topology.addHost(`c${number}`));
			topology.addHost(`h${number}`, {ip: `10.0.0.${number}/24`, gateway: 'none', joins: `edge${number}`});
		}
	}, {control: 'controller'}));
	const [error] = await once(lab, 'failure', {signal: AbortSignal.timeout(longPatience)}) as [Error];
	t.regex(error.message, /^There is no way from edge\d to 172\.16\.\d\.1 of edge\d /);
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
