/** A network that changes while it runs: what comes works at once, what goes leaves nothing, what fails is taken back, and nobody else notices. */
import {existsSync} from 'node:fs';
import test from 'ava';
import {Topology} from '../../lib/index.ts';
import {execute} from '../../lib/kernel/process.ts';
import {readRecord} from '../../lib/network/journal.ts';
import type {LinkChange, NodeChange} from '../../lib/network/network.ts';
import {PingStream} from '../../lib/probes/ping-stream.ts';
import {everyPairAnswers, host, lanOf, link, portsOf, router} from '../helpers/lan.ts';
import {machine} from '../helpers/machine.ts';
import {patience} from '../helpers/patience.ts';

for (const [at, ip, words] of [['s1', '10.1.0.9/24', 'an Open vSwitch'], ['b1', '10.2.0.9/24', 'a Linux bridge'], ['r1 10.3.0.254/24', '10.3.0.9/24', 'a router']] as const) {
	test.serial(`a host that comes to ${words} reaches all, and leaves nothing when it goes`, async t => {
		const network = await lanOf(t);
		const before = {machine: await machine(network.name), ports: await portsOf(network), journal: readRecord(network.name)?.namespaces, blueprint: network.blueprint};
		const {nodes: [h9], links: [added]} = await network.add({nodes: [host('h9', {ip})], links: [link('h9', at)]});
		t.is(network.nodes.get('h9'), h9);
		t.is(network.linksBetween('h9', at.split(' ')[0] ?? '')[0], added);
		t.not(network.blueprint, before.blueprint);
		await everyPairAnswers(t, network, 20);
		t.true(existsSync(`/run/netns/${network.name}.h9`));
		await network.remove({nodes: ['h9']});
		t.deepEqual({machine: await machine(network.name), ports: await portsOf(network), journal: readRecord(network.name)?.namespaces}, {machine: before.machine, ports: before.ports, journal: before.journal});
		t.throws(() => network.node('h9'), {code: 'unknown-node'});
		t.is(network.node('s1').interfaces.length, 3);
		await everyPairAnswers(t, network, 12);
	});
}

test.serial('TCP works for a host that comes to an Open vSwitch', async t => {
	const network = await lanOf(t);
	await network.add({nodes: [host('h9', {ip: '10.1.0.9/24'})], links: [link('h9', 's1')]});
	const server = network.node('h9').execute(['timeout', String(20 * patience), 'bash', '-c', 'iperf3 --server --one-off --port 5009 >/dev/null']);
	const {exitCode, stdout} = await network.node('h1').execute(['bash', '-c', 'for i in $(seq 50); do iperf3 --client 10.1.0.9 --port 5009 --time 1 && exit 0; sleep 0.1; done; exit 1']);
	t.is(exitCode, 0, stdout);
	await server;
});

test.serial('a whole branch comes in one batch: routers, hosts behind them, a link between routers', async t => {
	const network = await lanOf(t);
	await network.add({
		nodes: [router('r2', {routes: [{to: '10.1.0.0/16', via: '10.9.0.1'}]}), host('h8', {ip: '10.8.0.8/24'}), host('h9', {ip: '10.8.1.9/24'})],
		links: [link('r1 10.9.0.1/24', 'r2 10.9.0.2/24'), link('h8', 'r2 10.8.0.254/24'), link('h9', 'r2 10.8.1.254/24')],
	});
	const {exitCode} = await network.node('h8').execute(['ping', '-c', '1', '-W', String(2 * patience), '10.8.1.9']);
	t.is(exitCode, 0);
	const {stdout} = await network.node('r2').execute(['ping', '-c', '1', '-W', String(2 * patience), '10.9.0.1']);
	t.regex(stdout, /1 received/);
});

test.serial('a host that loses its link keeps its address for the next one, at a router that answers for others', async t => {
	const network = await lanOf(t);
	const [old] = network.linksBetween('h2', 's1');
	await network.remove({links: old ? [old] : []});
	t.is(network.node('h2').address, '10.1.0.2');
	t.deepEqual(network.node('h2').interfaces, []);
	const {links: [next]} = await network.add({links: [link('h2', 'b1')]});
	t.deepEqual(next?.ends.map(({name}) => name), ['h2-eth0', 'b1-eth4']);
	t.is(network.node('h2').address, '10.1.0.2');
	const {stdout} = await network.node('h2').execute(['ip', '-brief', 'address', 'show', 'h2-eth0']);
	t.regex(stdout, /UP +10\.1\.0\.2\/24/);
});

test.serial('a router that comes becomes the gateway of hosts that have none, and what it gave goes with it', async t => {
	class Alone extends Topology {
		override build(): void {
			const s1 = this.addSwitch('s1');
			this.addLink(this.addHost('h1', {ip: '10.1.0.1/24'}), s1);
			this.addLink(this.addHost('h2', {ip: '10.1.0.2/24'}), s1);
		}
	}

	const network = await lanOf(t, {}, new Alone());
	const routes = async () => (await network.node('h1').execute(['ip', 'route'])).stdout;
	await network.add({nodes: [router('r9'), host('h9', {ip: '10.9.0.9/24'})], links: [link('r9 10.1.0.254/24', 's1'), link('h9', 'r9 10.9.0.254/24')]});
	t.regex(await routes(), /default via 10\.1\.0\.254/);
	await everyPairAnswers(t, network, 6);
	await network.remove({nodes: ['r9']});
	t.notRegex(await routes(), /default/);
	t.regex(await routes(), /10\.1\.0\.0\/24/);
});

test.serial('IPv6 comes to nodes that had none, with a link that has it', async t => {
	const network = await lanOf(t);
	await network.add({links: [link('h1 fd05::1/64', 'r1 fd05::fe/64')]});
	const {exitCode, stdout} = await network.node('h1').execute(['ping', '-c', '1', '-W', String(2 * patience), 'fd05::fe']);
	t.is(exitCode, 0, stdout);
	const linkLocal = await network.node('r1').execute(['ip', '-6', 'address', 'show', 'r1-eth0']);
	t.regex(linkLocal.stdout, /fe80::/);
});

test.serial('with permanent neighbours, who comes is known and who went is forgotten', async t => {
	const network = await lanOf(t, {arp: true});
	const neighbors = async (name: string) => (await network.node(name).execute(['ip', 'neighbor'])).stdout;
	const before = await neighbors('h1');
	await network.add({nodes: [host('h9', {ip: '10.1.0.9/24'})], links: [link('h9', 's1')]});
	t.regex(await neighbors('h1'), /10\.1\.0\.9 dev h1-eth0 lladdr 02:00:0a:01:00:09 PERMANENT/);
	t.regex(await neighbors('h9'), /10\.1\.0\.1 dev h9-eth0 lladdr 02:00:0a:01:00:01 PERMANENT/);
	await network.remove({nodes: ['h9']});
	t.is(await neighbors('h1'), before);
});

test.serial('others lose no packet while hosts come and go', async t => {
	const network = await lanOf(t);
	const stream = await PingStream.open(network, {from: 'h1', to: 'k1'});
	for (const n of [3, 4, 5]) {
		await network.add({nodes: [host(`h${n}`, {ip: `10.1.0.${n}/24`}), host(`k${n}`, {ip: `10.2.0.${n}/24`})], links: [link(`h${n}`, 's1'), link(`k${n}`, 'b1')]});
		await stream.more(10);
	}

	await network.remove({nodes: ['h3', 'k3', 'h4', 'k4', 'h5', 'k5']});
	await stream.more(10);
	const {sent, answered, unsent} = await stream.stop(2000 * patience);
	t.deepEqual(unsent, []);
	t.is(answered, sent);
});

test.serial('what runs in a node that goes is ended', async t => {
	const network = await lanOf(t);
	const {nodes: [h9]} = await network.add({nodes: [host('h9')]});
	const sleeping = h9?.execute(['sleep', '1000']).catch((error: unknown) => error);
	const isAsleep = () => execute(['ip', 'netns', 'pids', `${network.name}.h9`]);
	while ((await isAsleep()).stdout.trim() === '') {
		// It starts within some milliseconds.
	}

	await network.remove({nodes: ['h9']});
	t.truthy(await sleeping);
	await t.throwsAsync(async () => h9?.execute(['true']), {code: 'namespace-gone'});
});

test.serial('nodes and links that come and go are events', async t => {
	const network = await lanOf(t);
	const told: Array<NodeChange | LinkChange> = [];
	network.on('node', change => told.push(change));
	network.on('link', change => told.push(change));
	await network.add({nodes: [host('h9')], links: [link('h9', 's1')]});
	t.deepEqual(told.splice(0), [
		{node: 'h9', change: 'added'},
		{node: 'h9', interface: 'h9-eth0', up: true, change: 'added'},
		{node: 's1', interface: 's1-eth4', up: true, change: 'added'},
	]);
	await network.remove({nodes: ['h9']});
	t.deepEqual(told.filter(change => 'change' in change), [
		{node: 'h9', change: 'removed'},
		{node: 'h9', interface: 'h9-eth0', up: false, change: 'removed'},
		{node: 's1', interface: 's1-eth4', up: false, change: 'removed'},
	]);
});

test.serial('200 hosts come one after the other, and each costs a few milliseconds', async t => {
	const network = await lanOf(t);
	const before = process.cpuUsage();
	for (let n = 0; n < 200; n++) {
		await network.add({nodes: [host(`x${n}`, {ip: `10.2.1.${n}/16`})], links: [link(`x${n}`, 'b1')]});
	}

	const {user, system} = process.cpuUsage(before);
	t.true(user + system < 6_000_000 * patience, `${(user + system) / 1000} ms`);
	t.is(network.links.length, 206);
	t.is(Object.keys(readRecord(network.name)?.namespaces ?? {}).length, 206);
	await network.remove({nodes: Array.from({length: 200}, (_, n) => `x${n}`)});
	await everyPairAnswers(t, network, 12);
});
