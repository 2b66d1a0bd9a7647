/** The story of router-as-switch on real packets: plainly it works at once, and each step alone does not. */
import test from 'ava';
import type {Lab, NeighborListResult} from '../../lib/index.ts';
import RouterAsSwitch from '../../topologies/router-as-switch.ts';
import {patience} from '../helpers/patience.ts';
import {echo, isSilent} from '../helpers/pings.ts';
import {labOf, openPairs} from '../helpers/scenario.ts';

/** Milliseconds of the first ping. The kernel's delay of proxied answers, 0 to 800, would mostly be far above it. */
const atOnce = 5 * patience;

async function macAt(lab: Lab, node: string, address: string): Promise<string | undefined> {
	const [answer] = await lab.run(`${node} neighbor list`);
	return (answer?.result as NeighborListResult).find(each => each.address === address)?.mac;
}

test.serial('plainly it works, at once, with one router between', async t => {
	const times: number[] = [];
	for (let run = 0; run < 3; run++) {
		const lab = await labOf(t, new RouterAsSwitch());
		const {stdout} = await lab.node('node_1').execute(['ping', '-n', '-c', '1', '20.0.0.2']);
		t.regex(stdout, / ttl=63 /);
		times.push(Number(/ time=([\d.]+) ms/.exec(stdout)?.[1]));
		t.is(await macAt(lab, 'node_1', '20.0.0.2'), lab.node('vrouter1').interfaces[0]?.mac);
	}

	t.log(`first pings: ${times.join(', ')} ms`);
	t.true(Math.min(...times) < atOnce);
});

test.serial('with --steps each step is taken, and only the last one is enough', async t => {
	const story = new RouterAsSwitch({steps: true});
	const lab = await labOf(t, story);
	const results = await lab.run(...story.steps);
	t.true(results.filter(({mayFail}) => mayFail).every(({failure}) => failure !== undefined));
	t.deepEqual(new RouterAsSwitch().steps, []);
});

test.serial('all pairs reach each other; the router has no address', async t => {
	const lab = await labOf(t, new RouterAsSwitch());
	t.deepEqual(await openPairs(lab), ['node_1>node_2', 'node_2>node_1']);
	t.deepEqual(lab.node('vrouter1').interfaces.map(({name, addresses}) => [name, addresses.length]), [['vr_if1', 0], ['vr_if2', 0]]);
	t.deepEqual(['node_1', 'node_2'].map(name => lab.node(name).interfaces[0]?.name), ['node_if0', 'node_if0']);
	t.deepEqual(lab.node('node_1').routes().map(({to}) => to), ['20.0.0.0/24']);
});

test.serial('no step alone is enough, the last one is, and each is taken back', async t => {
	const lab = await labOf(t, new RouterAsSwitch({steps: true}));
	const [router] = lab.node('vrouter1').interfaces.map(({mac}) => mac);
	t.regex(await echo(lab, 'node_1', '20.0.0.2'), /Destination Host Unreachable/);
	await lab.run('vrouter1 set proxyArp on');
	t.true(await isSilent(lab, 'node_1', '20.0.0.2'));
	await lab.run('vrouter1 route add 20.0.0.2 dev vr_if2', 'vrouter1 route add 20.0.0.1 dev vr_if1');
	t.true(await isSilent(lab, 'node_1', '20.0.0.2'), 'proxy ARP and routes without forwarding');
	await lab.run('vrouter1 route del 20.0.0.1', 'vrouter1 set forward on', '-node_1 neighbor del 20.0.0.2');
	t.true(await isSilent(lab, 'node_1', '20.0.0.2'));
	t.deepEqual([await macAt(lab, 'node_1', '20.0.0.2'), await macAt(lab, 'node_2', '20.0.0.1')], [router, undefined], 'half solved');
	await lab.run('vrouter1 route add 20.0.0.1 dev vr_if1');
	t.is(await echo(lab, 'node_1', '20.0.0.2'), 'ttl 63');
	await lab.run('vrouter1 route del 20.0.0.1', 'vrouter1 route del 20.0.0.2', 'vrouter1 set forward off', 'vrouter1 set proxyArp off', 'node_1 neighbor del 20.0.0.2');
	t.regex(await echo(lab, 'node_1', '20.0.0.2'), /Destination Host Unreachable/);
	t.is(await macAt(lab, 'node_1', '20.0.0.2'), undefined);
});
