/** Links that a kernel makes by iproute2, in the namespaces of a lab: VLANs, routing tables of their own, tunnels. */
import type {ExecutionContext} from 'ava';
import type {Lab} from '../../lib/index.ts';
import {Sketch} from '../helpers/blueprints.ts';
import {needing} from '../helpers/needing.ts';
import {patience} from '../helpers/patience.ts';
import {connects, isBlocked, labOf} from '../helpers/scenario.ts';

/** Two hosts that a Linux bridge joins, as one that forwards whatever it is given. */
const pair = () => new Sketch(`
	h1 10.0.0.1/24 -- b1
	h2 10.0.0.2/24 -- b1
`);

async function reaches(lab: Lab, node: string, address: string): Promise<boolean> {
	const {exitCode} = await lab.node(node).execute(['ping', '-q', '-c', '1', '-W', `${Math.ceil(2 * patience)}`, address]);
	return exitCode === 0;
}

/** Each host gets the interface and an address of another subnet on it: 192.168.7.1 and .2. */
async function addEnds(t: ExecutionContext, ends: Readonly<Record<'h1' | 'h2', readonly string[]>>): Promise<Lab> {
	const lab = await labOf(t, pair());
	await addEnd(lab, 'h1', '192.168.7.1/24', ends.h1);
	await addEnd(lab, 'h2', '192.168.7.2/24', ends.h2);
	return lab;
}

async function addEnd(lab: Lab, node: string, address: string, words: readonly string[]): Promise<void> {
	for (const argv of [['link', 'add', 'name', 'second', ...words], ['address', 'add', address, 'dev', 'second'], ['link', 'set', 'second', 'up']]) {
		const {exitCode, stderr} = await lab.node(node).execute(['ip', ...argv]);
		if (exitCode !== 0) {
			throw new Error(`${node}: ip ${argv.join(' ')}: ${stderr}`);
		}
	}
}

const [withVlans, withVrf, withGre, withVxlan] = [await needing('8021q'), await needing('vrf'), await needing('ip_gre'), await needing('vxlan')];

function vlan(node: string, id: string): string[] {
	return ['link', `${node}-eth0`, 'type', 'vlan', 'id', id];
}

withVlans('frames of a VLAN cross a bridge, and reach the same VLAN only', async t => {
	const lab = await addEnds(t, {h1: vlan('h1', '7'), h2: vlan('h2', '7')});
	t.true(await reaches(lab, 'h1', '192.168.7.2'));
	t.true(await connects(lab, 'h1', 'h2'));
	await lab.node('h2').run`ip link delete second`;
	await addEnd(lab, 'h2', '192.168.7.2/24', vlan('h2', '8'));
	t.false(await reaches(lab, 'h1', '192.168.7.2'));
});

withVrf('a router keeps apart what stands in different routing tables', async t => {
	const lab = await labOf(t, new Sketch(`
		h1 10.0.1.1/24 -- r1 10.0.1.254/24
		h2 10.0.2.1/24 -- r1 10.0.2.254/24
	`));
	const r1 = lab.node('r1');
	t.true(await connects(lab, 'h1', 'h2'));
	await r1.run`ip link add red type vrf table 10`;
	await r1.run`ip link set red up`;
	await r1.run`ip link set r1-eth0 master red`;
	t.true(await isBlocked(lab, 'h1', 'h2'));
	t.true(await reaches(lab, 'h1', '10.0.1.254'));
	await r1.run`ip link set r1-eth1 master red`;
	t.true(await connects(lab, 'h1', 'h2'));
});

for (const [declare, name, words] of [
	[withGre, 'GRE', ['type', 'gre', 'local', '10.0.0.1', 'remote', '10.0.0.2']],
	[withGre, 'Ethernet in GRE', ['type', 'gretap', 'local', '10.0.0.1', 'remote', '10.0.0.2']],
	[withVxlan, 'VXLAN', ['type', 'vxlan', 'id', '7', 'dstport', '4789', 'local', '10.0.0.1', 'remote', '10.0.0.2']],
] as const) {
	declare(`the kernel's ${name} carries packets between two hosts, in the underlay's frames`, async t => {
		const back: readonly string[] = words.map(word => word === '10.0.0.1' ? '10.0.0.2' : word === '10.0.0.2' ? '10.0.0.1' : word);
		const lab = await addEnds(t, {h1: words, h2: back});
		t.true(await reaches(lab, 'h1', '192.168.7.2'));
		// The underlay is what carries them.
		await lab.run('link h2 b1 down');
		t.false(await reaches(lab, 'h1', '192.168.7.2'));
	});
}
