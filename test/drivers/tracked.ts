/** What devices track, listed and forgotten on all of a lab at once. */
import test, {type ExecutionContext} from 'ava';
import {forgetOn, trackedOn} from '../../lib/drivers/tracked.ts';
import {type Lab, probeAll} from '../../lib/index.ts';
import {run} from '../../lib/kernel/process.ts';
import {ovsDirectory, ovsEnvironment} from '../../lib/network/paths.ts';
import {Sketch} from '../helpers/blueprints.ts';
import {packetOf} from '../helpers/packets.ts';
import {labOf} from '../helpers/scenario.ts';

/** Two of each kind that shares a tracker, and a firewall that has its own. */
const row = `
	h1 10.0.1.1/24 -- s1
	s1 -- s2
	s2 -- fw 10.0.1.254/24
	fw 10.0.2.254/24 -- b1
	b1 -- b2
	h2 10.0.2.2/24 -- b2
`;

/** A lab in which two connections have passed all devices, and who tells which of them each device tracks. */
async function crossed(t: ExecutionContext) {
	const lab = await labOf(t, new Sketch(row), {firewalls: ['openflow', 'nftables-bridge', 'iptables-perimeter']});
	await lab.run('h1 bind clients', 'h2 bind web', 'secrule add allow h1 to web');
	const results = await probeAll(lab.network, [123, 124].map(port => ({from: 'h1', to: 'h2', udp: port, sport: port})));
	t.deepEqual(results.map(({verdict}) => verdict), ['allowed', 'allowed']);
	const places = {namespaceOf: (device: string) => lab.node(device).namespace, runDirectory: ovsDirectory(lab.name)};
	const devices = [...lab.inventory.devices.values()];
	const ports = async () => Object.fromEntries([...await trackedOn(devices, places)]
		.map(([{name}, connections]) => [name, connections.filter(({protocol}) => protocol === 'udp').map(({source, dport}) => `${source} ${dport ?? ''}`).sort()]));
	return {lab, devices, places, ports};
}

const onEach = (...connections: readonly string[]) => Object.fromEntries(['s1', 's2', 'fw', 'b1', 'b2'].map(device => [device, connections]));

test.serial('every device forgets the connections of a packet, whichever end began them, and no others', async t => {
	const {devices, places, ports} = await crossed(t);
	t.deepEqual(await ports(), onEach('10.0.1.1 123', '10.0.1.1 124'));
	await forgetOn(devices, places, ['10.0.2.2 > 10.0.1.1 udp 123:123', '10.0.1.1 > 10.0.2.2 udp 123:124'].map(packetOf));
	t.deepEqual(await ports(), onEach('10.0.1.1 124'));
});

/** How many commands the daemon of the switches was given, this one included. */
async function commands({name}: Lab): Promise<number> {
	return Number((await run(['ovs-appctl', 'coverage/read-counter', 'unixctl_received'], {env: ovsEnvironment(name)})).stdout);
}

test.serial('switches share a tracker, which is listed once for all of them', async t => {
	const {lab, ports} = await crossed(t);
	const before = await commands(lab);
	t.deepEqual(await ports(), onEach('10.0.1.1 123', '10.0.1.1 124'));
	t.is(await commands(lab) - before - 1, 1);
});
