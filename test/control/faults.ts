/** What goes wrong between edge routers: a daemon is killed, a neighbor cut off, an address taken. On real packets. */
import {once} from 'node:events';
import {readFileSync, readdirSync} from 'node:fs';
import test from 'ava';
import type {Lab} from '../../lib/index.ts';
import type {RouterChange} from '../../lib/control/control-plane.ts';
import {parsePrefix} from '../../lib/util/address.ts';
import {bgpRoutes, mesh, until} from '../helpers/edges.ts';
import {type Declare, needing} from '../helpers/needing.ts';
import {longPatience, patience} from '../helpers/patience.ts';
import {connects, isBlocked, labOf} from '../helpers/scenario.ts';

const withGobgp = await needing('gobgpd');
const declare: Readonly<Record<'bgp' | 'controller', Declare>> = {bgp: withGobgp, controller: test.serial};
/** Seconds, the shortest that BGP knows. */
const holdTime = 3;
const bgp = () => ({as: 65_000, holdTime});
/** Milliseconds in which all have forgotten what a neighbor told that is silent. */
const limit = (holdTime + 1) * 1000 * patience;

function killGobgp(lab: Lab, router: string): void {
	const socket = `${lab.network.directory}/bgp/${router}.sock`;
	const pid = readdirSync('/proc').filter(entry => /^\d+$/.test(entry)).find(entry => {
		try {
			return readFileSync(`/proc/${entry}/cmdline`, 'utf8').includes(socket);
		} catch {
			return false;
		}
	});
	process.kill(Number(pid), 'SIGKILL');
}

withGobgp('a daemon that is killed: the others withdraw what it told, it is started again, and all converges by itself', async t => {
	const lab = await labOf(t, mesh({hosts: 4, joined: 3, bgp}));
	const changes: RouterChange[] = [];
	const failures: string[] = [];
	lab.on('router', change => changes.push(change));
	lab.on('failure', error => failures.push(error.message));
	const {agents} = lab.control.edges;
	const second = parsePrefix('10.0.0.2/32');

	const killed = performance.now();
	killGobgp(lab, 'edge2');
	await once(lab, 'router', {signal: AbortSignal.timeout(longPatience)});
	await t.throwsAsync(lab.run('bgp neighbors edge2'), {code: 'gobgp', message: /is being started again/});
	await until(t, lab, () => ['edge1', 'edge3'].every(router => agents.get(router)?.hasForgotten(second) === true), 'withdrawal');
	t.true(performance.now() - killed < limit, `${performance.now() - killed} ms`);
	t.deepEqual(await bgpRoutes(lab, 'edge2'), []);
	// A second is less than any session takes to come back.
	t.is((await lab.node('h1').execute(['ping', '-c', '1', '-W', '1', '10.0.0.2'])).exitCode, 1);
	t.true(await connects(lab, 'h1', 'h3'));
	t.deepEqual(changes.map(({router, change}) => `${router} ${change}`).slice(0, 1), ['edge2 down']);
	t.regex(failures[0] ?? '', /^gobgpd of edge2 ended unexpectedly \(SIGKILL\)/);
	// Who joins meanwhile is announced when there is somebody to do it.
	const joined = lab.join({host: 'h4', router: 'edge2'});
	if (!changes.some(({change}) => change === 'up')) {
		await once(lab, 'router', {signal: AbortSignal.timeout(longPatience)});
	}

	t.deepEqual(changes.map(({router, change}) => `${router} ${change}`), ['edge2 down', 'edge2 up']);
	await joined;
	const all = ['10.0.0.1/32', '10.0.0.2/32', '10.0.0.3/32', '10.0.0.4/32'].map(parsePrefix);
	await until(t, lab, () => [...agents.values()].every(agent => all.every(to => agent.knows(to))), 'convergence');
	for (const [a, b] of [['h1', 'h2'], ['h3', 'h4'], ['h2', 'h1']] as const) {
		t.true(await connects(lab, a, b), `${a} > ${b}`);
	}
});

withGobgp('a neighbor that is cut off is forgotten after the hold time, and heard again when it is back', async t => {
	const lab = await labOf(t, mesh({hosts: 3, joined: 3, bgp}));
	const {agents} = lab.control.edges;
	const third = parsePrefix('10.0.0.3/32');
	await lab.run('link edge1 edge3 down');
	const cut = performance.now();
	t.true(await isBlocked(lab, 'h1', 'h3'));
	t.true(await connects(lab, 'h2', 'h3'));
	await until(t, lab, () => agents.get('edge1')?.hasForgotten(third) === true && !agents.get('edge1')?.learned.some(({to}) => to.value === third.value), 'hold time');
	t.true(performance.now() - cut < limit, `${performance.now() - cut} ms`);
	const [line] = await lab.run('bgp neighbors edge1');
	t.regex(line?.text ?? '', /^edge1:\n {2}edge2 +172\.16\.1\.2 +as 65000 +established +hold 3 .*\n {2}edge3 +172\.16\.2\.2 +as 65000 +(?:idle|active|open-sent|connect) /);
	await lab.run('link edge1 edge3 up');
	await until(t, lab, () => agents.get('edge1')?.knows(third) === true, 'return');
	t.true(await connects(lab, 'h1', 'h3'));
});

for (const kind of ['bgp', 'controller'] as const) {
	declare[kind](`${kind}: a link that flaps for a moment leaves no hole`, async t => {
		const lab = await labOf(t, mesh({control: kind, edges: 2, hosts: 2, joined: 2}));
		for (let round = 0; round < 3; round++) {
			await lab.run('link edge1 edge2 down', 'link edge1 edge2 up');
			await until(t, lab, () => [['edge1', 2], ['edge2', 1]].every(([router, host]) => lab.control.edges.agent(String(router)).knows(parsePrefix(`10.0.0.${host}/32`))), 'return');
			t.true(await connects(lab, 'h1', 'h2'), `round ${round}`);
		}
	});
}

test.serial('an address that somebody has is refused by name, and nothing has happened', async t => {
	const lab = await labOf(t, mesh({control: 'controller', hosts: 2, joined: 2, ipv6: true, more(topology) {
		topology.addHost('twin', {ip: '10.0.0.2/16', gateway: 'none'});
		topology.addHost('twin6', {ip: ['10.0.0.6/16', 'fd10::2/64'], gateway: 'none'});
		topology.addHost('bare', {ip: []});
	}}));
	await t.throwsAsync(lab.run('twin join edge3'), {
		code: 'address-taken', message: 'twin cannot join edge3: its address 10.0.0.2 is that of h2 at edge2. Let h2 leave first, or give twin another address.',
	});
	await t.throwsAsync(lab.run('twin6 join edge3'), {code: 'address-taken', message: /^twin6 cannot join edge3: its address fd10::2 is that of h2 at edge2\. /});
	t.deepEqual([...lab.node('twin').interfaces, ...lab.node('twin6').interfaces], []);
	await t.throwsAsync(lab.join({host: 'h1', router: 'edge3'}, {host: 'twin', router: 'edge3'}), {code: 'address-taken'});
	t.is(lab.control.edges.places.get('h1')?.router, 'edge1');
	await t.throwsAsync(lab.run('bare join edge3'), {code: 'no-address'});
	t.deepEqual(lab.node('bare').interfaces, []);
	await lab.run('h2 leave', 'twin join edge3');
	t.true(await connects(lab, 'h1', 'twin'));
	await t.throwsAsync(lab.run('h2 join edge2'), {code: 'address-taken'});
});

test.serial('a host that loses its link has left', async t => {
	const lab = await labOf(t, mesh({control: 'controller', hosts: 3, joined: 3}));
	const left: string[] = [];
	lab.on('leave', ({host, router}) => left.push(`${host} ${router}`));
	await lab.remove({nodes: ['h2']});
	await lab.remove({links: [...lab.network.linksBetween('h3', 'edge3')]});
	t.deepEqual(left, ['h2 edge2', 'h3 edge3']);
	t.deepEqual([...lab.control.edges.places.keys()], ['h1']);
});

test.serial('a lab without edge routers says what would make one', async t => {
	const lab = await labOf(t, mesh({edges: 0, hosts: 1}));
	await t.throwsAsync(lab.leave('h1'), {code: 'no-edges', message: /addRouter\('edge1', \{bgp: \{as: 65000\}\}\)/});
});

test.serial('a controller has no BGP neighbors, and says so', async t => {
	const lab = await labOf(t, mesh({control: 'controller', edges: 2, hosts: 2, joined: 2}));
	await t.throwsAsync(lab.run('bgp neighbors'), {code: 'no-bgp'});
	const [rib] = await lab.run('bgp rib edge1');
	t.is(rib?.text, 'edge1:\n  * 10.0.0.1  here\n  * 10.0.0.2  via 172.16.1.2');
});
