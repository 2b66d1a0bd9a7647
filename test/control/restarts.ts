/** Daemons that come and go at the wrong moment: one that dies while it is told things, one that never comes, neighbors that nobody hears. */
import {once} from 'node:events';
import {readdirSync, readlinkSync} from 'node:fs';
import {setTimeout as sleep} from 'node:timers/promises';
import {setFlagsFromString} from 'node:v8';
import {runInNewContext} from 'node:vm';
import type {Lab} from '../../lib/index.ts';
import {Agent} from '../../lib/control/agent.ts';
import type {RouterChange} from '../../lib/control/control-plane.ts';
import {Gobgp} from '../../lib/services/gobgp.ts';
import type {LinkSpec} from '../../lib/topology/specs.ts';
import {SecureNetError} from '../../lib/util/errors.ts';
import {mesh} from '../helpers/edges.ts';
import {eventually} from '../helpers/eventually.ts';
import {gobgpsOf} from '../helpers/gobgps.ts';
import {needing} from '../helpers/needing.ts';
import {longPatience, patience} from '../helpers/patience.ts';
import {labOf} from '../helpers/scenario.ts';

const withGobgp = await needing('gobgpd');

/** A router with a link to edge1. */
async function addEdge(lab: Lab, name: string, net: number, signal?: AbortSignal): Promise<void> {
	const link: LinkSpec = {ends: [{node: name, options: {ip: `172.20.${net}.2/24`}}, {node: 'edge1', options: {ip: `172.20.${net}.1/24`}}], options: {}};
	await lab.add({nodes: [{kind: 'router', name, options: {bgp: {as: 65_000, neighbors: ['edge1']}}}], links: [link]}, {signal});
}

withGobgp('a daemon that dies while it is told its neighbors is followed by one other', async t => {
	const lab = await labOf(t, mesh({edges: 2, hosts: 0}));
	const changes: RouterChange[] = [];
	lab.on('router', change => changes.push(change));
	const usual = Object.getOwnPropertyDescriptor(Gobgp.prototype, 'addNeighbor') as PropertyDescriptor;
	const asUsual = () => Object.defineProperty(Gobgp.prototype, 'addNeighbor', usual);
	t.teardown(asUsual);
	const kill = () => {
		for (const pid of gobgpsOf(lab, 'edge1')) {
			process.kill(pid, 'SIGKILL');
		}
	};

	Gobgp.prototype.addNeighbor = async function (this: Gobgp, neighbor) {
		asUsual();
		kill();
		return this.addNeighbor(neighbor);
	};

	const starts: string[] = [];
	const start = Gobgp.start.bind(Gobgp);
	t.teardown(() => {
		Gobgp.start = start;
	});
	Gobgp.start = async options => {
		starts.push(options.node);
		return start(options);
	};

	kill();
	while (!changes.some(({change}) => change === 'up')) {
		await once(lab, 'router', {signal: AbortSignal.timeout(longPatience)});
	}

	t.deepEqual(changes.map(({change}) => change), ['down', 'down', 'up']);
	t.deepEqual(starts, ['edge1', 'edge1']);
	t.is(gobgpsOf(lab, 'edge1').length, 1);
});

withGobgp('a daemon that ends is followed by another one though the kernel refuses what follows from it, and that is told', async t => {
	const lab = await labOf(t, mesh({edges: 2, hosts: 0}));
	const failures: string[] = [];
	lab.on('failure', ({message}) => failures.push(message));
	const usual = Object.getOwnPropertyDescriptor(Agent.prototype, 'replace') as PropertyDescriptor;
	const asUsual = () => Object.defineProperty(Agent.prototype, 'replace', usual);
	t.teardown(asUsual);
	Agent.prototype.replace = () => {
		asUsual();
		throw new SecureNetError('kernel', 'not today');
	};

	for (const pid of gobgpsOf(lab, 'edge1')) {
		process.kill(pid, 'SIGKILL');
	}

	const signal = AbortSignal.timeout(longPatience);
	for (let change = ''; change !== 'up';) {
		[{change}] = await once(lab, 'router', {signal}) as [RouterChange];
	}

	t.is(failures[0], 'not today');
	t.regex(failures[1] ?? '', /^gobgpd of edge1 ended unexpectedly/);
});

withGobgp('an edge router whose daemon does not start has not come', async t => {
	const lab = await labOf(t, mesh({edges: 2, hosts: 0}));
	const start = Gobgp.start.bind(Gobgp);
	t.teardown(() => {
		Gobgp.start = start;
	});
	Gobgp.start = async () => Promise.reject(new Error('no gobgpd today'));
	await t.throwsAsync(addEdge(lab, 'edge3', 3), {message: 'no gobgpd today'});
	t.false(lab.network.nodes.has('edge3'));
	t.false(lab.control.edges.agents.has('edge3'));
	t.is(lab.node('edge1').interfaces.length, 1);
	Gobgp.start = start;
	await addEdge(lab, 'edge3', 3);
	t.is((await lab.control.plane.neighbors('edge3')).length, 1);
});

withGobgp('the wait for sessions ends when it is interrupted, and takes back what came', async t => {
	const lab = await labOf(t, mesh({edges: 2, hosts: 0}));
	const interrupt = new AbortController();
	lab.once('node', () => {
		interrupt.abort();
	});
	await t.throwsAsync(addEdge(lab, 'edge3', 3, interrupt.signal), {code: 'interrupted'});
	t.false(lab.network.nodes.has('edge3'));
	t.deepEqual((await lab.control.plane.neighbors('edge1')).length, 1);
});

withGobgp('a lab that is interrupted while its sessions come about leaves no socket open', async t => {
	const open = () => readdirSync('/proc/self/fd').filter(isSocket).length;
	// Some are closed a moment after they have been let go.
	const sockets = async () => {
		let count = open();
		for (let calm = 0; calm < 10;) {
			await sleep(50 * patience);
			const now = open();
			calm = now === count ? calm + 1 : 0;
			count = now;
		}

		return count;
	};

	const usual = Object.getOwnPropertyDescriptor(Gobgp.prototype, 'addNeighbor') as PropertyDescriptor;
	const asUsual = () => Object.defineProperty(Gobgp.prototype, 'addNeighbor', usual);
	t.teardown(asUsual);
	const interrupted = async () => {
		const interrupt = new AbortController();
		Gobgp.prototype.addNeighbor = async function (this: Gobgp, neighbor) {
			asUsual();
			interrupt.abort();
			return this.addNeighbor(neighbor);
		};

		await t.throwsAsync(labOf(t, mesh({edges: 2, hosts: 0}), {signal: interrupt.signal}), {code: 'interrupted'});
	};

	// The first lab of a process opens what all of them share.
	await interrupted();
	const before = await sockets();
	await interrupted();
	t.is(await sockets(), before);
});

withGobgp('the wait for sessions has an end, and is only for routers that came', async t => {
	setFlagsFromString('--expose-gc');
	const collect = runInNewContext('gc') as () => void;
	const collecting = setInterval(collect, 500);
	t.teardown(() => {
		clearInterval(collecting);
	});
	const lab = await labOf(t, mesh({edges: 2, hosts: 0}));
	const failures: string[] = [];
	lab.on('failure', error => failures.push(error.message));
	const coming = addEdge(lab, 'edge3', 3);
	await once(lab, 'link', {signal: AbortSignal.timeout(longPatience)});
	await lab.node('edge1').execute(['ip', 'link', 'set', 'edge1-eth1', 'down']);
	await coming;
	t.regex(failures[0] ?? '', /^No BGP session within 30 s: edge3 with 172\.20\.3\.1\./);
	failures.splice(0);
	await addEdge(lab, 'edge4', 4);
	t.deepEqual(failures, []);
});

withGobgp('a lab that goes down while somebody waits for sessions ends the wait, and tells of none that is missing', async t => {
	const lab = await labOf(t, mesh({edges: 2, hosts: 1, joined: 1}));
	const failures: string[] = [];
	lab.on('failure', ({message}) => failures.push(message));
	const coming = addEdge(lab, 'edge3', 3);
	await once(lab, 'link', {signal: AbortSignal.timeout(longPatience)});
	await lab.node('edge1').execute(['ip', 'link', 'set', 'edge1-eth1', 'down']);
	t.true(await eventually(async () => (await lab.control.plane.neighbors('edge1')).length === 2));
	await lab.down();
	await coming;
	t.deepEqual(failures, []);
});

function isSocket(fd: string): boolean {
	try {
		return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:');
	} catch {
		// The descriptor that listed the directory is closed.
		return false;
	}
}
