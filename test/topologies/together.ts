/** A policy over a network of routers: groups with members behind different edges of one subnet, tunnels and a perimeter firewall between them, all on real packets. */
import test, {type ExecutionContext} from 'ava';
import type {ExplainResult, Lab, MatrixResult, PathResult} from '../../lib/index.ts';
import {PingStream} from '../../lib/probes/ping-stream.ts';
import {Stream} from '../../lib/probes/stream.ts';
import {Witness} from '../../lib/probes/witness.ts';
import type {ControlKind, TunnelOptions} from '../../lib/topology/specs.ts';
import {addressBytes, macBytes, parseAddress} from '../../lib/util/address.ts';
import {type Declare, needing} from '../helpers/needing.ts';
import {patience} from '../helpers/patience.ts';
import {roaming} from '../helpers/roaming.ts';
import {connects, isBlocked, labOf, probes} from '../helpers/scenario.ts';
import {sites} from '../helpers/sites.ts';

const declare: Readonly<Record<ControlKind, Declare>> = {bgp: await needing('gobgpd'), controller: test.serial};

const kinds = {
	gre: {via: 'gre'},
	gretap: {via: 'gre', mode: 'layer2', key: 3},
	vxlan: {via: 'vxlan', vni: 5},
	ssh: {via: 'ssh'},
	sshFrames: {via: 'ssh', mode: 'layer2'},
} as const satisfies Record<string, TunnelOptions>;

/** Members of both groups at every site, and beyond the firewall. */
const policy = [
	...['h11', 'h21'].map(name => `${name} bind web`),
	...['h12', 'h22', 'h31', 'h41', 'w1'].map(name => `${name} bind db`),
	'secrule add allow web to db tcp dport 80',
	'secrule add deny web to h22 icmp',
	'secrule add allow web to db icmp',
];

/** How many pairs pass; the line fails where network and policy differ. */
async function passing(lab: Lab, service: string): Promise<number> {
	const [line] = await lab.run(`matrix ${service}`);
	return (line?.result as MatrixResult).pairs.filter(({observed}) => observed === 'allowed').length;
}

/** From now on all hosts and routers have to ask again, past the port security of bound hosts. */
async function forgetNeighbors({network}: Lab): Promise<void> {
	await Promise.all([...network.nodes.values()].filter(({plan: {kind}}) => kind === 'host' || kind === 'router').map(async node => node.run`ip neighbor flush all`));
}

const holds = test.macro<[first: keyof typeof kinds, second: keyof typeof kinds]>({
	title: (_, first, second) => `over ${first} and ${second}: rules, defaults and answers hold within a site, from site to site and across the firewall`,
	async exec(t, first, second) {
		const lab = await labOf(t, sites([kinds[first], kinds[second]]));
		// What stands here before anything else: no two hosts are of different domains but across the firewall.
		t.is(await passing(lab, ''), 22);
		await lab.run(...policy);
		await forgetNeighbors(lab);
		const within = ['+ h11 > h12 tcp 80', '- h11 > h12 tcp 81', '- h12 > h11', '- h21 > h22', '+ h21 > h22 tcp 80'];
		const between = ['+ h11 > h22 tcp 80', '- h11 > h22', '+ h11 > h31', '- h11 > h21', '- h31 > h21 tcp 80', '- h12 > h31', '+ h21 > h12'];
		const across = ['+ h11 > h41 tcp 80', '+ h21 > w1', '- h21 > w1 tcp 81', '- h31 > w1', '- w1 > h21', '- h41 > h11 tcp 80', '- h11 > w2 tcp 80', '- w2 > h12'];
		for (const family of [4, 6] as const) {
			await probes(t, lab, [...within, ...between, ...across], family);
		}

		t.deepEqual([await passing(lab, ''), await passing(lab, 'tcp 80'), await passing(lab, 'tcp 81')], [9, 11, 1]);
	},
});

test.serial(holds, 'gre', 'vxlan');
test.serial(holds, 'vxlan', 'gretap');

for (const [from, to] of [['h11', 'h31'], ['h21', 'w1']] as const) {
	test.serial(`${from} > ${to}: a connection over tunnels and firewalls stays while its rule does, and is cut with it`, async t => {
		const lab = await labOf(t, sites([kinds.gre, kinds.vxlan]));
		await lab.run(...policy, 'secrule add allow web to db udp');
		using tcp = await Stream.open(lab.network, {from, to, transport: 'tcp', port: 80});
		using udp = await Stream.open(lab.network, {from, to, transport: 'udp', port: 53, backwards: true});
		await lab.run('secrule add deny w2 to db', 'h22 unbind db');
		t.true(await tcp.staysOpen());
		t.true(await udp.staysOpen());
		await lab.run('secrule del 1 4');
		t.deepEqual([await tcp.isCut(1000 * patience), await udp.isCut(1000 * patience)], [true, true]);
	});
}

/** What both say of a pair, of which `explain` is asked about an echo: they must agree with the network, else the line fails. */
async function told(lab: Lab, from: string, to: string): Promise<{explain: ExplainResult; path: PathResult}> {
	// A path whose echo is not answered may fail its line; one that is not as the network has it has no result.
	const [explain, path] = await lab.run(`explain ${from} ${to}`, `-path ${from} ${to}`);
	if (path?.error !== undefined) {
		throw path.error;
	}

	return {explain: explain?.result as ExplainResult, path: path?.result as PathResult};
}

/** Both say the same without asking the network. */
async function sayTheSame(t: ExecutionContext, lab: Lab, from: string, to: string): ReturnType<typeof told> {
	const [probed, asked] = [await told(lab, from, to), await told(lab, from, `${to} --static`)];
	for (const key of ['path', 'tunnels', 'broken', 'answerBroken', 'action', 'verdict'] as const) {
		t.deepEqual(asked.explain[key], probed.explain[key], key);
	}

	t.deepEqual(asked.path.there.hops.map(({node, via}) => [node, via]), probed.path.there.hops.map(({node, via}) => [node, via]));
	t.deepEqual(asked.path.there.death, probed.path.there.death);
	return probed;
}

const hops = (path: PathResult) => path.there.hops.map(({node, via}) => via === undefined ? node : `${node} via ${via}`).join(' ');

test.serial('explain and path tell the same of a pair that is allowed or denied over tunnels, hop by hop', async t => {
	const lab = await labOf(t, sites([kinds.gre, kinds.vxlan]));
	await lab.run(...policy);
	const far = 'h11 s1 edge1 edge2 via gre edge3 via vxlan s3 h31';
	for (const [from, to] of [['h11', 'h31'], ['fd20::11', 'fd20::31']] as const) {
		const {explain, path} = await sayTheSame(t, lab, from, to);
		t.is(hops(path), far);
		t.true(path.answered);
		t.is(path.back?.hops.map(({via}) => via ?? '-').join(' '), '- - - vxlan gre - -');
		t.like(explain, {path: far.replaceAll(/ via \w+/g, '').split(' '), tunnels: [{to: 'edge2', via: 'gre'}, {to: 'edge3', via: 'vxlan'}], action: 'allow', rule: 3, probe: {verdict: 'allowed'}});
	}

	const beyond = await sayTheSame(t, lab, 'h21', 'w1');
	t.is(hops(beyond.path), 'h21 s2 edge2 edge1 via gre fw s5 w1');
	t.deepEqual(beyond.explain.points.map(({device, fate, checked}) => `${device} ${fate} ${checked}`), ['s2 passes trace', 'fw passes counters', 's5 passes trace']);
	for (const [from, to, at, verdict] of [['h11', 'h22', 's1', /rule 2/], ['h31', 'h11', 's3', /in a group/], ['w1', 'h21', 's5', /perimeter/]] as const) {
		const {explain, path} = await sayTheSame(t, lab, from, to);
		t.like(path.there.death, {node: at, reason: 'filtered'});
		t.like(explain, {action: 'deny', probe: {verdict: 'blocked'}});
		t.regex(explain.verdict, verdict);
		t.is(explain.points.find(({fate}) => fate === 'drops')?.device, at);
	}
});

test.serial('explain and path tell the same over tunnels of SSH, one of packets and one of frames', async t => {
	const lab = await labOf(t, sites([kinds.ssh, kinds.sshFrames]));
	await lab.run(...policy);
	for (const [from, to] of [['h11', 'h31'], ['fd20::11', 'fd20::31']] as const) {
		const {explain, path} = await sayTheSame(t, lab, from, to);
		t.is(hops(path), 'h11 s1 edge1 edge2 via ssh edge3 via ssh s3 h31');
		t.like(explain, {tunnels: [{to: 'edge2', via: 'ssh'}, {to: 'edge3', via: 'ssh'}], action: 'allow', rule: 3, probe: {verdict: 'allowed'}});
	}

	await lab.run('link core edge3 down');
	const {explain, path} = await sayTheSame(t, lab, 'h11', 'h31');
	t.is(path.there.death?.text, 'the tunnel tap1 (ssh) of edge2 does not get to 1.0.3.1: core has no route to 1.0.3.1');
	t.is(explain.broken, path.there.death?.text);
});

const breaks = test.macro<[line: string, there: string | undefined, back: string | undefined]>({
	title: (_, line) => `explain and path tell the same of a pair that is allowed but broken: ${line}`,
	async exec(t, line, there, back) {
		const lab = await labOf(t, sites([kinds.gre, kinds.vxlan]));
		await lab.run(...policy, 'h11 ping -c 1 h31', line);
		const {explain, path} = await sayTheSame(t, lab, 'h11', 'h31');
		t.deepEqual([path.there.death?.text, path.back?.death?.text], [there, back]);
		t.is(explain.broken, there);
		t.is(explain.answerBroken, back);
		t.is(explain.action, 'allow');
		t.deepEqual(explain.path, path.there.hops.map(({node}) => node));
		t.not(path.probe?.verdict, 'allowed');
	},
});

test.serial(breaks, 'link core edge2 down', 'the tunnel edge1-tun0 (gre) of edge1 does not get to 1.0.2.1: core has no route to 1.0.2.1', undefined);
test.serial(breaks, 'core set forward off', 'the tunnel edge1-tun0 (gre) of edge1 does not get to 1.0.2.1: core forwards nothing', undefined);
test.serial(breaks, 'link edge2 edge3 down', 'edge2 has no route to 20.0.0.31', undefined);
test.serial(breaks, 'edge2 route del 20.0.0.11 via 10.9.1.1', undefined, 'edge2 has no route to 20.0.0.11');

test.serial('a tunnel through the firewall joins what that parts; an answer that does not come by it dies there, and both say so', async t => {
	const lab = await labOf(t, sites([kinds.gre, kinds.vxlan]));
	await lab.addTunnel({node: 'edge1', options: {ip: '10.8.0.1/30', endpoint: '10.9.3.1'}}, {node: 'edge4', options: {ip: '10.8.0.2/30', endpoint: '10.9.4.2'}}, {via: 'gre', key: 9});
	const back = ['11', '12', '21', '22', '31'].map(host => `edge4 ip route replace 20.0.0.${host} via`);
	await lab.run('edge1 ip route replace 20.0.0.41 via 10.8.0.2', ...back.map(line => `${line} 10.8.0.1`));
	t.is(await passing(lab, ''), 32);
	await lab.run(...policy);
	await probes(t, lab, ['+ h11 > h41 tcp 80', '- h12 > h41', '- h31 > h41 tcp 80', '+ h21 > h41']);
	t.is(hops((await sayTheSame(t, lab, 'h11', 'h41')).path), 'h11 s1 edge1 edge4 via gre s4 h41');
	await lab.run(...back.map(line => `${line} 10.9.4.1`));
	const {explain, path} = await told(lab, 'h11', 'h41');
	t.like(path.back?.death, {node: 'fw', reason: 'filtered'});
	t.regex(explain.answer ?? '', /^It comes by fw, where nothing is known of the request\./);
	t.is(explain.probe?.verdict, 'blocked');
	t.true(await passing(lab, '') > 0);
});

/** Frames of ARP or IPv4 that a host hears from a MAC in the name of an address, while something is tried. */
async function heard(lab: Lab, at: string, mac: string, address: string, trying: () => Promise<unknown>): Promise<number> {
	const witness = new Witness(lab.node(at).namespace);
	await trying();
	const [from, name] = [Buffer.from(macBytes(mac)), Buffer.from(addressBytes(parseAddress(address)))];
	let count = 0;
	for (const {bytes} of witness.frames()) {
		// The sender of IPv4 stands in bytes 26 to 29 of a frame, that of ARP in 28 to 31.
		count += bytes.subarray(6, 12).equals(from) && [26, 28].some(offset => bytes.subarray(offset, offset + 4).equals(name)) ? 1 : 0;
	}

	witness.close();
	return count;
}

test.serial('a router answers for hosts of other sites, and nobody else may, bound or not', async t => {
	const lab = await labOf(t, sites([kinds.gre, kinds.vxlan]));
	await lab.run('h31 bind db', 'h11 bind web', 'secrule add allow any to web', 'secrule add allow web to db');
	t.true(await connects(lab, 'h11', 'h31'));
	const lan = lab.node('edge1').interfaces.find(({name}) => name === 'lan')?.mac ?? '';
	const answered = async () => lab.node('h11').run`ip neighbor show 20.0.0.31`;
	t.true((await answered()).includes(lan));
	const mac = lab.node('h12').interfaces[0]?.mac ?? '';
	const pretend = async (address: string) => heard(lab, 'h11', mac, address, async () => lab.node('h12').execute(['ping', '-c', '2', '-i', '0.2', '-W', '1', '-I', address, '20.0.0.11']));
	for (const group of [undefined, 'other']) {
		if (group !== undefined) {
			await lab.run(`h12 bind ${group}`);
		}

		t.true(await pretend('20.0.0.12') > 0, 'in its own name it is heard');
		await lab.run('h12 ip address add 20.0.0.31/24 dev h12-eth0');
		t.is(await pretend('20.0.0.31'), 0, `in the name of a host of another site, ${group ?? 'unbound'}`);
		// Nor does it answer who asks for that one.
		await lab.run('h11 ip neighbor flush all');
		t.true(await connects(lab, 'h11', 'h31'));
		t.true((await answered()).includes(lan));
		await lab.run('h12 ip address del 20.0.0.31/24 dev h12-eth0');
	}
});

/** Routes to a host that nobody has told the routers of. */
const newHosts = [
	{name: 'h32', site: 's3', address: '20.0.0.32', routes: ['edge3 route add 20.0.0.32 dev lan', 'edge2 route add 20.0.0.32 via 10.9.2.2', 'edge1 route add 20.0.0.32 via 10.9.1.2', 'fw route add 20.0.0.32 via 10.9.3.1']},
	{name: 'h42', site: 's4', address: '20.0.0.42', routes: ['edge4 route add 20.0.0.42 dev lan', 'fw route add 20.0.0.42 via 10.9.4.2', 'edge1 route add 20.0.0.42 via 10.9.3.2', 'edge2 route add 20.0.0.42 via 10.9.1.1']},
] as const;

for (const {name, site, address, routes} of newHosts) {
	test.serial(`a host that comes to ${site} is under the policy of those that are far away`, async t => {
		const lab = await labOf(t, sites([kinds.gre, kinds.vxlan]));
		await lab.run(...policy, `add host ${name} ${site} ip ${address}/24`, ...routes);
		const isParted = site === 's4';
		// Nobody has bound it: only a firewall keeps others from it.
		await probes(t, lab, [isParted ? `- h22 > ${name}` : `+ h22 > ${name}`, `- ${name} > h11`]);
		await lab.run(`${name} bind db`);
		await probes(t, lab, [`+ h11 > ${name} tcp 80`, `+ h21 > ${name}`, `- h11 > ${name} tcp 81`, `- h22 > ${name}`, `- ${name} > h21`]);
		t.is((await told(lab, 'h21', name)).path.there.death, undefined);
		using stream = await Stream.open(lab.network, {from: 'h21', to: name, transport: 'tcp', port: 80});
		await lab.run(`${name} unbind db`, `${name} bind other`);
		t.true(await stream.isCut(1000 * patience));
		t.true(await isBlocked(lab, 'h21', name));
		await lab.run(`del ${name}`);
		t.true(await connects(lab, 'h21', 'h31'));
	});
}

/** What must not arrive while a host moves: requests to it, and its own. The streams begin before it leaves and end after it has come. */
async function nothingSlipsThrough(t: ExecutionContext, lab: Lab, pairs: ReadonlyArray<readonly [from: string, to: string]>, move: () => Promise<void>): Promise<void> {
	const streams = await Promise.all(pairs.map(async ([from, to]) => PingStream.open(lab.network, {from, to})));
	await Promise.all(streams.map(async stream => stream.more(20)));
	await move();
	await Promise.all(streams.map(async stream => stream.more(100)));
	const counts = await Promise.all(streams.map(async stream => stream.stop(50)));
	t.deepEqual(counts.map(({arrived, answered}) => [arrived, answered]), counts.map(() => [0, 0]));
	t.true(counts.every(({sent}) => sent >= 100));
}

/** Seconds that a host that has moved may take until others reach it again. */
const followed = Math.ceil(2 * patience);

for (const control of ['controller', 'bgp'] as const) {
	declare[control](`${control}: a host that moves takes its policy along: what is denied stays so at every moment, what is allowed follows within 2 s`, async t => {
		const lab = await labOf(t, roaming(control));
		await lab.run('h1 bind web', 'h5 bind web', 'h4 bind db', 'h3 bind other', 'secrule add allow web to db');
		t.deepEqual([await passing(lab, ''), await passing(lab, 'tcp 80')], [5, 5]);
		for (const [edge, pairs] of [['edge1', 5], ['edge3', 4], ['edge2', 5]] as const) {
			await nothingSlipsThrough(t, lab, [['h2', 'h4'], ['h4', 'h3']], async () => {
				await lab.run(`h4 join ${edge}`);
			});
			for (const from of ['h1', 'h5']) {
				t.is((await lab.node(from).execute(['ping', '-c', '1', '-i', '0.1', '-w', String(followed), '20.0.0.4'])).exitCode, 0, `${from} > h4 at ${edge}`);
			}

			await probes(t, lab, ['+ h1 > h4 tcp 80', '- h2 > h4 tcp 80', '- h4 > h1'], 6);
			t.is(await passing(lab, ''), pairs, edge);
			t.is((await told(lab, 'h1', 'h4')).path.there.death, undefined);
		}
	});

	declare[control](`${control}: a host in no group that moves behind the firewall is parted from the others, also of its connections`, async t => {
		const lab = await labOf(t, roaming(control));
		using stream = await Stream.open(lab.network, {from: 'h1', to: 'h4', transport: 'udp', port: 53, backwards: true});
		t.true(await stream.staysOpen());
		await lab.run('h4 join edge3');
		t.true(await stream.isCut(1000 * patience));
		await nothingSlipsThrough(t, lab, [['h2', 'h4'], ['h4', 'h1']], async () => {
			await lab.run('h3 join edge1');
		});
		await probes(t, lab, ['+ h5 > h4', '+ h3 > h1', '- h4 > h3']);
		await lab.run('h4 join edge2');
		await probes(t, lab, ['+ h2 > h4', '+ h4 > h1', '- h5 > h4']);
	});
}
