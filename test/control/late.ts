/** While one daemon is silent the others hear everything at once, and it hears the last of it when it answers again. */
import {once} from 'node:events';
import {setImmediate} from 'node:timers/promises';
import type {Lab} from '../../lib/index.ts';
import {Gobgp} from '../../lib/services/gobgp.ts';
import {type Prefix, parsePrefix} from '../../lib/util/address.ts';
import {mesh, until} from '../helpers/edges.ts';
import {eventually} from '../helpers/eventually.ts';
import {gobgpsOf} from '../helpers/gobgps.ts';
import {needing} from '../helpers/needing.ts';
import {longPatience} from '../helpers/patience.ts';
import {connects, labOf} from '../helpers/scenario.ts';

const withGobgp = await needing('gobgpd');
const [first, second, third] = [1, 2, 3].map(number => parsePrefix(`10.0.0.${number}/32`)) as [Prefix, Prefix, Prefix];

/** Sessions that outlive a daemon that is silent for a while. */
const bgp = () => ({as: 65_000, holdTime: 600});

/** Routers that announce it themselves. */
async function announcers(lab: Lab, prefix: Prefix): Promise<string[]> {
	const ribs = await Promise.all([...lab.control.edges.agents.keys()].map(async router => ({router, paths: await lab.control.plane.rib(router)})));
	return ribs.filter(({paths}) => paths.some(({to, neighbor}) => to.value === prefix.value && !neighbor)).map(({router}) => router);
}

withGobgp('a host that moves away and back, or leaves and comes again, while a daemon is told something is announced where it is', async t => {
	const lab = await labOf(t, mesh({hosts: 3, joined: 2, bgp}));
	const {edges} = lab.control;
	const usual = Object.getOwnPropertyDescriptor(Gobgp.prototype, 'announce') as PropertyDescriptor;
	const asUsual = () => Object.defineProperty(Gobgp.prototype, 'announce', usual);
	t.teardown(asUsual);
	const holding = new AbortController();
	Gobgp.prototype.announce = async function (this: Gobgp, announcements) {
		asUsual();
		await once(holding.signal, 'abort');
		return this.announce(announcements);
	};

	await edges.join([{host: 'h3', router: 'edge3'}]);
	// The queue has begun with it.
	await setImmediate();
	await edges.join([{host: 'h1', router: 'edge2'}]);
	await edges.join([{host: 'h1', router: 'edge1'}]);
	await edges.leave(['h2']);
	await edges.join([{host: 'h2', router: 'edge2'}]);
	holding.abort();
	await lab.control.plane.settled();
	t.deepEqual([await announcers(lab, first), await announcers(lab, second), await announcers(lab, third)], [['edge1'], ['edge2'], ['edge3']]);
	await until(t, lab, () => [...edges.agents.values()].every(agent => [first, second, third].every(to => agent.knows(to))), 'convergence');
	t.true(await connects(lab, 'h3', 'h1'));
});

withGobgp('a daemon that is silent is in the way of no other, and hears what became of it', async t => {
	const lab = await labOf(t, mesh({hosts: 3, joined: 1, bgp}));
	const {agents} = lab.control.edges;
	const failures: string[] = [];
	lab.on('failure', ({message}) => failures.push(message));
	const [silent] = gobgpsOf(lab, 'edge2') as [number];
	process.kill(silent, 'SIGSTOP');
	t.teardown(() => {
		if (gobgpsOf(lab, 'edge2').includes(silent)) {
			process.kill(silent, 'SIGCONT');
		}
	});
	const joining = [lab.join({host: 'h2', router: 'edge2'})];
	await once(lab, 'join', {signal: AbortSignal.timeout(longPatience)});
	joining.push(lab.join({host: 'h3', router: 'edge1'}));
	await until(t, lab, () => agents.get('edge3')?.knows(third) === true, 'h3');
	joining.push(lab.join({host: 'h2', router: 'edge3'}));
	await until(t, lab, () => agents.get('edge1')?.knows(second) === true, 'h2');
	t.deepEqual(failures, [], 'nobody has waited until the call had failed');
	process.kill(silent, 'SIGCONT');
	await Promise.all(joining);
	await until(t, lab, () => [...agents.values()].every(agent => [first, second, third].every(to => agent.knows(to))), 'convergence');
	t.true(await eventually(async () => (await announcers(lab, second)).join(' ') === 'edge3'));
	t.true(await connects(lab, 'h2', 'h1'));
});
