/** SSH tunnels on real packets: both layers, from behind NAT, what a key can do, and nothing left behind. */
import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import {existsSync, mkdirSync, readFileSync, statSync} from 'node:fs';
import {userInfo} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import {carrierOf} from '../../lib/kernel/carrier.ts';
import {watchLinks} from '../../lib/kernel/monitor.ts';
import {type Namespace, closeNamespace, deleteNamespace, deleteNamespaces} from '../../lib/kernel/namespace.ts';
import {execute, run} from '../../lib/kernel/process.ts';
import {SshTunnel} from '../../lib/link/ssh-tunnel.ts';
import type {LabRecord} from '../../lib/network/journal.ts';
import {labDirectory} from '../../lib/network/paths.ts';
import {sweepLab} from '../../lib/network/sweep.ts';
import {parseAddress} from '../../lib/util/address.ts';
import {InputError, SecureNetError} from '../../lib/util/errors.ts';
import {testNamespaces} from '../helpers/fabric.ts';
import {uniqueName} from '../helpers/names.ts';
import {longPatience, patience} from '../helpers/patience.ts';
import {pings} from '../helpers/router.ts';
import {addDevices, batch, buildSshScene, filesIn, openTunnel, runningIn, sshOptions} from '../helpers/ssh-scene.ts';

for (const mode of ['layer3', 'layer2'] as const) {
	test(`${mode}: packets of both families pass, from behind NAT, and nothing is left`, async t => {
		const {th1, th2, directory, options} = await buildSshScene(t, mode);
		t.false(await pings(th2, '10.1.0.1'), 'nothing gets in without the tunnel');
		const tunnel = await openTunnel(t, options);
		t.deepEqual(tunnel.state, {status: 'up'});
		for (const [from, to] of [[th1, '10.7.0.2'], [th2, '10.7.0.1'], [th1, 'fd07::2'], [th1, '10.8.0.1'], [th1, 'fd08::1']] as const) {
			t.true(await pings(from, to), `${from.name} ${to}`);
		}

		await tunnel.close();
		await tunnel.close();
		t.deepEqual([...runningIn(th1), ...runningIn(th2)], []);
		t.deepEqual(filesIn(directory), []);
		for (const namespace of [th1, th2]) {
			t.is(carrierOf(namespace, options.client.device), 'gone');
		}
	});
}

test('files are root\'s alone, and neither the host nor a user\'s home gets any', async t => {
	const elsewhere = [join(userInfo().homedir, '.ssh'), '/run/sshd'];
	const seen = () => elsewhere.map(path => statSync(path, {throwIfNoEntry: false})?.mtimeMs);
	const before = seen();
	const {directory, options} = await buildSshScene(t);
	await openTunnel(t, options);
	t.deepEqual(seen(), before);
	t.deepEqual(filesIn(directory).filter(name => name.includes('/')), [
		'th1-tun0/key', 'th1-tun0/key.pub', 'th1-tun0/known_hosts', 'th1-tun0/ssh.log', 'th1-tun0/ssh_config',
		...['authorized_keys', 'host_key', 'host_key.pub', 'sshd', 'sshd.log', 'sshd.pid', 'sshd_config'].map(name => `th2-203.0.113.2/${name}`),
	]);
	for (const name of filesIn(directory).filter(each => !/\.(?:pub|pid)$/.test(each))) {
		t.is(statSync(join(directory, name)).mode & 0o77, 0, name);
	}
});

test('either end asks a silent one every two minutes, the server for a day; a client also as it is told', async t => {
	const {th1, th2, directory, options} = await buildSshScene(t);
	await openTunnel(t, {...options, keepAlive: undefined});
	await openTunnel(t, {...sshOptions({th1, th2, directory, mode: 'layer3', device: await addDevices(th1, th2, 'layer3', 1)}), keepAlive: {interval: 7, count: 5}});
	const said = (file: string) => readFileSync(join(directory, file), 'utf8').split('\n').filter(line => line.includes('Alive'));
	t.deepEqual(said('th2-203.0.113.2/sshd_config'), ['ClientAliveInterval 120', 'ClientAliveCountMax 720']);
	t.deepEqual(said('th1-tun0/ssh_config'), ['ServerAliveInterval 120', 'ServerAliveCountMax 3']);
	t.deepEqual(said('th1-tun1/ssh_config'), ['ServerAliveInterval 7', 'ServerAliveCountMax 5']);
});

test('tunnels to one address share a server, which ends with the last', async t => {
	const {th1, th2, directory, options} = await buildSshScene(t);
	const second = {...sshOptions({th1, th2, directory, mode: 'layer2', device: await addDevices(th1, th2, 'layer2', 1)})};
	const [one, two] = await Promise.all([openTunnel(t, options), openTunnel(t, second)]);
	t.deepEqual([runningIn(th1).length, runningIn(th2).length], [2, 3], 'two clients; a server with two sessions');
	t.regex(readFileSync(join(directory, 'th2-203.0.113.2/sshd_config'), 'utf8'), /^PermitTunnel yes$/m);
	await one.close();
	t.regex(readFileSync(join(directory, 'th2-203.0.113.2/sshd_config'), 'utf8'), /^PermitTunnel ethernet$/m, 'the last of its kind has gone');
	t.deepEqual([runningIn(th1).length, runningIn(th2).length], [1, 2]);
	t.true(await pings(th1, '10.17.0.2'));
	const three = await openTunnel(t, {...second, server: {...second.server, device: 'tap2'}, client: {...second.client, device: await addDevices(th1, th2, 'layer2', 2)}});
	t.regex(readFileSync(join(directory, 'th2-203.0.113.2/sshd_config'), 'utf8'), /^PermitTunnel ethernet$/m);
	t.deepEqual(two.state, {status: 'up'});
	await three.close();
	await two.close();
	t.deepEqual([runningIn(th1), runningIn(th2), filesIn(directory)], [[], [], []]);
});

test('a key opens its device and nothing else', async t => {
	const {th1, th2, directory, options} = await buildSshScene(t);
	await openTunnel(t, options);
	const ssh = async (...words: string[]) => execute(['ssh', '-F', join(directory, 'th1-tun0/ssh_config'), ...words], {namespace: th1, timeout: longPatience});
	t.like(await ssh('-o', 'Tunnel=no', 'th2', 'id'), {exitCode: 0, stdout: ''}, 'any command is "true"');
	t.regex((await ssh('-o', 'Tunnel=no', '-tt', 'th2')).stderr, /PTY allocation request failed/);
	t.regex((await ssh('-o', 'Tunnel=no', '-W', '10.8.0.1:22', 'th2')).stderr, /administratively prohibited/);
	t.regex((await ssh('-o', 'Tunnel=no', '-N', '-R', '2222:10.1.0.1:22', 'th2')).stderr, /remote port forwarding failed/);
	for (const unit of ['3:3', '3:any']) {
		t.like(await ssh('-N', '-w', unit, 'th2'), {exitCode: 255}, unit);
		t.is(carrierOf(th2, 'tun3'), 'gone');
	}

	// Its number is the right one, its kind is not.
	t.like(await ssh('-N', '-o', 'Tunnel=ethernet', '-w', '3:0', 'th2'), {exitCode: 255});
	t.is(carrierOf(th2, 'tap0'), 'gone');
	const error = await t.throwsAsync(SshTunnel.open(sshOptions({th1, th2, directory, mode: 'layer2', device: 'tap0'})), {instanceOf: InputError, code: 'tunnel-device'});
	t.regex(error.message, /^th2 cannot have tap0 beside tun0: /);
	t.true(await pings(th1, '10.7.0.2'), 'the tunnel itself is as it was');
});

test('an endpoint of IPv6', async t => {
	const {th1, router, th2, options} = await buildSshScene(t);
	await run(['sysctl', '-qw', 'net.ipv6.conf.all.forwarding=1'], {namespace: router});
	await batch(router, ['address add fd01::fe/64 dev lan', 'address add fd02::fe/64 dev wan']);
	await batch(th1, ['address add fd01::1/64 dev eth0', 'route add fd02::/64 via fd01::fe']);
	await batch(th2, ['address add fd02::2/64 dev eth0', 'route add fd01::/64 via fd02::fe']);
	await openTunnel(t, {...options, server: {...options.server, endpoint: parseAddress('fd02::2')}});
	t.true(await pings(th1, '10.7.0.2'));
});

test('an endpoint that cannot be reached is named', async t => {
	const {th2, options} = await buildSshScene(t);
	await batch(th2, ['address add 198.51.100.1/32 dev lo']);
	const timeout = 1500 * patience;
	const error = await t.throwsAsync(SshTunnel.open({...options, timeout, server: {...options.server, endpoint: parseAddress('198.51.100.1')}}), {instanceOf: SecureNetError, code: 'ssh-tunnel'});
	t.regex(error.message, /^The SSH tunnel from th1 \(tun0\) to th2 \(tun0\) at 198\.51\.100\.1 was not up within [\d.]+ s: ssh: connect to host 198\.51\.100\.1 port 22: Network is unreachable\.\n.*Server listening on 198\.51\.100\.1 port 22\./s);
	t.deepEqual(runningIn(th2), []);
});

test('an endpoint that the server does not have is named at once', async t => {
	const {th2, options} = await buildSshScene(t);
	const error = await t.throwsAsync(SshTunnel.open({...options, server: {...options.server, endpoint: parseAddress('203.0.113.9')}}), {code: 'sshd'});
	t.regex(error.message, /^sshd of th2 at 203\.0\.113\.9 ended at once \(exit status 255\)\. The end of its log:\n.*Cannot assign requested address/s);
	t.deepEqual(runningIn(th2), []);
});

test('a device that ssh cannot name is refused', async t => {
	const {options} = await buildSshScene(t);
	const error = await t.throwsAsync(SshTunnel.open({...options, server: {...options.server, device: 'th2-eth7'}}), {instanceOf: InputError, code: 'tunnel-device'});
	t.is(error.message, 'An SSH tunnel of layer 3 cannot use the device th2-eth7 of th2. Name it like tun0.');
});

test('waiting for a tunnel can be interrupted', async t => {
	const {th1, th2, router, options} = await buildSshScene(t);
	await batch(router, ['link set wan down']);
	await t.throwsAsync(SshTunnel.open({...options, signal: AbortSignal.timeout(300)}), {code: 'interrupted', message: 'Interrupted while making the SSH tunnel from th1 (tun0) to th2 (tun0) at 203.0.113.2.'});
	t.deepEqual([...runningIn(th1), ...runningIn(th2)], []);
});

test('a server keeps no namespace that somebody else gives up', async t => {
	const {options} = await buildSshScene(t);
	const [near, far] = testNamespaces('near', 'far') as [Namespace, Namespace];
	t.teardown(() => {
		deleteNamespaces([near]);
		deleteNamespace(far.name);
	});
	await batch(near, [`link add w type veth peer name w netns ${far.name}`]);
	await openTunnel(t, options);
	let look: () => void = () => undefined;
	const watch = watchLinks(near, () => {
		look();
	});
	t.teardown(watch.close);
	const gone = new Promise<void>((resolve, reject) => {
		const timer = setTimeout(reject, longPatience, new Error('The other end of the link is still there.'));
		look = () => {
			if (carrierOf(near, 'w') === 'gone') {
				clearTimeout(timer);
				resolve();
			}
		};
	});
	closeNamespace(far);
	await run(['umount', far.path]);
	await t.notThrowsAsync(gone);
});

test('what a killed lab leaves is swept: both ends, and its directory', async t => {
	const {th1, th2} = await buildSshScene(t);
	const lab = uniqueName();
	mkdirSync(labDirectory(lab), {recursive: true, mode: 0o700});
	const child: ChildProcess = spawn(process.execPath, ['--import=tsx', 'test/fixtures/ssh-tunnel-that-stays.ts', th1.name, th2.name, labDirectory(lab)], {stdio: ['ignore', 'pipe', 'inherit']});
	const exited = once(child, 'exit');
	t.teardown(() => child.kill('SIGKILL'));
	await Promise.race([once(child.stdout as NonNullable<typeof child.stdout>, 'data'), exited]);
	child.kill('SIGKILL');
	await exited;
	t.true(await pings(th1, '10.7.0.2'), 'the tunnel outlives its lab');
	t.deepEqual([runningIn(th1).length, runningIn(th2).length], [1, 2]);
	const record = {name: lab, namespaces: {th1: th1.name, th2: th2.name}} as Partial<LabRecord> as LabRecord;
	t.like(await sweepLab(lab, record), {processes: 3, namespaces: 2});
	t.deepEqual([...runningIn(th1), ...runningIn(th2)], []);
	t.false(existsSync(labDirectory(lab)));
});
