/** Daemons that do not answer: what they were to be told is said again until it stands, and is never lost with the call. */
import {once} from 'node:events';
import {rmSync} from 'node:fs';
import type {ExecutionContext} from 'ava';
import type {Lab} from '../../lib/index.ts';
import type {RouterChange} from '../../lib/control/control-plane.ts';
import {Telling} from '../../lib/control/telling.ts';
import type {RunningProgram} from '../../lib/kernel/daemon.ts';
import {type Namespace, deleteNamespaces} from '../../lib/kernel/namespace.ts';
import {Gobgp} from '../../lib/services/gobgp.ts';
import type {BgpNeighbor} from '../../lib/services/gobgp-neighbor.ts';
import {parseAddress, parsePrefix} from '../../lib/util/address.ts';
import type {SecureNetError} from '../../lib/util/errors.ts';
import {mesh, until} from '../helpers/edges.ts';
import {eventually} from '../helpers/eventually.ts';
import {testDirectory, testNamespaces} from '../helpers/fabric.ts';
import {gobgpsOf} from '../helpers/gobgps.ts';
import {needing} from '../helpers/needing.ts';
import {longPatience, patience} from '../helpers/patience.ts';
import {connects, labOf} from '../helpers/scenario.ts';

const withGobgp = await needing('gobgpd');
const fourth = parsePrefix('10.0.0.4/32');

/** A lab with h4 at no router, whose daemons are given little time to answer, and sessions that outlive a daemon that is stopped for a while. */
async function impatientLab(t: ExecutionContext): Promise<Lab> {
	const start = Gobgp.start.bind(Gobgp);
	t.teardown(() => {
		Gobgp.start = start;
	});
	Gobgp.start = async options => start({...options, callLimit: 1000 * patience});
	return labOf(t, mesh({hosts: 4, joined: 3, bgp: () => ({as: 65_000, holdTime: 600})}));
}

/** Of the router's daemon, which is not ended by it. */
function signal(lab: Lab, router: string, name: 'SIGSTOP' | 'SIGCONT'): void {
	for (const pid of gobgpsOf(lab, router)) {
		process.kill(pid, name);
	}
}

async function failure(lab: Lab): Promise<string> {
	const [error] = await once(lab, 'failure', {signal: AbortSignal.timeout(longPatience)}) as [Error];
	return error.message;
}

async function announced(lab: Lab, router: string): Promise<boolean> {
	return (await lab.control.plane.rib(router)).some(({to, neighbor}) => to.value === fourth.value && !neighbor);
}

withGobgp('an announcement that a daemon does not answer is made until it stands', async t => {
	const lab = await impatientLab(t);
	// Nothing of it gets through: a daemon that is only slow may have heard what it did not answer.
	const usual = Object.getOwnPropertyDescriptor(Gobgp.prototype, 'announce') as PropertyDescriptor;
	t.teardown(() => Object.defineProperty(Gobgp.prototype, 'announce', usual));
	Gobgp.prototype.announce = async function (this: Gobgp) {
		Object.defineProperty(Gobgp.prototype, 'announce', usual);
		signal(lab, 'edge2', 'SIGSTOP');
		await this.paths();
	};

	const joining = lab.join({host: 'h4', router: 'edge2'});
	t.regex(await failure(lab), /^gobgpd of edge2 did not answer ListPath within .* It is told again until it answers\.$/);
	t.is(lab.control.edges.places.get('h4')?.router, 'edge2');
	signal(lab, 'edge2', 'SIGCONT');
	await joining;
	await until(t, lab, () => [...lab.control.edges.agents.values()].every(agent => agent.knows(fourth)), 'announcement');
	t.true(await connects(lab, 'h1', 'h4'));
});

withGobgp('who has moved on meanwhile is announced where it is, and nowhere else', async t => {
	const lab = await impatientLab(t);
	signal(lab, 'edge2', 'SIGSTOP');
	const [joining, first] = [lab.join({host: 'h4', router: 'edge2'}), failure(lab)];
	await first;
	const {unaware} = await joining;
	t.deepEqual(unaware, ['edge1', 'edge3']);
	const moving = lab.join({host: 'h4', router: 'edge3'});
	await until(t, lab, () => lab.control.edges.agent('edge1').knows(fourth), 'move');
	signal(lab, 'edge2', 'SIGCONT');
	await moving;
	await until(t, lab, () => [...lab.control.edges.agents.values()].every(agent => agent.knows(fourth)), 'convergence');
	// It is told to withdraw it once it has answered what came before.
	t.true(await eventually(async () => !await announced(lab, 'edge2')));
	t.true(await announced(lab, 'edge3'));
	t.true(await connects(lab, 'h2', 'h4'));
});

withGobgp('a daemon that never answers is ended, and the next one announces everything', async t => {
	const lab = await impatientLab(t);
	const changes: RouterChange[] = [];
	lab.on('router', change => changes.push(change));
	const [stopped] = gobgpsOf(lab, 'edge2');
	signal(lab, 'edge2', 'SIGSTOP');
	await lab.join({host: 'h4', router: 'edge2'});
	while (!changes.some(({change}) => change === 'up')) {
		await once(lab, 'router', {signal: AbortSignal.timeout(longPatience)});
	}

	t.deepEqual(changes.map(({router, change}) => `${router} ${change}`), ['edge2 down', 'edge2 up']);
	t.regex(changes[0]?.error?.message ?? '', /^gobgpd of edge2 was told 4 times and has not answered, so it is ended: /);
	t.is(gobgpsOf(lab, 'edge2').length, 1);
	t.false(gobgpsOf(lab, 'edge2').includes(stopped ?? 0));
	await until(t, lab, () => [...lab.control.edges.agents.values()].every(agent => agent.knows(fourth)), 'announcement');
	t.true(await connects(lab, 'h1', 'h4'));
});

const neighbor: BgpNeighbor = {address: parseAddress('10.1.0.2'), localAddress: parseAddress('10.1.0.1'), as: 65_000, holdTime: 9};

/** A daemon with a neighbor, which does not answer when it is to forget it; what it does not hear it is told again. */
async function deafDaemon(t: ExecutionContext) {
	const [namespace] = testNamespaces('bgp1') as [Namespace];
	const directory = testDirectory();
	const programs: RunningProgram[] = [];
	const gobgp = await Gobgp.start({node: 'r1', namespace, directory, as: 65_000, routerId: '1.1.1.1', callLimit: 1000 * patience, onStart: begun => programs.push(begun)});
	const neighbors = new Map([['10.1.0.2', neighbor]]);
	const failures: string[] = [];
	const failed = ({message}: SecureNetError) => {
		failures.push(message);
		process.kill(programs[0]?.pid ?? 0, 'SIGCONT');
	};

	const telling = new Telling(gobgp, {announced: new Map(), neighbors}, {failed, hung: failed});
	t.teardown(async () => {
		telling.close();
		await gobgp.stop();
		deleteNamespaces([namespace]);
		rmSync(directory, {recursive: true});
	});
	await telling.addNeighbor(neighbor);
	const usual = gobgp.removeNeighbor.bind(gobgp);
	gobgp.removeNeighbor = async () => {
		gobgp.removeNeighbor = usual;
		process.kill(programs[0]?.pid ?? 0, 'SIGSTOP');
		await gobgp.paths();
	};

	return {gobgp, telling, neighbors, failures};
}

async function change(telling: Telling, changed: BgpNeighbor): Promise<void> {
	await telling.tell(async () => {
		await telling.removeNeighbor(neighbor.address);
		await telling.addNeighbor(changed);
	});
}

withGobgp('a neighbor that is another one at the same address is told again as it is now', async t => {
	const {gobgp, telling, neighbors, failures} = await deafDaemon(t);
	const changed = {...neighbor, as: 65_001};
	neighbors.set('10.1.0.2', changed);
	await change(telling, changed);
	t.true(await eventually(async () => (await gobgp.neighbors())[0]?.as === 65_001));
	t.is(failures.length, 1);
});

withGobgp('what a daemon refuses when it is told again is told of, and ends neither it nor what it knows', async t => {
	const {gobgp, telling, neighbors, failures} = await deafDaemon(t);
	const wrong = {...neighbor, as: 65_001};
	// A second one of the same address is always refused.
	neighbors.set('10.1.0.2', wrong);
	gobgp.addNeighbor = async () => {
		await Gobgp.prototype.addNeighbor.call(gobgp, neighbor);
		await Gobgp.prototype.addNeighbor.call(gobgp, neighbor);
	};

	await change(telling, wrong);
	t.true(await eventually(() => failures.length === 2));
	t.regex(failures[1] ?? '', /^gobgpd of r1 refused AddPeer: .*can't overwrite the existing peer.* It is not told again, and may lack more; "bgp neighbors r1" and "bgp rib r1" show what it has\.$/);
	t.is((await gobgp.neighbors()).length, 1);
});
