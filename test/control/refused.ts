/** What daemons refuse to be told: who waits for it hears of it once, and it is in the way of nothing that comes later. */
import test, {type ExecutionContext} from 'ava';
import type {Lab} from '../../lib/index.ts';
import {Gobgp} from '../../lib/services/gobgp.ts';
import type {LinkSpec} from '../../lib/topology/specs.ts';
import {mesh} from '../helpers/edges.ts';
import {needing} from '../helpers/needing.ts';
import {labOf} from '../helpers/scenario.ts';

const withGobgp = await needing('gobgpd');

/** From now on daemons refuse it, until the function that is returned is called. */
function refusing(t: ExecutionContext, deed: 'announce' | 'removeNeighbor'): () => void {
	const usual = Object.getOwnPropertyDescriptor(Gobgp.prototype, deed) as PropertyDescriptor;
	const asUsual = () => Object.defineProperty(Gobgp.prototype, deed, usual);
	t.teardown(asUsual);
	Gobgp.prototype[deed] = async () => Promise.reject(new Error(`no ${deed} today`));
	return asUsual;
}

function failuresOf(lab: Lab): string[] {
	const failures: string[] = [];
	lab.on('failure', error => failures.push(error.message));
	return failures;
}

withGobgp('a refused announcement is told to who joins, and later lines do what they say', async t => {
	const lab = await labOf(t, mesh({edges: 2, hosts: 3}));
	for (const [host, later] of [['h1', 'del h3'], ['h2', 'add link edge1 edge2']] as const) {
		const asUsual = refusing(t, 'announce');
		await t.throwsAsync(lab.run(`${host} join edge1`), {message: /no announce today/});
		asUsual();
		await t.notThrowsAsync(lab.control.plane.settled(), host);
		await lab.run(later);
	}

	t.false(lab.network.nodes.has('h3'));
	t.is(lab.network.linksBetween('edge1', 'edge2').length, 2);
});

withGobgp('a router goes although the others refuse to hear of it, and that is told', async t => {
	const lab = await labOf(t, mesh({edges: 2, hosts: 1, joined: 1}));
	const failures = failuresOf(lab);
	refusing(t, 'removeNeighbor');
	await lab.remove({nodes: ['edge1']}, {force: true});
	t.deepEqual(failures, ['no removeNeighbor today']);
	t.false(lab.network.nodes.has('edge1'));
	t.deepEqual([...lab.control.edges.agents.keys()], ['edge2']);
	t.deepEqual([...lab.control.edges.places.keys()], []);
});

/** A router with a link to edge1, whose daemon does not start. */
async function addInVain(t: ExecutionContext, lab: Lab): Promise<Error | undefined> {
	const start = Gobgp.start.bind(Gobgp);
	const asUsual = () => {
		Gobgp.start = start;
	};

	t.teardown(asUsual);
	Gobgp.start = async () => Promise.reject(new Error('no gobgpd today'));
	const link: LinkSpec = {ends: [{node: 'edge3', options: {ip: '172.20.3.2/24'}}, {node: 'edge1', options: {ip: '172.20.3.1/24'}}], options: {}};
	const error = await t.throwsAsync(lab.add({nodes: [{kind: 'router', name: 'edge3', options: {bgp: {as: 65_000}}}], links: [link]}));
	asUsual();
	return error;
}

withGobgp('what cannot come is gone, although the others refuse to hear of it, and that is told', async t => {
	const lab = await labOf(t, mesh({edges: 2, hosts: 0}));
	const failures = failuresOf(lab);
	refusing(t, 'removeNeighbor');
	t.is((await addInVain(t, lab))?.message, 'no gobgpd today');
	t.deepEqual(failures, ['no removeNeighbor today']);
	t.deepEqual([lab.network.nodes.has('edge3'), lab.control.edges.agents.has('edge3'), lab.network.links.length], [false, false, 1]);
});

withGobgp('what cannot come leaves the network even where the edges do not let it go, and both are told', async t => {
	const lab = await labOf(t, mesh({edges: 2, hosts: 0}));
	lab.control.removeRouters = async () => Promise.reject(new Error('no way back'));
	t.is((await addInVain(t, lab))?.message, 'no gobgpd today\nNot all could be taken back; what is left goes with the lab:\n  no way back');
	t.deepEqual([lab.network.nodes.has('edge3'), lab.network.links.length], [false, 1]);
});

test.serial('the edges are let go although the control plane does not end', async t => {
	const {control} = await labOf(t, mesh({control: 'controller', edges: 2, hosts: 0}));
	const {plane} = control;
	const down = plane.down.bind(plane);
	plane.down = async () => Promise.reject(new Error('no end today'));
	await t.throwsAsync(control.down(), {message: 'no end today'});
	plane.down = down;
	t.is(control.edges.agents.size, 0);
});
