/** SSH tunnels that are lost: what is said of it, and that all is as before when they come back. */
import {readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import test from 'ava';
import type {Namespace} from '../../lib/kernel/namespace.ts';
import {run} from '../../lib/kernel/process.ts';
import {addTun} from '../../lib/kernel/tun.ts';
import type {SshTunnel, TunnelState} from '../../lib/link/ssh-tunnel.ts';
import {holdsDevice} from '../../lib/link/sshd-processes.ts';
import {pings} from '../helpers/router.ts';
import {batch, buildSshScene, configurationOf, nextState, openTunnel, runningIn} from '../helpers/ssh-scene.ts';

function isUp({status}: TunnelState): boolean {
	return status === 'up';
}

function isDown({status}: TunnelState): boolean {
	return status === 'down';
}

/** The session at the server's end. */
function sessionOf(th2: Namespace, device: string): number {
	return runningIn(th2).find(pid => holdsDevice(pid, device)) ?? NaN;
}

function statesOf(tunnel: SshTunnel): string[] {
	const states: string[] = [];
	tunnel.on('state', ({status}) => states.push(status));
	return states;
}

/** Loses all packets, and marks the connections that they are of. */
async function cut(router: Namespace): Promise<void> {
	await run(['iptables', '-t', 'mangle', '-A', 'FORWARD', '-j', 'CONNMARK', '--set-mark', '1'], {namespace: router});
	await run(['iptables', '-A', 'FORWARD', '-j', 'DROP'], {namespace: router});
}

/** New connections pass; the old one stays dead, as when a NAT has forgotten it: not even its end is told to the server. */
async function mend(router: Namespace): Promise<void> {
	await run(['iptables', '-t', 'mangle', '-F', 'FORWARD'], {namespace: router});
	await run(['iptables', '-R', 'FORWARD', '1', '-m', 'connmark', '--mark', '1', '-j', 'DROP'], {namespace: router});
}

for (const mode of ['layer3', 'layer2'] as const) {
	test(`${mode}: a connection that is cut is missed, told of and made again, and routes come back`, async t => {
		const {th1, th2, router, options} = await buildSshScene(t, mode);
		const {device} = options.client;
		const tunnel = await openTunnel(t, options);
		const states = statesOf(tunnel);
		const before = [await configurationOf(th1), await configurationOf(th2)];
		t.notRegex(before.join(''), /linkdown|NO-CARRIER/);
		await cut(router);
		t.deepEqual(await nextState(tunnel, isDown), {status: 'down', reason: 'Timeout, server 203.0.113.2 not responding.'});
		const session = sessionOf(th2, device);
		t.true(session > 0, 'the server does not know yet, and its session has the device');
		t.regex(await configurationOf(th1), new RegExp(`10\\.8\\.0\\.0/24 via 10\\.7\\.0\\.2 dev ${device} linkdown`), 'routes stay, marked');
		t.false(await pings(th1, '10.8.0.1'));
		await mend(router);
		await nextState(tunnel, isUp);
		t.not(sessionOf(th2, device), session);
		t.deepEqual(states.filter((state, at) => !(state === 'connecting' && states[at + 1] === 'down') && state !== states[at - 1]).slice(-2), ['connecting', 'up']);
		t.deepEqual([await configurationOf(th1), await configurationOf(th2)], before);
		t.true(await pings(th1, '10.8.0.1'));
		t.true(await pings(th1, 'fd08::1'));
		t.true(await pings(th2, '10.7.0.1'));
	});
}

test('a server that is killed is started again for the next connection; those that are open go on', async t => {
	const {th1, th2, directory, options} = await buildSshScene(t);
	const tunnel = await openTunnel(t, options);
	const pidFile = join(directory, 'th2-203.0.113.2/sshd.pid');
	const server = readFileSync(pidFile, 'utf8');
	process.kill(Number(server), 'SIGKILL');
	t.true(await pings(th1, '10.7.0.2'));
	t.deepEqual(tunnel.state, {status: 'up'});
	process.kill(sessionOf(th2, 'tun0'), 'SIGKILL');
	const {reason} = await nextState(tunnel, isDown);
	t.regex(reason ?? '', /^(?:client_loop: .+|Connection .*203\.0\.113\.2.*|th[12] no longer has tun0 open)$/);
	await nextState(tunnel, isUp);
	t.not(readFileSync(pidFile, 'utf8'), server);
	t.true(await pings(th1, '10.8.0.1'));
});

test('a server with another key is not believed', async t => {
	const {th2, directory, options} = await buildSshScene(t);
	const tunnel = await openTunnel(t, options);
	const known = join(directory, 'th1-tun0/known_hosts');
	const other = readFileSync(join(directory, 'th1-tun0/key.pub'), 'utf8').split(' ').slice(0, 2).join(' ');
	writeFileSync(known, `th2 ${other}\n`);
	process.kill(sessionOf(th2, 'tun0'), 'SIGKILL');
	await nextState(tunnel, isDown);
	t.deepEqual(await nextState(tunnel, isDown), {status: 'down', reason: 'Host key verification failed.'});
});

test('attempts without hope come more and more slowly, and end when the tunnel is closed', async t => {
	const {th1, options} = await buildSshScene(t);
	const tunnel = await openTunnel(t, options);
	const times: number[] = [];
	tunnel.on('state', ({status}) => {
		if (status !== 'up') {
			times.push(performance.now());
		}
	});
	const loss = nextState(tunnel, isDown);
	await batch(th1, ['link delete tun0']);
	t.is((await loss).reason, 'th1 has no device tun0');
	t.is((await nextState(tunnel, isDown)).reason, 'th1 has no device tun0');
	t.deepEqual(await nextState(tunnel, ({status}) => status === 'connecting'), {status: 'connecting', reason: 'th1 has no device tun0'});
	const [lost = 0, first = 0, missing = 0, second = 0] = times;
	t.true(first - lost > 990 && second - missing > 1990, times.map(Math.round).join(' '));
	addTun(th1, {name: 'tun0', mode: 'layer3'});
	await batch(th1, ['link set tun0 up', 'address add 10.7.0.1/24 dev tun0']);
	await nextState(tunnel, isUp);
	t.true(await pings(th1, '10.7.0.2'));
	const again = nextState(tunnel, isDown);
	await batch(th1, ['link delete tun0']);
	await again;
	await tunnel.close();
	t.deepEqual(runningIn(th1), []);
});
