import {readFileSync, readdirSync} from 'node:fs';
import {execa} from 'execa';
import test, {type ExecutionContext} from 'ava';
import {Topology, check, shape} from '../../lib/index.ts';
import {createNamespaces, deleteNamespaces} from '../../lib/kernel/namespace.ts';
import {processStartTime} from '../../lib/kernel/daemon.ts';
import {changedSettings} from '../../lib/network/host-settings.ts';
import {runningLabs} from '../../lib/network/journal.ts';
import {iperf} from '../../lib/network/measure.ts';
import {Network, type NetworkOptions} from '../../lib/network/network.ts';
import {pingAll} from '../../lib/network/reachability.ts';
import {InputError, KernelError, SecureNetError} from '../../lib/util/errors.ts';
import {daemonsOf, machine} from '../helpers/machine.ts';
import {uniqueName} from '../helpers/names.ts';

function shapeOf(text: string, switchKind: 'switch' | 'bridge' = 'switch'): Topology {
	const topology = shape(text, {switchKind});
	if (!topology) {
		throw new TypeError(text);
	}

	return topology;
}

async function up(t: ExecutionContext, topology: Topology, options: NetworkOptions = {}): Promise<Network> {
	const network = await Network.up(check(topology), {name: uniqueName(), ...options});
	t.teardown(async () => network.down());
	return network;
}

const everyPairAnswers = test.macro({
	title: (_, text: string, kind: 'switch' | 'bridge') => `every pair of ${text} answers over ${kind === 'switch' ? 'Open vSwitch' : 'Linux bridges'}`,
	async exec(t, text: string, kind: 'switch' | 'bridge') {
		const network = await up(t, shapeOf(text, kind));
		const {sent, received, lost} = await pingAll(network);
		t.deepEqual(lost, []);
		t.is(received, sent);
		t.true(sent > 0);
	},
});

for (const kind of ['switch', 'bridge'] as const) {
	for (const text of ['single,3', 'linear,3', 'linear,2,2', 'tree,2,3']) {
		test.serial(everyPairAnswers, text, kind);
	}
}

test.serial('TCP works over the userspace datapath and over a bridge', async t => {
	for (const kind of ['switch', 'bridge'] as const) {
		const network = await up(t, shapeOf('single,2', kind));
		const {bitsPerSecond} = await iperf(network, 'h1', 'h2', {seconds: 1});
		t.true(bitsPerSecond > 10e6, `${kind}: ${bitsPerSecond}`);
	}
});

class TwoRouters extends Topology {
	override build(): void {
		const [r1, r2] = [this.addRouter('r1', {routes: [{to: '10.2.0.0/24', via: '10.9.0.2'}, {to: 'fd02::/64', via: 'fd09::2'}]}), this.addRouter('r2', {routes: [{to: '10.1.0.0/24', via: '10.9.0.1'}, {to: 'fd01::/64', via: 'fd09::1'}]})];
		this.addLink(this.addHost('h1', {ip: ['10.1.0.1/24', 'fd01::1/64']}), r1.interface({ip: ['10.1.0.254/24', 'fd01::fe/64']}));
		this.addLink(r1.interface({ip: ['10.9.0.1/24', 'fd09::1/64']}), r2.interface({ip: ['10.9.0.2/24', 'fd09::2/64']}));
		this.addLink(this.addHost('h2', {ip: ['10.2.0.1/24', 'fd02::1/64']}), r2.interface({ip: ['10.2.0.254/24', 'fd02::fe/64']}));
	}
}

test.serial('hosts reach each other over two routers, IPv4 and IPv6', async t => {
	const network = await up(t, new TwoRouters());
	t.like(await pingAll(network), {sent: 2, received: 2});
	for (const address of ['10.2.0.1', 'fd02::1']) {
		const {exitCode, stdout} = await network.node('h1').execute(['ping', '-c', '1', '-W', '2', address]);
		t.is(exitCode, 0, stdout);
		t.regex(stdout, /ttl=62/);
	}
});

class OnlyIpv6 extends Topology {
	override readonly settings = {ipv6: true, ipBase: '10.0.0.0/8'};
	override build(): void {
		const s1 = this.addSwitch('s1');
		this.addLink(this.addHost('h1', {ip: 'fd00::1/64'}), s1);
		this.addLink(this.addHost('h2', {ip: 'fd00::2/64'}), s1);
	}
}

test.serial('pingall speaks IPv6 where there is no IPv4', async t => {
	const network = await up(t, new OnlyIpv6());
	t.like(await pingAll(network), {sent: 2, received: 2});
});

test.serial('a link that is down loses exactly its pairs, and everything is back when it is up', async t => {
	const network = await up(t, new TwoRouters());
	for (const [a, b] of [['h1', 'r1'], ['r1', 'r2']] as const) {
		const [link] = network.linksBetween(a, b);
		link?.down();
		t.like(await pingAll(network, {timeout: 200}), {received: 0});
		link?.up();
		t.like(await pingAll(network), {sent: 2, received: 2}, `${a} ${b}`);
		const {exitCode} = await network.node('h1').execute(['ping', '-c', '1', '-W', '2', 'fd02::1']);
		t.is(exitCode, 0);
	}
});

test.serial('a carrier that goes and comes is an event, whoever did it', async t => {
	const network = await up(t, shapeOf('single,2'));
	const next = async () => new Promise(resolve => {
		network.once('link', resolve);
	});
	const down = next();
	await network.node('h1').execute(['ip', 'link', 'set', 'h1-eth0', 'down']);
	t.deepEqual(await down, {node: 's1', interface: 's1-eth1', up: false});
	const back = next();
	await network.node('h1').execute(['ip', 'link', 'set', 'h1-eth0', 'up']);
	t.deepEqual(await back, {node: 's1', interface: 's1-eth1', up: true});
});

test.serial('pingall names every pair that is lost, and no other', async t => {
	const network = await up(t, shapeOf('single,4'));
	await network.node('h3').execute(['ip', 'link', 'set', 'h3-eth0', 'down']);
	const {sent, received, lost} = await pingAll(network, {timeout: 200});
	t.is(sent, 12);
	t.is(received, 6);
	t.true(lost.every(pair => pair.includes('h3')));
	t.is(new Set(lost.map(String)).size, 6);
});

test.serial('pingall ends although replies come later than they may', async t => {
	const network = await up(t, shapeOf('single,3', 'bridge'));
	await network.node('h1').execute(['tc', 'qdisc', 'add', 'dev', 'h1-eth0', 'root', 'tbf', 'rate', '100kbit', 'burst', '2kb', 'latency', '10s']);
	const pairs = Array.from({length: 300}, (_, index): [string, string] => ['h1', index % 2 === 0 ? 'h2' : 'h3']);
	const {sent} = await pingAll(network, {pairs, timeout: 100, signal: AbortSignal.timeout(30_000)});
	t.is(sent, 300);
});

test.serial('an unknown node in pingall opens no sockets', async t => {
	const network = await up(t, shapeOf('single,2', 'bridge'));
	const before = readdirSync('/proc/self/fd').length;
	for (let round = 0; round < 20; round++) {
		await t.throwsAsync(pingAll(network, {pairs: [['h1', 'h2'], ['h1', 'h9']]}), {code: 'unknown-node'});
	}

	t.true(readdirSync('/proc/self/fd').length <= before + 2);
});

test.serial('after down nothing runs in a node any more', async t => {
	const first = await Network.up(check(shapeOf('single,2', 'bridge')), {name: uniqueName()});
	const h1 = first.node('h1');
	const [link] = first.links;
	await first.down();
	const second = await up(t, shapeOf('single,2', 'bridge'));
	await t.throwsAsync(h1.execute(['ip', 'link', 'set', 'h1-eth0', 'down']), {code: 'namespace-gone'});
	t.throws(() => {
		link?.down();
	}, {code: 'namespace-gone'});
	t.like(await pingAll(second), {received: 2});
});

test.serial('pingall can be interrupted', async t => {
	const network = await up(t, shapeOf('single,2'));
	network.linksBetween('h1', 's1')[0]?.down();
	await t.throwsAsync(pingAll(network, {timeout: 60_000, signal: AbortSignal.timeout(100)}), {instanceOf: SecureNetError, message: /Interrupted/});
});

test.serial('permanent neighbours are there from the start', async t => {
	const network = await up(t, shapeOf('single,3'), {arp: true});
	const {stdout} = await network.node('h1').execute(['ip', 'neighbor']);
	t.deepEqual(stdout.trim().split('\n').map(line => line.trim()).sort(), ['10.0.0.2 dev h1-eth0 lladdr 02:00:0a:00:00:02 PERMANENT', '10.0.0.3 dev h1-eth0 lladdr 02:00:0a:00:00:03 PERMANENT']);
	t.like(await pingAll(network), {sent: 6, received: 6});
});

test.serial('down leaves nothing, also when called twice', async t => {
	const name = uniqueName();
	const before = await machine(name);
	const network = await Network.up(check(shapeOf('tree,2,2')), {name});
	t.is((await machine(name)).namespaces.length, 5);
	t.is(daemonsOf(name).length, 2);
	t.true(runningLabs().some(lab => lab.name === name));
	await network.down();
	await network.down();
	t.deepEqual(await machine(name), before);
	t.deepEqual(daemonsOf(name), []);
});

test.serial('processes that a node\'s command left behind end with the lab', async t => {
	const network = await Network.up(check(shapeOf('single,2')), {name: uniqueName()});
	const {stdout} = await network.node('h1').execute(['sh', '-c', 'setsid sleep 1000 > /dev/null 2>&1 & echo $!']);
	const pid = Number(stdout);
	t.not(processStartTime(pid), undefined);
	await network.down();
	t.is(processStartTime(pid), undefined);
});

test.serial('two labs with equal node names run at once and do not see each other', async t => {
	const first = await up(t, shapeOf('single,2'));
	const second = await up(t, shapeOf('single,2'));
	first.linksBetween('h1', 's1')[0]?.down();
	t.like(await pingAll(first, {timeout: 200}), {received: 0});
	t.like(await pingAll(second), {received: 2});
});

test.serial('a second lab of the same name is refused, naming the process of the first', async t => {
	const network = await up(t, shapeOf('minimal'));
	const error = await t.throwsAsync(Network.up(network.blueprint, {name: network.name}), {instanceOf: InputError});
	t.is(error.code, 'lab-exists');
	t.true(error.message.includes(String(process.pid)));
	t.like(await pingAll(network), {received: 2});
});

test.serial('a namespace that somebody else made is not taken, and nothing of the lab stays', async t => {
	const name = uniqueName();
	const foreign = createNamespaces([`${name}.h2`]);
	t.teardown(() => {
		deleteNamespaces(foreign);
	});
	const error = await t.throwsAsync(Network.up(check(shapeOf('single,3')), {name}), {instanceOf: KernelError});
	t.regex(error.message, new RegExp(`${name}\\.h2.*EEXIST`));
	t.deepEqual((await machine(name)).namespaces, [`${name}.h2`]);
	t.deepEqual(daemonsOf(name), []);
});

test.serial('up can be interrupted and takes everything back', async t => {
	const name = uniqueName();
	const before = await machine(name);
	const interrupt = new AbortController();
	await t.throwsAsync(Network.up(check(shapeOf('single,200')), {
		name,
		signal: interrupt.signal,
		progress({what}) {
			if (what === 'links') {
				interrupt.abort();
			}
		},
	}), {instanceOf: SecureNetError, message: /Interrupted/});
	t.deepEqual(await machine(name), before);
	t.deepEqual(daemonsOf(name), []);
});

test.serial('a switch daemon that dies is reported, and down still works', async t => {
	const network = await up(t, shapeOf('single,2'));
	const failed = new Promise<SecureNetError>(resolve => {
		network.once('failure', resolve);
	});
	const daemon = daemonsOf(network.name).find(pid => readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('ovs-vswitchd'));
	process.kill(daemon ?? 0, 'SIGKILL');
	t.regex((await failed).message, /ovs-vswitchd/);
	await network.down();
	t.deepEqual((await machine(network.name)).namespaces, []);
});

test.serial('a large segment raises the host\'s neighbour limits, and down puts them back', async t => {
	const path = '/proc/sys/net/ipv4/neigh/default/gc_thresh3';
	const network = await Network.up(check(shapeOf('single,40', 'bridge')), {name: uniqueName()});
	t.true(Number(readFileSync(path, 'utf8')) >= 1024 + (40 * 39));
	t.true(changedSettings().find(setting => setting.path === path)?.labs.includes(network.name));
	await network.down();
	// Other tests' labs may hold it still, so only this lab's part is looked at.
	t.false(changedSettings().some(({labs}) => labs.includes(network.name)));
});

test('unknown nodes and links are named, with what is near', async t => {
	const network = await up(t, shapeOf('single,2'));
	t.like(t.throws(() => network.node('h7'), {instanceOf: InputError}), {code: 'unknown-node'});
	t.regex(t.throws(() => network.linksBetween('h1', 'h2')).message, /h1 is linked to s1/);
});

test('a lab name that is no file name is refused', async t => {
	for (const name of ['', '../x', 'a b', 'a/b', 'x'.repeat(41), '.new-1', '-fabric']) {
		await t.throwsAsync(Network.up(check(shapeOf('minimal')), {name}), {instanceOf: InputError, message: /cannot name a lab/});
	}
});

test('a fabric node runs ovs-vsctl against the lab\'s own switch', async t => {
	const network = await up(t, shapeOf('single,2'));
	const {stdout} = await network.node('s1').execute(['ovs-vsctl', 'list-ports', 's1']);
	t.deepEqual(stdout.trim().split('\n'), ['s1-eth1', 's1-eth2']);
	const {stdout: elsewhere} = await execa('ip', ['-oneline', 'link']);
	t.false(elsewhere.includes('s1-eth1'));
});
