/** Hosts that come to a lab and leave it: the policy holds for them before their first packet, and forgets them when they go. */
import {existsSync} from 'node:fs';
import {setImmediate, setTimeout} from 'node:timers/promises';
import test, {type ExecutionContext} from 'ava';
import {type Lab, type LabOptions, Topology} from '../../lib/index.ts';
import {PingSocket} from '../../lib/kernel/icmp.ts';
import {closeNamespace, openNamespace} from '../../lib/kernel/namespace.ts';
import {PingThread} from '../../lib/kernel/ping-thread.ts';
import {PingStream} from '../../lib/probes/ping-stream.ts';
import {Witness} from '../../lib/probes/witness.ts';
import type {FirewallName} from '../../lib/topology/firewalls.ts';
import {addressBytes, parseAddress} from '../../lib/util/address.ts';
import {isBlocked, labOf, openPairs, probes} from '../helpers/scenario.ts';
import {longPatience, patience} from '../helpers/patience.ts';

/** Type of an Ethernet frame with an IPv4 packet, whose source stands in bytes 26 to 29 of the frame. */
const ipv4 = 0x08_00;

/** A network with three hosts, and one behind a perimeter firewall. */
class Guarded extends Topology {
	readonly #kind: 'switch' | 'bridge';

	constructor(kind: 'switch' | 'bridge') {
		super();
		this.#kind = kind;
	}

	override build(): void {
		const w1 = this.#kind === 'switch' ? this.addSwitch('w1') : this.addBridge('w1', {firewall: 'nftables-bridge'});
		const fw = this.addRouter('fw', {perimeter: true});
		for (const n of [1, 2, 3]) {
			this.addLink(this.addHost(`h${n}`, {ip: `10.1.0.${n}/24`}), w1);
		}

		this.addLink(fw.interface({ip: '10.1.0.254/24'}), w1);
		this.addLink(fw.interface({ip: '10.2.0.254/24'}), this.addHost('k1', {ip: '10.2.0.1/24'}));
	}
}

async function up(t: ExecutionContext, kind: 'switch' | 'bridge', options: LabOptions = {}): Promise<Lab> {
	return labOf(t, new Guarded(kind), options);
}

/** How many echo requests from an address have come to a host, and how many the host at that address has sent, from the moment on that its namespace exists. */
async function pingsFromTheStart(lab: Lab, host: string, to: string, add: () => Promise<unknown>): Promise<{sent: number; arrived: number}> {
	const address = lab.node(to).address ?? '';
	const witness = new Witness(lab.node(to).namespace);
	const coming = add();
	const deadline = performance.now() + longPatience;
	while (!existsSync(`/run/netns/${lab.name}.${host}`)) {
		if (performance.now() > deadline) {
			throw new Error(`${host} does not come.`);
		}

		await setImmediate();
	}

	const namespace = openNamespace(`${lab.name}.${host}`);
	const socket = new PingSocket(namespace, 4);
	const thread = new PingThread(socket, parseAddress(address), 1);
	await coming;
	const own = Buffer.from(addressBytes(parseAddress(lab.node(host).address ?? '')));
	let arrived = 0;
	const count = () => {
		// The bytes of a frame are there until the next one is read.
		for (const {bytes} of witness.frames()) {
			arrived += bytes.readUInt16BE(12) === ipv4 && bytes.subarray(26, 30).equals(own) ? 1 : 0;
		}
	};

	// Who asked for a MAC before the link carried asks again after a second.
	for (const end = performance.now() + (1500 * patience); performance.now() < end && arrived === 0;) {
		await thread.goOn(50);
		count();
	}

	await thread.end();
	await setTimeout(50 * patience);
	count();
	socket.close();
	closeNamespace(namespace);
	witness.close();
	return {sent: thread.sent, arrived};
}

for (const kind of ['switch', 'bridge'] as const) {
	test.serial(`no packet of a new host slips through a ${kind} before the policy holds for it`, async t => {
		const lab = await up(t, kind);
		await lab.run('h1 bind web', 'h2 bind db', 'secrule add allow 10.1.0.8 to db');
		const denied = await pingsFromTheStart(lab, 'h9', 'h1', async () => lab.addHost('h9', {ip: '10.1.0.9/24'}, 'w1'));
		t.true(denied.sent > 0);
		t.is(denied.arrived, 0);
		const allowed = await pingsFromTheStart(lab, 'h8', 'h2', async () => lab.addHost('h8', {ip: '10.1.0.8/24'}, 'w1'));
		t.true(allowed.arrived > 0, 'the witness sees what is allowed');
	});

	test.serial(`a host that comes to a ${kind} is bound, allowed, denied and guarded as all others`, async t => {
		const lab = await up(t, kind);
		await lab.run('h1 bind web', 'secrule add allow app to web tcp dport 80', 'secrule add deny bad to any').catch(() => undefined);
		await lab.addHost('h9', {ip: '10.1.0.9/24'}, 'w1');
		await lab.run('h9 bind app', 'secrule add allow app to web tcp dport 80');
		await probes(t, lab, ['+ h9 > h1 tcp 80', '- h9 > h1 tcp 81', '- h9 > h1', '- h1 > h9', '- h2 > h9', '+ h2 > h3', '- h9 > k1']);
		// The address of another host does not leave its port.
		await lab.node('h9').run`ip address add 10.1.0.2/24 dev h9-eth0`;
		const {exitCode} = await lab.node('h9').execute(['ping', '-c', '1', '-W', '1', '-I', '10.1.0.2', '10.1.0.3']);
		t.not(exitCode, 0);
	});
}

test.serial('a host that goes leaves its groups and nothing on any device; its address, given again, is nobody\'s friend', async t => {
	const lab = await up(t, 'switch');
	await lab.run('h1 bind web', 'h2 bind db', 'secrule add allow web to db');
	const before = await linesOf(lab);
	await lab.addHost('h9', {ip: '10.1.0.9/24'}, 'w1');
	await lab.run('h9 bind web');
	t.deepEqual(await openPairs(lab).then(pairs => pairs.filter(pair => pair.includes('h9'))), ['h9>h2', 'h9>h3']);
	const told: unknown[] = [];
	lab.on('group', policy => told.push(policy.groups.get('web')));
	const [result] = await lab.run('del h9');
	t.is(result?.text, 'h9 was in web');
	t.deepEqual(result?.result, {nodes: ['h9'], links: [['h9-eth0', 'w1-eth5']], groups: ['web']});
	t.deepEqual(told, [new Set(['h1'])]);
	t.deepEqual(await linesOf(lab), before);
	t.false(lab.inventory.hosts.has('h9'));
	await lab.addHost('h10', {ip: '10.1.0.9/24'}, 'w1');
	t.true(await isBlocked(lab, 'h10', 'h2'));
});

/** What is installed, without its counts. */
async function linesOf(lab: Lab): Promise<Record<string, string[]>> {
	return Object.fromEntries([...await lab.installed()].map(([device, lines]) => [device, lines.map(({text}) => text.replaceAll(/(packets|bytes) \d+/g, '').replace(/^\[\d+:\d+\]/, '')).sort()]));
}

test.serial('a node that a rule names stays until the rule is gone', async t => {
	const lab = await up(t, 'switch');
	await lab.run('secrule add deny h3 to h1');
	await t.throwsAsync(lab.remove({nodes: ['h3']}), {code: 'in-use', message: /^Node h3 is used by rule 1 /});
	t.true(await isBlocked(lab, 'h3', 'h1'));
	t.is(lab.node('h3').address, '10.1.0.3');
	await lab.run('secrule del 1');
	await lab.remove({nodes: ['h3']});
	t.false(lab.network.nodes.has('h3'));
});

test.serial('a name that the policy gives to something else is refused, and nothing is left of the host', async t => {
	const lab = await up(t, 'switch');
	await lab.run('h1 bind web');
	await t.throwsAsync(lab.addHost('web', {}, 'w1'), {code: 'name-taken', message: /"web" already names a group/});
	t.false(existsSync(`/run/netns/${lab.name}.web`));
	t.is(lab.node('w1').interfaces.length, 4);
});

test.serial('hits, connections and packets of others survive that hosts come and go', async t => {
	const lab = await up(t, 'switch');
	await lab.run('h1 bind web', 'h2 bind db', 'secrule add allow web to db');
	const stream = await PingStream.open(lab.network, {from: 'h1', to: 'h2'});
	await stream.more(5);
	const hits = async () => (await lab.hits()).get(1) ?? 0;
	const first = await hits();
	t.true(first > 0);
	for (const n of [4, 5, 6]) {
		await lab.addHost(`h${n}`, {ip: `10.1.0.${n}/24`}, 'w1');
		await stream.more(10);
	}

	await lab.remove({nodes: ['h4', 'h5', 'h6']});
	await stream.more(10);
	const {sent, answered, unsent} = await stream.stop(2000 * patience);
	t.deepEqual(unsent, []);
	t.is(answered, sent);
	// One connection, made once: the change has not cut it.
	t.is(await hits(), first);
});

for (const firewall of ['iptables-perimeter', 'nftables-perimeter'] as const satisfies readonly FirewallName[]) {
	test.serial(`a perimeter firewall with ${firewall} knows a host that comes behind it`, async t => {
		const lab = await up(t, 'switch', {firewalls: [firewall]});
		await lab.run('k1 bind db');
		await lab.addHost('h9', {ip: '10.1.0.9/24'}, 'w1');
		t.true(await isBlocked(lab, 'h9', 'k1'));
		await lab.run('h9 bind web', 'secrule add allow web to db');
		await probes(t, lab, ['+ h9 > k1', '- k1 > h9']);
		const k9 = await lab.addHost('k9', {ip: '10.3.0.9/24'}, {node: 'fw', options: {ip: '10.3.0.254/24'}});
		// A busy kernel may take its time until a link that has come up carries frames, and a question for a MAC is repeated after a second.
		t.is((await k9.execute(['ping', '-c', '1', '-w', String(10 * patience), '10.3.0.254'])).exitCode, 0);
		await probes(t, lab, ['- k9 > k1', '- h9 > k9']);
	});
}

test.serial('lines of the prompt: add host, add router, add link, del', async t => {
	const lab = await up(t, 'switch');
	const [host, router, link, cut, again] = await lab.run('add host h9 w1 ip 10.1.0.9/24', 'add router r1', 'add link r1 ip 10.4.0.254/24 h9 ip 10.4.0.9/24', 'del link r1 h9', 'add link h9 ip 10.4.0.9/24 r1 ip 10.4.0.254/24');
	t.is(host?.text, 'h9-eth0<->w1-eth5 10.1.0.9/24');
	t.deepEqual(router?.result, {name: 'r1', kind: 'router', interfaces: []});
	t.deepEqual(link?.result, {ends: [{node: 'r1', interface: 'r1-eth0'}, {node: 'h9', interface: 'h9-eth1'}], up: true, state: 'up'});
	t.deepEqual(cut?.result, {nodes: [], links: [['r1-eth0', 'h9-eth1']], groups: []});
	t.regex(again?.text ?? '', /h9-eth1<->r1-eth0 +up/);
	const [ping] = await lab.run('h9 ping -c 1 -W 2 10.4.0.254');
	t.true(ping?.ok);
	await lab.run('del r1', 'del h9');
	t.deepEqual([...lab.network.nodes.keys()], ['w1', 'fw', 'h1', 'h2', 'h3', 'k1']);
});
