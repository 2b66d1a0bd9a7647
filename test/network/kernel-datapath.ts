/** Switches on the kernel's datapath: that it is the one in use, and where it does other than the userspace one (topologies/datapaths.md). */
import test from 'ava';
import type {Lab} from '../../lib/index.ts';
import {datapath} from '../../lib/kernel/capabilities.ts';
import {run} from '../../lib/kernel/process.ts';
import {ovsEnvironment} from '../../lib/network/paths.ts';
import {Sketch} from '../helpers/blueprints.ts';
import {needing} from '../helpers/needing.ts';
import {connects, isCut, labOf, openPairs, openStream, probes, staysOpen} from '../helpers/scenario.ts';

const onKernel = await needing('openvswitch datapath');

/** Two switches, as a connection that crosses both is tracked twice. */
const network = () => new Sketch(`
	h1 10.0.0.1/24 -- s1
	h2 10.0.0.2/24 -- s1
	h3 10.0.0.3/24 -- s2
	s1 -- s2
`);

async function appctl(lab: Lab, ...words: readonly string[]): Promise<string> {
	return (await run(['ovs-appctl', ...words], {env: ovsEnvironment(lab.name)})).stdout;
}

onKernel('a kernel that has a datapath forwards for the switches, and everybody reaches everybody', async t => {
	const lab = await labOf(t, network());
	t.regex(await appctl(lab, 'dpif/show'), /^system@/);
	t.is((await openPairs(lab)).length, 6);
	t.regex(await appctl(lab, 'dpctl/dump-flows', 'type=ovs'), /recirc_id/);
});

test.serial('switches forward by the datapath that doctor tells of', async t => {
	const lab = await labOf(t, network());
	t.true((await appctl(lab, 'dpif/show')).startsWith(`${datapath()}@`));
});

onKernel('each switch tracks connections in a zone of its own, and its rules hold there', async t => {
	const lab = await labOf(t, network());
	await lab.run('h2 bind web', 'h3 bind web', 'secrule add allow h1 to web tcp dport 80');
	await probes(t, lab, ['+ h1 > h2 tcp 80', '+ h1 > h3 tcp 80', '- h1 > h2 tcp 81', '- h2 > h3 tcp 80', '- h1 > h3']);
	const zones = new Set([...(await appctl(lab, 'dpctl/dump-conntrack')).matchAll(/zone=(\d+)/g)].map(([, zone]) => zone));
	t.is(zones.size, 2);
});

for (const kind of ['tcp', 'udpBackwards'] as const) {
	onKernel(`a connection that no rule allows any more is cut, and another goes on: ${kind}`, async t => {
		const lab = await labOf(t, network());
		// h1 too: a host in no group may be sent to, and so the answers would be a connection of their own.
		await lab.run('h1 bind clients', 'h2 bind web', 'h3 bind web', 'secrule add allow h1 to h2 name near', 'secrule add allow h1 to h3 name far');
		const near = await openStream(t, lab, kind, 'h1', 'h2');
		const far = await openStream(t, lab, kind, 'h1', 'h3');
		t.true(await staysOpen(near));
		t.true(await staysOpen(far));
		await lab.run('secrule del far');
		t.true(await isCut(far));
		t.true(await staysOpen(near));
	});
}

onKernel('a connection of a protocol without ports is forgotten, too, when its rule goes', async t => {
	const lab = await labOf(t, network());
	await lab.run('h2 bind web', 'secrule add allow h1 to web proto 99 name other', 'secrule add allow h1 to web icmp');
	await probes(t, lab, ['+ h1 > h2 protocol 99']);
	const tracked = async () => (await lab.run('connections'))[0]?.text ?? '';
	t.regex(await tracked(), /99/);
	await lab.run('secrule del other');
	t.notRegex(await tracked(), /99/);
	t.true(await connects(lab, 'h1', 'h2'));
});

onKernel('SCTP is told apart by its ports', async t => {
	const lab = await labOf(t, network());
	await lab.run('h2 bind web', 'secrule add allow h1 to web sctp dport 9');
	await probes(t, lab, ['+ h1 > h2 sctp 9', '- h1 > h2 sctp 10']);
});
